// SPDX-License-Identifier: Apache-2.0
//
// Attributes: what the API hands over pair by pair, as the list that the library takes. It borrows the texts, as the
// API's views do, and allocates for more than 32 of them or 32 elements of arrays.
#ifndef SPANRING_OPENTELEMETRY_ATTRIBUTES_HPP
#define SPANRING_OPENTELEMETRY_ATTRIBUTES_HPP

#include <spanring/opentelemetry/room.hpp>
#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/common/attribute_value.h>
#include <opentelemetry/common/key_value_iterable.h>
#include <opentelemetry/nostd/span.h>
#include <opentelemetry/nostd/string_view.h>
#include <opentelemetry/nostd/variant.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

namespace common = ::opentelemetry::common;
namespace nostd = ::opentelemetry::nostd;

using Values = Room<spr_value, 32>;

// A value by its alternative's own type: as one of the library's types, and what it is.
inline std::uint32_t take(bool value, spr_any& ret_any) noexcept {
    ret_any.boolean = value ? 1 : 0;
    return SPR_TYPE_BOOL;
}
inline std::uint32_t take(std::int64_t value, spr_any& ret_any) noexcept {
    ret_any.int64 = value;
    return SPR_TYPE_INT64;
}
inline std::uint32_t take(std::int32_t value, spr_any& ret_any) noexcept { return take(std::int64_t{value}, ret_any); }
inline std::uint32_t take(std::uint32_t value, spr_any& ret_any) noexcept { return take(std::int64_t{value}, ret_any); }
inline std::uint32_t take(std::uint64_t value, spr_any& ret_any) noexcept {
    ret_any.int64 = static_cast<std::int64_t>(value);
    return SPR_TYPE_UINT64;
}
inline std::uint32_t take(double value, spr_any& ret_any) noexcept {
    ret_any.float64 = value;
    return SPR_TYPE_DOUBLE;
}
inline std::uint32_t take(nostd::string_view value, spr_any& ret_any) noexcept {
    ret_any.string.data = value.data();
    ret_any.string.size = value.size();
    return SPR_TYPE_STRING;
}
inline std::uint32_t take(const char* value, spr_any& ret_any) noexcept {
    ret_any.string.data = value;
    ret_any.string.size = value != nullptr ? std::strlen(value) : 0;
    return SPR_TYPE_STRING;
}
inline std::uint32_t take(nostd::span<const std::uint8_t> value, spr_any& ret_any) noexcept {
    ret_any.bytes.data = value.data();
    ret_any.bytes.size = value.size();
    return SPR_TYPE_BYTES;
}

template <typename Element>
std::uint32_t take(nostd::span<const Element> elements, Values& room, spr_any& ret_any) noexcept {
    spr_value* const values = room.take(elements.size());
    if (values == nullptr) return SPR_TYPE_EMPTY;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        values[i].reserved = 0;
        values[i].type = take(elements[i], values[i].value);
    }
    ret_any.array.values = values;
    ret_any.array.count = elements.size();
    return SPR_TYPE_ARRAY;
}

// An alternative that a newer API has and is not known here is an empty value.
inline std::uint32_t take(const common::AttributeValue& value, Values& room, spr_any& ret_any) noexcept {
    static_assert(std::is_same_v<nostd::variant_alternative_t<common::kTypeSpanByte, common::AttributeValue>,
                                 nostd::span<const std::uint8_t>>,
                  "the API's enumeration is in the order of its variant");
    const auto scalar = [&](auto* alternative) { return take(*alternative, ret_any); };
    const auto array = [&](auto* alternative) { return take(*alternative, room, ret_any); };
    switch (value.index()) {
        case common::kTypeBool: return scalar(nostd::get_if<bool>(&value));
        case common::kTypeInt: return scalar(nostd::get_if<std::int32_t>(&value));
        case common::kTypeInt64: return scalar(nostd::get_if<std::int64_t>(&value));
        case common::kTypeUInt: return scalar(nostd::get_if<std::uint32_t>(&value));
        case common::kTypeDouble: return scalar(nostd::get_if<double>(&value));
        case common::kTypeCString: return scalar(nostd::get_if<const char*>(&value));
        case common::kTypeString: return scalar(nostd::get_if<nostd::string_view>(&value));
        case common::kTypeSpanBool: return array(nostd::get_if<nostd::span<const bool>>(&value));
        case common::kTypeSpanInt: return array(nostd::get_if<nostd::span<const std::int32_t>>(&value));
        case common::kTypeSpanInt64: return array(nostd::get_if<nostd::span<const std::int64_t>>(&value));
        case common::kTypeSpanUInt: return array(nostd::get_if<nostd::span<const std::uint32_t>>(&value));
        case common::kTypeSpanDouble: return array(nostd::get_if<nostd::span<const double>>(&value));
        case common::kTypeSpanString: return array(nostd::get_if<nostd::span<const nostd::string_view>>(&value));
        case common::kTypeUInt64: return scalar(nostd::get_if<std::uint64_t>(&value));
        case common::kTypeSpanUInt64: return array(nostd::get_if<nostd::span<const std::uint64_t>>(&value));
        case common::kTypeSpanByte: return scalar(nostd::get_if<nostd::span<const std::uint8_t>>(&value));
        default: return SPR_TYPE_EMPTY;
    }
}

inline void fill(nostd::string_view key, const common::AttributeValue& value, Values& room,
                 spr_attribute& ret_attribute) noexcept {
    ret_attribute.key = key.data();
    ret_attribute.key_size = key.size();
    ret_attribute.reserved = 0;
    ret_attribute.type = take(value, room, ret_attribute.value);
}

class Attributes {
public:
    explicit Attributes(const common::KeyValueIterable& pairs) noexcept : capacity_{pairs.size()} {
        if (capacity_ == 0) return;
        list_ = room_.take(capacity_);
        if (list_ == nullptr) {
            dropped_ = static_cast<std::uint32_t>(capacity_);
            return;
        }
        pairs.ForEachKeyValue([this](nostd::string_view key, common::AttributeValue value) noexcept {
            add(key, value);
            return true;
        });
    }

    const spr_attribute* data() const noexcept { return list_; }
    std::size_t size() const noexcept { return size_; }
    // Left out: of more than the API said there are, or for want of memory.
    std::uint32_t dropped() const noexcept { return dropped_; }

private:
    void add(nostd::string_view key, const common::AttributeValue& value) noexcept {
        if (size_ == capacity_) {
            ++dropped_;
        } else {
            fill(key, value, values_, list_[size_++]);
        }
    }

    std::size_t capacity_;
    std::size_t size_ = 0;
    std::uint32_t dropped_ = 0;
    spr_attribute* list_ = nullptr;
    Values values_;
    Room<spr_attribute, 32> room_;
};

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
