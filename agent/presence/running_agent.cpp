// SPDX-License-Identifier: Apache-2.0
#include "presence/running_agent.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"

namespace spanring::agent {
namespace {

// Non-blocking: a FIFO, or a file with a lease, stops nobody.
Descriptor open_notice(int directory) {
    return Descriptor(::openat(directory, Notice::kName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

// Whether somebody holds its lock, and who: 0 where that process is in a namespace that this one does not see. Only a
// lock for writing counts, which whoever may merely read the file cannot take.
bool is_held(int file, pid_t& ret_holder) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(file, F_GETLK, &lock) != 0 || lock.l_type != F_WRLCK) return false;
    ret_holder = lock.l_pid > 0 ? lock.l_pid : 0;
    return true;
}

bool may_write(const struct stat& directory) { return (directory.st_mode & 022) != 0; }

bool read_whole(int file, std::string& ret_text) {
    ret_text.resize(Notice::kMostBytes + 1);
    const ssize_t size = ::pread(file, ret_text.data(), ret_text.size(), 0);
    if (size < 0) return false;
    ret_text.resize(static_cast<size_t>(size));
    return true;
}

// Empty, or why a path in the notice is not the writer's own.
std::string fault_of(const std::string& path, const RunningAgent& agent) {
    struct stat state {};
    if (::stat(path.c_str(), &state) != 0) return {};  // what cannot be seen cannot be opened either
    if (state.st_uid == agent.user || agent.user == 0) return {};
    return "user " + std::to_string(agent.user) + " wrote it, and " + path + " belongs to user " +
           std::to_string(state.st_uid);
}

std::string parent_of(const std::string& directory) {
    const std::string path = directory.substr(0, directory.find_last_not_of('/') + 1);
    const size_t slash = path.rfind('/');
    return slash == std::string::npos || slash == 0 ? "" : path.substr(0, slash);
}

}  // namespace

bool is_announced(int directory) {
    const Descriptor file = open_notice(directory);
    pid_t holder = 0;
    return file && is_held(file.get(), holder);
}

std::optional<RunningAgent> running_agent_in(const std::string& directory, std::string& ret_problem) {
    ret_problem.clear();
    const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat place {
    }, status{};
    if (!opened || ::fstat(opened.get(), &place) != 0) return std::nullopt;
    const Descriptor file = open_notice(opened.get());
    if (!file) {
        if (errno != ENOENT) ret_problem = error_text(errno);
        return std::nullopt;
    }
    pid_t holder = 0;
    if (!is_held(file.get(), holder)) return std::nullopt;  // its agent is dead
    const bool known = ::fstat(file.get(), &status) == 0;
    // In a directory of root's anybody's file is one that root let in.
    const bool trusted = place.st_uid == 0 || status.st_uid == place.st_uid || status.st_uid == ::geteuid();
    if (!known || !S_ISREG(status.st_mode) || may_write(place) || may_write(status) || !trusted) {
        ret_problem = "others may have written it";
        return std::nullopt;
    }
    std::string text;
    const std::optional<Notice> notice = read_whole(file.get(), text) ? Notice::parse(text) : std::nullopt;
    if (!notice) {
        ret_problem = "no agent's notice is in it";
        return std::nullopt;
    }
    RunningAgent agent{*notice, status.st_uid};
    agent.pid = holder;
    ret_problem = fault_of(agent.state_directory, agent);
    for (const std::string& store : agent.stores) {
        if (ret_problem.empty()) ret_problem = fault_of(store, agent);
    }
    if (!ret_problem.empty()) return std::nullopt;
    return agent;
}

std::optional<RunningAgent> running_agent_of(const std::string& directory, std::string& ret_problem) {
    std::optional<RunningAgent> agent = running_agent_in(directory, ret_problem);
    const std::string parent = parent_of(directory);
    if (agent || !ret_problem.empty() || parent.empty()) return agent;
    agent = running_agent_in(parent, ret_problem);
    ret_problem.clear();  // not every directory that holds another is an agent's
    if (agent && !agent->all_users) agent.reset();
    return agent;
}

}  // namespace spanring::agent
