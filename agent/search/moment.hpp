// SPDX-License-Identifier: Apache-2.0
//
// Bounds of time as people write them: how long ago, or when.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace spanring::agent::search {

// "15m": so long before `now`; "2026-11-29 04:50:07.5", without seconds, or "04:50" of today: local time.
std::optional<uint64_t> parse_moment(std::string_view text, uint64_t now_unix_nano);

}  // namespace spanring::agent::search
