// SPDX-License-Identifier: Apache-2.0
//
// Which spans come first where not all can be sent at once: errors, the unfinished ones among them (their status is an
// error), and those that took long. Only what has to wait is looked at.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "batch/batch.hpp"
#include "batch/priority.hpp"

namespace spanring::agent {

// `span`: the inside of an element of ScopeSpans.spans.
Priority priority_of(std::span<const uint8_t> span, std::chrono::nanoseconds slow);

// By priority.
std::array<std::vector<Run>, 2> by_priority(std::span<const Run> runs, std::chrono::nanoseconds slow);

}  // namespace spanring::agent
