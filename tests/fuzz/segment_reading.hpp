// SPDX-License-Identifier: Apache-2.0
//
// One segment through the agent's whole reading side: attach, recover, drain, validate, acknowledge, free, until there
// is nothing more to do. For images that may say anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "drain/segment_attach.hpp"
#include "fuzz/golden_segment.hpp"
#include "segment/segment_file.hpp"
#include "support/fake_exporter.hpp"

namespace spanring::test {

struct Reading {
    std::string refused;      // why it was not attached; empty: it was
    std::string quarantined;  // why it was given up
    bool finished = false;
    uint64_t invalid = 0;
    std::vector<SeenSpan> spans;
    agent::ProcessRow row;
};

// A file of a directory of its own, written anew for each reading.
class SegmentReader {
public:
    SegmentReader() {
        spdlog::set_level(spdlog::level::off);
        char name[ring::kSegmentNameSize];
        ring::segment_name(kGoldenInstance, name);
        name_ = name;
        directory_fd_ = open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fd_ = openat(directory_fd_, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd_ < 0 || ftruncate(fd_, kGoldenSize) != 0) throw std::runtime_error("the segment's file");
        void* const memory = mmap(nullptr, kGoldenSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
        if (memory == MAP_FAILED) throw std::runtime_error("the segment's memory");
        base_ = static_cast<uint8_t*>(memory);
    }
    ~SegmentReader() {
        munmap(base_, kGoldenSize);
        close(fd_);
        close(directory_fd_);
    }
    SegmentReader(const SegmentReader&) = delete;

    uint8_t* base() { return base_; }

    // alive: its process is there and does nothing.
    Reading read(bool alive, bool zero_copy = false) {
        struct flock lock = {};
        lock.l_type = alive ? F_WRLCK : F_UNLCK;
        lock.l_whence = SEEK_SET;
        lock.l_len = 1;
        if (fcntl(fd_, F_OFD_SETLK, &lock) != 0) throw std::runtime_error("the process's lock");

        Reading reading;
        FakeExporter exporter;
        agent::AttachOutcome outcome =
            agent::attach_segment(agent::open_segment_file(directory_fd_, name_.c_str(), geteuid()), name_, geteuid(),
                                  1, {{{0, kExporterHash}}, zero_copy});
        if (outcome.segment == nullptr) {
            reading.refused = outcome.reason;
            return reading;
        }
        agent::AttachedSegment& segment = *outcome.segment;
        {
            agent::Batcher batcher({}, {&exporter});
            for (int pass = 0; pass < kPasses && segment.quarantined().empty() && !segment.finished(); ++pass) {
                segment.check_liveness();
                reading.invalid += segment.drain(batcher, ~uint64_t{0}).invalid;
                settle(segment, batcher);
            }
            settle(segment, batcher);
            reading.quarantined = segment.quarantined();
            reading.finished = segment.finished();
            reading.row = segment.ledger_row(0);
            reading.spans = std::move(exporter.spans);
        }
        return reading;
    }

private:
    static constexpr int kPasses = 4;  // drain; acknowledge; free; look again
    static constexpr uint64_t kExporterHash = 77;

    static void settle(agent::AttachedSegment& segment, agent::Batcher& batcher) {
        batcher.submit(batcher.shared());
        batcher.submit(segment.own_lane());
        segment.flush_submitted(batcher);
        for (const auto& batch : batcher.take_resolved()) {
            const uint64_t serial = batcher.serial_of(*batch);
            for (const agent::Receipt& receipt : batch->receipts) segment.acknowledge(receipt, batch->resolutions);
            segment.batch_finished(serial);
            batcher.finish(*batch);
        }
        segment.reclaim(std::chrono::steady_clock::now());
        segment.serve_flush();
    }

    TemporaryDirectory directory_;
    std::string name_;
    int directory_fd_ = -1;
    int fd_ = -1;
    uint8_t* base_ = nullptr;
};

}  // namespace spanring::test
