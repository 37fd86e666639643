// SPDX-License-Identifier: Apache-2.0
//
// Which spans are meant: by service, name, kind, status, attributes and duration. All that is given must hold; of a
// list one is enough, but for attributes, which must all be there. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "processors/processor_options.hpp"
#include "processors/span_edit.hpp"
#include "processors/span_glance.hpp"
#include "processors/text_set.hpp"

namespace spanring::agent {

class SpanMatch {
public:
    // Throws std::invalid_argument, as wrong_match() would have said.
    explicit SpanMatch(const SpanMatchOptions& options);

    void add_interest(SpanInterest& interest) const;

    // Once for each resource ...
    bool holds_of_service(std::string_view service) { return services_.empty() || services_.has(service); }
    // ... and of its spans; at a glance: false is certain.
    bool holds(SpanEdit& span);
    bool may_hold(const SpanGlance& span) { return agrees(span) && (attributes_.empty() || span.may_have_wanted()); }

private:
    struct WantedAttribute {
        std::string key;
        bool any = false;
        std::string value;  // encoded
        std::optional<TextSet> pattern;
    };

    // All but the attributes.
    template <class Span>
    bool agrees(const Span& span);
    bool has(SpanEdit& span, WantedAttribute& wanted);

    TextSet services_;
    TextSet names_;
    uint32_t kinds_ = 0;     // a bit for each; 0: any
    uint32_t statuses_ = 0;  // likewise
    uint64_t least_ = 0;     // nanoseconds
    uint64_t most_ = 0;
    std::vector<WantedAttribute> attributes_;
};

template <class Span>
bool SpanMatch::agrees(const Span& span) {
    if (kinds_ != 0 && (span.kind() >= 32 || (kinds_ >> span.kind() & 1) == 0)) return false;
    if (statuses_ != 0 && (span.status() >= 32 || (statuses_ >> span.status() & 1) == 0)) return false;
    if ((least_ | most_) != 0) {
        if (span.end_unix_nano() == 0) return false;  // it goes on: nobody knows
        const uint64_t took =
            span.end_unix_nano() > span.start_unix_nano() ? span.end_unix_nano() - span.start_unix_nano() : 0;
        if (took < least_ || (most_ != 0 && took > most_)) return false;
    }
    return names_.empty() || names_.has(span.name());
}

}  // namespace spanring::agent
