// SPDX-License-Identifier: Apache-2.0
#include "processors/span_edit.hpp"

#include <cstring>

#include "processors/usual_span.hpp"

namespace spanring::agent {
namespace {

using namespace wire::tags;

uint64_t word_at(const uint8_t* at) {
    uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

}  // namespace

bool SpanEdit::read(std::span<const uint8_t> span, const SpanInterest& interest) {
    begin(span);
    parts_.clear();
    trace_state_ = {};
    // One by one: a copy of what was just written in other pieces would wait for it.
    dropped_place_ = {};
    trace_state_place_ = {};
    status_ = 0;
    dropped_attributes_ = 0;
    wire::Cursor cursor(span);
    UsualSpan usual;
    const bool none = interest.attributes.none();
    cursor.at =
        read_usual(cursor.at, cursor.end, usual, [&](const uint8_t* at, const uint8_t* next, const uint8_t* inside) {
            const auto size = static_cast<size_t>(next - inside);
            if (!none && (!is_plain_key_value(inside, size) || interest.attributes.may_want(inside[1])))
                found(at, next, {inside, size});
        });
    take(usual);
    while (!cursor.done()) {
        const uint8_t* const at = cursor.at;
        // The fields of nearly every span, in the form in which libraries write them: tag and length in a byte each.
        // Whatever is not exactly so takes the general way below.
        if (cursor.left() >= 18) [[likely]] {
            const size_t length = at[1];
            switch (at[0]) {
                case bytes(1):
                    if (length != 16) break;
                    trace_id_ = at + 2;
                    cursor.at += 18;
                    continue;
                case bytes(2):
                case bytes(4):
                    if (length != 8) break;
                    cursor.at += 10;
                    continue;
                case bytes(5):
                    if (length >= 0x80 || length + 2 > cursor.left()) break;
                    cursor.at += length + 2;
                    name_ = {reinterpret_cast<const char*>(at + 2), length};
                    name_place_ = {at, cursor.at};
                    continue;
                case varint(6):
                    if (length >= 0x80) break;
                    kind_ = static_cast<uint32_t>(length);
                    cursor.at += 2;
                    continue;
                case fixed64(7):
                    start_unix_nano_ = word_at(at + 1);
                    cursor.at += 9;
                    continue;
                case fixed64(8):
                    end_unix_nano_ = word_at(at + 1);
                    cursor.at += 9;
                    continue;
                case bytes(9):
                    if (length >= 0x80 || length + 2 > cursor.left() || length < 2) break;
                    cursor.at += length + 2;
                    ++attribute_count_;
                    if (!is_plain_key_value(at + 2, length) || interest.attributes.may_want(at[3]))
                        found(at, cursor.at, {at + 2, length});
                    continue;
                default: break;
            }
        }
        // The flags, whose tag takes two bytes; mostly they come last.
        if (cursor.left() >= 6 && at[0] == ((fixed32(16) & 0x7f) | 0x80) && at[1] == fixed32(16) >> 7) {
            cursor.at += 6;
            continue;
        }
        wire::Field field;
        if (!wire::next(cursor, field) || !read_field(at, cursor.at, field, interest)) return false;
    }
    return true;
}

// Whatever it does not have is nothing.
void SpanEdit::take(const UsualSpan& span) {
    trace_id_ = span.trace_id;
    kind_ = span.kind;
    attribute_count_ = span.attributes;
    start_unix_nano_ = span.start_unix_nano;
    end_unix_nano_ = span.end_unix_nano;
    if (span.name_begin == nullptr) {
        name_ = {};
        name_place_ = {};
        return;
    }
    const uint8_t* const name = span.name_begin + 2;
    name_ = {reinterpret_cast<const char*>(name), span.name_size};
    name_place_ = {span.name_begin, name + span.name_size};
}

bool SpanEdit::read_field(const uint8_t* begin, const uint8_t* end, const wire::Field& field,
                          const SpanInterest& interest) {
    switch (field.tag()) {
        case bytes(1):
            if (field.bytes.size() == 16) trace_id_ = field.bytes.data();
            break;
        case bytes(3):
            trace_state_ = field.text();
            trace_state_place_ = {begin, end};
            break;
        case bytes(5):
            name_ = field.text();
            name_place_ = {begin, end};
            break;
        case varint(6): kind_ = static_cast<uint32_t>(field.value); break;
        case fixed64(7): start_unix_nano_ = field.value; break;
        case fixed64(8): end_unix_nano_ = field.value; break;
        case bytes(9):
            ++attribute_count_;
            if (!interest.attributes.none()) found(begin, end, field.bytes);
            break;
        case varint(10):
            dropped_attributes_ = static_cast<uint32_t>(field.value);
            dropped_place_ = {begin, end};
            break;
        case bytes(11):
            if (interest.events) parts_.push_back({begin, end, 11, 3, field.bytes});
            break;
        case bytes(13):
            if (interest.events) parts_.push_back({begin, end, 13, 4, field.bytes});
            break;
        case bytes(15): status_ = status_code(field.bytes); break;
        default: break;
    }
    return true;
}

void SpanEdit::rename(std::string_view name) {
    name_ = name;
    replace(name_place_.begin, name_place_.end, 5, bytes_of(name));
}

void SpanEdit::set_trace_state(std::string_view trace_state) {
    trace_state_ = trace_state;
    replace(trace_state_place_.begin, trace_state_place_.end, 3, bytes_of(trace_state));
}

void SpanEdit::count_dropped_attributes(uint64_t more) {
    dropped_attributes_ += more;
    if (dropped_place_.begin != nullptr) erase(dropped_place_.begin, dropped_place_.end);
    dropped_place_ = {};
    append_number(10, dropped_attributes_ < UINT32_MAX ? dropped_attributes_ : UINT32_MAX);
}

}  // namespace spanring::agent
