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

std::string shown_url(std::string_view url) {
    const size_t scheme = url.find("://");
    const size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    std::string shown(url.substr(0, begin));
    url.remove_prefix(begin);
    if (const size_t user = url.rfind('@'); user != std::string_view::npos) {  // the last: a password may have one
        shown += "...";
        url.remove_prefix(user);
    }
    const size_t query = url.find('?');
    shown += url.substr(0, query);
    return query == std::string_view::npos ? shown : shown + "?...";
}

}  // namespace spanring::agent
