// SPDX-License-Identifier: Apache-2.0
//
// Who wrote a segment, from the checked copy of its header and one look at its resource. Which file it is, only whoever
// opened it knows.
#pragma once

#include <memory>

#include "batch/batch.hpp"
#include "ring/segment_view.hpp"
#include "segment/host_facts.hpp"

namespace spanring::agent {

// By the header alone: without service and resource.
std::shared_ptr<Producer> read_producer(const ring::Header& header, uint32_t uid);

// Adds what `host` knows and the resource does not say itself. nullptr: the resource is malformed.
std::shared_ptr<Producer> read_producer(const ring::Header& header, ring::SegmentView segment, uint32_t uid,
                                        const HostFacts& host = {});

}  // namespace spanring::agent
