// SPDX-License-Identifier: Apache-2.0
#include "drain/decision_rounds.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/wall_clock.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {
namespace {

// Of the linger: rounds are no closer together, whatever comes.
constexpr int kRoundsInALinger = 4;

// Of the traces, what is decided at a time where they lie far apart.
constexpr size_t kSparsePart = 8;

// Numbers for each span, beyond which a sort is quicker than a place for each.
constexpr uint64_t kSparseRange = 2;

// Spans: by then the memory has brought what was asked for.
constexpr size_t kAhead = 8;

// Of one that is sent, which is copied; its first line is there.
void bring_record(const UndecidedSpan& span) {
    constexpr size_t kMost = 1024;  // beyond that the processor sees what is wanted
    if (span.dropped_by != 0) return;
    const size_t size = std::min(sizeof span + span.size, kMost);
    for (size_t at = 64; at < size; at += 64) __builtin_prefetch(reinterpret_cast<const char*>(&span) + at);
}

}  // namespace

DecisionRounds::DecisionRounds(const TailSamplingOptions& options, DecisionCounters& counters, Settler& settler,
                               const std::string& directory, DecisionDesk* desk)
    : options_(options),
      counters_(counters),
      settler_(settler),
      policies_(options.policies),
      memory_(options.sampled_cache_size, options.non_sampled_cache_size, options.decisions_kept),
      log_(directory, policies_.names(), policies_.meanings(),
           size_t{options.sampled_cache_size} + options.non_sampled_cache_size),
      desk_(desk) {
    log_.read_into(memory_, options_.decisions_kept, Clock::now());
}

// What waits was marked by those before, whose slots mean the same.
void DecisionRounds::follow_rules() {
    const std::shared_ptr<const LiveRuleSet> rules = rules_->rules();
    for (size_t slot = 0; slot < kRuleSlots; ++slot) counters_.name_slot(slot, rules->slots[slot].name);
    policies_.follow(rules);
    set_generation(policies_.generation());
}

SpanFate DecisionRounds::judge(const FoundSpan& span) {
    JudgedSpan judged;
    // A sound span has ids; one that had none could wait for nobody.
    if (!policies_.read(span.body, span.producer_marks, span.receipt.unfinished, judged, span.form))
        return {SpanVerdict::kSent, {}, 0};
    UndecidedTrace* trace = undecided_.find(judged.trace);
    if (trace != nullptr) {
        undecided_.hear_of(*trace, now_);
    } else if (const auto decision = remembered(judged.trace, 1, judged.error, judged.end_unix_nano)) {
        if (decision->keep) return {SpanVerdict::kSent, {}, decision->by_chance};
        const uint32_t late = judged.error && decision->is_late(judged.end_unix_nano) ? 1 : 0;
        return {SpanVerdict::kSampledOut, {policies_.id_of(decision->rule), 1, late}, 0};
    } else {
        trace = &undecided_.begin(judged.trace, now_, span.producer_marks.owner);
    }
    policies_.add(judged, span.producer_marks, trace->state);
    undecided_.add(*trace, span.receipt, span.scope, span.era, span.record);
    bytes_from(span.receipt.source) += span.record.size();
    ring_bytes_ += span.record.size();
    slot_spans_ += span.receipt.waited ? 1 : 0;
    return {};
}

std::span<const uint8_t> DecisionRounds::as_sent(std::span<const uint8_t> record, size_t body, uint8_t by_chance) {
    if (by_chance == 0) return record;
    const Decision decision{.keep = true, .by_chance = by_chance};
    if (!chances_.take(record.subspan(body), policies_.chance_of(decision))) return record;
    changed_.resize(chances_.record_size());
    chances_.write_record(changed_.data());
    return changed_;
}

