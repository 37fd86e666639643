// SPDX-License-Identifier: Apache-2.0
//
// What was decided of a trace.
#pragma once

#include <cstdint>

namespace spanring::agent {

struct Decision {
    bool keep = false;
    uint16_t rule = 0;  // its place among Policies::names()
    // Unix milliseconds, cut off at 32 bits, at which an agent before this one made it; 0: this one did.
    uint32_t made_before = 0;
    // Where it was chance that kept it: the place of the policy that says how likely that was, and one; 0: it was not.
    uint8_t by_chance = 0;

    // Whether a span that it meets, and that ended then, came after it: not one that an agent before had in its hands.
    bool is_late(uint64_t end_unix_nano) const {
        constexpr uint64_t kNanosecondsInOne = 1'000'000;
        return made_before == 0 ||
               static_cast<int32_t>(static_cast<uint32_t>(end_unix_nano / kNanosecondsInOne) - made_before) > 0;
    }

    bool operator==(const Decision&) const = default;
};

}  // namespace spanring::agent
