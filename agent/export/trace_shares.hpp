// SPDX-License-Identifier: Apache-2.0
//
// Which of several endpoints a trace goes to, and with it log records that name it; a metric goes by its name:
// rendezvous hashing (D. Thaler, C. Ravishankar, 1998) of its id with the endpoints' names. Every agent that has the
// same names, in any order, says the same; when one goes away, or comes, no trace moves but its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "otlp/signal.hpp"

namespace spanring::agent {

class TraceShares {
public:
    explicit TraceShares(std::span<const std::string> names, Signal signal = Signal::kTraces);

    // `id`: of 16 bytes; what has another size is not a trace's, and is one all the same.
    size_t of(std::span<const uint8_t> id) const;
    // By endpoint: the runs of each one's traces.
    std::vector<std::vector<Run>> split(std::span<const Run> runs) const;

private:
    const Signal signal_;
    std::vector<uint64_t> seeds_;
};

}  // namespace spanring::agent
