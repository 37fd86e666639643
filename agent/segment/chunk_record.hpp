// SPDX-License-Identifier: Apache-2.0
//
// One record of a chunk, read from a private copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "otlp/wire.hpp"
#include "ring/layout.hpp"

namespace spanring::agent {

struct ChunkRecord {
    enum class Kind { kSpan, kScope };
    Kind kind = Kind::kSpan;
    size_t body = 0;     // where a span's message begins
    size_t end = 0;      // where the next record begins
    uint32_t scope = 0;  // kScope
};

// nullptr, or what is wrong with the record at `at` (which is before the end).
inline const char* read_chunk_record(std::span<const uint8_t> bytes, size_t at, ChunkRecord& ret_record) {
    const uint8_t first = bytes[at];
    if (first == ring::kSpanRecord) {
        // As libspanring writes it: a length of two bytes.
        if (bytes.size() - at > 3 && bytes[at + 1] >= 0x80 && bytes[at + 2] < 0x80) [[likely]] {
            const size_t length = (bytes[at + 1] & 0x7f) | static_cast<size_t>(bytes[at + 2]) << 7;
            if (length <= bytes.size() - at - 3) {
                ret_record.kind = ChunkRecord::Kind::kSpan;
                ret_record.body = at + 3;
                ret_record.end = at + 3 + length;
                return nullptr;
            }
        }
        wire::Cursor cursor(bytes.data() + at + 1, bytes.data() + bytes.size());
        size_t length = 0;
        if (wire::read_length(cursor, length) != wire::Fault::kNone)
            return "the length of a span runs past what is committed";
        ret_record.kind = ChunkRecord::Kind::kSpan;
        ret_record.body = static_cast<size_t>(cursor.at - bytes.data());
        ret_record.end = ret_record.body + length;
        return nullptr;
    }
    if (first != ring::kControlRecord) return "a record is neither a span nor a control record";
    // The length of a control record is known by its kind alone, so an unknown kind cannot be skipped.
    if (bytes.size() - at < ring::kScopeRecordSize || bytes[at + 1] != ring::kControlScope)
        return "an unknown control record";
    uint32_t scope = 0;
    std::memcpy(&scope, bytes.data() + at + 2, sizeof scope);
    ret_record = {ChunkRecord::Kind::kScope, at, at + ring::kScopeRecordSize, scope};
    return nullptr;
}

}  // namespace spanring::agent
