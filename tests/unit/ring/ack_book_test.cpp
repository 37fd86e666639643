// SPDX-License-Identifier: Apache-2.0
//
// The agent is killed after each of its stores in turn; the next agent must find mark and totals on the same side.
#include <vector>

#include <gtest/gtest.h>

#include "ring/ack_book.hpp"
#include "ring/chunk_reader.hpp"
#include "support/extents.hpp"
#include "support/segment_image.hpp"

namespace spanring::ring {
namespace {

struct Killed {};

// StdAtomics until the given number of stores is used up.
struct KillingAtomics : StdAtomics {
    static inline int stores_left = 0;
    template <class T>
    static void store(T& word, T value, std::memory_order order) {
        if (stores_left-- == 0) throw Killed();
        StdAtomics::store(word, value, order);
    }
};

Totals with_acknowledged(uint64_t spans) {
    Totals totals{};
    totals.acknowledged = spans;
    totals.exporters[0] = {77, spans, 0, 0, 0, 0, 0, 0, 0, 0};
    totals.exporters[kExporterRows - 1] = {78, 0, spans * 3, 0, 0, 0, 0, 0, 0, 0};
    return totals;
}

TEST(AckBookTest, MovesMarkAndTotalsTogetherWhereverTheAgentIsKilled) {
    bool finished = false;
    int booked = 0, not_booked = 0;
    for (int kill_after = 0; !finished; ++kill_after) {
        test::BufferImage image;
        image->claim(2);
        image->append(2, test::Bytes(500, 0), 0);
        const ChunkWord half = mark_of(1, 100, 2), whole = mark_of(1, 300, 6);
        AckBook<> first;
        ASSERT_TRUE(first.open(image.view(), test::extents_of(image.view())));
        image.view().control().attachments = 1;
        first.move_mark(2, half, with_acknowledged(2));

        KillingAtomics::stores_left = 1000;
        AckBook<KillingAtomics> killed;
        ASSERT_TRUE(killed.open(image.view(), test::extents_of(image.view())));
        KillingAtomics::stores_left = kill_after;
        try {
            killed.move_mark(2, whole, with_acknowledged(6));
            finished = true;
        } catch (const Killed&) {
        }

        AckBook<> next;
        ASSERT_TRUE(next.open(image.view(), test::extents_of(image.view())));
        const bool moved = image->mark(2) == whole;
        EXPECT_EQ(image->mark(2), moved ? whole : half);
        const Totals wanted = with_acknowledged(moved ? 6 : 2);
        const Totals found = next.totals();
        EXPECT_EQ(memcmp(&found, &wanted, sizeof wanted), 0) << "killed after store " << kill_after;
        EXPECT_EQ(memcmp(&image.view().control().totals, &wanted, sizeof wanted), 0)
            << "killed after store " << kill_after;
        EXPECT_EQ(image.view().control().journal.armed, 0u);
        ++(moved ? booked : not_booked);
    }
    EXPECT_GT(booked, 3) << "kills after the journal was armed";
    EXPECT_GT(not_booked, 3) << "and before";
}

std::vector<RuleTotals> rows_of(const std::array<RuleTotals, kRuleRows>& all) {
    std::vector<RuleTotals> rows;
    for (const RuleTotals& row : all)
        if (row.rule != 0) rows.push_back(row);
    return rows;
}

TEST(AckBookTest, MovesTheRowsOfRulesWithTheMarkWhereverTheAgentIsKilled) {
    const std::vector<RuleTotals> before = {{11, 2, 0}}, after = {{11, 3, 1}, {12, 4, 0}};
    bool finished = false;
    int booked = 0, not_booked = 0;
    for (int kill_after = 0; !finished; ++kill_after) {
        test::BufferImage image;
        image->claim(2);
        image->append(2, test::Bytes(500, 0), 0);
        const ChunkWord half = mark_of(1, 100, 2), whole = mark_of(1, 300, 9);
        AckBook<> first;
        ASSERT_TRUE(first.open(image.view(), test::extents_of(image.view())));
        EXPECT_TRUE(rows_of(first.open_rules()).empty());
        image.view().control().attachments = 1;
        const RuleChange one[] = {{0, before[0]}};
        first.move_mark(2, half, with_acknowledged(2), one);

        KillingAtomics::stores_left = 1000;
        AckBook<KillingAtomics> killed;
        ASSERT_TRUE(killed.open(image.view(), test::extents_of(image.view())));
        EXPECT_EQ(rows_of(killed.open_rules()), before);
        KillingAtomics::stores_left = kill_after;
        try {
            const RuleChange both[] = {{0, after[0]}, {1, after[1]}};
            killed.move_mark(2, whole, with_acknowledged(9), both);
            finished = true;
        } catch (const Killed&) {
        }

        // The next one dies as well, in the middle of another step, and must not bring back what never happened.
        AckBook<> next;
        ASSERT_TRUE(next.open(image.view(), test::extents_of(image.view())));
        const bool moved = image->mark(2) == whole;
        EXPECT_EQ(rows_of(next.open_rules()), moved ? after : before) << "killed after store " << kill_after;
        image.view().control().journal.armed = AckBook<>::kMark;
        AckBook<> last;
        ASSERT_TRUE(last.open(image.view(), test::extents_of(image.view())));
        EXPECT_EQ(rows_of(last.open_rules()), moved ? after : before) << "killed after store " << kill_after;
        ++(moved ? booked : not_booked);
    }
    EXPECT_GT(booked, 3) << "kills after the journal was armed";
    EXPECT_GT(not_booked, 3) << "and before";
}

Totals with_rows(uint64_t first, uint64_t second) {
    Totals totals{};
    totals.acknowledged = first;
    totals.exporters[0] = {77, first, 0, 0, 0, 0, 0, 0, 0, 0};
    if (second != 0) totals.exporters[1] = {78, second, 0, 0, 0, 0, 0, 0, 0, 0};
    return totals;
}

// Where that is, beyond the first page, is memory of a process that most have no use for.
TEST(AckBookTest, LooksAtNoMoreThanIsInUseWhereNoAgentWas) {
    test::BufferImage image;
    image->claim(2);
    image->append(2, test::Bytes(500, 0), 0);
    Totals& noted = image.view().control().journal.totals;
    noted.exporters[1].exported = 99;  // nobody named that row
    rule_area(image.view()).rows[0] = {11, 2, 0};
    for (const bool was : {false, true}) {
        image.view().control().attachments = was ? 1 : 0;
        image.view().control().totals = {};
        AckBook<> book;
        ASSERT_TRUE(book.open(image.view(), test::extents_of(image.view())));
        EXPECT_EQ(rows_of(book.open_rules()).size(), was ? 1u : 0u);
        book.move_mark(2, mark_of(1, was ? 300 : 100, 2), with_rows(2, 0));
        EXPECT_EQ(noted.exporters[0].exported, 2u);
        EXPECT_EQ(noted.exporters[1].exported, 99u);
        EXPECT_EQ(image.view().control().totals.acknowledged, 2u);
        book.move_mark(2, mark_of(1, 400, 3), with_rows(3, 1));
        EXPECT_EQ(noted.exporters[1].exported, 1u) << "by now it is";
        noted.exporters[1] = {0, 99, 0, 0, 0, 0, 0, 0, 0, 0};
    }
}

TEST(AckBookTest, ClosesASlotOnceWhereverTheAgentIsKilled) {
    bool finished = false;
    for (int kill_after = 0; !finished; ++kill_after) {
        test::BufferImage image;
        const Slot& slot = image->open_slot(7, test::span_start(1, "open"));
        Totals totals{};
        totals.unfinished = 1;
        KillingAtomics::stores_left = 1000;
        AckBook<KillingAtomics> killed;
        ASSERT_TRUE(killed.open(image.view(), test::extents_of(image.view())));
        KillingAtomics::stores_left = kill_after;
        try {
            killed.close_slot(test::kFirstSlot + 7, slot.generation, totals);
            finished = true;
        } catch (const Killed&) {
        }
        AckBook<> next;
        ASSERT_TRUE(next.open(image.view(), test::extents_of(image.view())));
        const bool closed = image->slot_word(7).state == SlotState::kFree;
        EXPECT_EQ(next.totals().unfinished, closed ? 1u : 0u) << "killed after store " << kill_after;
    }
}

// Whoever comes next may find its process going on: then the slot has another span, and that one stays.
TEST(AckBookTest, ClosesAWaitingSlotOnceWhereverTheAgentIsKilled) {
    bool finished = false, was_done = false;
    for (int kill_after = 0; !finished; ++kill_after) {
        for (const bool used_again : {false, true}) {
            test::BufferImage image;
            Slot& slot = image->open_slot(7, test::span_start(1, "ended"));
            image->set_slot_state(7, SlotState::kWaiting);
            KillingAtomics::stores_left = 1000;
            AckBook<KillingAtomics> killed;
            ASSERT_TRUE(killed.open(image.view(), test::extents_of(image.view())));
            KillingAtomics::stores_left = kill_after;
            finished = false;
            try {
                killed.close_waiting_slot(test::kFirstSlot + 7, slot.generation, with_acknowledged(1));
                finished = true;
            } catch (const Killed&) {
            }
            const bool done = image->slot_word(7).state == SlotState::kDone;
            was_done |= done && !finished;
            if (done && used_again) {
                ++slot.generation;
                image->set_slot_state(7, SlotState::kWaiting);
            }
            AckBook<> next;
            ASSERT_TRUE(next.open(image.view(), test::extents_of(image.view())));
            const SlotState state = image->slot_word(7).state;
            EXPECT_EQ(next.totals().acknowledged, done || state == SlotState::kDone ? 1u : 0u)
                << "killed after store " << kill_after;
            EXPECT_EQ(state == SlotState::kWaiting, next.totals().acknowledged == 0 || (done && used_again))
                << "killed after store " << kill_after;
            EXPECT_TRUE(state == SlotState::kWaiting || image.view().control().done != 0)
                << "the process looks for it: killed after store " << kill_after;
        }
    }
    EXPECT_TRUE(was_done) << "no kill between the slot and the totals";
}

// It had become free, and its extent one of something else, before the next agent came.
TEST(AckBookTest, FinishesWhereTheSlotThatWaitedIsThereNoMore) {
    test::BufferImage image;
    image.view().control().journal.armed = AckBook<>::kWaitingSlot;
    image.view().control().journal.index = 0;  // in an extent of chunks
    image.view().control().journal.totals = with_acknowledged(5);
    const uint64_t word = image.view().chunk_line(0).word;
    AckBook<> book;
    ASSERT_TRUE(book.open(image.view(), test::extents_of(image.view())));
    EXPECT_EQ(book.totals().acknowledged, 5u);
    EXPECT_EQ(image.view().chunk_line(0).word, word);
    image.view().control().journal.armed = AckBook<>::kWaitingSlot;
    image.view().control().journal.index = kMaxExtents * kSlotNumbers;
    EXPECT_FALSE(book.open(image.view(), test::extents_of(image.view()))) << "there is no such slot in any segment";
}

TEST(AckBookTest, RepeatsAnArmedJournalWithoutBookingTwice) {
    test::BufferImage image;
    AckBook<> book;
    ASSERT_TRUE(book.open(image.view(), test::extents_of(image.view())));
    book.move_mark(0, mark_of(1, 100, 2), with_acknowledged(2));
    image.view().control().journal.armed = AckBook<>::kMark;  // as if it had been killed before the last step
    for (int round = 0; round < 3; ++round) {
        AckBook<> next;
        ASSERT_TRUE(next.open(image.view(), test::extents_of(image.view())));
        EXPECT_EQ(next.totals().acknowledged, 2u);
        image.view().control().journal.armed = AckBook<>::kMark;
    }
}

TEST(AckBookTest, RefusesAJournalThatNamesWhatIsNotThere) {
    for (const auto& [kind, index] : {std::pair{AckBook<>::kMark, test::kFirstSlot / kSlotNumbers * kChunksPerExtent},
                                      {AckBook<>::kSlot, 0u},
                                      {4u, 0u}}) {
        test::BufferImage image;
        image.view().control().journal.armed = kind;
        image.view().control().journal.index = index;
        AckBook<> book;
        EXPECT_FALSE(book.open(image.view(), test::extents_of(image.view())));
    }
}

}  // namespace
}  // namespace spanring::ring
