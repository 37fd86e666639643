// SPDX-License-Identifier: Apache-2.0
//
// A segment's file that a test makes by hand, byte by byte, and no process holds.
#pragma once

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/file_lock.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/segment_view.hpp"
#include "support/segment_image.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_spans.hpp"

namespace spanring::test {

class HandMadeSegment {
public:
    HandMadeSegment() : image_(ring::segment_size(kExtents)) {
        header.magic = ring::kMagic;
        header.layout_major = ring::kLayoutMajor;
        header.header_size = sizeof(ring::Header);
        header.byte_order = ring::kByteOrder;
        header.segment_size = image_.size();
        header.extent_limit = kExtents;
        std::fill(std::begin(header.instance_id), std::end(header.instance_id), uint8_t{0x5a});
        header.pid = 4711;
        header.created_unix_nano = 12345;
        std::memcpy(header.program, "prog", 4);
        header.ready = ring::kReady;
        std::string resource;
        agent::test::put_bytes(resource, 1, agent::test::text_attribute("service.name", "cart"));
        header.resource_size = static_cast<uint32_t>(resource.size());
        std::copy(resource.begin(), resource.end(), image_.begin() + ring::kResourceOffset);
        for (uint32_t extent = 0; extent < kImageSet; ++extent)
            view().extent_word(extent) = ring::ExtentWord{kImageKinds[extent]}.pack();
        view().writer().extents = kImageSet;
        char name[ring::kSegmentNameSize];
        ring::segment_name(header.instance_id, name);
        name_ = name;
    }

    ring::Header header{};
    ring::SegmentView view() { return ring::SegmentView(image_.data()); }
    std::vector<uint8_t>& image() { return image_; }

    void write() {
        std::memcpy(image_.data(), &header, sizeof header);
        const agent::Descriptor opened(::open(file().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (::write(opened.get(), image_.data(), image_.size()) != static_cast<ssize_t>(image_.size())) {
            throw std::runtime_error(file());
        }
    }

    const std::string& name() const { return name_; }
    std::string file() const { return directory_.file(name_); }
    const TemporaryDirectory& directory() const { return directory_; }

    // The lock of a living process, for as long as it is kept.
    agent::Descriptor live() const {
        agent::Descriptor opened(::open(file().c_str(), O_RDWR | O_CLOEXEC));
        if (agent::lock_bytes(opened.get(), 0, 1) != 0) throw std::runtime_error(file());
        return opened;
    }

private:
    static constexpr uint32_t kExtents = 2 * kImageSet;
    TemporaryDirectory directory_;
    std::vector<uint8_t> image_;
    std::string name_;
};

}  // namespace spanring::test
