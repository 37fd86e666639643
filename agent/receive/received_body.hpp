// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a request, decompressed, on their way from a protocol to a batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/content_coding.hpp"
#include "batch/buffer_pool.hpp"

namespace spanring::agent {

struct ReceivedBody {
    ReceivedBody() = default;
    ReceivedBody(Body body) : bytes(std::move(body.bytes)), size(body.size), held(body.size) {}
    ReceivedBody(BufferPool::Buffer buffer, size_t bytes_in_it, size_t bytes_of_it)
        : bytes(std::move(buffer)), size(bytes_in_it), held(bytes_of_it) {}

    BufferPool::Buffer bytes;
    size_t size = 0;
    size_t held = 0;  // what its memory is

    std::span<uint8_t> span() const { return {bytes.get(), size}; }
};

}  // namespace spanring::agent
