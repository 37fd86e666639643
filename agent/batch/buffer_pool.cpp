// SPDX-License-Identifier: Apache-2.0
#include "batch/buffer_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <new>

#include <sys/mman.h>

namespace spanring::agent {

BufferPool::~BufferPool() {
    for (uint8_t* buffer : kept_) munmap(buffer, kSize);
}

BufferPool::Buffer BufferPool::take() {
    uint8_t* buffer = nullptr;
    {
        const MutexLock lock(mutex_);
        kept_.reserve(kKept);  // give_back() must not fail
        if (!kept_.empty()) {
            buffer = kept_.back();  // the last one that came back: its pages are there, and perhaps still in a cache
            kept_.pop_back();
        }
        least_kept_ = std::min(least_kept_, kept_.size());
        ++(buffer != nullptr ? figures_.hits : figures_.misses);
        ++figures_.out;
    }
    if (buffer == nullptr) {
        // Not malloc(): its thresholds adapt, and then keep what an overload needed.
        void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            const MutexLock lock(mutex_);
            --figures_.out;
            throw std::bad_alloc();
        }
        buffer = static_cast<uint8_t*>(memory);
    }
    return Buffer(buffer, Return(shared_from_this()));
}

void BufferPool::trim() {
    std::vector<uint8_t*> unused;
    {
        const MutexLock lock(mutex_);
        const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(least_kept_);
        unused.assign(kept_.begin(), end);
        kept_.erase(kept_.begin(), end);
        least_kept_ = kept_.size();
    }
    for (uint8_t* buffer : unused) munmap(buffer, kSize);
}

BufferPool::Figures BufferPool::figures() const {
    const MutexLock lock(mutex_);
    Figures figures = figures_;
    figures.kept = kept_.size();
    return figures;
}

void BufferPool::give_back(uint8_t* buffer) {
    {
        const MutexLock lock(mutex_);
        --figures_.out;
        if (kept_.size() < kKept) {
            kept_.push_back(buffer);
            return;
        }
    }
    munmap(buffer, kSize);
}

}  // namespace spanring::agent
