// SPDX-License-Identifier: Apache-2.0
//
// ContextStorage: the API and spanring have one current context on a thread. What is attached through the API is
// attached for spanring as well; and what spanring has attached further inside is in the API's current context, as its
// span and its baggage.
#ifndef SPANRING_OPENTELEMETRY_CONTEXT_STORAGE_HPP
#define SPANRING_OPENTELEMETRY_CONTEXT_STORAGE_HPP

#include <spanring/opentelemetry/baggage.hpp>
#include <spanring/opentelemetry/context_frame.hpp>
#include <spanring/opentelemetry/span.hpp>
#include <spanring/opentelemetry/span_context.hpp>
#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/common/macros.h>
#include <opentelemetry/context/context.h>
#include <opentelemetry/context/runtime_context.h>
#include <opentelemetry/nostd/shared_ptr.h>
#include <opentelemetry/nostd/unique_ptr.h>
#include <opentelemetry/trace/span_metadata.h>

#include <memory>
#include <new>
#include <typeinfo>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

class ContextStorage final : public ::opentelemetry::context::RuntimeContextStorage {
public:
    using Context = ::opentelemetry::context::Context;
    using Token = ::opentelemetry::context::Token;

    // Once in a process, in place of the API's own. Where the program has set another, that one stays: false.
    OPENTELEMETRY_API_SINGLETON static bool install() noexcept {
        static const bool is_installed = [] {
            using ::opentelemetry::context::RuntimeContext;
#if defined(__GXX_RTTI) || defined(__cpp_rtti)
            const auto now = RuntimeContext::GetConstRuntimeContextStorage();
            const auto* const storage = now.get();
            if (storage != nullptr && typeid(*storage) != typeid(::opentelemetry::context::ThreadLocalContextStorage))
                return false;
#endif
            RuntimeContext::SetRuntimeContextStorage(
                nostd::shared_ptr<::opentelemetry::context::RuntimeContextStorage>{new ContextStorage});
            return true;
        }();
        return is_installed;
    }

    Context GetCurrent() noexcept override {
        const ContextFrame* const top = frames().top();
        spr_propagated here = SPR_PROPAGATED_INIT;
        spr_context_current_with(&here);
        const bool is_span = top != nullptr ? top->is_of(here.context) : !is_valid(here.context);
        const bool is_baggage = top != nullptr ? top->is_of(here.baggage) : place_of(here.baggage) == nullptr;
        Context current = top != nullptr ? top->context() : Context{};
        if (!is_span) current = current.SetValue(trace::kSpanKey, span_of(here));
        if (!is_baggage) current = current.SetValue(::opentelemetry::baggage::kBaggageHeader, baggage_of(here.baggage));
        return current;
    }

    nostd::unique_ptr<Token> Attach(const Context& context) noexcept override {
        frames().push(context);
        return CreateToken(context);
    }

    // With everything that was attached later, through either.
    bool Detach(Token& token) noexcept override {
        Frames& frames = ContextStorage::frames();
        const ContextFrame* frame = frames.top();
        while (frame != nullptr && !(token == frame->context())) frame = frame->below();
        if (frame == nullptr) return false;
        while (frames.top() != frame) frames.pop();
        frames.pop();
        return true;
    }

private:
    // Those of a thread, the innermost on top. The memory of one that was left serves the next.
    class Frames {
    public:
        Frames() noexcept = default;
        ~Frames() {
            while (top_ != nullptr) pop();
            while (unused_ != nullptr) {
                Unused* const unused = unused_;
                unused_ = unused->next;
                ::operator delete(unused);
            }
        }
        Frames(const Frames&) = delete;
        Frames& operator=(const Frames&) = delete;

        ContextFrame* top() const noexcept { return top_; }

        void push(const Context& context) noexcept {
            void* memory = unused_;
            if (memory != nullptr) {
                unused_ = unused_->next;
            } else {
                memory = ::operator new(sizeof(ContextFrame));
            }
            top_ = new (memory) ContextFrame{context, top_};
        }
        void pop() noexcept {
            ContextFrame* const frame = top_;
            top_ = frame->below();
            frame->~ContextFrame();
            unused_ = new (frame) Unused{unused_};
        }

    private:
        struct Unused {
            Unused* next;
        };

        ContextFrame* top_ = nullptr;
        Unused* unused_ = nullptr;
    };

    static Frames& frames() noexcept {
        static thread_local Frames frames;
        return frames;
    }

    // What is current for spanring. Others end it.
    static SpanPointer span_of(const spr_propagated& here) {
        spr_span raw{};
        const bool is_span = spr_span_current(&raw) == 1;
        char memory[SPR_TRACESTATE_SIZE];
        spr_text kept{memory, 0, sizeof memory};
        const bool is_kept = is_span && spr_span_trace_state(&raw, &kept) == 1;
        const std::shared_ptr<trace::Span> span =
            std::make_shared<Span>(raw, trace_state_of(is_kept ? kept : here.trace_state), Span::Owner::kOther);
        return SpanPointer{span};
    }
};

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
