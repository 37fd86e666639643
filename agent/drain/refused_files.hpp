// SPDX-License-Identifier: Apache-2.0
//
// Files that were looked at and not attached. One that was refused for good is not opened again as long as it is the
// same file. Of one that may become right only the reason is kept, so that it is reported once. Drain thread only.
#pragma once

#include <map>
#include <string>

#include <sys/types.h>

#include "directory/served_folders.hpp"

namespace spanring::agent {

struct RefusedFile {
    dev_t device = 0;
    ino_t inode = 0;
    bool for_good = false;
    std::string reason;
};

class RefusedFiles {
public:
    // Whether there is nothing to attach: the file was refused for good and is still the same, or is gone since.
    bool hold(const FileKey& key, const Folder& folder);

    // What is new about a refusal.
    struct News {
        bool reason = false;
        bool for_good = false;
    };
    News add(const FileKey& key, RefusedFile file);

    void forget(const FileKey& key) { files_.erase(key); }
    void forget_gone(const ServedFolders& folders);

private:
    std::map<FileKey, RefusedFile> files_;
};

}  // namespace spanring::agent
