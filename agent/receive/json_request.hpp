// SPDX-License-Identifier: Apache-2.0
//
// A request as JSON, made protobuf: from there on it is like any other. By OTLP's own mapping: names
// in lowerCamelCase, ids in hexadecimal, 64-bit numbers as strings or numbers, enums as numbers; names that are not
// known are left out. One pass, with memory for what is written and no tree of values.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/content_coding.hpp"
#include "otlp/signal.hpp"

namespace spanring::agent {

// What is wrong; empty: nothing. Whether the spans are sound is for the reader of the request to say. `most`: bytes
// that arrays of numbers may have, which take up to four times what the JSON does.
std::string request_of_json(std::span<const uint8_t> json, Body& ret_request, Signal signal = Signal::kTraces,
                            size_t most = SIZE_MAX);

}  // namespace spanring::agent
