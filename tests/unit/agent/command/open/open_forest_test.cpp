// SPDX-License-Identifier: Apache-2.0
#include "command/open/open_forest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace spanring::agent {
namespace {

using testing::ElementsAre;

OpenSpan open(uint8_t id, uint8_t parent, uint64_t start, uint8_t trace = 1) {
    OpenSpan open;
    open.span.trace_id.fill(trace);
    open.span.span_id.fill(id);
    open.span.parent_span_id.fill(parent);
    open.span.start_unix_nano = start;
    open.span.name = std::to_string(id);
    return open;
}

std::vector<std::string> planted(std::vector<OpenSpan> spans) {
    plant(spans);
    std::vector<std::string> names;
    for (const OpenSpan& open : spans) names.push_back(std::string(open.depth, ' ') + open.span.name);
    return names;
}

TEST(OpenForest, TheOldestFirst) {
    EXPECT_THAT(planted({open(1, 0, 30), open(2, 0, 10), open(3, 0, 20)}), ElementsAre("2", "3", "1"));
}

TEST(OpenForest, EachBelowItsParent) {
    EXPECT_THAT(planted({open(4, 3, 40), open(9, 0, 15), open(2, 1, 20), open(3, 1, 30), open(1, 0, 10)}),
                ElementsAre("1", " 2", " 3", "  4", "9"));
}

TEST(OpenForest, AParentOfAnotherTraceIsNone) {
    EXPECT_THAT(planted({open(1, 0, 10, 1), open(2, 1, 20, 2)}), ElementsAre("1", "2"));
}

TEST(OpenForest, CirclesAndDoublesOfHostileProcesses) {
    EXPECT_THAT(planted({open(1, 1, 10)}), ElementsAre("1"));
    EXPECT_THAT(planted({open(1, 2, 10), open(2, 1, 20)}), ElementsAre("1", " 2"));
    EXPECT_THAT(planted({open(1, 2, 10), open(1, 0, 11), open(2, 1, 20)}), ElementsAre("1", " 2", "1"));
}

TEST(OpenForest, AsDeepAsItComes) {
    std::vector<OpenSpan> spans;
    for (uint32_t i = 0; i < 100'000; ++i) {
        OpenSpan next = open(0, 0, i);
        for (uint32_t byte = 0; byte < 4; ++byte) {
            next.span.span_id[byte] = static_cast<uint8_t>((i + 1) >> 8 * byte);
            next.span.parent_span_id[byte] = static_cast<uint8_t>(i >> 8 * byte);
        }
        spans.push_back(std::move(next));
    }
    plant(spans);
    EXPECT_EQ(spans.back().depth, 99'999u);
}

}  // namespace
}  // namespace spanring::agent
