// SPDX-License-Identifier: Apache-2.0
#include "command/live/top_view.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <iterator>
#include <utility>

#include "command/terminal/human.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kFewestRows = 3;        // of a table that is there: its titles and two
constexpr size_t kMostExporterRows = 5;  // with the titles, unless they have the keys
constexpr size_t kPage = 10;
constexpr size_t kMostFilter = 60;

// What can be sorted by. Text goes up, numbers go down.
struct Column {
    const char* title;
    Table::Align align;
    bool elastic = false;
};
constexpr auto kLeft = Table::Align::kLeft;
constexpr auto kRight = Table::Align::kRight;

const std::vector<Column> kExporterColumns = {{"EXPORTER", kLeft, true}, {"EXPORTED/s", kRight}, {"LOST/s", kRight},
                                              {"LOST", kRight},          {"IN RING", kRight},    {"IN SPOOL", kRight},
                                              {"QUEUE", kRight},         {"STATE", kLeft, true}};
const std::vector<Column> kProcessColumns = {
    {"PID", kRight},       {"SERVICE", kLeft, true}, {"PROGRAM", kLeft, true}, {"STATE", kLeft},    {"SPANS/s", kRight},
    {"DROPPED/s", kRight}, {"DROPPED", kRight},      {"OPEN", kRight},         {"PENDING", kRight}, {"RING", kRight}};
const std::vector<Column> kOperationColumns = {{"SERVICE", kLeft, true}, {"OPERATION", kLeft, true},
                                               {"SPANS/s", kRight},      {"ERRORS", kRight},
                                               {"P50", kRight},          {"P99", kRight}};

