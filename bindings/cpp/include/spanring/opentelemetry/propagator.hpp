// SPDX-License-Identifier: Apache-2.0
//
// Propagator: context, trace state and baggage in headers, by the propagators that OTEL_PROPAGATORS names: W3C Trace
// Context and W3C Baggage where it names none, B3. The API's own propagators work as well.
#ifndef SPANRING_OPENTELEMETRY_PROPAGATOR_HPP
#define SPANRING_OPENTELEMETRY_PROPAGATOR_HPP

#include <spanring/opentelemetry/baggage.hpp>
#include <spanring/opentelemetry/context_frame.hpp>
#include <spanring/opentelemetry/span_context.hpp>
#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/context/context.h>
#include <opentelemetry/context/propagation/text_map_propagator.h>
#include <opentelemetry/nostd/function_ref.h>
#include <opentelemetry/nostd/shared_ptr.h>
#include <opentelemetry/nostd/string_view.h>
#include <opentelemetry/nostd/variant.h>
#include <opentelemetry/trace/default_span.h>
#include <opentelemetry/trace/span_metadata.h>

#include <cstddef>
#include <memory>
#include <string>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

class Propagator final : public ::opentelemetry::context::propagation::TextMapPropagator {
public:
    using Carrier = ::opentelemetry::context::propagation::TextMapCarrier;
    using Context = ::opentelemetry::context::Context;

    // The API cannot remove a header: its carriers are new ones.
    void Inject(Carrier& carrier, const Context& context) noexcept override {
        const SpanPointer span = span_in(context);
        const trace::SpanContext said = span != nullptr ? span->GetContext() : trace::SpanContext::GetInvalid();
        const Span* const own = Span::of(span.get());
        std::string trace_state = header_of(said.trace_state());
        BaggageHeader baggage{baggage_in(context)};
        spr_propagated propagated = SPR_PROPAGATED_INIT;
        propagated.context = own != nullptr ? own->raw().context : to_spanring(said);
        propagated.trace_state = {&trace_state[0], trace_state.size(), 0};
        propagated.baggage = baggage.text();
        if (is_debugged(context, said)) propagated.flags |= SPR_PROPAGATED_DEBUG;
        spr_carrier to = SPR_CARRIER_INIT;
        to.user = &carrier;
        to.set = [](void* user, const char* key, std::size_t key_size, const char* value,
                    std::size_t value_size) noexcept {
            static_cast<Carrier*>(user)->Set({key, key_size}, {value, value_size});
            return 0;
        };
        spr_inject_with(&propagated, &to);
    }

    // What is not there, or not valid, leaves what the context has.
    Context Extract(const Carrier& carrier, Context& context) noexcept override {
        char trace_state[SPR_TRACESTATE_SIZE];
        char baggage[SPR_BAGGAGE_SIZE];
        spr_propagated propagated = SPR_PROPAGATED_INIT;
        propagated.trace_state = {trace_state, 0, sizeof trace_state};
        propagated.baggage = {baggage, 0, sizeof baggage};
        spr_carrier from = SPR_CARRIER_INIT;
        from.user = const_cast<Carrier*>(&carrier);
        from.get = [](void* user, const char* key, std::size_t key_size, std::size_t index, const char** ret_value,
                      std::size_t* ret_value_size) noexcept {
            const nostd::string_view found =
                index == 0 ? static_cast<const Carrier*>(user)->Get({key, key_size}) : nostd::string_view{};
            if (found.empty()) return 0;
            *ret_value = found.data();
            *ret_value_size = found.size();
            return 1;
        };
        Context result = context;
        if (spr_extract(&from, &propagated) == 1) {
            const std::shared_ptr<trace::Span> caller = std::make_shared<trace::DefaultSpan>(
                to_opentelemetry(propagated.context, trace_state_of(propagated.trace_state)));
            result = result.SetValue(trace::kSpanKey, SpanPointer{caller});
            if ((propagated.flags & SPR_PROPAGATED_DEBUG) != 0)
                result = result.SetValue(kDebugKey, SpanPointer{caller});
        }
        if (propagated.baggage.size != 0) {
            result = result.SetValue(::opentelemetry::baggage::kBaggageHeader, baggage_of(propagated.baggage));
        }
        return result;
    }

    bool Fields(nostd::function_ref<bool(nostd::string_view)> callback) const noexcept override {
        for (std::size_t i = 0;; ++i) {
            const char* const field = spr_propagation_field(i);
            if (field == nullptr) return true;
            if (!callback(field)) return false;
        }
    }

private:
    // Under which a context, and those made of it, have the caller that sent B3's debug flag: it is its trace's.
    static constexpr const char* kDebugKey = "spanring-b3-debug";

    static bool is_debugged(const Context& context, const trace::SpanContext& span) noexcept {
        const auto value = context.GetValue(kDebugKey);
        const SpanPointer* const caller = nostd::get_if<SpanPointer>(&value);
        return caller != nullptr && *caller != nullptr && (*caller)->GetContext().trace_id() == span.trace_id();
    }
};

// For opentelemetry::context::propagation::GlobalTextMapPropagator::SetGlobalPropagator().
inline nostd::shared_ptr<::opentelemetry::context::propagation::TextMapPropagator> propagator() {
    return nostd::shared_ptr<::opentelemetry::context::propagation::TextMapPropagator>{
        std::shared_ptr<::opentelemetry::context::propagation::TextMapPropagator>{std::make_shared<Propagator>()}};
}

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
