// SPDX-License-Identifier: Apache-2.0
//
// The context attached to a thread: a stack of tokens that lie in the callers' frames, the innermost first.
#include "trace/context.hpp"

#include <errno.h>

#include "trace/provider.hpp"

using spanring::trace::thread_local_state;

extern "C" {

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
    token->context = *context;
    token->previous = thread_local_state.top;
    token->reserved = 0;
    std::atomic_signal_fence(std::memory_order_release);  // a handler on this thread finds the token complete
    thread_local_state.top = token;
    return 0;
}

int spr_context_detach(spr_token* token) noexcept {
    if (token == nullptr) return -EINVAL;
    spr_token* top = thread_local_state.top;
    if (top == token) [[likely]] {
        thread_local_state.top = token->previous;
        return 0;
    }
    for (; top != nullptr; top = top->previous)
        if (top == token) {
            thread_local_state.top = token->previous;
            return 1;
        }
    return -EINVAL;
}

}  // extern "C"
