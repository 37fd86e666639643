// SPDX-License-Identifier: Apache-2.0
//
// A first look at a span, for processors that have to do with few: what most of them ask for first. It is taken only of
// spans in the usual form, whose fields cannot say anything else further on; of any other span nothing is said, and it
// goes the long way (SpanEdit).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "otlp/span_form.hpp"
#include "processors/key_interest.hpp"

namespace spanring::agent {

struct UsualSpan;

class SpanGlance {
public:
    // `span`: as SpanEdit::read() takes it. False: it is not in the usual form.
    bool read(std::span<const uint8_t> span, const KeyInterest& keys, const SpanForm& form);

    // As SpanEdit says them.
    std::string_view name() const { return name_; }
    uint32_t kind() const { return kind_; }
    uint32_t status() const { return status_; }
    uint64_t start_unix_nano() const { return start_unix_nano_; }
    uint64_t end_unix_nano() const { return end_unix_nano_; }

    // It may have one of the attributes that somebody is interested in. False is certain.
    bool may_have_wanted() const { return may_have_wanted_; }

private:
    void take(const UsualSpan& span);
    bool read_rest(const uint8_t* at, const uint8_t* end);

    std::string_view name_;
    uint32_t kind_ = 0;
    uint32_t status_ = 0;
    uint64_t start_unix_nano_ = 0;
    uint64_t end_unix_nano_ = 0;
    bool may_have_wanted_ = false;
};

}  // namespace spanring::agent
