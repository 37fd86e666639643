// SPDX-License-Identifier: Apache-2.0
//
// Spans that wait for the decision of their trace in files: they leave their segments, and are accounted for in these,
// whichever agent does it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>

#include "unit/agent/drain/filed_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(FiledTest, WhatWaitsLongLeavesItsSegmentAndComesBackWhenItsTraceIsDecided) {
    FileImage image(directory);
    append_open(image, 5);
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until_filed(5);
    EXPECT_EQ(image->mark(kChunk).length, image->word(kChunk).length);
    EXPECT_EQ(image.view().control().totals.acknowledged, 0u) << "nobody has them yet";
    EXPECT_EQ(files().size(), 1u);
    EXPECT_EQ(counters_->undecided_spans.get(), 5u);
    EXPECT_EQ(counters_->undecided_ring_bytes.get(), 0u);
    EXPECT_TRUE(exporter.spans.empty());
    close(image);
    pass_until([&] { return exporter.spans.size() == 5; });
    EXPECT_EQ(numbers(), upto(5));
    EXPECT_EQ(finish(image).exported, 5u);
    EXPECT_EQ(totals(image).acknowledged, 5u);
    EXPECT_TRUE(files().empty());
    EXPECT_EQ(counters_->file_bytes.get(), 0u);
}

// Where the linger says that it stays anyway.
TEST_F(FiledTest, WhatIsSureToWaitLeavesItsSegmentSooner) {
    sampling_.decision_wait = sampling_.linger = std::chrono::hours(2);
    sampling_.ring_linger = std::chrono::hours(1);
    FileImage image(directory);
    image->claim(kChunk);
    append(image, ended(kTrace, 1));
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until_filed(1);
}

// The agent's end: they are not answered for.
TEST_F(FiledTest, WhatIsInFilesIsUndecidedAtTheEnd) {
    FileImage image(directory);
    append_open(image, 5);
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until_filed(5);
    EXPECT_TRUE(drainer->undecided());
    close(image);
    pass_until([&] { return exporter.spans.size() == 5; });
    pass_until([&] { return files().empty(); });
    EXPECT_FALSE(drainer->undecided());
}

TEST_F(FiledTest, WhatIsDroppedIsCountedByItsRule) {
    FileImage image(directory);
    append_open(image, 5);
    start_with({of_type(PolicyType::kNever)});
    pass_until_filed(5);
    close(image);
    pass_until_decided(5);
    EXPECT_EQ(finish(image).sampled_out, 5u);
    EXPECT_EQ(ledger.of(image.instance()).rules, (std::vector<ring::RuleTotals>{{rule_hash("of_type"), 5, 0}}));
    EXPECT_TRUE(exporter.spans.empty());
    EXPECT_TRUE(files().empty());
}

TEST_F(FiledTest, WhatComesBackSaysByWhichChanceItIsKept) {
    sampling_.sampled_cache_size = 1;
    FileImage image(directory), other(directory);
    append_open(image, 5);
    other->claim(kChunk);
    other->open_slot(3, started(kTrace + 1, 1000, "root"));
    for (uint64_t i = 5; i < 8; ++i) append(other, ended(kTrace + 1, i));
    start_with({all_by_chance()});
    pass_until_filed(8);
    close(image);
    close(other);
    pass_until([&] { return exporter.spans.size() == 8; });
    EXPECT_EQ(with_chance(), 8u);
}

// Also packed.
TEST_F(FiledTest, TheNextAgentGoesOnWithThem) {
    for (const bool packed : {false, true}) {
        sampling_.files_packed = packed;
        exporter.spans.clear();
        FileImage image(directory);
        append_open(image, 5, kError);
        start_with({errors()});
        pass_until_filed(5);
        restart({errors()});
        pass_until([&] { return counters_->undecided_spans.get() == 5; });
        EXPECT_EQ(counters_->filed_spans.get(), 5u);
        append(image, ended(kTrace, 5));
        pass_until_filed(6);
        close(image);
        pass_until([&] { return exporter.spans.size() == 6; });
        EXPECT_EQ(numbers(), upto(6));
        EXPECT_EQ(finish(image).exported, 6u);
        EXPECT_EQ(totals(image).acknowledged, 6u);
        EXPECT_TRUE(files().empty());
        forget();
    }
}

