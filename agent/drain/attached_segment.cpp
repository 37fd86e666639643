// SPDX-License-Identifier: Apache-2.0
#include "drain/attached_segment.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "segment/record.hpp"
#include "segment/segment_lock.hpp"
#include "ring/atomics.hpp"
#include "ring/recovery.hpp"
#include "ring/testpoint.hpp"
#include "ring/unfinished_span.hpp"

namespace spanring::agent {

namespace {

using ring::ChunkReader;
using ring::ChunkState;
using ring::ChunkWord;

constexpr std::chrono::seconds kInvalidLogPause{10};
constexpr char kUnreadable[] = "a part of it cannot be read any more (truncated, or no memory for it)";

uint64_t unix_nano() {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

AttachedSegment::~AttachedSegment() {
    if (fd_ >= 0) close(fd_);  // the lock goes with it
}

bool AttachedSegment::fail(const std::string& reason) {
    quarantine(reason);
    return false;
}

void AttachedSegment::quarantine(const std::string& reason) {
    if (!quarantined_.empty()) return;
    quarantined_ = mapping_->faulted() ? kUnreadable : reason;  // zeros in place of content break rules of their own
    retired_.clear();
    // relaxed: one word that the writer reads by itself. Where the file has shrunk, the guard catches this too.
    uint64_t& policy = view().control().policy;
    ring::StdAtomics::store(policy,
                            ring::StdAtomics::load(policy, std::memory_order_relaxed) | ring::PolicyBits::kRetired,
                            std::memory_order_relaxed);
}

void AttachedSegment::order_sampling(ring::SamplingOrder order, bool enabled) {
    if (!quarantined_.empty()) return;
    // relaxed: one word that the writer reads by itself, at its next start. Written by this thread alone.
    uint64_t& policy = view().control().policy;
    const uint64_t present = ring::StdAtomics::load(policy, std::memory_order_relaxed);
    const uint64_t switched = enabled ? present & ~ring::PolicyBits::kDisabled : present | ring::PolicyBits::kDisabled;
    const uint64_t wanted = order.pack(switched);
    if (wanted != present) ring::StdAtomics::store(policy, wanted, std::memory_order_relaxed);
}

void AttachedSegment::check_liveness() {
    if (dead_ || !quarantined_.empty() || process_liveness(fd_) != Liveness::kDead) return;
    dead_ = true;
    died_unix_nano_ = unix_nano();
}

void AttachedSegment::update_extents() {
    // acquire: the extents below are populated. Pairs with the release in Segment::grow().
    const uint32_t extents = ring::StdAtomics::load(view().writer().extents, std::memory_order_acquire);
    if (extents > header_.extent_limit || extents < extents_) {
        quarantine("it counts more extents than it has, or fewer than before");
        return;
    }
    extents_ = extents;
    cursors_.resize(size_t{extents} * ring::kChunksPerExtent);
    settled_.resize(cursors_.size(), kLook);
}

// How many of the chunks from `first` on have nothing to do. The word is only compared here; visit() loads what it uses.
uint32_t AttachedSegment::settled_from(uint32_t first, uint32_t count) const {
    uint32_t chunk = first;
    for (const uint32_t end = first + count; chunk != end;) {
        const uint32_t stop = std::min(end, chunk + ring::kChunksPerExtent - chunk % ring::kChunksPerExtent);
        const ring::ChunkLine* line = &view().chunk_line(chunk);
        for (; chunk != stop; ++chunk, ++line) {
            // relaxed: a word that changed is loaded again, with acquire, before anything follows from it.
            const uint64_t word = ring::StdAtomics::load(line->word, std::memory_order_relaxed);
            if (word != settled_[chunk] || word == kLook) return chunk - first;
        }
    }
    return count;
}

PassResult AttachedSegment::drain(Batcher& batcher, uint64_t budget) {
    PassResult result;
    if (!quarantined_.empty()) return result;
    if (!dead_ && flush_ == Flush::kNone) {
        // acquire: every span that ended before the request is committed. Pairs with the release in the writer's flush.
        const uint64_t wanted = ring::StdAtomics::load(view().writer().flush_wanted, std::memory_order_acquire);
        if (wanted > flush_served_) {
            flush_ticket_ = wanted;
            flush_ = Flush::kAsked;
        }
    }
    update_extents();
    if (!quarantined_.empty()) return result;
    if (dead_ && !recovered_ && !recover()) return result;

    const auto chunks = static_cast<uint32_t>(cursors_.size());
    for (uint32_t left = chunks; left != 0;) {
        if (next_ >= chunks) next_ = 0;
        const uint32_t ahead = std::min(left, chunks - next_);
        const uint32_t settled = settled_from(next_, ahead);
        next_ += settled;
        left -= settled;
        if (settled == ahead) continue;
        if (result.bytes >= budget) {
            result.complete = false;
            break;
        }
        if (!visit(next_++, batcher, result)) break;
        --left;
    }
    if (mapping_->faulted()) fail(kUnreadable);
    if (!quarantined_.empty()) return result;
    if (result.complete && flush_ == Flush::kAsked) flush_ = Flush::kDrained;
    if (result.complete && dead_) exhausted_ = true;
    if (exhausted_ && next_open_ < open_slots_.size()) hand_out_unfinished(batcher, budget, result);
    if (mapping_->faulted()) fail(kUnreadable);
    return result;
}

bool AttachedSegment::recover() {
    // acquire: as for extents; the process is dead, and this is its last word.
    const uint32_t lines = ring::StdAtomics::load(view().writer().counter_lines, std::memory_order_acquire);
    ring::Recovery<> recovery(view(), extents_, lines);
    const ring::RecoveryFault fault = recovery.run(open_slots_);
    if (mapping_->faulted()) return fail(kUnreadable);
    if (fault != ring::RecoveryFault::kNone) return fail(ring::describe(fault));
    SPR_TESTPOINT(process_recovered);
    recovered_ = true;
    std::fill(settled_.begin(), settled_.end(), kLook);  // death is another reason to do something
    return true;
}

// False: quarantined.
bool AttachedSegment::visit(uint32_t chunk, Batcher& batcher, PassResult& result) {
    Cursor& cursor = cursors_[chunk];
    ring::ChunkLine& line = view().chunk_line(chunk);
    ChunkWord word = ChunkReader<>::committed(line);
    settled_[chunk] = kLook;
    if (!cursor.known || !(word == cursor.seen)) {
        const uint32_t capacity = ring::chunk_capacity(chunk);
        const ring::ChunkFault fault = cursor.known ? check_transition(cursor.seen, word, capacity, overwrite_)
                                                    : check_word(word, capacity, overwrite_);
        if (fault != ring::ChunkFault::kNone) return fail(ring::describe(fault));
        const bool begun = !cursor.known || word.generation != cursor.seen.generation;
        cursor.seen = word;
        cursor.known = true;
        if (begun && !begin_generation(chunk, cursor, word)) return false;
    }
    if (word.state == ChunkState::kFree) {
        settled_[chunk] = word.pack();
        return true;
    }
    if (word.state == ChunkState::kEvicting && !dead_) return true;  // a writer won; it counts what was lost
    if (overwrite_ && !dead_ && word.state == ChunkState::kFull) {
        if (!ChunkReader<>::take(line, word)) return true;  // a writer won; it counts what was lost
        cursor.seen = word;
    }
    if (word.length > cursor.read && !take_portion(chunk, cursor, word, batcher, result)) return false;
    if (may_book(cursor) && cursor.low.ready()) book(chunk, cursor);
    if (is_complete(word.state) && !dead_ && !cursor.retired && cursor.low.mark() == word.length) {
        cursor.retired = true;
        retired_.push_back({chunk, epochs_.retire()});
    }
    // Until its word or, by an answer, its mark moves. Of a chunk that may be overwritten, death changes who decides.
    if (!overwrite_ && cursor.read == word.length) settled_[chunk] = word.pack();
    return true;
}

bool AttachedSegment::begin_generation(uint32_t chunk, Cursor& cursor, ChunkWord word) {
    cursor.retired = false;
    cursor.read = cursor.read_spans = 0;
    cursor.scope = kNoScope;
    cursor.receipt = {};
    uint32_t length = 0, spans = 0;
    if (!acknowledged_part(ChunkReader<>::mark(view(), chunk), word, length, spans)) {
        return fail("the acknowledged mark of a chunk lies past its end");
    }
    cursor.low.reset(length, spans);
    cursor.read = length;
    cursor.read_spans = spans;
    return length == 0 || scope_before(chunk, length, cursor.scope);  // also where all is acknowledged: more may follow
}

// An earlier agent took the records before; the scope in force is the last one that they name.
bool AttachedSegment::scope_before(uint32_t chunk, uint32_t size, uint32_t& ret_scope) {
    scratch_.resize(size);
    std::memcpy(scratch_.data(), view().chunk_bytes(chunk), size);
    for (size_t at = 0; at < size;) {
        Record record;
        if (const char* fault = read_record(scratch_, at, record); fault != nullptr) return fail(fault);
        if (record.kind == Record::Kind::kScope) ret_scope = record.scope;
        at = record.end;
    }
    return true;
}

bool AttachedSegment::take_portion(uint32_t chunk, Cursor& cursor, ChunkWord word, Batcher& batcher,
                                   PassResult& result) {
    Portion portion;
    portion.chunk = chunk;
    portion.generation = word.generation;
    portion.begin = cursor.read;
    portion.size = word.length - cursor.read;
    portion.spans = word.spans - cursor.read_spans;
    portion.scope = cursor.scope;

    Batcher::Lane& lane = this->lane(batcher);
    portion.in_lane = &lane == &batcher.shared();
    const uint8_t* from = view().chunk_bytes(chunk) + portion.begin;
    if (portion.in_lane) {
        // Rather a batch that is a little smaller than one that is cut inside a portion.
        if (!lane.empty() && lane.batch()->spans != 0 && !batcher.fits(lane, portion.spans, portion.size))
            batcher.submit(lane);
        portion.data = batcher.allocate(lane, portion.size);
    } else {
        scratch_.resize(portion.size);
        portion.data = scratch_.data();
        if (zero_copy_) portion.mapped = from;
    }
    std::memcpy(portion.data, from, portion.size);
    if (mapping_->faulted()) return true;  // the pass ends in quarantine; what was copied is nothing
    if (overwrite_ && !dead_ && !ChunkReader<>::unchanged(view().chunk_line(chunk), word)) return true;

    SPR_TESTPOINT(portion_copied);
    const CutReport report =
        cutter_->cut(batcher, lane, portion, cursor.receipt, [this] { return epochs_.pin(mapping_); });
    SPR_TESTPOINT(portion_cut);
    cursor.read = word.length;
    cursor.read_spans = word.spans;
    cursor.scope = portion.scope;
    result.bytes += portion.size;
    result.spans += portion.spans;
    note(report, result);
    return report.fault == nullptr || fail(report.fault);
}

bool AttachedSegment::hand_out_unfinished(Batcher& batcher, uint64_t budget, PassResult& result) {
    std::vector<uint8_t> record;
    for (; next_open_ < open_slots_.size() && result.bytes < budget; ++next_open_) {
        const uint32_t slot = open_slots_[next_open_];
        ring::SlotCopy copy;
        record.clear();
        if (!copy_slot(view(), extents_, slot, copy))
            return fail("the slot of an open span names blocks that do not exist");
        append_unfinished_span(copy, died_unix_nano_, record);  // where it makes no sense: nothing, booked as invalid
        const CutReport report =
            cutter_->add_unfinished(batcher, batcher.shared(), slot, copy.slot.generation, copy.slot.scope, record);
        SPR_TESTPOINT(unfinished_taken);
        result.bytes += record.size() + ring::kSlotSize;
        ++result.spans;
        note(report, result);
    }
    result.complete = result.complete && next_open_ == open_slots_.size();
    return true;
}

void AttachedSegment::note(const CutReport& report, PassResult& result) {
    result.invalid += report.invalid;
    result.repaired += report.repaired;
    if (report.invalid == 0) return;
    unlogged_invalid_ += report.invalid;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_invalid_log_) return;
    next_invalid_log_ = now + kInvalidLogPause;
    spdlog::warn("{} ({}, pid {}): {} invalid spans dropped and counted; the last one: {}", name_,
                 producer_->service, producer_->pid, unlogged_invalid_, agent::describe(report.defect));
    unlogged_invalid_ = 0;
}

// Whether nobody but the agent can still decide what becomes of the chunk.
bool AttachedSegment::may_book(const Cursor& cursor) const {
    return !overwrite_ || dead_ || cursor.seen.state == ChunkState::kTaken;
}

void AttachedSegment::book(uint32_t chunk, Cursor& cursor) {
    while (const std::optional<Completion> piece = cursor.low.advance()) accounts_->book(*piece);
    book_.move_mark(chunk, ring::mark_of(cursor.seen.generation, cursor.low.mark(), cursor.low.spans()),
                    accounts_->totals());
}

void AttachedSegment::acknowledge(const Receipt& receipt,
                                  const std::array<Resolution, ring::kExporterRows>& resolutions) {
    const Completion piece{receipt.begin, receipt.end, receipt.spans, receipt.invalid, resolutions};
    if (!quarantined_.empty()) {  // for the ledger; the segment is not touched any more
        receipt.unfinished ? accounts_->book_unfinished(piece) : accounts_->book(piece);
        return;
    }
    if (receipt.unfinished) {
        accounts_->book_unfinished(piece);
        book_.close_slot(receipt.chunk, receipt.generation, accounts_->totals());
        return;
    }
    Cursor& cursor = cursors_[receipt.chunk];
    if (cursor.seen.generation != receipt.generation) return;  // overwritten meanwhile, and counted by the writer
    settled_[receipt.chunk] = kLook;
    cursor.low.complete(piece);
    if (may_book(cursor) && cursor.low.ready()) book(receipt.chunk, cursor);
}

uint32_t AttachedSegment::reclaim() {
    if (!quarantined_.empty() || dead_) return 0;
    for (uint64_t step = 0; step < EpochDomain::kGrace && epochs_.try_advance(); ++step) continue;
    uint32_t freed = 0;
    while (freed < retired_.size() && epochs_.reclaimable(retired_[freed].epoch)) {
        Cursor& cursor = cursors_[retired_[freed].chunk];
        cursor.seen = ChunkReader<>::release(view(), retired_[freed].chunk, cursor.seen.generation);
        settled_[retired_[freed].chunk] = cursor.seen.pack();
        cursor.retired = false;
        cursor.read = cursor.read_spans = 0;
        cursor.low.reset(0, 0);
        ++freed;
    }
    retired_.erase(retired_.begin(), retired_.begin() + freed);
    return freed;
}

void AttachedSegment::flush_submitted(Batcher& batcher) {
    if (flush_ != Flush::kDrained) return;
    flush_barrier_ = batcher.last_serial();
    flush_ = Flush::kSubmitted;
}

void AttachedSegment::serve_flush() {
    if (flush_ != Flush::kSubmitted || !quarantined_.empty()) return;
    const std::set<uint64_t>& open = cutter_->batches();
    if (!open.empty() && *open.begin() <= flush_barrier_) return;
    flush_served_ = flush_ticket_;
    flush_ = Flush::kNone;
    // release: the totals before it. Pairs with the acquire in the writer's flush, which may look at them next.
    ring::StdAtomics::store(view().control().flushed, flush_served_, std::memory_order_release);
    SPR_TESTPOINT(flush_served);
}

bool AttachedSegment::finished() const {
    return quarantined_.empty() && !left_behind_ && exhausted_ && next_open_ == open_slots_.size() && settled();
}

ProcessRecord AttachedSegment::record(uint64_t now_unix_nano) {
    if (quarantined_.empty()) {  // otherwise what was last believed
        const ring::CounterSums sums = ring::sum_counters(view());
        if (!mapping_->faulted()) sums_ = sums;
    }
    ProcessRecord record;
    record.instance = producer_->instance;
    record.pid = producer_->pid;
    record.uid = producer_->uid;
    record.program = producer_->program;
    record.service = producer_->service;
    record.attached_unix_nano = attached_unix_nano_;
    record.updated_unix_nano = now_unix_nano;
    record.finished = finished();
    record.quarantine = quarantined_;
    record.agent_died = agent_died_;
    record.writer = sums_;
    record.agent = accounts_->totals();
    return record;
}

}  // namespace spanring::agent
