// SPDX-License-Identifier: Apache-2.0
//
// `spanring traces`: traces of the local store, the newest first, or those that a search finds.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "base/wall_clock.hpp"
#include "command/commands.hpp"
#include "command/json_text.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"
#include "command/traces/store_access.hpp"
#include "command/traces/summary_json.hpp"
#include "search/moment.hpp"
#include "search/query.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kIdDigits = 12;  // enough to tell traces apart; `spanring trace` takes the beginning

struct Options {
    TraceFilter filter;
    std::vector<std::string> words;
    std::string min_duration, max_duration;
    std::string since, until;
    std::string order = "start";
    bool json = false;
};

// False: it does not parse, and that was said.
bool read_duration(const char* flag, const std::string& text, uint64_t& nanoseconds) {
    if (text.empty()) return true;
    const auto parsed = parse_duration(text);
    if (!parsed) {
        std::cerr << "spanring traces: " << flag << ": '" << printable(text)
                  << "' is not a duration (such as 10ms, 2s, 15m)\n";
        return false;
    }
    nanoseconds = static_cast<uint64_t>(parsed->count());
    return true;
}

// Likewise.
bool read_moment(const char* flag, const std::string& text, uint64_t& unix) {
    if (text.empty()) return true;
    const auto parsed = search::parse_moment(text, unix_nano());
    if (!parsed) {
        std::cerr << "spanring traces: " << flag << ": '" << printable(text)
                  << "' is neither a duration (such as 15m) nor a time (such as '2026-11-29 04:50' or 04:50)\n";
        return false;
    }
    unix = *parsed;
    return true;
}

std::string services_of(const TraceSummary& trace) {
    std::string text = trace.service.empty() ? "(none)" : trace.service;
    for (const std::string& service : trace.services) {
        if (service != trace.service) append(text, service);
    }
    return printable(text);
}

void print_json(const std::vector<TraceSummary>& traces) {
    nlohmann::ordered_json json;
    json["traces"] = nlohmann::ordered_json::array();
    for (const TraceSummary& trace : traces) json["traces"].push_back(summary_json(trace));
    std::cout << json_text(json) << "\n";
}

void print_table(const std::vector<TraceSummary>& traces, const Terminal& terminal) {
    Table table;
    table.column("TRACE").column("STARTED").column("ROOT", Table::Align::kLeft, true);
    table.column("SERVICES", Table::Align::kLeft, true).column("DURATION", Table::Align::kRight);
    table.column("SPANS", Table::Align::kRight).column("ERRORS", Table::Align::kRight);
    table.column("UNFINISHED", Table::Align::kRight);
    const uint64_t now = unix_nano();
    for (const TraceSummary& trace : traces) {
        const std::string name = trace.name.empty() ? "(no name)" : printable(trace.name);
        const Colour mark = trace.unfinished != 0 ? Colour::kYellow : trace.errors != 0 ? Colour::kRed : Colour::kPlain;
        table.row(
            {{to_hex(trace.trace_id).substr(0, kIdDigits), Colour::kCyan},
             {human_moment(trace.start_unix_nano, now), Colour::kDim},
             {trace.has_root ? name : "(" + name + ")", mark},
             {services_of(trace)},
             {human_duration(trace.duration_nano(), terminal.unicode)},
             {std::to_string(trace.spans)},
             {trace.errors != 0 ? std::to_string(trace.errors) : "-", trace.errors != 0 ? Colour::kRed : Colour::kDim},
             {trace.unfinished != 0 ? std::to_string(trace.unfinished) : "-",
              trace.unfinished != 0 ? Colour::kYellow : Colour::kDim}});
    }
    std::cout << table.render(terminal);
}

int run(const Options& options, const CommandContext& context) {
    TraceFilter filter = options.filter;
    if (!read_duration("--min-duration", options.min_duration, filter.min_duration_nano) ||
        !read_duration("--max-duration", options.max_duration, filter.max_duration_nano) ||
        !read_moment("--since", options.since, filter.since_unix_nano) ||
        !read_moment("--until", options.until, filter.until_unix_nano)) {
        return kExitUsage;
    }
    std::string problem;
    if (!search::parse_query(options.words, filter.query, problem)) {
        std::cerr << "spanring traces: " << printable(problem) << "\n";
        return kExitUsage;
    }
    if (options.order == "arrival") filter.order = TraceOrder::kArrival;
    StoreAccess store(context);
    if (!store) return store.explain();
    const std::vector<TraceSummary> traces = store->recent(filter);
    store.tell_pending();
    if (options.json) {
        print_json(traces);
        return 0;
    }
    if (traces.empty()) {
        std::cout << (store->stored_spans() == 0 ? "No spans are stored yet.\n" : "No trace matches.\n");
        return 0;
    }
    print_table(traces, context.terminal());
    if (const uint64_t removed = store->evicted_spans(); removed != 0) {
        std::cerr << removed << " older spans were removed: the store is bounded by size and age.\n";
    }
    return 0;
}

}  // namespace

void add_traces(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("traces", "Traces of the local store, the newest first, or those that are searched");
    command->add_option("words", options->words, "what one span of the trace is: see below")->type_name("WORD");
    command->add_option("--service", options->filter.service, "traces in which this service took part")
        ->type_name("NAME");
    command->add_option("--name", options->filter.name, "traces whose root's name contains this")->type_name("TEXT");
    command->add_option("--min-duration", options->min_duration, "traces that took at least this long")
        ->type_name("TIME");
    command->add_option("--max-duration", options->max_duration, "traces that took at most this long")
        ->type_name("TIME");
    command->add_flag("--error", options->filter.errors_only, "traces with an error or an unfinished span in them");
    command->add_option("--since", options->since, "traces that started within the last TIME, or since then")
        ->type_name("TIME");
    command->add_option("--until", options->until, "traces that started at least TIME ago, or until then")
        ->type_name("TIME");
    command
        ->add_option("--order", options->order, "what is newest: 'start' of the trace, or 'arrival' of its last spans")
        ->type_name("WHAT")
        ->check(CLI::IsMember({"start", "arrival"}))
        ->capture_default_str();
    command->add_option("-n,--limit", options->filter.limit, "at most this many")
        ->type_name("N")
        ->capture_default_str();
    command->add_flag("--json", options->json, "one JSON document");
    command->footer(std::string(search::kWordsHelp) + "\n\nA name in brackets is not the root's: the root is not in "
                                                      "the store (yet), and the earliest span stands in.\n"
                                                      "The beginning of an id is enough for `spanring trace`.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
