// SPDX-License-Identifier: Apache-2.0
#include "command/traces/perfetto_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include <nlohmann/json.hpp>

#include "support/trace_trees.hpp"

namespace spanring::agent {
namespace {

using nlohmann::json;
using test::tree_of;

json document_of(const TraceTree& tree) { return json::parse(perfetto_json(tree)); }

// Of each slice "NAME PROCESS/TRACK", in their order.
std::vector<std::string> places_in(const json& document) {
    std::vector<std::string> places;
    for (const json& event : document["traceEvents"]) {
        if (event["ph"] != "X") continue;
        places.push_back(event["name"].get<std::string>() + " " + event["pid"].dump() + "/" + event["tid"].dump());
    }
    return places;
}

TEST(PerfettoJsonTest, ASliceStandsInItsParentsTrackWhereItCan) {
    const json document = document_of(tree_of({{.id = 1, .name = "list"},
                                               {.id = 2, .parent = 1, .name = "first", .start = 10, .end = 40},
                                               {.id = 3, .parent = 1, .name = "beside", .start = 20, .end = 60},
                                               {.id = 4, .parent = 3, .name = "inside", .start = 25, .end = 30},
                                               {.id = 5, .parent = 1, .name = "after", .start = 45, .end = 70}}));
    EXPECT_THAT(places_in(document),
                testing::ElementsAre("list 1/1", "first 1/1", "beside 1/2", "inside 1/2", "after 1/1"));
    // "beside" is not where its parent is.
    std::map<std::string, int> phases;
    for (const json& event : document["traceEvents"]) ++phases[event["ph"]];
    EXPECT_EQ(phases, (std::map<std::string, int>{{"M", 1}, {"X", 5}, {"s", 1}, {"f", 1}}));
}

TEST(PerfettoJsonTest, TimesAreMicrosecondsSinceTheTraceBegan) {
    TraceTree tree =
        tree_of({{.id = 1, .name = "pay", .start = 1'764'400'000'123'456'789, .end = 1'764'400'000'123'460'000}});
    const json document = document_of(tree);
    EXPECT_EQ(document["otherData"]["start_unix_nano"], 1'764'400'000'123'456'789);
    const json& slice = document["traceEvents"][1];
    EXPECT_EQ(slice["ts"], 0);
    EXPECT_DOUBLE_EQ(slice["dur"], 3.211);
}

TEST(PerfettoJsonTest, NoTrackHasSlicesThatCross) {
    std::vector<test::TreeSpanOf> spans = {{.id = 1, .name = "root", .start = 0, .end = 1000}};
    for (uint8_t n = 0; n < 100; ++n) {
        const uint64_t start = (n * 37u) % 200;
        spans.push_back({.id = static_cast<uint8_t>(2 + n),
                         .parent = static_cast<uint8_t>(1 + n % 7),
                         .name = "child",
                         .start = start,
                         .end = start + (n * 53u) % 90});
    }
    std::map<std::string, std::vector<std::pair<double, double>>> tracks;
    const json document = document_of(tree_of(spans));
    for (const json& event : document["traceEvents"]) {
        if (event["ph"] != "X") continue;
        const double begin = event["ts"];
        tracks[event["pid"].dump() + "/" + event["tid"].dump()].emplace_back(begin, begin + event["dur"].get<double>());
    }
    for (const auto& [track, slices] : tracks) {
        for (const auto& one : slices) {
            for (const auto& other : slices)
                EXPECT_FALSE(one.first < other.first - 1e-9 && other.first < one.second - 1e-9 &&
                             one.second < other.second - 1e-9)
                    << track;
        }
    }
}

}  // namespace
}  // namespace spanring::agent
