// SPDX-License-Identifier: Apache-2.0
//
// `spanring trace ID`: one trace as a tree, or beside another.
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "command/commands.hpp"
#include "command/traces/critical_path.hpp"
#include "command/traces/find_traces.hpp"
#include "command/traces/perfetto_json.hpp"
#include "command/traces/store_access.hpp"
#include "command/traces/trace_comparison.hpp"
#include "command/traces/trace_json.hpp"
#include "command/traces/trace_otlp.hpp"
#include "command/traces/trace_view.hpp"
#include "command/traces/tree_selection.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostListed = 10;

struct Options {
    std::string id;
    std::string other;  // to compare with
    TreeSelection selection;
    bool critical = false;
    bool attributes = false;
    bool json = false;
    std::string format = "tree";
};

// Not 0: there is no one such trace, which was said, and this is the exit code.
int load(StoreAccess& store, const std::string& id, TraceTree& ret_tree) {
    const std::vector<TraceId> found = find_traces(*store.operator->(), id, kMostListed + 1);
    if (found.empty()) {
        std::cerr << "spanring trace: no trace in the store begins with '" << printable(id) << "'\n";
        return kExitNotFound;
    }
    if (found.size() > 1) {
        std::cerr << "spanring trace: '" << printable(id) << "' is the beginning of several ids:\n";
        for (size_t i = 0; i < found.size() && i < kMostListed; ++i) std::cerr << "  " << to_hex(found[i]) << "\n";
        if (found.size() > kMostListed) std::cerr << "  and more\n";
        return kExitUsage;
    }
    ret_tree = build_tree(found.front(), store->spans(found.front()));
    if (ret_tree.spans.empty()) {  // removed for age between the two questions
        std::cerr << "spanring trace: " << to_hex(found.front()) << " was just removed from the store\n";
        return kExitNotFound;
    }
    return 0;
}

int run(const Options& options, const CommandContext& context) {
    StoreAccess store(context);
    if (!store) return store.explain();
    store.tell_pending();
    TraceTree tree;
    if (const int code = load(store, options.id, tree); code != 0) return code;
    if (!options.other.empty()) {
        TraceTree other;
        if (const int code = load(store, options.other, other); code != 0) return code;
        std::cout << (options.json ? comparison_json(tree, other) : render_comparison(tree, other, context.terminal()));
        return 0;
    }
    if (options.format == "otlp") {
        std::cout << otlp_json_of_trace(*store.operator->(), tree.trace_id);
        return 0;
    }
    if (options.format == "perfetto") {
        std::cout << perfetto_json(tree);
        return 0;
    }
    if (options.critical) mark_critical_path(tree);
    const TraceTree shown = select_spans(tree, options.selection);
    if (options.json) {
        std::cout << trace_json(shown);
    } else if (shown.spans.empty()) {
        std::cout << "No span of the trace has an error or is unfinished.\n";
    } else {
        std::cout << render_trace(shown, context.terminal(),
                                  {.attributes = options.attributes, .critical = options.critical, .whole = &tree});
    }
    return 0;
}

}  // namespace

void add_trace(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("trace", "One trace: its tree across processes, with a time bar for each span");
    command->add_option("id", options->id, "trace id, its beginning, or 'last'")->type_name("ID")->required();
    command->add_option("--depth", options->selection.depth, "only so many levels of the tree")
        ->type_name("N")
        ->check(CLI::Range(1u, UINT32_MAX));
    command->add_flag("--errors", options->selection.errors_only,
                      "only spans with an error or unfinished, and those above them");
    command->add_flag("--fold", options->selection.fold, "of three or more siblings that are alike only the slowest");
    command->add_flag("--critical", options->critical, "mark what the trace waited for, and how long");
    command->add_option("--compare", options->other, "what another trace has more, less, slower or faster")
        ->type_name("ID");
    command->add_flag("-a,--attributes", options->attributes, "also ids, attributes, events and links of each span");
    command
        ->add_option(
            "--format", options->format,
            "for other programs, the whole trace: 'otlp' (OTLP JSON, see import), or 'perfetto' (trace events, for "
            "ui.perfetto.dev)")
        ->type_name("WHAT")
        ->check(CLI::IsMember({"tree", "otlp", "perfetto"}))
        ->capture_default_str();
    command->add_flag("--json", options->json, "one JSON document");
    command->footer(
        "✗ error   ◌ unfinished: its process died before the span ended   ⇠ its parent is not in the store");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
