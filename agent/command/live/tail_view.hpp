// SPDX-License-Identifier: Apache-2.0
//
// A span as `spanring tail` shows it: on one line, or as JSON.
#pragma once

#include <cstdint>
#include <string>

#include "command/terminal/terminal.hpp"

namespace spanring::agent {

struct DecodedResource;
struct DecodedScope;
struct DecodedSpan;

struct TailedSpan {
    const DecodedResource& resource;
    const DecodedScope& scope;
    const DecodedSpan& span;
};

// What the columns are, as a line.
std::string tail_titles(const Terminal& terminal);

// `whole`: not cut at the terminal's width.
std::string tail_line(const TailedSpan& tailed, uint64_t now_unix_nano, const Terminal& terminal, bool whole);

std::string tail_json(const TailedSpan& tailed);  // a line

}  // namespace spanring::agent
