// SPDX-License-Identifier: Apache-2.0
//
// How a file that was opened and checked (segment_file.cpp) becomes an AttachedSegment.
#include <cerrno>
#include <cstring>
#include <ctime>
#include <exception>
#include <utility>

#include <unistd.h>

#include "drain/attached_segment.hpp"
#include "segment/producer_reader.hpp"
#include "segment/segment_lock.hpp"
#include "ring/atomics.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

constexpr uint32_t kOverwriteOldest = 1;  // SPR_FULL_OVERWRITE_OLDEST

uint64_t unix_nano() {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

ProcessRecord header_record(const ring::Header& header, uid_t owner, const std::string& verdict) {
    const std::shared_ptr<const Producer> producer = read_producer(header, owner);
    ProcessRecord record;
    record.instance = producer->instance;
    record.pid = producer->pid;
    record.uid = producer->uid;
    record.program = producer->program;
    record.attached_unix_nano = record.updated_unix_nano = unix_nano();
    record.quarantine = verdict;
    return record;
}

}  // namespace

AttachOutcome AttachedSegment::attach(SegmentFile file, const std::string& name, uid_t owner, uint64_t source,
                                      const SegmentSettings& settings, const std::string& verdict) {
    AttachOutcome outcome;
    outcome.device = file.device;
    outcome.inode = file.inode;
    using Kind = AttachOutcome::Kind;
    const auto end = [&](Kind kind, std::string reason) {
        outcome.kind = kind;
        outcome.reason = std::move(reason);
        return std::move(outcome);
    };
    uint8_t instance_id[16];
    if (!ring::parse_segment_name(name.c_str(), instance_id)) return end(Kind::kRefused, "not the name of a segment");

    auto segment = std::unique_ptr<AttachedSegment>(new AttachedSegment);
    ring::AttachReport report = file.report;
    if (report == ring::AttachResult::kSystem && report.error == ENOENT) return end(Kind::kGone, "gone");
    if (report.ok()) report = ring::read_segment_header(file.file.get(), file.size, instance_id, segment->header_);
    if (!report.ok()) {
        return end(ring::is_transient(report.result) ? Kind::kLater : Kind::kRefused, describe(report));
    }
    if (const int error = lock_for_drain(file.file.get()); error != 0) {
        if (error == -EAGAIN) return end(Kind::kBusy, "another agent drains it");
        return end(Kind::kLater, std::string("cannot be locked: ") + strerror(-error));
    }
    SPR_TESTPOINT(segment_taken);
    try {
        segment->mapping_ = std::make_shared<SegmentMapping>(file.file.get(), file.size);
    } catch (const std::exception& error) {
        return end(Kind::kLater, std::string("cannot be mapped: ") + error.what());
    }

    segment->source_ = source;
    segment->name_ = name;
    segment->device_ = file.device;
    segment->inode_ = file.inode;
    segment->overwrite_ = segment->header_.full_policy == kOverwriteOldest;
    // A chunk that may be overwritten under a send is never sent without a copy.
    segment->zero_copy_ = settings.zero_copy && owner == geteuid() && !segment->overwrite_;
    segment->attached_unix_nano_ = unix_nano();

    const ring::SegmentView view = segment->view();
    if (!verdict.empty()) {
        segment->quarantine(verdict);
        outcome.given_up = header_record(segment->header_, owner, verdict);
        return end(Kind::kRefused, verdict);
    }
    // relaxed: written by agents only, and this one holds the lock.
    const uint64_t policy = ring::StdAtomics::load(view.control().policy, std::memory_order_relaxed);
    segment->producer_ = read_producer(segment->header_, view, owner, settings.host);
    segment->update_extents();
    const bool journal = segment->quarantined_.empty() && segment->book_.open(view, segment->extents_);
    std::string refusal;
    if (segment->mapping_->faulted()) refusal = "a part of it cannot be read (truncated, or no memory for it)";
    else if ((policy & ring::PolicyBits::kRetired) != 0) refusal = "an earlier agent quarantined it";
    else if (segment->producer_ == nullptr) refusal = "its resource is malformed";
    else if (!segment->quarantined_.empty()) refusal = segment->quarantined_;
    else if (!journal) refusal = "its acknowledgement journal names something that does not exist";
    if (!refusal.empty()) return end(Kind::kRefused, refusal);

    segment->accounts_.emplace(segment->book_.totals(), settings.exporters);
    segment->cutter_ = std::make_unique<RunCutter>(source, segment->producer_, view);
    // relaxed: only agents write it, one after the other.
    segment->flush_served_ = ring::StdAtomics::load(view.control().flushed, std::memory_order_relaxed);
    const uint64_t before =
        ring::StdAtomics::fetch_add(view.control().attachments, uint64_t{1}, std::memory_order_relaxed);
    segment->agent_died_ = settings.after_death && before != 0;
    SPR_TESTPOINT(segment_attached);
    segment->fd_ = file.file.release();
    outcome.segment = std::move(segment);
    return end(Kind::kAttached, {});
}

}  // namespace spanring::agent
