// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <algorithm>

namespace spanring::agent {

void append(std::string& list, std::string_view entry, std::string_view separator) {
    if (!list.empty()) list += separator;
    list += entry;
}

std::string join(const std::vector<std::string>& entries, std::string_view separator) {
    std::string list;
    for (const std::string& entry : entries) append(list, entry, separator);
    return list;
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

std::string shown_name(const std::string& name) {
    const auto end = std::find_if_not(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    });
    return end == name.end() ? name : std::string(name.begin(), end) + "...";
}

}  // namespace spanring::agent
