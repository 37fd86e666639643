// SPDX-License-Identifier: Apache-2.0
#include "drain/refused_files.hpp"

#include <functional>
#include <iterator>
#include <utility>

namespace spanring::agent {

bool RefusedFiles::hold(const FileKey& key, ino_t inode) {
    const auto folder = folders_.find(key.first);
    if (folder == folders_.end()) return false;
    const auto known = folder->second.find(key.second);
    if (known == folder->second.end()) return false;
    RefusedFile& file = known->second;
    if (file.inode == 0) file.inode = inode;
    if (inode != 0 && file.inode != inode) {
        folder->second.erase(known);
        return false;
    }
    file.listed = true;
    return file.for_good;
}

RefusedFiles::News RefusedFiles::add(const FileKey& key, ino_t inode, bool for_good, const std::string& reason) {
    auto& folder = folders_[key.first];
    if (folder.size() >= kMost && !folder.contains(key.second)) return {};
    const auto [at, is_new] = folder.try_emplace(key.second);
    const RefusedFile file = {inode, std::hash<std::string>()(reason), for_good, true};
    const News news = {is_new || at->second.reason != file.reason, for_good && !at->second.for_good};
    at->second = file;
    return news;
}

void RefusedFiles::forget(const FileKey& key) {
    if (const auto folder = folders_.find(key.first); folder != folders_.end()) folder->second.erase(key.second);
}

void RefusedFiles::forget_unlisted(size_t folder) {
    const auto found = folders_.find(folder);
    if (found == folders_.end()) return;
    auto& files = found->second;
    for (auto at = files.begin(); at != files.end();) {
        const bool there = std::exchange(at->second.listed, false);
        at = there ? std::next(at) : files.erase(at);
    }
    if (files.empty()) folders_.erase(found);
}

}  // namespace spanring::agent
