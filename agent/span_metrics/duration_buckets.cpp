// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/duration_buckets.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace spanring::agent {
namespace {

constexpr uint32_t kMantissaBits = 52;

// 2^(i/8) for i from 1 to 7, as the mantissas of doubles.
constexpr std::array<uint64_t, DurationBuckets::kOfADoubling - 1> kBoundaries = [] {
    constexpr double kRoots[] = {1.0905077326652577, 1.189207115002721, 1.2968395546510096, 1.4142135623730951,
                                 1.5422108254079407, 1.681792830507429, 1.8340080864093424};
    std::array<uint64_t, DurationBuckets::kOfADoubling - 1> mantissas{};
    for (size_t i = 0; i < mantissas.size(); ++i)
        mantissas[i] = std::bit_cast<uint64_t>(kRoots[i]) & ((uint64_t{1} << kMantissaBits) - 1);
    return mantissas;
}();

}  // namespace

DurationBuckets DurationBuckets::explicit_at(std::vector<uint64_t> bounds) {
    DurationBuckets buckets;
    buckets.kind_ = Kind::kExplicit;
    buckets.bounds_ = std::move(bounds);
    for (uint32_t bits = 1; bits < buckets.first_.size(); ++bits) {
        const uint64_t smallest = uint64_t{1} << (bits - 1);
        const auto first = std::lower_bound(buckets.bounds_.begin(), buckets.bounds_.end(), smallest);
        buckets.first_[bits] = static_cast<uint16_t>(first - buckets.bounds_.begin());
    }
    return buckets;
}

DurationBuckets DurationBuckets::exponential(DurationUnit unit) {
    DurationBuckets buckets;
    buckets.kind_ = Kind::kExponential;
    buckets.unit_ = unit;
    return buckets;
}

uint32_t DurationBuckets::explicit_index(uint64_t nanoseconds) const {
    uint32_t index = first_[static_cast<size_t>(std::bit_width(nanoseconds))];
    while (index < bounds_.size() && bounds_[index] < nanoseconds) ++index;
    return index;
}

// From 1 ns in seconds, 2^-30, to 2^64 ns in milliseconds, 2^45: from bucket 16 to 615.
uint32_t DurationBuckets::exponential_index(uint64_t nanoseconds) const {
    if (nanoseconds == 0) return kZero;
    const auto bits = std::bit_cast<uint64_t>(static_cast<double>(nanoseconds) / nanoseconds_in(unit_));
    const int32_t exponent = static_cast<int32_t>(bits >> kMantissaBits) - 1023;
    const uint64_t mantissa = bits & ((uint64_t{1} << kMantissaBits) - 1);
    int32_t index = kMiddle + exponent * static_cast<int32_t>(kOfADoubling);
    if (mantissa == 0) return static_cast<uint32_t>(index - 1);  // a power of 2 belongs below it
    for (const uint64_t boundary : kBoundaries) index += boundary < mantissa ? 1 : 0;
    return static_cast<uint32_t>(index);
}

}  // namespace spanring::agent
