// SPDX-License-Identifier: Apache-2.0
//
// `spanring accounting`: every span is somewhere, and here is where.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include "command/commands.hpp"
#include "command/equations.hpp"
#include "command/ledger_access.hpp"
#include "command/process_json.hpp"
#include "config/quantity.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Between two readings that must agree before a process counts as quiet.
constexpr milliseconds kInterval{100};
// An equation that does not hold gets so many more readings before that is the verdict.
constexpr int kSecondLooks = 10;

struct Options {
    bool json = false;
    std::string service;
    std::string wait = "0";
};

struct Audit {
    Survey survey;
    std::vector<std::vector<Equation>> equations;  // by process
    bool settled = true;                           // quiet, and nothing pending

    Verdict verdict() const {
        Verdict worst = Verdict::kOk;
        for (const auto& list : equations) {
            for (const Equation& equation : list) worst = std::max(worst, equation.verdict);
        }
        return worst;
    }
};

Survey look(const Options& options, const CommandContext& context, const Ledger* ledger) {
    Survey found = survey(context.directories, ledger, true);
    if (!options.service.empty()) {
        std::erase_if(found.processes,
                      [&](const ProcessAccount& process) { return process.service != options.service; });
    }
    return found;
}

Audit audit(const Survey& before, Survey now) {
    Audit result;
    for (const ProcessAccount& process : now.processes) {
        const auto same = std::find_if(before.processes.begin(), before.processes.end(),
                                       [&](const ProcessAccount& known) { return known.instance == process.instance; });
        ProcessAccount known = same != before.processes.end() ? *same : ProcessAccount{};
        known.fill = process.fill;  // the agent frees chunks later; no span changes its place by that
        // Of the dead the agent still has to take the last spans, and to finish the step at which each one died.
        const bool leaving = process.state == ProcessState::kDead;
        const bool quiet = !process.moving && !leaving && known == process;
        const bool pending = std::any_of(process.exporters.begin(), process.exporters.end(),
                                         [](const ExporterAccount& exporter) { return exporter.pending() != 0; });
        result.settled = result.settled && quiet && !pending;
        result.equations.push_back(equations_of(process, quiet));
    }
    result.survey = std::move(now);
    return result;
}

const char* word(Verdict verdict) {
    switch (verdict) {
        case Verdict::kOk: return "OK";
        case Verdict::kBusy: return "busy";
        case Verdict::kUntrusted: return "untrusted";
        case Verdict::kMismatch: return "MISMATCH";
    }
    return "?";
}

Colour colour_of(Verdict verdict) {
    return verdict == Verdict::kOk ? Colour::kGreen : verdict == Verdict::kMismatch ? Colour::kRed : Colour::kYellow;
}

void print_equation(const Equation& equation, size_t name_cells, size_t text_cells, const Terminal& terminal) {
    std::string line = "  " + fit_left(equation.exporter, name_cells, terminal.unicode) + "  ";
    line += fit_left(equation.text(), text_cells, terminal.unicode) + "  ";
    line += terminal.paint(colour_of(equation.verdict), word(equation.verdict));
    if (equation.verdict != Verdict::kOk) {
        line += " (" + std::to_string(equation.left_sum()) + " and " + std::to_string(equation.right_sum()) + ")";
    }
    std::cout << line << "\n";
}

