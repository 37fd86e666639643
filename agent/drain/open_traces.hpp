// SPDX-License-Identifier: Apache-2.0
//
// Of which traces a process has spans open: read out of its slots beside it, in the mapping. A slot is looked at once.
// Whatever changes meanwhile was a span that ended, and so is committed: whoever drains afterwards finds it. What a
// process claims takes so many looks at most, and names nothing but traces.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "decide/trace_key.hpp"
#include "drain/waiting_slots.hpp"
#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/extent_map.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

// Of slots of one process, in one look: as many as 300 MiB have.
inline constexpr uint32_t kMostOpenLooks = 262'144;

// False: there were more slots than may be looked at. `waiting`: of these, which have ended, those that it knows are
// handed out.
template <class Visit>
bool each_open_trace(ring::SegmentView segment, const ring::ExtentMap& extents, Visit&& visit,
                     const WaitingSlots& waiting = {}) {
    constexpr uint8_t kTraceId = 0x0a;  // field 1 of Span, the first that a start writes, and it stays in the slot
    constexpr uint8_t kSize = 16;
    uint32_t looks = 0;
    extents.each_slot([&](uint32_t number) {
        if (++looks > kMostOpenLooks) return;
        const ring::Slot& slot = segment.slot(number);
        // acquire: the ids that the start published. Pairs with the release in LevelWriter::publish_start(). Without
        // it those of the slot's last span could be read for one that goes on, and its trace be taken for over. And
        // what an end committed before it freed the slot is found by who drains next: with the release that frees it.
        const uint64_t word = ring::StdAtomics::load(slot.word, std::memory_order_acquire);
        const ring::SlotState state = ring::SlotWord::unpack(word).state;
        if (state == ring::SlotState::kFree || state == ring::SlotState::kDone) return;
        if (state == ring::SlotState::kWaiting && waiting.knows(number)) return;
        std::array<uint8_t, 2 + kSize> head{};
        for (size_t i = 0; i < head.size(); ++i) {
            // relaxed: ordered by the acquire above; of a span that ends meanwhile nobody needs them.
            head[i] = std::atomic_ref<uint8_t>(const_cast<uint8_t&>(slot.data[i])).load(std::memory_order_relaxed);
        }
        if (head[0] == kTraceId && head[1] == kSize) visit(TraceKey::of(head.data() + 2));
    });
    return looks <= kMostOpenLooks;
}

}  // namespace spanring::agent
