// SPDX-License-Identifier: Apache-2.0
#include "command/live/top_view.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace spanring::agent {
namespace {

const Terminal kTerminal{false, true, 120};

ProcessRates process(uint32_t pid, const std::string& service, double rate) {
    ProcessRates row;
    row.account.pid = pid;
    row.account.service = service;
    row.account.attached = true;
    row.ended = rate;
    return row;
}

class TopViewTest : public testing::Test {
protected:
    TopViewTest() { view_.show(look()); }

    static TopLook look() {
        TopLook look;
        look.rates.processes = {process(1, "front", 10), process(2, "stock", 30), process(3, "payment", 20)};
        look.rates.exporters = {{"store", 60, 0, 0, 7, 0, "ok", "", 0.5}};
        look.operations = {{"front", "GET /", 5, 0, 1000, 2000}, {"stock", "SELECT", 9, 0.5, 500, 9000}};
        return look;
    }

    std::vector<std::string> screen(size_t rows = 40) {
        std::vector<std::string> lines;
        for (const TopView::Line& line : view_.lines(rows, kTerminal)) {
            lines.emplace_back();
            for (const Table::Cell& piece : line) lines.back() += piece.text;
        }
        return lines;
    }

    // Where a text stands first; npos: nowhere.
    size_t row_of(std::string_view text, size_t rows = 40) {
        const auto lines = screen(rows);
        for (size_t i = 0; i < lines.size(); ++i) {
            if (lines[i].find(text) != std::string::npos) return i;
        }
        return std::string::npos;
    }

    void type(std::string_view keys) {
        for (const char key : keys) view_.press(static_cast<unsigned char>(key));
    }

    static constexpr size_t kNowhere = std::string::npos;
    TopView view_;
};

TEST_F(TopViewTest, ShowsTheBusiestProcessesAndOperationsFirst) {
    EXPECT_LT(row_of("stock  "), row_of("payment"));
    EXPECT_LT(row_of("payment"), row_of("front"));
    EXPECT_LT(row_of("SELECT"), row_of("GET /"));
    EXPECT_LT(row_of("EXPORTER"), row_of("PID"));
    EXPECT_LT(row_of("PID"), row_of("OPERATION"));
}

TEST_F(TopViewTest, SaysHowExportersFare) {
    EXPECT_NE(row_of("50%  ok"), kNowhere);
    TopLook other = look();
    other.rates.exporters = {{"far", 0, 0, 0, 0, 0, "refused", "HTTP 400", 0.9},
                             {"old", 1, 0, 0, 0, 0, "", "", std::nullopt}};
    view_.show(other);
    EXPECT_NE(row_of("90%  refused: HTTP 400"), kNowhere);
    EXPECT_NE(row_of("  -  -"), kNowhere) << "its agent says nothing";
}

TEST_F(TopViewTest, SortsByAnotherColumnAndTheOtherWayAround) {
    type("r");
    EXPECT_LT(row_of("  front"), row_of("payment"));
    for (int i = 0; i < 3; ++i) type("<");  // by service
    EXPECT_NE(row_of("SERVICE↓"), kNowhere);
    EXPECT_LT(row_of("  front"), row_of("payment"));
    EXPECT_LT(row_of("payment"), row_of("  stock"));
    type("r");
    EXPECT_NE(row_of("SERVICE↑"), kNowhere);
    EXPECT_LT(row_of("  stock"), row_of("payment"));
    type("os");  // operations, by errors
    EXPECT_NE(row_of("ERRORS↓"), kNowhere);
}

TEST_F(TopViewTest, FiltersWhileTheTextIsTyped) {
    type("/PAY");
    EXPECT_NE(row_of("filter: PAY_"), kNowhere);
    EXPECT_NE(row_of("payment"), kNowhere);
    EXPECT_EQ(row_of("GET /"), kNowhere);
    view_.press(kKeyErase);
    view_.press(kKeyErase);
    view_.press(kKeyErase);
    type("q");  // a letter like any other
    view_.press(kKeyEnter);
    EXPECT_EQ(row_of("payment"), kNowhere);
    type("/x");
    view_.press(kKeyEscape);
    EXPECT_NE(row_of("filter: q"), kNowhere) << "what it was before";
    view_.press(kKeyEscape);
    EXPECT_NE(row_of("GET /"), kNowhere);
}

TEST_F(TopViewTest, ErasesWholeCharacters) {
    type("/\xc3\xbc\xe2\x82\xac");
    view_.press(kKeyErase);
    EXPECT_NE(row_of("filter: \xc3\xbc_"), kNowhere);
    view_.press(kKeyErase);
    EXPECT_NE(row_of("filter: _"), kNowhere);
}

TEST_F(TopViewTest, StaysAsItIsWhilePaused) {
    type(" ");
    TopLook other = look();
    other.rates.processes = {process(9, "another", 1)};
    view_.show(other);
    EXPECT_EQ(row_of("another"), kNowhere);
    EXPECT_NE(row_of("PAUSED"), kNowhere);
    type(" ");
    view_.show(other);
    EXPECT_NE(row_of("another"), kNowhere);
}

TEST_F(TopViewTest, ScrollsNoFurtherThanToTheLastRow) {
    TopLook many = look();
    many.rates.processes.clear();
    for (uint32_t i = 0; i < 100; ++i)
        many.rates.processes.push_back(process(i, "service-" + std::to_string(i), 100 - i));
    view_.show(many);
    type("z");
    EXPECT_EQ(screen(13).size(), 13u);
    EXPECT_EQ(row_of("service-0 ", 13), 3u);
    EXPECT_EQ(row_of("service-10", 13), kNowhere);
    view_.press(kKeyDown);
    EXPECT_EQ(row_of("service-1 ", 13), 3u);
    for (int i = 0; i < 50; ++i) view_.press(kKeyPageDown);
    EXPECT_EQ(row_of("service-99", 13), 12u);
    EXPECT_EQ(row_of("service-89", 13), kNowhere);
}

TEST_F(TopViewTest, FitsAnyHeightAndWidth) {
    for (size_t rows = 0; rows < 30; ++rows) EXPECT_LE(view_.lines(rows, kTerminal).size(), rows);
    EXPECT_EQ(view_.press('q'), TopView::Wish::kEnd);
}

TEST_F(TopViewTest, ShowsHostileNamesInert) {
    TopLook hostile = look();
    hostile.rates.processes = {process(1, "evil\x1b[2J\r\n\u202e", 1)};
    hostile.rates.exporters = {{"far", 0, 0, 0, 0, 0, "retrying", "evil\x1b[2J\r\nerror\u202e", std::nullopt}};
    hostile.operations = {{"evil\x1b]0;title\x07", std::string(100'000, 'x'), 1, 0, 1, 1}};
    view_.show(hostile);
    for (const std::string& line : screen()) {
        EXPECT_EQ(line.find_first_of("\x1b\r\n\x07"), std::string::npos);
        EXPECT_EQ(line.find("\u202e"), std::string::npos);
        EXPECT_LE(cells(line), 120u);
    }
    EXPECT_NE(row_of("evil?[2J"), kNowhere);
    EXPECT_NE(row_of("retrying: evil?[2J"), kNowhere);
}

TEST_F(TopViewTest, ListsItsKeys) {
    type("?");
    EXPECT_NE(row_of("pause"), kNowhere);
    EXPECT_EQ(row_of("payment"), kNowhere);
    type("x");
    EXPECT_NE(row_of("payment"), kNowhere);
}

}  // namespace
}  // namespace spanring::agent
