// SPDX-License-Identifier: Apache-2.0
//
// Durations and sizes as people write them: "200ms", "1h30m", "64MiB". Parsing and printing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spanring::agent {

// Go's form, as in the Collector: numbers with a unit (ns, us, ms, s, m, h; here also d), one after another; "0"
// needs no unit.
// What is finer than a nanosecond is cut off; negative ones and those beyond 100 years are refused.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::nanoseconds duration);  // exact: "1m30s", "200ms", "0s"

// Bytes: a number, then nothing, B, KiB, MiB, GiB, TiB (powers of 1024) or kB, KB, MB, GB, TB (powers of 1000).
std::optional<uint64_t> parse_size(std::string_view text);
std::string format_size(uint64_t bytes);  // exact: "64MiB", "1000B"

// The whole text is one decimal number.
std::optional<uint64_t> parse_unsigned(std::string_view text);
std::optional<double> parse_number(std::string_view text);
std::optional<bool> parse_boolean(std::string_view text);  // true, false (YAML 1.2), in any case

}  // namespace spanring::agent
