// SPDX-License-Identifier: Apache-2.0
//
// The instrumentation scopes of one segment: each read once, validated, kept. Drain thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "batch/batch.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

class ScopeReader {
public:
    explicit ScopeReader(ring::SegmentView segment) : segment_(segment) {}

    // nullptr: no such scope, or it is malformed.
    std::shared_ptr<const Scope> find(uint32_t scope);

private:
    std::shared_ptr<const Scope> read(uint32_t index) const;

    ring::SegmentView segment_;
    std::vector<std::shared_ptr<const Scope>> scopes_;  // as far as they were asked for; 0: the empty one
};

}  // namespace spanring::agent
