// SPDX-License-Identifier: Apache-2.0
//
// Memory for the bodies of requests, which one thread takes and another lets go of: from the heap each of the larger
// ones would have to be mapped, faulted in and given back. A body in a piece of the pool is at least a quarter of it;
// what is smaller or larger is the heap's. Any thread.
#pragma once

#include <cstddef>
#include <memory>

#include "receive/received_body.hpp"

namespace spanring::agent {

class BodyPool {
public:
    static constexpr size_t kLargest = BufferPool::kSize, kSmallest = kLargest / 4;

    // Room for so many bytes. Throws std::bad_alloc.
    ReceivedBody take(size_t size) const {
        if (size < kSmallest || size > kLargest) return {std::make_unique_for_overwrite<uint8_t[]>(size), size, size};
        return {pool_->take(), size, kLargest};
    }

    // What nobody used since the last time is the kernel's again.
    void trim() const { pool_->trim(); }

private:
    const std::shared_ptr<BufferPool> pool_ = std::make_shared<BufferPool>();
};

}  // namespace spanring::agent
