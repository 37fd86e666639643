// SPDX-License-Identifier: Apache-2.0
//
// `spanring trace ID`: one trace as a tree.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "command/commands.hpp"
#include "command/traces/store_access.hpp"
#include "command/traces/trace_json.hpp"
#include "command/traces/trace_view.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostListed = 10;

struct Options {
    std::string id;
    bool attributes = false;
    bool json = false;
};

std::vector<TraceId> find_traces(StoreReader& store, const std::string& id) {
    if (id != "last") return store.matching(id, kMostListed + 1);
    TraceFilter filter;
    filter.limit = 1;
    std::vector<TraceId> found;
    for (const TraceSummary& trace : store.recent(filter)) found.push_back(trace.trace_id);
    return found;
}

int run(const Options& options, const CommandContext& context) {
    StoreAccess store(context);
    if (!store) return store.explain();
    store.tell_pending();
    const std::vector<TraceId> found = find_traces(*store.operator->(), options.id);
    if (found.empty()) {
        std::cerr << "spanring trace: no trace in the store begins with '" << printable(options.id) << "'\n";
        return kExitNotFound;
    }
    if (found.size() > 1) {
        std::cerr << "spanring trace: '" << printable(options.id) << "' is the beginning of several ids:\n";
        for (size_t i = 0; i < found.size() && i < kMostListed; ++i) std::cerr << "  " << to_hex(found[i]) << "\n";
        if (found.size() > kMostListed) std::cerr << "  and more\n";
        return kExitUsage;
    }
    const TraceTree tree = build_tree(found.front(), store->spans(found.front()));
    if (tree.spans.empty()) {  // removed for age between the two questions
        std::cerr << "spanring trace: " << to_hex(found.front()) << " was just removed from the store\n";
        return kExitNotFound;
    }
    std::cout << (options.json ? trace_json(tree)
                               : render_trace(tree, context.terminal(), {.attributes = options.attributes}));
    return 0;
}

}  // namespace

void add_trace(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("trace", "One trace: its tree across processes, with a time bar for each span");
    command->add_option("id", options->id, "trace id, its beginning, or 'last'")->type_name("ID")->required();
    command->add_flag("-a,--attributes", options->attributes, "also ids, attributes, events and links of each span");
    command->add_flag("--json", options->json, "one JSON document");
    command->footer(
        "✗ error   ◌ unfinished: its process died before the span ended   ⇠ its parent is not in the store");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
