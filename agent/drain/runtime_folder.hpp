// SPDX-License-Identifier: Apache-2.0
//
// One runtime directory as the agent holds it: checked, locked (agent.lock: one agent for each directory, the kernel
// knows when it is gone), listed, cleaned. Drain thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/types.h>

namespace spanring::agent {

// Another agent serves the directory. The agent exits with kExitBusy (EX_TEMPFAIL).
inline constexpr int kExitBusy = 75;
class AgentBusy : public std::runtime_error {
public:
    explicit AgentBusy(const std::string& directory)
        : std::runtime_error("another agent drains " + directory + " (it holds agent.lock there)") {}
};

class RuntimeFolder {
public:
    // any_file_system: named by a person; otherwise it must be tmpfs.
    RuntimeFolder(std::string path, bool any_file_system);
    ~RuntimeFolder();
    RuntimeFolder(RuntimeFolder&& other) noexcept;
    RuntimeFolder& operator=(RuntimeFolder&&) = delete;

    const std::string& path() const { return path_; }
    bool is_open() const { return fd_ >= 0; }
    int fd() const { return fd_; }
    uid_t owner() const { return owner_; }

    // 0, or -errno: -ENOENT (not there), the refusals of ring::open_checked_directory(). Throws AgentBusy.
    int open(bool create);

    // The directory was removed: its segments, if there are any, live on in their mappings.
    void close();
    bool gone() const;  // nothing, or something else, is at the path by now

    // Names of segments. Removes temporary files that nobody has locked and nobody has touched for so long.
    std::vector<std::string> scan(std::chrono::seconds temporary_age);

    // Removes a file, if the name still leads to this one.
    bool unlink(const std::string& name, dev_t device, ino_t inode);

    // Which file a name leads to. False: none.
    bool identify(const std::string& name, dev_t& ret_device, ino_t& ret_inode) const;

private:
    void remove_if_abandoned(const char* name, std::chrono::seconds temporary_age);

    std::string path_;
    bool any_file_system_;
    int fd_ = -1;
    int lock_ = -1;
    uid_t owner_ = 0;
};

}  // namespace spanring::agent
