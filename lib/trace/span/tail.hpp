// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ring/layout.hpp"
#include "trace/base/wire.hpp"

namespace spanring::trace {

// What a span carries after its data: end time, kind, flags, counts of what was refused (rarely any).
struct Tail {
    explicit Tail(const ring::Slot& slot)
        : slot(slot), refused((slot.dropped_attributes | slot.dropped_events | slot.dropped_links) != 0) {}

    // What is never left out: of a span of which nothing was refused, all.
    static constexpr uint32_t kLeast = 9 + 2 + 6;
    static constexpr uint32_t kMost = kLeast + 3 * 6;

    uint32_t size() const {
        uint32_t size = kLeast;
        if (refused) [[unlikely]]
            for (const uint32_t count : {slot.dropped_attributes, slot.dropped_events, slot.dropped_links})
                if (count != 0) size += 1 + varint_size(count);
        return size;
    }
    // The first kLeast bytes.
    [[gnu::always_inline]] static uint8_t* write_least(uint8_t* at, const ring::Slot& slot, uint64_t end_unix_nano) {
        *at = tag(8, kFixed64);
        at = put_fixed64(at + 1, end_unix_nano);
        // Kind; field 16, fixed32, whose tag takes two bytes: SpanFlags, where 0x100 says that 0x200 (the parent is
        // remote) is known.
        constexpr uint64_t kTags = tag(6, kVarint) | 0x85u << 16 | 0x01u << 24;
        const uint32_t flags = slot.trace_flags | 0x100u | (slot.parent_flags & 2u) << 8;
        return put_fixed64(at, kTags | uint64_t{slot.kind} << 8 | uint64_t{flags} << 32);
    }
    void write(uint8_t* at, uint64_t end_unix_nano) const {
        at = write_least(at, slot, end_unix_nano);
        if (!refused) [[likely]]
            return;
        const auto put_count = [&](uint32_t field, uint32_t count) {
            if (count == 0) return;
            *at++ = tag(field, kVarint);
            at = put_varint(at, count);
        };
        put_count(10, slot.dropped_attributes);
        put_count(12, slot.dropped_events);
        put_count(14, slot.dropped_links);
    }

    const ring::Slot& slot;
    const bool refused;
};

}  // namespace spanring::trace
