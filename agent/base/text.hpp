// SPDX-License-Identifier: Apache-2.0
//
// Words in messages and configuration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spanring::agent {

// "a, b, c". append() adds one more to a list that is being written.
void append(std::string& list, std::string_view entry, std::string_view separator = ", ");
std::string join(const std::vector<std::string>& entries, std::string_view separator = ", ");

// What somebody gave as the name of a header, up to where it cannot be one any more: the rest may be the secret.
std::string shown_name(const std::string& name);

// A URL, or what somebody gave as one, without its user and its query: they may be secrets.
std::string shown_url(std::string_view url);

std::string lower(std::string_view text);  // ASCII letters, whatever the locale

}  // namespace spanring::agent
