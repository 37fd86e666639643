// SPDX-License-Identifier: Apache-2.0
//
// WholeSpan: a span that was measured elsewhere, for Tracer::record(). It borrows its texts and lists until that
// returns.
#ifndef SPANRING_WHOLE_SPAN_HPP
#define SPANRING_WHOLE_SPAN_HPP

#include <spanring/attribute.hpp>
#include <spanring/context.hpp>
#include <spanring/event.hpp>
#include <spanring/link.hpp>
#include <spanring/span.hpp>
#include <spanring/time_point.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace spanring {

struct WholeSpan {
    std::string_view name{};
    TimePoint start_time{};
    TimePoint end_time{};              // never before the start
    std::optional<Context> context{};  // its own, as it is known elsewhere; empty: made as at a start
    Context parent{};                  // of the same trace; an invalid one: none
    Kind kind = Kind::kInternal;
    Status status = Status::kUnset;
    std::string_view status_message{};  // with kError alone
    std::string_view trace_state{};     // W3C's
    AttributeList attributes{};
    EventList events{};
    LinkList links{};
    std::uint32_t dropped_attributes = 0;  // left out before, each; added to those that are refused
    std::uint32_t dropped_events = 0;
    std::uint32_t dropped_links = 0;
};

}  // namespace spanring

#endif
