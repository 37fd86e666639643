// SPDX-License-Identifier: Apache-2.0
//
// `spanring dump SEGMENT`: what is in a segment's file.
#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "command/commands.hpp"
#include "command/dump/dump_json.hpp"
#include "command/dump/dump_view.hpp"

namespace spanring::agent {
namespace {

struct Options {
    DumpViewOptions view;
    std::string format = "tree";
};

int run(const Options& options, const CommandContext& context) {
    const auto read = read_dump(options.view.file);
    const std::string name = "spanring dump: " + printable(options.view.file) + ": ";
    if (const auto* reason = std::get_if<std::string>(&read)) {
        std::cerr << name << *reason << "\n";
        return kExitUnsound;
    }
    const SegmentDump& dump = std::get<SegmentDump>(read);
    if (options.format == "json") {
        std::cout << dump_json_lines(dump, options.view.selection);
    } else {
        std::cout << render_dump(dump, context.terminal(), options.view);
    }
    std::cout.flush();
    std::istringstream problems(render_problems(dump));
    for (std::string problem; std::getline(problems, problem);) std::cerr << name << problem << "\n";
    return dump.problems.empty() ? 0 : kExitUnsound;
}

}  // namespace

void add_dump(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("dump", "What is in a segment's file: of a process that runs, died, or ran elsewhere");
    command->add_option("segment", options->view.file, "the file")->type_name("SEGMENT")->required();
    command->add_option("--format", options->format, "tree, or json: OTLP JSON lines")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"tree", "json"}));
    command->add_flag_callback(
        "--json", [options] { options->format = "json"; }, "the same as --format json");
    command->add_flag("--open", options->view.selection.open_only, "only spans that never ended");
    command->add_flag("--pending", options->view.selection.pending_only,
                      "of the ended ones, only those that no agent has acknowledged");
    command->add_flag("-a,--attributes", options->view.attributes,
                      "also ids, attributes, events and links of each span");
    command->add_option("-n,--limit", options->view.selection.limit, "at most this many spans, the newest (0: all)")
        ->type_name("N");
    command->footer(
        "Reads the file and nothing else, takes no lock and writes nothing. In OTLP JSON an open span ends now, or at "
        "the last\n"
        "sign of life, with the attributes spanring.unfinished and thread.id.\n"
        "\nExit: 0, or 1 where the file cannot be read or is damaged; what can still be read is printed nevertheless.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
