// SPDX-License-Identifier: Apache-2.0
//
// The subcommands of `spanring`. Each adds itself to the application and leaves its work in Selection.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "command/sites.hpp"
#include "command/terminal/terminal.hpp"

namespace CLI {
class App;
}

namespace spanring::agent {

// Beside 0.
inline constexpr int kExitMismatch = 1;  // audit: an equation does not hold
inline constexpr int kExitNotFound =
    1;                                  // trace: there is none; sampling: no rule, nobody who reads it; reload: refused
inline constexpr int kExitUnsound = 1;  // doctor, status: an error; dump: a file that is damaged or cannot be read
inline constexpr int kExitUsage = 2;    // wrong flags, or nothing to read from
inline constexpr int kExitBroken = 3;   // a file that cannot be read

// What all of them share: where to look, and how to show it.
struct CommandContext {
    GivenPlaces given;  // --state-dir, --directory
    Sites sites;
    std::string store;  // --store; empty: of the site
    std::string colour = "auto";
    bool ascii = false;

    Terminal terminal() const { return Terminal::detect(colour, ascii); }
};

struct Selection {
    std::function<int(const CommandContext&)> run;
};

void add_ps(CLI::App& app, Selection& selection);
void add_open(CLI::App& app, Selection& selection);
void add_traces(CLI::App& app, Selection& selection);
void add_top(CLI::App& app, Selection& selection);
void add_page(CLI::App& app, Selection& selection);
void add_tail(CLI::App& app, Selection& selection);
void add_ops(CLI::App& app, Selection& selection);
void add_import(CLI::App& app, Selection& selection);
void add_trace(CLI::App& app, Selection& selection);
void add_dump(CLI::App& app, Selection& selection);
void add_doctor(CLI::App& app, Selection& selection);
void add_audit(CLI::App& app, Selection& selection);
void add_sampling(CLI::App& app, Selection& selection);
void add_reload(CLI::App& app, Selection& selection);
void add_status(CLI::App& app, Selection& selection);
void add_flare(CLI::App& app, Selection& selection);

}  // namespace spanring::agent
