// SPDX-License-Identifier: Apache-2.0
//
// A key and a value, borrowed until the call that it is passed to returns. For lists: starts, events, links, resources.
#ifndef SPANRING_ATTRIBUTE_HPP
#define SPANRING_ATTRIBUTE_HPP

#include <spanring/spanring.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>

namespace spanring {

// Any integer but bool and the character types: they become int64. An unsigned 64-bit value above INT64_MAX wraps, as
// OTLP has no unsigned integer.
template <typename T>
inline constexpr bool is_attribute_integer =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> &&
    !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>;

class Attribute {
public:
    Attribute(std::string_view key, std::string_view value) noexcept : raw_{make(key, SPR_TYPE_STRING)} {
        raw_.value.string.data = value.data();
        raw_.value.string.size = value.size();
    }

    // Without this one a literal would become a bool: pointer to bool is a better match than a user's conversion.
    Attribute(std::string_view key, const char* value) noexcept
        : Attribute{key, value == nullptr ? std::string_view{} : std::string_view{value}} {}

    template <typename T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
    Attribute(std::string_view key, T value) noexcept : raw_{make(key, SPR_TYPE_BOOL)} {
        raw_.value.boolean = value ? 1 : 0;
    }

    template <typename T, std::enable_if_t<is_attribute_integer<T>, int> = 0>
    Attribute(std::string_view key, T value) noexcept : raw_{make(key, SPR_TYPE_INT64)} {
        raw_.value.int64 = static_cast<std::int64_t>(value);
    }

    template <typename T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
    Attribute(std::string_view key, T value) noexcept : raw_{make(key, SPR_TYPE_DOUBLE)} {
        raw_.value.float64 = static_cast<double>(value);
    }

    const spr_attribute& raw() const noexcept { return raw_; }

private:
    static spr_attribute make(std::string_view key, std::uint32_t type) noexcept {
        spr_attribute attribute{};
        attribute.key = key.data();
        attribute.key_size = key.size();
        attribute.type = type;
        return attribute;
    }

    spr_attribute raw_;
};

// AttributeList hands an array of Attribute to C as an array of spr_attribute.
static_assert(sizeof(Attribute) == sizeof(spr_attribute) && alignof(Attribute) == alignof(spr_attribute) &&
              std::is_standard_layout_v<Attribute>);

// A view of attributes: of a braced list (alive until the end of the full expression), an array, or a vector.
class AttributeList {
public:
    AttributeList() noexcept = default;
    AttributeList(const Attribute* data, std::size_t size) noexcept : data_{data}, size_{size} {}
    AttributeList(std::initializer_list<Attribute> list) noexcept : data_{list.begin()}, size_{list.size()} {}

    template <typename Container, typename = std::enable_if_t<std::is_convertible_v<
                                      decltype(std::declval<const Container&>().data()), const Attribute*>>>
    AttributeList(const Container& container) noexcept : data_{container.data()}, size_{container.size()} {}

    // An Attribute holds one spr_attribute and nothing else, so the first one's address is the array's.
    const spr_attribute* raw() const noexcept { return size_ == 0 ? nullptr : &data_->raw(); }
    std::size_t size() const noexcept { return size_; }

private:
    const Attribute* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace spanring

#endif
