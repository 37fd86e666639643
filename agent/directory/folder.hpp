// SPDX-License-Identifier: Apache-2.0
//
// A runtime directory as the drain sees it, whoever opens what is in it: the agent by itself (RuntimeFolder), or the
// opener for it (ForeignFolder). Drain thread only.
#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/types.h>

#include "directory/directory_watch.hpp"
#include "segment/segment_file.hpp"

namespace spanring::agent {

// Another agent serves the directory. The agent exits with kExitBusy (EX_TEMPFAIL).
inline constexpr int kExitBusy = 75;
class AgentBusy : public std::runtime_error {
public:
    explicit AgentBusy(const std::string& directory)
        : std::runtime_error("another agent drains " + directory + " (it holds agent.lock there)") {}
};

struct ListedFile {
    std::string name;
    ino_t inode = 0;  // as the directory has it
};
struct Listing {
    std::vector<ListedFile> segments;
    bool complete = true;  // the next call begins anew
    bool failed = false;   // there may be others
};

class Folder {
public:
    virtual ~Folder() = default;

    virtual const std::string& path() const = 0;
    virtual bool is_open() const = 0;
    virtual uid_t owner() const = 0;

    // 0, or -errno: -ENOENT (missing), the refusals of ring::open_checked_directory(). Throws AgentBusy.
    virtual int open(bool create) = 0;

    // Makes `watch` report what happens in it, under this number.
    virtual void watch(DirectoryWatch& watch, size_t number) = 0;

    // The directory was removed: its segments, if there are any, live on in their mappings.
    virtual void close() = 0;
    virtual bool gone() const = 0;  // nothing, or something else, is at the path by now

    // Names of segments, from where the last call stopped. Looks at so many names, and at few temporary files beside:
    // removes those that nobody has locked and nobody has touched for that long.
    virtual Listing scan(size_t most, std::chrono::seconds temporary_age) = 0;

    virtual SegmentFile open_segment(const std::string& name) const = 0;

    // Removes a file, if the name still leads to this one.
    virtual bool unlink(const std::string& name, dev_t device, ino_t inode) = 0;
};

// Where folders come from while the agent runs: one for each user.
class FolderSource {
public:
    virtual ~FolderSource() = default;
    virtual const std::string& parent() const = 0;                // of all of them
    virtual std::vector<std::unique_ptr<Folder>> appeared() = 0;  // since the last call
};

}  // namespace spanring::agent
