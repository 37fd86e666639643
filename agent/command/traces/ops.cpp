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
    std::string service, name;
    std::string since;
    std::string sort = "spans";
    size_t limit = 50;
    bool json = false;
};

struct Measured {
    OperationTable operations;
    uint64_t begin_unix_nano = UINT64_MAX, end_unix_nano = 0;

    double seconds() const {
        return end_unix_nano > begin_unix_nano ? static_cast<double>(end_unix_nano - begin_unix_nano) / 1e9 : 1e-9;
    }
    uint64_t spans() const {
        uint64_t spans = 0;
        for (const auto& [name, counts] : operations) spans += counts.spans();
        return spans;
    }
};

using Row = std::pair<const OperationName, OperationCounts>;

// As the agent counted them, minute by minute.
Measured measured_by_agent(StoreReader& store, uint64_t since) {
    Measured all;
    store.each_minute(since, [&](uint64_t begin, const OperationTable& minute) {
        all.begin_unix_nano = std::min(all.begin_unix_nano, begin);
        for (const auto& [name, counts] : minute) all.operations[name].add(counts);
    });
    all.end_unix_nano = unix_nano();
    return all;
}

// As they can be counted now, of what was kept.
Measured found_in_store(StoreReader& store, const search::Query& query, uint64_t since) {
    Measured all;
    store.each_index(query, [&](uint64_t, const BatchIndex& index, const std::vector<uint8_t>& found) {
        for (size_t i = 0; i < found.size(); ++i) {
            const IndexedSpan& span = index.spans[i];
            if (found[i] == 0 || span.start < since) continue;
            all.begin_unix_nano = std::min(all.begin_unix_nano, span.start);
            all.end_unix_nano = std::max(all.end_unix_nano, span.end());
            OperationName name{std::string(index.service_of(span)), std::string(index.name_of(span))};
            all.operations[std::move(name)].add(span.duration, span.error() || span.unfinished);
        }
        return true;
    });
    return all;
}

double rank_of(const OperationCounts& counts, const std::string& sort) {
    if (sort == "errors") return static_cast<double>(counts.errors);
    if (sort == "total") return counts.nanoseconds;
    if (sort == "p50") return static_cast<double>(counts.quantile(0.5));
    if (sort == "p95") return static_cast<double>(counts.quantile(0.95));
    if (sort == "p99") return static_cast<double>(counts.quantile(0.99));
    return static_cast<double>(counts.spans());
}

std::vector<const Row*> chosen(const OperationTable& operations, const Options& options, size_t& ret_all) {
    std::vector<std::pair<double, const Row*>> ranked;
    for (const Row& row : operations) {
        if (!options.service.empty() && row.first.service != options.service) continue;
        if (row.first.name.find(options.name) == std::string::npos) continue;
        ranked.emplace_back(rank_of(row.second, options.sort), &row);
    }
    // Of equals the order of the table, which is that of their names.
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    ret_all = ranked.size();
    if (options.limit != 0 && ranked.size() > options.limit) ranked.resize(options.limit);
    std::vector<const Row*> list;
    for (const auto& [rank, row] : ranked) list.push_back(row);
    return list;
}

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

void print_table(const Measured& measured, const std::vector<const Row*>& list, const Terminal& terminal) {
    uint64_t shortest = UINT64_MAX, longest = 0;
    for (const Row* row : list) {
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
    for (const Row* row : list) {
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

void print_json(const Measured& measured, const std::vector<const Row*>& list, bool by_agent) {
    nlohmann::ordered_json json;
    json["source"] = by_agent ? "agent" : "store";
    json["spans"] = measured.spans();
    json["begin_unix_nano"] = list.empty() ? 0 : measured.begin_unix_nano;
    json["end_unix_nano"] = measured.end_unix_nano;
    json["operations"] = nlohmann::ordered_json::array();
    for (const Row* row : list) {
        const auto& [name, counts] = *row;
        nlohmann::ordered_json buckets = nlohmann::ordered_json::array();
        for (const OperationCounts::Bucket& bucket : counts.histogram())
            buckets.push_back({{"from_nano", bucket.from}, {"to_nano", bucket.to}, {"count", bucket.count}});
        json["operations"].push_back({{"service", name.service},
                                      {"name", name.name},
                                      {"spans", counts.spans()},
                                      {"rate", static_cast<double>(counts.spans()) / measured.seconds()},
                                      {"errors", counts.errors},
                                      {"duration_nano", counts.whole_nanoseconds()},
                                      {"p50_nano", counts.quantile(0.5)},
                                      {"p95_nano", counts.quantile(0.95)},
                                      {"p99_nano", counts.quantile(0.99)},
                                      {"histogram", std::move(buckets)}});
    }
    std::cout << json_text(json) << "\n";
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
    const Measured measured =
        by_agent ? measured_by_agent(*store.operator->(), since) : found_in_store(*store.operator->(), query, since);
    store.tell_pending();
    size_t all = 0;
    const std::vector<const Row*> list = chosen(measured.operations, options, all);
    if (options.json) {
        print_json(measured, list, by_agent);
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
    command->add_option("--service", options->service, "operations of this service")->type_name("NAME");
    command->add_option("--name", options->name, "operations whose name contains this")->type_name("TEXT");
    command->add_option("--since", options->since, "what came within the last TIME, or since then; whole minutes")
        ->type_name("TIME");
    command->add_option("--sort", options->sort, "spans, errors, total (time), p50, p95 or p99: the most first")
        ->type_name("WHAT")
        ->check(CLI::IsMember({"spans", "errors", "total", "p50", "p95", "p99"}))
        ->capture_default_str();
    command->add_option("-n,--limit", options->limit, "at most this many; 0: all")
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
