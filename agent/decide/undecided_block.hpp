// SPDX-License-Identifier: Apache-2.0
//
// A block of undecided spans as it lies in its file, and where its parts are (undecided_files.hpp).
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <unistd.h>
#include <zlib.h>

#include "base/process_identity.hpp"

namespace spanring::agent {

struct UndecidedRow {      // an entry
    uint32_t account = 0;  // its place among the block's
    uint32_t spans = 0;
    uint32_t bytes = 0;  // of the payload
};

struct UndecidedHeader {
    static constexpr uint32_t kMagic = 0x31445053;  // "SPD1"; another layout takes another number

    uint32_t magic = kMagic;
    uint32_t crc = 0;  // of what follows it in the header, of accounts and rows
    uint64_t file = 0;
    uint64_t offset = 0;
    uint32_t accounts = 0;
    uint32_t entries = 0;
    uint32_t spans = 0;
    uint32_t raw = 0;     // bytes of the payload
    uint32_t stored = 0;  // ... as they lie there
    uint32_t payload_crc = 0;
    uint32_t packed = 0;
    uint32_t reserved = 0;
};
static_assert(sizeof(UndecidedHeader) == 56 && sizeof(UndecidedRow) == 12);

struct UndecidedBlock {
    static constexpr size_t kCovered = offsetof(UndecidedHeader, file);  // by `crc`: from here on

    uint64_t file = 0;
    uint64_t offset = 0;
    uint32_t accounts = 0;
    uint32_t entries = 0;
    uint32_t spans = 0;
    uint32_t raw = 0;
    uint32_t stored = 0;
    uint32_t crc = 0;  // of the payload
    bool packed = false;
    uint32_t left = 0;  // entries that are not done

    static uint64_t rounded(uint64_t size) { return (size + 7) & ~uint64_t{7}; }
    uint64_t rows() const { return offset + sizeof(UndecidedHeader) + accounts * sizeof(AccountId); }
    uint64_t covered_to() const { return rows() + entries * sizeof(UndecidedRow); }
    uint64_t bookings() const { return offset + rounded(covered_to() - offset); }
    uint64_t gone() const { return bookings() + entries * sizeof(uint64_t); }
    uint64_t payload() const { return gone() + rounded(spans); }
    uint64_t end() const { return payload() + rounded(stored); }
};

inline uint32_t undecided_crc(const void* bytes, size_t size) {
    return static_cast<uint32_t>(crc32_z(0, static_cast<const Bytef*>(bytes), size));
}

inline bool write_at(int file, const void* from, size_t size, uint64_t offset) {
    const char* at = static_cast<const char*>(from);
    while (size != 0) {
        const ssize_t written = ::pwrite(file, at, size, static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += written;
        offset += static_cast<uint64_t>(written);
        size -= static_cast<size_t>(written);
    }
    return true;
}

inline bool read_at(int file, void* to, size_t size, uint64_t offset) {
    char* at = static_cast<char*>(to);
    while (size != 0) {
        const ssize_t got = ::pread(file, at, size, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        offset += static_cast<uint64_t>(got);
        size -= static_cast<size_t>(got);
    }
    return true;
}

}  // namespace spanring::agent
