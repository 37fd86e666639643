// SPDX-License-Identifier: Apache-2.0
//
// The trace state of a span, or of a request that leaves: what came from the parent, with how the trace was sampled put
// in as the sub-key `th` of the member `ot` (specification: trace/tracestate-handling.md,
// tracestate-probability-sampling.md).
#pragma once

#include <cstdint>
#include <string_view>

#include "spanring/spanring.h"
#include "trace/propagation/context_tail.hpp"

namespace spanring::trace {

class SampledTraceState {
public:
    // HOT where the tail has no threshold: then it is the text itself. Where it does not fit into SPR_TRACESTATE_SIZE
    // bytes and SPR_TRACESTATE_MEMBERS members, the last give way.
    SampledTraceState(std::string_view text, uint64_t tail) : view_(text) {
        if (ContextTail::has_threshold(tail)) [[unlikely]]
            compose(ContextTail::threshold(tail));
    }
    SampledTraceState(const SampledTraceState&) = delete;
    SampledTraceState& operator=(const SampledTraceState&) = delete;

    std::string_view view() const { return view_; }

    // The explicit randomness of a trace, sub-key `rv`: 56 bits. False: it has none.
    static bool randomness(std::string_view text, uint64_t& ret_bits);

private:
    [[gnu::noinline]] void compose(uint64_t threshold);

    std::string_view view_;
    char buffer_[SPR_TRACESTATE_SIZE];
};

}  // namespace spanring::trace
