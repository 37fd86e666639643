// SPDX-License-Identifier: Apache-2.0
//
// An AnyValue: `tag len { one field }`, its size known before its bytes are written. What is in a list is walked twice,
// to check and measure it and to write it, and once more for every list around it: kMostLists bounds that, the size of
// a span bounds the rest. Nothing is allocated, and nothing calls itself. The caller's memory must not change
// meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "spanring/spanring.h"
#include "trace/base/length_limit.hpp"
#include "trace/base/utf8.hpp"
#include "trace/base/wire.hpp"

namespace spanring::trace {

inline size_t text_size(const char* text, size_t size) {
    if (text == nullptr) return 0;
    return size == SPR_NUL ? strlen(text) : size;
}

// How deep messages are nested in the request in which a value goes out. Parsers stop at 100 (prost, C++'s protobuf),
// and then the whole request is lost. Counted from ExportTraceServiceRequest, which is the first; the value of an
// event's or a link's attribute is the deepest, so its place is taken for all.
struct Nesting {
    static constexpr uint32_t kMost = 100;
    static constexpr uint32_t kOfAttribute = 7;  // Request, ResourceSpans, ScopeSpans, Span, Event, KeyValue, AnyValue
    // What a list adds: ArrayValue, AnyValue; KeyValueList, KeyValue, AnyValue.
    static constexpr uint32_t of_list(uint32_t type) { return type == SPR_TYPE_ARRAY ? 2 : 3; }
    static constexpr bool fits(uint32_t nesting, uint32_t type) { return nesting + of_list(type) <= kMost; }
};

// Lists in lists. It is the messages that bound them, not SPR_VALUE_DEPTH.
inline constexpr uint32_t kMostLists = (Nesting::kMost - Nesting::kOfAttribute) / 2;
static_assert(kMostLists <= SPR_VALUE_DEPTH);

// A checked value. `from` is the caller's.
struct Value {
    const spr_any* from;
    LengthLimit limit;  // inside of lists as well
    uint32_t type;
    uint32_t nesting;     // messages around it and it itself
    uint32_t inner_size;  // text, bytes, or what is inside a list
    uint32_t size;        // of the AnyValue

    // False: no such type, a length that cannot be, or a list without its elements. A list that is nested too deep is
    // an empty value (specification: common/README.md, Attribute Limits); one of more than kMaxText bytes has kTooLong.
    static bool check(uint32_t type, const spr_any& from, LengthLimit limit, uint32_t nesting, Value& ret) {
        if (!is_list(type)) return check_flat(type, from, limit, nesting, ret);
        ret = {&from, limit, type, nesting, 0, 0};
        if (!Nesting::fits(nesting, type)) {
            ret.type = SPR_TYPE_EMPTY;
            return true;
        }
        if (!measure_list(ret)) return false;
        ret.size = 1 + varint_size(ret.inner_size) + ret.inner_size;
        return true;
    }

    template <class Sink>
    void write(Sink& sink, uint8_t field_tag) const {
        write_flat(sink, field_tag);
        if (is_list(type) && inner_size != 0) write_elements(sink);
    }

    static constexpr bool is_list(uint32_t type) { return type == SPR_TYPE_ARRAY || type == SPR_TYPE_KEY_VALUES; }

    static constexpr uint32_t kTooLong = kMaxText + 1;  // fits nowhere

private:
    static bool check_flat(uint32_t type, const spr_any& from, LengthLimit limit, uint32_t nesting, Value& ret) {
        if (type == SPR_TYPE_UINT64 && from.int64 >= 0) type = SPR_TYPE_INT64;
        ret = {&from, limit, type, nesting, 0, 0};
        switch (type) {
            case SPR_TYPE_STRING: {
                const size_t given = text_size(from.string.data, from.string.size);
                if (given > PTRDIFF_MAX) return false;
                ret.inner_size = limit.of_text(from.string.data, given);
                break;
            }
            case SPR_TYPE_BYTES: {
                const size_t given = from.bytes.data == nullptr ? 0 : from.bytes.size;
                if (given > PTRDIFF_MAX) return false;
                ret.inner_size = limit.of_bytes(given);
                break;
            }
            case SPR_TYPE_UINT64: ret.inner_size = digits_of(from); break;
            case SPR_TYPE_BOOL: ret.size = 2; return true;
            case SPR_TYPE_INT64: ret.size = 1 + varint_size(static_cast<uint64_t>(from.int64)); return true;
            case SPR_TYPE_DOUBLE: ret.size = 9; return true;
            case SPR_TYPE_EMPTY: return true;
            default: return false;
        }
        ret.size = 1 + varint_size(ret.inner_size) + ret.inner_size;
        return true;
    }

