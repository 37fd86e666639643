// SPDX-License-Identifier: Apache-2.0
//
// Endpoints that are unix sockets, for both OTLP exporters: unix:path, unix:///absolute/path, unix-abstract:name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace spanring::agent {

// The path; it begins with a zero byte where the name is abstract (base/unix_address.hpp). Nothing: `endpoint` is of
// another form. Throws std::invalid_argument that says what is wrong with it.
std::optional<std::string> parse_unix_path(std::string_view endpoint);

}  // namespace spanring::agent
