// SPDX-License-Identifier: Apache-2.0
#include "spool/file_name.hpp"

#include <charconv>
#include <cstdio>

namespace spanring::agent::spool {

namespace {

constexpr const char *kFirst = "-first", *kEnd = ".spool";

}  // namespace

std::string FileName::text() const {
    char number_text[17];
    std::snprintf(number_text, sizeof number_text, "%016llx", static_cast<unsigned long long>(number));
    return number_text + (owner == ::geteuid() ? "" : "-" + std::to_string(owner)) +
           (priority == Priority::kFirst ? kFirst : "") + kEnd;
}

std::optional<FileName> FileName::parse(std::string_view text) {
    FileName name;
    const char* const end = text.data() + text.size();
    const auto number = std::from_chars(text.data(), end, name.number, 16);
    if (number.ec != std::errc{} || name.number == 0) return std::nullopt;
    if (number.ptr != end && *number.ptr == '-') std::from_chars(number.ptr + 1, end, name.owner);
    if (text.ends_with(std::string(kFirst) + kEnd)) name.priority = Priority::kFirst;
    return name.text() == text ? std::optional(name) : std::nullopt;
}

}  // namespace spanring::agent::spool
