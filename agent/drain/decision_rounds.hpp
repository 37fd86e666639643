// SPDX-License-Identifier: Apache-2.0
//
// When traces are decided. A round first hears of every trace that has an open span anywhere, then of what was
// committed up to then, and then decides those of which it has heard nothing for the linger. In another order a span
// that ends between the looks would be in neither of them (tests/model/trace_end.pml). What is decided is remembered,
// and on disk before anything is done about it; spans that come later follow it, with the next agent too.
//
// A trace that does not end, and the oldest ones where there are too many, are decided early, by what is known: those
// of the owner who has most.
//
// Drain thread only, of which there is one.
//
// Header bill: undecided_spans.hpp; drain_share.cpp alone includes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "decide/chance_writer.hpp"
#include "decide/decision_counters.hpp"
#include "decide/decision_desk.hpp"
#include "decide/decision_log.hpp"
#include "decide/decision_memory.hpp"
#include "decide/live_rules.hpp"
#include "decide/policies.hpp"
#include "decide/tail_sampling_options.hpp"
#include "decide/trace_owners.hpp"
#include "drain/span_judge.hpp"
#include "drain/undecided_spans.hpp"

namespace spanring::agent {

class DecisionRounds final : public SpanJudge {
public:
    using Clock = std::chrono::steady_clock;

    struct SourceAccount {
        AccountId account{};
        uint32_t owner = 0;  // the user
    };

    // Carries out what was decided.
    class Settler {
    public:
        // Of many, in the order in which they came. `dropped_by`: the rule, or 0, and it is kept.
        virtual void settle(const UndecidedSpan& span, uint64_t dropped_by) = 0;
        // Likewise; its `rule`. `by_chance`: Decision's.
        virtual void settle_filed(uint32_t entry, const RuleShare& dropped_by, uint8_t by_chance) = 0;
        virtual void all_settled() = 0;

        // Of whose account the segment's spans are in a file. Nothing: they are to stay in it.
        virtual std::optional<SourceAccount> account_of(uint64_t source) = 0;
        // In that entry from now on.
        virtual void file(const UndecidedSpan& span, uint32_t entry) = 0;
        virtual void all_filed() = 0;

    protected:
        ~Settler() = default;
    };

    // `counters`, of the same policies, outlive it, and so does `settler`.
    // `directory`: of the log of decisions; empty: there is none. `desk`: for spans that lie elsewhere; null: there are
    // none.
    DecisionRounds(const TailSamplingOptions& options, DecisionCounters& counters, Settler& settler,
                   const std::string& directory, DecisionDesk* desk = nullptr);

    // Null: all spans stay in their segments. Outlives this.
    void file_into(UndecidedFiles* files) { files_ = files; }

    // Of rules that are set while the agent runs; null: there are none. Outlive this.
    void follow(const LiveRules* rules) { rules_ = rules; }

    // Before a pass.
    void begin_pass(Clock::time_point now) {
        now_ = now;
        undecided_.give_back_unused(now);
        if (rules_ != nullptr && rules_->generation() != generation()) follow_rules();
    }

    // ---- SpanJudge ----

    ProducerMarks marks_of(const Producer& producer) override {
        ProducerMarks marks = policies_.marks_of(producer);
        marks.owner = owners_.place_of(producer.uid);
        return marks;
    }
    SpanFate judge(const FoundSpan& span) override;
    std::span<const uint8_t> as_sent(std::span<const uint8_t> record, size_t body, uint8_t by_chance) override;
    void expect(const TraceKey& soon, const TraceKey& later) override {
        if (!undecided_.expect(soon, later)) memory_.expect(soon);
    }

    // ---- Spans that lie elsewhere ----

    // What was handed in since the last call.
    void read_desk();

    // ---- Files ----

    // Spans of traces that have some in segments since then, and longer, leave these.
    void file(Clock::time_point since);
    void file() { file(now_); }  // all
    // Those that are there for the longest time they may be, or are sure to be.
    void file_due();
    Clock::time_point filing_due() const;
    // What an agent before has put there, of a segment that is served now. carry_out() follows.
    void take_in(uint32_t entry, const ProducerMarks& producer, const std::vector<FiledSpan>& spans);

    // ---- A round ----

    // Whether there may be something to decide.
    bool is_due() const;
    Clock::time_point due() const;

