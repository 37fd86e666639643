// SPDX-License-Identifier: Apache-2.0
#include "command/open/usual_durations.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(UsualDurations, NinetyFiveOfAHundredTakeNoLonger) {
    UsualDurations usual;
    for (uint64_t duration = 100; duration > 0; --duration) usual.add("shop", "GET /", duration);
    usual.settle();
    EXPECT_EQ(usual.of("shop", "GET /"), 95u);
}

TEST(UsualDurations, OfEachServiceAndNameByItself) {
    UsualDurations usual;
    for (int i = 0; i < 20; ++i) {
        usual.add("shop", "GET /", 10);
        usual.add("stock", "GET /", 20);
        usual.add("shop", "POST /", 0);
    }
    usual.settle();
    EXPECT_EQ(usual.of("shop", "GET /"), 10u);
    EXPECT_EQ(usual.of("stock", "GET /"), 20u);
    EXPECT_EQ(usual.of("shop", "POST /"), 1u) << "known, however short";
    EXPECT_EQ(usual.of("stock", "POST /"), 0u);
}

TEST(UsualDurations, OfFewNothingIsKnown) {
    UsualDurations usual;
    for (size_t i = 1; i < UsualDurations::kFewest; ++i) usual.add("shop", "GET /", 10);
    usual.settle();
    EXPECT_EQ(usual.of("shop", "GET /"), 0u);
}

}  // namespace
}  // namespace spanring::agent
