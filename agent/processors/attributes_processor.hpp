// SPDX-License-Identifier: Apache-2.0
//
// `attributes`: actions on the attributes of spans; of those alone that `include` means and `exclude` does not.
#pragma once

#include <optional>
#include <vector>

#include "processors/attribute_actions.hpp"
#include "processors/processor.hpp"
#include "processors/span_match.hpp"

namespace spanring::agent {

class AttributesProcessor : public Processor {
public:
    explicit AttributesProcessor(const AttributesOptions& options);

    void add_interest(SpanInterest& interest) const override;
    void take_resource(MessageEdit& resource, std::string_view service, ResourceMarks& marks) override;
    size_t marks() const override { return 2; }
    bool can_glance() const override { return include_.has_value(); }
    bool passes(const SpanGlance& span, const ResourceMarks& marks, size_t first) override {
        return !(marks[first] && include_->may_hold(span));
    }
    bool take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) override;

private:
    const AttributeActions actions_;
    std::optional<SpanMatch> include_;
    std::optional<SpanMatch> exclude_;
};

}  // namespace spanring::agent
