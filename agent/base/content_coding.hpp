// SPDX-License-Identifier: Apache-2.0
//
// Bodies that come compressed, within a bound: a few bytes must not become a gigabyte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace spanring::agent {

enum class ContentCoding : uint8_t { kNone, kGzip, kZstd };

// As HTTP and gRPC name them. Nothing: it is not known here.
std::optional<ContentCoding> content_coding(std::string_view name);

struct Body {
    std::unique_ptr<uint8_t[]> bytes;
    size_t size = 0;

    std::span<uint8_t> span() const { return {bytes.get(), size}; }
};

enum class Decoding : uint8_t { kDone, kBroken, kTooLarge };

// `most`: bytes that may come out. Never more memory than twice that, and no more than what came out where that is
// little. Throws std::bad_alloc.
Decoding decode_body(ContentCoding coding, std::span<const uint8_t> bytes, size_t most, Body& ret_body);

}  // namespace spanring::agent
