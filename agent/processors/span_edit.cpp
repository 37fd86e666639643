// SPDX-License-Identifier: Apache-2.0
#include "processors/span_edit.hpp"

#include <cstring>

namespace spanring::agent {
namespace {

using namespace wire::tags;

uint64_t word_at(const uint8_t* at) {
    uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

// Of a KeyValue of at most 127 bytes, whether it is a key and a value and no more: then what stands first is the key. A
// key that comes again takes its place.
bool is_plain(const uint8_t* at, size_t size) {
    if (at[0] != bytes(1) || at[1] + size_t{4} > size) return false;
    const uint8_t* const value = at + 2 + at[1];
    return value[0] == bytes(2) && value + 2 + value[1] == at + size;
}

// An enum, of which parsers keep 32 bits.
uint32_t status_code(std::span<const uint8_t> status) {
    uint64_t code = 0;
    wire::each_field(status, [&](const wire::Field& field) {
        if (field.tag() == varint(3)) code = field.value;
    });
    return static_cast<uint32_t>(code);
}

}  // namespace

bool SpanEdit::read(std::span<const uint8_t> span, const SpanInterest& interest) {
    begin(span);
    parts_.clear();
    name_ = {};
    trace_id_ = nullptr;
    trace_state_ = {};
    // One by one: a copy of what was just written in other pieces would wait for it.
    name_place_ = {};
    dropped_place_ = {};
    trace_state_place_ = {};
    kind_ = status_ = attribute_count_ = 0;
    start_unix_nano_ = end_unix_nano_ = dropped_attributes_ = 0;
    wire::Cursor cursor(span);
    cursor.at = read_usual(cursor.at, cursor.left(), interest.attributes);
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
                    if (!is_plain(at + 2, length) || interest.attributes.may_want(at[3]))
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

// The beginning of nearly every span: its fields in the order and in the form in which libspanring writes them, then
// attributes. Ends before the first one that is otherwise.
const uint8_t* SpanEdit::read_usual(const uint8_t* at, size_t size, const KeyInterest& interest) {
    constexpr size_t kIds = 18 + 10, kTimes = 9 + 9;
    const uint8_t* const end = at + size;
    if (size < kIds + 10 + 2 || at[0] != bytes(1) || at[1] != 16 || at[18] != bytes(2) || at[19] != 8) return at;
    trace_id_ = at + 2;
    at += kIds;
    if (at[0] == bytes(4) && at[1] == 8) at += 10;
    if (at + 2 < end && at[0] == bytes(5) && at[1] < 0x80 && at[1] + 2 <= end - at) {
        name_ = {reinterpret_cast<const char*>(at + 2), at[1]};
        name_place_ = {at, at + 2 + at[1]};
        at = name_place_.end;
    }
    if (end - at >= 2 && at[0] == varint(6) && at[1] < 0x80) {
        kind_ = at[1];
        at += 2;
    }
    if (end - at >= static_cast<std::ptrdiff_t>(kTimes) && at[0] == fixed64(7) && at[9] == fixed64(8)) {
        start_unix_nano_ = word_at(at + 1);
        end_unix_nano_ = word_at(at + 10);
        at += kTimes;
    }
    uint32_t attributes = 0;
    const bool none = interest.none();
    for (; end - at >= 4 && at[0] == bytes(9) && at[1] < 0x80 && at[1] >= 2; ++attributes) {
        const uint8_t* const next = at + 2 + at[1];
        if (next > end) break;
        if (!none && (!is_plain(at + 2, at[1]) || interest.may_want(at[3]))) found(at, next, {at + 2, at[1]});
        at = next;
    }
    attribute_count_ = attributes;
    return at;
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
