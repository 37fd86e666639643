// SPDX-License-Identifier: Apache-2.0
#include "command/traces/trace_view.hpp"
#include "command/traces/trace_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"
#include "command/traces/critical_path.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using test::TestSpan;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr uint64_t kEpoch = 1'700'000'000'000'000'000;  // 2023-11-14 22:13:20 UTC
constexpr uint64_t kMillisecond = 1'000'000;

StoredSpan stored(const std::string& service, const TestSpan& span) {
    const std::string record = span.record();
    StoredSpan result;
    auto resource = std::make_shared<DecodedResource>();
    resource->service_name = service;
    auto scope = std::make_shared<DecodedScope>();
    scope->name = "shop";
    scope->version = "1.0";
    // Past the tag and the length of the record: one byte each, or two for the length of a longer span.
    const size_t head = static_cast<uint8_t>(record[1]) < 0x80 ? 2 : 3;
    const std::span<const uint8_t> body(reinterpret_cast<const uint8_t*>(record.data()) + head, record.size() - head);
    EXPECT_TRUE(decode_span(body, result.span));
    result.resource = std::move(resource);
    result.scope = std::move(scope);
    return result;
}

TestSpan span(uint8_t id, uint8_t parent, const std::string& name, uint64_t from_ms, uint64_t to_ms) {
    return {.trace = 0xab,
            .id = id,
            .parent = parent,
            .name = name,
            .start = kEpoch + from_ms * kMillisecond,
            .end = kEpoch + to_ms * kMillisecond};
}

std::vector<StoredSpan> shop() {
    TestSpan failing = span(4, 3, "SELECT", 20, 30);
    failing.error = true;
    failing.message = "connection refused";
    TestSpan killed = span(6, 5, "POST /pay", 52, 96);
    killed.unfinished = true;
    killed.message = "the process ended before the span did";
    TestSpan root = span(1, 0, "GET /checkout", 0, 100);
    root.attributes = {{"http.method", "GET"}};
    return {stored("payment", killed),
            stored("cart", failing),
            stored("front", span(2, 1, "GET cart", 10, 45)),
            stored("cart", span(3, 2, "GET /cart", 12, 44)),
            stored("front", root),
            stored("front", span(5, 1, "POST pay", 50, 100))};
}

Terminal plain(int width = 100) {
    Terminal terminal;
    terminal.width = width;
    return terminal;
}

