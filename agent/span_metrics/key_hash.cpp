// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/key_hash.hpp"

#include <random>

namespace spanring::agent {

uint64_t draw_hash_seed() {
    std::random_device random;
    return uint64_t{random()} << 32 | random();
}

}  // namespace spanring::agent
