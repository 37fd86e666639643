// SPDX-License-Identifier: Apache-2.0
//
// What `spanring doctor` found at one place, and what to do about it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spanring::agent {

enum class Health : uint8_t { kOk, kWarning, kError };
const char* word(Health health);  // "ok", "warning", "error"

struct Finding {
    Health health = Health::kOk;
    std::string check;  // what was looked at: a word or two
    std::string found;
    std::string advice;  // empty: nothing to do
};
using Findings = std::vector<Finding>;

}  // namespace spanring::agent
