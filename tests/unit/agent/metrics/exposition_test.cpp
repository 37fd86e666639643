// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using testing::HasSubstr;

TEST(ExpositionTest, WritesFamiliesOnceInTheirOrder) {
    Exposition page;
    page.counter("spans_total", "Spans.", {{"cause", "a"}}, 1);
    page.gauge("open", "Open.", {}, 0.5);
    page.counter("spans_total", "Spans.", {{"cause", "b"}}, 12345678);
    EXPECT_EQ(page.text(), "# HELP spans_total Spans.\n# TYPE spans_total counter\n"
                           "spans_total{cause=\"a\"} 1\nspans_total{cause=\"b\"} 12345678\n"
                           "# HELP open Open.\n# TYPE open gauge\nopen 0.5\n");
}

TEST(ExpositionTest, EscapesValuesOfLabels) {
    Exposition page;
    page.gauge("open", "Open.", {{"service", "a\"b\\c\nd"}}, 1);
    EXPECT_THAT(page.text(), HasSubstr("open{service=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(ExpositionTest, RepairsAndCutsValuesOfLabels) {
    Exposition page;
    page.gauge("broken", "",
               {{"service", "a\xff"
                            "b"}},
               1);
    page.gauge("zero", "", {{"service", std::string("a\0b", 3)}}, 1);
    std::string text = std::string(255, 'x') + "\u00e9" + "more";
    page.gauge("long", "", {{"service", text}}, 1);
    EXPECT_THAT(page.text(), HasSubstr("broken{service=\"a?b\"} 1\n"));
    EXPECT_THAT(page.text(), HasSubstr("zero{service=\"a?b\"} 1\n"));
    EXPECT_THAT(page.text(), HasSubstr("long{service=\"" + std::string(255, 'x') + "\"} 1\n"));
}

TEST(ExpositionTest, WritesCountsExactly) {
    Exposition page;
    page.counter("spans_total", "", {}, 9007199254740991.0);  // 2^53 - 1
    EXPECT_THAT(page.text(), HasSubstr("spans_total 9007199254740991\n"));
}

TEST(ExpositionTest, ACounterDoesNotGoBackAndAGaugeDoes) {
    Exposition first;
    first.counter("spans_total", "", {{"cause", "a"}}, 10);
    first.counter("spans_total", "", {{"cause", "b"}}, 10);
    first.gauge("open", "", {}, 10);
    Exposition second(first.take_shown());
    second.counter("spans_total", "", {{"cause", "a"}}, 9);
    second.counter("spans_total", "", {{"cause", "b"}}, 11);
    second.gauge("open", "", {}, 9);
    EXPECT_THAT(second.text(), HasSubstr("spans_total{cause=\"a\"} 10\n"));
    EXPECT_THAT(second.text(), HasSubstr("spans_total{cause=\"b\"} 11\n"));
    EXPECT_THAT(second.text(), HasSubstr("open 9\n"));
}

TEST(ExpositionTest, ForgetsCountersThatAreNotShownAnyMore) {
    Exposition first;
    first.counter("spans_total", "", {{"pid", "1"}}, 10);
    Exposition second(first.take_shown());
    EXPECT_TRUE(second.take_shown().empty());
}

}  // namespace
}  // namespace spanring::agent
