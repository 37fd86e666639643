// SPDX-License-Identifier: Apache-2.0
#include "trace/process/process_facts.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/base/scratch.hpp"

namespace spanring::trace {
namespace {

constexpr size_t kMostRead = size_t{256} << 10;  // of a file

// The lines of a file, one by one; of a longer one than fits here the beginning.
class Lines {
public:
    explicit Lines(const char* path) : file_(scratch_ ? open(path, O_RDONLY | O_CLOEXEC) : -1) {}
    ~Lines() {
        if (file_ >= 0) close(file_);
    }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    // Without its newline, ended by a NUL. False: no more.
    bool next(char*& ret_line) {
        while (scratch_) {
            char* const begin = bytes_ + begin_;
            char* newline = static_cast<char*>(memchr(begin, '\n', end_ - begin_));
            if (newline == nullptr && fill()) continue;
            const bool rest_of_a_long_one = inside_;
            if (newline == nullptr && begin_ == end_) return false;
            inside_ = newline == nullptr;
            char* const line = bytes_ + begin_;
            if (newline == nullptr) newline = bytes_ + end_;
            begin_ = static_cast<size_t>(newline - bytes_) + (inside_ ? 0 : 1);
            *newline = 0;
            if (rest_of_a_long_one) continue;
            ret_line = line;
            return true;
        }
        return false;
    }

private:
    // Appends more to what is there. False: the file, the room or patience ends.
    bool fill() {
        memmove(bytes_, bytes_ + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (file_ < 0 || end_ == kRoom || read_ >= kMostRead) return false;
        const ssize_t size = read(file_, bytes_ + end_, kRoom - end_);
        if (size <= 0) return false;
        end_ += static_cast<size_t>(size);
        read_ += static_cast<size_t>(size);
        return true;
    }

    static constexpr size_t kRoom = 4096;
    const Scratch scratch_{kRoom + 1};
    char* const bytes_ = scratch_.text();
    const int file_;
    size_t begin_ = 0;
    size_t end_ = 0;
    size_t read_ = 0;
    bool inside_ = false;  // the next bytes belong to a line that was longer than the room
};

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Exactly 64 hexadecimal digits, and no more of them.
bool is_id(const char* text) {
    size_t size = 0;
    while (size <= kContainerIdSize && is_hex(text[size])) ++size;
    return size == kContainerIdSize;
}

const char* find_id(const char* text) {
    for (const char* at = text; *at != 0; ++at)
        if ((at == text || !is_hex(at[-1])) && is_id(at)) return at;
    return nullptr;
}

}  // namespace

size_t executable_path(char* ret, size_t room, const char* link) {
    const ssize_t size = readlink(link, ret, room);
    return size > 0 && static_cast<size_t>(size) < room ? static_cast<size_t>(size) : 0;  // cut: not a path
}

size_t user_name(uint32_t uid, char* ret, size_t room, const char* passwd) {
    Lines lines(passwd);
    for (char* line; lines.next(line);) {  // name:password:uid:...
        const char* const name_end = strchr(line, ':');
        const char* const password_end = name_end == nullptr ? nullptr : strchr(name_end + 1, ':');
        if (password_end == nullptr || password_end[1] < '0' || password_end[1] > '9') continue;
        char* end = nullptr;
        if (strtoul(password_end + 1, &end, 10) != uid || *end != ':') continue;
        const size_t size = static_cast<size_t>(name_end - line);
        if (size > room) return 0;
        memcpy(ret, line, size);
        return size;
    }
    return 0;
}

size_t container_id(char (&ret)[kContainerIdSize], const char* cgroup, const char* mountinfo) {
    const char* id = nullptr;
    {
        Lines lines(cgroup);
        for (char* line; id == nullptr && lines.next(line);) id = find_id(line);
        if (id != nullptr) memcpy(ret, id, sizeof ret);
    }
    if (id != nullptr) return sizeof ret;
    Lines lines(mountinfo);
    for (char* line; lines.next(line);) {
        // ".../containers/ID/hostname" of Docker, ".../overlay-containers/ID/userdata/hostname" of Podman. A
        // "sandboxes/ID" is the pod's, not the container's.
        constexpr char kFolder[] = "containers/";
        for (const char* at = strstr(line, kFolder); at != nullptr; at = strstr(at + 1, kFolder)) {
            if (!is_id(at + sizeof kFolder - 1)) continue;
            memcpy(ret, at + sizeof kFolder - 1, sizeof ret);
            return sizeof ret;
        }
    }
    return 0;
}

}  // namespace spanring::trace
