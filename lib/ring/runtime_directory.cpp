// SPDX-License-Identifier: Apache-2.0
#include "ring/runtime_directory.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace spanring::ring {

namespace {

// Not getenv(): in a set-user-id program the environment is the caller's and must not choose a place to write to.
const char* variable(const char* name) {
    const char* value = secure_getenv(name);
    return value != nullptr && value[0] != '\0' ? value : nullptr;
}

// One text after the other: what snprintf() would do, with 2 KiB more of the caller's stack.
int join(char* ret_path, size_t size, const char* first, const char* second) {
    const size_t first_size = strlen(first), second_size = strlen(second);
    if (first_size + second_size >= size) return -ENAMETOOLONG;
    memcpy(ret_path, first, first_size);
    memcpy(ret_path + first_size, second, second_size + 1);
    return 0;
}

// The effective user's id, in decimal digits.
class UserText {
public:
    UserText() {
        unsigned long rest = geteuid();
        do *--begin_ = static_cast<char>('0' + rest % 10);
        while ((rest /= 10) != 0);
    }
    const char* text() const { return begin_; }

private:
    char digits_[24] = {};
    char* begin_ = digits_ + sizeof digits_ - 1;
};

// A trailing slash would make the kernel follow a symbolic link in spite of O_NOFOLLOW.
void strip_slashes(char* path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0';
}

// After `su` the variable often still names the directory of somebody else, or one that is gone; in a container it may
// be on a disk.
bool usable_session(const char* path) {
    struct stat status;
    struct statfs file_system;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
           statfs(path, &file_system) == 0 && file_system.f_type == TMPFS_MAGIC;
}

int check_directory(int fd, bool any_file_system) {
    struct stat status;
    if (fstat(fd, &status) < 0) return -errno;
    if (status.st_uid != geteuid()) return -EPERM;
    if ((status.st_mode & 077) != 0) return -EACCES;
    if (any_file_system) return 0;
    struct statfs file_system;
    if (fstatfs(fd, &file_system) < 0) return -errno;
    return file_system.f_type == TMPFS_MAGIC ? 0 : -EMEDIUMTYPE;
}

constexpr char kHexDigits[] = "0123456789abcdef";

void put_hex(const uint8_t id[16], char* out) {
    for (int i = 0; i < 16; ++i) {
        *out++ = kHexDigits[id[i] >> 4];
        *out++ = kHexDigits[id[i] & 15];
    }
}

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

bool parse_name(const char* name, const char* prefix, const char* suffix, uint8_t* ret_instance_id) {
    const size_t prefix_size = strlen(prefix);
    if (strlen(name) != prefix_size + 32 + strlen(suffix)) return false;
    if (memcmp(name, prefix, prefix_size) != 0 || strcmp(name + prefix_size + 32, suffix) != 0) return false;
    uint8_t id[16];
    for (int i = 0; i < 16; ++i) {
        const int high = hex_value(name[prefix_size + static_cast<size_t>(i) * 2]);
        const int low = hex_value(name[prefix_size + static_cast<size_t>(i) * 2 + 1]);
        if (high < 0 || low < 0) return false;
        id[i] = static_cast<uint8_t>(high << 4 | low);
    }
    if (ret_instance_id != nullptr) memcpy(ret_instance_id, id, sizeof id);
    return true;
}

}  // namespace

int runtime_directory_path(RuntimeDirectory kind, char* ret_path, size_t size) {
    const char* explicit_path = variable("SPANRING_DIR");
    if ((explicit_path != nullptr) != (kind == RuntimeDirectory::kExplicit)) return -ENOENT;
    switch (kind) {
        case RuntimeDirectory::kExplicit: {
            if (explicit_path[0] != '/') return -EINVAL;
            const int result = join(ret_path, size, explicit_path, "");
            if (result == 0) strip_slashes(ret_path);
            return result;
        }
        case RuntimeDirectory::kPackage: return join(ret_path, size, "/run/spanring/", UserText().text());
        case RuntimeDirectory::kSession: {
            const char* session = variable("XDG_RUNTIME_DIR");
            if (session == nullptr) return -ENOENT;
            if (session[0] != '/') return -EINVAL;
            return join(ret_path, size, session, "/spanring");
        }
        case RuntimeDirectory::kShared: return join(ret_path, size, "/dev/shm/spanring-", UserText().text());
        case RuntimeDirectory::kCount: break;
    }
    return -EINVAL;
}

int open_runtime_directory_kind(RuntimeDirectory kind, bool create, char* ret_path, size_t size, int* ret_fd) {
    char path[kRuntimePathSize];
    const int named = runtime_directory_path(kind, path, sizeof path);
    if (named < 0) return named;
    if (strlen(path) >= size) return -ENAMETOOLONG;
    if (kind == RuntimeDirectory::kSession) {
        char* slash = strrchr(path, '/');
        *slash = '\0';
        const bool usable = usable_session(path);
        *slash = '/';
        if (!usable) return -ENOENT;
    }
    const bool made = create && kind != RuntimeDirectory::kPackage;
    const int opened = open_checked_directory(path, made, kind == RuntimeDirectory::kExplicit, ret_fd);
    if (opened == 0) memcpy(ret_path, path, strlen(path) + 1);
    return opened;
}

int open_checked_directory(const char* path, bool create, bool any_file_system, int* ret_fd) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, kFlags);
    if (fd < 0 && errno == ENOENT && create) {  // only the first process does not find it
        if (mkdir(path, 0700) < 0 && errno != EEXIST) return -errno;
        fd = open(path, kFlags);
    }
    if (fd < 0) return -errno;
    const int checked = check_directory(fd, any_file_system);
    if (checked < 0) {
        close(fd);
        return checked;
    }
    *ret_fd = fd;
    return 0;
}

int open_runtime_directory(char* ret_path, size_t size, int* ret_fd) {
    if (variable("SPANRING_DIR") != nullptr) {
        return open_runtime_directory_kind(RuntimeDirectory::kExplicit, true, ret_path, size, ret_fd);
    }
    constexpr RuntimeDirectory kOptional[] = {RuntimeDirectory::kPackage, RuntimeDirectory::kSession};
    for (const RuntimeDirectory kind : kOptional) {
        const int result = open_runtime_directory_kind(kind, true, ret_path, size, ret_fd);
        // A relative $XDG_RUNTIME_DIR is ignored, as its specification says; a relative $SPANRING_DIR is a mistake.
        if (result != -ENOENT && !(result == -EINVAL && kind == RuntimeDirectory::kSession)) return result;
    }
    return open_runtime_directory_kind(RuntimeDirectory::kShared, true, ret_path, size, ret_fd);
}

void segment_name(const uint8_t instance_id[16], char ret_name[kSegmentNameSize]) {
    put_hex(instance_id, ret_name);
    memcpy(ret_name + 32, ".spr", sizeof ".spr");
}

void temporary_name(const uint8_t instance_id[16], char ret_name[kTemporaryNameSize]) {
    ret_name[0] = '.';
    put_hex(instance_id, ret_name + 1);
    memcpy(ret_name + 33, ".tmp", sizeof ".tmp");
}

bool parse_segment_name(const char* name, uint8_t ret_instance_id[16]) {
    return parse_name(name, "", ".spr", ret_instance_id);
}

bool parse_temporary_name(const char* name, uint8_t ret_instance_id[16]) {
    return parse_name(name, ".", ".tmp", ret_instance_id);
}

}  // namespace spanring::ring
