// SPDX-License-Identifier: Apache-2.0
//
// `resource`: actions on the attributes of resources. Whose spans they are does not change by it: accounts and metrics
// know a process by the service that it says itself.
#pragma once

#include <vector>

#include "processors/attribute_actions.hpp"
#include "processors/processor.hpp"

namespace spanring::agent {

class ResourceProcessor : public Processor {
public:
    explicit ResourceProcessor(const ResourceOptions& options) : actions_(options.actions) {}

    void add_interest(SpanInterest&) const override {}
    void take_resource(MessageEdit& resource, std::string_view, ResourceMarks&) override { actions_.apply(resource); }
    bool take_span(SpanEdit&, const ResourceMarks&, size_t) override { return true; }

private:
    const AttributeActions actions_;
};

}  // namespace spanring::agent
