// SPDX-License-Identifier: Apache-2.0
//
// `spanring status`: how the running agent is, by its own word.
#include <iostream>
#include <memory>
#include <optional>

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
};

std::string waiting_of(const StatusReport::Exporter& exporter) {
    return std::to_string(exporter.queued_spans) + " (" + format_size(exporter.queued_bytes) + ")";
}

std::string spool_of(const StatusReport::Exporter& exporter) {
    if (exporter.spool_limit == 0) return "-";
    return format_size(exporter.spool_bytes) + " of " + format_size(exporter.spool_limit);
}

void print(const StatusReport& report, const Site& site, const Terminal& terminal) {
    const uint64_t now = unix_nano();
    std::cout << "agent       " << describe(*site.agent) << ", version " << printable(report.version) << ", started "
              << human_age(report.started_unix_nano, now) << " ago\n"
              << "state       " << printable(site.state_directory) << "\n"
              << "configured  "
              << (report.configuration.empty() ? "without a file" : "by " + printable(report.configuration)) << ", "
              << human_age(report.configured_unix_nano, now) << " ago\n";
    for (const std::string& problem : report.refused)
        std::cout << "            the last reload was refused: " << printable(problem) << "\n";
    std::cout << "processes   " << report.processes << " served, " << report.quarantined << " quarantined, "
              << report.refused_files << " files refused; " << report.unanswered_batches << " batches unanswered\n\n";
    Table table;
    table.column("EXPORTER").column("HEALTH").column("EXPORTED", Table::Align::kRight);
    table.column("REJECTED", Table::Align::kRight).column("DROPPED", Table::Align::kRight);
    table.column("WAITING", Table::Align::kRight).column("SPOOL", Table::Align::kRight);
    table.column("LAST ERROR", Table::Align::kLeft, true);
    for (const StatusReport::Exporter& exporter : report.exporters) {
        const auto lost = [](uint64_t spans) {
            return Table::Cell{std::to_string(spans), spans != 0 ? Colour::kRed : Colour::kPlain};
        };
        table.row({{printable(exporter.name), Colour::kBold},
                   exporter.paused    ? Table::Cell{"paused", Colour::kYellow}
                   : exporter.healthy ? Table::Cell{"well", Colour::kGreen}
                                      : Table::Cell{"away", Colour::kRed},
                   {std::to_string(exporter.exported)},
                   lost(exporter.rejected),
                   lost(exporter.dropped),
                   {waiting_of(exporter)},
                   {spool_of(exporter)},
                   {printable(exporter.last_error)}});
    }
    std::cout << table.render(terminal);
    if (!report.problems.empty()) std::cout << "\n";
    for (const std::string& problem : report.problems)
        std::cout << terminal.paint(Colour::kRed, printable(problem)) << "\n";
}

std::string document_of(const StatusReport& report, const Site& site) {
    nlohmann::ordered_json document = nlohmann::ordered_json::parse(report.text());
    document.erase("serial");
    document["pid"] = site.agent->pid;  // as it is here
    document["state_directory"] = site.state_directory;
    document["well"] = report.problems.empty();
    return json_text(document);
}

int run(const Options& options, const CommandContext& context) {
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
    if (options.json)
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
    command->callback(
        [=, &selection] { selection.run = [=](const CommandContext& context) { return run(*options, context); }; });
    command->footer("The exit code is 1 where something is wrong: what /readyz says. As the agent's user or root.");
}

}  // namespace spanring::agent
