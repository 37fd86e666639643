// SPDX-License-Identifier: Apache-2.0
//
// Events and links of an open span: one field each, of a size that is known before its bytes are written.
#include <errno.h>
#include <string.h>

#include "trace/base/attribute_list.hpp"
#include "trace/base/hot_path.hpp"
#include "trace/base/plain_attributes.hpp"
#include "trace/propagation/context.hpp"
#include "trace/span/open_span.hpp"
#include "trace/span/text_cut.hpp"

namespace spanring::trace {

using ring::SlotWriter;

namespace {

// Fields of opentelemetry.proto.trace.v1.Span.
constexpr uint8_t kEvent = tag(11, kBytes);
constexpr uint8_t kLink = tag(13, kBytes);

uint64_t text_field_size(size_t size) { return size == 0 ? 0 : 1 + varint_size(size) + size; }
uint64_t count_field_size(uint64_t count) { return count == 0 ? 0 : 1 + varint_size(count); }

void put_text(SlotWriter& writer, uint32_t field, const char* text, size_t size) {
    if (size == 0) return;
    uint8_t head[16];
    head[0] = tag(field, kBytes);
    writer.put(head, static_cast<uint32_t>(put_varint(head + 1, size) - head));
    writer.put(text, static_cast<uint32_t>(size));
}

void put_count(SlotWriter& writer, uint32_t field, uint64_t count) {
    if (count == 0) return;
    uint8_t bytes[16];
    bytes[0] = tag(field, kVarint);
    writer.put(bytes, static_cast<uint32_t>(put_varint(bytes + 1, count) - bytes));
}

// Room for a field, whole or with its texts cut; measure() as in reserve_cut(). False: there is none.
template <class Measure>
bool reserve(Life& life, SlotWriter& writer, Measure&& measure) {
    const uint64_t size = measure(kMaxText);
    if (size <= ring::kSlotDataMax && writer.reserve(static_cast<uint32_t>(size))) return true;
    return reserve_cut(life, writer, measure);
}

// LinkFlags as SpanFlags: 0x100 says that 0x200 (the context is remote) is known.
uint32_t flags_of(const spr_context& context) {
    return uint32_t{context.trace_flags} | 0x100 | (context.is_remote != 0 ? 0x200 : 0);
}

uint8_t* put_ids(uint8_t* to, const spr_context& context) {
    to[0] = tag(1, kBytes);
    to[1] = 16;
    memcpy(to + 2, context.trace_id, 16);
    to[18] = tag(2, kBytes);
    to[19] = 8;
    memcpy(to + 20, context.span_id, 8);
    return to + 28;
}

constexpr size_t kMostPlainName = 1024;

// Of those that are kept whole, and written in one pass.
size_t longest_text(const Limits& limits) {
    return limits.value_length < PlainAttribute::kMostText ? limits.value_length : PlainAttribute::kMostText;
}

// The place of a field of at most `most` bytes, behind its tag and length: of a length that may take two bytes. What
// takes one after all, moves.
uint8_t* body_of(uint8_t* field, uint32_t most) { return field + (most < 0x80 ? 2 : 3); }
uint32_t put_head(uint8_t* field, uint8_t field_tag, uint8_t* body, uint8_t* end) {
    const auto size = static_cast<uint32_t>(end - body);
    field[0] = field_tag;
    uint8_t* const after = put_short_length(field + 1, size);
    if (after != body) memmove(after, body, size);
    return static_cast<uint32_t>(after - field) + size;
}

// What the caller had to leave out and what is left out here; the field has 32 bits.
uint32_t sum(uint32_t before, uint32_t now) { return before > ~now ? ~uint32_t{0} : before + now; }

}  // namespace

void OpenSpan::add_dropped(uint32_t attributes, uint32_t events, uint32_t links) {
    slot_->dropped_attributes = sum(slot_->dropped_attributes, attributes);
    slot_->dropped_events = sum(slot_->dropped_events, events);
    slot_->dropped_links = sum(slot_->dropped_links, links);
}

// What was written in one piece behind the data is part of the span from now on.
void OpenSpan::publish(uint64_t word, uint32_t bytes) {
    // release: the bytes before the length that makes them part of the span, as in SlotWriter::publish().
    ring::StdAtomics::store(slot_->word, ring::SlotWord::longer(word, bytes), std::memory_order_release);
    SPR_TESTPOINT(written_in_one_pass);
}

bool OpenSpan::add_plain(const spr_event& event, uint64_t now_unix_nano) {
    const Limits& limits = life_->settings.limits;
    const PlainAttributes attributes(event.attributes, event.attribute_count);
    const size_t name_size = event.name_size;
    if (name_size > kMostPlainName || (event.name == nullptr && name_size != 0) || event.dropped_attributes != 0 ||
        slot_->events >= limits.events)
        return false;
    const uint32_t more = attributes.most(longest_text(limits), limits.event_attributes);
    const uint32_t most = 9 + 3 + static_cast<uint32_t>(name_size) + more;
    if (more == PlainAttributes::kOther || most >= kShortLength) return false;
    const uint64_t word = packed_word();
    uint8_t* const field = place<Place::kBlock>(word, most + 3);
    if (field == nullptr) return false;
    uint8_t* const body = body_of(field, most);
    *body = tag(1, kFixed64);
    uint8_t* end = put_fixed64(body + 1, event.time_ns != 0 ? event.time_ns : now_unix_nano);
    if (name_size != 0) {
        *end = tag(2, kBytes);
        end = put_short_length(end + 1, static_cast<uint32_t>(name_size));
        if (name_size <= kShortText)
            copy_short(end, event.name, name_size);
        else
            memcpy(end, event.name, name_size);
        end += name_size;
    }
    end = attributes.write(end, tag(3, kBytes));
    if (end == nullptr) return false;
    SPR_HOT_PATH(kEvent);
    publish(word, put_head(field, kEvent, body, end));
    ++slot_->events;
    return true;
}

// The same, where sizes are still to be found out, or the attributes are two lists.
[[gnu::noinline]] bool OpenSpan::add_measured(const spr_event& event, uint64_t now_unix_nano,
                                              const spr_attribute* first, size_t first_count) {
    MeasuredAttributes attributes;
    if (!attributes.add(first, first_count) || !attributes.add(event.attributes, event.attribute_count)) return false;
    spr_event measured = event;
    measured.name_size = text_size(event.name, event.name_size);
    measured.attributes = attributes.data();
    measured.attribute_count = attributes.count();
    return add_plain(measured, now_unix_nano);
}

int OpenSpan::add(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first, size_t first_count) {
    return (first_count == 0 && add_plain(event, now_unix_nano)) ||
                   add_measured(event, now_unix_nano, first, first_count)
               ? 0
               : add_any(event, now_unix_nano, first, first_count);
}

int OpenSpan::add_any(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first, size_t first_count) {
    const Limits& limits = life_->settings.limits;
    const size_t whole_name = text_size(event.name, event.name_size);
    int error = 0;
    if (whole_name > PTRDIFF_MAX)
        error = -EINVAL;
    else if (slot_->events >= limits.events)
        error = -EDQUOT;
    if (error != 0) {
        ++slot_->dropped_events;
        return error;
    }
    // Span.Event: time_unix_nano 1, name 2, attributes 3, dropped_attributes_count 4.
    AttributeList list;
    uint32_t name_size, dropped;
    uint64_t size;
    const auto measure = [&](uint32_t bytes) {
        list = AttributeList({first, first_count}, {event.attributes, event.attribute_count}, limits.event_attributes,
                             {limits.value_length, bytes});
        name_size = LengthLimit{kNoLengthLimit, bytes}.of_text(event.name, whole_name);
        dropped = sum(event.dropped_attributes, list.dropped());
        size = 9 + text_field_size(name_size) + list.size() + count_field_size(dropped);
        return 1 + varint_size(size) + size;
    };
    SlotWriter writer(segment(), *slot_, word());
    if (!reserve(*life_, writer, measure)) {
        ++slot_->dropped_events;
        return -ENOBUFS;
    }
    uint8_t head[24];
    head[0] = kEvent;
    uint8_t* end = put_varint(head + 1, size);
    *end++ = tag(1, kFixed64);
    end = put_fixed64(end, event.time_ns != 0 ? event.time_ns : now_unix_nano);
    writer.put(head, static_cast<uint32_t>(end - head));
    put_text(writer, 2, event.name, name_size);
    list.write(writer, tag(3, kBytes));
    put_count(writer, 4, dropped);
    writer.publish();
    ++slot_->events;
    return 0;
}

bool OpenSpan::add_plain(const spr_link& link) {
    const Limits& limits = life_->settings.limits;
    const PlainAttributes attributes(link.attributes, link.attribute_count);
    if (!is_valid(link.context) || (link.trace_state != nullptr && link.trace_state_size != 0) ||
        link.dropped_attributes != 0 || slot_->links >= limits.links)
        return false;
    const uint32_t more = attributes.most(longest_text(limits), limits.link_attributes);
    const uint32_t most = 28 + 5 + more;
    if (more == PlainAttributes::kOther || most >= kShortLength) return false;
    const uint64_t word = packed_word();
    uint8_t* const field = place<Place::kBlock>(word, most + 3);
    if (field == nullptr) return false;
    uint8_t* const body = body_of(field, most);
    uint8_t* const end = attributes.write(put_ids(body, link.context), tag(4, kBytes));
    if (end == nullptr) return false;
    end[0] = tag(6, kFixed32);
    SPR_HOT_PATH(kLink);
    publish(word, put_head(field, kLink, body, put_fixed32(end + 1, flags_of(link.context))));
    ++slot_->links;
    return true;
}

[[gnu::noinline]] bool OpenSpan::add_measured(const spr_link& link) {
    MeasuredAttributes attributes;
    if (!attributes.add(link.attributes, link.attribute_count)) return false;
    spr_link measured = link;
    measured.trace_state_size = text_size(link.trace_state, link.trace_state_size);
    measured.attributes = attributes.data();
    measured.attribute_count = attributes.count();
    return add_plain(measured);
}

int OpenSpan::add(const spr_link& link) { return add_plain(link) || add_measured(link) ? 0 : add_any(link); }

int OpenSpan::add_any(const spr_link& link) {
    const Limits& limits = life_->settings.limits;
    const size_t state_size = text_size(link.trace_state, link.trace_state_size);
    int error = 0;
    // Specification: trace/api.md, Link: one to an empty context is recorded where it says something else.
    const bool says_something =
        is_valid(link.context) || state_size != 0 || (link.attributes != nullptr && link.attribute_count != 0);
    if (!says_something || state_size > kMaxText || !is_utf8(link.trace_state, state_size))
        error = -EINVAL;
    else if (slot_->links >= limits.links)
        error = -EDQUOT;
    if (error != 0) {
        ++slot_->dropped_links;
        return error;
    }
    // Span.Link: trace_id 1, span_id 2, trace_state 3, attributes 4, dropped_attributes_count 5, flags 6.
    AttributeList list;
    uint32_t dropped;
    uint64_t size;
    const auto measure = [&](uint32_t bytes) {
        list = AttributeList({nullptr, 0}, {link.attributes, link.attribute_count}, limits.link_attributes,
                             {limits.value_length, bytes});
        dropped = sum(link.dropped_attributes, list.dropped());
        size = 18 + 10 + text_field_size(state_size) + list.size() + count_field_size(dropped) + 5;
        return 1 + varint_size(size) + size;
    };
    SlotWriter writer(segment(), *slot_, word());
    if (!reserve(*life_, writer, measure)) {
        ++slot_->dropped_links;
        return -ENOBUFS;
    }
    uint8_t head[48];
    head[0] = kLink;
    uint8_t* end = put_varint(head + 1, size);
    end = put_ids(end, link.context);
    writer.put(head, static_cast<uint32_t>(end - head));
    put_text(writer, 3, link.trace_state, state_size);
    list.write(writer, tag(4, kBytes));
    put_count(writer, 5, dropped);
    head[0] = tag(6, kFixed32);
    end = put_fixed32(head + 1, flags_of(link.context));
    writer.put(head, static_cast<uint32_t>(end - head));
    writer.publish();
    ++slot_->links;
    return 0;
}

}  // namespace spanring::trace
