// SPDX-License-Identifier: Apache-2.0
//
// Columns of text, as wide as their widest cell; the elastic one gives way where the terminal is too narrow.
#pragma once

#include <string>
#include <vector>

#include "command/terminal/terminal.hpp"

namespace spanring::agent {

class Table {
public:
    enum class Align { kLeft, kRight };
    struct Cell {
        std::string text;  // printable
        Colour colour = Colour::kPlain;
    };

    Table& column(std::string title, Align align = Align::kLeft, bool elastic = false);
    void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.empty(); }
    // The titles and the rows, each as pieces that stand one after another: cells as they are padded or cut, and gaps.
    std::vector<std::vector<Cell>> lines(const Terminal& terminal) const;
    std::string render(const Terminal& terminal) const;

private:
    struct Column {
        std::string title;
        Align align;
        bool elastic;
    };
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace spanring::agent
