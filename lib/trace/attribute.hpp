// SPDX-License-Identifier: Apache-2.0
//
// A KeyValue as a field of some message: `tag len { 0x0a len key, 0x12 len AnyValue }`. Sizes first, bytes then, so that
// nothing is ever moved. A Sink takes put(bytes, size) and put_byte().
#pragma once

#include <cstdint>
#include <cstring>

#include "spanring/spanring.h"
#include "trace/utf8.hpp"
#include "trace/wire.hpp"

namespace spanring::trace {

inline constexpr uint32_t kMaxText = 1u << 20;  // longer strings never fit into a span; bounds all arithmetic below

inline size_t text_size(const char* text, size_t size) {
    if (text == nullptr) return 0;
    return size == SPR_NUL ? strlen(text) : size;
}

// A checked attribute: lengths resolved.
struct Attribute {
    const char* key;
    uint32_t key_size;
    uint32_t type;
    const char* text;    // string
    uint32_t text_size;
    uint64_t bits;       // bool, int64, double

    // False: no key, no such type, a key that is not UTF-8, or far too long. Values that are not UTF-8 are repaired by
    // the agent.
    static bool check(const spr_attribute& from, Attribute& ret) {
        const size_t key_size = spanring::trace::text_size(from.key, from.key_size);
        if (key_size == 0 || key_size > kMaxText || !is_utf8(from.key, key_size)) return false;
        ret = {from.key, static_cast<uint32_t>(key_size), from.type, nullptr, 0, 0};
        switch (from.type) {
            case SPR_TYPE_STRING: {
                const size_t size = spanring::trace::text_size(from.value.string.data, from.value.string.size);
                if (size > kMaxText) return false;
                ret.text = size == 0 ? "" : from.value.string.data;
                ret.text_size = static_cast<uint32_t>(size);
                return true;
            }
            case SPR_TYPE_BOOL: ret.bits = from.value.boolean != 0; return true;
            case SPR_TYPE_INT64: ret.bits = static_cast<uint64_t>(from.value.int64); return true;
            case SPR_TYPE_DOUBLE: memcpy(&ret.bits, &from.value.float64, sizeof ret.bits); return true;
            default: return false;
        }
    }

    uint32_t any_value_size() const {
        switch (type) {
            case SPR_TYPE_STRING: return 1 + varint_size(text_size) + text_size;
            case SPR_TYPE_DOUBLE: return 9;
            default: return 1 + varint_size(bits);
        }
    }
    uint32_t key_value_size() const {
        const uint32_t value = any_value_size();
        return 1 + varint_size(key_size) + key_size + 1 + varint_size(value) + value;
    }
    uint32_t field_size() const {
        const uint32_t size = key_value_size();
        return 1 + varint_size(size) + size;
    }

    template <class Sink>
    void write(Sink& sink, uint8_t field_tag) const {
        uint8_t head[16];
        const uint32_t value = any_value_size();
        head[0] = field_tag;
        uint8_t* end = put_varint(head + 1, key_value_size());
        *end++ = tag(1, kBytes);
        end = put_varint(end, key_size);
        sink.put(head, static_cast<uint32_t>(end - head));
        sink.put(key, key_size);

        uint8_t body[24];
        body[0] = tag(2, kBytes);
        end = put_varint(body + 1, value);
        switch (type) {
            case SPR_TYPE_STRING:
                *end++ = tag(1, kBytes);
                end = put_varint(end, text_size);
                break;
            case SPR_TYPE_DOUBLE:
                *end++ = tag(4, kFixed64);
                end = put_fixed64(end, bits);
                break;
            default:  // AnyValue: bool_value is field 2, int_value field 3
                *end++ = tag(type == SPR_TYPE_BOOL ? 2 : 3, kVarint);
                end = put_varint(end, bits);
        }
        sink.put(body, static_cast<uint32_t>(end - body));
        if (type == SPR_TYPE_STRING) sink.put(text, text_size);
    }
};

// A Sink over plain memory.
struct Memory {
    uint8_t* at;
    void put(const void* bytes, uint32_t size) {
        memcpy(at, bytes, size);
        at += size;
    }
    void put_byte(uint8_t byte) { *at++ = byte; }
};

}  // namespace spanring::trace
