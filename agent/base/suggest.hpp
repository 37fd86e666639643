// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean": the nearest of what is known, if it is near enough to be a typing error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spanring::agent {

// Changes, insertions, removals and swaps of neighbours that turn one into the other.
size_t edit_distance(std::string_view from, std::string_view to);

// Empty: nothing is near.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

// ", did you mean 'endpoint'?" or, without a near one, "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace spanring::agent
