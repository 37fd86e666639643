// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace spanring::trace {

// Specification: trace/sdk.md, Span Limits.
struct Limits {
    uint32_t attributes = 0;
    uint32_t events = 0;
    uint32_t links = 0;

    static Limits from_environment();
};

}  // namespace spanring::trace
