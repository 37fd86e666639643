// SPDX-License-Identifier: Apache-2.0
//
// `spanring doctor`: whether everything that spanring needs is there, and what to do where it is not.
#include <signal.h>
#include <sys/utsname.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/quantity.hpp"
#include "command/commands.hpp"
#include "command/doctor/agent_configuration.hpp"
#include "command/doctor/agent_facts.hpp"
#include "command/doctor/kernel_facts.hpp"
#include "command/doctor/library_copies.hpp"
#include "command/doctor/place_facts.hpp"
#include "command/doctor/process_facts.hpp"
#include "command/doctor/subject.hpp"
#include "command/doctor/variable_facts.hpp"
#include "command/json_text.hpp"
#include "command/processes/site_survey.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kHealthCells = 7;
constexpr size_t kCheckCells = 13;

struct Options {
    bool json = false;
    std::string config;
    std::string patience = "2s";
    pid_t pid = 0;
};

// What only the caller may see is looked at first; then the rest, as the process would.
Findings examine(const Options& options, const CommandContext& context, const Subject& subject,
                 std::chrono::milliseconds patience) {
    Findings all;
    const auto add = [&](Findings more) { all.insert(all.end(), more.begin(), more.end()); };
    const bool asked = options.pid != 0;
    Sites sites = context.sites;
    if (asked) {
        subject.take_variables();
        sites = find_sites(context.given);
    }
    const Survey survey = SiteSurvey(sites).look(false);
    const Findings accounts = asked ? look_at_process(subject, survey, sites) : look_at_accounts(survey);
    const Findings backends = look_at_backends(configuration_of(sites.all.front(), options.config), patience);
    subject.take_user();

    utsname system{};
    ::uname(&system);
    all.push_back(judge_kernel(system.release));
    const Places places = look_at_places(context.given.directories);
    // Where segments will be, or at least on a tmpfs.
    add(look_at_kernel(places.usable.empty() ? "/dev/shm" : places.usable));
    all.push_back(look_at_clock());
    add(places.findings);
    add(look_at_logind(places.usable));
    add(look_at_limits(asked ? subject.pid : 0));
    add(look_at_segments(places.directories));
    add(subject.look());
    if (asked) add(look_at_library_copies(subject.pid, subject.mappings));
    add(look_at_variables(subject.variables));
    add(accounts);
    add(look_at_agents(places.directories, sites));
    add(backends);
    return all;
}

Health worst(const Findings& findings) {
    Health health = Health::kOk;
    for (const Finding& finding : findings) health = std::max(health, finding.health);
    return health;
}

void print(const Findings& findings, const Terminal& terminal) {
    for (const Finding& finding : findings) {
        const Colour colour = finding.health == Health::kOk        ? Colour::kGreen
                              : finding.health == Health::kWarning ? Colour::kYellow
                                                                   : Colour::kRed;
        std::cout << terminal.paint(colour, fit_left(word(finding.health), kHealthCells, terminal.unicode)) << "  "
                  << fit_left(finding.check, kCheckCells, terminal.unicode) << "  " << printable(finding.found) << "\n";
        if (!finding.advice.empty())
            std::cout << std::string(kHealthCells + kCheckCells + 4, ' ') << (terminal.unicode ? "→ " : "-> ")
                      << printable(finding.advice) << "\n";
    }
    const auto count = [&](Health health) {
        return std::count_if(findings.begin(), findings.end(),
                             [&](const Finding& finding) { return finding.health == health; });
    };
    std::cout << count(Health::kError) << " errors, " << count(Health::kWarning) << " warnings\n";
}

void print_json(const Findings& findings) {
    nlohmann::ordered_json json;
    json["verdict"] = word(worst(findings));
    json["checks"] = nlohmann::ordered_json::array();
    for (const Finding& finding : findings) {
        nlohmann::ordered_json check;
        check["check"] = finding.check;
        check["health"] = word(finding.health);
        check["found"] = finding.found;
        check["advice"] = finding.advice;
        json["checks"].push_back(std::move(check));
    }
    std::cout << json_text(json) << "\n";
}

int run(const Options& options, const CommandContext& context) {
    const auto patience = parse_duration(options.patience);
    if (!patience) {
        std::cerr << "spanring doctor: --patience: '" << printable(options.patience)
                  << "' is not a duration (such as 500ms, 10s)\n";
        return kExitUsage;
    }
    ::signal(SIGXFSZ, SIG_IGN);  // a file that is larger than allowed is a finding, and not the end
    const Subject subject = options.pid != 0 ? Subject::of(options.pid) : Subject::self();
    const Findings findings =
        examine(options, context, subject, std::chrono::duration_cast<std::chrono::milliseconds>(*patience));
    if (options.json)
        print_json(findings);
    else
        print(findings, context.terminal());
    return worst(findings) == Health::kError ? kExitUnsound : 0;
}

}  // namespace

void add_doctor(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("doctor", "Whether everything that spanring needs is there, and what to do where it is not");
    command
        ->add_option("--config", options->config,
                     "a configuration, in place of the running agent's (else /etc/spanring/config.yaml if it is there)")
        ->type_name("FILE");
    command->add_option("--pid", options->pid, "a process whose spans do not arrive: with its environment, as its user")
        ->type_name("PID")
        ->check(CLI::PositiveNumber);
    command->add_option("--patience", options->patience, "for a connection to a backend (2s)")->type_name("TIME");
    command->add_flag("--json", options->json, "one JSON document");
    command->footer(
        "Name the process whose spans do not arrive by --pid, or run this as its user and with its environment.\n"
        "It makes a folder of its own where segments are, and removes it; nothing else is changed.\n"
        "\nExit: 0, or 1 where there is an error.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
