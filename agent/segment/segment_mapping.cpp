// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_mapping.hpp"

namespace spanring::agent {

namespace {

namespace interprocess = boost::interprocess;

// The file itself: a name may lead to another one by now, and to open it once more needs rights.
class OpenFile {
public:
    explicit OpenFile(int fd) : fd_(fd) {}
    interprocess::mapping_handle_t get_mapping_handle() const { return {fd_, false}; }
    interprocess::mode_t get_mode() const { return interprocess::read_write; }

private:
    int fd_;
};

}  // namespace

SegmentMapping::SegmentMapping(int fd, uint64_t size)
    : region_(OpenFile(fd), interprocess::read_write, 0, size), guard_(region_.get_address(), region_.get_size()) {}

}  // namespace spanring::agent
