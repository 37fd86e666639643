// SPDX-License-Identifier: Apache-2.0
//
// One processor of a chain. It sees resources and scopes once each, and then spans, and says what is to be changed; it
// must say the same of the same bytes whenever it is asked, for an agent that was killed is asked again. One thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "processors/span_edit.hpp"
#include "processors/span_glance.hpp"

namespace spanring::agent {

// What processors found out of a resource that its spans need: one flag for each question, by its number. Not of bits:
// they are looked at for every span.
using ResourceMarks = std::vector<uint8_t>;

class Processor {
public:
    Processor() = default;
    virtual ~Processor() = default;
    Processor(const Processor&) = delete;
    Processor& operator=(const Processor&) = delete;

    virtual void add_interest(SpanInterest& interest) const = 0;

    // `service` is the resource's as it is when it comes here. What is to be remembered is appended to `marks`, always
    // as many.
    virtual void take_resource(MessageEdit& resource, std::string_view service, ResourceMarks& marks) {
        static_cast<void>(resource), static_cast<void>(service), static_cast<void>(marks);
    }
    virtual size_t marks() const { return 0; }
    virtual void take_scope(MessageEdit& scope) { static_cast<void>(scope); }

    // Whether it can say at a glance of spans that they are none of its business; and of which: true is certain, it
    // would let it through as it is. Asked of a chain of which all can.
    virtual bool can_glance() const { return false; }
    virtual bool passes(const SpanGlance& span, const ResourceMarks& marks, size_t first) {
        static_cast<void>(span), static_cast<void>(marks), static_cast<void>(first);
        return false;
    }

    // False: it is to be left out. `first`: of the processor's own marks.
    virtual bool take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) = 0;

    // Of values that it took away, since the last time.
    virtual uint64_t take_redacted() { return 0; }
};

}  // namespace spanring::agent
