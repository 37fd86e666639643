// SPDX-License-Identifier: Apache-2.0
//
// The runtime directories that the agent serves. Each has a number, which it keeps as long as the agent runs; it is
// opened at the start, and again whenever it comes back. Drain thread only.
#pragma once

#include <cerrno>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "directory/directory_watch.hpp"
#include "directory/folder.hpp"

namespace spanring::agent {

using FileKey = std::pair<size_t, std::string>;  // number of a folder, name of a file in it

class ServedFolders {
public:
    // `paths`: as configured; none: those of this user, in the order of the library. `users`: instead of both. The
    // watch and the users outlive it. Throws AgentBusy, or std::runtime_error with a clear message.
    ServedFolders(const std::vector<std::string>& paths, FolderSource* users, DirectoryWatch& watch);

    size_t size() const { return folders_.size(); }
    Folder& operator[](size_t number) const { return *folders_[number]; }
    bool is_missing(size_t number) const {  // when it was looked for last
        const auto told = told_.find(number);
        return told != told_.end() && told->second == -ENOENT;
    }

    // Takes up folders of users who appeared, closes those that were removed, opens those that are there again.
    void refresh();

    const std::vector<std::string>& names() const { return names_; }  // for messages

private:
    void add_own();
    void add(const std::string& path, bool any_file_system, bool must);
    void add_appeared();
    void reopen(size_t number);

    FolderSource* const users_;
    DirectoryWatch& watch_;
    std::vector<std::unique_ptr<Folder>> folders_;
    std::map<size_t, int> told_;  // why one is not open, as last reported
    std::vector<std::string> names_;
};

}  // namespace spanring::agent
