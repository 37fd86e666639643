// SPDX-License-Identifier: Apache-2.0
#include "otlp/span_gate.hpp"

namespace spanring::agent {

void SpanGate::look_for(const KeyInterest* keys) {
    if (keys == nullptr && keys_ == &no_keys()) return;
    *this = SpanGate();
    if (keys != nullptr) keys_ = keys;
}

const KeyInterest& SpanGate::no_keys() {
    static const KeyInterest kNone;
    return kNone;
}

SpanCheck SpanGate::check_stranger(std::span<uint8_t> span) {
    bool plain = false;
    form_ = {};
    if (plain_.is_tried()) {
        plain = is_plain_span(span, fastest_count_of_high_bytes(), &form_, *keys_);
        if (plain)
            plain_.succeeded();
        else
            plain_.failed();
    }
    const SpanCheck check = plain ? SpanCheck{} : validate_span(span);
    if (!known_.resting() && check.untouched()) shapes_.learn(span, form_);
    return check;
}

}  // namespace spanring::agent
