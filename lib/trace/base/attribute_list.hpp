// SPDX-License-Identifier: Apache-2.0
//
// The attributes of an event, a link or a scope: two lists of the caller read as one, without what is invalid and what
// is over the limit, and of equal keys the last value, as with a span's attributes set one by one. Nothing is
// allocated: what becomes of an attribute is found out twice, to measure and to write. Comparisons grow with count
// times what is kept, but only from the first key on that may be there twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ring/layout.hpp"
#include "trace/base/attribute.hpp"
#include "trace/base/key_hash.hpp"

namespace spanring::trace {

struct AttributeRange {
    const spr_attribute* attributes;
    size_t count;
};

class AttributeList {
public:
    AttributeList() = default;
    AttributeList(AttributeRange first, AttributeRange second, uint32_t count_limit, LengthLimit length_limit)
        : first_(whole(first)), second_(whole(second)), length_limit_(length_limit) {
        KeyFilter filter;
        uint32_t kept = 0;
        for (size_t i = 0; i < count() && size_ <= ring::kSlotDataMax; ++i) {
            Attribute attribute;
            if (!read(i, attribute)) {
                ++dropped_;
            } else if (filter.may_have(attribute.key, attribute.key_size) && find(attribute, 0, i < end_ ? i : end_)) {
                again_ = true;
            } else if (kept == count_limit) {
                if (end_ == kNoEnd) end_ = i;
                ++dropped_;
            } else {
                filter.add(attribute.key, attribute.key_size);
                ++kept;
                size_ += attribute.field_size();
            }
        }
        if (!again_) return;
        size_ = 0;
        each([&](const Attribute& attribute) { size_ += attribute.field_size(); });
    }

    uint64_t size() const { return size_; }  // bytes of all fields; over ring::kSlotDataMax it fits nowhere
    uint32_t dropped() const { return dropped_; }

    template <class Sink>
    void write(Sink& sink, uint8_t field) const {
        each([&](const Attribute& attribute) { attribute.write(sink, field); });
    }

private:
    static constexpr size_t kNoEnd = ~size_t{0};

    static AttributeRange whole(AttributeRange range) {
        return range.attributes == nullptr ? AttributeRange{nullptr, 0} : range;
    }
    size_t count() const { return first_.count + second_.count; }
    bool read(size_t i, Attribute& ret) const {
        const spr_attribute& from = i < first_.count ? first_.attributes[i] : second_.attributes[i - first_.count];
        return Attribute::check(from, ret, length_limit_);
    }
    // Whether an attribute in [begin, end) has the key.
    bool find(const Attribute& attribute, size_t begin, size_t end) const {
        for (size_t i = begin; i < end; ++i) {
            Attribute other;
            if (read(i, other) && other.key_size == attribute.key_size &&
                memcmp(other.key, attribute.key, other.key_size) == 0)
                return true;
        }
        return false;
    }
    // A key that occurs in front of end_ is kept, wherever its last value is.
    template <class Visit>
    void each(Visit&& visit) const {
        for (size_t i = 0; i < (again_ || end_ == kNoEnd ? count() : end_); ++i) {
            Attribute attribute;
            if (!read(i, attribute)) continue;
            if (again_ && ((i >= end_ && !find(attribute, 0, end_)) || find(attribute, i + 1, count()))) continue;
            visit(attribute);
        }
    }

    AttributeRange first_ = {nullptr, 0};
    AttributeRange second_ = {nullptr, 0};
    LengthLimit length_limit_;
    size_t end_ = kNoEnd;  // of the first attribute that was over the limit
    bool again_ = false;   // a key is there twice
    uint32_t dropped_ = 0;
    uint64_t size_ = 0;
};

}  // namespace spanring::trace
