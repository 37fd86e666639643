// SPDX-License-Identifier: Apache-2.0
#include "command/traces/critical_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/trace_trees.hpp"

namespace spanring::agent {
namespace {

using test::tree_of;
using testing::ElementsAre;

std::vector<std::string> path_of(TraceTree tree) {
    mark_critical_path(tree);
    std::vector<std::string> path;
    uint64_t all = 0;
    for (const TreeSpan& span : tree.spans) {
        if (span.critical) path.push_back(span.span().name + " " + std::to_string(span.critical_nano));
        all += span.critical_nano;
    }
    EXPECT_EQ(all, 100u) << "what the root took, no more and no less";
    return path;
}

TEST(CriticalPathTest, ASpanAloneIsAllOfIt) {
    EXPECT_THAT(path_of(tree_of({{.name = "root"}})), ElementsAre("root 100"));
}

TEST(CriticalPathTest, OneAfterAnother) {
    EXPECT_THAT(path_of(tree_of({{.id = 1, .name = "root"},
                                 {.id = 2, .parent = 1, .name = "a", .start = 10, .end = 40},
                                 {.id = 3, .parent = 1, .name = "b", .start = 50, .end = 90},
                                 {.id = 4, .parent = 3, .name = "c", .start = 60, .end = 90}})),
                ElementsAre("root 30", "a 30", "b 10", "c 30"));
}

TEST(CriticalPathTest, OfThoseBesideEachOtherTheLastToEnd) {
    EXPECT_THAT(path_of(tree_of({{.id = 1, .name = "root"},
                                 {.id = 2, .parent = 1, .name = "slow", .start = 10, .end = 80},
                                 {.id = 3, .parent = 1, .name = "quick", .start = 10, .end = 60}})),
                ElementsAre("root 30", "slow 70"));
}

TEST(CriticalPathTest, WhoBeganBeforeTheLastIsWaitedForUntilThen) {
    EXPECT_THAT(path_of(tree_of({{.id = 1, .name = "root"},
                                 {.id = 2, .parent = 1, .name = "first", .start = 0, .end = 60},
                                 {.id = 3, .parent = 1, .name = "second", .start = 40, .end = 100}})),
                ElementsAre("root 0", "first 40", "second 60"));
}

TEST(CriticalPathTest, OutsideOfTheParentNothingCounts) {
    EXPECT_THAT(path_of(tree_of({{.id = 1, .name = "root", .start = 100, .end = 200},
                                 {.id = 2, .parent = 1, .name = "early", .start = 50, .end = 120},
                                 {.id = 3, .parent = 1, .name = "late", .start = 150, .end = 900},
                                 {.id = 4, .parent = 1, .name = "after", .start = 300, .end = 400}})),
                ElementsAre("root 30", "early 20", "late 50"));
}

TEST(CriticalPathTest, OfSeveralRootsTheLongest) {
    EXPECT_THAT(path_of(tree_of({{.id = 1, .name = "short", .start = 0, .end = 10},
                                 {.id = 2, .name = "long", .start = 5, .end = 105}})),
                ElementsAre("long 100"));
}

TEST(CriticalPathTest, ACircleEnds) {
    EXPECT_THAT(
        path_of(tree_of({{.id = 1, .parent = 2, .name = "a"}, {.id = 2, .parent = 1, .name = "b", .start = 20}})),
        ElementsAre("a 20", "b 80"));
}

}  // namespace
}  // namespace spanring::agent
