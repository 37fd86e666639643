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
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "batch/batch.hpp"
#include "drain/batcher.hpp"
#include "drain/epoch.hpp"
#include "segment/host_facts.hpp"
#include "drain/low_water.hpp"
#include "drain/run_cutter.hpp"
#include "drain/segment_accounts.hpp"
#include "segment/segment_file.hpp"
#include "segment/segment_mapping.hpp"
#include "ledger/ledger.hpp"
#include "ring/ack_book.hpp"
#include "ring/attach.hpp"
#include "ring/chunk_reader.hpp"
#include "ring/counter_sums.hpp"
#include "ring/sampling_order.hpp"

namespace spanring::agent {

struct SegmentSettings {
    std::vector<ExporterRow> exporters;  // the required ones
    bool zero_copy = false;              // where the segment allows it
    bool after_death = false;            // the agent before this one did not end in good order
    HostFacts host{};                    // for the resource
};

// What became of an attempt to attach.
struct AttachOutcome;

struct PassResult {
    uint64_t bytes = 0;
    uint32_t spans = 0;
    uint32_t invalid = 0;
    uint32_t repaired = 0;
    bool complete = true;  // every chunk was looked at
};

class AttachedSegment {
public:
    // `file`: what was opened under `name` in a directory of `owner`. `source` names the attachment in receipts.
    // `verdict`: why it is to be given up unread, if it is: nothing of it but the header is read then.
    static AttachOutcome attach(SegmentFile file, const std::string& name, uid_t owner, uint64_t source,
                                const SegmentSettings& settings, const std::string& verdict = {});
    ~AttachedSegment();
    AttachedSegment(const AttachedSegment&) = delete;
    AttachedSegment& operator=(const AttachedSegment&) = delete;

    uint64_t source() const { return source_; }
    const std::string& name() const { return name_; }
    const Producer& producer() const { return *producer_; }
    dev_t device() const { return device_; }
    ino_t inode() const { return inode_; }

    // Asks the kernel. To be called before drain(), which then finds final words in a dead one.
    void check_liveness();
    bool dead() const { return dead_; }

    // One pass over the chunks, until so many bytes were taken. Of a dead process also its unfinished spans.
    PassResult drain(Batcher& batcher, uint64_t budget);

    // A batch with receipts of this segment was resolved: one call for each receipt, then one for the batch.
    void acknowledge(const Receipt& receipt, const std::array<Resolution, ring::kExporterRows>& resolutions);
    // A batch with something of it was neither sent nor spooled before the agent ends: the file stays for the next one.
    void leave_behind() { left_behind_ = true; }
    void batch_finished(uint64_t serial) { cutter_->batches().erase(serial); }

    // Frees what may be freed. Returns how many chunks.
    uint32_t reclaim();

    // A flush was asked for and a complete pass was made since: the batches in the making are to be submitted.
    bool wants_flush() const { return flush_ == Flush::kDrained; }
    void flush_submitted(Batcher& batcher);
    void serve_flush();
    bool flush_pending() const { return flush_ != Flush::kNone; }

    // No zero-copy any more. False: there was none.
    bool distrust() { return std::exchange(zero_copy_, false); }
    Batcher::Lane& own_lane() { return zero_copy_lane_; }

    // What the process is to sample from now on, if it is to record anything.
    void order_sampling(ring::SamplingOrder order, bool enabled);

    // Gives it up: nothing is read or written any more but the sign to the process that it may stop.
    void quarantine(const std::string& reason);
    const std::string& quarantined() const { return quarantined_; }  // why; empty: it is not
    bool settled() const { return cutter_->batches().empty(); }

    // Dead, everything handed out and acknowledged: the file may go.
    bool finished() const;

    ProcessRecord record(uint64_t now_unix_nano);

private:
    AttachedSegment() = default;

    struct Cursor {
        ring::ChunkWord seen;  // as last seen, or made
        bool known = false;
        bool retired = false;
        uint32_t read = 0;  // bytes handed out
        uint32_t read_spans = 0;
        uint32_t scope = kNoScope;
        LowWater low;
        ReceiptPlace receipt;
    };
    struct Retired {
        uint32_t chunk;
        uint64_t epoch;
    };

    ring::SegmentView view() const { return mapping_->view(); }
    Batcher::Lane& lane(Batcher& batcher) { return zero_copy_ ? zero_copy_lane_ : batcher.shared(); }
    void update_extents();
    bool recover();
    uint32_t settled_from(uint32_t first, uint32_t count) const;
    bool visit(uint32_t chunk, Batcher& batcher, PassResult& result);
    bool begin_generation(uint32_t chunk, Cursor& cursor, ring::ChunkWord word);
    bool take_portion(uint32_t chunk, Cursor& cursor, ring::ChunkWord word, Batcher& batcher, PassResult& result);
    bool scope_before(uint32_t chunk, uint32_t size, uint32_t& ret_scope);
    bool hand_out_unfinished(Batcher& batcher, uint64_t budget, PassResult& result);
    bool may_book(const Cursor& cursor) const;
    void book(uint32_t chunk, Cursor& cursor);
    void note(const CutReport& report, PassResult& result);
    bool fail(const std::string& reason);

    uint64_t source_ = 0;
    std::string name_;
    int fd_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    ring::Header header_{};
    bool overwrite_ = false;
    std::shared_ptr<SegmentMapping> mapping_;
    std::shared_ptr<const Producer> producer_;
    uint64_t attached_unix_nano_ = 0;
    bool agent_died_ = false;  // one that served this segment

    uint32_t extents_ = 0;
    std::vector<Cursor> cursors_;
    // Of each chunk the word at which there is nothing to do for it, or kLook. Apart from the cursors, so that a look at
    // a thousand chunks reads little more than their words.
    static constexpr uint64_t kLook = ~uint64_t{0};  // no sound word: there is no such state
    std::vector<uint64_t> settled_;
    uint32_t next_ = 0;  // where the next pass begins
    std::unique_ptr<RunCutter> cutter_;
    std::vector<uint8_t> scratch_;
    ring::AckBook<> book_;
    std::optional<SegmentAccounts> accounts_;

    bool zero_copy_ = false;
    Batcher::Lane zero_copy_lane_;
    EpochDomain epochs_;
    std::vector<Retired> retired_;  // in the order of epochs

    enum class Flush { kNone, kAsked, kDrained, kSubmitted };
    Flush flush_ = Flush::kNone;
    uint64_t flush_ticket_ = 0;
    uint64_t flush_served_ = 0;
    uint64_t flush_barrier_ = 0;  // serial of the last batch that holds what was to be flushed

    bool dead_ = false;
    bool recovered_ = false;
    bool left_behind_ = false;
    bool exhausted_ = false;  // dead, and every committed byte is handed out
    uint64_t died_unix_nano_ = 0;
    std::vector<uint32_t> open_slots_;  // of unfinished spans
    size_t next_open_ = 0;

    std::string quarantined_;
    ring::CounterSums sums_{};
    std::chrono::steady_clock::time_point next_invalid_log_{};
    uint64_t unlogged_invalid_ = 0;
};

struct AttachOutcome {
    enum class Kind {
        kAttached,
        kGone,     // the file is not there any more
        kBusy,     // another agent drains it
        kLater,    // not now; may become right
        kRefused,  // not this file
    };
    Kind kind = Kind::kRefused;
    std::unique_ptr<AttachedSegment> segment;
    std::optional<ProcessRecord> given_up;  // kRefused by a verdict: what the header says of it, for the ledger
    std::string reason;
    dev_t device = 0;  // of the file that was refused
    ino_t inode = 0;
};

}  // namespace spanring::agent