void print(const Audit& result, const Terminal& terminal) {
    std::vector<Equation> totals;
    if (result.survey.processes.size() > 1) totals = equations_of(total_of(result.survey.processes), false);
    size_t names = 0;
    size_t texts = 0;
    const auto measure = [&](const std::vector<Equation>& list) {
        for (const Equation& equation : list) {
            names = std::max(names, cells(equation.exporter));
            texts = std::max(texts, cells(equation.text()));
        }
    };
    for (const auto& list : result.equations) measure(list);
    measure(totals);
    for (size_t i = 0; i < result.survey.processes.size(); ++i) {
        const ProcessAccount& process = result.survey.processes[i];
        std::cout << terminal.paint(Colour::kBold, process.service.empty() ? "(none)" : printable(process.service))
                  << "  "
                  << terminal.paint(Colour::kDim, printable(process.program) + ", pid " + std::to_string(process.pid) +
                                                      ", " + state_name(process.state))
                  << "\n";
        if (!process.quarantine.empty()) {
            std::cout << "  " << terminal.paint(Colour::kRed, "quarantined: " + printable(process.quarantine)) << "\n";
        }
        for (const Equation& equation : result.equations[i]) print_equation(equation, names, texts, terminal);
    }
    if (totals.empty()) return;
    std::cout << terminal.paint(Colour::kBold, "all") << "  "
              << terminal.paint(Colour::kDim, std::to_string(result.survey.processes.size()) + " processes") << "\n";
    for (const Equation& equation : totals) print_equation(equation, names, texts, terminal);
}

void print_json(const Audit& result) {
    nlohmann::ordered_json json;
    json["verdict"] = word(result.verdict());
    json["settled"] = result.settled;
    json["processes"] = nlohmann::ordered_json::array();
    for (size_t i = 0; i < result.survey.processes.size(); ++i) {
        auto process = to_json(result.survey.processes[i]);
        process["equations"] = nlohmann::ordered_json::array();
        for (const Equation& equation : result.equations[i]) {
            process["equations"].push_back(
                {{"exporter", equation.exporter}, {"equation", equation.text()}, {"verdict", word(equation.verdict)}});
        }
        json["processes"].push_back(std::move(process));
    }
    json["problems"] = result.survey.problems;
    std::cout << json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

int run(const Options& options, const CommandContext& context) {
    const auto wait = parse_duration(options.wait);
    if (!wait) {
        std::cerr << "spanring accounting: --wait: '" << printable(options.wait)
                  << "' is no duration (such as 500ms, 10s)\n";
        return kExitUsage;
    }
    const LedgerAccess ledger(context.ledger_file());
    const auto deadline = steady_clock::now() + *wait;
    Survey before = look(options, context, ledger.get());
    Audit result;
    int second_looks = kSecondLooks;
    for (;;) {
        std::this_thread::sleep_for(kInterval);
        result = audit(before, look(options, context, ledger.get()));
        if (result.verdict() == Verdict::kOk && result.settled) break;
        const bool doubtful = result.verdict() == Verdict::kMismatch && second_looks-- > 0;
        if (!doubtful && steady_clock::now() >= deadline) break;
        before = result.survey;
    }
    if (options.json) {
        print_json(result);
    } else if (result.survey.processes.empty()) {
        std::cout << "No process" << (options.service.empty() ? "" : " of this service")
                  << " writes spans or has written any.\n";
    } else {
        print(result, context.terminal());
    }
    for (const std::string& problem : result.survey.problems) std::cerr << "spanring: " << printable(problem) << "\n";
    ledger.warn();
    return result.verdict() == Verdict::kMismatch ? kExitMismatch : 0;
}

}  // namespace

void add_accounting(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("accounting", "Where every span is, as equations, process by process");
    command->add_option("--service", options->service, "processes of this service only")->type_name("NAME");
    command->add_option("--wait", options->wait, "until nothing is pending, at most so long")->type_name("TIME");
    command->add_flag("--json", options->json, "one JSON document");
    command->footer(
        "  started            = ended + open + unfinished\n"
        "  ended + unfinished = exported + rejected + dropped{cause} + pending   (for each exporter)\n"
        "\nOK: holds. busy: something moved while it was read. MISMATCH: does not hold although nothing moved.\n"
        "untrusted: does not hold, and the agent gave that segment up for a broken rule.\n"
        "unfinished: was open when its process died, handed on by the agent. pending: in the ring or a spool.\n"
        "\nExit: 0, or 1 where an equation does not hold.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
