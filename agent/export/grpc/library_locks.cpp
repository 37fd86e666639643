// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/library_locks.hpp"

#include <absl/synchronization/mutex.h>

namespace spanring::agent {

void have_no_lock_cycles_looked_for() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace spanring::agent
