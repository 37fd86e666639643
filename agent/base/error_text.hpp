// SPDX-License-Identifier: Apache-2.0
//
// What the system says of an errno: "No such file or directory".
#pragma once

#include <string>
#include <system_error>

namespace spanring::agent {

inline std::string error_text(int error) { return std::generic_category().message(error); }

}  // namespace spanring::agent
