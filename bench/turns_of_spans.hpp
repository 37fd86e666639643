// SPDX-License-Identifier: Apache-2.0
//
// Spans as the drain takes them, in turns of 100 of a process: `constant` ones (0), which have one shape (183 bytes),
// and `varied` ones (1) of 30 kinds from ten applications.
#pragma once

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/varied_spans.hpp"

namespace bench {

using namespace spanring::agent;

inline constexpr size_t kSpansOfATurn = 100;
inline constexpr uint32_t kTurns = 2 * test::VariedSpans::kApplications;

// One span after the other in one buffer, small enough for the second cache: where the agent has just copied them to.
struct Turns {
    explicit Turns(bool varied) {
        test::VariedSpans source;
        std::vector<size_t> sizes;
        for (uint32_t i = 0; i < kTurns * kSpansOfATurn; ++i) {
            const std::string span = varied ? source.next(i / kSpansOfATurn) : test::recorded_span(i);
            buffer += span;
            sizes.push_back(span.size());
        }
        size_t at = 0;
        for (const size_t size : sizes) {
            all.push_back(test::readable(buffer).subspan(at, size));
            at += size;
        }
    }

    std::string buffer;
    std::vector<std::span<const uint8_t>> all;
};

inline const Turns& turns_of(const benchmark::State& state) {
    static const std::array<Turns, 2> turns{Turns(false), Turns(true)};
    return turns[static_cast<size_t>(state.range(0))];
}

}  // namespace bench
