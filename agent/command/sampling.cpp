// SPDX-License-Identifier: Apache-2.0
//
// `spanring sampling`: what the agent lets the processes of a service record, while they run.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/error_text.hpp"
#include "command/commands.hpp"
#include "command/json_text.hpp"
#include "command/terminal/table.hpp"
#include "sampling/sampling_file.hpp"

namespace spanring::agent {
namespace {

struct Options {
    std::string service = "*";
    std::string rule;
    bool json = false;
};

const char kAnyService[] = "*";

std::string shown(const std::string& service) { return service == kAnyService ? "(all others)" : printable(service); }

// Takes over the identity of the agent's user where root changes that user's file: what this command writes is then no
// more than that user could have written.
void become_user_of(const Site& site) {
    if (::geteuid() != 0 || !site.agent || site.agent->user == 0) return;
    struct stat state {};
    const bool done = ::stat(site.state_directory.c_str(), &state) == 0 && ::setgroups(0, nullptr) == 0 &&
                      ::setresgid(state.st_gid, state.st_gid, state.st_gid) == 0 &&
                      ::setresuid(site.agent->user, site.agent->user, site.agent->user) == 0;
    if (!done) {
        throw std::runtime_error(site.state_directory + ": cannot be changed as user " +
                                 std::to_string(site.agent->user) + ": " + error_text(errno));
    }
}

// The site whose rules are to be changed, or nothing, told, where nobody would read them.
const Site* site_to_change(const CommandContext& context) {
    const Site& site = context.sites.only();
    if (!site.agent && context.given.state_directory.empty()) {
        std::cerr << "spanring: no agent runs that would read the rule; looked in:\n";
        for (const std::string& directory : site.directories) std::cerr << "  " << printable(directory) << "\n";
        std::cerr << "For an agent that is not started yet, name its place by --state-dir.\n";
        return nullptr;
    }
    if (!site.agent) std::cerr << "spanring: no agent runs there; the rules hold once one is started with it\n";
    if (site.agent && ::geteuid() != 0 && site.agent->user != ::geteuid()) {
        std::cerr << "spanring: the agent here (" << describe(*site.agent)
                  << ") takes its rules from that user and from root only\n";
        return nullptr;
    }
    become_user_of(site);
    return &site;
}

int set(const Options& options, const CommandContext& context) {
    std::optional<SamplingRule> rule;
    try {
        rule = SamplingRule::parse(options.rule);
    } catch (const std::invalid_argument& error) {
        std::cerr << "spanring: " << printable(error.what()) << "\n";
        return kExitUsage;
    }
    const Site* const site = site_to_change(context);
    if (site == nullptr) return kExitNotFound;
    const SamplingFile file(site->state_directory);
    SamplingRules rules = file.read();
    rules.insert_or_assign(options.service, *rule);
    file.write(rules);
    return 0;
}

int clear(const Options& options, const CommandContext& context) {
    const Site* const site = site_to_change(context);
    if (site == nullptr) return kExitNotFound;
    const SamplingFile file(site->state_directory);
    SamplingRules rules = file.read();
    if (rules.erase(options.service) == 0) {
        std::cerr << "spanring: there is no rule for " << shown(options.service) << "\n";
        return kExitNotFound;
    }
    file.write(rules);
    return 0;
}

int show(const Options& options, const CommandContext& context) {
    const SamplingFile file(context.sites.only().state_directory);
    const SamplingRules rules = file.read();
    if (options.json) {
        nlohmann::ordered_json document = nlohmann::ordered_json::object();
        for (const auto& [service, rule] : rules) document[service] = rule.text();
        std::cout << json_text(document) << "\n";
        return 0;
    }
    if (rules.empty()) {
        std::cout << "No rules: every process samples as its application configured it (" << printable(file.path())
                  << ").\n";
        return 0;
    }
    Table table;
    table.column("SERVICE", Table::Align::kLeft, true).column("SAMPLED");
    for (const auto& [service, rule] : rules) table.row({{shown(service)}, {rule.text(), Colour::kBold}});
    std::cout << table.render(context.terminal());
    return 0;
}

using Work = int (*)(const Options&, const CommandContext&);

void choose(CLI::App* command, const std::shared_ptr<Options>& options, Selection& selection, Work work) {
    command->callback(
        [=, &selection] { selection.run = [=](const CommandContext& context) { return work(*options, context); }; });
}

}  // namespace

void add_sampling(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("sampling", "What is recorded, by service: shown or changed while processes run");
    command->require_subcommand(1);
    command->fallthrough();
    CLI::App* set_command =
        command->add_subcommand("set", "Sets a rule: from the next span on, also for processes that start later");
    set_command->add_option("-s,--service", options->service,
                            "the service.name; without it, every service without a rule");
    set_command->add_option("rule", options->rule, "0.01 (ratio), 100/s (new traces per second and process), on, off")
        ->required()
        ->type_name("RULE");
    choose(set_command, options, selection, set);
    CLI::App* clear_command =
        command->add_subcommand("clear", "Removes a rule: back to what the application configured");
    clear_command->add_option("-s,--service", options->service, "the service.name; without it, the rule of all others");
    choose(clear_command, options, selection, clear);
    CLI::App* show_command = command->add_subcommand("show", "The rules");
    show_command->add_flag("--json", options->json, "one JSON document");
    choose(show_command, options, selection, show);
    command->footer(
        "Rules decide where traces begin; spans of a trace that was sampled elsewhere follow it, except with `off`.\n"
        "They are kept in the agent's state directory (sampling.json): run this as the agent's user, or as root.");
}

}  // namespace spanring::agent
