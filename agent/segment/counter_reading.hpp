// SPDX-License-Identifier: Apache-2.0
//
// All counters of a segment, as one reading has them. Every one of them only ever rises, so two readings that are equal
// say that all stood still from the end of the first to the beginning of the second. `view` is of a private copy.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "ring/rule_rows.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

class CounterReading {
public:
    explicit CounterReading(ring::SegmentView view) {
        add(&view.control().totals, sizeof(ring::Totals));
        add(&view.control().journal, sizeof(ring::AckJournal));
        add(&ring::rule_area(view), sizeof(ring::RuleArea));
        add(view.writer().shared_line, sizeof(ring::CounterLine));
        words_.push_back(view.writer().extents);
        const uint32_t counted = view.writer().counter_lines;
        const uint32_t lines = counted < ring::kCounterLines ? counted : ring::kCounterLines;
        for (uint32_t line = 0; line < lines; ++line) add(&view.counter_line(line), sizeof(ring::CounterLine));
    }
    bool operator==(const CounterReading&) const = default;

private:
    void add(const void* from, size_t size) {
        const size_t at = words_.size();
        words_.resize(at + size / sizeof(uint64_t));
        std::memcpy(words_.data() + at, from, size);
    }

    std::vector<uint64_t> words_;
};

}  // namespace spanring::agent