// What was decided of it; counts the spans, which follow that and ended up to then.
std::optional<Decision> DecisionRounds::remembered(const TraceKey& trace, uint32_t spans, uint32_t errors,
                                                   uint64_t end_unix_nano) {
    const std::optional<Decision> decision = memory_.find(trace, now_);
    if (!decision) return std::nullopt;
    DecisionCounters::Rule& rule = counters_.rule(decision->rule);
    (decision->keep ? rule.spans_kept : rule.spans_sampled_out).add(spans);
    if (!decision->keep && decision->is_late(end_unix_nano)) rule.late_errors.add(errors);
    return decision;
}

void DecisionRounds::read_desk() {
    if (desk_ == nullptr) return;
    const DecisionDesk::Letters letters = desk_->take();
    for (const ParcelPaper& paper : letters.papers) hear(paper);
    // Of what was decided before, and is on disk.
    if (!verdicts_.empty()) desk_->announce(std::exchange(verdicts_, {}));
    if (letters.hurried != 0) hurry(letters.hurried);
}

void DecisionRounds::hear(const ParcelPaper& paper) {
    for (const Ballot& ballot : paper.ballots) {
        UndecidedTrace* trace = undecided_.find(ballot.trace);
        if (trace != nullptr) {
            undecided_.hear_of(*trace, now_);
        } else if (const auto decision =
                       remembered(ballot.trace, ballot.state.spans, ballot.errors, ballot.state.end_unix_nano)) {
            verdicts_.push_back({paper.parcel, ballot.trace, *decision, decision->is_late(ballot.state.end_unix_nano)});
            continue;
        } else {
            trace = &undecided_.begin(ballot.trace, now_, TraceOwners::kSender);
        }
        trace->state.add(ballot.state);
        undecided_.add_part(*trace, paper.parcel, ballot.state.spans);
    }
}

// For want of room where their spans are: what came first goes first.
void DecisionRounds::hurry(uint64_t parcel) {
    undecided_.each_by_age([&](UndecidedTrace& trace) {
        bool concerned = false;
        trace.each_part([&](const UndecidedPart& part) { concerned = concerned || part.parcel <= parcel; });
        if (concerned) take_early(trace, EarlyCause::kQueue);
        return true;
    });
    carry_out();
}

bool DecisionRounds::is_due() const { return !empty() && now_ >= due(); }

DecisionRounds::Clock::time_point DecisionRounds::due() const {
    if (empty()) return Clock::time_point::max();
    const Clock::time_point silent = undecided_.most_silent()->last + options_.linger;
    const Clock::time_point old = undecided_.oldest()->first + options_.decision_wait;
    return std::max(next_round_, std::min(silent, old));
}

void DecisionRounds::begin_round() {
    ++round_;
    round_began_ = now_;
    next_round_ = now_ + options_.linger / kRoundsInALinger;
    counters_.rounds.add(1);
}

void DecisionRounds::decide() {
    SPR_TESTPOINT(traces_to_be_decided);
    // Of what came in this pass, or is open, it was heard now.
    while (UndecidedTrace* const trace = undecided_.most_silent()) {
        if (trace->last > now_ - options_.linger) break;
        if (const UndecidedTrace* const next = trace->by_silence.after; next != nullptr) {
            memory_.expect(next->key);
            undecided_.expect_to_take(*next);
        }
        take(*trace);
    }
    while (UndecidedTrace* const trace = undecided_.oldest()) {
        if (now_ - trace->first < options_.decision_wait) break;
        take_early(*trace, EarlyCause::kDecisionWait);
    }
    carry_out();
}

// Of what came after the look nobody knows whether it is open.
void DecisionRounds::decide_at_the_end() {
    undecided_.each_by_age([&](UndecidedTrace& trace) {
        if (trace.first < round_began_ && trace.open_in_round != round_) take(trace);
        return true;
    });
    carry_out();
}

