// SPDX-License-Identifier: Apache-2.0
//
// The counts of one histogram. One thread adds; any other reads meanwhile, without either waiting. Memory comes in
// blocks, when something first falls into one: durations of an operation are mostly in one or two of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "span_metrics/duration_buckets.hpp"

namespace spanring::agent {

class BucketCounts {
public:
    BucketCounts() = default;
    ~BucketCounts() {
        for (const std::atomic<Block*>& block : blocks_) delete block.load(std::memory_order_relaxed);  // nobody's else
    }
    BucketCounts(const BucketCounts&) = delete;
    BucketCounts& operator=(const BucketCounts&) = delete;

    // The one thread. `index` is below DurationBuckets::kMost.
    void add(uint32_t index) {
        // relaxed: this thread stored it.
        Block* block = blocks_[index / kBlock].load(std::memory_order_relaxed);
        if (block == nullptr) [[unlikely]]
            block = make(index / kBlock);
        std::atomic<uint64_t>& count = (*block)[index % kBlock];
        // relaxed: each is a number of its own. What is added up of them is the count, so that no page is torn.
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    // Any thread. Adds what is here to `counts`, which becomes as long as it has to be.
    void add_to(std::vector<uint64_t>& counts) const {
        for (size_t i = 0; i < blocks_.size(); ++i) {
            // acquire: the zeros that the block began with. Pairs with the release in make(). Without it what the
            // memory held before could be read as counts.
            const Block* block = blocks_[i].load(std::memory_order_acquire);
            if (block == nullptr) continue;
            if (counts.size() < (i + 1) * kBlock) counts.resize((i + 1) * kBlock);
            for (size_t j = 0; j < kBlock; ++j)
                counts[i * kBlock + j] += (*block)[j].load(std::memory_order_relaxed);  // relaxed: as in add()
        }
    }

private:
    static constexpr size_t kBlock = 32;
    using Block = std::array<std::atomic<uint64_t>, kBlock>;

    [[gnu::noinline]] Block* make(size_t place) {
        auto* const block = new Block{};
        // release: its zeros. Pairs with the acquire in add_to().
        blocks_[place].store(block, std::memory_order_release);
        return block;
    }

    std::array<std::atomic<Block*>, DurationBuckets::kMost / kBlock> blocks_{};
};

}  // namespace spanring::agent
