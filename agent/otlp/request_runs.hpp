// SPDX-License-Identifier: Apache-2.0
//
// The way back from a request to its runs: for one that was kept as bytes and has to be cut. The bytes are those of
// assemble(), so what it never writes (fields of a later version) is an error here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "batch/batch.hpp"
#include "otlp/signal.hpp"

namespace spanring::agent {

// They refer to `request`. Their producers have a resource and no identity: that is not in a request. Nothing: the
// bytes are not a request of ours.
std::optional<std::vector<Run>> runs_of(std::span<const uint8_t> request, Signal signal = Signal::kTraces);

}  // namespace spanring::agent
