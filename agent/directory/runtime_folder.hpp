// SPDX-License-Identifier: Apache-2.0
//
// One runtime directory as the agent holds it: checked, locked (agent.lock: one agent for each directory, the kernel
// knows when it is gone), listed, cleaned. Drain thread only.
//
// Header bill: it holds its listing; served_folders.cpp alone includes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <sys/types.h>

#include "base/descriptor.hpp"
#include "directory/folder.hpp"
#include "directory/segment_listing.hpp"

namespace spanring::agent {

class RuntimeFolder final : public Folder {
public:
    // any_file_system: it was configured; otherwise it must be tmpfs.
    RuntimeFolder(std::string path, bool any_file_system);

    const std::string& path() const override { return path_; }
    bool is_open() const override { return static_cast<bool>(directory_); }
    uid_t owner() const override { return owner_; }
    int open(bool create) override;
    void watch(DirectoryWatch& watch, size_t number) override { watch.watch(number, path_); }
    void close() override;
    bool gone() const override;
    Listing scan(size_t most, std::chrono::seconds temporary_age) override;
    SegmentFile open_segment(const std::string& name) const override;
    bool unlink(const std::string& name, dev_t device, ino_t inode) override;

private:
    std::string path_;
    bool any_file_system_;
    Descriptor directory_;
    Descriptor lock_;
    SegmentListing listing_;
    uid_t owner_ = 0;
};

}  // namespace spanring::agent
