// SPDX-License-Identifier: Apache-2.0
//
// A KeyValue as a field of some message: `tag len { 0x0a len key, 0x12 len AnyValue }`. Sizes first, bytes then, so
// that nothing is ever moved. A Sink takes put(bytes, size) and put_byte().
#pragma once

#include <cstdint>
#include <cstring>

#include "trace/base/list_walk.hpp"
#include "trace/base/value.hpp"

namespace spanring::trace {

// A checked attribute: lengths resolved.
struct Attribute {
    const char* key;
    uint32_t key_size;
    Value value;

    // False: no key, no such type, a key that is not UTF-8, or one that is far too long. Values that are not UTF-8 are
    // repaired by the agent.
    static bool check(const spr_attribute& from, Attribute& ret, LengthLimit limit = {}) {
        ret.key = from.key;
        return check_key(from.key, from.key_size, ret.key_size) &&
               Value::check(from.type, from.value, limit, Nesting::kOfAttribute, ret.value);
    }

    uint32_t field_size() const {
        const uint32_t size = key_value_size(key_size, value.size);
        return 1 + varint_size(size) + size;
    }

    template <class Sink>
    void write(Sink& sink, uint8_t field_tag) const {
        write_key(sink, field_tag, key, key_size, value.size);
        value.write(sink, tag(2, kBytes));
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
