// SPDX-License-Identifier: Apache-2.0
#include "drain/segment_mapping.hpp"

#include <string>

#include <boost/interprocess/file_mapping.hpp>

namespace spanring::agent {

namespace {

namespace interprocess = boost::interprocess;

// By descriptor, not by name: the name may lead to another file by now.
interprocess::mapped_region map(int fd, uint64_t size) {
    const interprocess::file_mapping file(("/proc/self/fd/" + std::to_string(fd)).c_str(), interprocess::read_write);
    return interprocess::mapped_region(file, interprocess::read_write, 0, size);
}

}  // namespace

SegmentMapping::SegmentMapping(int fd, uint64_t size)
    : region_(map(fd, size)), guard_(region_.get_address(), region_.get_size()) {}

}  // namespace spanring::agent
