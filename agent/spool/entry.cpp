// SPDX-License-Identifier: Apache-2.0
#include "spool/entry.hpp"

#include <zlib.h>

namespace spanring::agent::spool {

uint32_t crc(uint32_t seed, const void* bytes, size_t size) {
    return static_cast<uint32_t>(crc32_z(seed, static_cast<const Bytef*>(bytes), size));
}

uint32_t header_crc(const EntryHeader& header, std::span<const Share> shares) {
    constexpr size_t kFrom = offsetof(EntryHeader, shares);
    const uint32_t fixed = crc(0, reinterpret_cast<const uint8_t*>(&header) + kFrom, sizeof header - kFrom);
    return crc(fixed, shares.data(), shares.size_bytes());
}

}  // namespace spanring::agent::spool
