// SPDX-License-Identifier: Apache-2.0
//
// All of so many bytes of a file, at an offset. False: errno says why, and 0 that the file ends before.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <unistd.h>

namespace spanring::agent {

inline bool read_at(int file, void* to, size_t size, uint64_t offset) {
    char* at = static_cast<char*>(to);
    while (size != 0) {
        const ssize_t got = ::pread(file, at, size, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = 0;
        if (got <= 0) return false;
        at += got;
        offset += static_cast<uint64_t>(got);
        size -= static_cast<size_t>(got);
    }
    return true;
}

inline bool write_at(int file, const void* from, size_t size, uint64_t offset) {
    const char* at = static_cast<const char*>(from);
    while (size != 0) {
        const ssize_t written = ::pwrite(file, at, size, static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += written;
        offset += static_cast<uint64_t>(written);
        size -= static_cast<size_t>(written);
    }
    return true;
}

}  // namespace spanring::agent
