// SPDX-License-Identifier: Apache-2.0
//
// `filter`: leaves spans out, by what agrees with them and by conditions. They are counted as filtered.
#pragma once

#include <vector>

#include "processors/conditions.hpp"
#include "processors/processor.hpp"
#include "processors/span_match.hpp"

namespace spanring::agent {

class FilterProcessor : public Processor {
public:
    explicit FilterProcessor(const FilterOptions& options);

    void add_interest(SpanInterest& interest) const override;
    void take_resource(MessageEdit& resource, std::string_view service, ResourceMarks& marks) override;
    size_t marks() const override;
    bool can_glance() const override { return conditions_.can_glance(); }
    bool passes(const SpanGlance& span, const ResourceMarks& marks, size_t first) override;
    bool take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) override;

private:
    std::vector<SpanMatch> matches_;
    Conditions conditions_;
    bool wants_attributes_ = false;  // for conditions
};

}  // namespace spanring::agent
