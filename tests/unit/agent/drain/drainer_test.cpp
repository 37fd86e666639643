// SPDX-License-Identifier: Apache-2.0
//
// The way of a living process's spans: taken, answered, their memory given back.
#include <gtest/gtest.h>

#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(DrainTest, TakesSpansOfAnOpenChunkAndMovesItsMark) {
    FileImage image(directory);
    const uint32_t scope = image->add_scope("tests");
    image->claim(0, scope);
    for (uint64_t i = 0; i < 3; ++i) image->commit(0, i);
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(3));
    EXPECT_EQ(exporter.spans[0].service, "shop");
    EXPECT_NE(exporter.spans[0].scope.find("tests"), std::string::npos);
    const ChunkWord word = image->word(0);
    EXPECT_EQ(image->mark(0), ring::mark_of(word.generation, word.length, 3));
    EXPECT_EQ(image.view().control().totals.acknowledged, 3u);
    EXPECT_EQ(image.view().control().totals.exporters[0].exported, 3u);
    EXPECT_EQ(word.state, ChunkState::kOpen);

    image->commit(0, 3);
    image->commit(0, 4);
    pass();
    EXPECT_EQ(exporter.numbers(), upto(5));
}

// As of a process that wrote before there was an agent. Each batch has its own spans and not the rest of the chunk.
TEST_F(DrainTest, TakesManySpansOfALargeChunkIntoSmallBatches) {
    constexpr uint64_t kSpans = 1000;
    FileImage image(directory, {.huge = true});
    const uint32_t scope = image->add_scope("tests");
    const uint32_t chunk = image->take_huge(ring::kHugeBlocks);
    image->claim(chunk, scope);
    for (uint64_t i = 0; i < kSpans; ++i) image->commit(chunk, i, std::string(100, 'x'));
    ASSERT_GT(image->word(chunk).length, 2 * ring::kExtentSize);
    image->seal(chunk);
    exporter.answers = false;
    DrainOptions with = options();
    with.batch.spans = 10;
    start(std::move(with));
    pass_until([&] { return exporter.spans.size() == kSpans; });
    EXPECT_EQ(exporter.numbers(), upto(kSpans));
    size_t memory = 0;
    for (const auto& batch : exporter.waiting) memory += batch->memory;
    EXPECT_LE(memory, image->word(chunk).length);
    while (!exporter.waiting.empty()) exporter.answer(0);
    pass();
    EXPECT_EQ(image.view().control().totals.acknowledged, kSpans);
    EXPECT_EQ(image->word(chunk).state, ChunkState::kFree);
}

TEST_F(DrainTest, FreesAFullChunkWithItsAnswerAndWithoutAnotherLook) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image->seal(0);
    DrainOptions with = options();
    with.pace.shortest = with.pace.idle = std::chrono::hours(1);
    start(with);
    pass_until([&] { return !exporter.waiting.empty(); });
    const uint64_t looks = drainer->status().looks;
    exporter.answer(0);
    pass_until([&] { return image->word(0).state == ChunkState::kFree; });
    EXPECT_EQ(drainer->status().looks, looks);
}

TEST_F(DrainTest, FreesAFullChunkOnlyWhenItIsAcknowledged) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image->seal(0);
    start();
    pass();
    EXPECT_EQ(image->word(0).state, ChunkState::kFull);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->word(0), (ChunkWord{ChunkState::kFree, 1, 0, 0}));
    EXPECT_EQ(image.view().control().freed, 1u);

    image->claim(0);  // the next generation
    image->commit(0, 1);
    image->seal(0);
    pass();
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->word(0), (ChunkWord{ChunkState::kFree, 2, 0, 0}));
    EXPECT_EQ(exporter.numbers(), upto(2));
    EXPECT_EQ(image.view().control().totals.acknowledged, 2u);
}

TEST_F(DrainTest, MovesTheMarkInOrderWhateverTheOrderOfAnswers) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    start();
    for (uint64_t i = 0; i < 3; ++i) {
        image->commit(0, i);
        pass();
    }
    ASSERT_EQ(exporter.waiting.size(), 3u);
    exporter.answer(2);
    pass();
    EXPECT_EQ(image->mark(0).length, 0u);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->mark(0).spans, 1u);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->mark(0).spans, 3u);
    EXPECT_EQ(image->mark(0).length, image->word(0).length);
}

