// SPDX-License-Identifier: Apache-2.0
#include "drain/partial_spans.hpp"

#include <algorithm>
#include <vector>

#include "base/wall_clock.hpp"
#include "ring/unfinished_span.hpp"
#include "segment/open_span_reader.hpp"

namespace spanring::agent {

uint64_t hand_out_partial_spans(const HeldSegment& held, RunCutter& cutter, Batcher& batcher, Batcher::Lane& lane,
                                std::chrono::nanoseconds open_longer_than, uint64_t most) {
    LookAllowance allowance{.looks = 8'000, .bytes = std::min(most, uint64_t{4} << 20)};
    const uint64_t now = unix_nano();
    const auto least = static_cast<uint64_t>(open_longer_than.count());
    uint64_t bytes = 0;
    std::vector<uint8_t> record;
    OpenSpanReader reader(held.file.get(), held.header);
    reader.each(allowance, [&](const ring::SlotCopy& span) {
        const uint64_t start = span.slot.start_unix_nano;
        if (now <= start || now - start <= least) return;
        record.clear();
        // Where it makes no sense: nothing. Its end, or its process's, will be counted.
        if (!append_partial_span(span, now, record)) return;
        cutter.add_partial(batcher, lane, span.slot.scope, record);
        bytes += record.size();
    });
    return bytes;
}

}  // namespace spanring::agent
