// SPDX-License-Identifier: Apache-2.0
//
// Which keys are there, as 64 bits: a clear bit proves that a key is new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace spanring::trace {

// The bit of a key that is not empty: of its size and both its ends (client.address and server.address are of one
// length and end alike).
inline uint32_t key_bit(const char* key, size_t size) {
    uint64_t head = 0, tail = 0;
    if (size >= 8) [[likely]] {
        memcpy(&head, key, 8);
        memcpy(&tail, key + size - 8, 8);
    } else {
        for (size_t i = 0; i < size; ++i) tail = tail << 8 | static_cast<uint8_t>(key[i]);
    }
    // The golden ratio of 64 bits: each bit of the key reaches the highest six (Knuth, multiplicative hashing). The
    // head is turned, so that equal bytes at both ends do not cancel out.
    return static_cast<uint32_t>((((head << 23 | head >> 41) ^ tail) + size) * 0x9e3779b97f4a7c15 >> 58);
}

class KeyFilter {
public:
    bool may_have(const char* key, size_t size) const { return (bits_ >> key_bit(key, size) & 1) != 0; }
    void add(const char* key, size_t size) { bits_ |= uint64_t{1} << key_bit(key, size); }

private:
    uint64_t bits_ = 0;
};

}  // namespace spanring::trace