void DecisionRounds::relieve(uint64_t source, uint64_t bytes, Clock::time_point before) {
    undecided_.each_by_age([&](UndecidedTrace& trace) {
        if (trace.first > before || bytes_of(source) <= bytes) return false;
        bool concerned = false;
        trace.each_span([&](const UndecidedSpan& span) { concerned = concerned || span.source == source; });
        if (!concerned) return true;
        take_early(trace, EarlyCause::kRing);
        collect();  // for it is asked how much is left
        return true;
    });
    carry_out();
}

// Whoever floods pays for it: the others' traces wait as long as they would without.
void DecisionRounds::keep_bounds() {
    while (undecided_.traces() > options_.num_traces)
        take_early(*undecided_.oldest_of_most_traces(), EarlyCause::kNumTraces);
    while (undecided_.memory() > options_.memory && !empty())
        take_early(*undecided_.oldest_of_most_memory(), EarlyCause::kMemory);
    while (files_ != nullptr && files_->needed_bytes() > files_->max_bytes() && !empty()) {
        UndecidedTrace* const trace = undecided_.oldest_of(owners_.place_of(files_->neediest_owner()));
        take_early(trace != nullptr ? *trace : *undecided_.oldest(), EarlyCause::kFiles);
    }
    carry_out();
    // Memory goes when nothing waits in a slab any more.
    while (undecided_.is_sparse(options_.memory) && !empty()) {
        for (size_t some = undecided_.traces() / kSparsePart + 1; some != 0 && !empty(); --some)
            take_early(*undecided_.oldest_of_most_memory(), EarlyCause::kMemory);
        carry_out();
    }
}

uint64_t DecisionRounds::bytes_of(uint64_t source) const {
    const auto found = bytes_of_.find(source);
    return found == bytes_of_.end() ? 0 : found->second;
}

void DecisionRounds::take_early(UndecidedTrace& trace, EarlyCause cause) {
    counters_.early(cause).add(1);
    take(trace);
}

uint64_t& DecisionRounds::bytes_from(uint64_t source) {
    if (last_bytes_ == nullptr || last_source_ != source) {
        last_source_ = source;
        last_bytes_ = &bytes_of_[source];
    }
    return *last_bytes_;
}

void DecisionRounds::take(UndecidedTrace& trace) {
    const Decision decision = policies_.decide(trace.key, trace.state, now_);
    memory_.add(trace.key, decision, now_, trace.state.owner);
    log_.add(trace.key, decision);
    DecisionCounters::Rule& rule = counters_.rule(decision.rule);
    (decision.keep ? rule.traces_kept : rule.traces_dropped).add(1);
    (decision.keep ? rule.spans_kept : rule.spans_sampled_out).add(trace.state.spans);
    const TraceKey key = trace.key;
    const uint32_t filed = trace.filed;
    const uint64_t dropped_by = decision.keep ? 0 : policies_.id_of(decision.rule);
    UndecidedSpan* const newest = undecided_.take(trace, [&](const UndecidedPart& part) {
        verdicts_.push_back({part.parcel, key, decision});
    });
    if (newest != nullptr)
        taken_.push_back({newest, static_cast<uint8_t>(decision.keep ? 0 : decision.rule + 1), decision.by_chance});
    for (uint32_t entry = filed; entry != UndecidedFiles::kNone; entry = (*files_)[entry].next) {
        files_->decided(entry);
        decided_filed_.push_back({entry, {dropped_by, 0, 0}, decision.by_chance});
    }
}

// Of several traces at a time, so that one span is brought while others are looked at.
void DecisionRounds::collect() {
    constexpr size_t kAtATime = 64;
    for (size_t begin = 0; begin < taken_.size(); begin += kAtATime) {
        const auto first = taken_.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto end = taken_.begin() + static_cast<std::ptrdiff_t>(std::min(begin + kAtATime, taken_.size()));
        for (auto trace = first; trace != end; ++trace) __builtin_prefetch(trace->newest, 1);
        for (bool more = true; std::exchange(more, false);) {
            for (auto trace = first; trace != end; ++trace) {
                UndecidedSpan* const span = trace->newest;
                if (span == nullptr) continue;
                __builtin_prefetch(span->next, 1);
                more = true;
                trace->newest = span->next;
                span->dropped_by = trace->dropped_by;
                span->by_chance = trace->by_chance;
                bytes_from(span->source) -= span->size;
                ring_bytes_ -= span->size;
                slot_spans_ -= span->waited ? 1 : 0;
                decided_.push_back({span, span->number});
            }
        }
    }
    taken_.clear();
}

