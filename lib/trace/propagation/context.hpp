// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "spanring/spanring.h"
#include "trace/propagation/header_text.hpp"

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
    static_assert(offsetof(spr_context, trace_flags) == 24 && offsetof(spr_context, is_remote) == 25);
    const uint64_t words[] = {trace[0], trace[1], span, flags | 1 << 8};
    static_assert(sizeof words == sizeof context);
    memcpy(&context, words, sizeof words);
}

inline bool is_same_trace(const spr_context& a, const spr_context& b) {
    return memcmp(a.trace_id, b.trace_id, sizeof a.trace_id) == 0;
}

// What spr_token::reserved holds: the address of what spr_context_attach_with() attached here or further out, which is
// handed on from token to token, so that attaching a context costs one word more and finding out that nothing is there
// one load; and in the bits that an address leaves free what is said of spans.
struct TokenBits {
    static constexpr uint64_t kSpan = 1;             // the token is an spr_span_token's; not handed on
    static constexpr uint64_t kKeepsTraceState = 2;  // a span that keeps one is attached here or further out
    static constexpr uint64_t kAddress = ~uint64_t{3};
    static_assert(alignof(spr_propagated) >= 4);
};

// HOT. Whether a span that starts under it may inherit a trace state.
inline bool may_inherit(const spr_token* top) { return top != nullptr && (top->reserved & ~TokenBits::kSpan) != 0; }

// It is the caller's, and stays until its detach.
inline const spr_propagated* attached_to(const spr_token* token) {
    return token == nullptr
               ? nullptr
               : reinterpret_cast<const spr_propagated*>(static_cast<uintptr_t>(token->reserved & TokenBits::kAddress));
}

// What is attached, if its trace state is that of spans with this parent; nullptr: nothing is, or it is not.
inline const spr_propagated* attached_to_trace(const spr_token* token, const spr_context& parent) {
    const spr_propagated* attached = attached_to(token);
    return attached != nullptr && is_same_trace(attached->context, parent) ? attached : nullptr;
}
inline std::string_view attached_trace_state(const spr_token* token, const spr_context& parent) {
    const spr_propagated* attached = attached_to_trace(token, parent);
    return attached != nullptr ? view_of(attached->trace_state) : std::string_view();
}

}  // namespace spanring::trace
