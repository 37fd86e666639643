// SPDX-License-Identifier: Apache-2.0
//
// What operations did, each a service and a span's name: how many spans, how many of them with an error, how long they
// took. Plain values, to be added up, compared with what they were before, and written down.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace spanring::agent {

struct OperationName {
    std::string service, name;

    auto operator<=>(const OperationName&) const = default;
};

struct OperationCounts {
    struct Bucket {
        uint64_t from = 0, to = 0;  // nanoseconds: more than `from`, at most `to`
        uint64_t count = 0;
    };

    uint64_t errors = 0;
    double nanoseconds = 0;  // of all together
    // DurationBuckets::exponential() of seconds, from the number `first` on: what an operation takes is in few of the
    // hundreds, and there are thousands of operations.
    uint32_t first = 0;
    std::vector<uint64_t> buckets;

    void add(uint64_t nanoseconds, bool error);
    void add(const OperationCounts& more);
    void add(uint32_t first, std::span<const uint64_t> buckets);  // together at most DurationBuckets::kMost
    // What came on top of `before`, which is the same operation's earlier; what has become less began anew.
    OperationCounts since(const OperationCounts& before) const;

    uint64_t spans() const;
    uint64_t whole_nanoseconds() const;  // as many as fit: two spans may say of themselves that they took 584 years
    // What `share` of them took at most: the middle of a bucket, which is within 4.4 % of all that is in it. 0: of
    // none.
    uint64_t quantile(double share) const;
    std::vector<Bucket> histogram() const;  // what is not empty, the shortest first
    // How many are in each of so many parts of the way from `shortest` to `longest`, which are logarithmic.
    std::vector<uint64_t> columns(size_t columns, uint64_t shortest, uint64_t longest) const;

private:
    void reach(uint32_t from, size_t to);
};

using OperationTable = std::map<OperationName, OperationCounts>;

// In place of names beyond a limit, and of the service where there were too many of these.
inline constexpr char kOtherOperations[] = "(others)";

}  // namespace spanring::agent
