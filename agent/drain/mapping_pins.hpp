// SPDX-License-Identifier: Apache-2.0
//
// Header bill: it is a PinSource of RunCutter; attached_segment.cpp alone includes it.
#pragma once

#include <memory>

#include "drain/retired_chunks.hpp"
#include "drain/run_cutter.hpp"
#include "segment/segment_mapping.hpp"

namespace spanring::agent {

// Pins of one segment's chunks, for a mapping that stays while one is held.
struct MappingPins final : PinSource {
    MappingPins(RetiredChunks& chunks, const std::shared_ptr<SegmentMapping>& mapping)
        : chunks_(chunks), mapping_(mapping) {}
    std::shared_ptr<Pin> pin() override { return chunks_.pin(mapping_); }

private:
    RetiredChunks& chunks_;
    const std::shared_ptr<SegmentMapping>& mapping_;
};

}  // namespace spanring::agent
