// SPDX-License-Identifier: Apache-2.0
#include "drain/attached_segment.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "drain/mapping_pins.hpp"
#include "drain/partial_spans.hpp"
#include "drain/policy_word.hpp"
#include "ring/recovery.hpp"
#include "ring/testpoint.hpp"
#include "segment/chunk_record.hpp"

namespace spanring::agent {

namespace {

using ring::ChunkReader;
using ring::ChunkState;
using ring::ChunkWord;

// More than a ring of 16 MiB has chunks. A look at a word that did not move takes some 10 ns, and comes at least every
// 10 ms: a process that sleeps with a gigabyte of open chunks costs a hundredth of a core, not a third.
constexpr uint32_t kLooksInAPass = 8192;

// A thread that leaves a call by longjmp() may go on in a chunk whose claim it has not counted. Then and when a process
// breaks the rules, all chunks are looked at nevertheless, so seldom that it costs nothing.
constexpr uint32_t kChecksPerFullRound = 16;

constexpr char kNoMemory[] = "a chunk has content where it has no memory";
constexpr char kUnreadable[] = "a part of it cannot be read any more (truncated, or no memory for it)";

}  // namespace

AttachedSegment::AttachedSegment(HeldSegment held, const std::vector<ExporterRow>& exporters)
    : held_(std::move(held)),
      cutter_(held_.source, held_.producer, held_.view()),
      accounts_(held_.book.totals(), exporters, held_.book.open_rules()),
      idle_memory_(held_, cursors_),
      flush_(held_.view()),
      zero_copy_(held_.zero_copy) {
    cursors_.extend(held_.extents);
    idle_memory_.finish_giving();
}

bool AttachedSegment::fail(const std::string& reason) {
    quarantine(reason);
    return false;
}

bool AttachedSegment::still_readable() {
    if (held_.mapping->faulted()) quarantine(kUnreadable);
    return quarantined_.empty();
}

void AttachedSegment::quarantine(const std::string& reason) {
    if (!quarantined_.empty()) return;
    // Zeros in place of content break rules of their own.
    quarantined_ = held_.mapping->faulted() ? kUnreadable : reason;
    retired_.clear();
    PolicyWord(view()).retire();  // where the file has shrunk, the guard catches this too
    if (held_.mapping->faulted()) PolicyWord::retire_in_file(held_.file.get());
    for (const uint32_t entry : filed_.forget_marks()) book_filed(entry);
}

void AttachedSegment::direct_sampling(ring::SamplingDirective directive, bool enabled) {
    if (quarantined_.empty()) PolicyWord(view()).direct_sampling(directive, enabled);
}

void AttachedSegment::check_liveness() {
    if (!quarantined_.empty()) return;
    burial_.check(held_.file.get());
    if (++liveness_checks_ % kChecksPerFullRound == 0) cursors_.distrust_claims();
}

bool AttachedSegment::update_extents() {
    if (!held_.update_extents()) return fail(HeldSegment::kBadExtents);
    cursors_.extend(held_.extents);
    return true;
}

PassResult AttachedSegment::drain(Batcher& batcher, uint64_t budget) { return pass(batcher, budget, kLooksInAPass); }

PassResult AttachedSegment::drain_all(Batcher& batcher) {
    left_ = 0;  // what this round has looked at may have more by now
    cursors_.distrust_claims();
    return pass(batcher, std::numeric_limits<uint64_t>::max(), std::numeric_limits<uint32_t>::max());
}

PassResult AttachedSegment::pass(Batcher& batcher, uint64_t budget, uint32_t looks) {
    PassResult result;
    if (!quarantined_.empty()) return result;
    if (!update_extents()) return result;
    if (dead() && !burial_.recovered() && !recover()) return result;

    if (left_ == 0) begin_round();
    visit_chunks(batcher, budget, looks, result);
    if (!still_readable()) return result;
    if (left_ == 0 && hand_out_waiting(batcher, budget, result)) {
        flush_.pass_completed();
        if (dead()) burial_.all_committed_handed_out();
    }
    if (burial_.has_open_slot()) {
        hand_out_unfinished(batcher, budget, result);
        still_readable();
    }
    return result;
}

// What is asked for later is not this round's: some of its chunks are behind it.
void AttachedSegment::begin_round() {
    if (!dead()) flush_.look();
    left_ = cursors_.begin_round(claimed_since());
}

bool AttachedSegment::claimed_since() {
    // acquire: the chunk that was claimed is no longer what it was. Pairs with the release in Segment::attach_chunk().
    // Without it the count could be noted, the chunk be found as it was, and not be looked at again.
    const uint64_t claims = ring::StdAtomics::load(view().writer().claims, std::memory_order_acquire);
    return std::exchange(claims_, claims) != claims;
}

bool AttachedSegment::recover() {
    if (!held_.update_extents_of_the_dead()) return fail(HeldSegment::kBadExtents);
    cursors_.extend(held_.extents);
    const ring::RecoveryFault fault = burial_.recover(view(), held_.extents);
    if (!still_readable()) return false;
    if (fault != ring::RecoveryFault::kNone) return fail(ring::describe(fault));
    SPR_TESTPOINT(process_recovered);
    cursors_.look_at_all();  // death is another reason to do something
    waiting_slots_.look_again();
    left_ = 0;
    return true;
}

// False: quarantined.
bool AttachedSegment::visit_chunks(Batcher& batcher, uint64_t budget, uint32_t looks, PassResult& result) {
    // A pass fills one batch: by the next one the exporters may have enough, and what more it took would wait beside
    // its ring. Of small ones several, for it may be a while until it is known. Not where all is to be taken.
    const uint64_t enough = budget == std::numeric_limits<uint64_t>::max() ? budget : batcher.enough_in_a_pass();
    while (cursors_.seek(view(), left_, looks)) {
        if (result.bytes >= budget || batcher.filled() >= enough) {
            result.cut = true;
            return true;
        }
        if (!visit(cursors_.advance(left_, looks), batcher, result)) return false;
        if (held_.mapping->faulted()) return false;  // zeros from now on
    }
    result.cut = left_ != 0 && dead();  // of a living one the next look is soon enough
    return true;
}

// False: quarantined.
bool AttachedSegment::visit(uint32_t chunk, Batcher& batcher, PassResult& result) {
    ring::ChunkLine& line = view().chunk_line(chunk);
    ChunkWord word = ChunkReader<>::committed(line);
    if (cursors_.is_unused_at(chunk, word)) {
        cursors_.set_idle(chunk, word);
        return true;
    }
    ChunkCursor& cursor = cursors_[chunk];
    cursors_.look_again(chunk);
    bool begun = false;
    if (const ring::ChunkFault fault = cursor.see(word, held_.extents.chunk_capacity(chunk), held_.overwrite, begun);
        fault != ring::ChunkFault::kNone)
        return fail(ring::describe(fault));
    if (word.length != 0 && !held_.can_be_read(chunk)) return fail(kNoMemory);
    if (begun && !begin_generation(chunk, cursor)) return false;
    if (word.state == ChunkState::kFree) {
        cursors_.forget(chunk, word);
        return true;
    }
    if (word.state == ChunkState::kEvicting && !dead()) return true;  // a writer won; it counts what was lost
    if (held_.overwrite && !dead() && word.state == ChunkState::kFull) {
        if (!ChunkReader<>::take(line, word)) return true;  // a writer won; it counts what was lost
        cursor.seen = word;
    }
    if (word.length > cursor.read && !take_portion(chunk, cursor, word, batcher, result)) return false;
    if (may_book(cursor) && cursor.low.ready()) book(chunk, cursor);
    retire(chunk, cursor);
    // Until its word or, by an answer, its mark moves. Of a chunk that may be overwritten, death changes who decides.
    if (!held_.overwrite && cursor.read == word.length) cursors_.set_idle(chunk, word);
    return true;
}

bool AttachedSegment::begin_generation(uint32_t chunk, ChunkCursor& cursor) {
    uint32_t length = 0, spans = 0;
    if (!acknowledged_part(ChunkReader<>::mark(view(), chunk), cursor.seen, length, spans))
        return fail("the acknowledged mark of a chunk lies past its end");
    cursor.restart(length, spans);
    if (cursor.seen.state != ChunkState::kFree) {
        idle_memory_.note_claimed(chunk);
        const uint32_t size = held_.extents.chunk_capacity(chunk);
        if (size <= ring::kExtentSize) largest_chunk_ = std::max(largest_chunk_, size);
    }
    return length == 0 || scope_before(chunk, length, cursor.scope);  // also where all is acknowledged: more may follow
}

// An earlier agent took the records before; the scope in force is the last one that they name.
bool AttachedSegment::scope_before(uint32_t chunk, uint32_t size, uint32_t& ret_scope) {
    scratch_.resize(size);
    std::memcpy(scratch_.data(), bytes_of(chunk), size);
    for (size_t at = 0; at < size;) {
        ChunkRecord record;
        if (const char* fault = read_chunk_record(scratch_, at, record); fault != nullptr) return fail(fault);
        if (record.kind == ChunkRecord::Kind::kScope) ret_scope = record.scope;
        at = record.end;
    }
    return true;
}

bool AttachedSegment::take_portion(uint32_t chunk, ChunkCursor& cursor, ChunkWord word, Batcher& batcher,
                                   PassResult& result) {
    Portion portion;
    portion.chunk = chunk;
    portion.generation = word.generation;
    portion.begin = cursor.read;
    portion.size = word.length - cursor.read;
    portion.spans = word.spans - cursor.read_spans;
    portion.scope = cursor.scope;

    Batcher::Lane& lane = this->lane(batcher);
    // Of many spans that are more than an extent holds not: each batch that they fill would have all the rest with it.
    const bool is_small = portion.size <= ring::kExtentSize || portion.spans <= 1;
    portion.in_lane = &lane == &batcher.shared() && !cutter_.is_judged() && is_small;
    const uint8_t* from = bytes_of(chunk) + portion.begin;
    if (portion.in_lane) {
        // Rather a batch that is a little smaller than one that is cut inside a portion.
        const bool full = !lane.empty() && lane.batch()->spans != 0 && !batcher.fits(lane, portion.spans, portion.size);
        if (full || !batcher.has_room(lane, portion.size)) batcher.submit_full(lane, portion.spans);
        portion.data = batcher.allocate(lane, portion.size);
    } else {
        scratch_.resize(portion.size);
        portion.data = scratch_.data();
        if (zero_copy_) portion.mapped = from;
    }
    std::memcpy(portion.data, from, portion.size);
    if (held_.mapping->faulted()) return true;  // the pass ends in quarantine; what was copied is nothing
    if (held_.overwrite && !dead() && !ChunkReader<>::unchanged(view().chunk_line(chunk), word)) return true;

    SPR_TESTPOINT(portion_copied);
    std::vector<SettledPiece> settled;
    MappingPins pins(retired_, held_.mapping);
    const CutReport report = cutter_.is_judged() ? cutter_.judge(batcher, lane, portion, settled)
                                                 : cutter_.cut(batcher, lane, portion, cursor.receipt, pins);
    SPR_TESTPOINT(portion_cut);
    if (scratch_.size() > ring::kExtentSize) scratch_ = {};  // rare, and there is one for each segment
    cursor.read = word.length;
    cursor.read_spans = word.spans;
    cursor.scope = portion.scope;
    for (SettledPiece& piece : settled)
        acknowledge_sampled_out(piece.receipt, piece.sampled_out, std::move(piece.rules));
    result.bytes += portion.size;
    result.spans += portion.spans;
    note(report, result);
    return report.fault == nullptr || fail(report.fault);
}

uint64_t AttachedSegment::hand_out_partial(Batcher& batcher, Batcher::Lane& lane,
                                           std::chrono::nanoseconds open_longer_than, uint64_t most) {
    const uint64_t bytes = hand_out_partial_spans(held_, cutter_, batcher, lane, open_longer_than, most);
    still_readable();
    return bytes;
}

void AttachedSegment::keep(Batcher& batcher, const UndecidedSpan& span) {
    waits_no_more(span);
    cutter_.add_kept(batcher, batcher.shared(), span.receipt(), span.scope, span.record(), span.by_chance);
    if (span.era != era_) flush_.waits_for(batcher.shared().serial());
}

void AttachedSegment::sample_out(const UndecidedSpan& span, uint64_t rule) {
    waits_no_more(span);
    const Receipt receipt = span.receipt();
    const RuleShare share{rule, receipt.spans, 0};
    if (receipt.is_of_slot()) return acknowledge_sampled_out(receipt, receipt.spans, share);
    if (sampled_out_.receipt.spans != 0 && !sampled_out_.joined_by(receipt, receipt.spans, share)) all_sampled_out();
    if (sampled_out_.receipt.spans == 0) sampled_out_ = {receipt, receipt.spans, share};
}

void AttachedSegment::all_sampled_out() {
    if (sampled_out_.receipt.spans == 0) return;
    SettledPiece piece = std::exchange(sampled_out_, {});
    acknowledge_sampled_out(piece.receipt, piece.sampled_out, std::move(piece.rules));
}

uint64_t AttachedSegment::bytes_in_use() {
    uint64_t bytes = uint64_t{waiting_slots_.count()} * ring::kSlotSize;
    held_.extents.each_chunk([&](uint32_t chunk) {
        if (cursors_.has_cursor(chunk) && cursors_[chunk].seen.length > cursors_[chunk].low.mark())
            bytes += held_.extents.chunk_capacity(chunk);
    });
    return bytes;
}

void AttachedSegment::note(const CutReport& report, PassResult& result) {
    waiting_[era_] += report.waiting;
    result.invalid += report.invalid;
    result.repaired += report.repaired;
    if (report.invalid != 0) invalid_.add(report.invalid, report.defect, held_.name, *held_.producer);
}

// Whether nobody but the agent can still decide what becomes of the chunk.
bool AttachedSegment::may_book(const ChunkCursor& cursor) const {
    return !held_.overwrite || dead() || cursor.seen.state == ChunkState::kTaken;
}

void AttachedSegment::book(uint32_t chunk, ChunkCursor& cursor) {
    std::vector<uint32_t> passed;  // entries
    while (const std::optional<WaitingPiece> piece = cursor.low.advance()) {
        if (piece->became != nullptr)
            accounts_.book(*piece->became);
        else if (filed_.passed(piece->entry, piece->spans))
            passed.push_back(piece->entry);
    }
    held_.book.move_mark(chunk, ring::mark_of(cursor.seen.generation, cursor.low.mark(), cursor.low.spans()),
                         accounts_.totals(), accounts_.take_rule_changes());
    for (const uint32_t entry : passed) book_filed(entry);
}

// Nobody writes to it any more, and all of it is acknowledged.
void AttachedSegment::retire(uint32_t chunk, ChunkCursor& cursor) {
    if (!is_complete(cursor.seen.state) || dead() || cursor.retired || cursor.low.mark() != cursor.seen.length) return;
    cursor.retired = true;
    retired_.add(chunk);
}

void AttachedSegment::acknowledge_sampled_out(const Receipt& receipt, uint32_t spans, RuleShares rules) {
    acknowledge(receipt, Completion{receipt.begin,
                                    receipt.end,
                                    receipt.spans,
                                    receipt.invalid,
                                    receipt.filtered,
                                    spans,
                                    {},
                                    nullptr,
                                    std::move(rules)});
}

void AttachedSegment::acknowledge(const Receipt& receipt, const Completion& piece) {
    if (receipt.begin == kFiledReceipt) return answer_filed(receipt.chunk, piece);
    if (!quarantined_.empty()) {  // for the ledger; the segment is not touched any more
        receipt.unfinished ? accounts_.book_unfinished(piece) : accounts_.book(piece);
        return;
    }
    if (receipt.unfinished) {
        accounts_.book_unfinished(piece);
        held_.book.close_slot(receipt.chunk, receipt.generation, accounts_.totals(), accounts_.take_rule_changes());
        return;
    }
    if (receipt.waited) {
        accounts_.book(piece);
        held_.book.close_waiting_slot(receipt.chunk, receipt.generation, accounts_.totals(),
                                      accounts_.take_rule_changes());
        waiting_slots_.forget(receipt.chunk);
        return;
    }
    ChunkCursor& cursor = cursors_[receipt.chunk];
    if (cursor.seen.generation != receipt.generation) return;  // overwritten meanwhile, and counted by the writer
    cursors_.look_again(receipt.chunk);
    cursor.low.complete(piece);
    if (may_book(cursor) && cursor.low.ready()) book(receipt.chunk, cursor);
    retire(receipt.chunk, cursor);
}

uint32_t AttachedSegment::reclaim(IdleMemory::Clock::time_point now) {
    if (!quarantined_.empty() || dead()) return 0;
    return retired_.release([this, now](uint32_t chunk) {
        cursors_.forget(chunk, ChunkReader<>::release(view(), chunk, cursors_[chunk].seen.generation));
        idle_memory_.note_freed(chunk, now);
    });
}

// Of this batcher, and of one of another thread that drained it before.
void AttachedSegment::flush_submitted(const Batcher& batcher) {
    const std::set<uint64_t>& open = cutter_.batches();
    // Of the other era none waits: the flush before was not served until then.
    if (flush_.wants_submit()) cutter_.begin_era(era_ = !era_);
    flush_.submitted(open.empty() ? batcher.last_serial() : std::max(batcher.last_serial(), *open.rbegin()));
}

void AttachedSegment::serve_flush() {
    if (quarantined_.empty() && waiting_[!era_] == 0) flush_.serve(cutter_.batches());
}

bool AttachedSegment::finished() const {
    return quarantined_.empty() && !left_behind_ && burial_.complete() && quiet();
}

ProcessRow AttachedSegment::ledger_row(uint64_t now_unix_nano) {
    if (quarantined_.empty()) {  // otherwise what was last believed
        const ring::CounterSums sums = ring::sum_counters(view());
        if (!held_.mapping->faulted()) sums_ = sums;
    }
    ProcessRow row;
    row.identity() = held_.producer->identity();
    row.attached_unix_nano = held_.attached_unix_nano;
    row.updated_unix_nano = now_unix_nano;
    row.finished = finished();
    row.quarantine = quarantined_;
    row.agent_died = held_.agent_died;
    row.writer = sums_;
    row.agent = accounts_.totals();
    row.rules = accounts_.rules();
    return row;
}

}  // namespace spanring::agent
