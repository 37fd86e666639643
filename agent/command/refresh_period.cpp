// SPDX-License-Identifier: Apache-2.0
#include "command/refresh_period.hpp"

#include <functional>

#include <CLI/CLI.hpp>

namespace spanring::agent {
namespace {

constexpr double kShortest = 0.1;  // a look takes milliseconds where there are many processes
constexpr double kLongest = 86400;

std::chrono::nanoseconds period_of(double seconds) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace

void add_watch(CLI::App& command, std::optional<std::chrono::nanoseconds>& ret_period) {
    const std::function<void(const double&)> take = [&ret_period](double seconds) { ret_period = period_of(seconds); };
    command.add_option_function("--watch", take, "again every so many seconds, until Ctrl-C")
        ->type_name("[SECONDS]")
        ->expected(0, 1)
        ->default_str("2")
        ->check(CLI::Range(kShortest, kLongest).description(""));
}

void add_interval(CLI::App& command, std::chrono::nanoseconds& ret_period) {
    const std::function<void(const double&)> take = [&ret_period](double seconds) { ret_period = period_of(seconds); };
    command.add_option_function("--interval", take, "look again every so many seconds")
        ->type_name("SECONDS")
        ->default_str("1")
        ->check(CLI::Range(kShortest, kLongest).description(""));
}

}  // namespace spanring::agent
