// SPDX-License-Identifier: Apache-2.0
//
// One process's segment, from attach to unlink. Drain thread only.
//
// Invariants: the agent holds byte 1 of the file's lock. What the segment says is read once, checked, and compared with
// the agent's own copy of what it said before; a broken rule ends the attachment (quarantine), never the agent. Death
// is seen before the words that are final because of it. A chunk is freed when its mark has reached its length and no
// batch points into it, and only while the process lives: nobody claims a chunk of the dead, and its file goes as a
// whole.
//
// A segment whose writers may overwrite: FULL chunks are read only once TAKEN, never without a copy. Of an OPEN one the
// committed prefix is copied and sent as always, but booked only when the chunk is TAKEN or the process is dead. Until
// then a writer may still win the chunk, and it counts as overwritten all that the mark does not cover.
//
// Header bill: it holds its cursors, cutter, burial and accounts; the table of segments and the drainer include it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "batch/batch.hpp"
#include "drain/answer_shares.hpp"
#include "drain/batcher.hpp"
#include "drain/burial.hpp"
#include "drain/chunk_cursors.hpp"
#include "drain/filed_entries.hpp"
#include "drain/flush_request.hpp"
#include "drain/held_segment.hpp"
#include "drain/idle_memory.hpp"
#include "drain/invalid_span_log.hpp"
#include "drain/open_traces.hpp"
#include "drain/retired_chunks.hpp"
#include "drain/run_cutter.hpp"
#include "drain/segment_accounts.hpp"
#include "drain/undecided_spans.hpp"
#include "drain/waiting_slots.hpp"
#include "ledger/ledger.hpp"
#include "ring/counter_sums.hpp"
#include "ring/sampling_directive.hpp"

namespace spanring::ring {
struct SlotCopy;
}

namespace spanring::agent {

struct PassResult {
    uint64_t bytes = 0;
    uint32_t spans = 0;
    uint32_t invalid = 0;
    uint32_t repaired = 0;
    bool cut = false;  // by its budget: there is more to take now
};

class AttachedSegment {
public:
    // See attach_segment(). `exporters`: the required ones.
    AttachedSegment(HeldSegment held, const std::vector<ExporterRow>& exporters);
    AttachedSegment(const AttachedSegment&) = delete;
    AttachedSegment& operator=(const AttachedSegment&) = delete;

    const std::string& name() const { return held_.name; }
    const Producer& producer() const { return *held_.producer; }
    dev_t device() const { return held_.device; }
    ino_t inode() const { return held_.inode; }

    // Measures its spans from now on: of the thread that drains it from now on. May be null.
    void measure_by(SpanRecorder* recorder) { cutter_.measure_by(recorder); }
    void process_by(ProcessorChain* processors) { cutter_.process_by(processors); }
    void judge_by(SpanJudge* judge) { cutter_.judge_by(judge); }
    // See SegmentAccounts.
    void count_for(const std::vector<ExporterRow>& exporters) { accounts_.count_for(exporters); }

    // Asks the kernel. To be called before drain(), which then finds final words in a dead one.
    void check_liveness();
    bool dead() const { return burial_.dead(); }

    // One pass over the chunks, until so many bytes were taken; a round over very many of them is several passes. Of a
    // dead process also its unfinished spans.
    PassResult drain(Batcher& batcher, uint64_t budget);
    // All that is committed now, however much it is.
    PassResult drain_all(Batcher& batcher);

    // What has been open for longer, as it is now, into a lane for such alone; no more than some milliseconds take, and
    // than `most` bytes. Returns how many.
    uint64_t hand_out_partial(Batcher& batcher, Batcher::Lane& lane, std::chrono::nanoseconds open_longer_than,
                              uint64_t most);

    // What has waited for a decision, and is sent now or by nobody. A flush waits for those that came before it.
    void keep(Batcher& batcher, const UndecidedSpan& span);
    void sample_out(const UndecidedSpan& span, uint64_t rule);
    void all_sampled_out();  // for now: what goes together is acknowledged together
    // Of spans that are in files: of those that leave for one, and of those that come back. See UndecidedFiles.
    void file_into(UndecidedFiles* files) { filed_.file_into(files); }
    bool may_leave() const { return quarantined_.empty() && !held_.overwrite; }  // or a writer counts them
    void file(const UndecidedSpan& span, uint32_t entry);
    void all_filed();  // for now
    void keep_filed(Batcher& batcher, uint32_t entry, const std::vector<FiledSpan>& spans, uint8_t by_chance);
    void sample_out_filed(uint32_t entry, const RuleShare& rule);
    void lose_filed(uint32_t entry);  // it cannot be read
    // Of an agent before: false where nothing of it is to be done any more. Before the first drain().
    bool take_in(const UndecidedFiles::Claimed& claimed, std::vector<FiledSpan>& ret_spans);
    // A file of an agent before is damaged: it may have had spans of this one.
    void note_missing() { misses_spans_ = misses_spans_ || held_.attached_before; }
    void book_missing();  // once nothing else is to come

