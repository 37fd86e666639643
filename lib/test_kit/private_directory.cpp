// SPDX-License-Identifier: Apache-2.0
#include "test_kit/private_directory.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_kit/segment_name.hpp"

namespace spanring::test_kit {
namespace {

constexpr char kPrefix[] = "spanring-kit-";
constexpr time_t kYoung = 60;  // seconds: until then it may have been made, and not be locked yet

char path_[ring::kRuntimePathSize];
constexpr int kNotBegun = -EPERM;
constexpr int kEnded = -ENOENT;
int descriptor_ = kNotBegun;
pid_t owner_ = 0;

const char* place() {
    if (access("/dev/shm", W_OK) == 0) return "/dev/shm";
    const char* const named = getenv("TMPDIR");
    return named != nullptr && named[0] == '/' ? named : "/tmp";
}

// Files alone: nothing else is ever in it.
void empty(int directory) {
    const int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* const listing = again < 0 ? nullptr : fdopendir(again);
    if (listing == nullptr) return;
    while (const dirent* const entry = readdir(listing)) unlinkat(directory, entry->d_name, 0);
    closedir(listing);
}

void remove_own() {
    if (getpid() != owner_ || descriptor_ < 0) return;  // a child that exits; end()
    empty(descriptor_);
    rmdir(path_);
}

void remove_if_left(int parent, const char* name) {
    const int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0) return;
    struct stat status;
    const bool old =
        fstat(directory, &status) == 0 && status.st_uid == geteuid() && time(nullptr) - status.st_ctime > kYoung;
    if (old && flock(directory, LOCK_EX | LOCK_NB) == 0) {
        empty(directory);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
    close(directory);
}

void remove_what_was_left(const char* parent) {
    DIR* const listing = opendir(parent);
    if (listing == nullptr) return;
    while (const dirent* const entry = readdir(listing)) {
        if (strncmp(entry->d_name, kPrefix, sizeof kPrefix - 1) == 0) remove_if_left(dirfd(listing), entry->d_name);
    }
    closedir(listing);
}

// Whether a line of /proc/self/maps is of a segment; of one whose file is removed, too.
bool names_segment(const char* line) {
    const char* const slash = strrchr(line, '/');
    return slash != nullptr && is_segment_name(slash + 1, strcspn(slash + 1, " \n"));
}

bool has_segment() {
    FILE* const maps = fopen("/proc/self/maps", "re");
    if (maps == nullptr) return false;
    char* line = nullptr;
    size_t room = 0;
    bool found = false;
    while (!found && getline(&line, &room, maps) > 0) found = names_segment(line);
    free(line);
    fclose(maps);
    return found;
}

}  // namespace

int PrivateDirectory::begin() {
    if (descriptor_ != kNotBegun) return descriptor_ >= 0 ? 0 : descriptor_;
    if (has_segment()) return -EBUSY;
    const char* const parent = place();
    remove_what_was_left(parent);
    const int length = snprintf(path_, sizeof path_, "%s/%sXXXXXX", parent, kPrefix);
    if (length < 0 || static_cast<size_t>(length) >= sizeof path_) return -ENAMETOOLONG;
    if (mkdtemp(path_) == nullptr) return -errno;
    const int directory = open(path_, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || flock(directory, LOCK_EX | LOCK_NB) < 0 || setenv("SPANRING_DIR", path_, 1) < 0) {
        const int error = errno;
        rmdir(path_);
        if (directory >= 0) close(directory);
        return -error;
    }
    descriptor_ = directory;
    owner_ = getpid();
    atexit(remove_own);
    return 0;
}

void PrivateDirectory::end() {
    if (descriptor_ < 0) return;
    remove_own();
    close(descriptor_);
    descriptor_ = kEnded;
}

int PrivateDirectory::descriptor() { return descriptor_; }

}  // namespace spanring::test_kit
