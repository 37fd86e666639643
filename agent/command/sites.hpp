// SPDX-License-Identifier: Apache-2.0
//
// Where a command looks. A site is a state directory with the runtime directories whose processes it accounts for: that
// of each agent that runs, found by its notice, else the place in which this user's agent keeps its state. root also
// finds the agents and processes of all users.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "presence/running_agent.hpp"

namespace spanring::agent {

struct Site {
    std::string state_directory;
    std::vector<std::string> directories;
    std::optional<RunningAgent> agent;  // that keeps its state there; empty: none runs

    std::string ledger_file() const { return state_directory + "/ledger.db"; }
    std::string store_file() const {
        return agent && !agent->stores.empty() ? agent->stores.front() : state_directory + "/spans.db";
    }
};

// What the caller named; empty: nothing.
struct GivenPlaces {
    std::string state_directory;
    std::vector<std::string> directories;
};

struct Sites {
    std::vector<Site> all;              // one at least, this user's own first
    std::vector<std::string> problems;  // notices that are not believed

    // For a command that reads or writes one state directory: this user's agent's, else that of the only agent. Throws
    // SeveralSites.
    const Site& only() const;
};

struct SeveralSites : std::runtime_error {
    using std::runtime_error::runtime_error;
};

Sites find_sites(const GivenPlaces& given);

// "pid 4711" or, of another user's, "pid 4711 of user 998".
std::string describe(const RunningAgent& agent);

}  // namespace spanring::agent
