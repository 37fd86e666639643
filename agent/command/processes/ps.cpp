// SPDX-License-Identifier: Apache-2.0
//
// `spanring ps`: the processes that write spans.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "base/wall_clock.hpp"
#include "command/commands.hpp"
#include "command/processes/account_groups.hpp"
#include "command/processes/not_understood.hpp"
#include "command/processes/process_json.hpp"
#include "command/processes/site_survey.hpp"
#include "command/refresh_period.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/repeated_output.hpp"
#include "command/terminal/table.hpp"
#include "presence/exporter_report.hpp"

namespace spanring::agent {
namespace {

struct Options {
    bool all = false;
    bool each = false;
    bool json = false;
    std::optional<std::chrono::nanoseconds> watch;
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
        case ProcessState::kSender: return Colour::kPlain;
    }
    return Colour::kPlain;
}

std::string percent(double share) {
    char text[16];
    std::snprintf(text, sizeof text, "%.0f%%", share * 100);
    return text;
}

std::string mebibytes(uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
    return text;
}

// "120: 100 in files (31KiB)": where the rest is, its memory and its slots, is where all else is that is pending.
std::string undecided_of(const ProcessAccount& process) {
    const UndecidedShare& share = process.undecided;
    std::string text = std::to_string(share.spans());
    if (share.slot_spans != 0) text += ", " + std::to_string(share.slot_spans) + " in slots";
    if (share.filed_spans != 0)
        text += ", " + std::to_string(share.filed_spans) + " in files (" + format_size(share.filed_bytes) + ")";
    return text;
}

std::string state_of(const ProcessAccount& process) {
    if (process.state == ProcessState::kLive && !process.attached) return "unattached";
    return state_name(process.state);
}

// Those that run are looked at one by one, and what is wrong with a segment is of one process.
bool is_history(const ProcessAccount& process) {
    return process.state == ProcessState::kFinished || process.state == ProcessState::kGone;
}

std::string render(const Survey& survey, bool each, const Terminal& terminal) {
    Table table;
    table.column("PID", Table::Align::kRight).column("SERVICE", Table::Align::kLeft, true);
    table.column("PROGRAM", Table::Align::kLeft, true).column("STATE").column("AGE", Table::Align::kRight);
    const bool undecided = std::any_of(survey.processes.begin(), survey.processes.end(),
                                       [](const ProcessAccount& process) { return process.undecided.spans() != 0; });
    for (const char* title : {"STARTED", "ENDED", "OPEN", "EXPORTED", "PENDING"})
        table.column(title, Table::Align::kRight);
    if (undecided) table.column("UNDECIDED", Table::Align::kRight);
    for (const char* title : {"DROPPED", "MEMORY", "RING"}) table.column(title, Table::Align::kRight);
    const bool causes = std::any_of(survey.processes.begin(), survey.processes.end(),
                                    [](const ProcessAccount& process) { return dropped(process) != 0; });
    if (causes) table.column("CAUSES", Table::Align::kLeft, true);
    const uint64_t now = unix_nano();
    const auto may = [&](size_t which) { return !each && is_history(survey.processes[which]); };
    for (const AccountGroup& group : grouped(survey.processes, may)) {
        const ProcessAccount& process = group.account;
        const ExporterAccount& exporter = slowest(process);
        const uint64_t lost = dropped(process);
        const uint64_t open = process.open + process.unfinished;
        const auto number = [&](uint64_t value) { return process.credible ? std::to_string(value) : "?"; };
        std::vector<Table::Cell> row = {
            {group.several() ? std::to_string(group.members.size()) + (terminal.unicode ? " ×" : " x")
                             : std::to_string(process.pid)},
            {process.service.empty() ? "(none)" : printable(process.service), Colour::kBold},
            {printable(process.program)},
            {state_of(process), state_colour(process)},
            {human_age(process.since_unix_nano, now)},
            {number(process.started())},
            {number(process.ended())},
            {number(open), process.unfinished != 0 ? Colour::kYellow : Colour::kPlain},
            {number(exporter.exported)},
            {number(exporter.pending())}};
        if (undecided) row.push_back({undecided_of(process)});
        const std::vector<Table::Cell> rest = {
            {number(lost), lost != 0 ? Colour::kRed : Colour::kPlain},
            {process.file.empty() ? "-" : mebibytes(process.memory)},
            {process.file.empty() || process.state == ProcessState::kQuarantined ? "-" : percent(process.fill),
             process.fill > 0.8 ? Colour::kYellow : Colour::kPlain}};
        row.insert(row.end(), rest.begin(), rest.end());
        if (causes) row.push_back({causes_of(process), Colour::kRed});
        table.row(std::move(row));
    }
    std::string text = table.render(terminal);
    const auto note = [&](Colour colour, const char* what, const ProcessAccount& process, const std::string& sentence) {
        text += terminal.paint(colour, what) + " " + std::to_string(process.pid) + ": " + sentence + "\n";
    };
    for (const ProcessAccount& process : survey.processes) {
        if (process.state != ProcessState::kQuarantined) continue;
        note(Colour::kRed, "quarantined", process, process.credible ? printable(process.quarantine) : kUnknownReason);
    }
    for (const ProcessAccount& process : survey.processes) {
        const uint64_t segments = process.credible ? process.counter(ring::Counter::kRemovedSegments) : 0;
        if (segments == 0) continue;
        note(Colour::kRed, "removed", process,
             std::to_string(segments) + " segments of dead processes gave way to it, with " +
                 std::to_string(process.counter(ring::Counter::kRemovedSpans)) + " spans that no agent had taken");
    }
    for (const ProcessAccount& process : survey.processes) {
        for (const std::string& sentence : not_understood(process))
            note(Colour::kYellow, "not understood", process, sentence);
    }
    return text;
}

std::string render_senders(const std::vector<ProcessAccount>& senders, const Terminal& terminal) {
    Table table;
    table.column("SENDER", Table::Align::kLeft, true).column("INSTANCE", Table::Align::kLeft, true);
    for (const char* title : {"AGE", "RECEIVED", "EXPORTED", "PENDING", "DROPPED"}) {
        table.column(title, Table::Align::kRight);
    }
    table.column("CAUSES", Table::Align::kLeft, true);
    const uint64_t now = unix_nano();
    for (const ProcessAccount& sender : senders) {
        const ExporterAccount& exporter = slowest(sender);
        const uint64_t lost = dropped(sender);
        table.row({{sender.service.empty() ? "(none)" : printable(sender.service), Colour::kBold},
                   {printable(sender.program)},
                   {human_age(sender.since_unix_nano, now)},
                   {std::to_string(sender.received)},
                   {std::to_string(exporter.exported)},
                   {std::to_string(exporter.pending())},
                   {std::to_string(lost), lost != 0 ? Colour::kRed : Colour::kPlain},
                   {causes_of(sender), Colour::kRed}});
    }
    return table.render(terminal);
}

std::string nothing_in(const Sites& sites, bool all) {
    std::string text = std::string("No process writes spans") + (all ? " or has written any" : "") + ". Looked in:\n";
    for (const Site& site : sites.all) {
        for (const std::string& directory : site.directories) text += "  " + printable(directory) + "\n";
    }
    if (!all) text += "For finished ones: spanring ps --all\n";
    return text;
}

// What is not sent since somebody wants it so: nobody should look for the reason elsewhere.
std::string paused_in(const Sites& sites, const Terminal& terminal) {
    std::string text;
    for (const Site& site : sites.all) {
        if (!site.agent) continue;
        for (const ExporterReport& exporter : exporter_reports_of(*site.agent)) {
            if (exporter.state != "paused") continue;
            text += terminal.paint(Colour::kYellow, "paused") + " " + printable(exporter.name) +
                    ": sends nothing until `spanring exporter resume`; " + format_size(exporter.spool_bytes) +
                    " in its spool\n";
        }
    }
    return text;
}

std::string page(const Survey& found, const Options& options, const CommandContext& context, const Sites& sites) {
    if (options.json) return survey_json(found, sites) + "\n";
    if (found.processes.empty() && found.senders.empty()) return nothing_in(sites, options.all);
    std::string text = found.processes.empty() ? "" : render(found, options.each, context.terminal());
    if (!found.senders.empty()) text += (text.empty() ? "" : "\n") + render_senders(found.senders, context.terminal());
    return text + paused_in(sites, context.terminal());
}

// Each time looked for anew: agents come and go meanwhile.
std::string page_now(const Options& options, const CommandContext& context) {
    const Sites sites = find_sites(context.given);
    const Survey found = SiteSurvey(sites).look(options.all);
    std::string text = page(found, options, context, sites);
    if (options.json) return text;  // the problems are in it
    for (const std::string& problem : found.problems) text += "spanring: " + printable(problem) + "\n";
    return text;
}

int run(const Options& options, const CommandContext& context) {
    if (options.watch) {
        SiteSurvey(context.sites).warn();
        const Repetition how = {*options.watch, !options.json, options.json ? "" : "spanring ps  "};
        return repeat_output(how, [&] { return page_now(options, context); });
    }
    const SiteSurvey sites(context.sites);
    const Survey found = sites.look(options.all);
    std::cout << page(found, options, context, context.sites);
    if (!options.json) {
        for (const std::string& problem : found.problems) std::cerr << "spanring: " << printable(problem) << "\n";
    }
    sites.warn();
    return 0;
}

}  // namespace

void add_ps(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("ps", "Processes that write spans: state, counts, drops by cause, ring fill");
    command->add_flag("-a,--all", options->all, "also finished ones, from the agent's ledger");
    command->add_flag("--each", options->each, "with --all: each finished process by itself, where many are alike");
    command->add_flag("--json", options->json, "one JSON document");
    add_watch(*command, options->watch);
    command->footer(
        "Of --all, four or more finished processes of one service and program are one row, as '812 ×', with\n"
        "their sums and the age of the youngest; --json has each.\n"
        "UNDECIDED are those of the pending ones that wait for the decision of their trace, as of a second ago.\n"
        "OPEN counts spans that are open and, of a dead process, those handed on as unfinished.\n"
        "With several exporters, EXPORTED and PENDING are those of the one that is furthest behind;\n"
        "`spanring audit` shows each.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
