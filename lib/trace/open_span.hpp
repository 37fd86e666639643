// SPDX-License-Identifier: Apache-2.0
//
// An open span that a handle named: its slot, found and checked. Fields are appended as the OTLP bytes that they will be.
#pragma once

#include <cstdint>

#include "ring/slot_data.hpp"
#include "spanring/spanring.h"
#include "trace/provider.hpp"
#include "trace/span_handle.hpp"

namespace spanring::trace {

class OpenSpan {
public:
    // HOT. 1: found. 0: the span is not recorded. Negative: -EINVAL (NULL), -ESTALE (ended, another life, shut down).
    static int find(const spr_span* span, OpenSpan& ret);

    // For a span that is being started: its slot is filled, but not published yet.
    OpenSpan() = default;
    OpenSpan(Provider& provider, ring::Segment& segment, ring::Slot& slot, uint32_t index)
        : provider_(&provider), segment_(&segment), slot_(&slot), index_(index) {}

    Provider& provider() const { return *provider_; }
    ring::Segment& segment() const { return *segment_; }
    ring::Slot& slot() const { return *slot_; }
    uint32_t index() const { return index_; }
    ring::SlotWord word() const { return ring::SlotWord::unpack(ring::StdAtomics::load(slot_->word, std::memory_order_relaxed)); }

    // Each: 0, or -EINVAL, -EDQUOT, -ENOBUFS; what is refused is counted in the slot.
    int set(const spr_attribute& attribute);
    int add(const spr_event& event, uint64_t now_unix_nano);
    int add(const spr_link& link);
    int set_name(const char* name, size_t size);
    int set_trace_state(const char* text, size_t size);
    // 1: nothing changed (OK is final, UNSET is ignored).
    int set_status(int code, const char* message, size_t size);

    // Bytes of data that are not superseded, and a copy of them.
    uint32_t live_size() const;
    void copy_live(uint8_t* to) const;

private:
    void supersede(uint32_t position);
    bool find_key(const char* key, uint32_t size, uint32_t& ret_position) const;
    template <class Visit>
    void each_field(Visit&& visit) const;

    Provider* provider_ = nullptr;
    ring::Segment* segment_ = nullptr;
    ring::Slot* slot_ = nullptr;
    uint32_t index_ = 0;
};

}  // namespace spanring::trace
