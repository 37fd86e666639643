// SPDX-License-Identifier: Apache-2.0
//
// A KeyValue as a field of some message: `tag len { 0x0a len key, 0x12 len AnyValue }`. Sizes first, bytes then, so
// that nothing is ever moved. A Sink takes put(bytes, size) and put_byte().
#pragma once

#include <cstdint>
#include <cstring>

#include "trace/base/value.hpp"

namespace spanring::trace {

// A checked attribute: lengths resolved.
struct Attribute {
    const char* key;
    uint32_t key_size;
    Value value;

    // False: no key, no such type, a key that is not UTF-8, or far too long. Values that are not UTF-8 are repaired by
    // the agent.
    static bool check(const spr_attribute& from, Attribute& ret, uint32_t length_limit = kNoLengthLimit,
                      uint32_t depth = 0) {
        const size_t key_size = text_size(from.key, from.key_size);
        if (key_size == 0 || key_size > kMaxText || !is_utf8(from.key, key_size)) return false;
        ret.key = from.key;
        ret.key_size = static_cast<uint32_t>(key_size);
        return Value::check(from.type, from.value, depth, length_limit, ret.value);
    }

    uint32_t key_value_size() const {
        return 1 + varint_size(key_size) + key_size + 1 + varint_size(value.size) + value.size;
    }
    uint32_t field_size() const {
        const uint32_t size = key_value_size();
        return 1 + varint_size(size) + size;
    }

    template <class Sink>
    void write(Sink& sink, uint8_t field_tag) const {
        uint8_t head[16];
        head[0] = field_tag;
        uint8_t* end = put_varint(head + 1, key_value_size());
        *end++ = tag(1, kBytes);
        end = put_varint(end, key_size);
        sink.put(head, static_cast<uint32_t>(end - head));
        sink.put(key, key_size);
        value.write(sink, tag(2, kBytes));
    }
};

inline bool Value::check_pairs(const spr_any& from, uint32_t depth, uint32_t length_limit, uint64_t& ret_size) {
    for (size_t i = 0; i < from.key_values.count; ++i) {
        Attribute pair;
        if (!Attribute::check(from.key_values.pairs[i], pair, length_limit, depth)) return false;
        ret_size += pair.field_size();
        if (ret_size > kMaxText) return false;
    }
    return true;
}

template <class Sink>
void Value::write_pairs(Sink& sink) const {
    for (size_t i = 0; i < from->key_values.count; ++i) {
        Attribute pair;
        if (Attribute::check(from->key_values.pairs[i], pair, length_limit, depth + 1))
            pair.write(sink, tag(1, kBytes));
    }
}

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
