// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/span_outline.hpp"

#include <cstring>

#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

using namespace wire::tags;

uint64_t word_at(const uint8_t* at) {
    uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

// An enum, of which parsers keep 32 bits.
uint32_t below(uint64_t value, uint32_t bound) {
    const auto word = static_cast<uint32_t>(value);
    return word < bound ? word : 0;
}

uint32_t status_code(std::span<const uint8_t> status) {
    uint64_t code = 0;
    wire::each_field(status, [&](const wire::Field& field) {
        if (field.tag() == varint(3)) code = field.value;
    });
    return below(code, kStatuses);
}

// What comes before the attributes, in the order and the form in which libspanring or an SDK writes it. Whatever is not
// exactly so is left to the general way.
[[gnu::always_inline]] inline void read_head(wire::Cursor& cursor, SpanOutline& outline) {
    const uint8_t* at = cursor.at;
    if (cursor.left() < 64 || at[0] != bytes(1) || at[1] != 16 || at[18] != bytes(2) || at[19] != 8) return;
    outline.trace_id = at + 2;
    outline.span_id = at + 20;
    at += 28;
    if (at[0] == bytes(4) && at[1] == 8) {
        outline.parent_span_id = at + 2;
        at += 10;
    }
    const auto left = static_cast<size_t>(cursor.end - at);
    // As libspanring writes it, what is known at the end comes last (SpanTail).
    if (at[0] == fixed64(7) && at[9] == bytes(5) && at[10] < 0x80 && at[10] + size_t{9 + 2} <= left) {
        outline.start_unix_nano = word_at(at + 1);
        outline.name = {at + 11, at[10]};
        cursor.at = at + 11 + at[10];
        return;
    }
    if (at[0] == bytes(5) && at[1] < 0x80 && at[1] + size_t{2 + 2 + 9 + 9} <= left) {
        outline.name = {at + 2, at[1]};
        at += 2 + at[1];
        if (at[0] == varint(6) && at[1] < 0x80) {
            outline.kind = below(at[1], kKinds);
            at += 2;
        }
        if (at[0] == fixed64(7) && at[9] == fixed64(8)) {
            outline.start_unix_nano = word_at(at + 1);
            outline.end_unix_nano = word_at(at + 10);
            at += 18;
        }
    }
    cursor.at = at;
}

// Past attributes whose lengths take a byte or two, to the first field that is left to the general way.
template <class Take>
[[gnu::always_inline]] inline void read_attributes(wire::Cursor& cursor, Take take) {
    const uint8_t* at = cursor.at;
    const uint8_t* const end = cursor.end;
    while (end - at >= 3 && at[0] == bytes(9)) {
        const uint8_t* inside = at + 2;
        size_t size = at[1];
        if (size >= 0x80) {
            size = (size & 0x7f) | size_t{*inside++} << 7;
            if (inside[-1] >= 0x80) break;
        }
        if (size > static_cast<size_t>(end - inside)) break;
        take(inside, size);
        at = inside + size;
    }
    cursor.at = at;
}

// A key and then a value, both with a length of one byte and nothing else. False: it is left to the general way.
[[gnu::always_inline]] inline bool read_plain(std::span<const uint8_t> key_value, std::span<const uint8_t>& key,
                                              EncodedValue& value) {
    const uint8_t* const at = key_value.data();
    const size_t size = key_value.size();
    if (size < 4 || at[0] != bytes(1) || at[1] + size_t{4} > size) return false;
    const uint8_t* const second = at + 2 + at[1];
    if (at[1] >= 0x80 || second[0] != bytes(2) || second + 2 + second[1] != at + size) return false;
    key = {at + 2, at[1]};
    value = {second + 2, second[1]};
    return second[1] < 0x80;
}

// The flags, whose tag takes two bytes: mostly they come last.
[[gnu::always_inline]] inline bool only_flags_are_left(const wire::Cursor& cursor) {
    return cursor.left() == 6 && cursor.at[0] == ((fixed32(16) & 0x7f) | 0x80) && cursor.at[1] == fixed32(16) >> 7;
}

bool read_field(const wire::Field& field, WantedValues& wanted, SpanOutline& outline) {
    switch (field.tag()) {
        case bytes(1):
            if (field.bytes.size() != 16) return false;
            outline.trace_id = field.bytes.data();
            break;
        case bytes(2):
            if (field.bytes.size() != 8) return false;
            outline.span_id = field.bytes.data();
            break;
        case bytes(3): outline.trace_state = field.text(); break;
        case bytes(4): outline.parent_span_id = field.bytes.size() == 8 ? field.bytes.data() : nullptr; break;
        case bytes(5): outline.name = field.bytes; break;
        case varint(6): outline.kind = below(field.value, kKinds); break;
        case fixed64(7): outline.start_unix_nano = field.value; break;
        case fixed64(8): outline.end_unix_nano = field.value; break;
        case bytes(9): wanted.take(field.bytes); break;
        case bytes(15): outline.status = status_code(field.bytes); break;
        case fixed32(16): outline.flags = static_cast<uint32_t>(field.value); break;
        default: break;
    }
    return true;
}

}  // namespace

void WantedValues::take(std::span<const uint8_t> key_value) {
    std::span<const uint8_t> key;
    EncodedValue value;
    if (!read_plain(key_value, key, value)) {
        wire::each_field(key_value, [&](const wire::Field& field) {
            if (field.tag() == bytes(1)) key = field.bytes;
            if (field.tag() == bytes(2)) value = field.bytes;
        });
    }
    for (size_t i = 0; i < keys_.size(); ++i) {
        if (keys_[i].size() != key.size() || std::memcmp(keys_[i].data(), key.data(), key.size()) != 0) continue;
        if (values_[i].data() == nullptr) values_[i] = value;
    }
}

bool read_outline(std::span<const uint8_t> span, WantedValues& wanted, SpanOutline& ret_outline, const SpanForm& form) {
    wire::Cursor cursor(span);
    read_head(cursor, ret_outline);
    // Its head was read, no status or trace state follows, and the rest stands at its end.
    if (form.usual() && form.recorded && wanted.empty()) cursor.at = cursor.end - SpanTail::kSize;
    for (;;) {
        if (wanted.empty())
            read_attributes(cursor, [](const uint8_t*, size_t) {});
        else
            read_attributes(cursor, [&](const uint8_t* at, size_t size) {
                const bool key_is_first = size >= 2 && at[0] == bytes(1) && at[1] < 0x80;
                if (!key_is_first || wanted.may_want_key_of(at[1])) wanted.take({at, size});
            });
        if (cursor.done()) break;
        if (cursor.left() == SpanTail::kSize && SpanTail::is_at(cursor.at)) {
            ret_outline.end_unix_nano = word_at(cursor.at + SpanTail::kEnd);
            ret_outline.kind = below(cursor.at[SpanTail::kKind], kKinds);
            std::memcpy(&ret_outline.flags, cursor.at + SpanTail::kFlags, sizeof ret_outline.flags);
            break;
        }
        if (only_flags_are_left(cursor)) {
            std::memcpy(&ret_outline.flags, cursor.at + 2, sizeof ret_outline.flags);
            break;
        }
        wire::Field field;
        if (!wire::next(cursor, field) || !read_field(field, wanted, ret_outline)) return false;
    }
    return ret_outline.trace_id != nullptr && ret_outline.span_id != nullptr;
}

}  // namespace spanring::agent
