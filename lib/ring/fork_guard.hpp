// SPDX-License-Identifier: Apache-2.0
//
// Tells a child that it is one. The guard word lies on a private page that the kernel wipes in a child (MADV_WIPEONFORK),
// so raw clone() is seen as well as fork(); a child that shares its parent's memory (vfork, CLONE_VM) is none.
#pragma once

#include <cstdint>

namespace spanring::ring {

class ForkGuard {
public:
    // COLD, once a process. 0 or -errno. Idempotent.
    static int arm();

    // HOT. True in a child until acknowledge().
    static bool forked() { return *word_ == 0; }

    // The child has put its house in order.
    static void acknowledge() { *word_ = 1; }

private:
    static uint64_t unarmed_;
    static uint64_t* word_;  // plain: only a kernel wipe or the single thread of a child changes it
};

}  // namespace spanring::ring
