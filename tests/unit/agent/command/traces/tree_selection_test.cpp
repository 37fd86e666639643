// SPDX-License-Identifier: Apache-2.0
#include "command/traces/tree_selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/trace_trees.hpp"

namespace spanring::agent {
namespace {

using test::outline;
using test::tree_of;
using testing::ElementsAre;
using testing::IsEmpty;

TraceTree shop() {
    return tree_of({{.id = 1, .name = "checkout"},
                    {.id = 2, .parent = 1, .name = "stock", .start = 10, .end = 40},
                    {.id = 3, .parent = 2, .name = "select", .start = 11, .end = 20},
                    {.id = 4, .parent = 1, .name = "pay", .start = 50, .end = 90},
                    {.id = 5, .parent = 4, .name = "charge", .start = 55, .end = 80, .error = true},
                    {.id = 6, .parent = 4, .name = "log", .start = 81, .end = 82}});
}

TEST(TreeSelectionTest, AllOfIt) { EXPECT_EQ(outline(select_spans(shop(), {})), outline(shop())); }

TEST(TreeSelectionTest, LevelsOnly) {
    const TraceTree shown = select_spans(shop(), {.depth = 2});
    EXPECT_THAT(outline(shown), ElementsAre("checkout", " stock", " pay"));
    EXPECT_EQ(shown.spans[0].hidden, 0u);
    EXPECT_EQ(shown.spans[1].hidden, 1u);
    EXPECT_EQ(shown.spans[2].hidden, 2u);
    EXPECT_EQ(select_spans(shop(), {.depth = 1}).spans[0].hidden, 5u) << "whatever the level";
}

TEST(TreeSelectionTest, ErrorsAndWhatIsAboveThem) {
    const TraceTree shown = select_spans(shop(), {.errors_only = true});
    EXPECT_THAT(outline(shown), ElementsAre("checkout", " pay", "  charge"));
    EXPECT_TRUE(shown.spans[1].last) << "its sibling is not shown";
    EXPECT_TRUE(shown.spans[2].last);
    EXPECT_EQ(shown.spans[0].hidden, 2u);
    EXPECT_EQ(shown.spans[1].hidden, 1u);
}

TEST(TreeSelectionTest, WithoutAnErrorNothing) {
    EXPECT_THAT(outline(select_spans(tree_of({{.name = "fine"}}), {.errors_only = true})), IsEmpty());
}

TEST(TreeSelectionTest, OfAlikeSiblingsTheSlowestStandsForAll) {
    std::vector<test::TreeSpanOf> spans = {{.id = 1, .name = "list"}};
    for (uint8_t n = 0; n < 5; ++n) {
        const uint64_t start = n * 10u;
        const auto id = static_cast<uint8_t>(10 + 2 * n);
        spans.push_back({.id = id, .parent = 1, .name = "get", .start = start, .end = start + (n == 2 ? 9u : 5u)});
        spans.push_back(
            {.id = static_cast<uint8_t>(id + 1), .parent = id, .name = "select", .start = start, .end = start + 1});
    }
    spans.push_back({.id = 40, .parent = 1, .name = "get", .start = 60, .end = 61});
    spans.push_back({.id = 41, .parent = 1, .name = "get", .start = 62, .end = 64, .error = true});
    const TraceTree shown = select_spans(tree_of(spans), {.fold = true});
    EXPECT_THAT(outline(shown), ElementsAre("list", " get", "  select", " get", " get"));
    EXPECT_EQ(shown.spans[1].alike, 5u);
    EXPECT_EQ(shown.spans[1].start(), 20u) << "the slowest";
    EXPECT_EQ(shown.spans[1].alike_nano, 29u);
    EXPECT_EQ(shown.spans[3].alike, 1u) << "nothing is below it, so it is not like the others";
    EXPECT_TRUE(shown.spans[4].error());
}

TEST(TreeSelectionTest, WhatAlikeSpansTookDoesNotWrap) {
    std::vector<test::TreeSpanOf> spans = {{.id = 1, .name = "list"}};
    for (uint8_t id = 2; id < 9; ++id)
        spans.push_back({.id = id, .parent = 1, .name = "get", .start = 0, .end = UINT64_MAX / 2});
    const TraceTree shown = select_spans(tree_of(spans), {.fold = true});
    ASSERT_EQ(shown.spans[1].alike, 7u);
    EXPECT_EQ(shown.spans[1].alike_nano, UINT64_MAX);
}

TEST(TreeSelectionTest, TwoAreShown) {
    const TraceTree tree =
        tree_of({{.id = 1}, {.id = 2, .parent = 1, .name = "get"}, {.id = 3, .parent = 1, .name = "get"}});
    EXPECT_EQ(select_spans(tree, {.fold = true}).spans.size(), 3u);
}

TEST(TreeSelectionTest, ALongChainIsNoDeepRecursion) {
    TraceTree tree;
    for (uint32_t depth = 0; depth < 20'000; ++depth) {
        TreeSpan& span = tree.spans.emplace_back();
        span.depth = depth;
        static const auto resource = std::make_shared<const DecodedResource>();
        span.stored.resource = resource;
    }
    EXPECT_EQ(select_spans(tree, {.depth = 3}).spans.back().hidden, 19'997u);
    EXPECT_EQ(select_spans(tree, {.fold = true}).spans.size(), 20'000u);
}

}  // namespace
}  // namespace spanring::agent
