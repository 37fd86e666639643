// SPDX-License-Identifier: Apache-2.0
//
// What an index needs of a span: id, times, name and status, read out of its bytes and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace spanring::agent {

struct SpanGlance {
    std::array<uint8_t, 16> trace_id{};
    std::span<const uint8_t> name;
    uint64_t start = 0;
    uint64_t end = 0;  // not before the start
    bool root = true;
    bool error = false;
    bool unfinished = false;

    std::string_view text() const { return {reinterpret_cast<const char*>(name.data()), name.size()}; }
};

// `span` is the inside of a Span, and stays where it is. False: it is none.
bool glance_at(std::span<const uint8_t> span, SpanGlance& ret_glance);

}  // namespace spanring::agent
