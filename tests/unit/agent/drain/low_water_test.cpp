// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "drain/low_water.hpp"
#include "drain/segment_accounts.hpp"

namespace spanring::agent {
namespace {

Completion piece(uint32_t begin, uint32_t end, uint32_t spans) { return {begin, end, spans, 0, 0, 0, {}}; }

uint32_t advance_all(LowWater& water) {
    while (water.advance()) continue;
    return water.mark();
}

TEST(LowWaterTest, MovesOnlyOverWhatTouchesIt) {
    LowWater water;
    water.complete(piece(200, 300, 1));
    EXPECT_EQ(advance_all(water), 0u) << "what is in flight before it would be lost";
    water.complete(piece(100, 200, 2));
    EXPECT_EQ(advance_all(water), 0u);
    water.complete(piece(0, 100, 4));
    EXPECT_EQ(advance_all(water), 300u);
    EXPECT_EQ(water.spans(), 7u);
}

TEST(LowWaterTest, ComesToTheSameEndInEveryOrder) {
    std::vector<uint32_t> order = {0, 1, 2, 3, 4};
    do {
        LowWater water;
        uint32_t booked = 0, done = 0;
        for (const uint32_t i : order) {
            water.complete(piece(i * 10, i * 10 + 10, 1));
            done |= 1u << i;
            while (const auto passed = water.advance()) {
                EXPECT_EQ(passed->begin, booked * 10);
                ++booked;
            }
            EXPECT_EQ(booked, static_cast<uint32_t>(std::countr_one(done)));
        }
        EXPECT_EQ(water.mark(), 50u);
    } while (std::next_permutation(order.begin(), order.end()));
}

// As spans of a chunk are that leave it one by one.
TEST(LowWaterTest, ManyPiecesPassInTheirOrderWhereverTheyCameFrom) {
    LowWater water;
    constexpr uint32_t kPieces = 1000;
    for (uint32_t i = kPieces; i-- > 500;) water.complete(piece(i * 10, i * 10 + 10, 1));
    EXPECT_FALSE(water.ready());
    uint32_t next = 0;
    for (uint32_t i = 0; i < 500; ++i) {
        water.complete(piece(i * 10, i * 10 + 10, 1));
        if (i % 100 != 50) continue;
        while (const auto passed = water.advance()) EXPECT_EQ(passed->begin, 10 * next++);
        EXPECT_EQ(next, i + 1);
    }
    while (const auto passed = water.advance()) EXPECT_EQ(passed->begin, 10 * next++);
    EXPECT_EQ(next, kPieces);
    EXPECT_EQ(water.spans(), kPieces);
}

TEST(LowWaterTest, GoesOnWhereAnEarlierAgentStopped) {
    LowWater water;
    water.reset(120, 3);
    water.complete(piece(120, 200, 2));
    EXPECT_EQ(advance_all(water), 200u);
    EXPECT_EQ(water.spans(), 5u);
}

TEST(SegmentAccountsTest, BooksEachOutcomeInTheRowOfItsExporter) {
    SegmentAccounts accounts({}, {{0, 11}, {2, 22}});
    Completion done = piece(0, 10, 10);
    done.invalid = 1;
    done.filtered = 2;
    done.resolutions[0] = {Outcome::kExported, 3};
    done.resolutions[2] = {Outcome::kSpooled, 0};
    accounts.book(done);
    done.resolutions[0] = {Outcome::kRejected, 0};
    done.resolutions[2] = {Outcome::kDroppedQueue, 0};
    accounts.book(done);
    done.resolutions[0] = {Outcome::kDroppedQueue, 0};
    done.resolutions[2] = {Outcome::kExported, 99};  // a backend may say anything
    accounts.book_unfinished(done);
    const ring::Totals& totals = accounts.totals();
    EXPECT_EQ(totals.acknowledged, 20u);
    EXPECT_EQ(totals.unfinished, 10u);
    const ring::ExporterTotals& first = totals.exporters[0];
    EXPECT_EQ(first.exporter, 11u);
    EXPECT_EQ(first.exported, 4u);
    EXPECT_EQ(first.rejected, 3u + 7u);
    EXPECT_EQ(first.filtered, 6u);
    EXPECT_EQ(first.dropped_spool, 7u);
    EXPECT_EQ(first.dropped_invalid, 3u);
    const ring::ExporterTotals& second = totals.exporters[1];
    EXPECT_EQ(second.exporter, 22u);
    EXPECT_EQ(second.spooled, 7u);
    EXPECT_EQ(second.dropped_spool, 7u);
    EXPECT_EQ(second.exported, 0u);
    EXPECT_EQ(second.rejected, 7u);
    EXPECT_EQ(second.filtered, 6u);
    for (const ring::ExporterTotals* row : {&first, &second}) {
        EXPECT_EQ(totals.acknowledged + totals.unfinished, row->exported + row->rejected + row->spooled +
                                                               row->dropped_invalid + row->dropped_spool +
                                                               row->elsewhere + row->sampled_out + row->filtered);
    }
}

TEST(SegmentAccountsTest, FindsTheRowOfANameAgainAndGivesAwayOnlyThoseOfOthers) {
    ring::Totals totals{};
    for (uint64_t i = 0; i < ring::kExporterRows; ++i) totals.exporters[i] = {i + 1, 100 + i, 0, 0, 0, 0, 0, 0, 0, 0};
    const SegmentAccounts accounts(totals, {{0, 99}, {1, 3}, {2, 1}});
    EXPECT_EQ(accounts.totals().exporters[2].exported, 102u);
    EXPECT_EQ(accounts.totals().exporters[0].exported, 100u);
    EXPECT_EQ(accounts.totals().exporters[1].exporter, 99u) << "an exporter that is not configured any more gave way";
    EXPECT_EQ(accounts.totals().exporters[1].exported, 0u);
}

TEST(SegmentAccountsTest, SaysOfEachRowWhatWasBookedWithoutIt) {
    const auto balance = [](const ring::Totals& totals, uint32_t row) {
        const ring::ExporterTotals& it = totals.exporters[row];
        return it.exported + it.rejected + it.spooled + it.dropped_invalid + it.dropped_spool + it.elsewhere;
    };
    Completion done = piece(0, 10, 10);
    done.resolutions[0] = done.resolutions[1] = {Outcome::kExported, 0};
    SegmentAccounts first({}, {{0, 11}});
    first.book(done);
    SegmentAccounts both(first.totals(), {{0, 22}, {1, 11}});  // the first one again, and a new one
    both.book(done);
    both.book_unfinished(done);
    SegmentAccounts second(both.totals(), {{0, 22}});
    second.book(done);
    const ring::Totals& totals = second.totals();
    EXPECT_EQ(totals.exporters[0].elsewhere, 10u) << "the last ten were never its own";
    EXPECT_EQ(totals.exporters[1].elsewhere, 10u) << "the first ten were before its time";
    for (const uint32_t row : {0u, 1u}) EXPECT_EQ(balance(totals, row), 40u);
    EXPECT_EQ(totals.exporters[2].elsewhere, 0u) << "a row that nobody uses stays empty";
}

}  // namespace
}  // namespace spanring::agent
