// SPDX-License-Identifier: Apache-2.0
//
// The names in a directory that may have any number of them: read a part at a time. Drain thread only.
//
// Header bill: a function that removes a file, and Folder with its clock; the two folders include it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "base/directory.hpp"
#include "directory/folder.hpp"

namespace spanring::agent {

class SegmentListing {
public:
    // `remove`: removes a temporary file, if it is abandoned; it is called for a few of each part.
    Listing next(int directory, const std::string& path, size_t most,
                 const std::function<bool(const char* name)>& remove);

    void close() { reader_ = {}; }

private:
    DirectoryReader reader_;
};

}  // namespace spanring::agent
