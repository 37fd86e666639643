// SPDX-License-Identifier: Apache-2.0
#include "base/directory.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/descriptor.hpp"
#include "base/foreign_file.hpp"

namespace spanring::agent {

bool DirectoryReader::open(int directory) {
    Descriptor copy(fcntl(directory, F_DUPFD_CLOEXEC, 0));
    if (!copy) return false;
    stream_.reset(fdopendir(copy.get()));
    if (stream_ == nullptr) return false;
    copy.release();            // the stream's
    rewinddir(stream_.get());  // the position is shared with whoever listed it before
    return true;
}

const dirent* DirectoryReader::next() {
    if (stream_ == nullptr) return nullptr;
    errno = 0;
    const dirent* entry = readdir(stream_.get());
    if (entry != nullptr) return entry;
    const int error = errno;
    failed_ = error != 0;
    stream_.reset();
    errno = error;
    return nullptr;
}

bool each_name(int directory, const std::function<void(const char* name)>& visit) {
    DirectoryReader reader;
    if (!reader.open(directory)) return false;
    while (const dirent* entry = reader.next()) visit(entry->d_name);
    return !reader.failed();
}

bool is_at(int directory, const std::string& path) {
    struct stat held, there;
    if (fstat(directory, &held) < 0 || held.st_nlink == 0) return false;
    return identify_foreign(AT_FDCWD, path.c_str(), there) && there.st_dev == held.st_dev &&
           there.st_ino == held.st_ino;
}

}  // namespace spanring::agent
