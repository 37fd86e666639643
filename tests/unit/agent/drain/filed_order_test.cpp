// SPDX-License-Identifier: Apache-2.0
//
// Undecided spans in files where something else is not as usual: the order in which they came, their segment, their
// scope, or the file.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "unit/agent/drain/filed_fixture.hpp"

namespace spanring::agent {
namespace {

// As it came to be known: a span that is about to end is its segment's, and goes with the mark.
TEST_F(FiledTest, WhatIsSentBeforeItHoldsTheMark) {
    FileImage image(directory);
    image->claim(kChunk);
    image->open_slot(3, started(kTrace, 1000, "root"));
    append(image, ended(1, 0));
    append(image, ended(kTrace, 1));
    exporter.answers = false;
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until_filed(1);
    EXPECT_EQ(image->mark(kChunk).length, 0u);
    close(image);
    pass_until_decided(2);
    restart({of_type(PolicyType::kAlwaysSample)});
    exporter.answers = true;
    EXPECT_EQ(finish(image).exported, 2u);
    EXPECT_EQ(totals(image).acknowledged, 2u);
    EXPECT_TRUE(files().empty());
}

// Its marks move no more, and nothing waits for them.
TEST_F(FiledTest, AQuarantinedSegmentIsOverOnceWhatIsInFilesIsAnsweredFor) {
    for (const bool answered_before : {false, true}) {
        FileImage image(directory);
        exporter.spans.clear();
        exporter.waiting.clear();
        exporter.answers = false;
        image->claim(kChunk);
        image->open_slot(3, started(kTrace, 1000, "root"));
        append(image, ended(1, 0));
        append(image, ended(kTrace, 1));
        start_with({of_type(PolicyType::kAlwaysSample)});
        pass_until_filed(1);
        EXPECT_EQ(image->mark(kChunk).length, 0u);
        close(image);
        pass_until([&] { return exporter.waiting.size() == 2; });
        if (answered_before) {
            exporter.answer(1);
            pass();
        }
        image->set_word(0, {static_cast<ChunkState>(13), 1, 0, 0});
        image.view().writer().claims += 1;
        pass_until([&] { return drainer->status().quarantined == 1; });
        EXPECT_EQ(files().size(), answered_before ? 0u : 1u);
        while (!exporter.waiting.empty()) exporter.answer(0);
        pass_until([&] { return drainer->status().serving == 0; });
        EXPECT_TRUE(files().empty());
        EXPECT_EQ(totals(image).acknowledged, 2u);
        image.die();
        fs::remove(image.path());
        forget();
    }
}

// Of spans that no chunk had room for: their slots, and the blocks where these lie, are the process's again.
TEST_F(FiledTest, WhatWaitsInASlotLeavesItsSegment) {
    for (const PolicyType type : {PolicyType::kAlwaysSample, PolicyType::kNever}) {
        FileImage image(directory);
        exporter.spans.clear();
        image->open_slot(3, started(kTrace, 1000, "root"));
        image->waiting_slot(5, started(kTrace, 0, "waits"), 77'000);
        image->waiting_slot(9, started(kTrace, 1, std::string(1500, 'x')), 78'000);  // in a block
        start_with({of_type(type)});
        pass_until_filed(2);
        for (const uint32_t slot : {5u, 9u})
            EXPECT_EQ(image->slot_word(slot), (ring::SlotWord{SlotState::kDone, 0, 0}));
        EXPECT_EQ(image.view().control().totals.acknowledged, 0u) << "nobody has them yet";
        EXPECT_EQ(counters_->undecided_ring_bytes.get(), 0u);
        // The next agent finds the slot used again.
        drainer.reset();
        image->set_slot_state(5, SlotState::kFree);
        image->waiting_slot(5, started(kTrace, 2, "again"), 79'000);
        start_with({of_type(type)});
        pass_until_filed(3);
        close(image);
        const ring::ExporterTotals row = finish(image);
        EXPECT_EQ(type == PolicyType::kNever ? row.sampled_out : row.exported, 3u);
        EXPECT_EQ(totals(image).acknowledged, 3u);
        EXPECT_EQ(numbers(), upto(type == PolicyType::kNever ? 0 : 3));
        EXPECT_TRUE(files().empty());
        forget();
    }
}

// An agent that was killed between the writing and the slot's end.
TEST_F(FiledTest, WhatItsSlotStillHasIsNotSentTwice) {
    FileImage image(directory);
    image->open_slot(3, started(kTrace, 1000, "root"));
    image->waiting_slot(5, started(kTrace, 0, "waits"), 77'000);
    change_files(image, [&](UndecidedFiles& files, const AccountId& account) {
        UndecidedFiles::Draft draft;
        draft.begin_entry(account, 0);
        draft.add({5 + test::kFirstSlot, image->slot(5).generation, 0, 0, test::record_of(ended(kTrace, 0, "waits"))});
        std::vector<uint32_t> entries;
        ASSERT_TRUE(files.write(draft, 0, entries));
    });
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until([&] { return counters_->undecided_spans.get() == 1; });
    close(image);
    pass_until([&] { return exporter.spans.size() >= 1; });
    EXPECT_EQ(finish(image).exported, 1u);
    EXPECT_EQ(numbers(), upto(1));
    EXPECT_EQ(totals(image).acknowledged, 1u);
    EXPECT_TRUE(files().empty());
}

// What is left to the next agent is not missing, whatever a file says.
TEST_F(FiledTest, WhatIsLeftBehindIsNotBookedAsDropped) {
    sampling_.ring_linger = std::chrono::hours(1);
    FileImage image(directory);
    append_open(image, 5);
    close(image);
    fs::create_directory(folder());
    fs::permissions(folder(), fs::perms::owner_all);
    std::ofstream(folder() + "/0000000000000001.undecided") << std::string(100, 'x');
    exporter.answers = false;
    start_with({of_type(PolicyType::kAlwaysSample)});
    image.die();
    pass_until([&] { return exporter.spans.size() == 5; });
    exporter.shutdown({});
    pass();
    EXPECT_EQ(image.view().control().totals.acknowledged, 0u);
    exporter.answers = true;
    restart({of_type(PolicyType::kAlwaysSample)});
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(totals(image).exporters[0].exported, 5u);
    EXPECT_EQ(totals(image).acknowledged, 5u);
}

// Between two agents: of the scope the next one knows nothing but what the process says.
TEST_F(FiledTest, WhoseScopeItsProcessHasSpoiledIsInvalid) {
    FileImage image(directory);
    const uint32_t scope = image->add_scope("library");
    image->claim(kChunk, scope);
    image->open_slot(3, started(kTrace, 1000, "root"));
    for (uint64_t i = 0; i < 5; ++i) append(image, ended(kTrace, i));
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until_filed(5);
    drainer.reset();
    image.view().scope(scope - 1).ready = 0;
    start_with({of_type(PolicyType::kAlwaysSample)});
    close(image);
    EXPECT_EQ(finish(image).dropped_invalid, 5u);
    EXPECT_TRUE(exporter.spans.empty());
    EXPECT_EQ(totals(image).acknowledged, 5u);
    EXPECT_TRUE(files().empty());
}

// One entry of a block may be booked, and its segment gone, long before the others.
TEST_F(FiledTest, WhatWasAnsweredForIsNotToldToBeLost) {
    {
        UndecidedFiles files({folder()});
        UndecidedFiles::Draft draft;
        const Bytes record = test::record_of(ended(kTrace, 0));
        for (const uint8_t account : {1, 2}) {
            draft.begin_entry({account}, 1);
            draft.add({kChunk, 1, 100, 0, record});
        }
        std::vector<uint32_t> entries;
        ASSERT_TRUE(files.write(draft, 0, entries));
        files.note_booking(entries[0], 1);
        files.done(entries[0]);
    }
    UndecidedFiles left({folder()});
    EXPECT_EQ(left.forget_unclaimed(), 1u);
    EXPECT_TRUE(left.damaged()) << "a segment that comes later misses it";
    EXPECT_TRUE(files().empty());
}

// Its segment was booked as a whole, and is gone; another one's may come late.
TEST_F(FiledTest, WhatWasAnsweredForIsForgottenOnceAllFoldersAreLookedThrough) {
    {
        UndecidedFiles files({folder()});
        UndecidedFiles::Draft draft;
        const Bytes record = test::record_of(ended(kTrace, 0));
        for (const uint8_t account : {1, 2}) {
            draft.begin_entry({account}, 1);
            draft.add({kChunk, 1, 100, 0, record});
        }
        std::vector<uint32_t> entries;
        ASSERT_TRUE(files.write(draft, 0, entries));
        files.note_booking(entries[0], 1);
    }
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until([&] { return counters_->unclaimed_spans.get() == 1; });
    EXPECT_EQ(files().size(), 1u);
    // It never had an agent that could have had spans of it in files, whatever its counters say.
    FileImage image(directory);
    image->claim(kChunk);
    append(image, ended(kTrace, 0));
    image->counter(ring::Counter::kEnded) += 1;
    const ring::ExporterTotals row = finish(image);
    EXPECT_EQ(row.exported, 1u);
    EXPECT_EQ(row.dropped_spool, 0u);
}

TEST_F(FiledTest, WhoseSegmentDoesNotComeIsForgotten) {
    {
        FileImage image(directory);
        append_open(image, 5);
        start_with({of_type(PolicyType::kAlwaysSample)});
        pass_until_filed(5);
        drainer.reset();
        fs::remove(image.path());
    }
    UndecidedFiles left({folder()});
    EXPECT_TRUE(left.has_unclaimed());
    EXPECT_EQ(left.forget_unclaimed(), 5u);
    EXPECT_TRUE(files().empty());
}

}  // namespace
}  // namespace spanring::agent
