// SPDX-License-Identifier: Apache-2.0
#include "export/trace_shares.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/batches.hpp"

namespace spanring::agent::test {
namespace {

const std::vector<std::string> kThree = {"http://a:4317", "http://b:4317", "http://c:4317"};

TEST(TraceSharesTest, SharesAreEven) {
    const TraceShares shares(kThree);
    std::map<size_t, int> counts;
    for (uint64_t n = 0; n < 30'000; ++n) ++counts[shares.of(readable(trace_id(n)))];
    for (const auto& [endpoint, count] : counts) EXPECT_NEAR(count, 10'000, 400) << endpoint;
    EXPECT_EQ(counts.size(), 3u);
}

TEST(TraceSharesTest, WhichOrderTheNamesAreInDoesNotMatter) {
    const std::vector<std::string> other = {kThree[2], kThree[0], kThree[1]};
    const TraceShares one(kThree), two(other);
    for (uint64_t n = 0; n < 1000; ++n)
        EXPECT_EQ(kThree[one.of(readable(trace_id(n)))], other[two.of(readable(trace_id(n)))]);
}

TEST(TraceSharesTest, WhereOneIsGoneOnlyItsOwnMoveAndAllOthersGetSomeOfThem) {
    const std::vector<std::string> two = {kThree[0], kThree[2]};
    const TraceShares all(kThree), left(two);
    std::map<size_t, int> got;
    for (uint64_t n = 0; n < 3000; ++n) {
        const size_t before = all.of(readable(trace_id(n))), after = left.of(readable(trace_id(n)));
        if (before == 1)
            ++got[after];
        else
            EXPECT_EQ(kThree[before], two[after]);
    }
    EXPECT_GT(got[0], 300);
    EXPECT_GT(got[1], 300);
}

TEST(TraceSharesTest, ASplitHasEachSpanOnceAndEachTraceAtOneEndpoint) {
    auto batch = std::make_shared<Batch>();
    std::string run;
    for (uint64_t n = 0; n < 600; ++n) run += bytes(2, bytes(1, trace_id(n / 6)) + bytes(2, span_id(n)));
    add_run(*batch, producer(1, "shop"), scope("x"), run, 600);
    const auto shares = TraceShares(kThree).split(batch->runs);
    ASSERT_EQ(shares.size(), 3u);
    std::map<std::string, std::set<size_t>> where;
    uint64_t spans = 0;
    for (size_t i = 0; i < shares.size(); ++i) {
        EXPECT_FALSE(shares[i].empty());
        for (const auto& each : shares[i]) {
            spans += each.spans;
            wire::Cursor cursor(each.bytes);
            for (wire::Field span; wire::next(cursor, span);) {
                wire::Cursor inside(span.bytes);
                wire::Field id;
                ASSERT_TRUE(wire::next(inside, id));
                where[std::string(id.text())].insert(i);
            }
        }
    }
    EXPECT_EQ(spans, 600u);
    EXPECT_EQ(where.size(), 100u);
    for (const auto& [trace, endpoints] : where) EXPECT_EQ(endpoints.size(), 1u);
}

TEST(TraceSharesTest, TheIdIsFoundWhereverItIs) {
    const TraceShares shares(kThree);
    for (uint64_t n = 0; n < 100; ++n) {
        auto batch = std::make_shared<Batch>();
        add_run(*batch, producer(1, "shop"), scope("x"), bytes(2, bytes(2, span_id(n)) + bytes(1, trace_id(n))), 1);
        EXPECT_EQ(shares.split(batch->runs)[shares.of(readable(trace_id(n)))].size(), 1u);
    }
    auto none = std::make_shared<Batch>();
    add_run(*none, producer(1, "shop"), scope("x"), bytes(2, bytes(2, span_id(1))), 1);
    const auto split = shares.split(none->runs);
    EXPECT_EQ(std::count_if(split.begin(), split.end(), [](const auto& each) { return !each.empty(); }), 1);
}

}  // namespace
}  // namespace spanring::agent::test
