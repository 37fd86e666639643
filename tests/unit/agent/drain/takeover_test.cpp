// SPDX-License-Identifier: Apache-2.0
//
// An agent that goes on where another one stopped.
#include <gtest/gtest.h>

#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(DrainTest, GoesOnWhereAnAgentThatWasKilledStopped) {
    FileImage image(directory);
    const uint32_t scope = image->add_scope("tests");
    exporter.answers = false;
    image->claim(0, scope);
    start();
    for (uint64_t i = 0; i < 4; ++i) {
        image->commit(0, i);
        pass();
    }
    exporter.answer(0);
    exporter.answer(0);
    pass();
    drainer.reset();  // nothing of the rest is booked, as at a kill
    exporter.spans.clear();
    exporter.waiting.clear();
    exporter.answers = true;
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(2, 2)) << "what was not acknowledged, and nothing else";
    EXPECT_NE(exporter.spans[0].scope.find("tests"), std::string::npos) << "the scope was named before the mark";
    EXPECT_EQ(image.view().control().totals.acknowledged, 4u);
    EXPECT_EQ(image.view().control().attachments, 2u);
}

TEST_F(DrainTest, KnowsTheScopeInForceWhereAnEarlierAgentHadAcknowledgedAll) {
    FileImage image(directory);
    image->claim(0, image->add_scope("tests"));
    image->commit(0, 0);
    start();
    pass();
    drainer.reset();
    start();
    pass();
    image->commit(0, 1);
    pass();
    ASSERT_EQ(exporter.numbers(), upto(2));
    EXPECT_EQ(exporter.spans[1].scope, exporter.spans[0].scope);
    EXPECT_EQ(drainer->status().quarantined, 0u);
}

TEST_F(DrainTest, FinishesAFreeThatAKilledAgentBegan) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    image->seal(0);
    image.view().chunk_mark(0) = ring::reset_mark(1).pack();
    start();
    pass();
    EXPECT_TRUE(exporter.spans.empty()) << "all of it was acknowledged";
    EXPECT_EQ(image->word(0).state, ChunkState::kFree);
}

}  // namespace
}  // namespace spanring::agent