    // First: the traces of open spans. `all`: not all of a process were seen.
    void begin_round();
    void hear_of(const TraceKey& open) {
        UndecidedTrace* const trace = undecided_.find(open);
        if (trace == nullptr) return;
        undecided_.hear_of(*trace, now_);
        trace->open_in_round = round_;
        // It is not decided before the linger is over, so what has come of it need not wait for a file until then.
        FullTrace* const full = trace->full();
        if (full != nullptr && now_ - full->in_rings_since > options_.ring_linger - options_.linger)
            undecided_.hasten_out_of_rings(*full, now_ - options_.ring_linger);
    }
    void could_not_see_all() { counters_.open_unseen.add(1); }
    // Then, after everything was drained: decides.
    void decide();
    // Likewise, at the end of the agent: whatever is not open.
    void decide_at_the_end();

    // ---- Bounds ----

    // Decides traces with spans of that segment that came first before `before`, the oldest first, until no more than
    // `bytes` of it wait.
    void relieve(uint64_t source, uint64_t bytes, Clock::time_point before);
    // Decides the oldest ones until all bounds hold.
    void keep_bounds();
    uint64_t bytes_of(uint64_t source) const;

    void carry_out();

    bool empty() const { return undecided_.traces() == 0; }
    bool has_spans() const { return undecided_.spans() != 0; }  // which lie in segments
    void publish();

private:
    void follow_rules();
    void hear(const ParcelPaper& paper);
    void hurry(uint64_t parcel);
    std::optional<Decision> remembered(const TraceKey& trace, uint32_t spans, uint32_t errors, uint64_t end_unix_nano);
    void take(UndecidedTrace& trace);
    void take_early(UndecidedTrace& trace, EarlyCause cause);
    void collect();
    void sort_decided();
    struct DraftOfOwner;
    struct DraftedSpan;
    void write_draft(uint32_t owner, DraftOfOwner& of);
    void keep_drafted(uint32_t owner, const std::vector<DraftedSpan>& drafted);
    std::chrono::milliseconds gathering() const;  // what goes into a block
    void carry_out_filed();
    uint64_t& bytes_from(uint64_t source);
    uint64_t oldest_unix_nano() const;

    struct TakenTrace {
        UndecidedSpan* newest;
        uint8_t dropped_by, by_chance;  // UndecidedSpan's
    };
    struct DecidedSpan {
        UndecidedSpan* span = nullptr;
        uint64_t number = 0;  // its own
    };

    struct DraftedSpan {
        FullTrace* trace;
        UndecidedSpan* span;
        uint32_t place;  // of its entry in the draft
    };
    struct DraftOfOwner {
        UndecidedFiles::Draft draft;
        std::vector<DraftedSpan> spans;  // what is in it
    };
    struct DecidedEntry {
        uint32_t entry;
        RuleShare dropped_by;
        uint8_t by_chance;
    };

    const TailSamplingOptions& options_;
    DecisionCounters& counters_;
    Settler& settler_;
    Policies policies_;
    TraceOwners owners_;
    DecisionMemory memory_;
    DecisionLog log_;
    DecisionDesk* const desk_;
    const LiveRules* rules_ = nullptr;
    UndecidedFiles* files_ = nullptr;
    std::map<uint32_t, DraftOfOwner> drafts_;
    std::map<uint32_t, Clock::time_point> no_room_until_;  // of owners for whom nothing could be written
    std::vector<FullTrace*> drafted_traces_;               // whose spans these are, and those written with them
    std::vector<FullTrace*> kept_;                         // of these, those with some for which there is no room
    std::vector<UndecidedSpan*> movable_;                  // of a trace, while it is drafted
    std::vector<uint32_t> written_;                        // entries
    Clock::time_point next_filing_{};
    Clock::time_point not_before_{};           // likewise, where that is one owner alone
    std::vector<DecidedEntry> decided_filed_;  // and not carried out
    UndecidedSpans undecided_;
    ChanceWriter chances_;
    std::vector<uint8_t> changed_;           // a record, by it
    std::vector<TakenTrace> taken_;          // whose spans are not looked at yet
    std::vector<DecidedSpan> decided_;       // and not carried out
    std::vector<UndecidedSpan*> by_number_;  // of these; null: of another one
    std::vector<TraceVerdict> verdicts_;     // likewise
    std::map<uint64_t, uint64_t> bytes_of_;  // by source: of its segment, that wait
    uint64_t ring_bytes_ = 0;                // of all of these
    uint64_t slot_spans_ = 0;                // that have ended and wait in slots
    uint64_t last_source_ = 0;               // that was looked up
    uint64_t* last_bytes_ = nullptr;         // null: none was
    uint32_t round_ = 0;
    Clock::time_point round_began_{};
    Clock::time_point now_{};
    Clock::time_point next_round_{};
};

}  // namespace spanring::agent
