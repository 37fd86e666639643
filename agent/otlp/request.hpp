// SPDX-License-Identifier: Apache-2.0
//
// Puts the headers of an ExportTraceServiceRequest in front of runs. Runs are grouped by producer, then by scope, in
// the order in which these first appear; their bytes are referenced, never copied, never decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "otlp/signal.hpp"

namespace spanring::agent {

// Many receivers refuse more than 4 MiB.
inline constexpr size_t kMaxRequestBytes = size_t{4} << 20;

struct Request {
    std::vector<std::span<const uint8_t>> slices;  // in `headers` and in the memory of the runs
    std::unique_ptr<uint8_t[]> headers;
    size_t bytes = 0;
};

Request assemble(std::span<const Run> runs);

// Cuts where a request would pass max_bytes, between spans: a span that is larger is a part of its own. The parts refer
// to the same memory.
std::vector<std::vector<Run>> split(std::span<const Run> runs, size_t max_bytes, Signal signal = Signal::kTraces);

// One piece of memory. For the spool and the store; not on the way to a backend.
std::string flatten(const Request& request);

}  // namespace spanring::agent
