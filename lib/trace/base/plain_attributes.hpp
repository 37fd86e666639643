// SPDX-License-Identifier: Apache-2.0
//
// Attributes as nearly all are, written in one pass where they will lie: a few, of different keys in short ASCII, with
// bools, numbers or texts that are kept whole, so that each length takes at most two bytes and what they take together
// is known without a look at a text. What it does not take, AttributeList and Attribute do, and byte for byte alike
// what it takes. The caller's memory must not change meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "spanring/spanring.h"
#include "trace/base/key_hash.hpp"
#include "trace/base/short_text.hpp"
#include "trace/base/value.hpp"
#include "trace/base/wire.hpp"

namespace spanring::trace {

// One, its sizes found out.
struct PlainAttribute {
    static constexpr size_t kMostText = 8192;
    // Around a key and a text: four tags, a length of one byte, three of two. Of a number with six of those: eleven.
    static constexpr uint32_t kMostAround = 11, kMostNumber = 17;

    const spr_attribute* from;
    uint32_t key_size;
    uint32_t text_size;

    // False: it is of another kind. most: of the bytes that it takes, once it is written.
    [[gnu::always_inline]] bool measure(const spr_attribute& attribute, size_t length_limit, uint32_t& ret_most) {
        from = &attribute;
        const size_t key = trace::text_size(attribute.key, attribute.key_size);
        if (key - 1 >= kShortText) return false;
        key_size = static_cast<uint32_t>(key);
        if (attribute.type == SPR_TYPE_STRING) {
            const size_t text = trace::text_size(attribute.value.string.data, attribute.value.string.size);
            if (text > kMostText || text > length_limit) return false;
            text_size = static_cast<uint32_t>(text);
            ret_most = key_size + text_size + kMostAround;
            return true;
        }
        text_size = 0;
        ret_most = key_size + kMostNumber;
        return attribute.type - SPR_TYPE_BOOL <= SPR_TYPE_DOUBLE - SPR_TYPE_BOOL;
    }

    KeyHash hash() const { return {from->key, key_size}; }

    // The end; nullptr: the key is not ASCII.
    [[gnu::always_inline]] uint8_t* write(uint8_t* to, uint8_t field_tag) const {
        const uint32_t value = value_size();
        *to = field_tag;
        to = put_short_length(to + 1, 2 + key_size + 1 + short_length_size(value) + value);
        to[0] = tag(1, kBytes);
        to[1] = static_cast<uint8_t>(key_size);
        if (!copy_short(to + 2, from->key, key_size)) return nullptr;
        to += 2 + key_size;
        *to = tag(2, kBytes);
        to = put_short_length(to + 1, value);
        switch (from->type) {
            case SPR_TYPE_STRING:
                *to = tag(SPR_TYPE_STRING, kBytes);
                return put_text(put_short_length(to + 1, text_size));
            case SPR_TYPE_BOOL:
                to[0] = tag(SPR_TYPE_BOOL, kVarint);
                to[1] = from->value.boolean != 0;
                return to + 2;
            case SPR_TYPE_INT64:
                *to = tag(SPR_TYPE_INT64, kVarint);
                return put_varint(to + 1, static_cast<uint64_t>(from->value.int64));
            default:
                *to = tag(SPR_TYPE_DOUBLE, kFixed64);
                memcpy(to + 1, &from->value.float64, 8);
                return to + 9;
        }
    }

private:
    uint32_t value_size() const {
        switch (from->type) {
            case SPR_TYPE_STRING: return 1 + short_length_size(text_size) + text_size;
            case SPR_TYPE_BOOL: return 2;
            case SPR_TYPE_INT64: return 1 + varint_size(static_cast<uint64_t>(from->value.int64));
            default: return 9;
        }
    }
    uint8_t* put_text(uint8_t* to) const {
        if (text_size <= kShortValue) [[likely]]
            copy_value(to, from->value.string.data, text_size);
        else
            memcpy(to, from->value.string.data, text_size);
        return to + text_size;
    }
};

// Those of an event or a link.
class PlainAttributes {
public:
    explicit PlainAttributes(size_t length_limit) : length_limit_(length_limit) {}

    // False: one of them, or their number, is of another kind.
    [[gnu::always_inline]] bool measure(const spr_attribute* attributes, size_t count) {
        if (attributes == nullptr) return true;
        if (count > kMost - count_) return false;
        for (size_t i = 0; i < count; ++i) {
            uint32_t most;
            if (!attributes_[count_++].measure(attributes[i], length_limit_, most)) return false;
            most_ += most;
        }
        return true;
    }

    uint32_t count() const { return count_; }
    uint32_t most() const { return most_; }  // of their bytes

    // The end; nullptr: keys that may be equal, or not ASCII.
    [[gnu::always_inline]] uint8_t* write(uint8_t* to, uint8_t field_tag) const {
        uint64_t filter = 0;
        for (uint32_t i = 0; i < count_ && to != nullptr; ++i) {
            const KeyHash hash = attributes_[i].hash();
            if (hash.is_in(filter)) return nullptr;
            filter = hash.added_to(filter);
            to = attributes_[i].write(to, field_tag);
        }
        return to;
    }

private:
    static constexpr uint32_t kMost = 8;

    const size_t length_limit_;
    uint32_t count_ = 0;
    uint32_t most_ = 0;
    PlainAttribute attributes_[kMost];
};

}  // namespace spanring::trace
