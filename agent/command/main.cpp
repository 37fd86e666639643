// SPDX-License-Identifier: Apache-2.0
//
// spanring: looks at what processes, the agent and the local store hold, and at the host. It only reads, except for
// `sampling`, `rules` and `exporter`, which write what the agent follows, `reload` and `status`, which send the agent a
// signal, and `doctor`, which makes files of its own to try things.
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "base/suggest.hpp"
#include "base/version.hpp"
#include "command/commands.hpp"
#include "command/exporter.hpp"
#include "command/rules.hpp"

namespace {

using namespace spanring::agent;

constexpr const char* kFooter =
    R"(Looks at what the running agents keep (agent.json in their runtime directories says where), root at those of all
users; where none runs, in SPANRING_STATE_DIR, else /var/lib/spanring for root, else $XDG_STATE_HOME/spanring, else
~/.local/state/spanring.

Exit: 0 done   1 not found, not exact, not sound   2 wrong flags, or nothing to read   3 unreadable file)";

std::vector<std::string> names_of_options(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

// What CLI11 could not place, as a sentence; empty: nothing.
std::string misplaced(const CLI::App& app) {
    const std::vector<std::string> extras = app.remaining(true);
    if (extras.empty()) return {};
    std::vector<std::string> commands;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        commands.push_back(command->get_name());
    }
    std::vector<std::string> flags = names_of_options(app);
    const auto chosen = app.get_subcommands();
    for (const CLI::App* command : chosen) {
        for (const std::string& name : names_of_options(*command)) flags.push_back(name);
    }
    for (const std::string& extra : extras) {
        if (!extra.starts_with("-")) continue;
        const std::string flag = extra.substr(0, extra.find('='));
        return "unknown flag '" + printable(flag) + "'" + did_you_mean(flag, flags);
    }
    if (chosen.empty())
        return "unknown command '" + printable(extras.front()) + "'" + did_you_mean(extras.front(), commands);
    return "unexpected argument '" + printable(extras.front()) + "'";
}

int run(int argc, char** argv) {
    CommandContext context;
    Selection selection;
    CLI::App app("Looks at spans in shared memory, at the agent's accounts, and at the local span store.", "spanring");
    app.set_version_flag("--version", "spanring " + version());
    app.allow_extras();
    app.fallthrough();
    app.footer(kFooter);
    app.add_option("--state-dir", context.given.state_directory, "the agent's state directory")->type_name("DIR");
    app.add_option("--directory", context.given.directories, "where segments are; may be given several times")
        ->type_name("DIR")
        ->allow_extra_args(false);
    app.add_option("--store", context.store, "the span store's file")->type_name("FILE");
    app.add_option("--colour,--color", context.colour, "auto, always or never")
        ->type_name("WHEN")
        ->check(CLI::IsMember({"auto", "always", "never"}));
    app.add_flag("--ascii", context.ascii, "draw with ASCII characters only");
    add_ps(app, selection);
    add_open(app, selection);
    add_traces(app, selection);
    add_trace(app, selection);
    add_ops(app, selection);
    add_import(app, selection);
    add_tail(app, selection);
    add_top(app, selection);
    add_page(app, selection);
    add_audit(app, selection);
    add_dump(app, selection);
    add_sampling(app, selection);
    add_rules(app, selection);
    add_exporter(app, selection);
    add_reload(app, selection);
    add_status(app, selection);
    add_doctor(app, selection);
    add_flare(app, selection);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
        const std::string extra = misplaced(app);
        std::cerr << "spanring: " << (extra.empty() ? error.what() : extra) << "\n";
        return kExitUsage;
    }
    if (const std::string extra = misplaced(app); !extra.empty()) {
        std::cerr << "spanring: " << extra << "\n";
        return kExitUsage;
    }
    if (!selection.run) {
        std::cout << app.help();
        return 0;
    }
    context.sites = find_sites(context.given);
    for (const std::string& problem : context.sites.problems) std::cerr << "spanring: " << printable(problem) << "\n";
    try {
        return selection.run(context);
    } catch (const SeveralSites& several) {
        std::cerr << "spanring: " << several.what() << "\n";
        return kExitUsage;
    }
}

}  // namespace

// The only place where an exception ends.
int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "spanring: " << error.what() << "\n";
        return kExitBroken;
    }
}
