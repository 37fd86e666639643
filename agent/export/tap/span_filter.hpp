// SPDX-License-Identifier: Apache-2.0
//
// Which spans a subscription is for: those of which all words hold, as search/query.hpp has it. What a span has once
// (its duration, status, kind, name, and the service) is read where it lies; only where all that fits, and there are
// other words, the span is decoded.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "search/query.hpp"

namespace spanring::agent {

class SpanFilter {
public:
    // Words that are none find nothing; the configuration has refused them.
    explicit SpanFilter(const std::vector<std::string>& words);

    bool takes_all() const { return quick_.empty() && rest_.empty() && of_service_.empty(); }
    // The runs of those spans, with their bytes where they are.
    std::vector<Run> select(std::span<const Run> runs) const;

private:
    bool quickly(std::span<const uint8_t> span) const;

    std::vector<search::Word> of_service_, quick_;
    search::Query rest_;
};

}  // namespace spanring::agent
