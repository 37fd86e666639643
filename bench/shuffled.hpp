// SPDX-License-Identifier: Apache-2.0
//
// The order in which spans end that started one after the other: another one, the same in each run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace bench {

inline std::vector<uint32_t> shuffled(uint64_t count) {
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::mt19937 source(20250901);
    std::shuffle(order.begin(), order.end(), source);
    return order;
}

}  // namespace bench
