// SPDX-License-Identifier: Apache-2.0
//
// A block of undecided spans as it lies in its file, and where its parts are (undecided_files.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include <zlib.h>

#include "base/process_identity.hpp"

namespace spanring::agent {

struct UndecidedHeader {
    static constexpr uint32_t kMagic = 0x32445053;  // "SPD2"; another layout takes another number

    uint32_t magic = kMagic;
    uint32_t crc = 0;  // of what follows it in the header, of accounts and rows
    uint64_t file = 0;
    uint64_t offset = 0;
    uint64_t answers = 0;  // where its part of the file of answers begins
    uint32_t owner = 0;    // of the segments
    uint32_t accounts = 0;
    uint32_t entries = 0;
    uint32_t spans = 0;
    uint32_t rows = 0;    // bytes
    uint32_t raw = 0;     // bytes of the payload
    uint32_t stored = 0;  // ... as they lie there
    uint32_t payload_crc = 0;
    uint32_t packed = 0;
    uint32_t reserved = 0;

    bool is_at(uint64_t in_file, uint64_t at) const { return magic == kMagic && file == in_file && offset == at; }
};
static_assert(sizeof(UndecidedHeader) == 72);

struct UndecidedBlock {
    static constexpr size_t kCovered = offsetof(UndecidedHeader, file);  // by `crc`: from here on

    uint64_t file = 0;
    uint64_t offset = 0;
    uint64_t answers = 0;
    uint32_t accounts = 0;
    uint32_t entries = 0;
    uint32_t spans = 0;
    uint32_t row_bytes = 0;
    uint32_t raw = 0;
    uint32_t stored = 0;
    uint32_t crc = 0;  // of the payload
    bool packed = false;
    uint32_t left = 0;  // entries that are not done

    static UndecidedBlock of(const UndecidedHeader& header) {
        return {header.file, header.offset, header.answers, header.accounts,    header.entries,     header.spans,
                header.rows, header.raw,    header.stored,  header.payload_crc, header.packed != 0, header.entries};
    }
    // Of so many of its spans, of which each has the same here.
    uint64_t stored_bytes(uint32_t some) const { return spans == 0 ? 0 : uint64_t{some} * stored / spans; }
    static uint64_t rounded(uint64_t size) { return (size + 7) & ~uint64_t{7}; }
    uint64_t rows() const { return offset + sizeof(UndecidedHeader) + accounts * sizeof(AccountId); }
    uint64_t payload() const { return rows() + row_bytes; }
    uint64_t end() const { return offset + rounded(payload() + stored - offset); }

    // In the file of answers.
    uint64_t gone() const { return answers + entries * sizeof(uint64_t); }
    uint64_t answers_end() const { return gone() + rounded(spans); }
};

inline uint32_t undecided_crc(const void* bytes, size_t size) {
    return static_cast<uint32_t>(crc32_z(0, static_cast<const Bytef*>(bytes), size));
}

}  // namespace spanring::agent
