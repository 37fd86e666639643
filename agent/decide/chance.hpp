// SPDX-License-Identifier: Apache-2.0
//
// What spans of a trace that was kept by chance say of that in their trace states: the threshold, as OpenTelemetry's
// probability sampling has it, never a lower one than they had, and never one that what is random of the trace
// contradicts.
#pragma once

#include <cstdint>
#include <optional>

namespace spanring::agent {

struct Chance {
    std::optional<uint64_t> threshold;  // nothing: it was not chance
    bool begins_state = false;          // spans that said nothing say it, too
};

}  // namespace spanring::agent
