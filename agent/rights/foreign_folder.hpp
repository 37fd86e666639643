// SPDX-License-Identifier: Apache-2.0
//
// The runtime directory of another user, through the opener. The drainer may list it and nothing more.
//
// Header bill: it holds its listing; users.cpp alone includes it.
#pragma once

#include <string>

#include "base/descriptor.hpp"
#include "directory/folder.hpp"
#include "directory/segment_listing.hpp"
#include "rights/users.hpp"

namespace spanring::agent {

class ForeignFolder final : public Folder {
public:
    ForeignFolder(Users& users, std::string path, uid_t owner) : users_(users), path_(std::move(path)), owner_(owner) {}

    const std::string& path() const override { return path_; }
    bool is_open() const override { return static_cast<bool>(directory_); }
    uid_t owner() const override { return owner_; }
    int open(bool create) override;
    void watch(DirectoryWatch& watch, size_t number) override;
    void close() override;
    bool gone() const override;
    Listing scan(size_t most, std::chrono::seconds temporary_age) override;
    SegmentFile open_segment(const std::string& name) const override;
    bool unlink(const std::string& name, dev_t device, ino_t inode) override;

private:
    OpenerRequest request(OpenerTask task, const std::string& name = {}) const;
    OpenerReply ask(const OpenerRequest& request) const;

    Users& users_;
    const std::string path_;
    const uid_t owner_;
    Descriptor directory_;
    SegmentListing listing_;
};

}  // namespace spanring::agent
