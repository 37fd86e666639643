// SPDX-License-Identifier: Apache-2.0
//
// `spanring sampling`: what the agent lets the processes of a service record, while they run.
#include <iostream>
#include <memory>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "command/commands.hpp"
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

int set(const Options& options, const CommandContext& context) {
    const SamplingFile file(context.state_directory);
    SamplingRules rules = file.read();
    try {
        rules.insert_or_assign(options.service, SamplingRule::parse(options.rule));
    } catch (const std::invalid_argument& error) {
        std::cerr << "spanring: " << printable(error.what()) << "\n";
        return kExitUsage;
    }
    file.write(rules);
    return 0;
}

int clear(const Options& options, const CommandContext& context) {
    const SamplingFile file(context.state_directory);
    SamplingRules rules = file.read();
    if (rules.erase(options.service) == 0) {
        std::cerr << "spanring: there is no rule for " << shown(options.service) << "\n";
        return kExitNotFound;
    }
    file.write(rules);
    return 0;
}

int show(const Options& options, const CommandContext& context) {
    const SamplingFile file(context.state_directory);
    const SamplingRules rules = file.read();
    if (options.json) {
        nlohmann::json document = nlohmann::json::object();
        for (const auto& [service, rule] : rules) document[service] = rule.text();
        std::cout << document.dump() << "\n";
        return 0;
    }
    if (rules.empty()) {
        std::cout << "No rules: every process samples as its application configured it (" << file.path() << ").\n";
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
        "They are kept in the agent's state directory (sampling.json), so run this as the agent's user.");
}

}  // namespace spanring::agent
