// SPDX-License-Identifier: Apache-2.0
//
// The local stores of all agents that are found, each followed from when the command began; those of agents that come
// later are found too. --store names a single one. What cannot be read is tried again.
#pragma once

#include <cstdint>
#include <list>
#include <set>
#include <string>

#include "command/commands.hpp"
#include "store/store_follower.hpp"

namespace spanring::agent {

class FollowedStores {
public:
    explicit FollowedStores(const CommandContext& context);

    bool empty() const { return stores_.empty(); }
    int explain() const;        // where there is none: to stderr; returns the exit code
    std::string notes() const;  // which agents keep no store, a line each

    // Asks again which agents run.
    void look_for_more();

    struct Source {
        Source(const std::string& file, uint64_t since_unix_nano) : follower(file, since_unix_nano) {}

        StoreFollower follower;
        std::string problem;  // of the last call; empty: none
    };
    std::list<Source>& all() { return stores_; }

private:
    void take(const Sites& sites);
    void add(const std::string& file);

    const CommandContext& context_;
    const uint64_t begin_unix_nano_;
    std::list<Source> stores_;
    std::set<std::string> files_;
};

}  // namespace spanring::agent