    // How much of its memory is in use, and how much it may have: of what waits, a span holds a whole chunk.
    uint64_t bytes_in_use();
    uint64_t most_bytes() const { return uint64_t{held_.header.extent_limit} * ring::kExtentSize; }
    // `visit` gets the traces of its open spans. False: it did not see all.
    template <class Visit>
    bool each_open_trace(Visit&& visit) {
        if (!quarantined_.empty() || dead() || !update_extents()) return true;
        held_.extents.look_for_slots(view());
        return agent::each_open_trace(view(), held_.extents, visit, waiting_slots_) && still_readable();
    }

    // A batch with receipts of this segment was resolved: one call for each receipt, then one for the batch.
    void acknowledge(const Receipt& receipt, const Resolutions& resolutions,
                     const std::shared_ptr<const void>& plan = nullptr) {
        acknowledge(receipt, Completion{receipt.begin,
                                        receipt.end,
                                        receipt.spans,
                                        receipt.invalid,
                                        receipt.filtered,
                                        0,
                                        resolutions,
                                        plan,
                                        {}});
    }
    // A batch with something of it was neither sent nor spooled before the agent ends: the file stays for the next one.
    void leave_behind() { left_behind_ = true; }
    void batch_finished(uint64_t serial) { cutter_.batches().erase(serial); }

    // The agent sleeps as far as this process is concerned: from now on that wakes it. False: there is something to do
    // first, or it is not one that could. After a look that found nothing.
    bool lie_down();
    bool asleep() const { return asleep_; }
    bool rings() const { return (held_.header.compatible & ring::kRingsBell) != 0; }
    bool has_rung() const;  // while it is asleep
    // At a look at one over which the agent sleeps: nothing came, as far as a few words tell. False: a pass is to be
    // made, as each so many looks.
    bool sleeps_on();
    // Whether the process has rung.
    bool get_up();

    // Whether its process wakes the agent where more comes than some of its memory between two looks.
    bool may_doze() const;
    // Whether its memory could be full before so much more has come.
    bool may_run_short() { return has_less_than(claims_to_bell() * ring::kExtentSize); }
    // Whether its process may be waiting for memory, or will soon.
    bool is_half_full() { return has_less_than(most_bytes() / 2); }
    // Until the next look, or until it has rung. After a look, or where it has just rung: more is to come. False: by
    // now it asks for a flush, for which it may not ring.
    bool doze();
    bool asks_for_flush() const;  // as far as the process has said so
    bool dozes() const { return dozes_; }
    // Whether the process has rung meanwhile.
    bool end_doze();

    // Frees what may be freed. Returns how many chunks.
    uint32_t reclaim(IdleMemory::Clock::time_point now);
    // See IdleMemory. After a look.
    bool give_back(IdleMemory::Clock::time_point now, IdleMemory::Clock::duration after) {
        return gives_ = quarantined_.empty() && !dead() && idle_memory_.give_back(now, after);
    }
    uint64_t take_given() { return idle_memory_.take_given(); }
    bool waits_to_reclaim() const { return !dead() && !retired_.empty(); }
    bool has_to_settle() const { return waits_to_reclaim() || flush_.pending(); }

    // A flush was asked for and a complete pass was made since: the batches in the making are to be submitted.
    bool wants_flush() const { return flush_.wants_submit(); }
    bool is_in_batches() const { return !cutter_.batches().empty(); }  // that are not booked
    bool is_in(const Batcher::Lane& lane) const { return !lane.empty() && cutter_.batches().contains(lane.serial()); }
    void flush_submitted(const Batcher& batcher);
    void serve_flush();
    bool flush_pending() const { return flush_.pending(); }

    // No zero-copy any more. False: there was none.
    bool distrust() { return std::exchange(zero_copy_, false); }
    Batcher::Lane& own_lane() { return zero_copy_lane_; }
    const Batcher::Lane& own_lane() const { return zero_copy_lane_; }

    // What the process is to sample from now on, if it is to record anything.
    void direct_sampling(ring::SamplingDirective directive, bool enabled);

    // Gives it up: nothing is read or written any more but the sign to the process that it may stop.
    void quarantine(const std::string& reason);
    const std::string& quarantined() const { return quarantined_; }  // why; empty: it is not
    bool quiet() const { return cutter_.batches().empty() && waiting() == 0 && filed_.empty(); }
    uint64_t waiting() const { return waiting_[0] + waiting_[1]; }   // spans that are in it, for a decision
    uint64_t waiting_in_slots() const { return waiting_in_slots_; }  // of these, that have ended in their slots

