// SPDX-License-Identifier: Apache-2.0
//
// What an open directory is asked. Nothing here opens it by its name once more: that may take rights, or lead
// elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <dirent.h>

namespace spanring::agent {

// Names it one by one, so that whoever lists it may do something else in between. One listing of a descriptor at a
// time: its position belongs to all copies of it.
class DirectoryReader {
public:
    // From the beginning. False: it cannot be listed, errno says why.
    bool open(int directory);
    bool is_open() const { return stream_ != nullptr; }

    // nullptr: that was all, or it failed() in the middle; and it is closed. The entry is good until the next call.
    const dirent* next();
    bool failed() const { return failed_; }

private:
    std::unique_ptr<DIR, int (*)(DIR*)> stream_{nullptr, closedir};
    bool failed_ = false;
};

// Visits every name in it, "." and ".." too. False: it cannot be listed, errno says why.
bool each_name(int directory, const std::function<void(const char* name)>& visit);

// Whether the path still leads to it: it was neither removed nor replaced.
bool is_at(int directory, const std::string& path);

}  // namespace spanring::agent
