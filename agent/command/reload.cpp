// SPDX-License-Identifier: Apache-2.0
//
// `spanring reload`: tells the running agent to read its configuration again, and says what became of that.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/error_text.hpp"
#include "base/wall_clock.hpp"
#include "command/commands.hpp"
#include "command/json_text.hpp"
#include "presence/reload_report.hpp"

namespace spanring::agent {
namespace {

constexpr std::chrono::milliseconds kLook{20};
constexpr std::chrono::minutes kPatience{2};  // an exporter that goes may take its shutdown timeout

struct Options {
    bool json = false;
};

void print_names(const char* what, const std::vector<std::string>& names) {
    for (const std::string& name : names) std::cout << what << " " << printable(name) << "\n";
}

int tell(const ReloadReport& report, bool json) {
    if (json) {
        nlohmann::ordered_json document;
        document["reloaded"] = report.problems.empty();
        document["problems"] = report.problems;
        document["added"] = report.added;
        document["changed"] = report.changed;
        document["removed"] = report.removed;
        document["anew"] = report.anew;
        std::cout << json_text(document) << "\n";
    } else if (report.problems.empty()) {
        std::cout << "reloaded\n";
        print_names("added:  ", report.added);
        print_names("changed:", report.changed);
        print_names("removed:", report.removed);
        print_names("began anew for", report.anew);
    } else {
        for (const std::string& problem : report.problems) std::cerr << "spanring: " << printable(problem) << "\n";
        std::cerr << "spanring: not reloaded, everything goes on as it was\n";
    }
    return report.problems.empty() ? 0 : kExitNotFound;
}

int run(const Options& options, const CommandContext& context) {
    const Site& site = context.sites.only();
    if (!site.agent) {
        std::cerr << "spanring: no agent runs there (" << printable(site.state_directory) << ")\n";
        return kExitUsage;
    }
    if (site.agent->pid == 0) {
        std::cerr << "spanring: the agent is in another namespace of processes: send it SIGHUP there\n";
        return kExitUsage;
    }
    const auto report = [&] { return ReloadReport::read(site.state_directory, site.agent->user); };
    const std::optional<ReloadReport> before = report();
    if (!before) {
        std::cerr << "spanring: what the agent (" << describe(*site.agent)
                  << ") says of its reloads cannot be read; that user and root can\n";
        return kExitBroken;
    }
    const uint64_t asked = unix_nano();
    if (::kill(site.agent->pid, SIGHUP) != 0) {
        std::cerr << "spanring: " << describe(*site.agent) << ": " << error_text(errno) << "\n";
        return kExitBroken;
    }
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
        const std::optional<ReloadReport> now = report();
        // One that began before this was asked may have read the file as it was then; another one follows it.
        const bool ours = now && now->pid == before->pid && now->reloads > before->reloads &&
                          (now->unix_nano >= asked || now->reloads > before->reloads + 1);
        if (ours) return tell(*now, options.json);
        if (::kill(site.agent->pid, 0) != 0 && errno == ESRCH) {
            std::cerr << "spanring: the agent ended; its log says why\n";
            return kExitBroken;
        }
        std::this_thread::sleep_for(kLook);
    }
    std::cerr << "spanring: the agent says nothing; its log may\n";
    return kExitBroken;
}

}  // namespace

void add_reload(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("reload", "Tells the agent to read its configuration again, without losing a span");
    command->add_flag("--json", options->json, "one JSON document");
    command->callback(
        [=, &selection] { selection.run = [=](const CommandContext& context) { return run(*options, context); }; });
    command->footer(
        "The file is checked as a whole first: where anything is wrong, everything goes on as it was, and the exit\n"
        "code is 1. Flags and environment stay those of the agent's start. SIGHUP does the same.");
}

}  // namespace spanring::agent
