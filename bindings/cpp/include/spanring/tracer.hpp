// SPDX-License-Identifier: Apache-2.0
//
// Tracer: starts the spans of one instrumentation scope. A value of one pointer; the library owns what it points to.
#ifndef SPANRING_TRACER_HPP
#define SPANRING_TRACER_HPP

#include <spanring/attribute.hpp>
#include <spanring/context.hpp>
#include <spanring/link.hpp>
#include <spanring/span.hpp>
#include <spanring/spanring.h>
#include <spanring/time_point.hpp>
#include <spanring/whole_span.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace spanring {

// Who decides whether a span is recorded. The agent's "off" goes before all of them.
enum class Sampling : std::uint32_t {
    kAsk = SPR_SAMPLING_ASK,        // the sampler
    kRecord = SPR_SAMPLING_RECORD,  // it is recorded, whatever sampler and parent say
    kDrop = SPR_SAMPLING_DROP,      // it is not
};

// How a span starts. Designated initialisers fit: tracer.start("name", {.kind = Kind::kServer}) in C++20.
struct StartOptions {
    Kind kind = Kind::kInternal;
    // Empty: the context attached to this thread. An invalid context: a new trace.
    std::optional<Context> parent{};
    AttributeList attributes{};
    TimePoint start_time{};
    LinkList links{};  // a sampler sees these alone
    std::string_view trace_state{};
    // Ids of its own; one that is zero is made. Below a parent the trace id is the parent's, or nothing starts.
    std::optional<Context> context{};
    Sampling sampling = Sampling::kAsk;
};

class Tracer {
public:
    // A tracer that does nothing.
    Tracer() noexcept = default;
    Tracer(spr_tracer* raw, int error) noexcept : raw_{raw}, error_{error} {}

    // A span under the context attached to this thread, internal, from now.
    [[nodiscard]] Span start(std::string_view name) const noexcept {
        spr_span raw{};
        spr_span_start(raw_, name.data(), name.size(), &raw);
        return Span{raw};
    }

    [[nodiscard]] Span start(std::string_view name, Kind kind) const noexcept {
        StartOptions options;
        options.kind = kind;
        return start(name, options);
    }

    [[nodiscard]] Span start(std::string_view name, const StartOptions& options) const noexcept {
        spr_start_options raw_options = SPR_START_OPTIONS_INIT;
        raw_options.kind = static_cast<std::uint8_t>(options.kind);
        if (options.parent) {
            raw_options.parent_mode = SPR_PARENT_EXPLICIT;
            raw_options.parent = &options.parent->raw();
        }
        raw_options.start_time_ns = detail::nanoseconds(options.start_time);
        raw_options.attributes = options.attributes.raw();
        raw_options.attribute_count = options.attributes.size();
        raw_options.links = options.links.raw();
        raw_options.link_count = options.links.size();
        raw_options.trace_state = options.trace_state.data();
        raw_options.trace_state_size = options.trace_state.size();
        raw_options.context = options.context ? &options.context->raw() : nullptr;
        raw_options.sampling = static_cast<std::uint32_t>(options.sampling);

        spr_span raw{};
        spr_span_start_with(raw_, name.data(), name.size(), &raw_options, &raw);
        return Span{raw};
    }

    // Starts and ends a span in one call: 1, 0 (not sampled), or a negative errno. *ret_context is the span's own.
    int record(const WholeSpan& span, Context* ret_context = nullptr) const noexcept {
        spr_whole_span raw = SPR_WHOLE_SPAN_INIT;
        raw.kind = static_cast<std::uint8_t>(span.kind);
        raw.status = static_cast<std::uint8_t>(span.status);
        raw.context = span.context ? &span.context->raw() : nullptr;
        raw.parent = &span.parent.raw();
        raw.name = span.name.data();
        raw.name_size = span.name.size();
        raw.start_time_ns = detail::nanoseconds(span.start_time);
        raw.end_time_ns = detail::nanoseconds(span.end_time);
        raw.status_message = span.status_message.data();
        raw.status_message_size = span.status_message.size();
        raw.trace_state = span.trace_state.data();
        raw.trace_state_size = span.trace_state.size();
        raw.attributes = span.attributes.raw();
        raw.attribute_count = span.attributes.size();
        raw.events = span.events.raw();
        raw.event_count = span.events.size();
        raw.links = span.links.raw();
        raw.link_count = span.links.size();
        raw.dropped_attributes = span.dropped_attributes;
        raw.dropped_events = span.dropped_events;
        raw.dropped_links = span.dropped_links;

        spr_context context{};
        const int result = spr_span_record(raw_, &raw, &context);
        if (ret_context != nullptr) {
            *ret_context = Context{context};
        }
        return result;
    }

    // Whether a span could be recorded at present: for guarding costly arguments.
    bool enabled() const noexcept { return spr_tracer_enabled(raw_) == 1; }

    // 0, or why there is no tracer. One that failed starts spans that do nothing.
    int error() const noexcept { return error_; }
    explicit operator bool() const noexcept { return raw_ != nullptr; }
    spr_tracer* raw() const noexcept { return raw_; }

private:
    spr_tracer* raw_ = nullptr;
    int error_ = 0;
};

}  // namespace spanring

#endif
