// SPDX-License-Identifier: Apache-2.0
//
// What the kernel tells of another process. A process is believed to be the one of a segment only where it has that
// segment mapped: numbers are given anew, and mean something else in another pid namespace.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/process_identity.hpp"
#include "command/library_variables.hpp"

namespace spanring::agent::proc {

// Each: nothing where it is gone, or is not to be seen by this user; errno says which.

// As it was started: what it set later is not among them.
std::optional<Variables> variables(pid_t pid);
std::optional<std::vector<std::string>> arguments(pid_t pid);
std::optional<std::string> mappings(pid_t pid);  // /proc/PID/maps
std::optional<std::string> link(pid_t pid, const std::string& name);
std::optional<std::string> of_thread(pid_t pid, pid_t thread, const std::string& name);  // /proc/PID/task/TID/name

// Its user and group; root's where it does not let others look.
struct Owner {
    uid_t user;
    gid_t group;
};
std::optional<Owner> owner(pid_t pid);

bool maps_segment(const std::string& mappings, const InstanceId& instance);

}  // namespace spanring::agent::proc
