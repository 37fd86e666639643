// SPDX-License-Identifier: Apache-2.0
//
// The capabilities of this process. By prctl() and capset() alone: libcap would be a dependency for two calls. To be
// called before the first thread is made, for capabilities belong to threads.
#pragma once

#include <cstdint>

namespace spanring::agent {

inline constexpr uint64_t kNoRights = 0;
extern const uint64_t kOverrideRights;  // CAP_DAC_OVERRIDE: to open what belongs to others

bool has_rights(uint64_t rights);

// Gives up all but these, also for whatever it might start, and for good. Throws std::system_error.
void keep_rights(uint64_t rights);

}  // namespace spanring::agent
