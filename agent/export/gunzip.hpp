// SPDX-License-Identifier: Apache-2.0
//
// Answers that came compressed, within a bound: a few bytes must not become a gigabyte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace spanring::agent {

// By gzip's first bytes. No protobuf message begins like this: it would be field 3, of a wire type that there is not.
bool is_gzip(std::span<const uint8_t> bytes);

// Nothing: it is broken, or would be more than `most` bytes.
std::optional<std::string> gunzip(std::span<const uint8_t> bytes, size_t most);

}  // namespace spanring::agent
