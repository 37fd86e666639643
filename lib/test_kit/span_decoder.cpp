// SPDX-License-Identifier: Apache-2.0
#include "test_kit/span_decoder.hpp"

#include <cstring>

namespace spanring::test_kit {
namespace {

constexpr uint32_t kDeepest = 2 * SPR_VALUE_DEPTH;  // no library writes one that is
constexpr uint32_t kParentIsRemote = 0x200;         // in Span.flags

template <size_t N>
bool take_id(Bytes bytes, uint8_t (&ret)[N]) {
    if (bytes.size != 0 && bytes.size != N) return false;
    if (bytes.size != 0) memcpy(ret, bytes.at, N);
    return true;
}

bool same_key(const spr_attribute& a, const spr_attribute& b) {
    return a.key_size == b.key_size && memcmp(a.key, b.key, a.key_size) == 0;
}

// Each key once, with its last value.
size_t keep_last(spr_attribute* attributes, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
        bool again = false;
        for (size_t later = i + 1; later < count && !again; ++later) again = same_key(attributes[i], attributes[later]);
        if (!again) attributes[kept++] = attributes[i];
    }
    return kept;
}

}  // namespace

bool SpanDecoder::span(Bytes message, spr_test_span& ret) {
    ret.name = ret.trace_state = ret.status_message = "";
    auto* const events = arena_.array<spr_event>(count_fields(message, 11));
    auto* const links = arena_.array<spr_link>(count_fields(message, 13));
    ret.events = events;
    ret.links = links;
    bool sound = attributes(message, 9, ret.attributes, ret.attribute_count);
    FieldWalk walk(message);
    Field field;
    while (sound && !arena_.failed() && walk.next(field)) {
        switch (field.number) {
            case 1: sound = take_id(field.bytes, ret.context.trace_id); break;
            case 2: sound = take_id(field.bytes, ret.context.span_id); break;
            case 3: text(field.bytes, ret.trace_state, ret.trace_state_size); break;
            case 4: sound = take_id(field.bytes, ret.parent_span_id); break;
            case 5: text(field.bytes, ret.name, ret.name_size); break;
            case 6: ret.kind = static_cast<uint8_t>(field.value); break;
            case 7: ret.start_time_ns = field.value; break;
            case 8: ret.end_time_ns = field.value; break;
            case 10: ret.dropped_attributes = static_cast<uint32_t>(field.value); break;
            case 11: sound = event(field.bytes, events[ret.event_count++]); break;
            case 12: ret.dropped_events = static_cast<uint32_t>(field.value); break;
            case 13: sound = link(field.bytes, links[ret.link_count++]); break;
            case 14: ret.dropped_links = static_cast<uint32_t>(field.value); break;
            case 15: sound = status(field.bytes, ret); break;
            case 16:
                ret.context.trace_flags = static_cast<uint8_t>(field.value);
                ret.parent_is_remote = (field.value & kParentIsRemote) != 0;
                break;
            default: break;
        }
    }
    return sound && walk.sound();
}

bool SpanDecoder::open_span(Bytes fields, spr_test_span& ret) {
    if (!span(fields, ret)) return false;
    ret.attribute_count = keep_last(const_cast<spr_attribute*>(ret.attributes), ret.attribute_count);
    return true;
}

bool SpanDecoder::scope(Bytes message, spr_test_scope& ret) {
    FieldWalk walk(message);
    Field field;
    while (walk.next(field)) {
        if (field.number == 1) text(field.bytes, ret.name, ret.name_size);
        if (field.number == 2) text(field.bytes, ret.version, ret.version_size);
    }
    return walk.sound() && attributes(message, 3, ret.attributes, ret.attribute_count);
}

bool SpanDecoder::resource(Bytes message, spr_test_resource& ret) {
    return attributes(message, 1, ret.attributes, ret.attribute_count);
}

bool SpanDecoder::attributes(Bytes message, uint32_t number, const spr_attribute*& ret, size_t& ret_count) {
    auto* const all = arena_.array<spr_attribute>(count_fields(message, number));
    size_t count = 0;
    FieldWalk walk(message);
    Field field;
    while (!arena_.failed() && walk.next(field)) {
        if (field.number == number && !attribute(field.bytes, 0, all[count++])) return false;
    }
    ret = all;
    ret_count = count;
    return walk.sound();
}