    // Dead, and everything handed out: until an answer comes, or a decision, there is nothing to do.
    bool only_waits() const { return quarantined_.empty() && burial_.complete(); }

    // Dead, everything handed out and acknowledged: the file may go.
    bool finished() const;

    ProcessRow ledger_row(uint64_t now_unix_nano);

private:
    ring::SegmentView view() const { return held_.view(); }
    const uint8_t* bytes_of(uint32_t chunk) const {
        return view().chunk_bytes(chunk, held_.extents.chunk_capacity(chunk));
    }
    Batcher::Lane& lane(Batcher& batcher) { return zero_copy_ ? zero_copy_lane_ : batcher.shared(); }
    bool update_extents();
    bool recover();
    bool claimed_since();
    uint64_t claims_to_bell() const;
    bool has_less_than(uint64_t least);
    PassResult pass(Batcher& batcher, uint64_t budget, uint32_t looks);
    void begin_round();
    bool visit_chunks(Batcher& batcher, uint64_t budget, uint32_t looks, PassResult& result);
    bool visit(uint32_t chunk, Batcher& batcher, PassResult& result);
    bool begin_generation(uint32_t chunk, ChunkCursor& cursor);
    bool take_portion(uint32_t chunk, ChunkCursor& cursor, ring::ChunkWord word, Batcher& batcher, PassResult& result);
    bool scope_before(uint32_t chunk, uint32_t size, uint32_t& ret_scope);
    bool hand_out_waiting(Batcher& batcher, uint64_t budget, PassResult& result);
    bool hand_out_unfinished(Batcher& batcher, uint64_t budget, PassResult& result);
    void hand_out(Batcher& batcher, const Receipt& receipt, const ring::SlotCopy& copy,
                  const std::vector<uint8_t>& record, PassResult& result);
    bool may_book(const ChunkCursor& cursor) const;
    void book(uint32_t chunk, ChunkCursor& cursor);
    void retire(uint32_t chunk, ChunkCursor& cursor);
    void note(const CutReport& report, PassResult& result);
    void waits_no_more(const UndecidedSpan& span) {
        --waiting_[span.era];
        if (span.waited) --waiting_in_slots_;
    }
    void acknowledge(const Receipt& receipt, const Completion& piece);
    void acknowledge_sampled_out(const Receipt& receipt, uint32_t spans, RuleShares rules);
    bool has_handed_over(const FiledSpan& span);
    void answer_filed(uint32_t entry, Completion piece);
    void book_filed(uint32_t entry);
    void store_totals();
    bool fail(const std::string& reason);
    bool still_readable();

    HeldSegment held_;
    ChunkCursors cursors_;
    uint32_t left_ = 0;                           // chunks that this round has not looked at yet
    uint64_t claims_ = 0;                         // WriterPage::claims as the last round found it
    uint32_t largest_chunk_ = ring::kLargeChunk;  // that it has claimed, or may claim next
    uint32_t liveness_checks_ = 0;
    RunCutter cutter_;
    std::vector<uint8_t> scratch_;
    SegmentAccounts accounts_;
    FiledEntries filed_;
    std::vector<uint32_t> filed_chunks_;  // with spans that left, whose marks are to move
    struct FiledSlot {
        uint32_t slot = 0;
        uint32_t generation = 0;
        uint32_t entry = 0;
    };
    std::vector<FiledSlot> filed_slots_;  // likewise, that are to be the process's again
    std::optional<uint32_t> any_chunk_;
    bool misses_spans_ = false;  // maybe
    RetiredChunks retired_;
    IdleMemory idle_memory_;
    FlushRequest flush_;
    WaitingSlots waiting_slots_;
    Burial burial_;

    bool zero_copy_;
    Batcher::Lane zero_copy_lane_;
    bool left_behind_ = false;
    bool dozes_ = false;
    // Spans that wait for a decision, by what came before a flush that is under way, and what comes after: two eras, of
    // which each flush begins the next.
    std::array<uint64_t, 2> waiting_{};
    uint64_t waiting_in_slots_ = 0;
    SettledPiece sampled_out_;  // and not acknowledged; without spans: there is none
    bool era_ = false;
    bool asleep_ = false;
    uint32_t sleep_looks_ = 0;  // since it lay down
    bool gives_ = false;        // memory, and there is more of it
    std::string quarantined_;
    ring::CounterSums sums_{};  // as last believed
    InvalidSpanLog invalid_;
};

}  // namespace spanring::agent
