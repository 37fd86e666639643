// SPDX-License-Identifier: Apache-2.0
//
// `spanring status`: how the running agent is, by its own word.
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/quantity.hpp"
#include "base/wall_clock.hpp"
#include "command/ask.hpp"
#include "command/commands.hpp"
#include "command/json_text.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"
#include "presence/status_report.hpp"

namespace spanring::agent {
namespace {

struct Options {
    bool json = false;
    bool configuration = false;
};

std::string waiting_of(const StatusReport::Exporter& exporter) {
    return std::to_string(exporter.queued_spans) + " (" + format_size(exporter.queued_bytes) + ")";
}

std::string spool_of(const StatusReport::Exporter& exporter) {
    if (exporter.spool_limit == 0) return "-";
    return format_size(exporter.spool_bytes) + " of " + format_size(exporter.spool_limit);
}

// The words that say how a backend, or a disk, is.
Table::Cell state_of(const StatusReport::Exporter& exporter) {
    if (exporter.paused) return {"paused", Colour::kYellow};
    if (!exporter.healthy) return {"away", Colour::kRed};
    if (exporter.state == "refused") return {"refused", Colour::kRed};
    return {"well", Colour::kGreen};
}

std::string rate(double per_second) { return std::to_string(std::llround(per_second)); }

std::string last_error_of(const StatusReport::Exporter& exporter, uint64_t now) {
    if (exporter.last_error.empty()) return "";
    const std::string age =
        exporter.last_error_unix_nano != 0 ? human_age(exporter.last_error_unix_nano, now) + " ago: " : "";
    return age + printable(exporter.last_error);
}

std::string lane_of(const StatusReport::Lane& lane, const char* meaning) {
    return std::to_string(lane.sorted) + " " + meaning + " (" + std::to_string(lane.exported) + " sent, " +
           std::to_string(lane.dropped) + " dropped; " + format_size(lane.spool_bytes) + " in its spool)";
}

// Of one for which something had to wait; else nothing.
std::string lanes_of(const StatusReport::Exporter& exporter) {
    std::string text;
    bool any = false;
    for (const StatusReport::Lane& lane : exporter.lanes) {
        text += text.empty() ? "" : "; ";
        text += lane_of(lane, lane.name == "first" ? "errors and slow spans, which go first" : "others");
        any = any || lane.sorted != 0 || lane.exported != 0 || lane.spool_bytes != 0;
    }
    return any ? "  of what had to wait: " + text : "";
}

std::string endpoint_of(const StatusReport::Endpoint& endpoint) {
    return std::string("  ") + (endpoint.in_use ? "in use    " : "not in use") + "  " + printable(endpoint.peer) +
           ": " + std::to_string(endpoint.accepted) + " requests answered, " + std::to_string(endpoint.failed) +
           " failed, " + std::to_string(endpoint.in_flight) + " in flight";
}

std::string adapted_of(const StatusReport::Adapted& adapted, const std::string& value, const char* meaning) {
    return "  " + value + meaning + ", as the backend answers (raised " + std::to_string(adapted.raised) +
           " times, lowered " + std::to_string(adapted.lowered) + ")";
}

std::string subscription_of(const StatusReport::Subscription& each) {
    return "  event " + printable(each.event) + ": " + std::to_string(each.subscribers) + " subscribe, " +
           std::to_string(each.published) + " spans published, " + std::to_string(each.missed) +
           " missed by slow ones, " + std::to_string(each.unpublished) + " unpublished";
}

// What there is to say beside its row, line by line.
std::vector<std::string> details_of(const StatusReport::Exporter& exporter, uint64_t now) {
    std::vector<std::string> lines;
    // Whole: the table has no room for most of them.
    if (!exporter.healthy && !exporter.last_error.empty()) lines.push_back("  " + last_error_of(exporter, now));
    for (const StatusReport::Endpoint& endpoint : exporter.endpoints) lines.push_back(endpoint_of(endpoint));
    for (const StatusReport::Subscription& each : exporter.subscriptions) lines.push_back(subscription_of(each));
    if (const StatusReport::Adapted& adapted = exporter.concurrency; adapted.value != 0)
        lines.push_back(adapted_of(adapted, std::to_string(adapted.value), " requests in flight at most"));
    if (const StatusReport::Adapted& adapted = exporter.request_bytes; adapted.value != 0)
        lines.push_back(adapted_of(adapted, format_size(adapted.value), " in a request at most"));
    if (const std::string lanes = lanes_of(exporter); !lanes.empty()) lines.push_back(lanes);
    if (!lines.empty()) lines.insert(lines.begin(), {"", printable(exporter.name)});
    return lines;
}

std::string layers_of(const StatusReport& report) {
    std::string text;
    for (const StatusReport::Layer& layer : report.layers)
        text += (text.empty() ? ": " : ", ") + std::to_string(layer.values) + " by " + printable(layer.name);
    return text.empty() ? ": defaults alone" : text;
}

void print(const StatusReport::Undecided& undecided, uint64_t now) {
    std::cout << "undecided   " << undecided.spans() - undecided.unclaimed_spans << " spans of " << undecided.traces
              << " traces";
    if (undecided.oldest_unix_nano != 0)
        std::cout << ", the oldest since " << human_age(undecided.oldest_unix_nano, now);
    std::cout << "; " << format_size(undecided.bytes()) << ": " << undecided.ring_spans
              << " in the memory of processes (" << format_size(undecided.ring_bytes) << "), " << undecided.filed_spans
              << " in files (" << format_size(undecided.filed_bytes) << "), " << undecided.received_spans
              << " received; the agent's memory " << format_size(undecided.memory_bytes + undecided.filed_memory_bytes)
              << "\n";
    if (undecided.unclaimed_spans != 0)
        std::cout << "            " << undecided.unclaimed_spans
                  << " more in files of an agent before, whose segments have not come\n";
    std::string early;
    for (const auto& [cause, traces] : undecided.early) {
        if (traces != 0) early += (early.empty() ? "" : ", ") + std::to_string(traces) + " by " + printable(cause);
    }
    if (!early.empty()) std::cout << "            decided early: " << early << "\n";
}

void print_rules(const StatusReport& report, uint64_t now, const Terminal& terminal) {
    uint64_t first_end = 0;
    size_t live = 0;
    for (const StatusReport::Rule& rule : report.rules) {
        if (!rule.live) continue;
        ++live;
        if (rule.until_unix_nano != 0 && (first_end == 0 || rule.until_unix_nano < first_end))
            first_end = rule.until_unix_nano;
    }
    if (live != 0) {
        std::cout << "rules       " << live << " set by `spanring rules` before those of the configuration";
        if (first_end != 0) std::cout << ", the first until " << human_moment(first_end, now);
        std::cout << "\n";
    }
    if (!report.rules_problem.empty())
        std::cout << "            " << terminal.paint(Colour::kRed, printable(report.rules_problem)) << "\n";
}

// Each line inert by itself.
void print_lines(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) std::cout << printable(line) << "\n";
}

// As comments.
void print_live_rules(const StatusReport& report) {
    bool any = false;
    for (const StatusReport::Rule& rule : report.rules) {
        if (!rule.live) continue;
        if (!std::exchange(any, true)) std::cout << "# rules before those policies (`spanring rules`):\n";
        std::cout << "#   " << printable(rule.name) << ": " << printable(rule.conditions) << ": "
                  << printable(rule.effect) << "\n";
    }
}

void print(const StatusReport& report, const Site& site, const Terminal& terminal) {
    const uint64_t now = unix_nano();
    std::cout << "agent       " << describe(*site.agent) << ", version " << printable(report.version) << ", started "
              << human_age(report.started_unix_nano, now) << " ago\n"
              << "state       " << printable(site.state_directory) << "\n"
              << "configured  "
              << (report.configuration.empty() ? "without a file" : "by " + printable(report.configuration)) << ", "
              << human_age(report.configured_unix_nano, now) << " ago\n";
    std::cout << "            " << report.digest << layers_of(report) << "\n";
    for (const std::string& problem : report.refused)
        std::cout << "            the last reload was refused: " << printable(problem) << "\n";
    std::cout << "processes   " << report.processes << " served, " << report.quarantined << " quarantined, "
              << report.refused_files << " files refused; " << report.unanswered_batches << " batches unanswered; "
              << rate(report.drained_per_second) << " spans/s\n";
    if (report.undecided) {
        print(*report.undecided, now);
        print_rules(report, now, terminal);
    }
    std::cout << "\n";
    Table table;
    table.column("EXPORTER").column("STATE").column("SINCE", Table::Align::kRight).column("CIRCUIT");
    table.column("EXPORTED", Table::Align::kRight).column("SPANS/S", Table::Align::kRight);
    table.column("REJECTED", Table::Align::kRight).column("DROPPED", Table::Align::kRight);
    table.column("WAITING", Table::Align::kRight).column("SPOOL", Table::Align::kRight);
    table.column("LAST ERROR", Table::Align::kLeft, true);
    for (const StatusReport::Exporter& exporter : report.exporters) {
        const auto lost = [](uint64_t spans) {
            return Table::Cell{std::to_string(spans), spans != 0 ? Colour::kRed : Colour::kPlain};
        };
        table.row({{printable(exporter.name), Colour::kBold},
                   state_of(exporter),
                   {exporter.since_unix_nano != 0 ? human_age(exporter.since_unix_nano, now) : "-"},
                   {exporter.circuit == "none" ? "-" : printable(exporter.circuit)},
                   {std::to_string(exporter.exported)},
                   {rate(exporter.exported_per_second)},
                   lost(exporter.rejected),
                   lost(exporter.dropped),
                   {waiting_of(exporter)},
                   {spool_of(exporter)},
                   {last_error_of(exporter, now)}});
    }
    std::cout << table.render(terminal);
    for (const StatusReport::Exporter& exporter : report.exporters)
        for (const std::string& line : details_of(exporter, now)) std::cout << line << "\n";
    if (!report.problems.empty() || !report.notes.empty()) std::cout << "\n";
    for (const std::string& note : report.notes) std::cout << printable(note) << "\n";
    for (const std::string& problem : report.problems)
        std::cout << terminal.paint(Colour::kRed, printable(problem)) << "\n";
}

std::string document_of(const StatusReport& report, const Site& site) {
    nlohmann::ordered_json document = nlohmann::ordered_json::parse(report.text());
    document.erase("serial");
    document.erase("effective");        // it is asked for by itself
    document["pid"] = site.agent->pid;  // as it is here
    document["state_directory"] = site.state_directory;
    document["well"] = report.problems.empty();
    return json_text(document);
}

int run(const Options& options, const CommandContext& context) {
    if (options.json && options.configuration) {
        std::cerr << "spanring: --configuration is not JSON\n";
        return kExitUsage;
    }
    const Site& site = context.sites.only();
    if (!site.agent) {
        std::cerr << "spanring: no agent runs there (" << printable(site.state_directory) << ")\n";
        return kExitUsage;
    }
    std::string problem;
    const std::optional<StatusReport> report = ask_agent(site, problem);
    if (!report) {
        std::cerr << "spanring: " << problem << "\n";
        return kExitBroken;
    }
    if (options.configuration) {
        print_lines(report->effective);
        print_live_rules(*report);
    } else if (options.json)
        std::cout << document_of(*report, site) << "\n";
    else
        print(*report, site, context.terminal());
    return report->problems.empty() ? 0 : kExitUnsound;
}

}  // namespace

void add_status(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("status", "How the agent is: its exporters, what waits, what was lost");
    command->add_flag("--json", options->json, "one JSON document");
    command->add_flag("--configuration", options->configuration,
                      "what is in effect, where each value came from; secrets are not shown");
    command->callback(
        [=, &selection] { selection.run = [=](const CommandContext& context) { return run(*options, context); }; });
    command->footer("The exit code is 1 where something is wrong: what /readyz says. As the agent's user or root.");
}

}  // namespace spanring::agent
