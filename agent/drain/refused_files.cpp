// SPDX-License-Identifier: Apache-2.0
#include "drain/refused_files.hpp"

#include <utility>

namespace spanring::agent {

bool RefusedFiles::hold(const FileKey& key, const Folder& folder) {
    const auto known = files_.find(key);
    if (known == files_.end() || !known->second.for_good) return false;
    dev_t device = 0;
    ino_t inode = 0;
    if (!folder.identify(key.second, device, inode)) return true;
    if (device == known->second.device && inode == known->second.inode) return true;
    files_.erase(known);
    return false;
}

RefusedFiles::News RefusedFiles::add(const FileKey& key, RefusedFile file) {
    RefusedFile& known = files_[key];
    const News news = {known.reason != file.reason, file.for_good && !known.for_good};
    known = std::move(file);
    return news;
}

void RefusedFiles::forget_gone(const ServedFolders& folders) {
    std::erase_if(files_, [&](const auto& item) {
        dev_t device = 0;
        ino_t inode = 0;
        const auto& [number, name] = item.first;
        return !folders[number].is_open() || !folders[number].identify(name, device, inode);
    });
}

}  // namespace spanring::agent