TEST_F(DrainTest, ServesAFlushWhenEverythingBeforeItIsAnswered) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image.view().writer().flush_wanted = 1;
    DrainOptions patient = options();
    patient.batch.age = std::chrono::hours(1);
    start(patient);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 1u) << "a flush does not wait for the batch to fill";
    EXPECT_EQ(image.view().control().flushed, 0u);
    image->commit(0, 1);  // after the request: not its business
    pass();
    exporter.answer(0);
    pass();
    EXPECT_EQ(image.view().control().flushed, 1u);
    image.view().writer().flush_wanted = 7;
    pass();
    exporter.answer(0);
    pass();
    EXPECT_EQ(image.view().control().flushed, 7u);
    EXPECT_EQ(exporter.numbers(), upto(2));
}

TEST_F(DrainTest, AFlushOfAProcessThatHasNothingToSendLeavesTheBatchOfTheOthersAlone) {
    FileImage busy(directory), idle(directory);
    DrainOptions with = options();
    with.batch.age = std::chrono::hours(1);
    start(with);
    exporter.answers = false;
    busy->claim(0);
    busy->commit(0, 1);
    pass();
    for (uint64_t ticket = 1; ticket <= 3; ++ticket) {
        idle.view().writer().flush_wanted = ticket;
        pass();
        EXPECT_EQ(idle.view().control().flushed, ticket);
    }
    EXPECT_TRUE(exporter.waiting.empty());
}

TEST_F(DrainTest, CountsMalformedSpansAndExportsTheRest) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    test::Bytes bad = test::make_span(1);
    memset(bad.data() + 2, 0, 16);  // no trace id
    image->append(0, test::record_of(bad), 1);
    image->count();
    image->commit(0, 2);
    image->seal(0);
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), (std::vector<uint64_t>{0, 2}));
    const ring::Totals& totals = image.view().control().totals;
    EXPECT_EQ(totals.acknowledged, 3u);
    EXPECT_EQ(totals.exporters[0].exported, 2u);
    EXPECT_EQ(totals.exporters[0].dropped_invalid, 1u);
    EXPECT_EQ(image->word(0).state, ChunkState::kFree) << "it holds nothing up";
    EXPECT_EQ(drainer->status().invalid, 1u);
}

TEST_F(DrainTest, BooksAPartialRefusalOnceOverAllProducersOfABatch) {
    FileImage one(directory), two(directory);
    exporter.resolution = {Outcome::kExported, 4};
    for (FileImage* image : {&one, &two}) {
        (*image)->claim(0);
        for (uint64_t i = 0; i < 3; ++i) (*image)->commit(0, i);
    }
    DrainOptions patient = options();
    patient.batch.age = std::chrono::hours(1);
    start(patient);
    pass();
    drainer->drain_everything();
    pass();
    ASSERT_EQ(exporter.sizes, std::vector<uint32_t>{6});
    const ring::ExporterTotals& first = one.view().control().totals.exporters[0];
    const ring::ExporterTotals& second = two.view().control().totals.exporters[0];
    EXPECT_EQ(first.exported + second.exported, 2u);
    EXPECT_EQ(first.rejected + second.rejected, 4u);
    EXPECT_EQ(first.exported + first.rejected, 3u);
}

TEST_F(DrainTest, WhatNoExporterCanSendStaysInItsRing) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    exporter.may_wait_in_rings = std::numeric_limits<uint64_t>::max();
    start();
    pass();
    EXPECT_EQ(exporter.spans.size(), 0u);
    EXPECT_GE(drainer->status().held_back, 1u);
    exporter.may_wait_in_rings = 0;
    pass();
    EXPECT_EQ(exporter.spans.size(), 1u);
    EXPECT_EQ(image.view().control().totals.acknowledged, 1u);

    image->commit(0, 1);
    exporter.may_wait_in_rings = std::numeric_limits<uint64_t>::max();
    pass();
    EXPECT_EQ(exporter.spans.size(), 1u);
    drainer->drain_everything();
    EXPECT_EQ(exporter.spans.size(), 2u) << "at the end it waits for nobody";
}

// Exporters may have enough by the first batch of a pass: the second one would wait beside them.
TEST_F(DrainTest, APassFillsOneBatch) {
    FileImage image(directory);
    for (uint32_t i = 0; i < 4; ++i) {
        image->claim(test::kFirstLarge + i);
        for (uint64_t number = 0; number < 3; ++number) image->commit(test::kFirstLarge + i, 3 * i + number);
    }
    DrainOptions with = options();
    with.batch.spans = 4;
    with.batch.age = std::chrono::hours(1);
    with.batch.in_a_pass = 1;
    exporter.on_submit = [&] { exporter.may_wait_in_rings = std::numeric_limits<uint64_t>::max(); };
    start(with);
    pass();
    EXPECT_EQ(exporter.sizes, std::vector<uint32_t>{3});
    EXPECT_EQ(drainer->status().spans, 6u) << "what was to fill it, and did not fit";
    exporter.on_submit = {};
    exporter.may_wait_in_rings = 0;
    pass();
    EXPECT_EQ(exporter.sizes, (std::vector<uint32_t>{3, 3, 3}));
    drainer->drain_everything();
    EXPECT_EQ(exporter.numbers(), upto(12));
}

