// SPDX-License-Identifier: Apache-2.0
//
// Tracer: starts the spans of one instrumentation scope. A value of one pointer; the library owns what it points to.
#ifndef SPANRING_TRACER_HPP
#define SPANRING_TRACER_HPP

#include <spanring/attribute.hpp>
#include <spanring/context.hpp>
#include <spanring/span.hpp>
#include <spanring/spanring.h>

#include <optional>
#include <string_view>

namespace spanring {

struct Link {
    Context context;
    AttributeList attributes{};
};

// How a span starts. Designated initialisers fit: tracer.start("name", {.kind = Kind::kServer}) in C++20.
struct StartOptions {
    Kind kind = Kind::kInternal;
    // Empty: the context attached to this thread. An invalid context: a new trace.
    std::optional<Context> parent{};
    AttributeList attributes{};
    TimePoint start_time{};
    const Link* links = nullptr;
    std::size_t link_count = 0;
    std::string_view trace_state{};
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

    // More than kLinks links would need memory: the others are added after the start, where no sampler sees them.
    [[nodiscard]] Span start(std::string_view name, const StartOptions& options) const noexcept {
        constexpr std::size_t kLinks = 8;
        spr_link links[kLinks] = {};
        const std::size_t first = options.link_count < kLinks ? options.link_count : kLinks;
        for (std::size_t i = 0; i < first; ++i) {
            links[i].context = options.links[i].context.raw();
            links[i].attributes = options.links[i].attributes.raw();
            links[i].attribute_count = options.links[i].attributes.size();
        }
        spr_start_options raw_options = SPR_START_OPTIONS_INIT;
        raw_options.kind = static_cast<std::uint8_t>(options.kind);
        if (options.parent) {
            raw_options.parent_mode = SPR_PARENT_EXPLICIT;
            raw_options.parent = &options.parent->raw();
        }
        raw_options.start_time_ns = detail::nanoseconds(options.start_time);
        raw_options.attributes = options.attributes.raw();
        raw_options.attribute_count = options.attributes.size();
        raw_options.links = links;
        raw_options.link_count = first;
        raw_options.trace_state = options.trace_state.data();
        raw_options.trace_state_size = options.trace_state.size();

        spr_span raw{};
        spr_span_start_with(raw_, name.data(), name.size(), &raw_options, &raw);
        Span span{raw};
        for (std::size_t i = first; i < options.link_count; ++i) {
            span.add_link(options.links[i].context, options.links[i].attributes);
        }
        return span;
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

} // namespace spanring

#endif
