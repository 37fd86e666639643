// SPDX-License-Identifier: Apache-2.0
//
// Memory for one COLD call that is more than a small stack has: a signal handler's, a coroutine's, that of a thread of
// PTHREAD_STACK_MIN. Mapped for the call, so that it is nobody else's: not a thread's, a handler's or a child's.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace spanring::trace {

class Scratch {
public:
    // Of no bytes, it maps nothing.
    explicit Scratch(size_t size) : size_(size) {
        if (size == 0) return;
        const int before = errno;
        void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bytes_ = memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
        errno = before;
    }
    ~Scratch() {
        if (bytes_ != nullptr) munmap(bytes_, size_);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    explicit operator bool() const { return bytes_ != nullptr; }
    size_t size() const { return size_; }
    uint8_t* bytes() const { return bytes_; }
    char* text() const { return reinterpret_cast<char*>(bytes_); }

private:
    const size_t size_;
    uint8_t* bytes_ = nullptr;
};

}  // namespace spanring::trace