// Else no more than one would be filled for each answer, or each pause until the exporters are asked again.
TEST_F(DrainTest, APassFillsSeveralBatchesThatAreSmall) {
    FileImage one(directory), two(directory);
    for (FileImage* image : {&one, &two}) {
        for (uint32_t i = 0; i < 4; ++i) {
            (*image)->claim(test::kFirstLarge + i);
            for (uint64_t number = 0; number < 3; ++number) (*image)->commit(test::kFirstLarge + i, 3 * i + number);
        }
    }
    DrainOptions with = options();
    with.batch.spans = 4;
    with.batch.age = std::chrono::hours(1);
    exporter.on_submit = [&] { exporter.may_wait_in_rings = std::numeric_limits<uint64_t>::max(); };
    start(with);
    pass();
    EXPECT_EQ(exporter.sizes, std::vector<uint32_t>(7, 3));
    EXPECT_EQ(drainer->status().spans, 24u);
    pass();
    EXPECT_GE(drainer->status().held_back, 1u);
}

TEST_F(DrainTest, WhatIsNewHasTheMemoryOfWhatIsAnswered) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    start();
    pass();
    exporter.answer(0);
    image->commit(0, 1);
    pass();
    EXPECT_EQ(exporter.numbers(), upto(2));
    EXPECT_EQ(drainer->status().buffers.misses, 1u);
    EXPECT_EQ(drainer->status().buffers.hits, 1u);
}

TEST_F(DrainTest, WhatHasASpoolIsNotToWaitInMoreRingsThanItsQueueHolds) {
    FileImage one(directory), two(directory);
    one->claim(0);
    one->commit(0, 0);
    exporter.may_wait_in_rings = 2 * uint64_t{one->view().header().extent_limit} * ring::kExtentSize + 1;
    start();
    pass();
    EXPECT_EQ(exporter.spans.size(), 0u);
    exporter.may_wait_in_rings -= 1;
    pass();
    EXPECT_EQ(exporter.spans.size(), 1u);
}

TEST_F(DrainTest, NobodyWaitsForWhomNoAcknowledgementWaits) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    FakeExporter sated(0), other(1, true, "other");
    sated.may_wait_in_rings = std::numeric_limits<uint64_t>::max();
    drainer = std::make_unique<Drainer>(options(), std::vector<Exporter*>{&sated, &other}, &ledger);
    pass();
    EXPECT_EQ(other.spans.size(), 1u) << "one that is slow delays no other";
    FakeExporter effort(0, false);
    effort.may_wait_in_rings = std::numeric_limits<uint64_t>::max();
    drainer.reset();
    drainer = std::make_unique<Drainer>(options(), std::vector<Exporter*>{&effort}, &ledger);
    image->commit(0, 1);
    pass();
    EXPECT_EQ(effort.spans.size(), 1u);
}

TEST_F(DrainTest, IsFairToEveryoneWhileOneFloods) {
    FileImage flood(directory, {.extents = 2 * test::kImageSet}), quiet(directory);
    constexpr uint32_t kLarge = test::kFirstLarge;
    for (const uint32_t chunk :
         {kLarge, kLarge + 1, kLarge + 2, kLarge + 3, test::kChunksOfSet + kLarge, test::kChunksOfSet + kLarge + 1}) {
        flood->claim(chunk);
        for (uint64_t i = 0; i < 200; ++i) flood->commit(chunk, 1000 + chunk * 1000 + i);
        flood->seal(chunk);
    }
    quiet->claim(0);
    quiet->commit(0, 1);
    DrainOptions narrow = options();
    narrow.pass_bytes = 1000;
    start(narrow);
    pass(1);
    const std::vector<uint64_t> first = exporter.numbers();
    EXPECT_EQ(std::count(first.begin(), first.end(), 1u), 1) << "served in the first pass";
    EXPECT_LT(first.size(), 1201u);
    pass(10);
    EXPECT_EQ(exporter.spans.size(), 1201u);
}

}  // namespace
}  // namespace spanring::agent
