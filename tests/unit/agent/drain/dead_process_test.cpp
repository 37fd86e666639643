// SPDX-License-Identifier: Apache-2.0
//
// What is left of a process when it is dead: its spans, also unfinished ones, and its file.
#include <gtest/gtest.h>

#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(DrainTest, ExportsEverythingOfTheDeadAndRemovesTheirFile) {
    FileImage image(directory);
    const uint32_t scope = image->add_scope("tests");
    image->claim(0, scope);
    image->commit(0, 0);
    image->seal(0);
    image->claim(1, scope);
    image->commit(1, 1);
    image->claim(2, scope);
    image->commit(2, 2);
    image->move_to(2, ChunkState::kParked);
    image->open_slot(3, test::span_start(3, "open"), scope);
    image->open_slot(9, test::span_start(4, "never counted"), scope);
    image->counter(Counter::kStarted) -= 1;
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(3)) << "open spans are left alone while the process lives";
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(5));
    EXPECT_EQ(exporter.spans[3].name, "open");
    EXPECT_NE(exporter.spans[3].scope.find("tests"), std::string::npos);
    const ProcessRow record = ledger.of(image.instance());
    EXPECT_TRUE(record.finished);
    EXPECT_EQ(record.service, "shop");
    EXPECT_EQ(record.program, "image");
    EXPECT_EQ(record.pid, 4242u);
    EXPECT_EQ(record.uid, geteuid());
    const auto counted = [&](Counter counter) { return record.writer[static_cast<size_t>(counter)]; };
    EXPECT_EQ(counted(Counter::kStarted), 5u);
    EXPECT_EQ(counted(Counter::kEnded), 3u);
    EXPECT_EQ(record.agent.acknowledged, 3u);
    EXPECT_EQ(record.agent.unfinished, 2u);
    EXPECT_EQ(record.agent.exporters[0].exporter, exporter_hash("fake"));
    EXPECT_EQ(record.agent.exporters[0].exported, 5u);
    EXPECT_EQ(drainer->status().serving, 0u);
}

TEST_F(DrainTest, KeepsTheFileOfTheDeadUntilAllIsAcknowledged) {
    FileImage image(directory);
    exporter.answers = false;
    image->claim(0);
    image->commit(0, 0);
    image->open_slot(0, test::span_start(1, "open"));
    image.die();
    start();
    pass();
    EXPECT_TRUE(directory.has(image.name()));
    // A killed agent leaves everything to the next one.
    drainer.reset();
    exporter.spans.clear();
    exporter.waiting.clear();
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(2));
    while (!exporter.waiting.empty()) exporter.answer(0);
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 1u);
}

TEST_F(DrainTest, DoesNotRepeatAnUnfinishedSpanThatWasAcknowledged) {
    FileImage image(directory);
    exporter.answers = false;
    image->open_slot(0, test::span_start(0, "one"));
    image->open_slot(1, test::span_start(1, "two"));
    image.die();
    DrainOptions single = options();
    single.batch.spans = 1;
    start(single);
    pass();
    ASSERT_EQ(exporter.waiting.size(), 2u);
    exporter.answer(0);
    pass();
    drainer.reset();
    exporter.spans.clear();
    exporter.waiting.clear();
    exporter.answers = true;
    start();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(1, 1));
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 2u);
}

TEST_F(DrainTest, FindsASpanThatDiedBetweenCommitAndClearOnlyOnce) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    ring::Slot& slot = image->open_slot(0, test::span_start(0, "work"));
    image->counter(Counter::kStarted) -= 1;  // the commit above is the end of this very span
    slot.started = 1;
    slot.intent_chunk = 0;
    slot.intent_word = image->word(0).pack();
    slot.intent_ended = 1;
    image->counter(Counter::kEnded) = 0;
    image->set_slot_state(0, SlotState::kEnding);
    image.die();
    start();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(1));
    EXPECT_EQ(ledger.of(image.instance()).writer[static_cast<size_t>(Counter::kEnded)], 1u);
    EXPECT_EQ(ledger.of(image.instance()).agent.unfinished, 0u);
}

}  // namespace
}  // namespace spanring::agent
