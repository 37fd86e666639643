// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace spanring::agent {

// Of one request, beside those of all: names and values, in which secrets may be.
using RequestHeaders = std::vector<std::pair<std::string, std::string>>;

}  // namespace spanring::agent
