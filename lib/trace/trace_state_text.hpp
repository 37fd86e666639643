// SPDX-License-Identifier: Apache-2.0
//
// The trace state of a span that starts: what came from its parent, with how the trace was sampled put in as the sub-key
// `th` of the member `ot` (specification: trace/tracestate-handling.md, tracestate-probability-sampling.md).
#pragma once

#include <cstddef>
#include <cstdint>

#include "trace/context_tail.hpp"

namespace spanring::trace {

class TraceStateText {
public:
    static constexpr uint32_t kMost = 512;  // bytes; W3C Trace Context 3.3.1.5: what must be propagated at least

    // HOT where the tail has no threshold: then it is a view of the text. Where it does not fit, the last members give way.
    TraceStateText(const char* text, size_t size, uint64_t tail) : data_(text), size_(text == nullptr ? 0 : size) {
        if (ContextTail::has_threshold(tail)) [[unlikely]] compose(ContextTail::threshold(tail));
    }
    TraceStateText(const TraceStateText&) = delete;
    TraceStateText& operator=(const TraceStateText&) = delete;

    const char* data() const { return data_; }
    size_t size() const { return size_; }  // bytes; SPR_NUL where that was given and nothing was put in

    // The explicit randomness of a trace, sub-key `rv`: 56 bits. False: it has none.
    static bool randomness(const char* text, size_t size, uint64_t& ret_bits);

private:
    [[gnu::noinline]] void compose(uint64_t threshold);

    const char* data_;
    size_t size_;
    char buffer_[kMost];
};

}  // namespace spanring::trace
