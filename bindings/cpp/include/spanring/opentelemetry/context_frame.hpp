// SPDX-License-Identifier: Apache-2.0
//
// ContextFrame: a context that is attached through the API, attached for spanring as well: its span, or the context of
// one that is not spanring's, with its trace state and its baggage.
#ifndef SPANRING_OPENTELEMETRY_CONTEXT_FRAME_HPP
#define SPANRING_OPENTELEMETRY_CONTEXT_FRAME_HPP

#include <spanring/opentelemetry/baggage.hpp>
#include <spanring/opentelemetry/span.hpp>
#include <spanring/opentelemetry/span_context.hpp>
#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/context/context.h>
#include <opentelemetry/nostd/shared_ptr.h>
#include <opentelemetry/nostd/variant.h>
#include <opentelemetry/trace/span.h>
#include <opentelemetry/trace/span_metadata.h>

#include <memory>
#include <string>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

using SpanPointer = nostd::shared_ptr<trace::Span>;

// Null where a context has none. (The API's own function makes one.)
inline SpanPointer span_in(const ::opentelemetry::context::Context& context) noexcept {
    const auto value = context.GetValue(trace::kSpanKey);
    const SpanPointer* const span = nostd::get_if<SpanPointer>(&value);
    return span != nullptr ? *span : SpanPointer{};
}

// Where a text is; null where there is none. What is attached is the same as long as this is.
inline const char* place_of(const spr_text& text) noexcept { return text.size != 0 ? text.data : nullptr; }

// The library keeps the addresses of the tokens in it: it stays where it is.
class ContextFrame {
public:
    using Context = ::opentelemetry::context::Context;

    ContextFrame(const Context& context, ContextFrame* below) noexcept : context_{context}, below_{below} {
        const SpanPointer span = span_in(context);
        const Span* const own = Span::of(span.get());
        if (own != nullptr) {
            mirrored_ = own->raw().context;
            attach_texts(own->trace_state());
        } else if (span != nullptr) {
            const trace::SpanContext said = span->GetContext();
            mirrored_ = to_spanring(said);
            attach_texts(said.trace_state());
        } else {
            attach_texts({});
        }
        if (own != nullptr) {
            spr_span_attach(&own->raw(), &token_);
        } else {
            spr_context_attach(&mirrored_, &token_.token);
        }
    }
    ~ContextFrame() {
        // What was attached inside of it goes with it.
        spr_context_detach(texts_ != nullptr ? &texts_->token : &token_.token);
    }
    ContextFrame(const ContextFrame&) = delete;
    ContextFrame& operator=(const ContextFrame&) = delete;

    const Context& context() const noexcept { return context_; }
    ContextFrame* below() const noexcept { return below_; }

    // Whether this, and nothing further inside, is current for spanring.
    bool is_of(const spr_context& here) const noexcept { return is_same(mirrored_, here); }
    bool is_of(const spr_text& baggage) const noexcept { return baggage_ == place_of(baggage); }

private:
    struct Texts {
        explicit Texts(const TraceState& state, const Baggage& members)
            : trace_state{header_of(state)}, baggage{members} {}

        const std::string trace_state;
        BaggageHeader baggage;
        spr_propagated propagated = SPR_PROPAGATED_INIT;
        spr_token token{};
    };

    // Most have none, or the baggage of the one below, which holds here as well.
    void attach_texts(const TraceState& trace_state) noexcept {
        const Baggage baggage = baggage_in(context_);
        members_ = baggage.get();
        spr_propagated here = SPR_PROPAGATED_INIT;
        spr_context_current_with(&here);
        const bool is_inherited = below_ != nullptr && below_->members_ == members_ && below_->is_of(here.baggage);
        const bool has_baggage = members_ != nullptr || place_of(here.baggage) != nullptr;
        if ((is_inherited || !has_baggage) && (trace_state == nullptr || trace_state->Empty())) {
            baggage_ = place_of(here.baggage);
            return;
        }
        texts_ = std::make_unique<Texts>(trace_state, baggage);
        spr_propagated& propagated = texts_->propagated;
        propagated.context = mirrored_;
        propagated.trace_state = {const_cast<char*>(texts_->trace_state.data()), texts_->trace_state.size(), 0};
        propagated.baggage = texts_->baggage.text();
        baggage_ = place_of(propagated.baggage);
        spr_context_attach_with(&propagated, &texts_->token);
    }

    const Context context_;
    ContextFrame* const below_;
    spr_context mirrored_{};
    const void* members_ = nullptr;  // the API's baggage
    const char* baggage_ = nullptr;  // the library's
    std::unique_ptr<Texts> texts_;
    spr_span_token token_{};
};

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
