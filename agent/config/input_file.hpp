// SPDX-License-Identifier: Apache-2.0
//
// A file that the configuration is read from, or that holds one of its values: of a bounded size, in a bounded time.
#pragma once

#include <cstddef>
#include <string>

namespace spanring::agent {

inline constexpr size_t kMostOfAConfiguration = size_t{4} << 20;
inline constexpr size_t kMostOfASecret = size_t{64} << 10;

// What else may be read: a pipe (`--config <(...)`) whose writer ends within some seconds.
enum class Readable { kRegular, kPipes };

// Empty, with `ret_text`, or why it cannot be read: "is a directory".
std::string read_input(const std::string& path, Readable readable, size_t most, std::string& ret_text);

}  // namespace spanring::agent