// Where nearly all that came in some time is decided together, each goes to its place at once.
void DecisionRounds::sort_decided() {
    const auto before = [](const DecidedSpan& one, const DecidedSpan& other) { return one.number < other.number; };
    if (decided_.size() < 2) return;
    const auto [least, most] = std::minmax_element(decided_.begin(), decided_.end(), before);
    const uint64_t first = least->number, range = most->number - first + 1;
    if (range / kSparseRange > decided_.size()) return std::sort(decided_.begin(), decided_.end(), before);
    by_number_.assign(range, nullptr);
    for (const DecidedSpan& decided : decided_) by_number_[decided.number - first] = decided.span;
    auto next = decided_.begin();
    for (uint64_t place = 0; place < range; ++place) {
        if (by_number_[place] != nullptr) *next++ = {by_number_[place], first + place};
    }
}

// An agent that is killed from here on is followed by one that decides alike. In the order in which spans came, those
// of a chunk go one after another: into one run of a batch, or into one piece that is acknowledged.
void DecisionRounds::carry_out() {
    collect();
    if (decided_.empty() && verdicts_.empty() && decided_filed_.empty()) return;
    log_.write();
    SPR_TESTPOINT(decisions_written);
    sort_decided();
    for (size_t i = 0; i < decided_.size(); ++i) {
        const DecidedSpan& decided = decided_[i];
        if (i + 2 * kAhead < decided_.size()) __builtin_prefetch(decided_[i + 2 * kAhead].span, 1);
        if (i + kAhead < decided_.size()) bring_record(*decided_[i + kAhead].span);
        UndecidedSpan& span = *decided.span;
        settler_.settle(span, span.dropped_by == 0 ? 0 : policies_.id_of(span.dropped_by - 1u));
        undecided_.let_go(span);
        SPR_TESTPOINT(span_settled);
    }
    decided_.clear();
    carry_out_filed();
    if (!verdicts_.empty()) desk_->announce(std::exchange(verdicts_, {}));
    settler_.all_settled();
    std::erase_if(bytes_of_, [](const auto& item) { return item.second == 0; });
    last_bytes_ = nullptr;
    SPR_TESTPOINT(spans_settled);
}

void DecisionRounds::publish() {
    const size_t filed = files_ != nullptr ? files_->spans() : 0;
    counters_.undecided_traces.set(undecided_.traces());
    counters_.undecided_oldest.set(oldest_unix_nano());
    counters_.undecided_spans.set(undecided_.spans() + undecided_.spans_elsewhere() + filed);
    counters_.undecided_ring_spans.set(undecided_.spans());
    counters_.undecided_slot_spans.set(slot_spans_);
    counters_.received_spans.set(undecided_.spans_elsewhere());
    counters_.undecided_bytes.set(undecided_.memory());
    counters_.remembered.set(memory_.size());
    counters_.undecided_ring_bytes.set(ring_bytes_);
    if (files_ == nullptr) return;
    counters_.filed_spans.set(filed);
    counters_.unclaimed_spans.set(files_->unclaimed_spans());
    counters_.filed_bytes.set(files_->waiting_bytes());
    counters_.file_bytes.set(files_->bytes());
    counters_.filed_memory.set(files_->memory());
}

// Now, less what has passed since on a clock that nobody sets.
uint64_t DecisionRounds::oldest_unix_nano() const {
    if (empty()) return 0;
    const auto waits = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - undecided_.oldest()->first);
    return unix_nano() - static_cast<uint64_t>(waits.count());
}

}  // namespace spanring::agent
