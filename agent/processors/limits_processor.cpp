// SPDX-License-Identifier: Apache-2.0
#include "processors/limits_processor.hpp"

#include <algorithm>
#include <string>

#include "base/option.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kMost = 1'000'000;

// Characters, of which one of UTF-8 has a byte that is no continuation. Returns its size where it is within.
size_t size_within(std::string_view text, size_t characters) {
    if (text.size() <= characters) return text.size();
    size_t seen = 0;
    for (size_t at = 0; at < text.size(); ++at) {
        const bool begins = (static_cast<uint8_t>(text[at]) & 0xc0) != 0x80;
        if (begins && seen++ == characters) return at;
    }
    return text.size();
}

void append_field(std::string& to, uint8_t tag, std::string_view inside) {
    uint8_t size[10];
    to += static_cast<char>(tag);
    to.append(reinterpret_cast<const char*>(size), static_cast<size_t>(wire::put_varint(size, inside.size()) - size));
    to += inside;
}

// The value with its texts cut, and those of a list; `ret_cut`: it is another one.
std::string cut(EncodedBytes encoded, size_t characters, bool& ret_cut) {
    std::string made;
    const ValueView value = view_value(encoded);
    if (value.kind == ValueKind::kText) {
        const size_t size = size_within(value.text(), characters);
        ret_cut = ret_cut || size != value.inside.size();
        append_field(made, wire::tags::bytes(1), value.text().substr(0, size));
    } else if (value.kind == ValueKind::kList) {
        std::string list;
        wire::each_field(value.inside, [&](const wire::Field& field) {
            if (field.tag() != wire::tags::bytes(1)) return;
            const bool is_text = view_value(field.bytes).kind == ValueKind::kText;
            append_field(list, wire::tags::bytes(1),
                         is_text ? cut(field.bytes, characters, ret_cut) : std::string(text_of(field.bytes)));
        });
        append_field(made, wire::tags::bytes(5), list);
    }
    return made;
}

}  // namespace

std::vector<Option> describe(LimitsOptions& options) {
    return {
        {"attribute_count_limit", option::count(options.attribute_count_limit, 0, kMost),
         "of a span; the last ones are dropped, and counted in it. 0: any"},
        {"attribute_value_length_limit", option::count(options.attribute_value_length_limit, 0, kMost),
         "characters of a text, and of each in a list; of events and links too. 0: any"},
    };
}

void LimitsProcessor::add_interest(SpanInterest& interest) const {
    interest.attributes.add_all();
    if (options_.attribute_value_length_limit != 0) interest.events = true;
}

bool LimitsProcessor::take_span(SpanEdit& span, const ResourceMarks&, size_t) {
    if (options_.attribute_count_limit != 0) {
        uint32_t there = 0, dropped = 0;
        for (Attribute& attribute : span.attributes()) {
            if (!attribute.there() || ++there <= options_.attribute_count_limit) continue;
            span.remove(attribute);
            ++dropped;
        }
        if (dropped != 0) span.count_dropped_attributes(dropped);
    }
    if (options_.attribute_value_length_limit != 0) {
        cut_values(span);
        span.edit_parts([this](MessageEdit& part) { cut_values(part); });
    }
    return true;
}

void LimitsProcessor::cut_values(MessageEdit& message) const {
    const size_t most = options_.attribute_value_length_limit;
    for (Attribute& attribute : message.attributes()) {
        if (!attribute.there() || attribute.value.size() <= most) continue;  // a character is a byte at least
        bool is_cut = false;
        const std::string value = cut(attribute.value, most, is_cut);
        if (is_cut) message.set(attribute, bytes_of(message.scratch().copy(value)));
    }
}

}  // namespace spanring::agent
