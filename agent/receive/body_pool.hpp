// SPDX-License-Identifier: Apache-2.0
//
// Memory for the bodies of requests, which one thread takes and another lets go of: from the heap each of the larger
// ones would have to be mapped, faulted in and given back. By size, each in pieces of its own: of a piece no more was
// ever touched than the largest body of its step, and that is what it holds. What is smaller than the first step, or
// larger than a piece, is the heap's. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "receive/received_body.hpp"

namespace spanring::agent {

class BodyPool {
public:
    static constexpr size_t kStep = 32 << 10;
    static constexpr size_t kSmallest = 64 << 10, kLargest = BufferPool::kSize;  // bodies

    BodyPool() {
        for (auto& pool : pools_) pool = std::make_shared<BufferPool>();
    }

    // Room for so many bytes. Throws std::bad_alloc.
    ReceivedBody take(size_t size) const {
        if (size <= kSmallest || size > kLargest) return {std::make_unique_for_overwrite<uint8_t[]>(size), size, size};
        const size_t step = (size - kSmallest - 1) / kStep;
        return {pools_[step]->take(), size, kSmallest + (step + 1) * kStep};
    }

    // What nobody used since the last time is the kernel's again.
    void trim() const {
        for (const auto& pool : pools_) pool->trim();
    }

private:
    std::array<std::shared_ptr<BufferPool>, (kLargest - kSmallest) / kStep> pools_;
};

}  // namespace spanring::agent
