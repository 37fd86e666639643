// SPDX-License-Identifier: Apache-2.0
//
// `limits`: how many attributes a span has, and how long texts in them are, whatever its process allowed. What is left
// out is counted in the span, as SDKs count it.
#pragma once

#include "processors/processor.hpp"

namespace spanring::agent {

class LimitsProcessor : public Processor {
public:
    explicit LimitsProcessor(const LimitsOptions& options) : options_(options) {}

    void add_interest(SpanInterest& interest) const override;
    bool take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) override;

private:
    void cut_values(MessageEdit& message) const;

    const LimitsOptions options_;
};

}  // namespace spanring::agent
