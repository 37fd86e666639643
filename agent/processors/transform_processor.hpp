// SPDX-License-Identifier: Apache-2.0
//
// `transform`: names of spans by patterns, so that what differs from request to request (an id in a path) does not make
// an operation of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "processors/processor.hpp"
#include "processors/text_set.hpp"

namespace spanring::agent {

class TransformProcessor : public Processor {
public:
    // Throws std::invalid_argument, as wrong_rename() would have said.
    explicit TransformProcessor(const TransformOptions& options);

    void add_interest(SpanInterest&) const override {}
    bool can_glance() const override { return true; }
    bool passes(const SpanGlance& span, const ResourceMarks&, size_t) override { return !meant_.has(span.name()); }
    bool take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) override;

private:
    struct Rename {
        Pattern pattern;
        std::string replacement;  // with \1
    };

    // What became of a name: most that come were seen before.
    struct Answer {
        bool known = false;
        std::string name, renamed;  // empty: it stays
    };

    // Empty: it stays.
    const std::string& renamed(std::string_view name);
    void rename(std::string_view name);

    TextSet meant_;  // names in which there is one of the patterns
    std::vector<Rename> renames_;
    std::vector<Answer> answers_;  // by a hash of the name
    std::string name_;
};

}  // namespace spanring::agent
