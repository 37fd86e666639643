// SPDX-License-Identifier: Apache-2.0
//
// `spanring audit`: where every span is, as equations. `accounting` is its older name.
//
// No time decides a verdict. The numbers of a process are of one instant (segment_probe.hpp) or known not to be, so an
// equation that does not hold in them is a finding at the first look; --wait only says how long to look again while
// something moves or is pending.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "accounts/equations.hpp"
#include "base/quantity.hpp"
#include "command/commands.hpp"
#include "command/json_text.hpp"
#include "command/processes/account_groups.hpp"
#include "command/processes/process_json.hpp"
#include "command/processes/site_survey.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kBetweenLooks{20};
// How often a busy process is looked at without --wait: one that is not always busy is then found at rest.
constexpr int kLooks = 10;

struct Options {
    bool json = false;
    bool each = false;
    std::string service;
    std::string wait = "0";
};

struct Audit {
    Survey survey;
    std::vector<std::vector<Equation>> equations;  // by process, then by sender
    bool quiet = true;  // nothing moves, nothing is pending, no dead process's segment waits for an agent

    Judgement verdict() const {
        Judgement worst = Judgement::kOk;
        for (const auto& list : equations) {
            for (const Equation& equation : list) worst = std::max(worst, equation.verdict);
        }
        return worst;
    }
};

bool is_quiet(const ProcessAccount& process) {
    // In a quarantined segment it stays.
    const bool is_read = process.state != ProcessState::kQuarantined;
    const bool pending = std::any_of(
        process.exporters.begin(), process.exporters.end(),
        [&](const ExporterAccount& exporter) { return (is_read ? exporter.pending() : exporter.pending_spool) != 0; });
    return !process.moving && !pending && process.state != ProcessState::kDead;
}

Audit look(const Options& options, const SiteSurvey& sites) {
    Audit result;
    result.survey = sites.look(true);
    for (std::vector<ProcessAccount>* list : {&result.survey.processes, &result.survey.senders}) {
        if (!options.service.empty())
            std::erase_if(*list, [&](const ProcessAccount& account) { return account.service != options.service; });
        for (const ProcessAccount& account : *list) {
            result.quiet = result.quiet && is_quiet(account);
            result.equations.push_back(equations_of(account));
        }
    }
    return result;
}

std::vector<ProcessAccount> all_of(const Survey& survey) {
    std::vector<ProcessAccount> all = survey.processes;
    all.insert(all.end(), survey.senders.begin(), survey.senders.end());
    return all;
}

// Of several, `account` is what they have in common.
std::string description_of(const ProcessAccount& account, size_t processes) {
    if (processes > 1)
        return printable(account.program) + ", " + std::to_string(processes) + " processes, " +
               state_name(account.state);
    if (account.state == ProcessState::kSender)
        return (account.program.empty() ? "" : "instance " + printable(account.program) + ", ") + "sender";
    return printable(account.program) + ", pid " + std::to_string(account.pid) + ", " + state_name(account.state);
}

Colour colour_of(Judgement verdict) {
    return verdict == Judgement::kOk         ? Colour::kGreen
           : verdict == Judgement::kMismatch ? Colour::kRed
                                             : Colour::kYellow;
}

void print_equation(const Equation& equation, size_t name_cells, size_t text_cells, const Terminal& terminal) {
    std::string line = "  " + fit_left(equation.exporter, name_cells, terminal.unicode) + "  ";
    line += fit_left(printable(equation.text()), text_cells, terminal.unicode) + "  ";
    line += terminal.paint(colour_of(equation.verdict), verdict_word(equation.verdict));
    if (equation.verdict != Judgement::kOk) line += ": " + equation.difference();
    std::cout << line << "\n";
}

std::string how_many(const Survey& survey) {
    std::string text = std::to_string(survey.processes.size()) + " processes";
    if (!survey.senders.empty()) text += ", " + std::to_string(survey.senders.size()) + " senders";
    return text;
}

// What holds is told of together; what does not hold, or may change, is shown where it is.
std::vector<AccountGroup> groups_of(const Audit& result, const std::vector<ProcessAccount>& all, bool each) {
    return grouped(all, [&](size_t which) {
        const auto holds = [](const Equation& equation) { return equation.verdict == Judgement::kOk; };
        return !each && all[which].state == ProcessState::kFinished && all[which].quarantine.empty() &&
               std::all_of(result.equations[which].begin(), result.equations[which].end(), holds);
    });
}

