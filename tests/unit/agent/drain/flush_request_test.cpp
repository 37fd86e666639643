// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "drain/flush_request.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

class FlushTest : public ::testing::Test {
protected:
    void ask(uint64_t ticket) { image.view().writer().flush_wanted = ticket; }
    uint64_t answered() { return image.view().control().flushed; }

    test::TemporaryDirectory directory;
    test::FileImage image{directory};
};

TEST_F(FlushTest, IsServedAfterACompletePassAndTheAnswersToIt) {
    FlushRequest request(image.view());
    request.look();
    EXPECT_FALSE(request.pending());
    ask(3);
    request.look();
    EXPECT_TRUE(request.pending());
    EXPECT_FALSE(request.wants_submit());
    request.pass_completed();
    EXPECT_TRUE(request.wants_submit());
    request.serve({});
    EXPECT_EQ(answered(), 0u) << "nothing was submitted yet";
    request.submitted(7);
    EXPECT_FALSE(request.wants_submit());
    request.serve({5, 9});
    EXPECT_EQ(answered(), 0u);
    request.serve({7});
    EXPECT_EQ(answered(), 0u);
    request.serve({8, 9});
    EXPECT_EQ(answered(), 3u) << "later batches are not its business";
    EXPECT_FALSE(request.pending());
}

TEST_F(FlushTest, DoesNotTakeAPassForOneThatWasAskedForDuringIt) {
    FlushRequest request(image.view());
    ask(1);
    request.pass_completed();
    EXPECT_FALSE(request.wants_submit()) << "it was not seen before the pass";
    request.look();
    ask(2);
    request.look();
    request.pass_completed();
    request.submitted(1);
    request.serve({});
    EXPECT_EQ(answered(), 1u);
    request.look();
    EXPECT_TRUE(request.pending()) << "the second one";
}

TEST_F(FlushTest, IsNotServedTwiceByTheNextAgent) {
    ask(4);
    image.view().control().flushed = 4;
    FlushRequest request(image.view());
    request.look();
    EXPECT_FALSE(request.pending());
    ask(5);
    request.look();
    EXPECT_TRUE(request.pending());
}

}  // namespace
}  // namespace spanring::agent
