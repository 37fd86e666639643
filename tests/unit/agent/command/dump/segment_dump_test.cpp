// SPDX-License-Identifier: Apache-2.0
#include "command/dump/segment_dump.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/dump/dump_json.hpp"
#include "command/dump/dump_view.hpp"
#include "ring/chunk_reader.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using ring::ChunkState;
using ring::Counter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DumpTest : public testing::Test {
protected:
    static constexpr uint32_t kLarge = test::kFirstLarge;  // the first large chunk

    void SetUp() override {
        scope_ = image_->add_scope("shop");
        image_->claim(0, scope_);
        for (uint64_t number = 0; number < 4; ++number) image_->commit(0, number);
        image_->seal(0);
        image_->claim(kLarge, scope_);
        for (uint64_t number = 4; number < 9; ++number) image_->commit(kLarge, number);
    }

    SegmentDump dump() {
        auto read = read_dump(image_.path());
        if (const auto* reason = std::get_if<std::string>(&read)) throw std::runtime_error(*reason);
        return std::move(std::get<SegmentDump>(read));
    }
    // Where, and what.
    static std::vector<std::pair<uint64_t, std::string>> problems(const SegmentDump& dump) {
        std::vector<std::pair<uint64_t, std::string>> list;
        for (const DumpProblem& problem : dump.problems) list.emplace_back(problem.offset, problem.what);
        return list;
    }
    void open_span(uint32_t slot, uint64_t number) {
        ring::Slot& place = image_->open_slot(slot, test::span_start(number, "open"), scope_);
        place.thread = 77;
    }

    test::TemporaryDirectory directory_;
    test::FileImage image_{directory_};
    uint32_t scope_ = 0;
};

TEST_F(DumpTest, ShowsWhatIsFinishedAndWhatIsOpen) {
    open_span(3, 20);
    ring::StdAtomics::store(image_.view().chunk_mark(0), ring::mark_of(1, image_->word(0).length, 4).pack(),
                            std::memory_order_release);
    const SegmentDump alive = dump();
    EXPECT_THAT(alive.problems, IsEmpty());
    EXPECT_TRUE(alive.numbers.alive);
    EXPECT_EQ(alive.numbers.producer->service, "shop");
    ASSERT_EQ(alive.ended.size(), 9u);
    for (size_t i = 0; i < 9; ++i) {
        EXPECT_EQ(alive.ended[i].end_unix_nano, 2000 + i) << "by end";
        EXPECT_EQ(alive.ended[i].acknowledged, i < 4) << "behind the mark";
    }
    ASSERT_EQ(alive.open.size(), 1u);
    EXPECT_EQ(alive.open[0].thread, 77u);
    EXPECT_EQ(alive.open[0].start_unix_nano, 1020u);
    EXPECT_EQ(alive.chunks[static_cast<size_t>(ChunkState::kFull)].spans, 4u);
    EXPECT_EQ(alive.chunks[static_cast<size_t>(ChunkState::kOpen)].spans, 5u);
    EXPECT_EQ(alive.chunks[static_cast<size_t>(ChunkState::kFree)].chunks, 21u - 2u);

    image_.die();
    const SegmentDump dead = dump();
    EXPECT_FALSE(dead.numbers.alive);
    EXPECT_EQ(dead.last_sign_unix_nano, 2008u) << "the newest time in the file";
    EXPECT_EQ(dead.open[0].end_unix_nano, 2008u);
}

TEST_F(DumpTest, ASpanThatWasCommittedAndNotClearedIsFinishedAndNotOpen) {
    open_span(0, 30);
    ring::Slot& slot = image_->slot(0);
    slot.intent_chunk = kLarge;
    slot.intent_word = image_->word(kLarge).pack();
    image_->set_slot_state(0, ring::SlotState::kEnding);
    open_span(1, 31);
    ring::ChunkWord ahead = image_->word(kLarge);
    ahead.length += 60;
    image_->slot(1).intent_chunk = kLarge;
    image_->slot(1).intent_word = ahead.pack();
    image_->set_slot_state(1, ring::SlotState::kEnding);
    image_.die();
    const SegmentDump dead = dump();
    EXPECT_THAT(dead.problems, IsEmpty());
    ASSERT_EQ(dead.open.size(), 1u);
    EXPECT_EQ(dead.open[0].start_unix_nano, 1031u);
}

