// SPDX-License-Identifier: Apache-2.0
#include "command/traces/trace_comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/trace_trees.hpp"

namespace spanring::agent {
namespace {

using test::tree_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TraceTree quick() {
    return tree_of({{.id = 1, .name = "checkout", .end = 50},
                    {.id = 2, .parent = 1, .name = "select", .start = 1, .end = 11},
                    {.id = 3, .parent = 1, .name = "select", .start = 12, .end = 22},
                    {.id = 4, .parent = 1, .name = "old", .start = 30, .end = 40}});
}
TraceTree slow() {
    return tree_of({{.id = 1, .name = "checkout", .end = 90},
                    {.id = 2, .parent = 1, .name = "select", .start = 1, .end = 71},
                    {.id = 5, .parent = 2, .name = "retry", .start = 2, .end = 70, .error = true},
                    {.id = 6, .parent = 1, .name = "select", .start = 80, .end = 85, .service = "other"}});
}

TEST(TraceComparisonTest, ByServiceAndNameBelowTheSameParent) {
    std::vector<std::string> lines;
    for (const ComparedSpans& each : compare(quick(), slow())) {
        lines.push_back(std::string(each.depth, ' ') + each.service + " " + each.name + " " +
                        std::to_string(each.sides[0].spans) + ":" + std::to_string(each.sides[0].nano) + " " +
                        std::to_string(each.sides[1].spans) + ":" + std::to_string(each.sides[1].nano));
    }
    EXPECT_THAT(lines, ElementsAre("shop checkout 1:50 1:90", " shop select 2:20 1:70", "  shop retry 0:0 1:68",
                                   " shop old 1:10 0:0", " other select 0:0 1:5"));
}

TEST(TraceComparisonTest, ForPeople) {
    Terminal terminal;
    const std::string text = render_comparison(quick(), slow(), terminal);
    EXPECT_THAT(text, HasSubstr("FIRST"));
    EXPECT_THAT(text, HasSubstr("2× 20 ns"));
    EXPECT_THAT(text, HasSubstr("+50 ns +250 %"));
    EXPECT_THAT(text, HasSubstr("✗ retry"));
    EXPECT_THAT(text, HasSubstr("gone"));
    EXPECT_THAT(text, HasSubstr("new"));
}

TEST(TraceComparisonTest, NamesAreInert) {
    const TraceTree evil = tree_of({{.name = "evil\033[2J\nname"}});
    EXPECT_THAT(render_comparison(evil, evil, {}), Not(HasSubstr("\033")));
    EXPECT_THAT(comparison_json(evil, evil), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace spanring::agent
