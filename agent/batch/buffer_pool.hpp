// SPDX-License-Identifier: Apache-2.0
//
// The memory of batches, in pieces of one size. Some that came back are kept: to map, fault in and unmap memory for
// each batch costs more than to copy into it. What is kept is bounded, everything beyond it goes back to the kernel at
// once, and what was not used for a while follows, so an overload leaves nothing behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.hpp"

namespace spanring::agent {

class BufferPool : public std::enable_shared_from_this<BufferPool> {
public:
    static constexpr size_t kSize = 256 << 10;
    static constexpr size_t kKept = 16;  // 4 MiB: two batches and a half of 8192 spans of 183 bytes

    // Gives a buffer back, on any thread, also after whoever made the pool is gone.
    class Return {
    public:
        Return() = default;
        Return(std::default_delete<uint8_t[]>) {}  // of no pool
        explicit Return(std::shared_ptr<BufferPool> pool) : pool_(std::move(pool)) {}
        void operator()(uint8_t* buffer) const {
            pool_ == nullptr ? std::default_delete<uint8_t[]>()(buffer) : pool_->give_back(buffer);
        }

    private:
        std::shared_ptr<BufferPool> pool_;
    };
    using Buffer = std::unique_ptr<uint8_t[], Return>;

    BufferPool() = default;
    ~BufferPool();
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;

    // kSize bytes, whatever is in them. Throws std::bad_alloc.
    Buffer take();

    // What was kept all the time since the last call, and so used by nobody, goes back to the kernel.
    void trim();

    struct Figures {
        size_t kept = 0;      // buffers that are free
        size_t out = 0;       // ... that somebody has
        uint64_t hits = 0;    // taken of those that were kept
        uint64_t misses = 0;  // ... from the kernel
    };
    Figures figures() const;

private:
    void give_back(uint8_t* buffer);

    mutable Mutex mutex_;
    std::vector<uint8_t*> kept_ SPR_GUARDED_BY(mutex_);  // used least of late: the first
    size_t least_kept_ SPR_GUARDED_BY(mutex_) = 0;       // since trim()
    Figures figures_ SPR_GUARDED_BY(mutex_);             // without `kept`
};

}  // namespace spanring::agent
