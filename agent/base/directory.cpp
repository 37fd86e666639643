// SPDX-License-Identifier: Apache-2.0
#include "base/directory.hpp"

#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/descriptor.hpp"
#include "base/foreign_file.hpp"

namespace spanring::agent {

bool each_name(int directory, const std::function<void(const char* name)>& visit) {
    Descriptor copy(fcntl(directory, F_DUPFD_CLOEXEC, 0));
    if (!copy) return false;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(copy.get()), closedir);
    if (stream == nullptr) return false;
    copy.release();           // the stream's
    rewinddir(stream.get());  // the position is shared with whoever listed it before
    while (const dirent* entry = readdir(stream.get())) visit(entry->d_name);
    return true;
}

bool is_at(int directory, const std::string& path) {
    struct stat held, there;
    if (fstat(directory, &held) < 0 || held.st_nlink == 0) return false;
    return identify_foreign(AT_FDCWD, path.c_str(), there) && there.st_dev == held.st_dev &&
           there.st_ino == held.st_ino;
}

}  // namespace spanring::agent
