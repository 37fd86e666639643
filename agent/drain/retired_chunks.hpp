// SPDX-License-Identifier: Apache-2.0
//
// Chunks that are read and acknowledged to their end, and wait until no batch can point into them any more. Drain
// thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "drain/epoch.hpp"

namespace spanring::agent {

class RetiredChunks {
public:
    // For a batch that points into chunks which are not retired yet. `memory` lives at least as long.
    std::shared_ptr<Pin> pin(std::shared_ptr<const void> memory) { return epochs_.pin(std::move(memory)); }

    void add(uint32_t chunk) { waiting_.push_back({chunk, epochs_.retire()}); }

    // Lets go of those that nobody points to, oldest first: calls free(chunk) for each. Returns how many.
    template <class Free>
    uint32_t release(Free&& free) {
        for (uint64_t step = 0; step < EpochDomain::kGrace && epochs_.try_advance(); ++step) continue;
        uint32_t freed = 0;
        for (; freed < waiting_.size() && epochs_.reclaimable(waiting_[freed].epoch); ++freed)
            free(waiting_[freed].chunk);
        waiting_.erase(waiting_.begin(), waiting_.begin() + freed);
        return freed;
    }

    bool empty() const { return waiting_.empty(); }
    void clear() { waiting_.clear(); }  // they are never freed

private:
    struct Retired {
        uint32_t chunk;
        uint64_t epoch;
    };

    EpochDomain epochs_;
    std::vector<Retired> waiting_;  // in the order of epochs
};

}  // namespace spanring::agent
