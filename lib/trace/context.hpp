// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "spanring/spanring.h"

namespace spanring::trace {

// Specification: trace/api.md, IsValid: both ids are not zero.
inline bool is_valid(const spr_context& context) {
    uint64_t trace[2], span;
    memcpy(trace, context.trace_id, sizeof trace);
    memcpy(&span, context.span_id, sizeof span);
    return (trace[0] | trace[1]) != 0 && span != 0;
}

}  // namespace spanring::trace
