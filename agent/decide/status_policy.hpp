// SPDX-License-Identifier: Apache-2.0
//
// `status_code`: traces with a span of such a status.
#pragma once

#include <stdexcept>

#include "decide/policy.hpp"

namespace spanring::agent {

class StatusPolicy : public Policy {
public:
    // Throws std::invalid_argument.
    explicit StatusPolicy(const std::vector<std::string>& codes) {
        if (codes.empty()) throw std::invalid_argument("status_code: must say status_codes");
        for (const std::string& code : codes) statuses_ |= 1u << number_of(code);
    }

    using Policy::agrees;
    bool agrees(const SpanFacts& span) override { return (statuses_ >> span.outline.status & 1) != 0; }

private:
    static uint32_t number_of(const std::string& code) {
        if (code == "UNSET") return 0;
        if (code == "OK") return 1;
        if (code == "ERROR") return kStatusError;
        throw std::invalid_argument("status_code: '" + code + "' is none of UNSET, OK, ERROR");
    }

    uint32_t statuses_ = 0;  // a bit for each
};

}  // namespace spanring::agent
