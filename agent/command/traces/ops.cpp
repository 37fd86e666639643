// SPDX-License-Identifier: Apache-2.0
//
// `spanring ops`: rate, errors and durations of each operation: of all spans, as the agent measured them; with words,
// of those in the local store that are so.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <tuple>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "base/wall_clock.hpp"
#include "command/commands.hpp"
#include "command/json_text.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"
#include "command/traces/measured_operations.hpp"
#include "command/traces/store_access.hpp"
#include "search/moment.hpp"
#include "search/query.hpp"
#include "span_metrics/operation_counts.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kColumns = 16;  // of a histogram
constexpr double kQuantiles[] = {0.5, 0.95, 0.99};

struct Options {
    std::vector<std::string> words;
    std::string since;
    OperationChoice choice;
    bool json = false;
};

std::string rate_text(double rate) {
    char text[32];
    std::snprintf(text, sizeof text, rate < 10 ? "%.2f/s" : "%.0f/s", rate);
    return text;
}

std::string errors_text(const OperationCounts& counts) {
    if (counts.errors == 0) return "-";
    char text[64];
    std::snprintf(text, sizeof text, "%llu (%.1f%%)", static_cast<unsigned long long>(counts.errors),
                  100 * static_cast<double>(counts.errors) / static_cast<double>(counts.spans()));
    return text;
}

std::string drawn(const OperationCounts& operation, uint64_t shortest, uint64_t longest, bool unicode) {
    static constexpr const char* kUnicode[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr const char* kAscii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
    const std::vector<uint64_t> counts = operation.columns(kColumns, shortest, longest);
    const uint64_t most = std::max<uint64_t>(*std::max_element(counts.begin(), counts.end()), 1);
    std::string text;
    for (const uint64_t count : counts) {
        const auto height = static_cast<size_t>(static_cast<double>(count) / static_cast<double>(most) * 7.0);
        text += (unicode ? kUnicode : kAscii)[count == 0 ? 0 : height + 1];
    }
    return text;
}

void print_table(const MeasuredOperations& measured, const std::vector<const MeasuredOperation*>& list,
                 const Terminal& terminal) {
    uint64_t shortest = UINT64_MAX, longest = 0;
    for (const MeasuredOperation* row : list) {
        const auto buckets = row->second.histogram();
        if (buckets.empty()) continue;
        shortest = std::min(shortest, buckets.front().from);
        longest = std::max(longest, buckets.back().to);
    }
    Table table;
    table.column("SERVICE", Table::Align::kLeft, true).column("OPERATION", Table::Align::kLeft, true);
    for (const char* title : {"SPANS", "RATE", "ERRORS", "P50", "P95", "P99"})
        table.column(title, Table::Align::kRight);
    table.column("DURATIONS");
    for (const MeasuredOperation* row : list) {
        const auto& [name, counts] = *row;
        std::vector<Table::Cell> cells = {{name.service.empty() ? "(none)" : printable(name.service), Colour::kBold},
                                          {name.name.empty() ? "(no name)" : printable(name.name)},
                                          {std::to_string(counts.spans())},
                                          {rate_text(static_cast<double>(counts.spans()) / measured.seconds())},
                                          {errors_text(counts), counts.errors != 0 ? Colour::kRed : Colour::kDim}};
        for (const double share : kQuantiles)
            cells.push_back({human_duration(counts.quantile(share), terminal.unicode)});
        cells.push_back({drawn(counts, shortest, longest, terminal.unicode), Colour::kCyan});
        table.row(std::move(cells));
    }
    std::cout << table.render(terminal);
    std::cout << "DURATIONS from " << human_duration(shortest, terminal.unicode) << " to "
              << human_duration(longest, terminal.unicode) << ", on a logarithmic scale\n";
}

int run(const Options& options, const CommandContext& context) {
    search::Query query;
    std::string problem;
    if (!search::parse_query(options.words, query, problem)) {
        std::cerr << "spanring ops: " << printable(problem) << "\n";
        return kExitUsage;
    }
    uint64_t since = 0;
    if (!options.since.empty()) {
        const auto parsed = search::parse_moment(options.since, unix_nano());
        if (!parsed) {
            std::cerr << "spanring ops: --since: '" << printable(options.since)
                      << "' is neither a duration (such as 15m) nor a time (such as '2026-11-29 04:50' or 04:50)\n";
            return kExitUsage;
        }
        since = *parsed;
    }
    StoreAccess store(context);
    if (!store) return store.explain();
    const bool by_agent = query.empty();
    const MeasuredOperations measured =
        by_agent ? measured_by_agent(*store.operator->(), since) : found_in_store(*store.operator->(), query, since);
    store.tell_pending();
    size_t all = 0;
    const std::vector<const MeasuredOperation*> list = chosen(measured.operations, options.choice, all);
    if (options.json) {
        std::cout << json_text(operations_json(measured, list, by_agent)) << "\n";
        return 0;
    }
    if (list.empty()) {
        std::cout << (measured.operations.empty() && by_agent ? "Nothing was measured yet.\n"
                                                              : "No operation matches.\n");
        return 0;
    }
    const Terminal terminal = context.terminal();
    print_table(measured, list, terminal);
    const std::string how_long = human_duration(measured.end_unix_nano - measured.begin_unix_nano, terminal.unicode);
    if (by_agent)
        std::cerr << "Of all " << measured.spans() << " spans that the agent took in within " << how_long << ".\n";
    else
        std::cerr << "Of the " << measured.spans() << " spans in the local store that are so, within " << how_long
                  << "; what was removed from it is not counted.\n";
    if (measured.folded())
        std::cerr << "There were more operations than are told apart: the rest is " << kOtherOperations << ".\n";
    if (list.size() < all)
        std::cerr << "The first " << list.size() << " of " << all << " operations; --limit 0 shows all.\n";
    return 0;
}

}  // namespace

void add_ops(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("ops", "Rate, errors and durations of each operation, of all spans");
    command->add_option("words", options->words, "only of spans in the local store that are so: see below")
        ->type_name("WORD");
    command->add_option("--service", options->choice.service, "operations of this service")->type_name("NAME");
    command->add_option("--name", options->choice.name, "operations whose name contains this")->type_name("TEXT");
    command->add_option("--since", options->since, "what came within the last TIME, or since then; whole minutes")
        ->type_name("TIME");
    command->add_option("--sort", options->choice.sort, "spans, errors, total (time), p50, p95 or p99: the most first")
        ->type_name("WHAT")
        ->check(CLI::IsMember({"spans", "errors", "total", "p50", "p95", "p99"}))
        ->capture_default_str();
    command->add_option("-n,--limit", options->choice.limit, "at most this many; 0: all")
        ->type_name("N")
        ->capture_default_str();
    command->add_flag("--json", options->json, "one JSON document");
    command->footer(
        "An operation is a service and a name. Without words all spans count that the agent took in, whatever\n"
        "became of them; with words those that are in the local store.\n\n" +
        std::string(search::kWordsHelp));
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
