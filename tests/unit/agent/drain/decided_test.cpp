// SPDX-License-Identifier: Apache-2.0
//
// Spans that wait in their segments until their trace is decided.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

#include <unistd.h>

#include "processors/processor_options.hpp"
#include "unit/agent/drain/decided_fixture.hpp"

namespace spanring::agent {
namespace {

using Rows = std::vector<ring::RuleTotals>;

TEST_F(DecidedDrainTest, SendsWhatIsKeptAndCountsTheRest) {
    FileImage image(directory);
    image->claim(kChunk);
    for (uint64_t i = 0; i < 10; ++i) {
        if (i == 5) {
            image->append(kChunk, test::scope_record(0), 0);
            image->append(kChunk, test::record_of({0x0a, 0x01, 0x01}), 1);  // invalid
            image->count();
        }
        append(image, ended(i / 2, i, i % 4 == 0 ? "wanted" : "work"));
    }
    image->append(kChunk, test::scope_record(0), 0);
    start_with({named("wanted")});
    pass_until_decided(10);
    pass();
    EXPECT_EQ(numbers(), (std::vector<uint64_t>{0, 1, 4, 5, 8, 9}));
    EXPECT_EQ(rule("named").traces_kept.get(), 3u);
    EXPECT_EQ(rule(Policies::kNoPolicy).traces_dropped.get(), 2u);
    EXPECT_EQ(rule(Policies::kNoPolicy).spans_sampled_out.get(), 4u);
    EXPECT_EQ(image->mark(kChunk).length, image->word(kChunk).length);
    const ring::ExporterTotals row = finish(image);
    EXPECT_EQ(row.exported, 6u);
    EXPECT_EQ(row.sampled_out, 4u);
    EXPECT_EQ(row.dropped_invalid, 1u);
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 11u);
}

TEST_F(DecidedDrainTest, ATraceIsNotOverWhileASpanIsOpenInAnotherProcess) {
    FileImage caller(directory), callee(directory);
    caller->claim(kChunk);
    callee->claim(kChunk);
    append(caller, ended(7, 0));
    callee->open_slot(3, started(7, 1, "called"));
    start_with({errors()});
    pass_rounds();
    EXPECT_EQ(counters_->undecided_spans.get(), 1u);
    EXPECT_EQ(exporter.spans.size(), 0u);

    callee->append(kChunk, test::record_of(ended(7, 1, "called", kError)), 1);
    callee->counter(Counter::kEnded) += 1;
    callee->set_slot_state(3, SlotState::kFree);
    pass_until([&] { return exporter.spans.size() == 2; });
    EXPECT_EQ(finish(caller).exported, 1u);
    EXPECT_EQ(finish(callee).exported, 1u);
}

// It has ended: what waits for the agent in its slot is drained, and then keeps no trace from being over.
TEST_F(DecidedDrainTest, DecisionsDoNotWaitForExportersThatHaveEnough) {
    FileImage image(directory);
    image->claim(kChunk);
    append(image, ended(7, 0));
    exporter.may_wait_in_rings = std::numeric_limits<uint64_t>::max();
    start_with({errors()});
    pass_until_decided(1);
    pass();
    EXPECT_EQ(rule(Policies::kNoPolicy).spans_sampled_out.get(), 1u);
}

TEST_F(DecidedDrainTest, ATraceIsOverWhoseLastSpanWaitsInItsSlot) {
    FileImage caller(directory), callee(directory);
    caller->claim(kChunk);
    append(caller, ended(7, 0));
    callee->waiting_slot(3, started(7, 1, "called"), 5000);
    callee->waiting_slot(4, started(8, 2, "other"), 5000);
    start_with({errors()});
    append(caller, ended(7, 3, "late", kError));
    pass_until_decided(4);
    pass_until([&] {
        return callee->slot_word(3).state == SlotState::kDone && callee->slot_word(4).state == SlotState::kDone;
    });
    EXPECT_EQ(exporter.spans.size(), 3u);
    EXPECT_EQ(finish(caller).exported, 2u);
    const ring::ExporterTotals row = finish(callee);
    EXPECT_EQ(row.exported, 1u);
    EXPECT_EQ(row.sampled_out, 1u);
}

// Between two of its own turns, by the look at what is open.
TEST_F(DecidedDrainTest, AFileThatCannotBeReadAnyMoreIsQuarantinedAndTold) {
    FileImage honest(directory), hostile(directory);
    honest->claim(kChunk);
    append(honest, ended(7, 0));
    honest->open_slot(3, started(7, 1, "open"));
    hostile->claim(kChunk);
    append(hostile, ended(7, 2));
    start_with({of_type(PolicyType::kAlwaysSample)}, std::chrono::hours(1));
    pass_rounds();
    EXPECT_EQ(counters_->undecided_spans.get(), 2u);
    ASSERT_EQ(::truncate(hostile.path().c_str(), 0x5000), 0);
    pass_rounds();
    EXPECT_EQ(drainer->status().quarantined, 1u);
    honest->set_slot_state(3, SlotState::kFree);
    pass_until([&] { return exporter.spans.size() == 2; });
    pass_until([&] { return !ledger.of(hostile.instance()).quarantine.empty(); });
}

// Whatever state an end is in, until the slot is free.
TEST_F(DecidedDrainTest, ASpanThatIsAboutToEndIsOpen) {
    FileImage image(directory);
    image->claim(kChunk);
    append(image, ended(7, 0));
    image->open_slot(3, started(7, 1, "ending"));
    image->set_slot_state(3, SlotState::kEnding);
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_rounds();
    EXPECT_EQ(exporter.spans.size(), 0u);
    image->set_slot_state(3, SlotState::kFree);
    pass_until([&] { return exporter.spans.size() == 1; });
}

// The process took back what it had closed, and says so nowhere but in the extent's word.
TEST_F(DecidedDrainTest, ASpanInSlotsThatAreUsedAgainIsOpen) {
    FileImage image(directory);
    const auto set_memory = [&](ring::ExtentMemory memory) {
        const uint32_t extent = (test::kFirstSlot + 3) / ring::kSlotNumbers;
        const ring::ExtentWord word{ring::ExtentKind::kSlots, memory, 1};
        ring::StdAtomics::store(image.view().extent_word(extent), word.pack(), std::memory_order_release);
    };
    set_memory(ring::ExtentMemory::kUnused);
    image->claim(kChunk);
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass();
    set_memory(ring::ExtentMemory::kWhole);
    image->open_slot(3, started(7, 1, "open"));
    append(image, ended(7, 0));
    pass_rounds();
    EXPECT_EQ(exporter.spans.size(), 0u);
    image->set_slot_state(3, SlotState::kFree);
    pass_until([&] { return exporter.spans.size() == 1; });
}

TEST_F(DecidedDrainTest, WhatWaitsIsNotAcknowledgedAndTheNextAgentFindsIt) {
    FileImage image(directory);
    image->claim(kChunk);
    image->open_slot(3, started(1, 9, "open"));
    append(image, ended(1, 0));
    append(image, ended(2, 1));
    append(image, ended(1, 2));
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until([&] { return exporter.spans.size() == 1; });
    pass_rounds();
    EXPECT_EQ(exporter.numbers(), (std::vector<uint64_t>{1}));
    EXPECT_EQ(image->mark(kChunk).length, 0u);

    drainer.reset();  // as if it had been killed
    start_with({of_type(PolicyType::kNever)});
    pass_until_decided(1);  // what was sent is above the mark, and its trace is decided anew
    image->set_slot_state(3, SlotState::kFree);
    pass_until_decided(3);
    const ring::ExporterTotals row = finish(image);
    EXPECT_EQ(row.exported, 0u);
    EXPECT_EQ(row.sampled_out, 3u);
}

TEST_F(DecidedDrainTest, LateSpansFollowTheirTrace) {
    FileImage image(directory);
    image->claim(kChunk);
    append(image, ended(1, 0, "wanted"));
    append(image, ended(2, 1));
    start_with({named("wanted")});
    pass_until_decided(2);
    append(image, ended(1, 2, "late"));
    append(image, ended(2, 3, "wanted", kError));
    append(image, ended(2, 4));
    pass_until_decided(5);
    pass();
    EXPECT_EQ(numbers(), (std::vector<uint64_t>{0, 2}));
    EXPECT_EQ(rule(Policies::kNoPolicy).late_errors.get(), 1u);
    EXPECT_EQ(rule("named").late_errors.get(), 0u);
    EXPECT_EQ(finish(image).sampled_out, 3u);
    EXPECT_EQ(ledger.of(image.instance()).rules, (Rows{{rule_hash(Policies::kNoPolicy), 3, 1}}));
}

// Whatever places they have, in whichever configuration.
TEST_F(DecidedDrainTest, RulesAreCountedByTheirNames) {
    FileImage image(directory);
    image->claim(kChunk);
    PolicyOptions few = of_type(PolicyType::kNever), never = few;
    few.name = "few";
    never.name = "never";
    for (uint64_t i = 0; i < 6; ++i) append(image, ended(i, i));
    start_with({few});
    pass_until_decided(6);
    pass();
    drainer.reset();
    const auto rows = [&] { return Rows(ring::rule_area(image.view()).rows, ring::rule_area(image.view()).rows + 3); };
    EXPECT_EQ(rows(), (Rows{{rule_hash("few"), 6, 0}, {}, {}}));

    start_with({named("wanted"), never, few});
    for (uint64_t i = 6; i < 12; ++i) append(image, ended(i, i, i % 3 == 0 ? "wanted" : "work"));
    image->open_slot(3, started(20, 20, "left"));
    pass_until_decided(6);
    pass();
    EXPECT_EQ(rows(), (Rows{{rule_hash("few"), 6, 0}, {rule_hash("never"), 4, 0}, {}}));
    EXPECT_EQ(finish(image).sampled_out, 11u);
    EXPECT_EQ(ledger.of(image.instance()).rules, (Rows{{rule_hash("few"), 6, 0}, {rule_hash("never"), 5, 0}}));
}

TEST_F(DecidedDrainTest, SpansOfTheDeadHaveEnded) {
    FileImage image(directory), other(directory);
    image->claim(kChunk);
    other->claim(kChunk);
    append(image, ended(1, 0));
    append(other, ended(1, 1));
    append(other, ended(2, 2));
    image->open_slot(3, started(1, 3, "left"));
    start_with({of_type(PolicyType::kUnfinished)});
    pass_until_decided(1);
    EXPECT_EQ(exporter.spans.size(), 0u);
    EXPECT_EQ(finish(image).exported, 2u);
    EXPECT_EQ(numbers(), (std::vector<uint64_t>{0, 1, 3}));
    const ring::ExporterTotals row = finish(other);
    EXPECT_EQ(row.exported, 1u);
    EXPECT_EQ(row.sampled_out, 1u);
}

// And so have those of which nothing is kept.
TEST_F(DecidedDrainTest, UnfinishedSpansAreSampledOutAsWell) {
    FileImage image(directory);
    image->open_slot(3, started(1, 3, "left"));
    start_with({errors(), of_type(PolicyType::kNever)});  // an unfinished span has an error
    const ring::ExporterTotals row = finish(image);
    EXPECT_EQ(row.exported, 1u);
    exporter.spans.clear();
    drainer.reset();
    FileImage next(directory);
    next->open_slot(3, started(2, 4, "left"));
    start_with({of_type(PolicyType::kNever)});
    EXPECT_EQ(finish(next).sampled_out, 1u);
    EXPECT_EQ(ledger.of(next.instance()).agent.unfinished, 1u);
    EXPECT_EQ(exporter.spans.size(), 0u);
}

TEST_F(DecidedDrainTest, ATraceThatNeverEndsIsDecidedEarly) {
    sampling_.decision_wait = milliseconds(20);
    FileImage image(directory);
    image->claim(kChunk);
    image->open_slot(3, started(1, 9, "open"));
    append(image, ended(1, 0));
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass_until_decided(1);
    EXPECT_EQ(counters_->early(EarlyCause::kDecisionWait).get(), 1u);
    pass_until([&] { return exporter.spans.size() == 1; });
}

TEST_F(DecidedDrainTest, ThereAreNoMoreTracesThanMayWait) {
    sampling_.num_traces = 4;
    sampling_.linger = std::chrono::hours(1);
    sampling_.decision_wait = std::chrono::hours(1);
    FileImage image(directory);
    image->claim(kChunk);
    for (uint64_t i = 0; i < 10; ++i) append(image, ended(i, i));
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass();
    EXPECT_EQ(exporter.numbers(), upto(6));
    EXPECT_EQ(counters_->early(EarlyCause::kNumTraces).get(), 6u);
    EXPECT_EQ(counters_->undecided_traces.get(), 4u);
    drainer.reset();
}

TEST_F(DecidedDrainTest, NoMoreIsDecidedThanTheMemoryIsTooSmallFor) {
    sampling_.memory = 3500;
    sampling_.linger = std::chrono::hours(1);
    sampling_.decision_wait = std::chrono::hours(1);
    FileImage image(directory);
    image->claim(kChunk);
    for (uint64_t i = 0; i < 10; ++i) append(image, ended(i, i, std::string(100, 'n')));  // 384 bytes each
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass();
    EXPECT_GT(counters_->early(EarlyCause::kMemory).get(), 0u);
    EXPECT_LE(counters_->undecided_bytes.get(), 3500u);
    EXPECT_GT(counters_->undecided_bytes.get(), 3000u) << "no more than had to be";
    EXPECT_EQ(exporter.spans.size() + counters_->undecided_spans.get(), 10u);
    drainer.reset();
}

// Of a small ring no more than a quarter waits, however long the linger is.
TEST_F(DecidedDrainTest, WhatWaitsDoesNotFillARing) {
    sampling_.linger = std::chrono::hours(1);
    sampling_.decision_wait = std::chrono::hours(1);
    constexpr uint32_t kJumbo = test::kFirstJumbo;
    FileImage image(directory, {.extent_limit = test::kImageSet});
    const uint64_t most = uint64_t{test::kImageSet} * ring::kExtentSize / 4;
    start_with({of_type(PolicyType::kAlwaysSample)});
    uint64_t number = 0, size = 0;
    for (const uint32_t chunk : {kJumbo, kChunk, kChunk + 1, 0u, 1u, 2u}) {
        image->claim(chunk);
        while (image->word(chunk).length + 1100 < image->capacity(chunk)) {
            Bytes span = ended(number, number, std::string(100, 'n'));
            for (int i = 0; i < 8; ++i) {
                const Bytes attribute = test::make_attribute("key" + std::to_string(i), std::string(90, 'v'));
                test::put(span, attribute.data(), attribute.size());
            }
            image->append(chunk, test::record_of(span), 1);
            image->count();
            size += span.size();
            ++number;
        }
    }
    pass();
    ASSERT_GT(size, most);
    EXPECT_GT(counters_->early(EarlyCause::kRing).get(), 0u);
    EXPECT_LE(counters_->undecided_spans.get() * (size / number), most);
    EXPECT_EQ(exporter.spans.size() + counters_->undecided_spans.get(), number);
    drainer.reset();
}

TEST_F(DecidedDrainTest, ProcessorsSeeWhatIsKept) {
    ProcessorOptions filter;
    filter.type = ProcessorType::kFilter;
    filter.filter.spans.emplace_back().names = {"none"};
    ProcessorOptions insert;
    AttributeAction action;
    action.action = "insert";
    action.key = "more";
    action.value = "words";
    action.has_value = true;
    insert.attributes.actions = {action};
    chain_ = std::make_unique<ProcessorChain>(std::vector{filter, insert});
    FileImage image(directory);
    image->claim(kChunk);
    append(image, ended(1, 0, "wanted"));
    append(image, ended(1, 1, "none"));
    append(image, ended(2, 2, "none"));
    start_with({named("wanted")});
    pass_until_decided(3);
    pass();
    ASSERT_EQ(exporter.spans.size(), 1u);
    EXPECT_GT(exporter.spans[0].bytes.size(), ended(1, 0, "wanted").size());
    const ring::ExporterTotals row = finish(image);
    EXPECT_EQ(row.exported, 1u);
    EXPECT_EQ(row.filtered, 1u);
    EXPECT_EQ(row.sampled_out, 1u);
}

TEST_F(DecidedDrainTest, AFlushWaitsForTheDecision) {
    FileImage image(directory);
    image->claim(kChunk);
    image->open_slot(3, started(1, 9, "open"));
    append(image, ended(1, 0));
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass();
    image.view().writer().flush_wanted = 1;
    pass_rounds();
    EXPECT_EQ(image.view().control().flushed, 0u);
    append(image, ended(2, 1));  // later, and open to the end
    image->open_slot(4, started(2, 8, "open"));
    image->set_slot_state(3, SlotState::kFree);
    pass_until([&] { return image.view().control().flushed == 1; });
    EXPECT_EQ(exporter.numbers(), (std::vector<uint64_t>{0}));
    image->set_slot_state(4, SlotState::kFree);
    pass_until([&] { return exporter.spans.size() == 2; });
}

// What is sent does not depend on what is remembered.
TEST_F(DecidedDrainTest, SpansSayByWhichChanceTheyAreKeptHoweverManyTracesAreDecided) {
    sampling_.sampled_cache_size = 1;
    FileImage image(directory);
    image->claim(kChunk);
    for (uint64_t i = 0; i < 5; ++i) append(image, ended(i + 1, i));
    start_with({all_by_chance()});
    pass_until([&] { return exporter.spans.size() == 5; });
    append(image, ended(5, 5));
    pass_until([&] { return exporter.spans.size() == 6; });
    EXPECT_EQ(with_chance(), 6u) << "and who comes late";
}

// The agent's end is not the traces': what nobody has open is decided, the rest stays where it is.
TEST_F(DecidedDrainTest, AtItsEndTheAgentLeavesWhatIsOpen) {
    sampling_.linger = std::chrono::hours(1);
    sampling_.decision_wait = std::chrono::hours(1);
    FileImage image(directory);
    image->claim(kChunk);
    append(image, ended(1, 0));
    image->open_slot(3, started(2, 9, "open"));
    append(image, ended(2, 1));
    start_with({of_type(PolicyType::kAlwaysSample)});
    pass();
    EXPECT_EQ(exporter.spans.size(), 0u);
    drainer->drain_everything();
    drainer->process_answers();
    EXPECT_EQ(exporter.numbers(), (std::vector<uint64_t>{0}));
    EXPECT_TRUE(drainer->undecided());
    EXPECT_LT(image->mark(kChunk).length, image->word(kChunk).length);
}

}  // namespace
}  // namespace spanring::agent
