// SPDX-License-Identifier: Apache-2.0
//
// The segments of one drain thread: looks at them, forms batches, books the answers, gives memory back. All of that
// happens on this thread, so that each segment has one writer on the agent's side; other threads leave letters for it
// (drain_exchange.hpp). Where it has much more to do than another thread, it gives it segments, between two passes.
//
// Header bill: it holds batches in the making and whole segments; drainer.hpp and its own .cpp alone include it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/idle_heap.hpp"
#include "drain/batcher.hpp"
#include "drain/decision_rounds.hpp"
#include "drain/drain_exchange.hpp"
#include "drain/drain_options.hpp"
#include "drain/drain_status.hpp"
#include "drain/flush_tickets.hpp"
#include "drain/heartbeat.hpp"
#include "drain/ledger_writer.hpp"
#include "drain/owner_turns.hpp"
#include "drain/segment_table.hpp"
#include "drain/work_window.hpp"

namespace spanring::agent {

class DrainShare : private DecisionRounds::Settler {
public:
    using Clock = std::chrono::steady_clock;

    // What the drain threads share; it outlives them.
    struct Common {
        const DrainOptions& options;
        const std::vector<Exporter*>& exporters;
        DrainExchange& exchange;
        OwnerQueues& queues;
        LedgerWriter& ledger;
        std::shared_ptr<BatchSupply> supply;
        UndecidedFiles* files = nullptr;  // null: there are none; else there is one thread
    };

    // `number`: of the thread.
    DrainShare(size_t number, const Common& common);
    DrainShare(const DrainShare&) = delete;
    DrainShare& operator=(const DrainShare&) = delete;
    ~DrainShare();

    // ---- Its thread ----

    // One pass over what is due.
    void do_work(Clock::time_point now);

    // Sleeps until then at most, if there is nothing to do before, nobody rings, and `other` has nothing to be read.
    // Returns whether it has, as far as is known.
    bool wait(Clock::time_point until, int other);

    // False: not now. The thread `to` drains the segment from now on; answers to what this one took of it go there.
    bool hand_over(uint64_t source, size_t to);

    // ---- Its thread, or another one once that has ended ----

    // Takes and submits everything that is committed now.
    void drain_everything(Clock::time_point now);

    // Books what was answered.
    void process_answers();

    // Every batch is answered and booked.
    bool quiet() const { return batcher_.outstanding() == 0; }
    // A required exporter could do nothing with some of it before the end: that stays for the next agent.
    bool left_behind() const { return left_behind_; }
    // Spans that wait for the decision of their trace: they stay in their segments, or in files. (Those in files whose
    // segments have not come are answered for, or lost.)
    bool undecided() const {
        return (decisions_ != nullptr && decisions_->has_spans()) ||
               (files_ != nullptr && files_->spans() != files_->unclaimed_spans());
    }

    // Writes the totals of all its segments to the ledger.
    void update_ledger();

    // ---- Any thread ----

    uint64_t ask_flush();  // everything committed now; returns a ticket
    bool flushed(uint64_t ticket) const { return flushes_.served(ticket); }
    DrainStatus status() const { return board_.latest(); }

private:
    void begin_pass(Clock::time_point now);
    void read_letters();
    void take(ServedSegment served);
    void take_rules(std::shared_ptr<const SamplingRules> rules);
    void follow(std::shared_ptr<const ExportPlan> plan);
    void look_soon(uint64_t source);
    void distrust(const InstanceId& instance);
    void drain_due(bool all);
    bool holds_back() const;
    void look_for_open_traces();
    void decide_due();
    void take_in_filed(ServedSegment& served);
    void forget_unclaimed();
    bool settle_of(uint64_t source);
    void settle(const UndecidedSpan& span, uint64_t dropped_by) override;
    void settle_filed(uint32_t entry, const RuleShare& dropped_by, uint8_t by_chance) override;
    void all_settled() override;
    std::optional<DecisionRounds::SourceAccount> account_of(uint64_t source) override;
    void file(const UndecidedSpan& span, uint32_t entry) override;
    void all_filed() override;
    void relieve_rings();
    void submit_decided();
    void drain(ServedSegment& served, uint64_t budget);
    std::chrono::microseconds longest_pause(const ServedSegment& served) const;
    std::chrono::milliseconds liveness_period(const ServedSegment& served) const;
    static bool hears(const ServedSegment& served);
    void rest(ServedSegment& served, bool came);
    bool may_sleep_on(ServedSegment& served) const;
    void sleep_on(ServedSegment& served);
    void get_up(ServedSegment& served);
    void beat();
    void close_quarantined(ServedSegment& served);
    void submit_all();
    void submit_for_flush();
    void settle();
    void set_ended_apart();
    void book_answers();
    void book(const Batch& batch);
    // `answer`: the batch, or what was forwarded of it.
    template <class Answer>
    void book(ServedSegment& served, const Receipt& receipt, const Resolutions& share, const Answer& answer,
              bool left_behind);
    void take_answer(SegmentAnswer answer);
    using FiledShares = std::map<uint64_t, UndecidedShare>;  // by source
    FiledShares filed_shares() const;
    UndecidedShare undecided_of(const ServedSegment& served, const FiledShares& filed) const;
    void tell_row(ServedSegment& served, const FiledShares& filed);
    void tell_ledger();
    void share_work();
    void publish_status();
    Clock::time_point due() const;
    Clock::time_point next_look() const;
    std::chrono::microseconds longest_doze() const;
    bool answers_may_wait(Clock::duration to_next_look) const;

    static constexpr std::chrono::milliseconds kWaitForFlush{1};  // somebody waits

    const size_t number_;
    const DrainOptions& options_;
    DrainExchange& exchange_;
    OwnerQueues& queues_;
    LedgerWriter& ledger_;
    SpanRecorder* const recorder_;
    ProcessorChain* const processors_;
    Batcher batcher_;
    std::unique_ptr<DecisionRounds> decisions_;  // null: everything is sent
    UndecidedFiles* const files_;
    ServedSegment* settled_ = nullptr;    // of the last span that was decided
    std::set<uint64_t> filed_;            // segments with spans that leave now
    std::vector<FiledSpan> filed_spans_;  // of an entry
    std::shared_ptr<const SamplingRules> rules_;

    SegmentTable segments_;
    OwnerTurns turns_;
    FlushTickets flushes_;
    Heartbeat heartbeat_;
    Batcher::Lane partial_lane_;
    uint64_t partial_serial_ = 0;  // of the last batch of such
    WorkWindow window_;
    IdleHeap idle_heap_;
    uint64_t bytes_before_ = 0;  // status_.bytes as the last pass left it

    Clock::time_point now_{};
    Clock::time_point next_ledger_{};
    const Clock::time_point forgets_unclaimed_ = Clock::now() + std::chrono::minutes(10);
    uint64_t ledger_rounds_ = 0;
    bool more_ = false;            // a pass was cut by a budget
    bool held_back_ = false;       // ... or by exporters that have enough
    bool waits_for_pins_ = false;  // memory that is answered for, and that a batch still points to
    bool left_behind_ = false;     // some batch was
    uint64_t of_others_ = 0;       // serial of the last batch with something of a segment that another thread has

    DrainStatus status_;
    DrainStatusBoard board_;
};

}  // namespace spanring::agent
