// SPDX-License-Identifier: Apache-2.0
//
// An AnyValue as its bytes: what kind it is, and how one is made. Nothing is decoded into an object of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "processors/processor_options.hpp"

namespace spanring::agent {

// The inside of an AnyValue. Empty: a null.
using EncodedBytes = std::span<const uint8_t>;

enum class ValueKind : uint8_t { kNull, kText, kBool, kInteger, kDouble, kList, kMap, kBytes, kUnknown };

struct ValueView {
    ValueKind kind = ValueKind::kNull;
    EncodedBytes inside;  // of a text, list, map or bytes
    uint64_t word = 0;    // of a bool, an integer; of a double its bits

    std::string_view text() const { return {reinterpret_cast<const char*>(inside.data()), inside.size()}; }
};

// Where it says several things, the last one counts, as with every parser.
ValueView view_value(EncodedBytes value);

inline std::string_view text_of(EncodedBytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline EncodedBytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Whether both mean the same value, however they are encoded; a list or a map, byte for byte.
bool same_value(EncodedBytes one, EncodedBytes other);

// The insides of AnyValues.
std::string encode_text(std::string_view text);
std::string encode_integer(int64_t number);
std::string encode_double(double number);
std::string encode_bool(bool value);

// A value out of a configuration: kAuto takes it for what YAML would. Nothing: the text is not of that type.
std::optional<std::string> encode_as(ConfiguredType type, const std::string& text);

}  // namespace spanring::agent
