// SPDX-License-Identifier: Apache-2.0
//
// How often a value fell between bounds that are fixed. Not for several threads: whoever has one guards it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace spanring::agent {

class Histogram {
public:
    // `bounds` rise, and outlive this.
    explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

    void add(double value);

    std::span<const double> bounds() const { return bounds_; }
    // Of the values that are above the bound before and not above this one; the last: above all bounds.
    const std::vector<uint64_t>& counts() const { return counts_; }
    uint64_t count() const;
    double sum() const { return sum_; }

private:
    std::span<const double> bounds_;
    std::vector<uint64_t> counts_;
    double sum_ = 0;
};

}  // namespace spanring::agent
