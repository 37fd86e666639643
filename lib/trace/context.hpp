// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
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

// A context that came from another process; ids as they lie in memory.
inline void set_remote(spr_context& context, const uint64_t (&trace)[2], uint64_t span, uint64_t flags) {
    static_assert(offsetof(spr_context, trace_flags) == 24 && offsetof(spr_context, is_remote) == 25 && sizeof(spr_context) == 32);
    const uint64_t words[4] = {trace[0], trace[1], span, flags | 1 << 8};
    memcpy(&context, words, sizeof words);
}

}  // namespace spanring::trace
