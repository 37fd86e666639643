// SPDX-License-Identifier: Apache-2.0
//
// What a start writes: the ids, the slot, and the first bytes of the span.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ring/layout.hpp"
#include "spanring/spanring.h"
#include "trace/base/random.hpp"
#include "trace/base/short_text.hpp"
#include "trace/base/value.hpp"
#include "trace/base/wire.hpp"
#include "trace/process/life.hpp"
#include "trace/process/tracer_table.hpp"

namespace spanring::trace {

// The ids of a span as numbers, which stay in registers.
struct Ids {
    uint64_t trace[2];
    uint64_t span;

    [[gnu::always_inline]] void write(spr_context& ret_context, uint64_t tail) const {
        // One by one: as a loop they would be written twice, and read in larger pieces in between.
        uint8_t* at = put_fixed64(reinterpret_cast<uint8_t*>(&ret_context), trace[0]);
        at = put_fixed64(at, trace[1]);
        at = put_fixed64(at, span);
        put_fixed64(at, tail);
    }
    static Ids of(const spr_context& context) {
        Ids ids;
        memcpy(ids.trace, context.trace_id, sizeof ids.trace);
        memcpy(&ids.span, context.span_id, sizeof ids.span);
        return ids;
    }
};

// Bytes of a new span: trace id, span id, parent, start time. Returns their number; at most 47.
[[gnu::always_inline]] inline uint32_t write_identity(uint8_t* to, Ids ids, const spr_context* parent, uint64_t start) {
    uint8_t* at = to;
    *at++ = tag(1, kBytes);
    *at++ = 16;
    at = put_fixed64(at, ids.trace[0]);
    at = put_fixed64(at, ids.trace[1]);
    *at++ = tag(2, kBytes);
    *at++ = 8;
    at = put_fixed64(at, ids.span);
    if (parent != nullptr) {
        *at++ = tag(4, kBytes);
        *at++ = 8;
        memcpy(at, parent->span_id, 8);
        at += 8;
    }
    *at++ = tag(7, kFixed64);
    return static_cast<uint32_t>(put_fixed64(at, start) - to);
}

[[gnu::noinline]] inline uint32_t write_any_name(uint8_t* to, const char* name, size_t given_size) {
    const size_t size = text_size(name, given_size);
    if (size > ring::kSlotInlineData - 64) return 0;
    to[0] = tag(5, kBytes);
    uint8_t* const text = put_varint(to + 1, size);
    if (size != 0) memcpy(text, name, size);
    return static_cast<uint32_t>(text + size - to);
}

// The name as a field where it fits into the slot itself, as nearly all do. Returns its bytes; 0: it does not fit. One
// that is not UTF-8 is repaired by the agent, as every text is.
[[gnu::always_inline]] inline uint32_t write_name(uint8_t* to, const char* name, size_t size) {
    if (size <= kShortText && name != nullptr) [[likely]] {
        to[0] = tag(5, kBytes);
        to[1] = static_cast<uint8_t>(size);
        copy_short(to + 2, name, size);
        return static_cast<uint32_t>(2 + size);
    }
    return write_any_name(to, name, size);
}

// The ids of a new span.
[[gnu::always_inline]] inline Ids make_ids(Random& random, const spr_context* parent) {
    Ids ids;
    if (parent != nullptr)
        memcpy(ids.trace, parent->trace_id, sizeof ids.trace);
    else
        random.trace_id(ids.trace);
    ids.span = random.span_id();
    return ids;
}

// What a new span's slot says, but for the times and its data. Returns its generation.
[[gnu::always_inline]] inline uint32_t fill(ring::Slot& slot, const spr_tracer& tracer, const ThreadState& thread,
                                            uint8_t kind, uint64_t tail, const spr_context* parent) {
    const uint32_t generation = slot.generation + 1;
    // relaxed: published with the word, by publish_start(). Pairs with the acquire in OpenSpan::find().
    ring::StdAtomics::store(slot.generation, generation, std::memory_order_relaxed);
    slot.scope =
        ring::StdAtomics::load(tracer.scope, std::memory_order_relaxed);  // as `published`, which came after it
    slot.thread = thread.thread;
    slot.dropped_attributes = 0;
    memset(reinterpret_cast<uint8_t*>(&slot) + offsetof(ring::Slot, dropped_events), 0,
           8);  // with dropped_links: is_plain()
    slot.status = 0;
    slot.kind = kind != 0 ? kind : SPR_KIND_INTERNAL;
    slot.status_code = SPR_STATUS_UNSET;
    slot.trace_flags = static_cast<uint8_t>(tail);
    slot.parent_flags = static_cast<uint8_t>(parent == nullptr ? 0 : parent->is_remote != 0 ? 3 : 1);
    slot.attributes = 0;
    slot.tags_left = thread.life->settings.limits.short_attributes;
    slot.events = slot.links = slot.superseded = slot.reserved = 0;
    slot.key_filter = 0;
    return generation;
}

}  // namespace spanring::trace