void print(const Audit& result, bool each, const Terminal& terminal) {
    const std::vector<ProcessAccount> all = all_of(result.survey);
    const std::vector<AccountGroup> groups = groups_of(result, all, each);
    std::vector<std::vector<Equation>> equations;
    for (const AccountGroup& group : groups)
        equations.push_back(group.several() ? equations_of(group.account) : result.equations[group.members.front()]);
    std::vector<Equation> totals;
    if (all.size() > 1) totals = equations_of(total_of(all));
    for (Equation& equation : totals) {  // the sums have no cause of their own
        if (equation.verdict != Judgement::kOk) equation.verdict = result.verdict();
    }
    size_t names = 0;
    size_t texts = 0;
    const auto measure = [&](const std::vector<Equation>& list) {
        for (const Equation& equation : list) {
            names = std::max(names, cells(equation.exporter));
            texts = std::max(texts, cells(printable(equation.text())));
        }
    };
    for (const auto& list : equations) measure(list);
    measure(totals);
    for (size_t i = 0; i < groups.size(); ++i) {
        const ProcessAccount& process = groups[i].account;
        std::cout << terminal.paint(Colour::kBold, process.service.empty() ? "(none)" : printable(process.service))
                  << "  " << terminal.paint(Colour::kDim, description_of(process, groups[i].members.size())) << "\n";
        if (process.state == ProcessState::kGone) {
            std::cout << "  "
                      << terminal.paint(Colour::kRed, "its segment was removed before it was drained to the end")
                      << ", or lies where this command does not look (--directory)\n";
        }
        if (!process.quarantine.empty()) {
            std::cout << "  " << terminal.paint(Colour::kRed, "quarantined: " + printable(process.quarantine)) << "\n";
        }
        if (!process.credible) std::cout << "  quarantined; its numbers are in the ledger, which is not to be seen\n";
        for (const Equation& equation : equations[i]) print_equation(equation, names, texts, terminal);
    }
    if (totals.empty()) return;
    std::cout << terminal.paint(Colour::kBold, "all") << "  " << terminal.paint(Colour::kDim, how_many(result.survey))
              << "\n";
    for (const Equation& equation : totals) print_equation(equation, names, texts, terminal);
}

void print_json(const Audit& result) {
    nlohmann::ordered_json json;
    json["verdict"] = verdict_word(result.verdict());
    json["quiet"] = result.quiet;
    json["processes"] = nlohmann::ordered_json::array();
    json["senders"] = nlohmann::ordered_json::array();
    auto equations = result.equations.begin();
    for (const ProcessAccount& process : result.survey.processes) {
        json["processes"].push_back(to_json(process));
        json["processes"].back()["equations"] = equations_json(*equations++);
    }
    for (const ProcessAccount& sender : result.survey.senders) {
        json["senders"].push_back(sender_json(sender));
        json["senders"].back()["equations"] = equations_json(*equations++);
    }
    json["problems"] = result.survey.problems;
    std::cout << json_text(json) << "\n";
}

int run(const Options& options, const CommandContext& context) {
    const auto wait = parse_duration(options.wait);
    if (!wait) {
        std::cerr << "spanring audit: --wait: '" << printable(options.wait)
                  << "' is not a duration (such as 500ms, 10s)\n";
        return kExitUsage;
    }
    const SiteSurvey sites(context.sites);
    const auto deadline = steady_clock::now() + *wait;
    Audit result = look(options, sites);
    for (int looks = 1; result.verdict() != Judgement::kMismatch; ++looks) {
        const bool done = result.verdict() != Judgement::kBusy && (wait->count() == 0 || result.quiet);
        if (done || (steady_clock::now() >= deadline && looks >= kLooks)) break;
        std::this_thread::sleep_for(kBetweenLooks);
        result = look(options, sites);
    }
    if (options.json) {
        print_json(result);
    } else if (result.survey.processes.empty() && result.survey.senders.empty()) {
        std::cout << "No process" << (options.service.empty() ? "" : " of this service")
                  << " writes spans or has written any.\n";
    } else {
        print(result, options.each, context.terminal());
    }
    for (const std::string& problem : result.survey.problems) std::cerr << "spanring: " << printable(problem) << "\n";
    sites.warn();
    const bool exact = result.verdict() != Judgement::kMismatch && result.verdict() != Judgement::kBusy;
    return exact ? 0 : kExitMismatch;
}

}  // namespace

void add_audit(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("audit", "Where every span is, as equations, process by process");
    command->alias("accounting");
    command->add_option("--service", options->service, "processes of this service only")->type_name("NAME");
    command->add_option("--wait", options->wait, "wait until nothing moves or is pending, at most this long")
        ->type_name("TIME");
    command->add_flag("--each", options->each, "each process by itself, also where many have finished and all holds");
    command->add_flag("--json", options->json, "one JSON document");
    command->footer(
        "  started            = ended + open + unfinished\n"
        "  ended + unfinished = exported + rejected + filtered + sampled_out{rule} + dropped{cause} + pending\n"
        "                       (for each exporter)\n"
        "  received           = exported + rejected + filtered + sampled_out{rule} + dropped{cause} + pending\n"
        "                       (of a sender by OTLP)\n"
        "\nOK: holds. MISMATCH: does not hold, in numbers of one instant. busy: does not hold, and something moved in "
        "each\n"
        "look. untrusted: does not hold, and the segment is quarantined because it broke a rule.\n"
        "unfinished: was open when its process died, handed on by the agent. pending: in the ring or a spool.\n"
        "redelivered: delivered by the spool of an agent that was killed, and once more by the next one.\n"
        "\nExit: 0 every equation holds (or is untrusted), 1 one does not.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
