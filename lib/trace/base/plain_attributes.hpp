// SPDX-License-Identifier: Apache-2.0
//
// Attributes as nearly all are, written in one pass where they will lie: of different keys in short ASCII, with bools,
// numbers or texts that are kept whole and whose sizes are said, so that each length takes at most two bytes and what
// they take together is known without a look at a text, or a call. What it does not take, AttributeList and Attribute
// do, and byte for byte alike what it takes. The caller's memory must not change meanwhile.
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

// Of an attribute whose lengths take one byte each, so that a head is four: tag, length, tag, length. By sums, since no
// part reaches into the next; `rest`: what follows the key.
constexpr uint32_t short_field_head(uint8_t field_tag, uint32_t key, uint32_t rest) {
    return key * 0x01000100 + (rest << 8) + (uint32_t{field_tag} | uint32_t{tag(1, kBytes)} << 16);
}
constexpr uint32_t short_text_head(uint32_t text) {
    return text * 0x01000100 + (uint32_t{tag(2, kBytes)} | 2u << 8 | uint32_t{tag(SPR_TYPE_STRING, kBytes)} << 16);
}

class PlainAttribute {
public:
    static constexpr size_t kMostText = 8192;
    static constexpr uint32_t kOther = ~uint32_t{0};

    explicit PlainAttribute(const spr_attribute& from) : from_(from) {}

    // How many bytes it takes at most; kOther: it is of another kind.
    [[gnu::always_inline]] uint32_t most(size_t longest_text) const {
        // Around a key and a text: four tags, a length of one byte, three of two. Of a number with six of those:
        // eleven.
        constexpr uint32_t kAround = 11, kNumber = 17;
        if (from_.key == nullptr || from_.key_size - 1 >= kShortText) return kOther;
        if (from_.type == SPR_TYPE_STRING) [[likely]] {
            const size_t size = from_.value.string.size;
            if (size > longest_text || (from_.value.string.data == nullptr && size != 0)) return kOther;
            return static_cast<uint32_t>(from_.key_size + size) + kAround;
        }
        if (from_.type - SPR_TYPE_BOOL > SPR_TYPE_DOUBLE - SPR_TYPE_BOOL) return kOther;
        return static_cast<uint32_t>(from_.key_size) + kNumber;
    }

    KeyHash hash() const { return {from_.key, from_.key_size}; }

    // Of one that most() takes. What write() would say, before anything is done for it.
    bool has_ascii_key() const {
        uint8_t copy[kShortText];
        return copy_short(copy, from_.key, from_.key_size) == 0;
    }

    // The end; nullptr: the key is not ASCII.
    [[gnu::always_inline]] uint8_t* write(uint8_t* to, uint8_t field_tag) const {
        if (from_.type == SPR_TYPE_STRING && from_.value.string.size <= kShortPair - from_.key_size) [[likely]]
            return write_short(to, field_tag);
        return write_any(to, field_tag);
    }

private:
    static_assert(kShortText < kShortPair && kShortPair + 6 < 128);
    [[gnu::always_inline]] uint8_t* write_short(uint8_t* to, uint8_t field_tag) const {
        const auto key = static_cast<uint32_t>(from_.key_size), text = static_cast<uint32_t>(from_.value.string.size);
        put_fixed32(to, short_field_head(field_tag, key, text + 6));
        if (copy_short(to + 4, from_.key, key) != 0) return nullptr;
        to += 4 + key;
        put_fixed32(to, short_text_head(text));
        copy_value(to + 4, from_.value.string.data, text);
        return to + 4 + text;
    }

