// SPDX-License-Identifier: Apache-2.0
//
// The thread context (OTEP 4947): a thread-local pointer, otel_thread_ctx_v1, at a record of the innermost attached
// context, for a profiler that stops the thread and looks. docs/profilers.md has the layout.
//
// A record lies in the token of its context, is complete before the pointer can name it, and is never changed
// afterwards. So one store of a pointer moves from one to the other, and a look between any two instructions finds the
// old one, none, or the new one. A signal handler in between leaves the pointer as it found it, since it detaches what
// it attached.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

#include "spanring/spanring.h"
#include "trace/process/thread_state.hpp"
#include "trace/propagation/context.hpp"

namespace spanring::trace {

class ThreadContext {
public:
    // What ThreadLocal::context_slot says when it is not an address.
    static constexpr uintptr_t kUnknown = 0;  // to be found
    static constexpr uintptr_t kOff = 1;      // for good

    // HOT. Makes the token, whose context is there, the innermost one.
    static void push(spr_token& token) {
        const uintptr_t slot = thread_local_state.context_slot;
        if (slot != kOff) write(token);
        std::atomic_signal_fence(std::memory_order_release);  // a handler and a profiler find the token complete
        thread_local_state.top = &token;
        if (slot == kOff) return;
        if (slot == kUnknown) [[unlikely]]
            return find();
        show(slot, token.record);
    }
    // HOT. Makes `innermost` that again; nullptr: there is none any more.
    static void pop_to(spr_token* innermost) {
        thread_local_state.top = innermost;
        const uintptr_t slot = thread_local_state.context_slot;
        if (slot == kOff) return;
        if (slot == kUnknown) [[unlikely]]
            return find();
        show(slot, innermost != nullptr ? innermost->record : nullptr);
    }

private:
    // The record's bytes 24 to 27 as they lie in memory: valid, trace flags, and no attributes (two bytes).
    static constexpr uint64_t kValid = 1;
    static_assert(sizeof spr_token::record == 32);

    static void write(spr_token& token) {
        const spr_context& context = token.context;
        uint64_t* const record = token.record;
        if (!is_valid(context)) [[unlikely]] {
            record[0] = record[1] = record[2] = 0;  // "none active"; never one id without the other
            record[3] = kValid;
            return;
        }
        memcpy(record, context.trace_id, 16);
        memcpy(record + 2, context.span_id, 8);
        record[3] = kValid | uint64_t{context.trace_flags} << 8;
    }

    static void show(uintptr_t slot, const uint64_t* record) {
        // Not before `top` is moved: what a handler's detach in between shows is what `top` says.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        // relaxed: who looks has stopped this thread.
        __atomic_store_n(reinterpret_cast<const void**>(slot), record, __ATOMIC_RELAXED);
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a detached token's memory is its owner's only now
    }

    // Once for a thread, and again while it is not known: until the process context is there, or is not going to be.
    // Shows the innermost.
    static void find();
};

}  // namespace spanring::trace
