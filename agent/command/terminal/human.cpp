// SPDX-License-Identifier: Apache-2.0
#include "command/terminal/human.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace spanring::agent {
namespace {

constexpr uint64_t kMicrosecond = 1'000;
constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 60 * kMinute;
constexpr uint64_t kDay = 24 * kHour;

// Three significant digits.
std::string scaled(uint64_t nanoseconds, uint64_t unit, const char* name) {
    const double value = static_cast<double>(nanoseconds) / static_cast<double>(unit);
    const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%.*f %s", digits, value, name);
    return text.data();
}

std::string two_units(uint64_t nanoseconds, uint64_t large, const char* large_name, uint64_t small,
                      const char* small_name) {
    const uint64_t rest = nanoseconds % large / small;
    return std::to_string(nanoseconds / large) + " " + large_name +
           (rest != 0 ? " " + std::to_string(rest) + " " + small_name : "");
}

}  // namespace

std::string human_duration(uint64_t nanoseconds, bool unicode) {
    if (nanoseconds < kMicrosecond) return std::to_string(nanoseconds) + " ns";
    if (nanoseconds < 999'500) return scaled(nanoseconds, kMicrosecond, unicode ? "µs" : "us");
    if (nanoseconds < 999'500'000) return scaled(nanoseconds, kMillisecond, "ms");
    if (nanoseconds < kMinute) return scaled(nanoseconds, kSecond, "s");
    if (nanoseconds < kHour) return two_units(nanoseconds, kMinute, "min", kSecond, "s");
    if (nanoseconds < kDay) return two_units(nanoseconds, kHour, "h", kMinute, "min");
    return two_units(nanoseconds, kDay, "d", kHour, "h");
}

std::string human_time(uint64_t unix_nano) {
    const auto seconds = static_cast<std::time_t>(unix_nano / kSecond);
    std::tm parts{};
    if (::localtime_r(&seconds, &parts) == nullptr) return "?";
    std::array<char, 64> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &parts);
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "%s.%03u", date.data(),
                  static_cast<unsigned>(unix_nano % kSecond / kMillisecond));
    return text.data();
}

std::string human_moment(uint64_t unix_nano, uint64_t now) {
    constexpr size_t kDate = 10;  // and a blank
    const std::string time = human_time(unix_nano);
    return time.substr(0, kDate) == human_time(now).substr(0, kDate) ? time.substr(kDate + 1) : time;
}

std::string human_age(uint64_t unix_nano, uint64_t now) {
    const uint64_t age = now > unix_nano ? now - unix_nano : 0;
    if (age < kMinute) return std::to_string(age / kSecond) + " s";
    if (age < kHour) return std::to_string(age / kMinute) + " min";
    if (age < kDay) return std::to_string(age / kHour) + " h";
    return std::to_string(age / kDay) + " d";
}

}  // namespace spanring::agent
