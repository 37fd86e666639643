// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_probe.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/error_text.hpp"
#include "base/foreign_file.hpp"
#include "ring/attach.hpp"
#include "ring/chunk_word.hpp"
#include "ring/counter_sums.hpp"
#include "ring/runtime_directory.hpp"
#include "segment/counter_reading.hpp"
#include "segment/producer_reader.hpp"
#include "segment/segment_copy.hpp"
#include "segment/segment_lock.hpp"

namespace spanring::agent {
namespace {

// How many readings are made until two agree; a process that never rests for that long is seen moving.
constexpr int kReadings = 8;

constexpr char kShorter[] = "it became shorter while it was read";

ring::ExtentMap extents_of(const ring::Header& header, ring::SegmentView view) {
    ring::ExtentMap extents(header);
    extents.salvage(view, std::min(view.writer().extents, header.extent_limit));
    return extents;
}

// False: the file became shorter.
bool copy_at_rest(SegmentCopy& copy, int fd, const ring::Header& header, bool& ret_rest) {
    ret_rest = false;
    if (!copy.copy_base(fd)) return false;
    for (int i = 0; i < kReadings && !ret_rest; ++i) {
        const CounterReading before(copy.view());
        if (!copy.copy_heads(fd, extents_of(header, copy.view())) || !copy.copy_base(fd)) return false;
        ret_rest = before == CounterReading(copy.view());
    }
    return true;
}

// Whether the call that wrote this slot is between two of its steps, of which the counters know only the first. A span
// that is counted in the shared line (there are more threads than lines) does not tell: then `ret_silent` is set.
bool half_done(ring::SegmentView view, const ring::Slot& slot, bool& ret_silent) {
    const auto state = ring::SlotWord::unpack(slot.word).state;
    if (state == ring::SlotState::kEnding || state == ring::SlotState::kDropping) return true;
    if (state != ring::SlotState::kOpen) return false;
    if (slot.line >= std::min(view.writer().counter_lines, ring::kCounterLines)) {
        ret_silent = true;
        return false;
    }
    return view.counter_line(slot.line).values[static_cast<size_t>(ring::Counter::kStarted)] < slot.started;
}

}  // namespace

void measure_ring(ring::SegmentView view, const ring::ExtentMap& extents, SegmentSnapshot& ret_snapshot) {
    ret_snapshot.used_bytes = 0;
    extents.each_chunk([&](uint32_t chunk) {
        const auto word = ring::ChunkWord::unpack(view.chunk_line(chunk).word);
        const uint32_t capacity = extents.chunk_capacity(chunk);
        if (ring::is_complete(word.state))
            ret_snapshot.used_bytes += capacity;
        else if (word.state != ring::ChunkState::kFree)
            ret_snapshot.used_bytes += std::min(word.length, capacity);
    });
    uint32_t others = 0;
    for (uint32_t extent = 0; extent < extents.count(); ++extent) others += !holds_chunks(extents.kind(extent));
    for (uint32_t place = 0; place < ring::kHugeBlocks; ++place)
        if (extents.has_huge_block(place)) others += ring::huge_size(place) / ring::kExtentSize;
    others = std::min(others, extents.limit());
    ret_snapshot.capacity_bytes = (extents.limit() - others) * ring::kExtentSize;
}

std::variant<SegmentSnapshot, std::string> probe_segment(int directory, const std::string& name) {
    uint8_t instance[16];
    if (!ring::parse_segment_name(name.c_str(), instance)) return "its name is not that of a segment";
    struct stat owner {};
    if (::fstat(directory, &owner) != 0) return error_text(errno);
    const Descriptor file = open_foreign(directory, name.c_str(), O_RDONLY);
    if (!file) return error_text(errno);
    uint64_t size = 0;
    ring::Header header;
    ring::AttachReport report = ring::check_segment_file(file.get(), owner.st_uid, size);
    if (report.ok()) report = ring::read_segment_header(file.get(), size, instance, header);
    if (!report.ok()) return ring::describe(report);

    // Before the counters: what a process did last is counted, or half done, when its lock is found free.
    const bool alive = process_liveness(file.get()) != Liveness::kDead;
    SegmentCopy copy(header);
    bool rest = false;
    if (!copy_at_rest(copy, file.get(), header, rest)) return kShorter;
    const ring::SegmentView view = copy.view();
    SegmentSnapshot snapshot;
    const std::shared_ptr<Producer> producer = read_producer(header, view, owner.st_uid);
    if (producer == nullptr) return "its resource is malformed";
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return error_text(errno);
    producer->device = status.st_dev;
    producer->inode = status.st_ino;
    snapshot.memory_bytes = 512 * static_cast<uint64_t>(status.st_blocks);
    snapshot.given_back_bytes = view.writer().given_back;
    snapshot.producer = producer;
    snapshot.created_unix_nano = header.created_unix_nano;
    snapshot.alive = alive;
    snapshot.attached = view.control().attachments != 0;
    snapshot.quarantined = (view.control().policy & ring::PolicyBits::kRetired) != 0;
    snapshot.moving = !rest;
    const ring::ExtentMap extents = extents_of(header, view);
    bool silent = false;
    extents.each_slot([&](uint32_t slot) {
        if (alive) snapshot.moving = half_done(view, view.slot(slot), silent) || snapshot.moving;
    });
    snapshot.open = copy.settle(extents).open.size();
    snapshot.writer = ring::sum_counters(view);
    // Of a silent one it is not known whether its start is counted, so what does not come out may be it.
    const auto counter = [&](ring::Counter which) { return snapshot.writer[static_cast<size_t>(which)]; };
    snapshot.moving = snapshot.moving ||
                      (silent && counter(ring::Counter::kStarted) != counter(ring::Counter::kEnded) + snapshot.open);
    snapshot.agent = view.control().totals;
    std::copy_n(ring::rule_area(view).rows, ring::kRuleRows, snapshot.rules.begin());
    measure_ring(view, extents, snapshot);
    return snapshot;
}

}  // namespace spanring::agent
