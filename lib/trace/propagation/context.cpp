// SPDX-License-Identifier: Apache-2.0
//
// The context attached to a thread: a stack of tokens that lie in the callers' frames, the innermost first.
#include "trace/propagation/context.hpp"

#include <errno.h>

#include "trace/base/hex.hpp"
#include "trace/base/options.hpp"
#include "trace/process/provider.hpp"
#include "trace/propagation/thread_context.hpp"

using namespace spanring::trace;

namespace {

int attach(const spr_context& context, uint64_t propagated, spr_token* token) {
    token->context = context;
    token->previous = thread_local_state.top;
    token->reserved = propagated;
    ThreadContext::push(*token);
    return 0;
}

// With everything that was attached later.
[[gnu::noinline]] int detach_from_the_middle(const spr_token& token) {
    for (const spr_token* at = thread_local_state.top; at != nullptr; at = at->previous)
        if (at == &token) {
            ThreadContext::pop_to(token.previous);
            return 1;
        }
    return -EINVAL;
}

spr_text read_only(const spr_text& text) { return {text.data, text.data != nullptr ? text.size : 0, 0}; }

}  // namespace

extern "C" {

int spr_trace_id_hex(const spr_context* context, char ret_hex[SPR_TRACE_ID_HEX_SIZE]) noexcept {
    static_assert(SPR_TRACE_ID_HEX_SIZE == 2 * sizeof context->trace_id + 1);
    if (context == nullptr || ret_hex == nullptr) return -EINVAL;
    *put_hex<sizeof context->trace_id>(ret_hex, context->trace_id) = 0;
    return 0;
}

int spr_span_id_hex(const spr_context* context, char ret_hex[SPR_SPAN_ID_HEX_SIZE]) noexcept {
    static_assert(SPR_SPAN_ID_HEX_SIZE == 2 * sizeof context->span_id + 1);
    if (context == nullptr || ret_hex == nullptr) return -EINVAL;
    *put_hex<sizeof context->span_id>(ret_hex, context->span_id) = 0;
    return 0;
}

int spr_context_current(spr_context* ret_context) noexcept {
    if (ret_context == nullptr) return -EINVAL;
    const spr_token* top = thread_local_state.top;
    if (top == nullptr) {
        memset(ret_context, 0, sizeof *ret_context);
        return 0;
    }
    *ret_context = top->context;
    return 1;
}

int spr_context_attach(const spr_context* context, spr_token* token) noexcept {
    if (context == nullptr || token == nullptr) return -EINVAL;
    const spr_token* top = thread_local_state.top;
    return attach(*context, top != nullptr ? top->reserved & ~TokenBits::kSpan : 0, token);
}

int spr_context_attach_with(const spr_propagated* propagated, spr_token* token) noexcept {
    if (propagated == nullptr || token == nullptr) return -EINVAL;
    const int error = check_in_place(propagated);
    if (error != 0) return error;
    const spr_token* top = thread_local_state.top;
    const uint64_t of_spans = top != nullptr ? top->reserved & TokenBits::kKeepsTraceState : 0;
    return attach(propagated->context, reinterpret_cast<uintptr_t>(propagated) | of_spans, token);
}

int spr_context_current_with(spr_propagated* ret_propagated) noexcept {
    if (ret_propagated == nullptr || ret_propagated->struct_size < kFirstSize<spr_propagated>) return -EINVAL;
    const uint32_t struct_size = ret_propagated->struct_size;
    memset(ret_propagated, 0, struct_size < sizeof *ret_propagated ? struct_size : sizeof *ret_propagated);
    ret_propagated->struct_size = struct_size;
    const spr_token* top = thread_local_state.top;
    if (top == nullptr) return 0;
    ret_propagated->context = top->context;
    if (const spr_propagated* attached = attached_to(top)) ret_propagated->baggage = read_only(attached->baggage);
    if (const spr_propagated* attached = attached_to_trace(top, top->context)) {
        ret_propagated->trace_state = read_only(attached->trace_state);
        ret_propagated->flags = attached->flags;
    }
    return is_valid(top->context);
}

int spr_context_detach(spr_token* token) noexcept {
    if (token == nullptr) return -EINVAL;
    if (token != thread_local_state.top) [[unlikely]]
        return detach_from_the_middle(*token);
    ThreadContext::pop_to(token->previous);
    return 0;
}

}  // extern "C"
