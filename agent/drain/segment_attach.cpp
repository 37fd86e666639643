// SPDX-License-Identifier: Apache-2.0
#include "drain/segment_attach.hpp"

#include <cerrno>
#include <exception>
#include <utility>

#include <unistd.h>

#include "base/error_text.hpp"
#include "base/wall_clock.hpp"
#include "drain/policy_word.hpp"
#include "ring/atomics.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/testpoint.hpp"
#include "segment/producer_reader.hpp"
#include "segment/segment_lock.hpp"

namespace spanring::agent {

namespace {

constexpr uint32_t kOverwriteOldest = 1;  // SPR_FULL_OVERWRITE_OLDEST

ProcessRow header_row(const HeldSegment& held, uid_t owner, const std::string& reason_to_quarantine) {
    const std::shared_ptr<const Producer> producer = read_producer(held.header, owner);
    ProcessRow row;
    row.identity() = producer->identity();
    row.device = held.device;
    row.inode = held.inode;
    row.attached_unix_nano = row.updated_unix_nano = held.attached_unix_nano;
    row.quarantine = reason_to_quarantine;
    return row;
}

// Reads what an attachment begins with. Returns why there can be none; empty: there is nothing against it.
std::string examine(HeldSegment& held, uid_t owner, const HostFacts& host) {
    const ring::SegmentView view = held.view();
    PolicyWord policy(view);
    const bool retired = policy.retired();
    if (const std::shared_ptr<Producer> producer = read_producer(held.header, view, owner, host)) {
        producer->device = held.device;
        producer->inode = held.inode;
        held.producer = producer;
    }
    const bool extents = held.update_extents();
    if (!extents) policy.retire();
    const bool journal = extents && held.book.open(view, held.extents);
    if (held.mapping->faulted()) return "a part of it cannot be read (truncated, or no memory for it)";
    if (retired) return "an earlier agent quarantined it";
    if (held.producer == nullptr) return "its resource is malformed";
    if (!extents) return HeldSegment::kBadExtents;
    if (!journal) return "its acknowledgement journal names something that does not exist";
    return {};
}

}  // namespace

AttachOutcome attach_segment(SegmentFile file, const std::string& name, uid_t owner, uint64_t source,
                             const SegmentSettings& settings, const std::string& reason_to_quarantine) {
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

    HeldSegment held;
    ring::AttachReport report = file.report;
    if (report == ring::AttachResult::kSystem && report.error == ENOENT) return end(Kind::kGone, "gone");
    if (report.ok()) report = ring::read_segment_header(file.file.get(), file.size, instance_id, held.header);
    if (!report.ok()) return end(ring::is_transient(report.result) ? Kind::kLater : Kind::kRefused, describe(report));
    if (const int error = lock_for_drain(file.file.get()); error != 0) {
        if (error == -EAGAIN) return end(Kind::kBusy, "another agent drains it");
        return end(Kind::kLater, "cannot be locked: " + error_text(-error));
    }
    SPR_TESTPOINT(segment_taken);
    held.file = std::move(file.file);
    try {
        held.mapping = std::make_shared<SegmentMapping>(held.file.get(), file.size);
    } catch (const std::exception& error) {
        return end(Kind::kLater, std::string("cannot be mapped: ") + error.what());
    }

    held.source = source;
    held.extents = ring::ExtentMap(held.header);
    held.name = name;
    held.device = file.device;
    held.inode = file.inode;
    held.overwrite = held.header.full_policy == kOverwriteOldest;
    // A chunk that may be overwritten under a send is never sent without a copy.
    held.zero_copy = settings.zero_copy && owner == geteuid() && !held.overwrite;
    held.attached_unix_nano = unix_nano();
    const ring::SegmentView view = held.view();
    if (!reason_to_quarantine.empty()) {
        PolicyWord(view).retire();
        outcome.quarantined = header_row(held, owner, reason_to_quarantine);
        return end(Kind::kRefused, reason_to_quarantine);
    }
    if (std::string refusal = examine(held, owner, settings.host); !refusal.empty())
        return end(Kind::kRefused, std::move(refusal));

    // relaxed: only agents write it, one after the other.
    const uint64_t before =
        ring::StdAtomics::fetch_add(view.control().attachments, uint64_t{1}, std::memory_order_relaxed);
    held.attached_before = before != 0;
    held.agent_died = settings.after_death && held.attached_before;
    SPR_TESTPOINT(segment_attached);
    outcome.segment = std::make_unique<AttachedSegment>(std::move(held), settings.exporters);
    return end(Kind::kAttached, {});
}

}  // namespace spanring::agent