TEST_F(FiledTest, AnAgentThatDecidesNothingSendsThem) {
    FileImage image(directory);
    append_open(image, 5);
    start_with({of_type(PolicyType::kNever)});
    pass_until_filed(5);
    drainer.reset();
    DrainOptions with = options();
    with.state_directory = state_.path();
    start(with);
    pass_until([&] { return exporter.spans.size() == 5; });
    EXPECT_EQ(finish(image).exported, 6u) << "and the one that was open";
    EXPECT_TRUE(files().empty());
}

TEST_F(FiledTest, WhatWasDecidedBeforeIsFollowed) {
    FileImage image(directory), other(directory);
    append_open(image, 5);
    append_open(other, 3);
    start_with({named("wanted")});
    pass_until_filed(8);
    exporter.answers = false;
    close(image);
    close(other);
    pass_until_decided(8);
    drainer.reset();
    start_with({of_type(PolicyType::kAlwaysSample)});
    const ring::ExporterTotals row = finish(image);
    EXPECT_EQ(row.sampled_out, 5u);
    EXPECT_EQ(row.exported, 0u);
    EXPECT_EQ(finish(other).sampled_out, 3u);
}

// An agent that was killed between the writing and the mark.
TEST_F(FiledTest, WhatItsSegmentStillHasIsNotSentTwice) {
    FileImage image(directory);
    append_open(image, 5);
    change_files(image, [&](UndecidedFiles& files, const AccountId& account) {
        UndecidedFiles::Draft draft;
        draft.begin_entry(account, 0);
        const uint32_t generation = image->word(kChunk).generation;
        for (uint64_t i = 0; i < 5; ++i) {
            const Bytes record = test::record_of(ended(kTrace, i));
            draft.add({kChunk, generation, image->word(kChunk).length, 0, record});
        }
        std::vector<uint32_t> entries;
        ASSERT_TRUE(files.write(draft, 0, entries));
    });
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until([&] { return counters_->undecided_spans.get() == 5; });
    close(image);
    pass_until([&] { return exporter.spans.size() >= 5; });
    EXPECT_EQ(finish(image).exported, 5u);
    EXPECT_EQ(numbers(), upto(5));
    EXPECT_TRUE(files().empty());
}

// ... of some: what was given up once is given up for good.
TEST_F(FiledTest, WhatIsGivenUpStaysSo) {
    FileImage image(directory);
    append_open(image, 5);
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until_filed(5);
    drainer.reset();
    change_files(image, [&](UndecidedFiles& files, const AccountId& account) {
        const auto claimed = files.claim(account, 1);
        ASSERT_EQ(claimed.size(), 1u);
        files.give_up(claimed[0].entry, {1, 3});
        std::vector<FiledSpan> left;
        ASSERT_TRUE(files.read(claimed[0].entry, left));
        EXPECT_EQ(left.size(), 3u);
    });
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until_filed(3);
    close(image);
    pass_until([&] { return exporter.spans.size() == 3; });
    pass_until([&] { return files().empty(); });
    EXPECT_EQ(image.view().control().totals.acknowledged, 3u);
}

// Killed between the note and the booking, and after it.
TEST_F(FiledTest, WhatWasAboutToBeBookedIsBookedOnce) {
    for (const bool booked : {false, true}) {
        FileImage image(directory);
        append_open(image, 5);
        exporter.spans.clear();
        start_with({of_type(PolicyType::kAlwaysSample)});
        pass_until_filed(5);
        drainer.reset();
        change_files(image, [&](UndecidedFiles& files, const AccountId& account) {
            const auto claimed = files.claim(account, 1);
            ASSERT_EQ(claimed.size(), 1u);
            files.note_booking(claimed[0].entry, 5);
        });
        if (booked) {
            ring::Totals& totals = image.view().control().totals;
            totals.acknowledged = 5;
            totals.exporters[0].exported = 5;
        }
        start_with({of_type(PolicyType::kAlwaysSample)});
        close(image);
        EXPECT_EQ(finish(image).exported, 5u);
        EXPECT_EQ(totals(image).acknowledged, 5u);
        EXPECT_EQ(exporter.spans.size(), booked ? 0u : 5u);
        EXPECT_TRUE(files().empty());
        forget();
    }
}

