// SPDX-License-Identifier: Apache-2.0
//
// Files that were looked at and not attached. One that was refused for good is not opened again as long as it is the
// same file, which the listing of its directory says by itself. Of one that may become right only the reason is kept,
// so that it is reported once. Drain thread only.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include <sys/types.h>

#include "directory/served_folders.hpp"

namespace spanring::agent {

class RefusedFiles {
public:
    static constexpr size_t kMost = 16'384;  // of a folder, some 3 MB; more are looked at again and again, as budgeted

    // Whether the file was refused for good. `inode`: as it is listed; 0: not known, so taken for the same.
    bool hold(const FileKey& key, ino_t inode);

    // What is new about a refusal.
    struct News {
        bool reason = false;
        bool for_good = false;
    };
    News add(const FileKey& key, ino_t inode, bool for_good, const std::string& reason);

    void forget(const FileKey& key);

    // A listing of the folder is complete: what hold() was not asked of since the last one is gone.
    void forget_unlisted(size_t folder);

private:
    struct RefusedFile {
        ino_t inode = 0;
        size_t reason = 0;  // its hash: there may be many files
        bool for_good = false;
        bool listed = true;
    };

    std::map<size_t, std::map<std::string, RefusedFile>> folders_;
};

}  // namespace spanring::agent
