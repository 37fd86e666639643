// SPDX-License-Identifier: Apache-2.0
//
// The agent that serves a directory, by its notice there. A notice is believed where only its directory's owner, root
// or this user can have put it, while its writer holds its lock, and where the state directory and the files that it
// names are its writer's: what the command opens there is then no more than that user could have been asked for.
#pragma once

#include <optional>
#include <string>

#include "presence/notice.hpp"

namespace spanring::agent {

struct RunningAgent : Notice {
    uid_t user = 0;  // who wrote the notice
    // `pid` is what the kernel says, not what is written; 0: in another namespace.
};

// Of the notice in a directory. `ret_problem`: why one that is there is not believed.
std::optional<RunningAgent> running_agent_in(const std::string& directory, std::string& ret_problem);

// Of a runtime directory: its own, else that of all users, which announces itself in the directory above.
std::optional<RunningAgent> running_agent_of(const std::string& directory, std::string& ret_problem);

// Whether a living agent's notice is in an open directory.
bool is_announced(int directory);

}  // namespace spanring::agent
