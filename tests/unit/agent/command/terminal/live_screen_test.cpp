// SPDX-License-Identifier: Apache-2.0
#include "command/terminal/live_screen.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(LiveScreenTest, DrawsOverWhatIsThereAndClearsTheRest) {
    EXPECT_EQ(picture("one\ntwo\n", 4), "\033[H\033[Kone\r\n\033[Ktwo\r\n\033[J");
    EXPECT_EQ(picture("", 4), "\033[H\033[J");
}

TEST(LiveScreenTest, FillsTheLastRowWithoutScrolling) {
    EXPECT_EQ(picture("one\ntwo\n", 2), "\033[H\033[Kone\r\n\033[Ktwo");
}

TEST(LiveScreenTest, SaysHowManyLinesAreLeftOut) {
    EXPECT_EQ(picture("one\ntwo\nthree\n", 2), "\033[H\033[Kone\r\n\033[K2 more lines");
    EXPECT_EQ(picture("one\ntwo\n", 1), "\033[H\033[K2 more lines");
}

}  // namespace
}  // namespace spanring::agent
