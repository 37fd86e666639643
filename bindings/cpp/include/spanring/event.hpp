// SPDX-License-Identifier: Apache-2.0
//
// Event: what happened in a span at a time. It borrows its texts and lists until the call that it is passed to returns.
#ifndef SPANRING_EVENT_HPP
#define SPANRING_EVENT_HPP

#include <spanring/attribute.hpp>
#include <spanring/list.hpp>
#include <spanring/spanring.h>
#include <spanring/time_point.hpp>

#include <cstdint>
#include <string_view>

namespace spanring {

class Event {
public:
    // dropped_attributes were left out before; they are added to those that are refused.
    Event(std::string_view name, AttributeList attributes = {}, TimePoint time = {},
          std::uint32_t dropped_attributes = 0) noexcept
        : raw_{} {
        raw_.name = name.data();
        raw_.name_size = name.size();
        raw_.time_ns = detail::nanoseconds(time);
        raw_.attributes = attributes.raw();
        raw_.attribute_count = attributes.size();
        raw_.dropped_attributes = dropped_attributes;
    }

    const spr_event& raw() const noexcept { return raw_; }

private:
    spr_event raw_;
};

static_assert(is_list_element<Event, spr_event>);
using EventList = List<Event>;

}  // namespace spanring

#endif