// In its slot it has ended, also where it was on its way there when its process died; what the agent is done with is
// nobody's. One that names no block is a problem.
TEST_F(DumpTest, ASpanThatWaitsInItsSlotIsFinished) {
    image_->waiting_slot(3, test::span_start(20, "waits"), 7'000);
    image_->waiting_slot(4, test::span_start(21, std::string(1500, 'x')), 8'000);  // in a block
    image_->waiting_slot(5, test::span_start(22, "done"), 6'000);
    image_->set_slot_state(5, ring::SlotState::kDone);
    const SegmentDump alive = dump();
    EXPECT_THAT(alive.problems, IsEmpty());
    EXPECT_THAT(alive.open, IsEmpty());
    ASSERT_EQ(alive.ended.size(), 11u);
    EXPECT_EQ(alive.ended[9].end_unix_nano, 7'000u);
    EXPECT_EQ(alive.ended[10].end_unix_nano, 8'000u);
    EXPECT_FALSE(alive.ended[10].acknowledged);
    EXPECT_GT(alive.ended[10].body.size(), 1500u);

    image_->waiting_slot(6, test::span_start(23, "on its way"), 9'000);
    image_->set_slot_state(6, ring::SlotState::kEnding);
    image_->slot(4).blocks[0] = 1;
    image_.die();
    const SegmentDump dead = dump();
    ASSERT_EQ(dead.ended.size(), 11u);
    EXPECT_EQ(dead.ended[10].end_unix_nano, 9'000u);
    EXPECT_THAT(dead.open, IsEmpty());
    EXPECT_EQ(dead.last_sign_unix_nano, 9'000u);
    EXPECT_THAT(problems(dead), ElementsAre(testing::Pair(ring::slot_offset(test::kFirstSlot + 4), testing::_)));
}

TEST_F(DumpTest, NamesEachRuleThatIsBrokenWithItsPlaceAndShowsTheRest) {
    const ring::SegmentView view = image_.view();
    open_span(0, 40);
    open_span(1, 41);
    image_->slot(1).word = ring::SlotWord{static_cast<ring::SlotState>(9), 0, 10}.pack();
    image_->bytes(0)[ring::kScopeRecordSize] = 0x55;                          // no record
    view.chunk_mark(kLarge) = ring::mark_of(1, ring::kLargeChunk, 5).pack();  // behind the end
    view.chunk_line(5).word = ring::ChunkWord{static_cast<ChunkState>(9), 1, 1, 0}.pack();
    view.chunk_line(6).word = ring::ChunkWord{ChunkState::kFull, 1, ring::kSmallChunk + 1, 1}.pack();
    const SegmentDump damaged = dump();
    EXPECT_THAT(problems(damaged),
                ElementsAre(testing::Pair(ring::slot_offset(test::kFirstSlot + 1), HasSubstr("slot")),
                            testing::Pair(ring::chunk_offset(0, ring::kSmallChunk) + ring::kScopeRecordSize,
                                          HasSubstr("neither a span")),
                            testing::Pair(ring::chunk_line_offset(5), HasSubstr("state")),
                            testing::Pair(ring::chunk_line_offset(6), HasSubstr("longer than its capacity")),
                            testing::Pair(ring::chunk_offset(6, ring::kSmallChunk), HasSubstr("neither a span")),
                            testing::Pair(ring::chunk_mark_offset(kLarge), HasSubstr("past its end"))));
    EXPECT_EQ(damaged.ended.size(), 5u);
    EXPECT_EQ(damaged.open.size(), 1u);
}

TEST_F(DumpTest, LeavesAMalformedSpanOutAndGoesOnBehindIt) {
    test::Bytes bad = test::make_span(50);
    bad[1] = 0x0f;  // a trace id of 15 bytes
    image_->append(kLarge, test::record_of(bad), 1);
    image_->commit(kLarge, 51);
    const SegmentDump damaged = dump();
    ASSERT_EQ(damaged.problems.size(), 1u);
    EXPECT_THAT(damaged.problems[0].what, HasSubstr("an invalid span is left out"));
    EXPECT_EQ(damaged.ended.size(), 10u);
    EXPECT_EQ(damaged.ended.back().end_unix_nano, 2051u);
}

TEST_F(DumpTest, BelievesNoNumberOfTheHeaderOrTheWriter) {
    image_.view().writer().extents = 4000;
    image_.view().header().resource_size = 1u << 30;
    image_.view().header().full_policy = 77;
    image_.view().writer().counter_lines = UINT32_MAX;
    const SegmentDump damaged = dump();
    EXPECT_EQ(damaged.ended.size(), 9u);
    EXPECT_EQ(damaged.extents, 2 * test::kImageSet) << "the file's own";
    EXPECT_GE(damaged.problems.size(), 2u);
    image_.view().header().extent_limit = UINT32_MAX;
    EXPECT_EQ(dump().ended.size(), 9u);
}

TEST_F(DumpTest, OfAnotherLayoutShowsTheHeaderAlone) {
    image_.view().header().layout_major = 9;
    const SegmentDump other = dump();
    EXPECT_FALSE(other.understood);
    EXPECT_THAT(other.problems[0].what, HasSubstr("layout version 9"));
    EXPECT_THAT(other.ended, IsEmpty());
    const std::string text = render_dump(other, Terminal{}, {});
    EXPECT_THAT(text, HasSubstr("9.0"));
    EXPECT_EQ(dump_json_lines(other, {}), "");
}

TEST_F(DumpTest, AFloodOfProblemsIsCounted) {
    image_->claim(kLarge + 1, scope_);
    test::Bytes bad = test::make_span(50);
    bad[1] = 0x0f;
    for (int i = 0; i < 150; ++i) image_->append(kLarge + 1, test::record_of(bad), 1);
    const SegmentDump damaged = dump();
    EXPECT_EQ(damaged.problems.size(), SegmentDump::kMostProblems);
    EXPECT_EQ(damaged.more_problems, 50u);
    EXPECT_THAT(render_problems(damaged), HasSubstr("and 50 more problems"));
}

TEST_F(DumpTest, ChoosesWhatIsAskedFor) {
    open_span(3, 20);
    ring::StdAtomics::store(image_.view().chunk_mark(0), ring::mark_of(1, image_->word(0).length, 4).pack(),
                            std::memory_order_release);
    image_.die();
    const SegmentDump dead = dump();
    const auto count = [&](const DumpSelection& selection) {
        const std::string lines = dump_json_lines(dead, selection);
        size_t spans = 0;
        for (size_t at = lines.find("\"traceId\""); at != std::string::npos; at = lines.find("\"traceId\"", at + 1))
            ++spans;
        return spans;
    };
    EXPECT_EQ(count({}), 10u);
    EXPECT_EQ(count({.open_only = true}), 1u);
    EXPECT_EQ(count({.pending_only = true}), 6u);
    EXPECT_EQ(count({.limit = 3}), 3u);
    EXPECT_THAT(dump_json_lines(dead, {.limit = 1}), HasSubstr(R"({"key":"thread.id","value":{"intValue":"77"}})"));
    EXPECT_THAT(dump_json_lines(dead, {}), HasSubstr(R"("scope":{"name":"shop"})"));
}

}  // namespace
}  // namespace spanring::agent
