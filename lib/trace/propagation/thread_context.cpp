// SPDX-License-Identifier: Apache-2.0
//
// This file alone is compiled for TLS descriptors, and nothing else names the variable: a reader finds its place by the
// relocation that the one access below leaves in the library.
#include "trace/propagation/thread_context.hpp"

#include "trace/process/process_context.hpp"

extern "C" {
__attribute__((visibility("default"),
               tls_model("global-dynamic"))) constinit thread_local const void* otel_thread_ctx_v1 = nullptr;
}

namespace spanring::trace {

[[gnu::noinline]] void ThreadContext::find() {
    uintptr_t slot = kUnknown;
    switch (ProcessContext::state()) {
        case ProcessContext::kNotAsked:
        case ProcessContext::kMaking: return;
        case ProcessContext::kOff: slot = kOff; break;
        // Also in a child that has not published: its thread's contexts are its own already.
        case ProcessContext::kLost:
        case ProcessContext::kOn: slot = reinterpret_cast<uintptr_t>(&otel_thread_ctx_v1); break;
    }
    thread_local_state.context_slot = slot;
    const spr_token* const innermost = thread_local_state.top;
    if (slot != kOff) show(slot, innermost != nullptr ? innermost->record : nullptr);
}

}  // namespace spanring::trace
