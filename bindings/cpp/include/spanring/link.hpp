// SPDX-License-Identifier: Apache-2.0
//
// Link: another span that this one has to do with. It borrows its texts and lists until the call that it is passed to
// returns.
#ifndef SPANRING_LINK_HPP
#define SPANRING_LINK_HPP

#include <spanring/attribute.hpp>
#include <spanring/context.hpp>
#include <spanring/list.hpp>
#include <spanring/spanring.h>

#include <cstdint>
#include <string_view>

namespace spanring {

class Link {
public:
    // To no span, and without anything else to say: refused and counted.
    Link() noexcept = default;

    // trace_state is W3C's, of the linked span. dropped_attributes were left out before; they are added to those that
    // are refused.
    Link(const Context& context, AttributeList attributes = {}, std::string_view trace_state = {},
         std::uint32_t dropped_attributes = 0) noexcept {
        raw_.context = context.raw();
        raw_.attributes = attributes.raw();
        raw_.attribute_count = attributes.size();
        raw_.trace_state = trace_state.data();
        raw_.trace_state_size = trace_state.size();
        raw_.dropped_attributes = dropped_attributes;
    }

    const spr_link& raw() const noexcept { return raw_; }

private:
    spr_link raw_{};
};

static_assert(is_list_element<Link, spr_link>);
using LinkList = List<Link>;

}  // namespace spanring

#endif
