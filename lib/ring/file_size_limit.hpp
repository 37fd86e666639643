// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace spanring::ring {

// COLD. The size of the largest file that this process may make (RLIMIT_FSIZE). Who makes a larger one is sent SIGXFSZ,
// which ends an application that did not think of it: so it is asked before.
inline uint64_t file_size_limit() {
    rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? uint64_t{limit.rlim_cur}
                                                                                   : ~uint64_t{0};
}

}  // namespace spanring::ring
