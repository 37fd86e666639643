// SPDX-License-Identifier: Apache-2.0
//
// Value: of any type that OTLP has. Attribute: a key and a value. Both borrow what they are made of, until the call
// that they are passed to returns. For lists: starts, events, links, scopes, resources.
//
//     span.set_attributes({{"sizes", ValueList{1, 2, 3}}, {"user", AttributeList{{"name", "x"}, {"id", 7}}}});
#ifndef SPANRING_ATTRIBUTE_HPP
#define SPANRING_ATTRIBUTE_HPP

#include <spanring/list.hpp>
#include <spanring/spanring.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace spanring {

class Attribute;
class Value;

using AttributeList = List<Attribute>;
using ValueList = List<Value>;

// What is not text: not checked and not repaired.
class Bytes {
public:
    Bytes(const void* data, std::size_t size) noexcept : data_{data}, size_{size} {}

    // An array, a vector, a span of elements of one byte.
    template <typename Container, typename = std::enable_if_t<sizeof(*std::declval<const Container&>().data()) == 1>>
    explicit Bytes(const Container& container) noexcept : data_{container.data()}, size_{container.size()} {}

    const void* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    const void* data_;
    std::size_t size_;
};

// No value: what a language's null becomes.
struct Empty {};

// Any integer but bool and the character types: they become int64. An unsigned one above INT64_MAX becomes its decimal
// digits, a string, as OTLP has no unsigned integer.
template <typename T>
inline constexpr bool is_attribute_integer =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> &&
    !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>;

// What may be above INT64_MAX.
template <typename T>
inline constexpr bool is_wide_unsigned = std::is_unsigned_v<T> && sizeof(T) == sizeof(std::uint64_t);

class Value {
public:
    Value(std::string_view value) noexcept : raw_{make(SPR_TYPE_STRING)} {
        raw_.value.string.data = value.data();
        raw_.value.string.size = value.size();
    }

    // Without this one a literal would become a bool: pointer to bool is a better match than a user's conversion.
    Value(const char* value) noexcept : Value{value == nullptr ? std::string_view{} : std::string_view{value}} {}

    template <typename T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
    Value(T value) noexcept : raw_{make(SPR_TYPE_BOOL)} {
        raw_.value.boolean = value ? 1 : 0;
    }

    template <typename T, std::enable_if_t<is_attribute_integer<T>, int> = 0>
    Value(T value) noexcept : raw_{make(is_wide_unsigned<T> ? SPR_TYPE_UINT64 : SPR_TYPE_INT64)} {
        raw_.value.int64 = static_cast<std::int64_t>(value);
    }

    template <typename T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
    Value(T value) noexcept : raw_{make(SPR_TYPE_DOUBLE)} {
        raw_.value.float64 = static_cast<double>(value);
    }

    Value(Bytes value) noexcept : raw_{make(SPR_TYPE_BYTES)} {
        raw_.value.bytes.data = value.data();
        raw_.value.bytes.size = value.size();
    }

    Value() noexcept : raw_{make(SPR_TYPE_EMPTY)} {}
    Value(Empty) noexcept : Value{} {}

    // An array, of values of any types. ValueList{list} of another ValueList is therefore an array with an array in it.
    Value(ValueList values) noexcept;

    // Pairs of a key and a value.
    Value(AttributeList pairs) noexcept;

    const spr_value& raw() const noexcept { return raw_; }

private:
    static spr_value make(std::uint32_t type) noexcept {
        spr_value value{};
        value.type = type;
        return value;
    }

    spr_value raw_;
};

class Attribute {
public:
    // Of all that a Value is made of, a string of the standard library among it.
    template <typename T, typename = std::enable_if_t<std::is_constructible_v<Value, const T&>>>
    Attribute(std::string_view key, const T& value) noexcept : Attribute{key, Value{value}} {}

    Attribute(std::string_view key, const Value& value) noexcept : raw_{} {
        raw_.key = key.data();
        raw_.key_size = key.size();
        raw_.type = value.raw().type;
        raw_.value = value.raw().value;
    }

    const spr_attribute& raw() const noexcept { return raw_; }

private:
    spr_attribute raw_;
};

static_assert(is_list_element<Value, spr_value> && is_list_element<Attribute, spr_attribute>);

inline Value::Value(ValueList values) noexcept : raw_{make(SPR_TYPE_ARRAY)} {
    raw_.value.array.values = values.raw();
    raw_.value.array.count = values.size();
}

inline Value::Value(AttributeList pairs) noexcept : raw_{make(SPR_TYPE_KEY_VALUES)} {
    raw_.value.key_values.pairs = pairs.raw();
    raw_.value.key_values.count = pairs.size();
}

}  // namespace spanring

#endif
