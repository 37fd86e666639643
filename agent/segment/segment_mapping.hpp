// SPDX-License-Identifier: Apache-2.0
//
// A segment's memory in the agent. Boost.Interprocess maps it and does nothing else. Shared by the attached segment and
// the pins of zero-copy batches: unmapped when the last of them is gone, which may be after the file was unlinked.
#pragma once

#include <cstdint>

#include <boost/interprocess/mapped_region.hpp>

#include "ring/segment_view.hpp"
#include "segment/fault_guard.hpp"

namespace spanring::agent {

class SegmentMapping {
public:
    // `fd`: the file that was checked; it may be closed afterwards. Throws boost::interprocess::interprocess_exception.
    SegmentMapping(int fd, uint64_t size);

    ring::SegmentView view() const { return ring::SegmentView(static_cast<uint8_t*>(region_.get_address())); }
    bool faulted() const { return guard_.faulted(); }

private:
    boost::interprocess::mapped_region region_;
    FaultGuard guard_;
};

}  // namespace spanring::agent
