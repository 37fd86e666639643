// SPDX-License-Identifier: Apache-2.0
//
// OTLP bytes as OTLP/JSON: protobuf's JSON mapping with lowerCamelCase names, but ids in hex and enums as integers.
// 64-bit integers are strings, bytes base64, NaN and infinities strings; a field with its default value is left out,
// and so is an unknown one. Written as it is read, without a tree of values; fields in the order of their numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace spanring::agent {

// The insides of the messages, validated (otlp/span_validator.hpp); of other bytes, what is not a field is left out,
// and what is not UTF-8 is replaced (U+FFFD).
std::string otlp_json_of_span(std::span<const uint8_t> span);
std::string otlp_json_of_resource(std::span<const uint8_t> resource);
std::string otlp_json_of_scope(std::span<const uint8_t> scope);

// A whole ExportTraceServiceRequest: one line, without its end.
std::string otlp_json_of_request(std::span<const uint8_t> request);

}  // namespace spanring::agent
