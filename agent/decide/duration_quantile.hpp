// SPDX-License-Identifier: Apache-2.0
//
// A quantile of durations, learnt as they come: of the last thousands of them, the older the less. No more than an
// eighth above the true one; of more than an hour nothing is said. Constant memory.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace spanring::agent {

class DurationQuantile {
public:
    static constexpr uint32_t kLeast = 100;       // durations, before anything is said
    static constexpr uint32_t kForgotten = 8192;  // at so many, half of each count goes

    // Of `quantile`, below 1. Says nothing before it has seen one above it, on the average.
    void add(uint64_t nanoseconds, double quantile) {
        ++counts_[bucket_of(nanoseconds)];
        if (++total_ >= kForgotten) forget();
        if (--until_next_ != 0) return;
        until_next_ = kBetween;
        bound_ = find(quantile);
    }

    // What is longer is beyond the quantile. The largest number: nothing is known yet.
    uint64_t bound() const { return bound_; }

private:
    static constexpr uint32_t kBetween = 64;  // durations, between two looks at all counts
    static constexpr int kFinest = 10;        // bits: about a microsecond
    static constexpr int kWidest = 42;        // more than an hour
    static constexpr int kPartBits = 3;
    static constexpr size_t kParts = size_t{1} << kPartBits;
    static constexpr size_t kBuckets = (kWidest - kFinest) * kParts;

    static size_t bucket_of(uint64_t nanoseconds) {
        if (nanoseconds < uint64_t{1} << kFinest) return 0;
        if (nanoseconds >= uint64_t{1} << kWidest) return kBuckets - 1;
        const int power = std::bit_width(nanoseconds) - 1;
        const uint64_t part = (nanoseconds >> (power - kPartBits)) & (kParts - 1);
        return static_cast<size_t>(power - kFinest) * kParts + part;
    }
    static uint64_t end_of(size_t bucket) {
        const size_t power = bucket / kParts + kFinest;
        return (uint64_t{1} << power) + (bucket % kParts + 1) * (uint64_t{1} << (power - kPartBits)) - 1;
    }

    uint64_t find(double quantile) const {
        const double below = quantile * static_cast<double>(total_);
        if (total_ < kLeast || static_cast<double>(total_) - below < 1) return std::numeric_limits<uint64_t>::max();
        double seen = 0;
        for (size_t bucket = 0; bucket < kBuckets - 1; ++bucket) {
            seen += static_cast<double>(counts_[bucket]);
            if (seen >= below) return end_of(bucket);
        }
        return std::numeric_limits<uint64_t>::max();  // the last one has no end
    }

    void forget() {
        total_ = 0;
        for (uint32_t& count : counts_) total_ += count /= 2;
    }

    std::array<uint32_t, kBuckets> counts_{};
    uint32_t total_ = 0;
    uint32_t until_next_ = kBetween;
    uint64_t bound_ = std::numeric_limits<uint64_t>::max();
};

}  // namespace spanring::agent
