// SPDX-License-Identifier: Apache-2.0
//
// `spanring ps`: the processes that write spans.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "base/wall_clock.hpp"
#include "command/commands.hpp"
#include "command/processes/not_understood.hpp"
#include "command/processes/process_json.hpp"
#include "command/processes/site_survey.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/table.hpp"

namespace spanring::agent {
namespace {

struct Options {
    bool all = false;
    bool json = false;
};

// Of several exporters the one with the most pending spans: what it exported, all of them have.
const ExporterAccount& slowest(const ProcessAccount& process) {
    return *std::max_element(
        process.exporters.begin(), process.exporters.end(), [](const ExporterAccount& a, const ExporterAccount& b) {
            return a.pending() != b.pending() ? a.pending() < b.pending() : a.exported > b.exported;
        });
}

std::string causes_of(const ProcessAccount& process) {
    std::string text;
    const auto add = [&](const Cause& cause, const std::string& where) {
        append(text, std::string(cause.name) + " " + std::to_string(cause.spans) + where);
    };
    for (const Cause& cause : drop_causes(process)) add(cause, "");
    for (const ExporterAccount& exporter : process.exporters) {
        for (const Cause& cause : drop_causes(exporter)) {
            add(cause, process.exporters.size() > 1 ? " (" + exporter.name + ")" : "");
        }
    }
    return text;
}

constexpr const char* kUnknownReason = "the ledger, which is not to be seen, has the reason and the numbers";

uint64_t dropped(const ProcessAccount& process) {
    uint64_t most = 0;
    for (const ExporterAccount& exporter : process.exporters) most = std::max(most, exporter.dropped());
    return process.dropped_by_process() + most;
}

Colour state_colour(const ProcessAccount& process) {
    switch (process.state) {
        case ProcessState::kLive: return process.attached ? Colour::kGreen : Colour::kYellow;
        case ProcessState::kDead: return Colour::kYellow;
        case ProcessState::kFinished: return Colour::kDim;
        case ProcessState::kGone: return Colour::kRed;
        case ProcessState::kQuarantined: return Colour::kRed;
    }
    return Colour::kPlain;
}

std::string percent(double share) {
    char text[16];
    std::snprintf(text, sizeof text, "%.0f%%", share * 100);
    return text;
}

std::string state_of(const ProcessAccount& process) {
    if (process.state == ProcessState::kLive && !process.attached) return "unattached";
    return state_name(process.state);
}

void print_table(const Survey& survey, const Terminal& terminal) {
    Table table;
    table.column("PID", Table::Align::kRight).column("SERVICE", Table::Align::kLeft, true);
    table.column("PROGRAM", Table::Align::kLeft, true).column("STATE").column("AGE", Table::Align::kRight);
    for (const char* title : {"STARTED", "ENDED", "OPEN", "EXPORTED", "PENDING", "DROPPED", "RING"}) {
        table.column(title, Table::Align::kRight);
    }
    const bool causes = std::any_of(survey.processes.begin(), survey.processes.end(),
                                    [](const ProcessAccount& process) { return dropped(process) != 0; });
    if (causes) table.column("CAUSES", Table::Align::kLeft, true);
    const uint64_t now = unix_nano();
    for (const ProcessAccount& process : survey.processes) {
        const ExporterAccount& exporter = slowest(process);
        const uint64_t lost = dropped(process);
        const uint64_t open = process.open + process.unfinished;
        const auto number = [&](uint64_t value) { return process.credible ? std::to_string(value) : "?"; };
        std::vector<Table::Cell> row = {
            {std::to_string(process.pid)},
            {process.service.empty() ? "(none)" : printable(process.service), Colour::kBold},
            {printable(process.program)},
            {state_of(process), state_colour(process)},
            {human_age(process.since_unix_nano, now)},
            {number(process.started())},
            {number(process.ended())},
            {number(open), process.unfinished != 0 ? Colour::kYellow : Colour::kPlain},
            {number(exporter.exported)},
            {number(exporter.pending())},
            {number(lost), lost != 0 ? Colour::kRed : Colour::kPlain},
            {process.file.empty() || process.state == ProcessState::kQuarantined ? "-" : percent(process.fill),
             process.fill > 0.8 ? Colour::kYellow : Colour::kPlain}};
        if (causes) row.push_back({causes_of(process), Colour::kRed});
        table.row(std::move(row));
    }
    std::cout << table.render(terminal);
    for (const ProcessAccount& process : survey.processes) {
        if (process.state != ProcessState::kQuarantined) continue;
        std::cout << terminal.paint(Colour::kRed, "quarantined") << " " << process.pid << ": "
                  << (process.credible ? printable(process.quarantine) : kUnknownReason) << "\n";
    }
    for (const ProcessAccount& process : survey.processes) {
        const uint64_t segments = process.credible ? process.counter(ring::Counter::kRemovedSegments) : 0;
        if (segments == 0) continue;
        std::cout << terminal.paint(Colour::kRed, "removed") << " " << process.pid << ": " << segments
                  << " segments of dead processes gave way to it, with "
                  << process.counter(ring::Counter::kRemovedSpans) << " spans that no agent had taken\n";
    }
    for (const ProcessAccount& process : survey.processes) {
        for (const std::string& sentence : not_understood(process))
            std::cout << terminal.paint(Colour::kYellow, "not understood") << " " << process.pid << ": " << sentence
                      << "\n";
    }
}

int run(const Options& options, const CommandContext& context) {
    const SiteSurvey sites(context.sites);
    const Survey found = sites.look(options.all);
    if (options.json) {
        std::cout << survey_json(found, context.sites) << "\n";
        sites.warn();
        return 0;
    }
    if (!found.processes.empty()) {
        print_table(found, context.terminal());
    } else {
        std::cout << "No process writes spans" << (options.all ? " or has written any" : "") << ". Looked in:\n";
        for (const Site& site : context.sites.all) {
            for (const std::string& directory : site.directories) std::cout << "  " << printable(directory) << "\n";
        }
        if (!options.all) std::cout << "For finished ones: spanring ps --all\n";
    }
    for (const std::string& problem : found.problems) std::cerr << "spanring: " << printable(problem) << "\n";
    sites.warn();
    return 0;
}

}  // namespace

void add_ps(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("ps", "Processes that write spans: state, counts, drops by cause, ring fill");
    command->add_flag("-a,--all", options->all, "also finished ones, from the agent's ledger");
    command->add_flag("--json", options->json, "one JSON document");
    command->footer("OPEN counts spans that are open and, of a dead process, those handed on as unfinished.\n"
                    "With several exporters, EXPORTED and PENDING are those of the one that is furthest behind;\n"
                    "`spanring audit` shows each.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
