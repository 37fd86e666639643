// SPDX-License-Identifier: Apache-2.0
//
// The spans of an ExportTraceServiceRequest: it walks resource_spans (1), scope_spans (2) and spans (2) by their
// lengths, and looks inside a span only where it is asked to. For bytes in one piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bench {

class OtlpSpans {
public:
    // Of a request; what cannot be walked ends the count.
    static uint64_t count(const uint8_t* at, size_t size) {
        return each(at, size, [](const uint8_t*, const uint8_t*) {});
    }

    // The same, and calls `visit(begin, end)` with every span.
    template <class Visit>
    static uint64_t each(const uint8_t* at, size_t size, Visit visit) {
        return walk(at, at + size, kResourceSpans, visit);
    }

    // Of a span, in nanoseconds since 1970; 0 where it has none.
    static uint64_t end_time(const uint8_t* at, const uint8_t* end) {
        constexpr uint64_t kEndTime = 8 << 3 | 1;
        while (at < end) {
            const uint64_t tag = varint(at, end);
            uint64_t size = 0;
            switch (tag & 7) {
                case 0: varint(at, end); break;
                case 1: size = 8; break;
                case 2: size = varint(at, end); break;
                case 5: size = 4; break;
                default: return 0;
            }
            if (size > static_cast<uint64_t>(end - at)) return 0;
            if (tag == kEndTime) {
                uint64_t time;
                std::memcpy(&time, at, sizeof time);
                return time;
            }
            at += size;
        }
        return 0;
    }

private:
    enum Level : uint32_t { kResourceSpans, kScopeSpans, kSpans };

    template <class Visit>
    static uint64_t walk(const uint8_t* at, const uint8_t* end, Level level, Visit& visit) {
        const uint64_t wanted = level == kResourceSpans ? 1 : 2;
        uint64_t spans = 0;
        while (at < end) {
            const uint64_t tag = varint(at, end);
            if ((tag & 7) != 2) return spans;  // every field on the way down, and beside it, has a length
            const uint64_t length = varint(at, end);
            if (length > static_cast<uint64_t>(end - at)) return spans;
            if (tag >> 3 == wanted) {
                if (level == kSpans) {
                    visit(at, at + length);
                    ++spans;
                } else {
                    spans += walk(at, at + length, static_cast<Level>(level + 1), visit);
                }
            }
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
