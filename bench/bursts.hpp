// SPDX-License-Identifier: Apache-2.0
//
// What a span takes in bursts, with a rest after each, so that what follows the spans (a reader, an agent) keeps up.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core.hpp"
#include "worker.hpp"

namespace bench {

// The median of numbers[0] bursts of numbers[1] spans, in nanoseconds a span. `spans` makes so many; `rest` is told
// when they were made.
template <class Spans, class Rest>
double burst_median(const Numbers& numbers, Spans spans, Rest rest) {
    std::vector<double> each;
    for (uint64_t burst = 0; burst < numbers[0]; ++burst) {
        const uint64_t begin = now();
        spans(numbers[1]);
        const uint64_t end = now();
        each.push_back(static_cast<double>(end - begin) / static_cast<double>(numbers[1]));
        rest(end);
    }
    return median(std::move(each));
}

}  // namespace bench