    [[gnu::always_inline]] uint8_t* write_any(uint8_t* to, uint8_t field_tag) const {
        const auto key = static_cast<uint32_t>(from_.key_size);
        const uint32_t value = value_size();
        *to = field_tag;
        to = put_short_length(to + 1, 2 + key + 1 + short_length_size(value) + value);
        to[0] = tag(1, kBytes);
        to[1] = static_cast<uint8_t>(key);
        if (copy_short(to + 2, from_.key, key) != 0) return nullptr;
        to += 2 + key;
        *to = tag(2, kBytes);
        to = put_short_length(to + 1, value);
        switch (from_.type) {
            case SPR_TYPE_STRING:
                *to = tag(SPR_TYPE_STRING, kBytes);
                to = put_short_length(to + 1, static_cast<uint32_t>(from_.value.string.size));
                memcpy(to, from_.value.string.data, from_.value.string.size);
                return to + from_.value.string.size;
            case SPR_TYPE_BOOL:
                to[0] = tag(SPR_TYPE_BOOL, kVarint);
                to[1] = from_.value.boolean != 0;
                return to + 2;
            case SPR_TYPE_INT64:
                *to = tag(SPR_TYPE_INT64, kVarint);
                return put_varint(to + 1, static_cast<uint64_t>(from_.value.int64));
            default:
                *to = tag(SPR_TYPE_DOUBLE, kFixed64);
                memcpy(to + 1, &from_.value.float64, 8);
                return to + 9;
        }
    }

    uint32_t value_size() const {
        const auto text = static_cast<uint32_t>(from_.value.string.size);
        switch (from_.type) {
            case SPR_TYPE_STRING: return 1 + short_length_size(text) + text;
            case SPR_TYPE_BOOL: return 2;
            case SPR_TYPE_INT64: return 1 + varint_size(static_cast<uint64_t>(from_.value.int64));
            default: return 9;
        }
    }

    const spr_attribute& from_;
};

// Those of an event or a link.
class PlainAttributes {
public:
    static constexpr size_t kMost = 8;
    static constexpr uint32_t kOther = PlainAttribute::kOther;

    PlainAttributes(const spr_attribute* attributes, size_t count)
        : attributes_(attributes), count_(attributes == nullptr ? 0 : count) {}

    // As PlainAttribute::most(); `limit`: how many there may be.
    [[gnu::always_inline]] uint32_t most(size_t longest_text, uint32_t limit) const {
        if (count_ > kMost || count_ > limit) return kOther;
        uint32_t sum = 0;
        for (size_t i = 0; i < count_; ++i) {
            const uint32_t one = PlainAttribute(attributes_[i]).most(longest_text);
            if (one == kOther) return kOther;
            sum += one;
        }
        return sum;
    }

    // The end; nullptr: keys that may be equal, or not ASCII.
    [[gnu::always_inline]] uint8_t* write(uint8_t* to, uint8_t field_tag) const {
        uint64_t filter = 0;
        for (size_t i = 0; i < count_; ++i) {
            const PlainAttribute attribute(attributes_[i]);
            const KeyHash hash = attribute.hash();
            if (hash.is_in(filter)) return nullptr;
            filter = hash.added_to(filter);
            to = attribute.write(to, field_tag);
            if (to == nullptr) return nullptr;
        }
        return to;
    }

private:
    const spr_attribute* attributes_;
    size_t count_;
};

// A few attributes with their sizes found out.
class MeasuredAttributes {
public:
    // False: there are too many.
    bool add(const spr_attribute* attributes, size_t count) {
        if (attributes == nullptr) return true;
        if (count > PlainAttributes::kMost - count_) return false;
        for (size_t i = 0; i < count; ++i) {
            spr_attribute& one = attributes_[count_++] = attributes[i];
            one.key_size = text_size(one.key, one.key_size);
            if (one.type == SPR_TYPE_STRING)
                one.value.string.size = text_size(one.value.string.data, one.value.string.size);
        }
        return true;
    }

    const spr_attribute* data() const { return attributes_; }
    size_t count() const { return count_; }

private:
    size_t count_ = 0;
    spr_attribute attributes_[PlainAttributes::kMost];
};

}  // namespace spanring::trace
