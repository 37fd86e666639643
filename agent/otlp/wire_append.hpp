// SPDX-License-Identifier: Apache-2.0
//
// Fields of protobuf appended to a string, for messages that are made once: a resource, an answer. What is made for
// each span is written in place (wire.hpp, request_runs.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/wire.hpp"

namespace spanring::agent::wire {

inline void append_varint(std::string& to, uint64_t value) {
    uint8_t bytes[10];
    to.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(put_varint(bytes, value) - bytes));
}

inline void append_number(std::string& to, uint32_t field, uint64_t value) {
    append_varint(to, tags::varint(field));
    append_varint(to, value);
}

// A text, bytes, or a message.
inline void append_bytes(std::string& to, uint32_t field, std::string_view inside) {
    append_varint(to, tags::bytes(field));
    append_varint(to, inside.size());
    to += inside;
}

}  // namespace spanring::agent::wire
