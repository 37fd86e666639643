// SPDX-License-Identifier: Apache-2.0
#include "spool/file_name.hpp"

#include <charconv>
#include <cstdio>

namespace spanring::agent::spool {

std::string FileName::text() const {
    char number_text[17];
    std::snprintf(number_text, sizeof number_text, "%016llx", static_cast<unsigned long long>(number));
    return number_text + (owner == ::geteuid() ? "" : "-" + std::to_string(owner)) + ".spool";
}

std::optional<FileName> FileName::parse(std::string_view text) {
    FileName name;
    const char* const end = text.data() + text.size();
    const auto number = std::from_chars(text.data(), end, name.number, 16);
    if (number.ec != std::errc{} || name.number == 0) return std::nullopt;
    if (number.ptr != end && *number.ptr == '-') std::from_chars(number.ptr + 1, end, name.owner);
    return name.text() == text ? std::optional(name) : std::nullopt;
}

}  // namespace spanring::agent::spool
