// SPDX-License-Identifier: Apache-2.0
#include "search/moment.hpp"

#include <cmath>
#include <ctime>
#include <initializer_list>
#include <string>

#include "base/quantity.hpp"

namespace spanring::agent::search {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// ".5": what stands after the seconds.
std::optional<uint64_t> parse_fraction(std::string_view text) {
    if (text.empty()) return 0;
    if (text.size() < 2 || text.front() != '.' || text.find_first_not_of("0123456789", 1) != std::string_view::npos)
        return std::nullopt;
    const auto fraction = parse_number("0" + std::string(text));
    if (!fraction) return std::nullopt;
    return static_cast<uint64_t>(std::llround(*fraction * static_cast<double>(kSecond)));
}

}  // namespace

std::optional<uint64_t> parse_moment(std::string_view text, uint64_t now) {
    if (const auto age = parse_duration(text)) {
        const auto ago = static_cast<uint64_t>(age->count());
        return now > ago ? now - ago : 0;
    }
    const std::string copy(text);
    for (const char* const form : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
                                   "%Y-%m-%d", "%H:%M:%S", "%H:%M"}) {
        const auto seconds = static_cast<std::time_t>(now / kSecond);
        std::tm parts{};
        if (::localtime_r(&seconds, &parts) == nullptr) return std::nullopt;
        parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
        const char* const rest = ::strptime(copy.c_str(), form, &parts);
        if (rest == nullptr) continue;
        const auto fraction = parse_fraction(rest);
        if (!fraction) continue;
        parts.tm_isdst = -1;
        const std::time_t moment = std::mktime(&parts);
        if (moment < 0) return std::nullopt;
        return static_cast<uint64_t>(moment) * kSecond + *fraction;
    }
    return std::nullopt;
}

}  // namespace spanring::agent::search
