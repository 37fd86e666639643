// SPDX-License-Identifier: Apache-2.0
//
// An entry of a spool file, as it lies on disk, little-endian, at a multiple of 8:
//
//     EntryHeader | Share x shares | request (ExportTraceServiceRequest) | zeros up to the next multiple of 8
//                 | EntryHeader | Share x shares        once more, its tail
//
// header_crc covers `shares` to the end of the Share table, request_crc the request, so that a damaged request still
// says whose spans are lost; and a damaged header is written anew from the tail. An entry names its own place: bytes
// inside a request never pass for an entry, or for a tail, when a reader looks past a damaged header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "batch/batch.hpp"

namespace spanring::agent::spool {

struct Share {  // how many of the request's spans one process wrote
    AccountId account{};
    uint64_t spans = 0;
};
static_assert(sizeof(Share) == 24 && std::is_trivially_copyable_v<Share>);

struct EntryHeader {
    uint32_t magic;
    uint32_t header_crc;
    uint32_t state;  // kWaiting, then kDone; under no checksum, so that one store of a word finishes an entry
    uint32_t shares;
    uint64_t file;    // number of the file that it is in
    uint64_t offset;  // of the entry in the file
    uint32_t request_bytes;
    uint32_t request_crc;
};
static_assert(sizeof(EntryHeader) == 40 && offsetof(EntryHeader, state) == 8 && offsetof(EntryHeader, shares) == 12);

inline constexpr uint32_t kMagic = 0x32525053;      // "SPR2"; another layout takes another number
inline constexpr uint32_t kTailMagic = 0x32545053;  // "SPT2"
inline constexpr uint32_t kWaiting = 0;
inline constexpr uint32_t kDone = 0x454e4f44;  // any other value is waiting: a damaged state costs a duplicate, no span
inline constexpr uint32_t kMaxShares = 1u << 20;
inline constexpr uint32_t kMaxRequest = 1u << 30;

inline constexpr uint64_t tail_size(uint64_t shares) { return sizeof(EntryHeader) + shares * sizeof(Share); }
// Where its tail is, from its beginning.
inline constexpr uint64_t tail_offset(uint64_t shares, uint64_t request_bytes) {
    return (tail_size(shares) + request_bytes + 7) & ~uint64_t{7};
}
inline constexpr uint64_t entry_size(uint64_t shares, uint64_t request_bytes) {
    return tail_offset(shares, request_bytes) + tail_size(shares);
}
inline constexpr uint64_t kMaxEntry = entry_size(kMaxShares, kMaxRequest);
static_assert(tail_size(1) % 8 == 0 && tail_size(2) % 8 == 0);

uint32_t crc(uint32_t seed, const void* bytes, size_t size);
uint32_t header_crc(const EntryHeader& header, std::span<const Share> shares);

}  // namespace spanring::agent::spool
