// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_window.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace spanring::agent {
namespace {

// The four bits below the highest one choose among 16 buckets; what is below 16 has one of its own.
constexpr size_t kParts = 16;
constexpr size_t kMostText = 200;  // bytes of a name; what goes on after that is not told apart

size_t bucket_of(uint64_t value) {
    if (value < kParts) return value;
    const auto shift = static_cast<size_t>(std::bit_width(value) - 5);
    return (shift + 1) * kParts + ((value >> shift) - kParts);
}

// In the middle.
uint64_t value_of(size_t bucket) {
    if (bucket < kParts) return bucket;
    const size_t shift = bucket / kParts - 1;
    const uint64_t first = (kParts + bucket % kParts) << shift;
    return first + ((uint64_t{1} << shift) >> 1);
}

}  // namespace

void DurationCounts::add(uint64_t nanoseconds) {
    const size_t bucket = bucket_of(nanoseconds);
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    ++counts_[bucket];
}

uint64_t DurationCounts::quantile(const DurationCounts& a, const DurationCounts& b, double share) {
    const size_t buckets = std::max(a.counts_.size(), b.counts_.size());
    uint64_t sum = 0;
    for (size_t i = 0; i < buckets; ++i) sum += a.at(i) + b.at(i);
    if (sum == 0) return 0;
    auto left = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(sum))));
    for (size_t i = 0; i < buckets; ++i) {
        const uint64_t here = a.at(i) + b.at(i);
        if (here >= left) return value_of(i);
        left -= here;
    }
    return value_of(buckets - 1);
}

void OperationWindow::add(std::string_view service, std::string_view name, uint64_t duration_nano, bool error,
                          double weight) {
    Key key(service.substr(0, kMostText), name.substr(0, kMostText));
    auto found = operations_.find(key);
    if (found == operations_.end()) {
        if (operations_.size() >= kMost) key = {kOthers, kOthers};
        found = operations_.try_emplace(std::move(key)).first;
    }
    Slice& slice = found->second[1];
    slice.spans += weight;
    if (error) slice.errors += weight;
    slice.durations.add(duration_nano);
}

void OperationWindow::turn(Clock::time_point now) {
    if (now - begins_[1] < kSlice) return;
    const bool both = now - begins_[1] >= 2 * kSlice;  // nobody looked for so long
    begins_ = {both ? now : begins_[1], now};
    for (auto operation = operations_.begin(); operation != operations_.end();) {
        auto& [before, current] = operation->second;
        before = both ? Slice{} : std::move(current);
        current = {};
        operation = before.spans == 0 ? operations_.erase(operation) : std::next(operation);
    }
}

std::vector<OperationRow> OperationWindow::rows(Clock::time_point now) const {
    const double seconds = std::max(0.001, std::chrono::duration<double>(now - begins_[0]).count());
    std::vector<OperationRow> rows;
    for (const auto& [key, slices] : operations_) {
        const auto& [before, current] = slices;
        const double spans = before.spans + current.spans;
        rows.push_back({key.first, key.second, spans / seconds, (before.errors + current.errors) / spans,
                        DurationCounts::quantile(before.durations, current.durations, 0.5),
                        DurationCounts::quantile(before.durations, current.durations, 0.99)});
    }
    return rows;
}

}  // namespace spanring::agent