class TraceViewTest : public testing::Test {
protected:
    void SetUp() override {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
    TraceId trace_ = [] {
        TraceId id{};
        id.fill(0xab);
        return id;
    }();
};

std::vector<std::string> outline(const TraceTree& tree) {
    std::vector<std::string> lines;
    for (const TreeSpan& span : tree.spans) lines.push_back(std::string(span.depth, '.') + span.span().name);
    return lines;
}

TEST_F(TraceViewTest, KeepsTheBranchesWhereNamesAreShort) {
    const TraceTree tree =
        build_tree(trace_, {stored("a", span(1, 0, "a", 0, 100)), stored("a", span(2, 1, "b", 0, 50)),
                            stored("a", span(3, 2, "c", 0, 50)), stored("a", span(4, 1, "d", 50, 100))});
    EXPECT_THAT(render_trace(tree, plain(), {}),
                testing::ContainsRegex("\na        a .*\n├─ b     a .*\n│  └─ c  a .*\n└─ d     a "));
}

// 61 cells for bars, 122 half cells for 100 ms: 10 to 45 ms are half cells 12 to 55.
TEST_F(TraceViewTest, DrawsTheTreeWithATimeBarForEachSpan) {
    const std::string expected =
        "trace abababababababababababababababab\n"
        "GET /checkout · 2023-11-14 22:13:20.000 · 100 ms · 6 spans in 3 services · 1 error · 1 unfinished\n"
        "\n"
        "SPAN               SERVICE   DURATION  0                          50.0 ms                     100 ms\n"
        "GET /checkout      front       100 ms  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n"
        "├─ GET cart        front      35.0 ms        ━━━━━━━━━━━━━━━━━━━━━╸\n"
        "│  └─ GET /cart    cart       32.0 ms         ━━━━━━━━━━━━━━━━━━━━\n"
        "│     └─ ✗ SELECT  cart       10.0 ms              ━━━━━━╸\n"
        "└─ POST pay        front      50.0 ms                                ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n"
        "   └─ ◌ POST /pay  payment    44.0 ms                                 ╺╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍\n"
        "\n"
        "✗ SELECT (cart): connection refused\n"
        "◌ POST /pay (payment): the process ended before the span did\n";
    EXPECT_EQ(render_trace(build_tree(trace_, shop()), plain(), {}), expected);
}

TEST_F(TraceViewTest, SharesOfASpanThatSaysItBeganIn1970) {
    TestSpan root = span(1, 0, "root", 0, 100);
    root.start = 0;
    TraceTree tree = build_tree(trace_, {stored("a", root), stored("a", span(2, 1, "child", 0, 50))});
    mark_critical_path(tree);
    const std::string text = render_trace(tree, plain(), {.critical = true});
    EXPECT_THAT(text, HasSubstr("99 %  root (a)"));
    EXPECT_THAT(text, HasSubstr(" 0 %  child (a)"));
}

TEST_F(TraceViewTest, FitsTheWidthOfTheTerminal) {
    for (const int width : {60, 80, 133, 250}) {
        const std::string text = render_trace(build_tree(trace_, shop()), plain(width), {});
        std::istringstream lines(text);
        std::string line;
        std::getline(lines, line);  // the id and the summary are not cut
        std::getline(lines, line);
        for (; std::getline(lines, line) && !line.starts_with("✗");)
            EXPECT_LE(cells(line), static_cast<size_t>(width)) << line;
    }
}

TEST_F(TraceViewTest, HasOnlyAsciiWhereThatIsAskedFor) {
    Terminal terminal = plain();
    terminal.unicode = false;
    const std::string text = render_trace(build_tree(trace_, shop()), terminal, {true});
    for (const char c : text) ASSERT_GE(c, 0) << text;
    EXPECT_THAT(text, HasSubstr("`- x SELECT"));
}

TEST_F(TraceViewTest, HasNoColoursUnlessTheTerminalHas) {
    EXPECT_THAT(render_trace(build_tree(trace_, shop()), plain(), {true}), Not(HasSubstr("\033")));
    Terminal terminal = plain();
    terminal.colours = true;
    EXPECT_THAT(render_trace(build_tree(trace_, shop()), terminal, {}), HasSubstr("\033[31m✗"));
}

TEST_F(TraceViewTest, ShowsAttributesWhereTheyAreAskedFor) {
    const std::string text = render_trace(build_tree(trace_, shop()), plain(), {true});
    EXPECT_THAT(text,
                HasSubstr("│   0101010101010101 · Server · scope shop 1.0\n│   http.method = \"GET\"\n├─ GET cart"));
    EXPECT_THAT(text, HasSubstr("spanring.unfinished = true"));
    EXPECT_THAT(render_trace(build_tree(trace_, shop()), plain(), {}), Not(HasSubstr("http.method")));
}

TEST_F(TraceViewTest, ANameCannotMoveTheCursor) {
    const TraceTree tree = build_tree(trace_, {stored("a\033b", span(1, 0, "evil\033[2J\nname\xff", 0, 1))});
    const std::string text = render_trace(tree, plain(), {true});
    EXPECT_THAT(text, Not(HasSubstr("\033")));
    EXPECT_THAT(text, HasSubstr("evil?[2J?name?"));
}

TEST_F(TraceViewTest, ASpanWithoutItsParentIsMarked) {
    const TraceTree tree = build_tree(trace_, {stored("a", span(2, 9, "child", 0, 1))});
    ASSERT_EQ(tree.spans.size(), 1u);
    EXPECT_TRUE(tree.spans[0].parent_missing);
    EXPECT_THAT(render_trace(tree, plain(), {}), HasSubstr("⇠ child"));
}

TEST_F(TraceViewTest, SiblingsStandByStart) {
    const TraceTree tree = build_tree(trace_, shop());
    EXPECT_THAT(outline(tree),
                ElementsAre("GET /checkout", ".GET cart", "..GET /cart", "...SELECT", ".POST pay", "..POST /pay"));
    EXPECT_EQ(tree.start, kEpoch);
    EXPECT_EQ(tree.end, kEpoch + 100 * kMillisecond);
}

TEST_F(TraceViewTest, ASpanThatCameTwiceIsShownOnce) {
    auto spans = shop();
    spans.push_back(stored("front", span(2, 1, "GET cart", 10, 45)));
    const TraceTree tree = build_tree(trace_, std::move(spans));
    EXPECT_EQ(tree.spans.size(), 6u);
    EXPECT_EQ(tree.duplicates, 1u);
    EXPECT_THAT(render_trace(tree, plain(), {}), HasSubstr("1 span came twice"));
}

TEST_F(TraceViewTest, EverySpanIsThereEvenInACircle) {
    const TraceTree tree =
        build_tree(trace_, {stored("a", span(1, 3, "one", 0, 9)), stored("a", span(2, 1, "two", 1, 9)),
                            stored("a", span(3, 2, "three", 2, 9)), stored("a", span(4, 4, "own parent", 3, 9)),
                            stored("a", span(5, 0, "root", 4, 9))});
    EXPECT_EQ(tree.spans.size(), 5u);
    EXPECT_THAT(outline(tree), ElementsAre("own parent", "root", "one", ".two", "..three"));
}

TEST_F(TraceViewTest, AVeryLongChainIsDrawn) {
    std::vector<StoredSpan> spans;
    for (uint8_t id = 1; id < 200; ++id)
        spans.push_back(stored("a", span(id, static_cast<uint8_t>(id - 1), "link", id, 200)));
    const TraceTree tree = build_tree(trace_, std::move(spans));
    EXPECT_EQ(tree.spans.back().depth, 198u);
    EXPECT_THAT(render_trace(tree, plain(60), {}), HasSubstr("199 spans"));
}

TEST_F(TraceViewTest, AnInstantTraceHasBars) {
    const TraceTree tree = build_tree(trace_, {stored("a", span(1, 0, "instant", 5, 5))});
    EXPECT_THAT(render_trace(tree, plain(), {}), HasSubstr("╸"));
}

TEST_F(TraceViewTest, IsJsonForPrograms) {
    const auto json = nlohmann::json::parse(trace_json(build_tree(trace_, shop())));
    EXPECT_EQ(json["trace_id"], "abababababababababababababababab");
    EXPECT_EQ(json["duration_nano"], 100 * kMillisecond);
    ASSERT_EQ(json["spans"].size(), 6u);
    EXPECT_EQ(json["spans"][0]["attributes"]["http.method"], "GET");
    EXPECT_EQ(json["spans"][0]["parent_span_id"], "");
    EXPECT_EQ(json["spans"][1]["parent_span_id"], "0101010101010101");
    EXPECT_EQ(json["spans"][3]["status"], "Error");
    EXPECT_EQ(json["spans"][3]["status_message"], "connection refused");
    EXPECT_EQ(json["spans"][5]["unfinished"], true);
    EXPECT_EQ(json["spans"][5]["depth"], 2);
}

TEST(HumanTest, DurationsHaveThreeDigits) {
    EXPECT_EQ(human_duration(0), "0 ns");
    EXPECT_EQ(human_duration(999), "999 ns");
    EXPECT_EQ(human_duration(1000), "1.00 µs");
    EXPECT_EQ(human_duration(1000, false), "1.00 us");
    EXPECT_EQ(human_duration(12'345), "12.3 µs");
    EXPECT_EQ(human_duration(999'999), "1.00 ms");
    EXPECT_EQ(human_duration(128'400'000), "128 ms");
    EXPECT_EQ(human_duration(1'500'000'000), "1.50 s");
    EXPECT_EQ(human_duration(125'000'000'000), "2 min 5 s");
    EXPECT_EQ(human_duration(7'200'000'000'000), "2 h");
}

TEST(HumanTest, ADateIsLeftOutWhereItIsTodays) {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    EXPECT_EQ(human_moment(kEpoch, kEpoch + kMillisecond), "22:13:20.000");
    EXPECT_EQ(human_moment(kEpoch, kEpoch + 86'400'000 * kMillisecond), "2023-11-14 22:13:20.000");
}

TEST(HumanTest, AgesAreOneNumber) {
    EXPECT_EQ(human_age(0, 59'999'999'999), "59 s");
    EXPECT_EQ(human_age(0, 3'600'000'000'000), "1 h");
    EXPECT_EQ(human_age(10, 5), "0 s");
}

TEST(CellsTest, CountsWhatIsSeen) {
    EXPECT_EQ(cells("abc"), 3u);
    EXPECT_EQ(cells("größe"), 5u);
    EXPECT_EQ(cells("注文"), 4u);
    EXPECT_EQ(cells("e\xcc\x81"), 1u);  // a combining accent
    EXPECT_EQ(shorten("größenwahn", 4, true), "grö…");
    EXPECT_EQ(cells(fit_left("注文品", 4, true)), 4u);
    EXPECT_EQ(fit_right("7", 3, true), "  7");
}

TEST(TableTest, GivesWayInItsElasticColumns) {
    Table table;
    table.column("ID").column("NAME", Table::Align::kLeft, true).column("N", Table::Align::kRight);
    table.row({{"1"}, {std::string(90, 'n')}, {"12"}});
    EXPECT_EQ(table.render(plain(60)),
              "ID  NAME" + std::string(50, ' ') + " N\n1   " + std::string(51, 'n') + "…  12\n");
}

TEST(TableTest, TakesFromTheWidestFirst) {
    Table table;
    table.column("A", Table::Align::kLeft, true).column("B", Table::Align::kLeft, true);
    table.row({{std::string(20, 'a')}, {std::string(90, 'b')}});
    EXPECT_THAT(table.render(plain(60)), HasSubstr(std::string(20, 'a') + "  " + std::string(37, 'b') + "…\n"));
}

}  // namespace
}  // namespace spanring::agent
