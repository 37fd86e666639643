// SPDX-License-Identifier: Apache-2.0
//
// What an open directory is asked. Nothing here opens it by its name once more: that may take rights, or lead
// elsewhere.
#pragma once

#include <functional>
#include <string>

namespace spanring::agent {

// Visits every name in it, "." and ".." too. False: it cannot be listed, errno says why.
bool each_name(int directory, const std::function<void(const char* name)>& visit);

// Whether the path still leads to it: it was neither removed nor replaced.
bool is_at(int directory, const std::string& path);

}  // namespace spanring::agent
