// SPDX-License-Identifier: Apache-2.0
#include "ring/fork_guard.hpp"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

namespace spanring::ring {

constinit ForkGuard::Page ForkGuard::page_{};
constinit bool ForkGuard::armed_ = false;

int ForkGuard::arm() {
    if (armed_) return 0;
    if (sysconf(_SC_PAGESIZE) > static_cast<long>(sizeof page_)) return -ENOTSUP;
    if (madvise(&page_, sizeof page_, MADV_WIPEONFORK) != 0) return -errno;
    acknowledge();
    armed_ = true;
    return 0;
}

}  // namespace spanring::ring
