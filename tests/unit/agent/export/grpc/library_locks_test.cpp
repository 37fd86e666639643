// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/library_locks.hpp"

#include <absl/synchronization/mutex.h>
#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

// A cycle that is no deadlock, for one thread walks along it: where cycles are looked for, it ends the process.
TEST(LibraryLocksTest, AreNotLookedAt) {
    have_no_lock_cycles_looked_for();
    absl::Mutex first, second;
    for (int turn = 0; turn < 2; ++turn) {
        absl::Mutex& outer = turn == 0 ? first : second;
        absl::Mutex& inner = turn == 0 ? second : first;
        outer.Lock();
        inner.Lock();
        inner.Unlock();
        outer.Unlock();
    }
}

}  // namespace
}  // namespace spanring::agent
