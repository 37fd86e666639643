// SPDX-License-Identifier: Apache-2.0
//
// What was decided of a trace.
#pragma once

#include <cstdint>

namespace spanring::agent {

struct Decision {
    bool keep = false;
    uint16_t rule = 0;  // its place among Policies::names()

    bool operator==(const Decision&) const = default;
};

}  // namespace spanring::agent
