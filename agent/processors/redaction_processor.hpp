// SPDX-License-Identifier: Apache-2.0
//
// `redaction`: what must not leave the host is taken away or masked, by key and by value, in resources, scopes, spans,
// events and links. What it took away is counted.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "processors/processor.hpp"
#include "processors/text_set.hpp"

namespace spanring::agent {

class RedactionProcessor : public Processor {
public:
    // Throws std::invalid_argument, as wrong_redaction() would have said.
    explicit RedactionProcessor(const RedactionOptions& options);

    void add_interest(SpanInterest& interest) const override;
    void take_resource(MessageEdit& resource, std::string_view, ResourceMarks&) override { redact(resource); }
    void take_scope(MessageEdit& scope) override { redact(scope); }
    bool take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) override;
    uint64_t take_redacted() override { return std::exchange(redacted_, 0); }

private:
    void redact(MessageEdit& message);
    void mask(MessageEdit& message, Attribute& attribute);
    bool has_blocked(EncodedBytes value);
    bool has_blocked(std::string_view text);

    const bool allow_all_keys_;
    TextSet allowed_keys_;
    TextSet ignored_keys_;
    TextSet blocked_keys_;
    std::vector<Pattern> blocked_values_;
    std::vector<Pattern> allowed_values_;
    uint64_t redacted_ = 0;
};

}  // namespace spanring::agent
