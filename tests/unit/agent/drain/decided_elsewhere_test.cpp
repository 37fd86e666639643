// SPDX-License-Identifier: Apache-2.0
//
// Decisions of traces that have spans which lie elsewhere (decide/decision_desk.hpp), and some that lie in segments.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "unit/agent/drain/decided_fixture.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TraceKey key_of(uint64_t trace) { return {0x1122334455667788, trace}; }

class DecidedElsewhereTest : public DecidedDrainTest {
protected:
    DecidedElsewhereTest() { desk_ = std::make_unique<DecisionDesk>(); }
    ~DecidedElsewhereTest() override { drainer.reset(); }

    // `marks`: the first policy's is 1.
    static Ballot ballot(uint64_t trace, uint32_t spans, PolicyMarks marks = 0, uint32_t errors = 0) {
        Ballot ballot{key_of(trace), {}, errors};
        ballot.state.marks = marks;
        ballot.state.start_unix_nano = 1000;
        ballot.state.end_unix_nano = 2000;
        ballot.state.spans = spans;
        return ballot;
    }
    // Of each parcel, trace by trace, whether it is kept.
    std::map<std::pair<uint64_t, uint64_t>, bool> verdicts() {
        for (const TraceVerdict& verdict : desk_->take_verdicts())
            said_[{verdict.parcel, verdict.trace.second}] = verdict.decision.keep;
        return said_;
    }
    void pass_until_said(size_t verdicts_in_all) {
        pass_until([&] { return verdicts().size() == verdicts_in_all; });
    }

    std::map<std::pair<uint64_t, uint64_t>, bool> said_;
};

TEST_F(DecidedElsewhereTest, TracesAreDecidedByAllTheirSpans) {
    FileImage image(directory);
    image->claim(kChunk);
    append(image, ended(1, 0));
    append(image, ended(2, 1, "wanted"));
    append(image, ended(3, 2));
    sampling_.linger = std::chrono::milliseconds(50);
    start_with({named("wanted")});
    desk_->hand_in({7, {ballot(1, 2, 1), ballot(2, 3), ballot(4, 4), ballot(5, 1, 1)}});
    desk_->hand_in({8, {ballot(1, 1)}});
    pass_until_said(5);
    EXPECT_THAT(verdicts(), UnorderedElementsAre(Pair(std::pair(7, 1), true), Pair(std::pair(7, 2), true),
                                                 Pair(std::pair(7, 4), false), Pair(std::pair(7, 5), true),
                                                 Pair(std::pair(8, 1), true)));
    pass_until_decided(14);
    pass();
    EXPECT_EQ(numbers(), (std::vector<uint64_t>{0, 1}));
    EXPECT_EQ(rule("named").traces_kept.get(), 3u);
    EXPECT_EQ(rule("named").spans_kept.get(), 9u);
    EXPECT_EQ(rule(Policies::kNoPolicy).spans_sampled_out.get(), 5u);
    EXPECT_EQ(counters_->undecided_spans.get(), 0u);
    EXPECT_EQ(counters_->undecided_bytes.get(), 0u);
}

TEST_F(DecidedElsewhereTest, ATraceWithAnOpenSpanIsNotOver) {
    FileImage image(directory);
    image->claim(kChunk);
    image->open_slot(3, started(1, 9, "open"));
    start_with({of_type(PolicyType::kAlwaysSample)});
    desk_->hand_in({1, {ballot(1, 2)}});
    pass_rounds();
    EXPECT_THAT(verdicts(), IsEmpty());
    EXPECT_EQ(counters_->undecided_spans.get(), 2u);
    image->set_slot_state(3, SlotState::kFree);
    pass_until_said(1);
}

TEST_F(DecidedElsewhereTest, WhatComesLaterFollows) {
    start_with({named("wanted")});
    desk_->hand_in({1, {ballot(1, 1, 1), ballot(2, 1)}});
    pass_until_said(2);
    desk_->hand_in({2, {ballot(1, 1), ballot(2, 3, 1, 2)}});
    pass_until_said(4);
    EXPECT_TRUE(said_[std::pair(2, 1)]);
    EXPECT_FALSE(said_[std::pair(2, 2)]);
    EXPECT_EQ(rule(Policies::kNoPolicy).late_errors.get(), 2u);
    EXPECT_EQ(rule(Policies::kNoPolicy).spans_sampled_out.get(), 4u);
    EXPECT_EQ(rule("named").spans_kept.get(), 2u);
}

TEST_F(DecidedElsewhereTest, WhatIsHurriedIsDecidedAtOnce) {
    sampling_.linger = sampling_.decision_wait = std::chrono::hours(1);
    start_with({of_type(PolicyType::kAlwaysSample)});
    for (uint64_t parcel = 1; parcel <= 4; ++parcel)
        desk_->hand_in({parcel, {ballot(parcel, 1), ballot(10 + parcel / 4, 1)}});
    pass();
    EXPECT_THAT(verdicts(), IsEmpty());
    desk_->hurry(2);
    pass();
    // With the third parcel's, of a trace that has a part in the first.
    EXPECT_THAT(verdicts(), UnorderedElementsAre(Pair(std::pair(1, 1), true), Pair(std::pair(1, 10), true),
                                                 Pair(std::pair(2, 2), true), Pair(std::pair(2, 10), true),
                                                 Pair(std::pair(3, 10), true)));
    EXPECT_EQ(counters_->early(EarlyCause::kQueue).get(), 3u);
    EXPECT_EQ(counters_->undecided_spans.get(), 3u);
}

TEST_F(DecidedElsewhereTest, TheBoundOfTracesIsOfAllOfThem) {
    sampling_.linger = sampling_.decision_wait = std::chrono::hours(1);
    sampling_.num_traces = 3;
    start_with({of_type(PolicyType::kAlwaysSample)});
    desk_->hand_in({1, {ballot(1, 1), ballot(2, 1), ballot(3, 1), ballot(4, 1), ballot(5, 1)}});
    pass();
    EXPECT_THAT(verdicts(), UnorderedElementsAre(Pair(std::pair(1, 1), true), Pair(std::pair(1, 2), true)));
    EXPECT_EQ(counters_->early(EarlyCause::kNumTraces).get(), 2u);
}

}  // namespace
}  // namespace spanring::agent
