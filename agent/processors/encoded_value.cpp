// SPDX-License-Identifier: Apache-2.0
#include "processors/encoded_value.hpp"

#include <bit>
#include <charconv>
#include <cstring>

#include "base/quantity.hpp"
#include "otlp/wire.hpp"
#include "otlp/wire_append.hpp"

namespace spanring::agent {
namespace {

using namespace wire::tags;

std::string fixed_word(uint32_t field, uint64_t word) {
    std::string value;
    wire::append_varint(value, fixed64(field));
    char bytes[sizeof word];
    std::memcpy(bytes, &word, sizeof word);
    return value.append(bytes, sizeof word);
}

std::optional<int64_t> parse_integer(const std::string& text) {
    int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) return std::nullopt;
    return number;
}

}  // namespace

ValueView view_value(EncodedBytes value) {
    ValueView view;
    wire::each_field(value, [&](const wire::Field& field) {
        ValueKind kind = ValueKind::kUnknown;
        switch (field.tag()) {
            case bytes(1): kind = ValueKind::kText; break;
            case varint(2): kind = ValueKind::kBool; break;
            case varint(3): kind = ValueKind::kInteger; break;
            case fixed64(4): kind = ValueKind::kDouble; break;
            case bytes(5): kind = ValueKind::kList; break;
            case bytes(6): kind = ValueKind::kMap; break;
            case bytes(7): kind = ValueKind::kBytes; break;
            default: return;
        }
        view = {kind, field.bytes, kind == ValueKind::kBool ? uint64_t{field.value != 0} : field.value};
    });
    return view;
}

bool same_value(EncodedBytes one, EncodedBytes other) {
    const ValueView first = view_value(one), second = view_value(other);
    if (first.kind != second.kind) return false;
    if (first.kind == ValueKind::kDouble)
        return std::bit_cast<double>(first.word) == std::bit_cast<double>(second.word);
    return first.word == second.word && first.text() == second.text();
}

std::string encode_text(std::string_view text) {
    std::string value;
    wire::append_bytes(value, 1, text);
    return value;
}

std::string encode_integer(int64_t number) {
    std::string value;
    wire::append_number(value, 3, static_cast<uint64_t>(number));
    return value;
}

std::string encode_double(double number) { return fixed_word(4, std::bit_cast<uint64_t>(number)); }

std::string encode_bool(bool value) {
    std::string encoded;
    wire::append_number(encoded, 2, value ? 1 : 0);
    return encoded;
}

std::optional<std::string> encode_as(ConfiguredType type, const std::string& text) {
    const auto integer = parse_integer(text);
    const auto number = parse_number(text);
    const auto truth = parse_boolean(text);
    switch (type) {
        case ConfiguredType::kText: return encode_text(text);
        case ConfiguredType::kInteger: return integer ? std::optional(encode_integer(*integer)) : std::nullopt;
        case ConfiguredType::kDouble: return number ? std::optional(encode_double(*number)) : std::nullopt;
        case ConfiguredType::kBool: return truth ? std::optional(encode_bool(*truth)) : std::nullopt;
        case ConfiguredType::kAuto: break;
    }
    if (integer) return encode_integer(*integer);
    if (number) return encode_double(*number);
    if (truth) return encode_bool(*truth);
    return encode_text(text);
}

}  // namespace spanring::agent
