// SPDX-License-Identifier: Apache-2.0
//
// The segments of one drain thread: looks at them, forms batches, books the answers, gives memory back. All of that
// happens on this thread, so that each segment has one writer on the agent's side; other threads only leave requests.
//
// Header bill: it holds batches in the making and whole segments; drainer.hpp and its own .cpp alone include it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "directory/directory_watch.hpp"
#include "drain/batcher.hpp"
#include "drain/drain_options.hpp"
#include "drain/drain_status.hpp"
#include "drain/flush_tickets.hpp"
#include "drain/heartbeat.hpp"
#include "drain/ledger_writer.hpp"
#include "drain/mailbox.hpp"
#include "drain/owner_turns.hpp"
#include "drain/segment_table.hpp"
#include "sampling/sampling_rule.hpp"

namespace spanring::agent {

class DrainShare {
public:
    using Clock = std::chrono::steady_clock;

    // Throws std::runtime_error. All of them outlive it.
    DrainShare(const DrainOptions& options, const std::vector<Exporter*>& exporters, const DirectoryWatch& watch,
               LedgerWriter& ledger);
    DrainShare(const DrainShare&) = delete;
    DrainShare& operator=(const DrainShare&) = delete;

    // ---- Its thread ----

    void begin_pass(Clock::time_point now);
    void take(ServedSegment served);
    void take_rules(std::shared_ptr<const SamplingRules> rules);
    // The kernel hints at its file: the process may have rung, or died.
    void look_soon(uint64_t source);

    // Looks at what is due.
    void do_work();

    // Sleeps until then at most, if there is nothing to do before, nobody rings, and `other` has nothing to be read.
    // Returns whether it has, as far as is known.
    bool wait(Clock::time_point until, int other);

    // Takes and submits everything that is committed now.
    void drain_everything();

    // Books what was answered. Part of do_work().
    void process_answers();

    // Those of which nothing will change any more; they are gone from here.
    std::vector<ServedSegment> take_ended() { return std::exchange(ended_, {}); }

    // Every batch is answered and booked.
    bool quiet() const { return batcher_.outstanding() == 0; }

    // Writes the totals of all its segments to the ledger.
    void update_ledger();

    // ---- Any thread ----

    void wake() { mailbox_.ring(); }
    void distrust(const InstanceId& instance) { mailbox_.distrust(instance); }
    uint64_t ask_flush();  // everything committed now; returns a ticket
    bool flushed(uint64_t ticket) const { return flushes_.served(ticket); }
    DrainStatus status() const { return board_.latest(); }

private:
    void handle_requests();
    void drain_due(bool all);
    void drain(ServedSegment& served, uint64_t budget);
    void rest(ServedSegment& served, bool came);
    void beat();
    void close_quarantined(ServedSegment& served);
    void submit_all();
    void submit_for_flush();
    void set_ended_apart();
    void book_answers();
    void book(const Batch& batch);
    void tell_ledger();
    void publish_status();
    Clock::time_point due() const;

    const DrainOptions& options_;
    const DirectoryWatch& watch_;
    LedgerWriter& ledger_;
    Batcher batcher_;
    Mailbox mailbox_;
    std::shared_ptr<const SamplingRules> rules_;

    SegmentTable segments_;
    std::vector<ServedSegment> ended_;
    OwnerTurns turns_;
    FlushTickets flushes_;
    Heartbeat heartbeat_;
    Batcher::Lane partial_lane_;
    uint64_t partial_serial_ = 0;  // of the last batch of such

    Clock::time_point now_{};
    Clock::time_point next_ledger_{};
    uint64_t ledger_rounds_ = 0;
    bool more_ = false;            // a pass was cut by a budget
    bool waits_for_pins_ = false;  // memory that is answered for, and that a batch still points to

    DrainStatus status_;
    DrainStatusBoard board_;
};

}  // namespace spanring::agent
