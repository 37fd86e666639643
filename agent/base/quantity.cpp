// SPDX-License-Identifier: Apache-2.0
#include "base/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.hpp"

namespace spanring::agent {
namespace {

using std::chrono::nanoseconds;

struct Unit {
    std::string_view name;
    uint64_t factor;
};

constexpr std::array<Unit, 8> kTimes = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"µs", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000},
                                         {"d", 86'400'000'000'000}}};

constexpr std::array<Unit, 11> kSizes = {{{"", 1},
                                          {"B", 1},
                                          {"KiB", uint64_t{1} << 10},
                                          {"MiB", uint64_t{1} << 20},
                                          {"GiB", uint64_t{1} << 30},
                                          {"TiB", uint64_t{1} << 40},
                                          {"kB", 1'000},
                                          {"KB", 1'000},
                                          {"MB", 1'000'000},
                                          {"GB", 1'000'000'000},
                                          {"TB", 1'000'000'000'000}}};

constexpr long double kLongest = 100.0L * 366 * 86'400 * 1'000'000'000;

// Digits with at most one point, at least one digit; cut off the front of `text`.
std::optional<long double> take_number(std::string_view& text) {
    size_t length = 0;
    bool point = false;
    bool digit = false;
    for (; length < text.size(); ++length) {
        const char c = text[length];
        if (c >= '0' && c <= '9') {
            digit = true;
        } else if (c == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    if (!digit) return std::nullopt;
    long double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + length, value, std::chars_format::fixed);
    if (error != std::errc() || end != text.data() + length) return std::nullopt;
    text.remove_prefix(length);
    return value;
}

}  // namespace

std::optional<nanoseconds> parse_duration(std::string_view text) {
    if (text == "0") return nanoseconds(0);
    if (text.empty()) return std::nullopt;
    long double total = 0;
    while (!text.empty()) {
        const auto number = take_number(text);
        if (!number) return std::nullopt;
        const size_t unit_end = std::min(text.find_first_of("0123456789."), text.size());
        const auto unit = std::find_if(kTimes.begin(), kTimes.end(),
                                       [&](const Unit& known) { return known.name == text.substr(0, unit_end); });
        if (unit == kTimes.end()) return std::nullopt;
        text.remove_prefix(unit_end);
        total += *number * unit->factor;
        if (total > kLongest) return std::nullopt;
    }
    return nanoseconds(static_cast<int64_t>(total));
}

std::string format_duration(nanoseconds duration) {
    int64_t rest = duration.count();
    if (rest == 0) return "0s";
    std::string text = rest < 0 ? "-" : "";
    if (rest < 0) rest = -rest;
    constexpr std::array<Unit, 6> kUnits = {{{"h", 3'600'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"s", 1'000'000'000},
                                             {"ms", 1'000'000},
                                             {"us", 1'000},
                                             {"ns", 1}}};
    for (const Unit& unit : kUnits) {
        const int64_t count = rest / static_cast<int64_t>(unit.factor);
        if (count == 0) continue;
        text += std::to_string(count) + std::string(unit.name);
        rest -= count * static_cast<int64_t>(unit.factor);
    }
    return text;
}

std::optional<uint64_t> parse_size(std::string_view text) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    const auto unit = std::find_if(kSizes.begin(), kSizes.end(), [&](const Unit& known) { return known.name == text; });
    if (unit == kSizes.end()) return std::nullopt;
    const long double bytes = *number * unit->factor;
    if (bytes >= 9.2e18L) return std::nullopt;
    return static_cast<uint64_t>(bytes);
}

std::string format_size(uint64_t bytes) {
    constexpr std::array<Unit, 4> kUnits = {{{"TiB", uint64_t{1} << 40},
                                             {"GiB", uint64_t{1} << 30},
                                             {"MiB", uint64_t{1} << 20},
                                             {"KiB", uint64_t{1} << 10}}};
    for (const Unit& unit : kUnits) {
        if (bytes != 0 && bytes % unit.factor == 0) return std::to_string(bytes / unit.factor) + std::string(unit.name);
    }
    return std::to_string(bytes) + "B";
}

std::optional<uint64_t> parse_unsigned(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<double> parse_number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
    const std::string word = lower(text);
    if (word == "true") return true;
    if (word == "false") return false;
    return std::nullopt;
}

}  // namespace spanring::agent
