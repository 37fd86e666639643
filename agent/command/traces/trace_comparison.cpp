// SPDX-License-Identifier: Apache-2.0
#include "command/traces/trace_comparison.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <tuple>

#include <nlohmann/json.hpp>

#include "command/json_text.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kDeepestDrawn = 16;

std::string side_text(const ComparedSpans::Side& side, bool unicode) {
    if (side.spans == 0) return "-";
    return (side.spans == 1 ? "" : std::to_string(side.spans) + (unicode ? "× " : "x ")) +
           human_duration(side.nano, unicode);
}

std::string change_text(const ComparedSpans& spans, bool unicode) {
    const auto& [first, second] = spans.sides;
    if (first.spans == 0) return "new";
    if (second.spans == 0) return "gone";
    const bool more = second.nano >= first.nano;
    const uint64_t difference = more ? second.nano - first.nano : first.nano - second.nano;
    std::string text = (more ? "+" : "-") + human_duration(difference, unicode);
    if (first.nano != 0) {
        char percent[32];
        std::snprintf(percent, sizeof percent, " %+.0f %%",
                      100 * (static_cast<double>(second.nano) / static_cast<double>(first.nano) - 1));
        text += percent;
    }
    return text;
}

// What a tenth of the whole trace is: less than that is not worth a colour.
Colour colour_of(const ComparedSpans& spans, uint64_t whole) {
    const auto& [first, second] = spans.sides;
    if (second.failed > first.failed) return Colour::kRed;
    if (second.nano > first.nano && second.nano - first.nano > whole / 10) return Colour::kRed;
    if (first.nano > second.nano && first.nano - second.nano > whole / 10) return Colour::kGreen;
    return Colour::kPlain;
}

}  // namespace

std::vector<ComparedSpans> compare(const TraceTree& first, const TraceTree& second) {
    // Nodes of both trees: the first is above all roots.
    std::vector<ComparedSpans> nodes(1);
    std::vector<std::vector<size_t>> children(1);
    std::map<std::tuple<size_t, std::string, std::string>, size_t> places;
    const std::array<const TraceTree*, 2> trees = {&first, &second};
    for (size_t side = 0; side < trees.size(); ++side) {
        std::vector<size_t> open;  // the node of the last span of each depth
        for (const TreeSpan& span : trees[side]->spans) {
            open.resize(span.depth + size_t{1});
            const size_t parent = span.depth == 0 ? 0 : open[span.depth - size_t{1}];
            const auto [at, fresh] = places.try_emplace({parent, span.service(), span.span().name}, nodes.size());
            if (fresh) {
                nodes.push_back({span.service(), span.span().name, span.depth, {}});
                children.emplace_back();
                children[parent].push_back(at->second);
            }
            open.back() = at->second;
            ComparedSpans::Side& sums = nodes[at->second].sides[side];
            sums.spans += 1;
            sums.nano += span.end() - span.start();
            sums.failed += span.error() || span.unfinished ? 1 : 0;
        }
    }
    std::vector<ComparedSpans> list;
    std::vector<size_t> stack(children[0].rbegin(), children[0].rend());
    while (!stack.empty()) {
        const size_t node = stack.back();
        stack.pop_back();
        stack.insert(stack.end(), children[node].rbegin(), children[node].rend());
        list.push_back(std::move(nodes[node]));
    }
    return list;
}

std::string render_comparison(const TraceTree& first, const TraceTree& second, const Terminal& terminal) {
    Table table;
    table.column("SPAN", Table::Align::kLeft, true).column("SERVICE", Table::Align::kLeft, true);
    table.column("FIRST", Table::Align::kRight).column("SECOND", Table::Align::kRight);
    table.column("CHANGE", Table::Align::kRight);
    for (const ComparedSpans& spans : compare(first, second)) {
        const Colour colour = colour_of(spans, first.end - first.start);
        const std::string name = spans.name.empty() ? "(no name)" : printable(spans.name);
        const std::string marks = spans.sides[0].failed + spans.sides[1].failed == 0 ? ""
                                  : terminal.unicode                                 ? "✗ "
                                                                                     : "x ";
        table.row({{repeat("  ", std::min(spans.depth, kDeepestDrawn)) + marks + name},
                   {spans.service.empty() ? "(none)" : printable(spans.service)},
                   {side_text(spans.sides[0], terminal.unicode)},
                   {side_text(spans.sides[1], terminal.unicode)},
                   {change_text(spans, terminal.unicode), colour}});
    }
    std::string text;
    for (const TraceTree* tree : {&first, &second}) {
        text += std::string(tree == &first ? "first   " : "second  ") +
                terminal.paint(Colour::kDim, "trace " + to_hex(tree->trace_id)) + "  " + human_time(tree->start) +
                ", " + human_duration(tree->end - tree->start, terminal.unicode) + ", " +
                std::to_string(tree->spans.size()) + (tree->spans.size() == 1 ? " span\n" : " spans\n");
    }
    return text + "\n" + table.render(terminal);
}

std::string comparison_json(const TraceTree& first, const TraceTree& second) {
    nlohmann::ordered_json object;
    object["traces"] = nlohmann::ordered_json::array();
    for (const TraceTree* tree : {&first, &second}) {
        object["traces"].push_back({{"trace_id", to_hex(tree->trace_id)},
                                    {"start_unix_nano", tree->start},
                                    {"duration_nano", tree->end - tree->start},
                                    {"spans", tree->spans.size()}});
    }
    object["spans"] = nlohmann::ordered_json::array();
    for (const ComparedSpans& spans : compare(first, second)) {
        nlohmann::ordered_json sides = nlohmann::ordered_json::array();
        for (const ComparedSpans::Side& side : spans.sides)
            sides.push_back({{"spans", side.spans}, {"duration_nano", side.nano}, {"failed", side.failed}});
        object["spans"].push_back(
            {{"service", spans.service}, {"name", spans.name}, {"depth", spans.depth}, {"sides", std::move(sides)}});
    }
    return json_text(object) + "\n";
}

}  // namespace spanring::agent
