// SPDX-License-Identifier: Apache-2.0
//
// A file descriptor that one object owns. libc alone: the opener, which has rights, uses it too. `errno` is the same
// before and after a close: it is about what failed, not about what is tidied up after it.
#pragma once

#include <cerrno>
#include <utility>

#include <unistd.h>

namespace spanring::agent {

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}  // negative: none
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = other.release();
        }
        return *this;
    }
    ~Descriptor() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset() {
        if (fd_ < 0) return;
        const int before = errno;
        ::close(release());
        errno = before;
    }

private:
    int fd_ = -1;
};

}  // namespace spanring::agent