    // Of what no int64 can hold: 19 or 20.
    static uint32_t digits_of(const spr_any& from) {
        return static_cast<uint64_t>(from.int64) >= 10'000'000'000'000'000'000u ? 20 : 19;
    }
    static uint8_t* put_digits(uint8_t* to, const spr_any& from) {
        const uint32_t digits = digits_of(from);
        uint64_t rest = static_cast<uint64_t>(from.int64);
        for (uint32_t i = digits; i-- != 0; rest /= 10) to[i] = static_cast<uint8_t>('0' + rest % 10);
        return to + digits;
    }

    // Fills inner_size. False: an element is not valid.
    static bool measure_list(Value& list);  // value.cpp

    // All but what is inside of a list.
    template <class Sink>
    void write_flat(Sink& sink, uint8_t field_tag) const {
        uint8_t head[40];
        head[0] = field_tag;
        uint8_t* end = put_varint(head + 1, size);
        // AnyValue: the type is the number of its field.
        switch (type) {
            case SPR_TYPE_BOOL:
                *end++ = tag(type, kVarint);
                *end++ = from->boolean != 0;
                break;
            case SPR_TYPE_INT64:
                *end++ = tag(type, kVarint);
                end = put_varint(end, static_cast<uint64_t>(from->int64));
                break;
            case SPR_TYPE_DOUBLE:
                *end++ = tag(type, kFixed64);
                memcpy(end, &from->float64, 8);
                end += 8;
                break;
            case SPR_TYPE_UINT64:
                *end++ = tag(SPR_TYPE_STRING, kBytes);
                end = put_digits(put_varint(end, inner_size), *from);
                break;
            case SPR_TYPE_EMPTY: break;
            default: *end++ = tag(type, kBytes); end = put_varint(end, inner_size);
        }
        sink.put(head, static_cast<uint32_t>(end - head));
        if (inner_size == 0) return;
        if (type == SPR_TYPE_STRING) sink.put(from->string.data, inner_size);
        if (type == SPR_TYPE_BYTES) sink.put(from->bytes.data, inner_size);
    }

    template <class Sink>
    [[gnu::noinline]] void write_elements(Sink& sink) const;  // list_walk.hpp
};

// A KeyValue: key 1, value 2.
constexpr uint32_t key_value_size(uint32_t key_size, uint32_t value_size) {
    return 1 + varint_size(key_size) + key_size + 1 + varint_size(value_size) + value_size;
}

// The part of a KeyValue in front of its value, with a tag of its own.
template <class Sink>
void write_key(Sink& sink, uint8_t field_tag, const char* key, uint32_t key_size, uint32_t value_size) {
    uint8_t head[16];
    head[0] = field_tag;
    uint8_t* end = put_varint(head + 1, key_value_size(key_size, value_size));
    *end++ = tag(1, kBytes);
    end = put_varint(end, key_size);
    sink.put(head, static_cast<uint32_t>(end - head));
    sink.put(key, key_size);
}

// False: no key, one that is not UTF-8, or far too long.
inline bool check_key(const char* key, size_t given_size, uint32_t& ret_size) {
    const size_t size = text_size(key, given_size);
    if (size == 0 || size > kMaxText || !is_utf8(key, size)) return false;
    ret_size = static_cast<uint32_t>(size);
    return true;
}

}  // namespace spanring::trace