// While this agent has it, and before it comes.
TEST_F(FiledTest, WhatIsDamagedIsBookedAsDropped) {
    for (const bool before : {false, true}) {
        for (const size_t from_the_end : {20, 400}) {  // in the payload; in the header or the rows
            if (!before && from_the_end != 20) continue;
            FileImage image(directory);
            append_open(image, 5);
            start_with({of_type(PolicyType::kAlwaysSample)});
            pass_until_filed(5);
            if (before) drainer.reset();
            damage(std::min<size_t>(from_the_end, fs::file_size(files()[0])));
            if (before) start_with({of_type(PolicyType::kAlwaysSample)});
            pass();
            close(image);
            const ring::ExporterTotals row = finish(image);
            EXPECT_EQ(row.dropped_spool, 5u);
            EXPECT_EQ(row.exported, 0u);
            EXPECT_EQ(totals(image).acknowledged, 5u);
            EXPECT_TRUE(files().empty());
            forget();
        }
    }
}

TEST_F(FiledTest, WhereNothingCanBeWrittenTheyStayInTheirSegments) {
    std::ofstream(folder()) << "no folder";
    FileImage image(directory);
    append_open(image, 5);
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_rounds();
    EXPECT_EQ(image->mark(kChunk).length, 0u);
    EXPECT_EQ(counters_->filed_spans.get(), 0u);
    close(image);
    EXPECT_EQ(finish(image).exported, 5u);
}

// Cut in the middle of a block; and once there is room again.
TEST_F(FiledTest, AFullDiskCostsNothing) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    rlimit little = before;
    little.rlim_cur = 200;
    FileImage image(directory);
    append_open(image, 5);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
    start_with({of_type(PolicyType::kAlwaysSample)});
    const auto tried = std::chrono::steady_clock::now() + milliseconds(5);
    pass_until([&] { return std::chrono::steady_clock::now() >= tried; });
    pass();
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, handler);
    EXPECT_EQ(counters_->filed_spans.get(), 0u);
    EXPECT_EQ(counters_->file_bytes.get(), 0u);
    EXPECT_EQ(image->mark(kChunk).length, 0u);
    pass_until_filed(5);
    close(image);
    EXPECT_EQ(finish(image).exported, 5u);
    EXPECT_EQ(numbers(), upto(5));
    EXPECT_TRUE(files().empty());
}

TEST_F(FiledTest, WhereFilesAreFullTheOldestTracesAreDecidedEarly) {
    sampling_.files_max_bytes = 2000;
    sampling_.decision_wait = sampling_.linger = std::chrono::hours(1);
    FileImage image(directory);
    image->claim(kChunk);
    start_with({of_type(PolicyType::kAlwaysSample)});
    const auto early = [&] { return counters_->early(EarlyCause::kFiles).get(); };
    for (uint64_t number = 0; number < 60;) {
        for (int i = 0; i < 10; ++i, ++number) append(image, ended(number, number));
        pass_until([&] { return early() + counters_->filed_spans.get() == number; });
        EXPECT_LE(counters_->filed_bytes.get(), 2000u);
    }
    EXPECT_GT(early(), 0u);
    EXPECT_GT(counters_->filed_spans.get(), 10u) << "no more than had to be";
    pass_until([&] { return exporter.spans.size() == early(); });
    EXPECT_EQ(numbers(), upto(early())) << "the oldest";
}

// However long a trace is: no span of it is dropped for want of room, and none decided early.
TEST_F(FiledTest, ALongTraceDoesNotFillItsRing) {
    sampling_.decision_wait = std::chrono::hours(1);
    FileImage image(directory, {.extent_limit = test::kImageSet});
    image->open_slot(3, started(kTrace, 100'000, "root"));
    start_with({of_type(PolicyType::kAlwaysSample)});
    uint64_t number = 0;
    for (int round = 0; round < 3; ++round) {
        for (const uint32_t chunk : {test::kFirstJumbo, kChunk, kChunk + 1}) {
            image->claim(chunk);
            while (image->word(chunk).length + 1100 < image->capacity(chunk)) {
                image->append(chunk, test::record_of(ended(kTrace, number++, std::string(1000, 'n'))), 1);
                image->count();
            }
            image->seal(chunk);
            pass();
        }
        pass_until([&] {
            return image->word(kChunk).state == ChunkState::kFree &&
                   image->word(test::kFirstJumbo).state == ChunkState::kFree;
        });
    }
    EXPECT_EQ(counters_->early(EarlyCause::kRing).get(), 0u);
    EXPECT_TRUE(exporter.spans.empty());
    close(image);
    EXPECT_EQ(finish(image).exported, number);
    EXPECT_EQ(numbers(), upto(number));
}

}  // namespace
}  // namespace spanring::agent
