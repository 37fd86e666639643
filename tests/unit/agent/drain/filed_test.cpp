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
#include <optional>

#include <sys/resource.h>
#include <sys/stat.h>

#include "decide/undecided_files.hpp"
#include "unit/agent/drain/decided_fixture.hpp"

namespace spanring::agent {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kTrace = 7;

class FiledTest : public DecidedDrainTest {
protected:
    FiledTest() {
        state_directory_ = state_.path();
        sampling_.ring_linger = milliseconds(1);
    }
    ~FiledTest() override { drainer.reset(); }

    std::string folder() const { return state_.path() + "/undecided"; }
    std::vector<fs::path> files() const {
        std::vector<fs::path> files;
        if (!fs::exists(folder())) return files;
        for (const auto& entry : fs::directory_iterator(folder())) files.push_back(entry.path());
        return files;
    }
    // So many ended spans of an open trace.
    void append_open(FileImage& image, uint64_t spans, uint8_t status = 0) {
        image->claim(kChunk);
        image->open_slot(3, started(kTrace, 1000, "root"));
        for (uint64_t i = 0; i < spans; ++i) append(image, ended(kTrace, i, "work", status));
    }
    void close(FileImage& image) { image->set_slot_state(3, SlotState::kFree); }
    void pass_until_filed(uint64_t spans) {
        pass_until([&] { return counters_->filed_spans.get() == spans; });
    }
    // As if the agent had been killed; the next one.
    void restart(std::vector<PolicyOptions> policies) {
        drainer.reset();
        start_with(std::move(policies));
    }
    // The next one knows nothing of what was decided.
    void forget() {
        drainer.reset();
        fs::remove(state_.path() + "/decisions");
    }
    // Another agent's, between two.
    template <class Change>
    void change_files(FileImage& image, Change&& change) {
        UndecidedFiles files({folder()});
        struct stat status {};
        ASSERT_EQ(::stat(image.path().c_str(), &status), 0);
        ProcessIdentity identity;
        identity.instance = image.instance();
        identity.uid = status.st_uid;
        identity.device = status.st_dev;
        identity.inode = status.st_ino;
        change(files, identity.account());
    }
    ring::Totals totals(FileImage& image) const { return ledger.of(image.instance()).agent; }
    void damage(size_t from_the_end) {
        ASSERT_EQ(files().size(), 1u);
        const auto size = fs::file_size(files()[0]);
        std::fstream file(files()[0], std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(size - from_the_end));
        const char byte = static_cast<char>(file.get());
        file.seekp(static_cast<std::streamoff>(size - from_the_end));
        file.put(static_cast<char>(byte ^ 0x55));
    }

    TemporaryDirectory state_;
};

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
        ASSERT_TRUE(files.write(draft, entries));
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

// What is left to the next agent is not missing, whatever a file says.
TEST_F(FiledTest, WhatIsLeftBehindIsNotBookedAsDropped) {
    sampling_.ring_linger = std::chrono::hours(1);
    FileImage image(directory);
    append_open(image, 5);
    close(image);
    fs::create_directory(folder());
    fs::permissions(folder(), fs::perms::owner_all);
    std::ofstream(folder() + "/0000000000000001.undecided") << "cut while it was written";
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
        ASSERT_TRUE(files.write(draft, entries));
        files.note_booking(entries[0], 1);
        files.done(entries[0]);
    }
    UndecidedFiles left({folder()});
    EXPECT_EQ(left.forget_unclaimed(), 1u);
    EXPECT_TRUE(left.damaged()) << "a segment that comes later misses it";
    EXPECT_TRUE(files().empty());
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
