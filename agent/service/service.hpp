// SPDX-License-Identifier: Apache-2.0
//
// The life of the agent's process around what drains and exports: what it says of itself, signals, reloads, and how
// another process takes over from it. The main thread.
//
// Header bill: the drain's status by value; main.cpp and its own .cpp alone include it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "batch/exporter.hpp"
#include "drain/drain_status.hpp"

namespace spanring::agent {

struct Config;
struct Flags;
struct LoadedConfig;
struct ReloadReport;
struct RunMode;
struct StatusReport;
class FolderSource;
class ListeningSockets;
class Programs;

// What drains and exports, from when it is made. It holds everything that two agents cannot have at once, and has let
// go of it when it is destroyed.
class ServedAgent {
public:
    ServedAgent() = default;
    virtual ~ServedAgent() = default;
    ServedAgent(const ServedAgent&) = delete;
    ServedAgent& operator=(const ServedAgent&) = delete;

    // Takes another configuration over while spans flow. The report's problems say why not, or its keys `anew` that
    // another one is to be made; then nothing has changed. Throws std::runtime_error: the agent cannot go on.
    virtual void reload(const Config& wanted, ReloadReport& report) = 0;
    // What `spanring exporter` and `spanring rules` wrote.
    virtual void follow_command() = 0;

    virtual const std::vector<std::string>& directories() const = 0;
    virtual std::string description() const = 0;
    virtual void log_status() const = 0;
    virtual VisitExporters exporters() const = 0;
    virtual DrainStatus drain() const = 0;
    virtual void describe_decisions(StatusReport& report) const = 0;

    // Before shutdown(), where another agent accepts connections at the same places from then on.
    virtual void wind_down() = 0;
    // False: some spans are left for the next agent.
    virtual bool shutdown(std::chrono::steady_clock::time_point deadline) = 0;
};

// Throws what keeps it from serving. The users (null: this one alone), the sockets and the programs (null: there are
// none) outlive it.
using MakeAgent = std::function<std::unique_ptr<ServedAgent>(const Config& config, FolderSource* users,
                                                             ListeningSockets& sockets, Programs* programs)>;

// Returns the exit code. Throws what `make` throws, and std::runtime_error.
int serve(LoadedConfig loaded, const Flags& flags, const RunMode& mode, MakeAgent make);

}  // namespace spanring::agent
