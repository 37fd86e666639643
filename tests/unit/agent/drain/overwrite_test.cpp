// SPDX-License-Identifier: Apache-2.0
//
// Segments whose writers may overwrite what the agent has not taken.
#include <gtest/gtest.h>

#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(DrainTest, TakesAChunkBeforeItReadsItWhereWritersOverwrite) {
    FileImage image(directory, {.full_policy = 1});
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image->seal(0);
    start();
    pass();
    EXPECT_EQ(image->word(0).state, ChunkState::kTaken);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image->word(0).state, ChunkState::kFree);
    EXPECT_EQ(image.view().control().totals.acknowledged, 1u);
}

TEST_F(DrainTest, BooksNothingOfAChunkThatAWriterWon) {
    FileImage image(directory, {.full_policy = 1});
    image->claim(0);
    image->commit(0, 0);
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(1)) << "the committed prefix leaves the process";
    EXPECT_EQ(image->mark(0).spans, 0u) << "but is not booked while a writer may still win the chunk";
    // Sealed and overwritten between two passes: the writer counts the span as overwritten.
    image->set_word(0, {ChunkState::kOpen, 2, 0, 0});
    image->append(0, test::scope_record(0), 0);
    image->commit(0, 1);
    pass();
    EXPECT_EQ(exporter.numbers(), upto(2));
    EXPECT_EQ(image.view().control().totals.acknowledged, 0u);
    image->seal(0);
    pass();
    EXPECT_EQ(image.view().control().totals.acknowledged, 1u);
    EXPECT_EQ(image->word(0), (ChunkWord{ChunkState::kFree, 2, 0, 0}));
    // At the end of the process nobody overwrites any more.
    image->claim(1);
    image->commit(1, 2);
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 2u);
}

TEST_F(DrainTest, LeavesAChunkAloneThatIsAboutToGiveWayUntilTheProcessIsDead) {
    FileImage image(directory, {.full_policy = 1});
    image->claim(0);
    image->commit(0, 0);
    image->move_to(0, ChunkState::kEvicting);
    start();
    pass();
    pass();
    EXPECT_EQ(image->word(0).state, ChunkState::kEvicting);
    EXPECT_EQ(exporter.numbers(), upto(0)) << "its writer counts it, if it goes on";
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(1)) << "it never did";
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 1u);
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

}  // namespace
}  // namespace spanring::agent
