// SPDX-License-Identifier: Apache-2.0
//
// `spanring exporter`: pauses one of the running agent's exporters, and has it go on.
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/suggest.hpp"
#include "command/ask.hpp"
#include "command/commands.hpp"
#include "command/exporter.hpp"
#include "presence/paused_exporters.hpp"

namespace spanring::agent {
namespace {

struct Options {
    std::string name;
};

int fail(int code, const std::string& what) {
    std::cerr << "spanring: " << what << "\n";
    return code;
}

const StatusReport::Exporter* find(const StatusReport& report, const std::string& name) {
    const auto same = [&](const StatusReport::Exporter& each) { return each.name == name; };
    const auto found = std::find_if(report.exporters.begin(), report.exporters.end(), same);
    return found != report.exporters.end() ? &*found : nullptr;
}

int change(const Options& options, bool pause, const CommandContext& context) {
    const Site& site = context.sites.only();
    if (!site.agent) return fail(kExitUsage, "no agent runs there (" + printable(site.state_directory) + ")");
    std::string problem;
    const std::optional<StatusReport> before = ask_agent(site, problem);
    if (!before) return fail(kExitBroken, problem);
    const uid_t user = site.agent->user;
    if (find(*before, options.name) == nullptr) {
        const std::optional<PausedExporters> paused = PausedExporters::read(site.state_directory, user);
        if (!pause && paused && paused->names.contains(options.name)) {  // it went while it was paused
            PausedExporters::change(site.state_directory, user, options.name, false);
            return 0;
        }
        std::vector<std::string> names;
        for (const StatusReport::Exporter& each : before->exporters) names.push_back(printable(each.name));
        return fail(kExitNotFound, "the agent has no exporter '" + printable(options.name) + "'" +
                                       did_you_mean(printable(options.name), names));
    }
    PausedExporters::change(site.state_directory, user, options.name, pause);
    const std::optional<StatusReport> after = ask_agent(site, problem);
    if (!after) return fail(kExitBroken, problem);
    const StatusReport::Exporter* const exporter = find(*after, options.name);
    if (exporter == nullptr) return fail(kExitNotFound, "the agent has no such exporter any more");
    if (exporter->paused != pause) {
        PausedExporters::change(site.state_directory, user, options.name, false);
        return fail(kExitUsage, printable(options.name) + " cannot be paused: there is no place for what would wait");
    }
    return 0;
}

void add(CLI::App& to, const char* name, const char* help, bool pause, const std::shared_ptr<Options>& options,
         Selection& selection) {
    CLI::App* const command = to.add_subcommand(name, help);
    command->add_option("name", options->name, "as `spanring status` has it")->required()->type_name("NAME");
    command->callback([=, &selection] {
        selection.run = [=](const CommandContext& context) { return change(*options, pause, context); };
    });
}

}  // namespace

void add_exporter(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* const command = app.add_subcommand("exporter", "Pauses an exporter of the agent, and has it go on");
    command->require_subcommand(1);
    command->fallthrough();
    add(*command, "pause", "Nothing is sent by it, until it is resumed; what comes goes to its spool", true, options,
        selection);
    add(*command, "resume", "It goes on, with what waits first", false, options, selection);
    command->footer("A pause outlasts the agent. `status`, `ps`, `top` and the metrics show it.");
}

}  // namespace spanring::agent
