// SPDX-License-Identifier: Apache-2.0
//
// A process's segment without a file, for the stepper: what create_segment() would map is plain memory, used again for
// each execution, and populate() is remembered with who did it and when.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "ring/extent_map.hpp"
#include "ring/segment.hpp"
#include "unit/ring/checked_atomics.hpp"

namespace spanring::test {

class SegmentInMemory {
public:
    static constexpr uint32_t kWithHugePlaces = 32;  // as a limit: the smallest in which two may be used at once

    explicit SegmentInMemory(uint32_t extent_limit, uint32_t full_policy = 0);

    // As it was at first, but for the bytes of chunks and blocks. `kinds`: of the extents that are taken already.
    void reset(std::initializer_list<ring::ExtentKind> kinds = {ring::ExtentKind::kSmallChunks,
                                                                ring::ExtentKind::kSlots});
    // Those, as a reader knows them.
    const ring::ExtentMap& extents() const { return extents_; }

    // From now on to the next reset() the fiber gets no memory.
    static void refuse(uint32_t fiber);

    ring::Segment& operator*() { return segment_; }
    ring::Segment* operator->() { return &segment_; }
    ring::SegmentView view() const { return segment_.view(); }

    // Complains if the running fiber cannot know that somebody populated the memory.
    static void expect_populated(Stepper& stepper, const void* at);
    // Whether what was done last to the memory was to give it back.
    static bool is_punched(const void* at);

private:
    const uint32_t extent_limit_;
    const uint32_t full_policy_;
    std::vector<uint64_t> pool_;
    ring::Clock clock_;
    ring::Segment segment_;
    ring::ExtentMap extents_;
};

}  // namespace spanring::test
