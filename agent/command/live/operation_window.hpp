// SPDX-License-Identifier: Apache-2.0
//
// What operations (a service and a span's name) did lately: how many spans, how many errors, how long they took. It
// covers the last one or two spans of kSlice. Durations are counted in buckets of at most 1/16 of their value, so that
// a quantile is within some 3 % of it. Bounded: whoever makes a name for each span fills one row, kOthers.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spanring::agent {

class DurationCounts {
public:
    void add(uint64_t nanoseconds);
    void clear() { counts_.clear(); }

    // Of both together: what `share` of them took at most; 0 where there is none.
    static uint64_t quantile(const DurationCounts& a, const DurationCounts& b, double share);

private:
    uint64_t at(size_t bucket) const { return bucket < counts_.size() ? counts_[bucket] : 0; }

    std::vector<uint32_t> counts_;
};

struct OperationRow {
    std::string service, name;
    double rate = 0;    // spans a second
    double errors = 0;  // of these, the share from 0 to 1
    uint64_t p50_nano = 0, p99_nano = 0;
};

class OperationWindow {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kSlice{10};
    static constexpr size_t kMost = 1000;
    static constexpr const char* kOthers = "(others)";

    explicit OperationWindow(Clock::time_point begin) : begins_{begin, begin} {}

    // A span that stands for `weight` ones, of which not all are looked at.
    void add(std::string_view service, std::string_view name, uint64_t duration_nano, bool error, double weight);
    // Before what comes after this time.
    void turn(Clock::time_point now);
    std::vector<OperationRow> rows(Clock::time_point now) const;

private:
    struct Slice {
        double spans = 0, errors = 0;
        DurationCounts durations;
    };
    using Key = std::pair<std::string, std::string>;

    std::map<Key, std::array<Slice, 2>> operations_;  // the slice before, and this one
    std::array<Clock::time_point, 2> begins_;
};

}  // namespace spanring::agent
