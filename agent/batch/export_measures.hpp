// SPDX-License-Identifier: Apache-2.0
//
// What an exporter measures of its requests, or of what it writes, since its start.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/histogram.hpp"

namespace spanring::agent {

struct ExportMeasures {
    using Clock = std::chrono::steady_clock;

    static constexpr std::array kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                            0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0};
    static constexpr std::array kSpans = {1.0,    10.0,   50.0,   100.0,  250.0,  500.0,   1000.0,
                                          2000.0, 4000.0, 6000.0, 8000.0, 8192.0, 16384.0, 65536.0};
    static constexpr std::array kBytes = {1024.0,    4096.0,    16384.0,    65536.0,    262144.0,
                                          1048576.0, 4194304.0, 16777216.0, 67108864.0, 268435456.0};

    Histogram duration{kSeconds};  // of a request, until its answer or until it was given up; or of a write
    Histogram age{kSeconds};       // of the batch, each time that it is sent; not of what comes out of a spool
    Histogram spans{kSpans}, bytes{kBytes};  // of what is sent, each time

    void sent(uint64_t with_spans, uint64_t with_bytes) {
        spans.add(static_cast<double>(with_spans));
        bytes.add(static_cast<double>(with_bytes));
    }
    void took(Clock::duration time) { duration.add(seconds(time)); }
    // Nothing, where nobody noted when it was begun.
    void waited(Clock::time_point begun, Clock::time_point now) {
        if (begun != Clock::time_point{}) age.add(seconds(now - begun));
    }

private:
    static double seconds(Clock::duration time) {
        return time.count() > 0 ? std::chrono::duration<double>(time).count() : 0;
    }
};

}  // namespace spanring::agent
