// SPDX-License-Identifier: Apache-2.0
//
// Runs, sorted span by span: what goes one way in one list, what goes another in the next. Bytes are referenced, never
// copied; spans that follow each other and go the same way stay one run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "batch/batch.hpp"
#include "otlp/signal.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

// Appends an element of ScopeSpans.spans, which is one of `of` and counts as so many spans.
inline void append_span(std::vector<Run>& runs, const Run& of, std::span<const uint8_t> element, uint32_t items = 1) {
    if (!runs.empty()) {
        Run& last = runs.back();
        if (last.producer == of.producer && last.scope == of.scope &&
            last.bytes.data() + last.bytes.size() == element.data()) {
            last.bytes = {last.bytes.data(), last.bytes.size() + element.size()};
            last.spans += items;
            return;
        }
    }
    runs.push_back({of.producer, of.scope, element, items});
}

// `way_of(span)`, the inside of an element, says into which of so many lists it goes.
template <class WayOf>
std::vector<std::vector<Run>> sorted_runs(std::span<const Run> runs, size_t ways, WayOf way_of,
                                          Signal signal = Signal::kTraces) {
    std::vector<std::vector<Run>> sorted(ways);
    for (const Run& run : runs) {
        wire::Cursor cursor(run.bytes);
        const uint8_t* begin = cursor.at;
        for (wire::Field span; wire::next(cursor, span); begin = cursor.at)
            append_span(sorted[way_of(span.bytes)], run, {begin, cursor.at},
                        signal == Signal::kMetrics ? items_in(signal, span.bytes).value_or(0) : 1);
    }
    return sorted;
}

}  // namespace spanring::agent
