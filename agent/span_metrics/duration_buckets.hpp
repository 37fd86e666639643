// SPDX-License-Identifier: Apache-2.0
//
// Which bucket of a histogram a duration belongs to. Buckets have numbers from 0, below kMost; a duration that is a
// bound belongs below it, as in OTLP and Prometheus.
//
//     none         one bucket: a histogram that only counts
//     explicit     between the bounds that are named
//     exponential  OTLP's, base 2, at kScale: eight buckets for each doubling, so that a bucket's middle is within
//                  4.4 % of what is in it
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace spanring::agent {

enum class DurationUnit : uint8_t { kMilliseconds, kSeconds };

constexpr double nanoseconds_in(DurationUnit unit) { return unit == DurationUnit::kSeconds ? 1e9 : 1e6; }

class DurationBuckets {
public:
    static constexpr uint32_t kMost = 640;
    static constexpr int32_t kScale = 3;
    static constexpr uint32_t kOfADoubling = 1 << kScale;
    static constexpr uint32_t kZero = 0;     // exponential: the bucket of durations of 0
    static constexpr int32_t kMiddle = 256;  // exponential: the bucket above 1 of the unit, OTLP's index 0

    enum class Kind : uint8_t { kNone, kExplicit, kExponential };

    static DurationBuckets none() { return {}; }
    // `bounds` rise, and are fewer than kMost.
    static DurationBuckets explicit_at(std::vector<uint64_t> bounds_nanoseconds);
    static DurationBuckets exponential(DurationUnit unit);

    Kind kind() const { return kind_; }
    const std::vector<uint64_t>& bounds() const { return bounds_; }

    uint32_t index(uint64_t nanoseconds) const {
        switch (kind_) {
            case Kind::kExplicit: return explicit_index(nanoseconds);
            case Kind::kExponential: return exponential_index(nanoseconds);
            default: return 0;
        }
    }

private:
    uint32_t explicit_index(uint64_t nanoseconds) const;
    uint32_t exponential_index(uint64_t nanoseconds) const;

    Kind kind_ = Kind::kNone;
    DurationUnit unit_ = DurationUnit::kMilliseconds;
    std::vector<uint64_t> bounds_;
    std::array<uint16_t, 65> first_{};  // by how many bits a duration has: the bounds that are below all such
};

}  // namespace spanring::agent
