// SPDX-License-Identifier: Apache-2.0
//
// Runs copied out of a mapping that its process can still write and truncate: the way back from zero copy. The copy is
// validated again, and a truncated file costs the spans in it, not the agent.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "batch/batch.hpp"

namespace spanring::agent {

struct PrivateRuns {
    std::vector<Run> runs;  // point into `bytes`
    std::unique_ptr<uint8_t[]> bytes;
    uint64_t lost = 0;  // spans that are gone, or have become invalid
};

PrivateRuns copy_runs(std::span<const Run> runs);

}  // namespace spanring::agent
