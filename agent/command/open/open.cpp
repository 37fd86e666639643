// SPDX-License-Identifier: Apache-2.0
//
// `spanring open`: what all processes that live are doing right now.
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "base/quantity.hpp"
#include "command/commands.hpp"
#include "command/open/open_json.hpp"
#include "command/open/open_look.hpp"
#include "command/open/open_view.hpp"
#include "command/open/thread_stacks.hpp"
#include "command/open/usual_durations.hpp"
#include "command/traces/store_access.hpp"

namespace spanring::agent {
namespace {

struct Options {
    OpenFilter filter;
    OpenViewOptions view;
    std::string stuck;
    bool unusual = false;
    bool stack = false;
    bool json = false;
};

// By the newest spans of the local store. False: there is none, and that was said.
bool learn(const CommandContext& context, UsualDurations& ret_usual, int& ret_code) {
    StoreAccess store(context, StoreAccess::kAtOnce);
    if (!store) {
        std::cerr << "spanring open: --unusual compares with the local store.\n";
        ret_code = store.explain();
        return false;
    }
    store->newest_durations([&](const std::string& service, const std::string& name, uint64_t duration_nano) {
        ret_usual.add(service, name, duration_nano);
    });
    ret_usual.settle();
    return true;
}

void print_table(const OpenLook& look, const Options& options, const CommandContext& context) {
    if (!look.spans.empty()) {
        std::cout << render_open(look, context.terminal(), options.view);
    } else if (look.open != 0) {
        std::cout << "None of " << look.open << " open spans matches.\n";
    } else if (look.processes != 0) {
        std::cout << "No span is open in " << look.processes << (look.processes == 1 ? " process.\n" : " processes.\n");
    } else {
        std::cout << "No process that writes spans runs. Looked in:\n";
        for (const Site& site : context.sites.all) {
            for (const std::string& directory : site.directories) std::cout << "  " << printable(directory) << "\n";
        }
    }
}

void print_notes(const OpenLook& look) {
    if (look.spans.size() < look.matching)
        std::cerr << "The oldest " << look.spans.size() << " of " << look.matching << "; --limit 0 shows all.\n";
    if (look.not_known != 0)
        std::cerr << look.not_known << " are of operations of which the store has fewer than "
                  << UsualDurations::kFewest << " spans: what is usual for them is not known.\n";
    if (look.changed != 0) std::cerr << look.changed << " changed each time they were looked at, and are left out.\n";
    for (const std::string& problem : look.problems) std::cerr << "spanring: " << printable(problem) << "\n";
}

int run(const Options& options, const CommandContext& context) {
    OpenFilter filter = options.filter;
    if (!options.stuck.empty()) {
        const auto parsed = parse_duration(options.stuck);
        if (!parsed) {
            std::cerr << "spanring open: --stuck: '" << printable(options.stuck)
                      << "' is not a duration (such as 10ms, 2s, 15m)\n";
            return kExitUsage;
        }
        filter.stuck_nano = static_cast<uint64_t>(parsed->count());
    }
    UsualDurations usual;
    if (options.unusual) {
        int code = 0;
        if (!learn(context, usual, code)) return code;
        filter.usual = &usual;
    }
    const OpenLook look = look_at_open_spans(context.sites, filter);
    std::optional<std::vector<ThreadStack>> stacks;
    if (options.stack) stacks = stacks_of(look.spans);
    if (options.json) {
        std::cout << open_json(look, stacks ? &*stacks : nullptr) << "\n";
        return 0;
    }
    print_table(look, options, context);
    if (stacks) std::cout << render_stacks(*stacks, context.terminal());
    std::cout.flush();
    print_notes(look);
    return 0;
}

}  // namespace

void add_open(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("open", "What is open right now in all processes, the oldest first");
    command->add_option("--service", options->filter.service, "spans of this service's processes")->type_name("NAME");
    command->add_option("--name", options->filter.name, "spans whose name contains this")->type_name("TEXT");
    command->add_option("--pid", options->filter.pid, "spans of this process")->type_name("PID");
    command->add_option("--stuck", options->stuck, "spans that are open longer than this")->type_name("TIME");
    command->add_flag("--unusual", options->unusual,
                      "spans that are open longer than is usual for their operation, by the local store");
    command
        ->add_option("--factor", options->filter.factor,
                     "with --unusual: how many times as long as 95 of 100 take at most")
        ->type_name("FACTOR")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("-n,--limit", options->filter.limit, "at most this many, the oldest (0: all)")
        ->type_name("N")
        ->capture_default_str();
    command->add_flag("-a,--attributes", options->view.attributes,
                      "also ids, the parent, attributes and events of each span");
    command->add_flag("--stack", options->stack, "also where the threads are; stops each for some milliseconds to see");
    command->add_flag("--json", options->json, "one JSON document");
    command->footer(
        "A span stands below its parent where that is open too, in whatever process. Nothing is written or\n"
        "locked, and without --stack nothing waits.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
