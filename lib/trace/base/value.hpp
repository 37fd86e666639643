// SPDX-License-Identifier: Apache-2.0
//
// An AnyValue: `tag len { one field }`, its size known before its bytes are written. Lists are walked twice, to check
// and measure them and to write them, and each level once more for every list around it: SPR_VALUE_DEPTH bounds that,
// the size of a span bounds the rest. Nothing is allocated. The caller's memory must not change meanwhile.
#pragma once

#include <cstdint>
#include <cstring>

#include "spanring/spanring.h"
#include "trace/base/utf8.hpp"
#include "trace/base/wire.hpp"

namespace spanring::trace {

inline constexpr uint32_t kMaxText = 1u << 20;  // longer ones never fit into a span; bounds all arithmetic below
inline constexpr uint32_t kNoLengthLimit = ~uint32_t{0};

inline size_t text_size(const char* text, size_t size) {
    if (text == nullptr) return 0;
    return size == SPR_NUL ? strlen(text) : size;
}

// A checked value. `from` is the caller's. Texts are cut to length_limit characters and bytes to as many bytes, inside
// lists as well (specification: common/README.md, Attribute Limits).
struct Value {
    const spr_any* from;
    uint32_t length_limit;
    uint32_t type;
    uint32_t depth;       // lists around it
    uint32_t inner_size;  // text, bytes, or what is inside a list
    uint32_t size;        // of the AnyValue

    // False: no such type, nested too deep, too long, or a list without its elements.
    static bool check(uint32_t type, const spr_any& from, uint32_t depth, uint32_t length_limit, Value& ret) {
        uint64_t inner = 0;
        ret = {&from, length_limit, type, depth, 0, 0};
        switch (type) {
            case SPR_TYPE_STRING:
                inner = text_size(from.string.data, from.string.size);
                if (inner > length_limit) inner = first_characters(from.string.data, inner, length_limit);
                break;
            case SPR_TYPE_BYTES:
                inner = from.bytes.data == nullptr ? 0 : from.bytes.size;
                if (inner > length_limit) inner = length_limit;
                break;
            case SPR_TYPE_ARRAY:
                if (depth == SPR_VALUE_DEPTH || (from.array.values == nullptr && from.array.count != 0)) return false;
                if (!check_values(from, depth + 1, length_limit, inner)) return false;
                break;
            case SPR_TYPE_KEY_VALUES:
                if (depth == SPR_VALUE_DEPTH || (from.key_values.pairs == nullptr && from.key_values.count != 0))
                    return false;
                if (!check_pairs(from, depth + 1, length_limit, inner)) return false;
                break;
            case SPR_TYPE_BOOL: ret.size = 2; return true;
            case SPR_TYPE_INT64: ret.size = 1 + varint_size(static_cast<uint64_t>(from.int64)); return true;
            case SPR_TYPE_DOUBLE: ret.size = 9; return true;
            case SPR_TYPE_EMPTY: return true;
            default: return false;
        }
        if (inner > kMaxText) return false;
        ret.inner_size = static_cast<uint32_t>(inner);
        ret.size = 1 + varint_size(inner) + ret.inner_size;
        return true;
    }

    template <class Sink>
    void write(Sink& sink, uint8_t field_tag) const {
        uint8_t head[24];
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
            case SPR_TYPE_EMPTY: break;
            default: *end++ = tag(type, kBytes); end = put_varint(end, inner_size);
        }
        sink.put(head, static_cast<uint32_t>(end - head));
        if (inner_size == 0) return;
        if (type == SPR_TYPE_STRING) sink.put(from->string.data, inner_size);
        if (type == SPR_TYPE_BYTES) sink.put(from->bytes.data, inner_size);
        if (type == SPR_TYPE_ARRAY) write_values(sink);
        if (type == SPR_TYPE_KEY_VALUES) write_pairs(sink);
    }

private:
    // ArrayValue and KeyValueList: their elements are field 1.
    static bool check_values(const spr_any& from, uint32_t depth, uint32_t length_limit, uint64_t& ret_size) {
        for (size_t i = 0; i < from.array.count; ++i) {
            const spr_value& element = from.array.values[i];
            Value value;
            if (!check(element.type, element.value, depth, length_limit, value)) return false;
            ret_size += 1 + varint_size(value.size) + value.size;
            if (ret_size > kMaxText) return false;
        }
        return true;
    }
    static bool check_pairs(const spr_any& from, uint32_t depth, uint32_t length_limit,
                            uint64_t& ret_size);  // attribute.hpp

    template <class Sink>
    void write_values(Sink& sink) const {
        for (size_t i = 0; i < from->array.count; ++i) {
            const spr_value& element = from->array.values[i];
            Value value;
            if (check(element.type, element.value, depth + 1, length_limit, value)) value.write(sink, tag(1, kBytes));
        }
    }
    template <class Sink>
    void write_pairs(Sink& sink) const;  // attribute.hpp
};

}  // namespace spanring::trace
