// SPDX-License-Identifier: Apache-2.0
//
// The beginning of nearly every span: its fields in the order and in the form in which libspanring or an SDK writes
// them, each at most once, then attributes (otlp/span_form.hpp). A walk without a table: what it finds stays in
// registers where the caller leaves it there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "otlp/wire.hpp"

namespace spanring::agent {

struct UsualSpan {
    const uint8_t* trace_id = nullptr;    // 16 bytes
    const uint8_t* name_begin = nullptr;  // of the whole field; null: it has none here
    uint32_t name_size = 0;               // of the name, which follows two bytes after that
    uint32_t kind = 0;
    uint32_t attributes = 0;
    bool recorded = false;  // SpanForm's: kind and end come last
    uint64_t start_unix_nano = 0;
    uint64_t end_unix_nano = 0;
};

// An enum, of which parsers keep 32 bits.
inline uint32_t status_code(std::span<const uint8_t> status) {
    uint64_t code = 0;
    wire::each_field(status, [&](const wire::Field& field) {
        if (field.tag() == wire::tags::varint(3)) code = field.value;
    });
    return static_cast<uint32_t>(code);
}

// Of a KeyValue of at least 2 bytes, whether it is a key and a value and no more, in lengths of a byte: then what
// stands first is the key. A key that comes again takes its place.
inline bool is_plain_key_value(const uint8_t* at, size_t size) {
    if (size >= 0x80 || at[0] != wire::tags::bytes(1) || at[1] + size_t{4} > size) return false;
    const uint8_t* const value = at + 2 + at[1];
    return value[0] == wire::tags::bytes(2) && value + 2 + value[1] == at + size;
}

// What comes before the attributes. Where it ends, which is before the first field that is otherwise.
[[gnu::always_inline]] inline const uint8_t* read_usual_head(const uint8_t* at, const uint8_t* end, UsualSpan& span) {
    using wire::tags::bytes;
    using wire::tags::fixed64;
    constexpr std::ptrdiff_t kIds = 18 + 10, kTimes = 9 + 9;
    const auto word_at = [](const uint8_t* from) {
        uint64_t value = 0;
        std::memcpy(&value, from, sizeof value);
        return value;
    };
    if (end - at < kIds + 10 + 2 || at[0] != bytes(1) || at[1] != 16 || at[18] != bytes(2) || at[19] != 8) return at;
    span.trace_id = at + 2;
    at += kIds;
    if (at[0] == bytes(4) && at[1] == 8) at += 10;
    if (end - at >= 9 + 2 && at[0] == fixed64(7) && at[9] == bytes(5) && at[10] < 0x80 && at[10] + 11 <= end - at) {
        span.start_unix_nano = word_at(at + 1);
        span.name_begin = at + 9;
        span.name_size = at[10];
        span.recorded = true;
        return at + 11 + at[10];
    }
    if (at + 2 < end && at[0] == bytes(5) && at[1] < 0x80 && at[1] + 2 <= end - at) {
        span.name_begin = at;
        span.name_size = at[1];
        at += 2 + at[1];
    }
    if (end - at >= 2 && at[0] == wire::tags::varint(6) && at[1] < 0x80) {
        span.kind = at[1];
        at += 2;
    }
    if (end - at >= kTimes && at[0] == fixed64(7) && at[9] == fixed64(8)) {
        span.start_unix_nano = word_at(at + 1);
        span.end_unix_nano = word_at(at + 10);
        at += kTimes;
    }
    return at;
}

// Likewise with the attributes. Of each, `take` gets where the field begins and ends and where its KeyValue does.
template <class Take>
[[gnu::always_inline]] inline const uint8_t* read_usual(const uint8_t* at, const uint8_t* end, UsualSpan& span,
                                                        Take take) {
    at = read_usual_head(at, end, span);
    for (; end - at >= 4 && at[0] == wire::tags::bytes(9); ++span.attributes) {
        const uint8_t* inside = at + 2;
        std::ptrdiff_t size = at[1];
        if (size >= 0x80) [[unlikely]] {  // a length of two bytes
            if (at[2] >= 0x80) break;
            size = (size & 0x7f) | at[2] << 7;
            ++inside;
        }
        if (size < 2 || size > end - inside) break;
        take(at, inside + size, inside);
        at = inside + size;
    }
    return at;
}

}  // namespace spanring::agent