bool SpanDecoder::attribute(Bytes message, uint32_t depth, spr_attribute& ret) {
    ret.key = "";
    ret.type = SPR_TYPE_EMPTY;
    FieldWalk walk(message);
    Field field;
    while (walk.next(field)) {
        if (field.number == 1) text(field.bytes, ret.key, ret.key_size);
        if (field.number == 2 && !value(field.bytes, depth, ret.type, ret.value)) return false;
    }
    return walk.sound();
}

bool SpanDecoder::value(Bytes message, uint32_t depth, uint32_t& ret_type, spr_any& ret) {
    if (depth > kDeepest) return false;
    FieldWalk walk(message);
    Field field;
    ret_type = SPR_TYPE_EMPTY;
    while (walk.next(field)) {
        bool sound = true;
        ret_type = field.number;  // the numbers of AnyValue are those of the types
        switch (field.number) {
            case SPR_TYPE_STRING: text(field.bytes, ret.string.data, ret.string.size); break;
            case SPR_TYPE_BOOL: ret.boolean = field.value != 0; break;
            case SPR_TYPE_INT64: ret.int64 = static_cast<int64_t>(field.value); break;
            case SPR_TYPE_DOUBLE: memcpy(&ret.float64, &field.value, sizeof ret.float64); break;
            case SPR_TYPE_ARRAY: sound = array(field.bytes, depth + 1, ret); break;
            case SPR_TYPE_KEY_VALUES: sound = key_values(field.bytes, depth + 1, ret); break;
            case SPR_TYPE_BYTES:
                ret.bytes.data = arena_.text(field.bytes.at, field.bytes.size);
                ret.bytes.size = field.bytes.size;
                break;
            default: ret_type = SPR_TYPE_EMPTY;
        }
        if (!sound) return false;
    }
    return walk.sound();
}

bool SpanDecoder::array(Bytes message, uint32_t depth, spr_any& ret) {
    auto* const values = arena_.array<spr_value>(count_fields(message, 1));
    size_t count = 0;
    FieldWalk walk(message);
    Field field;
    while (!arena_.failed() && walk.next(field)) {
        if (field.number != 1) continue;
        if (!value(field.bytes, depth, values[count].type, values[count].value)) return false;
        ++count;
    }
    ret.array.values = values;
    ret.array.count = count;
    return walk.sound();
}

bool SpanDecoder::key_values(Bytes message, uint32_t depth, spr_any& ret) {
    auto* const pairs = arena_.array<spr_attribute>(count_fields(message, 1));
    size_t count = 0;
    FieldWalk walk(message);
    Field field;
    while (!arena_.failed() && walk.next(field)) {
        if (field.number == 1 && !attribute(field.bytes, depth, pairs[count++])) return false;
    }
    ret.key_values.pairs = pairs;
    ret.key_values.count = count;
    return walk.sound();
}

bool SpanDecoder::event(Bytes message, spr_event& ret) {
    ret.name = "";
    FieldWalk walk(message);
    Field field;
    while (walk.next(field)) {
        if (field.number == 1) ret.time_ns = field.value;
        if (field.number == 2) text(field.bytes, ret.name, ret.name_size);
        if (field.number == 4) ret.dropped_attributes = static_cast<uint32_t>(field.value);
    }
    return walk.sound() && attributes(message, 3, ret.attributes, ret.attribute_count);
}

bool SpanDecoder::link(Bytes message, spr_link& ret) {
    ret.trace_state = "";
    bool sound = true;
    FieldWalk walk(message);
    Field field;
    while (sound && walk.next(field)) {
        switch (field.number) {
            case 1: sound = take_id(field.bytes, ret.context.trace_id); break;
            case 2: sound = take_id(field.bytes, ret.context.span_id); break;
            case 3: text(field.bytes, ret.trace_state, ret.trace_state_size); break;
            case 5: ret.dropped_attributes = static_cast<uint32_t>(field.value); break;
            case 6:
                ret.context.trace_flags = static_cast<uint8_t>(field.value);
                ret.context.is_remote = (field.value & kParentIsRemote) != 0;
                break;
            default: break;
        }
    }
    return sound && walk.sound() && attributes(message, 4, ret.attributes, ret.attribute_count);
}

bool SpanDecoder::status(Bytes message, spr_test_span& ret) {
    FieldWalk walk(message);
    Field field;
    ret.status = SPR_STATUS_UNSET;
    ret.status_message = "";
    ret.status_message_size = 0;
    while (walk.next(field)) {
        if (field.number == 2) text(field.bytes, ret.status_message, ret.status_message_size);
        if (field.number == 3) ret.status = static_cast<uint8_t>(field.value);
    }
    return walk.sound();
}

}  // namespace spanring::test_kit
