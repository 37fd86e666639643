// SPDX-License-Identifier: Apache-2.0
//
// Protobuf's wire format, as far as OTLP needs it: varints, tags, lengths, fixed words. No allocation, no exception.
// A reader is a cursor over bytes that nobody else writes; every read is checked against its end.
//
// What is accepted is what every parser in use accepts: a varint may be padded (non-minimal), but a tag or a length has
// at most 5 bytes (C++ protobuf refuses more) and a 10-byte varint must fit 64 bits (Go refuses more).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

static_assert(std::endian::native == std::endian::little, "fixed words are read as they lie");

namespace spanring::agent::wire {

enum class Type : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kGroupEnd = 4, kFixed32 = 5 };

constexpr uint32_t tag(uint32_t field, Type type) { return field << 3 | static_cast<uint32_t>(type); }
constexpr uint32_t field_of(uint32_t tag) { return tag >> 3; }
constexpr Type type_of(uint32_t tag) { return static_cast<Type>(tag & 7); }

// A field as a `switch` names it: number and type in one.
namespace tags {

constexpr uint32_t varint(uint32_t field) { return tag(field, Type::kVarint); }
constexpr uint32_t fixed64(uint32_t field) { return tag(field, Type::kFixed64); }
constexpr uint32_t fixed32(uint32_t field) { return tag(field, Type::kFixed32); }
constexpr uint32_t bytes(uint32_t field) { return tag(field, Type::kBytes); }

}  // namespace tags

enum class Fault : uint8_t { kNone, kTruncated, kVarint };

template <class Byte>
struct BasicCursor {
    Byte* at = nullptr;
    Byte* end = nullptr;

    BasicCursor() = default;
    BasicCursor(Byte* first, Byte* last) : at(first), end(last) {}
    explicit BasicCursor(std::span<Byte> bytes) : at(bytes.data()), end(bytes.data() + bytes.size()) {}

    bool done() const { return at == end; }
    size_t left() const { return static_cast<size_t>(end - at); }
};
using Cursor = BasicCursor<const uint8_t>;
using MutableCursor = BasicCursor<uint8_t>;

template <class Byte>
struct LongVarint {
    Byte* at;
    uint64_t value;
    Fault fault;
};

// A varint of at most `limit` bytes. Takes and gives values, so that callers keep their cursors in registers.
template <class Byte>
[[gnu::noinline]] LongVarint<Byte> read_long_varint(Byte* at, Byte* end, uint32_t limit) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < limit; ++i) {
        if (at == end) return {at, 0, Fault::kTruncated};
        const uint64_t byte = *at++;
        if (i == 9 && byte > 1) break;
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) return {at, value, Fault::kNone};
    }
    return {at, 0, Fault::kVarint};
}

template <class Byte>
[[gnu::always_inline]] inline Fault read_varint(BasicCursor<Byte>& cursor, uint64_t& value, uint32_t limit = 10) {
    if (cursor.at != cursor.end && *cursor.at < 0x80) [[likely]] {
        value = *cursor.at++;
        return Fault::kNone;
    }
    const auto varint = read_long_varint(cursor.at, cursor.end, limit);
    cursor.at = varint.at;
    value = varint.value;
    return varint.fault;
}

template <class Byte>
[[gnu::always_inline]] inline Fault read_tag(BasicCursor<Byte>& cursor, uint32_t& tag) {
    uint64_t wide = 0;
    const Fault fault = read_varint(cursor, wide, 5);
    if (wide > UINT32_MAX) return Fault::kVarint;
    tag = static_cast<uint32_t>(wide);
    return fault;
}

// The length of a bytes field; what it names lies before the end.
template <class Byte>
[[gnu::always_inline]] inline Fault read_length(BasicCursor<Byte>& cursor, size_t& length) {
    uint64_t wide = 0;
    if (const Fault fault = read_varint(cursor, wide, 5); fault != Fault::kNone) return fault;
    if (wide > cursor.left()) return Fault::kTruncated;
    length = static_cast<size_t>(wide);
    return Fault::kNone;
}

// One field with its value, for readers that are not on the hot path.
struct Field {
    uint32_t number = 0;
    Type type = Type::kVarint;
    uint64_t value = 0;              // varint, fixed64, fixed32
    std::span<const uint8_t> bytes;  // bytes

    uint32_t tag() const { return wire::tag(number, type); }
    std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

// False at the end, and where the bytes are not a field: then the cursor is not done(). Groups do not count as fields
// here.
inline bool next(Cursor& cursor, Field& field) {
    if (cursor.done()) return false;
    Cursor ahead = cursor;
    uint32_t tag = 0;
    if (read_tag(ahead, tag) != Fault::kNone || field_of(tag) == 0) return false;
    field.number = field_of(tag);
    field.type = type_of(tag);
    field.value = 0;
    field.bytes = {};
    size_t length = 0;
    switch (field.type) {
        case Type::kVarint:
            if (read_varint(ahead, field.value) != Fault::kNone) return false;
            break;
        case Type::kFixed64:
        case Type::kFixed32:
            length = field.type == Type::kFixed64 ? 8 : 4;
            if (ahead.left() < length) return false;
            std::memcpy(&field.value, ahead.at, length);
            ahead.at += length;
            break;
        case Type::kBytes:
            if (read_length(ahead, length) != Fault::kNone) return false;
            field.bytes = {ahead.at, length};
            ahead.at += length;
            break;
        default: return false;
    }
    cursor = ahead;
    return true;
}

// Calls take(field) for each field of a message, up to its end or to where the bytes are no field.
template <class Take>
void each_field(std::span<const uint8_t> message, Take take) {
    Cursor cursor(message);
    for (Field field; next(cursor, field);) take(field);
}

// The inside of the one field that `bytes` are; empty where they are none.
inline std::span<const uint8_t> body_of(std::string_view bytes) {
    Cursor cursor(reinterpret_cast<const uint8_t*>(bytes.data()),
                  reinterpret_cast<const uint8_t*>(bytes.data()) + bytes.size());
    Field whole;
    return next(cursor, whole) ? whole.bytes : std::span<const uint8_t>();
}

constexpr size_t varint_size(uint64_t value) { return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7; }

// Writes the minimal varint; returns the byte after it.
inline uint8_t* put_varint(uint8_t* at, uint64_t value) {
    while (value >= 0x80) {
        *at++ = static_cast<uint8_t>(value | 0x80);
        value >>= 7;
    }
    *at++ = static_cast<uint8_t>(value);
    return at;
}

}  // namespace spanring::agent::wire
