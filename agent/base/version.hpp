// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "spanring/spanring.h"

namespace spanring::agent {

inline std::string version() {
    return std::to_string(SPR_VERSION_MAJOR) + "." + std::to_string(SPR_VERSION_MINOR) + "." +
           std::to_string(SPR_VERSION_PATCH);
}

}  // namespace spanring::agent
