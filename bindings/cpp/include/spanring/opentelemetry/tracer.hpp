// SPDX-License-Identifier: Apache-2.0
//
// Tracer: starts the spans of one instrumentation scope.
#ifndef SPANRING_OPENTELEMETRY_TRACER_HPP
#define SPANRING_OPENTELEMETRY_TRACER_HPP

#include <spanring/opentelemetry/attributes.hpp>
#include <spanring/opentelemetry/context_frame.hpp>
#include <spanring/opentelemetry/span.hpp>
#include <spanring/opentelemetry/span_context.hpp>
#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/common/key_value_iterable.h>
#include <opentelemetry/context/context.h>
#include <opentelemetry/context/runtime_context.h>
#include <opentelemetry/trace/context.h>
#include <opentelemetry/trace/span_context_kv_iterable.h>
#include <opentelemetry/trace/span_startoptions.h>
#include <opentelemetry/trace/tracer.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

// Whose child a span is that is to start.
class Parent {
public:
    // is_one_context: the API's current context is spanring's.
    Parent(const trace::StartSpanOptions& options, bool is_one_context) noexcept {
        if (const auto* const said = nostd::get_if<trace::SpanContext>(&options.parent)) {
            if (said->IsValid()) take(*said);
        } else if (const auto* const context = nostd::get_if<::opentelemetry::context::Context>(&options.parent)) {
            take(span_in(*context));
            if (mode_ == SPR_PARENT_CURRENT && trace::IsRootSpan(*context)) mode_ = SPR_PARENT_ROOT;
        }
        if (mode_ == SPR_PARENT_CURRENT && !is_one_context) {
            take(span_in(::opentelemetry::context::RuntimeContext::GetCurrent()));
        }
    }

    void say_in(spr_start_options& options) const noexcept {
        options.parent_mode = mode_;
        options.parent = &context_;
        options.trace_state = header_.data();
        options.trace_state_size = header_.size();
    }

    // What a span without one of its own passes on.
    TraceState trace_state() const noexcept {
        if (mode_ != SPR_PARENT_CURRENT)
            return trace_state_ != nullptr ? trace_state_ : trace::TraceState::GetDefault();
        spr_propagated here = SPR_PROPAGATED_INIT;
        spr_context_current_with(&here);
        return trace_state_of(here.trace_state);
    }

private:
    // A span that has no valid context plays no part.
    void take(const SpanPointer& span) {
        if (span == nullptr) return;
        const trace::SpanContext said = span->GetContext();
        if (!said.IsValid()) return;
        take(said);
        if (const Span* const own = Span::of(span.get())) context_ = own->raw().context;
    }
    void take(const trace::SpanContext& context) {
        mode_ = SPR_PARENT_EXPLICIT;
        context_ = to_spanring(context);
        trace_state_ = context.trace_state();
        header_ = header_of(trace_state_);
    }

    std::uint8_t mode_ = SPR_PARENT_CURRENT;
    spr_context context_{};
    TraceState trace_state_;
    std::string header_;
};

class Tracer final : public trace::Tracer {
public:
    // A null tracer starts spans that do nothing.
    Tracer(spr_provider* provider, spr_tracer* tracer, bool is_one_context) noexcept
        : provider_{provider}, tracer_{tracer}, is_one_context_{is_one_context} {
        say_enabled(*this, is_not_off_for_good(), 0);
    }

    using trace::Tracer::StartSpan;

    nostd::shared_ptr<trace::Span> StartSpan(nostd::string_view name, const common::KeyValueIterable& attributes,
                                             const trace::SpanContextKeyValueIterable& links,
                                             const trace::StartSpanOptions& options) noexcept override {
        const Attributes list{attributes};
        const Parent parent{options, is_one_context_};
        const Begin begin{options};
        spr_start_options start = SPR_START_OPTIONS_INIT;
        start.kind = kind_of(options.kind);
        start.start_time_ns = begin.is_said() && begin.system_ns > 0 ? static_cast<std::uint64_t>(begin.system_ns) : 0;
        start.attributes = list.data();
        start.attribute_count = list.size();
        parent.say_in(start);
        spr_span raw{};
        const bool is_recorded = spr_span_start_with(tracer_, name.data(), name.size(), &start, &raw) == 1;
        const auto span =
            std::make_shared<Span>(raw, is_recorded ? kept_by(raw) : parent.trace_state(), Span::Owner::kThis, begin);
        if (is_recorded && links.size() != 0) span->add_links(links);
        if (is_recorded && list.dropped() != 0) span->count_dropped(list.dropped());
        return nostd::shared_ptr<trace::Span>{std::shared_ptr<trace::Span>{span}};
    }

#if OPENTELEMETRY_ABI_VERSION_NO == 1
    void ForceFlushWithMicroseconds(std::uint64_t timeout) noexcept override { flush(timeout); }
    // As the SDK's: other tracers go on, so nothing is closed.
    void CloseWithMicroseconds(std::uint64_t timeout) noexcept override { flush(timeout); }
#endif

    spr_tracer* raw() const noexcept { return tracer_; }

private:
    static std::uint8_t kind_of(trace::SpanKind kind) noexcept {
        switch (kind) {
            case trace::SpanKind::kServer: return SPR_KIND_SERVER;
            case trace::SpanKind::kClient: return SPR_KIND_CLIENT;
            case trace::SpanKind::kProducer: return SPR_KIND_PRODUCER;
            case trace::SpanKind::kConsumer: return SPR_KIND_CONSUMER;
            case trace::SpanKind::kInternal: break;
        }
        return SPR_KIND_INTERNAL;
    }

    static TraceState kept_by(const spr_span& span) noexcept {
        char memory[SPR_TRACESTATE_SIZE];
        spr_text kept{memory, 0, sizeof memory};
        spr_span_trace_state(&span, &kept);
        return trace_state_of(kept);
    }

    // What a switch of the agent's may switch on again counts as on: a program that asks first would never notice.
    bool is_not_off_for_good() const noexcept {
        const int state = spr_provider_state(provider_);
        return tracer_ != nullptr && state != -ECANCELED && state != -EPERM && state != -ESHUTDOWN;
    }
    // Version 2 of the API's ABI has it, from 1.20 on.
    template <typename This>
    static auto say_enabled(This& tracer, bool is_enabled, int) noexcept -> decltype(tracer.UpdateEnabled(is_enabled)) {
        tracer.UpdateEnabled(is_enabled);
    }
    static void say_enabled(Tracer&, bool, long) noexcept {}

    void flush(std::uint64_t microseconds) noexcept {
        spr_provider_flush(provider_, microseconds > INT64_MAX / 1000 ? std::uint64_t{INT64_MAX} : microseconds * 1000);
    }

    spr_provider* const provider_;
    spr_tracer* const tracer_;
    const bool is_one_context_;
};

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
