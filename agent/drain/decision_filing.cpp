// SPDX-License-Identifier: Apache-2.0
//
// The part of the decisions that has undecided spans in files: they leave their segments once a block of them is
// written, and come back from there when their trace is decided.
#include <algorithm>
#include <utility>

#include "drain/decision_rounds.hpp"
#include "otlp/wire.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {
namespace {

constexpr std::chrono::seconds kTryAgain{1};

// A block that is made sooner has few spans.
constexpr int kFilingsInALinger = 8;
constexpr std::chrono::milliseconds kGather{100};

}  // namespace

DecisionRounds::Clock::time_point DecisionRounds::filing_due() const {
    const FullTrace* const first = undecided_.longest_in_rings();
    if (files_ == nullptr || first == nullptr) return Clock::time_point::max();
    return std::max({first->in_rings_since + options_.ring_linger, next_filing_, not_before_});
}

std::chrono::milliseconds DecisionRounds::gathering() const {
    return std::min(options_.ring_linger / kFilingsInALinger, kGather);
}

// Where the linger is the longer one, no trace is decided before its spans leave.
void DecisionRounds::file_due() {
    const FullTrace* const first = undecided_.longest_in_rings();
    if (first == nullptr || now_ < next_filing_) return;
    const auto wait = options_.linger < options_.ring_linger ? options_.ring_linger : gathering();
    if (first->in_rings_since <= now_ - wait) file(now_ - wait);
}

// A trace leaves with all that it has by then: one that goes on comes again. Blocks are of one owner's spans each.
void DecisionRounds::file(Clock::time_point since) {
    if (files_ == nullptr || now_ < not_before_) return;
    next_filing_ = now_ + gathering();
    std::erase_if(no_room_until_, [this](const auto& owner) { return owner.second <= now_; });
    uint64_t source = 0;
    std::optional<SourceAccount> account;
    while (FullTrace* const trace = undecided_.longest_in_rings()) {
        if (trace->in_rings_since > since) break;
        movable_.clear();
        trace->each_span([&](UndecidedSpan& span) {
            if (!span.unfinished) movable_.push_back(&span);
        });
        std::stable_sort(movable_.begin(), movable_.end(), [](const UndecidedSpan* one, const UndecidedSpan* other) {
            return one->source < other->source;
        });
        drafted_traces_.push_back(trace);
        undecided_.out_of_rings(*trace);
        uint64_t before = 0;  // the source of the last entry in its draft, of this trace
        for (UndecidedSpan* const span : movable_) {
            if (std::exchange(source, span->source) != span->source) account = settler_.account_of(source);
            if (!account) continue;
            DraftOfOwner& of = drafts_[account->owner];
            if (of.draft.is_full()) {
                write_draft(account->owner, of);
                before = 0;
            }
            if (no_room_until_.contains(account->owner)) {
                kept_.push_back(trace);
                continue;
            }
            if (std::exchange(before, source) != source) of.draft.begin_entry(account->account, source);
            of.draft.add({span->chunk, span->generation, span->end, span->scope, span->record()});
            of.spans.push_back({trace, span, of.draft.entries() - 1});
        }
        if (now_ < not_before_) break;
    }
    for (auto& [owner, of] : drafts_) write_draft(owner, of);
    if (drafts_.size() > 1) drafts_.clear();  // each has memory for a block
    // The one that was there for longest comes first.
    for (; !kept_.empty(); kept_.pop_back()) undecided_.back_in_rings(*kept_.back());
    for (FullTrace* const trace : drafted_traces_) undecided_.shrink(*trace);
    drafted_traces_.clear();
}

// They stay where they are, for a while.
void DecisionRounds::keep_drafted(uint32_t owner, const std::vector<DraftedSpan>& drafted) {
    no_room_until_[owner] = now_ + kTryAgain;
    if (!files_->of_several_users()) not_before_ = now_ + kTryAgain;
    for (const DraftedSpan& one : drafted) {
        if (kept_.empty() || kept_.back() != one.trace) kept_.push_back(one.trace);
    }
}

void DecisionRounds::write_draft(uint32_t owner, DraftOfOwner& of) {
    if (of.draft.empty()) return;
    const bool done = files_->write(of.draft, owner, written_);
    of.draft.clear();
    const std::vector<DraftedSpan> drafted = std::exchange(of.spans, {});
    if (!done) return keep_drafted(owner, drafted);
    for (const DraftedSpan& one : drafted) one.span->leaves = true;
    uint32_t linked = 0;  // entries, in their order
    for (auto first = drafted.begin(); first != drafted.end();) {
        FullTrace& trace = *first->trace;
        auto end = first;
        for (; end != drafted.end() && end->trace == &trace; ++end) {
            const UndecidedSpan& span = *end->span;
            if (end->place == linked) {
                UndecidedFiles::Entry& entry = (*files_)[written_[linked++]];
                entry.next = std::exchange(trace.filed, written_[end->place]);
            }
            bytes_from(span.source) -= span.size;
            ring_bytes_ -= span.size;
            slot_spans_ -= span.waited ? 1 : 0;
            settler_.file(span, written_[end->place]);
        }
        undecided_.take_leaving(trace, [this](UndecidedSpan& span) { undecided_.let_go(span); });
        first = end;
    }
    settler_.all_filed();
    std::erase_if(bytes_of_, [](const auto& item) { return item.second == 0; });
    last_bytes_ = nullptr;
    SPR_TESTPOINT(spans_filed);
}

void DecisionRounds::carry_out_filed() {
    if (decided_filed_.empty()) return;
    // A block after another: each is read once.
    std::sort(decided_filed_.begin(), decided_filed_.end(),
              [](const DecidedEntry& one, const DecidedEntry& other) { return one.entry < other.entry; });
    for (const DecidedEntry& decided : std::exchange(decided_filed_, {})) {
        settler_.settle_filed(decided.entry, decided.dropped_by, decided.by_chance);
        SPR_TESTPOINT(entry_settled);
    }
}

void DecisionRounds::take_in(uint32_t entry, const ProducerMarks& producer, const std::vector<FiledSpan>& spans) {
    TraceState state;
    TraceKey key;
    uint32_t errors = 0;
    for (const FiledSpan& span : spans) {
        JudgedSpan judged;
        bool is_span = false;
        wire::each_field(span.record, [&](const wire::Field& field) {
            is_span = policies_.read(field.bytes, producer, false, judged);
        });
        if (!is_span) continue;
        policies_.add(judged, producer, state);
        key = judged.trace;
        errors += judged.error ? 1 : 0;
    }
    UndecidedTrace* trace = undecided_.find(key);
    if (trace != nullptr) {
        undecided_.hear_of(*trace, now_);
    } else if (const auto decision = remembered(key, state.spans, errors, state.end_unix_nano)) {
        files_->decided(entry);
        const uint32_t late = decision->is_late(state.end_unix_nano) ? errors : 0;
        decided_filed_.push_back({entry,
                                  decision->keep ? RuleShare{} : RuleShare{policies_.id_of(decision->rule), 0, late},
                                  decision->by_chance});
        return;
    } else {
        trace = &undecided_.begin(key, now_, producer.owner);
    }
    trace->state.add(state);
    (*files_)[entry].next = std::exchange(trace->filed, entry);
    undecided_.shrink(*trace);
}

}  // namespace spanring::agent
