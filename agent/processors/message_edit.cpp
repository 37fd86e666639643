// SPDX-License-Identifier: Apache-2.0
#include "processors/message_edit.hpp"

#include <algorithm>
#include <cstring>

namespace spanring::agent {
namespace {

using wire::varint_size;
using wire::tags::bytes;

size_t field_size(uint32_t number, size_t inside) { return varint_size(bytes(number)) + varint_size(inside) + inside; }

uint8_t* put_head(uint8_t* to, uint32_t number, size_t inside) {
    return wire::put_varint(wire::put_varint(to, bytes(number)), inside);
}

uint8_t* put_bytes(uint8_t* to, const void* from, size_t size) {
    if (size != 0) std::memcpy(to, from, size);
    return to + size;
}

size_t key_value_size(std::string_view key, EncodedBytes value) {
    return field_size(1, key.size()) + field_size(2, value.size());
}

}  // namespace

bool MessageEdit::read(std::span<const uint8_t> message, const KeyInterest& interest) {
    begin(message);
    wire::Cursor cursor(message);
    const uint8_t* begin = cursor.at;
    for (wire::Field field; wire::next(cursor, field); begin = cursor.at) {
        if (field.tag() == bytes(field_) && !interest.none()) found(begin, cursor.at, field.bytes);
    }
    return cursor.done();
}

void MessageEdit::found(const uint8_t* begin, const uint8_t* end, std::span<const uint8_t> key_value) {
    Attribute& attribute = attributes_.emplace_back();
    attribute.begin = begin;
    attribute.end = end;
    const uint8_t* const at = key_value.data();
    const size_t size = key_value.size();
    // Key, then value, both with a length of one byte and nothing else: nearly every attribute.
    if (size >= 4 && at[0] == bytes(1) && at[1] < 0x80 && at[1] + size_t{4} <= size) [[likely]] {
        const uint8_t* const second = at + 2 + at[1];
        if (second[0] == bytes(2) && second[1] < 0x80 && second + 2 + second[1] == at + size) [[likely]] {
            attribute.key = {reinterpret_cast<const char*>(at + 2), at[1]};
            attribute.value = {second + 2, second[1]};
            return;
        }
    }
    wire::each_field(key_value, [&](const wire::Field& field) {
        if (field.tag() == bytes(1)) attribute.key = field.text();
        if (field.tag() == bytes(2)) attribute.value = field.bytes;
    });
}

Attribute* MessageEdit::find(std::string_view key) {
    for (Attribute& attribute : attributes_) {
        if (attribute.key == key && attribute.there()) return &attribute;
    }
    return nullptr;
}

void MessageEdit::set(Attribute& attribute, EncodedBytes value) {
    attribute.value = value;
    if (attribute.state == Attribute::State::kAsItWas) attribute.state = Attribute::State::kChanged;
    ++edits_;
}

void MessageEdit::remove(Attribute& attribute) {
    attribute.state = Attribute::State::kRemoved;
    ++edits_;
}

void MessageEdit::add(std::string_view key, EncodedBytes value) {
    attributes_.push_back({nullptr, nullptr, key, value, Attribute::State::kAdded});
    ++edits_;
}

void MessageEdit::replace(const uint8_t* begin, const uint8_t* end, uint32_t number, std::span<const uint8_t> inside) {
    for (Patch& known : extra_) {
        if (known.begin != begin || (begin == nullptr && known.number != number)) continue;
        known.inside = inside;
        ++edits_;
        return;
    }
    extra_.push_back({begin, end, number, {}, inside, false});
    ++edits_;
}

void MessageEdit::erase(const uint8_t* begin, const uint8_t* end) {
    extra_.push_back({begin, end, 0, {}, {}, false});
    ++edits_;
}

// As a field that is written as it is: number 0 says that.
void MessageEdit::append_number(uint32_t number, uint64_t value) {
    uint8_t* const field = scratch_.allocate(20);
    const uint8_t* const end = wire::put_varint(wire::put_varint(field, wire::tags::varint(number)), value);
    extra_.push_back({nullptr, nullptr, 0, {}, {field, end}, false});
    ++edits_;
}

size_t MessageEdit::size_of(const Patch& patch) {
    if (patch.is_attribute) return field_size(patch.number, key_value_size(patch.key, patch.inside));
    return patch.number != 0 ? field_size(patch.number, patch.inside.size()) : patch.inside.size();
}

uint8_t* MessageEdit::write(uint8_t* to, const Patch& patch) {
    if (patch.is_attribute) {
        to = put_head(to, patch.number, key_value_size(patch.key, patch.inside));
        to = put_bytes(put_head(to, 1, patch.key.size()), patch.key.data(), patch.key.size());
        to = put_head(to, 2, patch.inside.size());
    } else if (patch.number != 0) {
        to = put_head(to, patch.number, patch.inside.size());
    }
    return put_bytes(to, patch.inside.data(), patch.inside.size());
}

size_t MessageEdit::size() {
    patches_ = extra_;
    for (const Attribute& attribute : attributes_) {
        switch (attribute.state) {
            case Attribute::State::kAsItWas: break;
            case Attribute::State::kRemoved:
                if (attribute.begin != nullptr) patches_.push_back({attribute.begin, attribute.end, 0, {}, {}, false});
                break;
            case Attribute::State::kChanged:
            case Attribute::State::kAdded:
                patches_.push_back({attribute.begin, attribute.end, field_, attribute.key, attribute.value, true});
                break;
        }
    }
    const uint8_t* const last = message_.data() + message_.size();
    const auto place = [last](const Patch& patch) { return patch.begin != nullptr ? patch.begin : last; };
    const auto before = [&](const Patch& one, const Patch& other) { return place(one) < place(other); };
    if (!std::is_sorted(patches_.begin(), patches_.end(), before))
        std::stable_sort(patches_.begin(), patches_.end(), before);
    size_t size = message_.size();
    for (const Patch& patch : patches_) size = size - static_cast<size_t>(patch.end - patch.begin) + size_of(patch);
    return size;
}

uint8_t* MessageEdit::write(uint8_t* to) const {
    const uint8_t* at = message_.data();
    const uint8_t* const last = at + message_.size();
    for (const Patch& patch : patches_) {
        const uint8_t* const begin = patch.begin != nullptr ? patch.begin : last;
        to = put_bytes(to, at, static_cast<size_t>(begin - at));
        to = write(to, patch);
        at = patch.begin != nullptr ? patch.end : last;
    }
    return put_bytes(to, at, static_cast<size_t>(last - at));
}

}  // namespace spanring::agent
