// SPDX-License-Identifier: Apache-2.0
#include "command/terminal/table.hpp"

#include <algorithm>

namespace spanring::agent {
namespace {
constexpr size_t kGap = 2;
constexpr size_t kLeastElastic = 8;
}  // namespace

Table& Table::column(std::string title, Align align, bool elastic) {
    columns_.push_back({std::move(title), align, elastic});
    return *this;
}

std::vector<std::vector<Table::Cell>> Table::lines(const Terminal& terminal) const {
    std::vector<size_t> widths;
    size_t total = 0;
    for (size_t i = 0; i < columns_.size(); ++i) {
        size_t width = cells(columns_[i].title);
        for (const auto& row : rows_) width = std::max(width, cells(row[i].text));
        widths.push_back(width);
        total += width + (i != 0 ? kGap : 0);
    }
    // Cell by cell from the widest elastic one.
    for (const auto limit = static_cast<size_t>(terminal.width); total > limit; --total) {
        size_t widest = columns_.size();
        for (size_t i = 0; i < columns_.size(); ++i) {
            if (!columns_[i].elastic || widths[i] <= std::max(kLeastElastic, cells(columns_[i].title))) continue;
            if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
        }
        if (widest == columns_.size()) break;
        widths[widest] -= 1;
    }

    std::vector<std::vector<Cell>> lines;
    const auto add = [&](size_t i, const std::string& cell, Colour colour) {
        const bool last = i + 1 == columns_.size();
        std::string fitted = columns_[i].align == Align::kRight ? fit_right(cell, widths[i], terminal.unicode)
                             : last                             ? shorten(cell, widths[i], terminal.unicode)
                                                                : fit_left(cell, widths[i], terminal.unicode);
        if (i != 0) lines.back().push_back({std::string(kGap, ' ')});
        lines.back().push_back({std::move(fitted), colour});
    };
    lines.emplace_back();
    for (size_t i = 0; i < columns_.size(); ++i) add(i, columns_[i].title, Colour::kDim);
    for (const auto& row : rows_) {
        lines.emplace_back();
        for (size_t i = 0; i < columns_.size(); ++i) add(i, row[i].text, row[i].colour);
    }
    return lines;
}

std::string Table::render(const Terminal& terminal) const {
    std::string text;
    for (const std::vector<Cell>& line : lines(terminal)) {
        for (const Cell& piece : line) text += terminal.paint(piece.colour, piece.text);
        while (!text.empty() && text.back() == ' ') text.pop_back();
        text += '\n';
    }
    return text;
}

}  // namespace spanring::agent
