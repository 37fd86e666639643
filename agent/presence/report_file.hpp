// SPDX-License-Identifier: Apache-2.0
//
// Reads what an agent left about itself in its state directory.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace spanring::agent {

// Nothing: no regular file that can be read is there, or it is not `user`'s.
std::optional<std::string> read_report_file(const std::string& path, uid_t user);

}  // namespace spanring::agent
