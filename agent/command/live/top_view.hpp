// SPDX-License-Identifier: Apache-2.0
//
// What `spanring top` shows, and what its keys do to that: three tables below a summary, of which one has the keys.
// Knows nothing of a terminal but its size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "command/live/account_rates.hpp"
#include "command/live/operation_window.hpp"
#include "command/terminal/table.hpp"

namespace spanring::agent {

struct TopLook {
    uint64_t unix_nano = 0;
    Rates rates;
    std::vector<OperationRow> operations;
    std::string note;  // on what the tables do not show; empty: nothing
};

// A character, or one of these.
enum TopKey : int { kKeyUp = 0x110000, kKeyDown, kKeyPageUp, kKeyPageDown, kKeyEnter, kKeyEscape, kKeyErase };

class TopView {
public:
    enum class Wish { kNothing, kEnd, kSooner, kLater };  // what is not the view's: the last two: another period
    using Line = std::vector<Table::Cell>;                // pieces, one after another

    void show(TopLook look);  // what is paused stays as it is
    Wish press(int key);

    bool paused() const { return paused_; }

    // At most so many. All texts are printable.
    std::vector<Line> lines(size_t rows, const Terminal& terminal);

private:
    enum Pane : size_t { kExporters, kProcesses, kOperations, kPanes };
    struct Choice {
        size_t column;  // by which it is sorted
        bool reverse = false;
        size_t first = 0;  // row that is shown
    };

    void edit(int key);
    Table table_of(Pane pane, size_t room, const Terminal& terminal);
    Line summary() const;
    Line status() const;
    bool passes(std::initializer_list<std::string_view> texts) const;
    void add_pane(Pane pane, size_t rows, const Terminal& terminal, std::vector<Line>& ret_lines);

    const bool keys_;
    TopLook look_;
    Pane focus_ = kProcesses;
    bool zoomed_ = false, paused_ = false, editing_ = false, help_ = false;
    std::string filter_, filter_before_;
    std::array<Choice, kPanes> choices_;

public:
    explicit TopView(bool keys = true);  // false: there are none, and nothing is said of them
};

}  // namespace spanring::agent