std::string rate_text(double rate) {
    char text[32];
    if (rate == 0) return "0";
    if (rate < 9.95)
        std::snprintf(text, sizeof text, "%.1f", rate);
    else if (rate < 9'999.5)
        std::snprintf(text, sizeof text, "%.0f", rate);
    else if (rate < 999'950)
        std::snprintf(text, sizeof text, "%.1fk", rate / 1e3);
    else
        std::snprintf(text, sizeof text, "%.1fM", rate / 1e6);
    return text;
}

std::string percent(double share) {
    char text[16];
    std::snprintf(text, sizeof text, share != 0 && share < 0.0995 ? "%.1f%%" : "%.0f%%", share * 100);
    return text;
}

std::string named(const std::string& text) { return text.empty() ? "(none)" : printable(text); }

const char* state_of(const ProcessAccount& process) {
    return process.state == ProcessState::kLive && !process.attached ? "unattached" : state_name(process.state);
}

// Its state, and why it is not well.
std::string said(const ExporterRates& row) {
    if (row.state.empty()) return "-";
    return printable(row.last_error.empty() ? row.state : row.state + ": " + row.last_error);
}

Colour loss(double value) { return value != 0 ? Colour::kRed : Colour::kPlain; }

// What a row is sorted by: a text, which is the row's, or a number.
struct SortKey {
    std::string_view text;
    double number = 0;
};

SortKey key_of(const ExporterRates& row, size_t column) {
    switch (column) {
        case 0: return {row.name};
        case 1: return {"", row.exported};
        case 2: return {"", row.lost};
        case 3: return {"", static_cast<double>(row.lost_sum)};
        case 4: return {"", static_cast<double>(row.ring)};
        case 5: return {"", static_cast<double>(row.spool)};
        case 6: return {"", row.queue_fill.value_or(-1)};
        default: return {row.state};
    }
}

SortKey key_of(const ProcessRates& row, size_t column) {
    const ProcessAccount& account = row.account;
    switch (column) {
        case 0: return {"", static_cast<double>(account.pid)};
        case 1: return {account.service};
        case 2: return {account.program};
        case 3: return {state_of(account)};
        case 4: return {"", row.ended};
        case 5: return {"", row.dropped};
        case 6: return {"", static_cast<double>(row.dropped_sum)};
        case 7: return {"", static_cast<double>(account.open)};
        case 8: return {"", static_cast<double>(row.pending)};
        default: return {"", account.fill};
    }
}

SortKey key_of(const OperationRow& row, size_t column) {
    switch (column) {
        case 0: return {row.service};
        case 1: return {row.name};
        case 2: return {"", row.rate};
        case 3: return {"", row.errors};
        case 4: return {"", static_cast<double>(row.p50_nano)};
        default: return {"", static_cast<double>(row.p99_nano)};
    }
}

// All that pass; the first `most` of them are in order, and before the others.
template <class Row>
std::vector<const Row*> sorted(const std::vector<Row>& rows, size_t column, bool reverse, size_t most,
                               const std::function<bool(const Row&)>& passes) {
    std::vector<std::pair<SortKey, const Row*>> keyed;
    for (const Row& row : rows) {
        if (passes(row)) keyed.emplace_back(key_of(row, column), &row);
    }
    const auto last = keyed.begin() + static_cast<std::ptrdiff_t>(std::min(most, keyed.size()));
    std::partial_sort(keyed.begin(), last, keyed.end(), [&](const auto& a, const auto& b) {
        const SortKey& first = reverse ? b.first : a.first;
        const SortKey& second = reverse ? a.first : b.first;
        if (first.text != second.text) return first.text < second.text;
        return first.number != second.number ? first.number > second.number : a.second < b.second;
    });
    std::vector<const Row*> found;
    for (const auto& [key, row] : keyed) found.push_back(row);
    return found;
}

// Whatever the case of ASCII letters.
bool contains(std::string_view text, std::string_view part) {
    const auto same = [](char a, char b) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
        return lower(a) == lower(b);
    };
    return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

}  // namespace

TopView::TopView(bool keys) : keys_(keys), choices_{{{1}, {4}, {2}}} {}

void TopView::show(TopLook look) {
    if (!paused_) look_ = std::move(look);
}

void TopView::edit(int key) {
    if (key == kKeyEnter) {
        editing_ = false;
    } else if (key == kKeyEscape) {
        editing_ = false;
        filter_ = filter_before_;
    } else if (key == kKeyErase) {
        while (!filter_.empty() && (filter_.back() & 0xc0) == 0x80) filter_.pop_back();  // the rest of a character
        if (!filter_.empty()) filter_.pop_back();
    } else if (key >= ' ' && key < 0x100 && filter_.size() < kMostFilter) {
        filter_ += static_cast<char>(key);
    }
}

TopView::Wish TopView::press(int key) {
    if (editing_) {
        edit(key);
        return Wish::kNothing;
    }
    if (help_) {
        help_ = false;
        return key == 'q' ? Wish::kEnd : Wish::kNothing;
    }
    Choice& choice = choices_[focus_];
    const size_t columns = focus_ == kExporters   ? kExporterColumns.size()
                           : focus_ == kProcesses ? kProcessColumns.size()
                                                  : kOperationColumns.size();
    switch (key) {
        case 'q': return Wish::kEnd;
        case '+': return Wish::kLater;
        case '-': return Wish::kSooner;
        case '\t': focus_ = static_cast<Pane>((focus_ + 1) % kPanes); break;
        case 'e': focus_ = kExporters; break;
        case 'p': focus_ = kProcesses; break;
        case 'o': focus_ = kOperations; break;
        case 'z': zoomed_ = !zoomed_; break;
        case 's':
        case '>': choice = {(choice.column + 1) % columns}; break;
        case '<': choice = {(choice.column + columns - 1) % columns}; break;
        case 'r': choice.reverse = !choice.reverse; break;
        case ' ': paused_ = !paused_; break;
        case 'h':
        case '?': help_ = true; break;
        case '/':
            editing_ = true;
            filter_before_ = filter_;
            break;
        case kKeyEscape: filter_.clear(); break;
        case kKeyUp: choice.first -= std::min<size_t>(choice.first, 1); break;
        case kKeyDown: choice.first += 1; break;
        case kKeyPageUp: choice.first -= std::min(choice.first, kPage); break;
        case kKeyPageDown: choice.first += kPage; break;
        default: break;
    }
    return Wish::kNothing;
}

bool TopView::passes(std::initializer_list<std::string_view> texts) const {
    return filter_.empty() ||
           std::any_of(texts.begin(), texts.end(), [&](std::string_view text) { return contains(text, filter_); });
}

// Of the rows as many as there is room for, and the titles.
Table TopView::table_of(Pane pane, size_t room, const Terminal& terminal) {
    Choice& choice = choices_[pane];
    const std::vector<Column>& columns = pane == kExporters   ? kExporterColumns
                                         : pane == kProcesses ? kProcessColumns
                                                              : kOperationColumns;
    Table table;
    for (size_t i = 0; i < columns.size(); ++i) {
        const char* const down = terminal.unicode ? "↓" : " v";
        const char* const up = terminal.unicode ? "↑" : " ^";
        const char* mark = i != choice.column ? "" : choice.reverse ? up : down;
        table.column(columns[i].title + std::string(mark), columns[i].align, columns[i].elastic);
    }
    const auto whole = [](uint64_t value) { return std::to_string(value); };
    const size_t most = choice.first + room;
    const auto each = [&](const auto& rows, const auto& add) {
        choice.first = std::min(choice.first, rows.size() - std::min(rows.size(), room));
        for (size_t i = choice.first; i < rows.size() && i - choice.first < room; ++i) add(rows[i]);
    };
    if (pane == kExporters) {
        const auto all = [](const ExporterRates&) { return true; };
        each(sorted<ExporterRates>(look_.rates.exporters, choice.column, choice.reverse, most, all),
             [&](const auto* row) {
                 table.row({{printable(row->name), Colour::kBold},
                            {rate_text(row->exported)},
                            {rate_text(row->lost), loss(row->lost)},
                            {whole(row->lost_sum), loss(static_cast<double>(row->lost_sum))},
                            {whole(row->ring)},
                            {whole(row->spool), row->spool != 0 ? Colour::kYellow : Colour::kPlain},
                            {row->queue_fill ? percent(*row->queue_fill) : "-",
                             row->queue_fill.value_or(0) > 0.8 ? Colour::kYellow : Colour::kPlain},
                            {said(*row), row->state.empty() || row->state == "ok" ? Colour::kPlain : Colour::kRed}});
             });
    } else if (pane == kProcesses) {
        const auto found = [&](const ProcessRates& row) {
            return passes({row.account.service, row.account.program, std::to_string(row.account.pid)});
        };
        each(sorted<ProcessRates>(look_.rates.processes, choice.column, choice.reverse, most, found),
             [&](const auto* row) {
                 const ProcessAccount& account = row->account;
                 const bool quarantined = account.state == ProcessState::kQuarantined;
                 const auto number = [&](const std::string& text) { return quarantined ? "?" : text; };
                 const bool sender = account.state == ProcessState::kSender;
                 table.row({{sender ? "-" : whole(account.pid)},
                            {named(account.service), Colour::kBold},
                            {printable(account.program)},
                            {state_of(account), quarantined ? Colour::kRed : Colour::kPlain},
                            {number(rate_text(row->ended))},
                            {number(rate_text(row->dropped)), loss(row->dropped)},
                            {number(whole(row->dropped_sum)), loss(static_cast<double>(row->dropped_sum))},
                            {number(whole(account.open))},
                            {number(whole(row->pending))},
                            {sender ? "-" : number(percent(account.fill)),
                             account.fill > 0.8 ? Colour::kYellow : Colour::kPlain}});
             });
    } else {
        const auto found = [&](const OperationRow& row) { return passes({row.service, row.name}); };
        each(sorted<OperationRow>(look_.operations, choice.column, choice.reverse, most, found), [&](const auto* row) {
            table.row({{named(row->service), Colour::kBold},
                       {named(row->name)},
                       {rate_text(row->rate)},
                       {percent(row->errors), loss(row->errors)},
                       {human_duration(row->p50_nano, terminal.unicode)},
                       {human_duration(row->p99_nano, terminal.unicode)}});
        });
    }
    return table;
}

TopView::Line TopView::summary() const {
    const Rates& rates = look_.rates;
    const auto processes = std::count_if(rates.processes.begin(), rates.processes.end(), [](const ProcessRates& row) {
        return row.account.state != ProcessState::kSender;
    });
    Line line = {{"spanring top", Colour::kBold},
                 {"  " + human_moment(look_.unix_nano, look_.unix_nano).substr(0, 8), Colour::kDim},
                 {"  " + std::to_string(processes) + " processes"},
                 {"  " + rate_text(rates.ended) + " spans/s", Colour::kBold},
                 {"  " + rate_text(rates.dropped) + " dropped/s", loss(rates.dropped)},
                 {"  " + std::to_string(rates.open) + " open"},
                 {"  " + std::to_string(rates.pending) + " pending"}};
    if (paused_) line.push_back({"  PAUSED", Colour::kYellow});
    return line;
}

TopView::Line TopView::status() const {
    if (editing_) return {{"filter: "}, {printable(filter_), Colour::kBold}, {"_"}};
    if (!filter_.empty())
        return {{"filter: "}, {printable(filter_), Colour::kBold}, {"  / another one, Escape none", Colour::kDim}};
    if (!look_.note.empty()) return {{printable(look_.note), Colour::kYellow}};
    if (!keys_) return {};
    return {{"? keys  Tab table  s sort  r reverse  / filter  Space pause  z zoom  q quit", Colour::kDim}};
}

void TopView::add_pane(Pane pane, size_t rows, const Terminal& terminal, std::vector<Line>& ret_lines) {
    if (rows == 0) return;
    std::vector<Line> table = table_of(pane, rows - 1, terminal).lines(terminal);
    if (pane == focus_) {
        for (Table::Cell& title : table.front()) title.colour = Colour::kCyan;
    }
    std::move(table.begin(), table.end(), std::back_inserter(ret_lines));
}

std::vector<TopView::Line> TopView::lines(size_t rows, const Terminal& terminal) {
    std::vector<Line> lines = {summary(), status()};
    if (help_) {
        for (const char* text :
             {"", "e p o, Tab   exporters, processes, operations: which table has the keys",
              "z            that table alone", "s < >        sort by the next column, or by the one before",
              "r            the other way around", "Up Down PageUp PageDown",
              "/            only rows that contain a text; Enter keeps it, Escape gives it up", "Space        pause",
              "+ -          look less often, or more often", "q            end"})
            lines.push_back({{text}});
    } else {
        const size_t room = rows - std::min<size_t>(rows, 2);
        if (zoomed_) {
            add_pane(focus_, room, terminal, lines);
        } else {
            const size_t wanted = look_.rates.exporters.size() + 1;
            const size_t most = focus_ == kExporters ? std::max(room / 3, kMostExporterRows) : kMostExporterRows;
            const size_t exporters = room < 3 * kFewestRows ? 0 : std::min(wanted, most);
            const size_t gaps = exporters != 0 ? 2 : 1;
            const size_t rest = room - std::min(room, exporters + gaps);
            const size_t have = look_.rates.processes.size() + 1;
            // Half each, or more for the operations where there are few processes.
            const size_t processes = std::min(std::max(rest / 2, kFewestRows), std::max(have, kFewestRows));
            add_pane(kExporters, exporters, terminal, lines);
            if (exporters != 0) lines.emplace_back();
            add_pane(kProcesses, std::min(processes, rest), terminal, lines);
            lines.emplace_back();
            add_pane(kOperations, rest - std::min(processes, rest), terminal, lines);
        }
    }
    if (lines.size() > rows) lines.resize(rows);
    return lines;
}

}  // namespace spanring::agent
