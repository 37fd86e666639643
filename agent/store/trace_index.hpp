// SPDX-License-Identifier: Apache-2.0
//
// What the store's index says about a batch: one entry for each trace in it. Reads ids, times, names and status out of
// the bytes and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace spanring::agent {

using TraceId = std::array<uint8_t, 16>;

struct TraceEntry {
    TraceId trace_id{};
    uint64_t first_start = 0;
    uint64_t last_end = 0;
    uint32_t spans = 0;
    uint32_t errors = 0;  // status ERROR, without the unfinished ones, which all have it
    uint32_t unfinished = 0;
    bool head_is_root = false;
    uint64_t head_start = 0;
    std::string head_name;
    std::string head_service;
    std::set<std::string> services;
};

// `request` is an ExportTraceServiceRequest. What is not a span in it is left out.
std::vector<TraceEntry> index_request(std::span<const uint8_t> request);

}  // namespace spanring::agent
