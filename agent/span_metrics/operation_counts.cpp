// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/operation_counts.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "span_metrics/duration_buckets.hpp"

namespace spanring::agent {
namespace {

constexpr double kLargest = 18446744073709549568.0;  // the last double below 2^64

// Where a bucket ends: a duration that is a bound belongs below it.
uint64_t end_of(size_t bucket) {
    if (bucket == DurationBuckets::kZero) return 0;
    const double doublings =
        (static_cast<double>(bucket) + 1 - DurationBuckets::kMiddle) / DurationBuckets::kOfADoubling;
    return static_cast<uint64_t>(std::min(std::exp2(doublings) * 1e9, kLargest));
}
uint64_t begin_of(size_t bucket) { return bucket == DurationBuckets::kZero ? 0 : end_of(bucket - 1); }
uint64_t middle_of(size_t bucket) { return begin_of(bucket) + (end_of(bucket) - begin_of(bucket) + 1) / 2; }

double logarithm(uint64_t nanoseconds) { return std::log(static_cast<double>(std::max<uint64_t>(nanoseconds, 1))); }

}  // namespace

// So that there are buckets from one to before the other.
void OperationCounts::reach(uint32_t from, size_t to) {
    if (buckets.empty()) first = from;
    if (from < first) {
        buckets.insert(buckets.begin(), first - from, 0);
        first = from;
    }
    if (to > first + buckets.size()) buckets.resize(to - first);
}

void OperationCounts::add(uint64_t duration, bool error) {
    static const DurationBuckets kBuckets = DurationBuckets::exponential(DurationUnit::kSeconds);
    const uint32_t bucket = kBuckets.index(duration);
    reach(bucket, bucket + 1);
    ++buckets[bucket - first];
    nanoseconds += static_cast<double>(duration);
    errors += error ? 1 : 0;
}

void OperationCounts::add(const OperationCounts& more) {
    add(more.first, more.buckets);
    nanoseconds += more.nanoseconds;
    errors += more.errors;
}

void OperationCounts::add(uint32_t begin, std::span<const uint64_t> more) {
    const auto some = [](uint64_t count) { return count != 0; };
    const auto from = std::find_if(more.begin(), more.end(), some);
    if (from == more.end()) return;
    const auto to = std::find_if(more.rbegin(), std::make_reverse_iterator(from), some).base();
    begin += static_cast<uint32_t>(from - more.begin());
    const auto count = static_cast<size_t>(to - from);
    reach(begin, begin + count);
    for (size_t i = 0; i < count; ++i) buckets[begin - first + i] += from[static_cast<std::ptrdiff_t>(i)];
}

OperationCounts OperationCounts::since(const OperationCounts& before) const {
    if (spans() < before.spans()) return *this;
    OperationCounts fresh = *this;
    const size_t from = std::max(first, before.first);
    const size_t to = std::min(first + buckets.size(), before.first + before.buckets.size());
    for (size_t bucket = from; bucket < to; ++bucket) {
        uint64_t& count = fresh.buckets[bucket - first];
        count -= std::min(count, before.buckets[bucket - before.first]);
    }
    fresh.nanoseconds = std::max(0.0, nanoseconds - before.nanoseconds);
    fresh.errors = errors - std::min(errors, before.errors);
    return fresh;
}

uint64_t OperationCounts::spans() const { return std::accumulate(buckets.begin(), buckets.end(), uint64_t{0}); }

uint64_t OperationCounts::whole_nanoseconds() const { return static_cast<uint64_t>(std::min(nanoseconds, kLargest)); }

uint64_t OperationCounts::quantile(double share) const {
    const auto wanted = std::max(1.0, std::ceil(share * static_cast<double>(spans())));
    uint64_t passed = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
        passed += buckets[i];
        if (static_cast<double>(passed) >= wanted) return middle_of(first + i);
    }
    return 0;
}

std::vector<OperationCounts::Bucket> OperationCounts::histogram() const {
    std::vector<Bucket> list;
    for (size_t i = 0; i < buckets.size(); ++i) {
        if (buckets[i] != 0) list.push_back({begin_of(first + i), end_of(first + i), buckets[i]});
    }
    return list;
}

std::vector<uint64_t> OperationCounts::columns(size_t columns, uint64_t shortest, uint64_t longest) const {
    std::vector<uint64_t> counts(columns, 0);
    const double low = logarithm(shortest), high = logarithm(longest);
    for (size_t i = 0; i < buckets.size(); ++i) {
        const double share =
            high > low ? std::clamp((logarithm(middle_of(first + i)) - low) / (high - low), 0.0, 1.0) : 0;
        counts[std::min(columns - 1, static_cast<size_t>(share * static_cast<double>(columns)))] += buckets[i];
    }
    return counts;
}

}  // namespace spanring::agent
