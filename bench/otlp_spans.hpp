// SPDX-License-Identifier: Apache-2.0
//
// Counts the spans of an ExportTraceServiceRequest: it walks resource_spans (1), scope_spans (2) and spans (2) by their
// lengths and looks at nothing inside a span. For bytes in one piece.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

class OtlpSpans {
public:
    // Of a request; what cannot be walked ends the count.
    static uint64_t count(const uint8_t* at, size_t size) { return walk(at, at + size, kResourceSpans); }

private:
    enum Level : uint32_t { kResourceSpans, kScopeSpans, kSpans };

    static uint64_t walk(const uint8_t* at, const uint8_t* end, Level level) {
        const uint64_t wanted = level == kResourceSpans ? 1 : 2;
        uint64_t spans = 0;
        while (at < end) {
            const uint64_t tag = varint(at, end);
            if ((tag & 7) != 2) return spans;  // every field on the way down, and beside it, has a length
            const uint64_t length = varint(at, end);
            if (length > static_cast<uint64_t>(end - at)) return spans;
            if (tag >> 3 == wanted) spans += level == kSpans ? 1 : walk(at, at + length, static_cast<Level>(level + 1));
            at += length;
        }
        return spans;
    }

    static uint64_t varint(const uint8_t*& at, const uint8_t* end) {
        uint64_t value = 0;
        for (int shift = 0; at < end && shift < 64; shift += 7) {
            const uint8_t byte = *at++;
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) break;
        }
        return value;
    }
};

}  // namespace bench
