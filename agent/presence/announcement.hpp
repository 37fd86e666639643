// SPDX-License-Identifier: Apache-2.0
//
// Keeps an agent's notices in the directories in which they are looked for. Each file is locked before it has its name
// and until the agent is gone, so that a reader knows a notice that a killed agent left. The lock is the process's
// (fcntl(2), F_SETLK) and not the open file's: a child that the agent forks does not inherit it, and the kernel tells
// the reader who holds it. For it not to be lost, nothing else in the agent may open these files.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/descriptor.hpp"
#include "presence/notice.hpp"

namespace spanring::agent {

class Announcement {
public:
    Announcement() = default;
    ~Announcement();  // takes the notices back, where it still may
    Announcement(const Announcement&) = delete;
    Announcement& operator=(const Announcement&) = delete;

    // The directory is this user's, and the notice for this user alone; that of an agent of all users may be root's,
    // and is then for everybody. Nothing is written where others may write, and over no other living agent's notice.
    // Where files cannot be made any more, that of an agent of this user that is gone becomes this one's. Returns why
    // not, or nothing: an agent serves without it.
    std::string place_in(const std::string& directory, const Notice& notice);

    // Another notice wherever one was placed.
    void change(const Notice& notice);

private:
    struct Placed {
        Descriptor directory;
        Descriptor file;  // holds the lock
        mode_t mode = 0600;
    };
    std::vector<Placed> placed_;
};

// In the directories that are there; the log has why not, for who looks for it.
void announce(const Notice& notice, const std::vector<std::string>& directories, Announcement& announcement);

}  // namespace spanring::agent
