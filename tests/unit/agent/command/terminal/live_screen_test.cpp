// SPDX-License-Identifier: Apache-2.0
#include "command/terminal/live_screen.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(LiveScreenTest, DrawsOverWhatIsThereAndClearsTheRest) {
    EXPECT_EQ(picture("one\ntwo\n", 4), "\033[Hone\033[K\r\ntwo\033[K\r\n\033[J");
    EXPECT_EQ(picture("", 4), "\033[H\033[J");
}

TEST(LiveScreenTest, FillsTheLastRowWithoutScrolling) {
    EXPECT_EQ(picture("one\ntwo\n", 2), "\033[Hone\033[K\r\ntwo\033[K");
}

TEST(LiveScreenTest, SaysHowManyLinesAreLeftOut) {
    EXPECT_EQ(picture("one\ntwo\nthree\n", 2), "\033[Hone\033[K\r\n2 more lines\033[K");
    EXPECT_EQ(picture("one\ntwo\n", 1), "\033[H2 more lines\033[K");
}

}  // namespace
}  // namespace spanring::agent
