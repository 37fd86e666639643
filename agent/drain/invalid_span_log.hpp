// SPDX-License-Identifier: Apache-2.0
//
// Tells of a process's invalid spans: all of them, but not each. Drain thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "batch/batch.hpp"
#include "otlp/span_validator.hpp"

namespace spanring::agent {

class InvalidSpanLog {
public:
    void add(uint32_t invalid, SpanDefect last, const std::string& segment, const Producer& producer);

private:
    std::chrono::steady_clock::time_point next_{};
    uint64_t untold_ = 0;
};

}  // namespace spanring::agent
