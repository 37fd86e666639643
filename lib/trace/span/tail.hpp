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

    static constexpr uint32_t kMost = 9 + 2 + 6 + 3 * 6;

    uint32_t size() const {
        uint32_t size = 9 + 2 + 6;
        if (refused) [[unlikely]]
            for (const uint32_t count : {slot.dropped_attributes, slot.dropped_events, slot.dropped_links})
                if (count != 0) size += 1 + varint_size(count);
        return size;
    }
    void write(uint8_t* at, uint64_t end_unix_nano) const {
        *at++ = tag(8, kFixed64);
        at = put_fixed64(at, end_unix_nano);
        *at++ = tag(6, kVarint);
        *at++ = slot.kind;
        *at++ = 0x85;  // field 16, fixed32: a tag of two bytes
        *at++ = 0x01;
        // SpanFlags: 0x100 says that 0x200 (the parent is remote) is known.
        at = put_fixed32(at, uint32_t{slot.trace_flags} | 0x100 | ((slot.parent_flags & 2) != 0 ? 0x200 : 0));
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
