// SPDX-License-Identifier: Apache-2.0
//
// How keys that come from processes are spread over places. By a seed that differs from run to run, so that nobody can
// choose keys that meet.
#pragma once

#include <cstdint>

namespace spanring::agent {

uint64_t draw_hash_seed();

// `hash` with one word more; of the first one it is the seed.
constexpr uint64_t mixed(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 29;
}

// Of all words; its lower bits say the place.
constexpr uint64_t finished_hash(uint64_t hash, uint64_t seed) {
    hash *= seed | 1;
    return hash ^ hash >> 32;
}

}  // namespace spanring::agent
