// SPDX-License-Identifier: Apache-2.0
//
// A trace id as a key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "span_metrics/key_hash.hpp"

namespace spanring::agent {

struct TraceKey {
    uint64_t first = 0;
    uint64_t second = 0;

    static TraceKey of(const uint8_t* trace_id) {  // 16 bytes
        TraceKey key;
        std::memcpy(&key.first, trace_id, sizeof key.first);
        std::memcpy(&key.second, trace_id + sizeof key.first, sizeof key.second);
        return key;
    }
    bool operator==(const TraceKey&) const = default;
};

// Of ids that anybody may choose.
struct TraceKeyHash {
    uint64_t seed = draw_hash_seed();

    size_t operator()(const TraceKey& key) const {
        return finished_hash(mixed(mixed(seed, key.first), key.second), seed);
    }
};

}  // namespace spanring::agent
