// SPDX-License-Identifier: Apache-2.0
//
// The part of a drain thread that has traces decided.
#include <spdlog/spdlog.h>

#include "crash/crash_scope.hpp"
#include "drain/drain_share.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

// Of a segment that what waits for decisions may hold.
constexpr uint64_t kRingPart = 4;

constexpr std::chrono::seconds kLongTrace{1};

}  // namespace

void DrainShare::look_for_open_traces() {
    decisions_->begin_round();
    for (auto& [source, served] : segments_) {
        if (!served.is_read()) continue;
        const CrashScope scope(served.path);
        if (!served.segment->each_open_trace([this](const TraceKey& trace) { decisions_->hear_of(trace); }))
            decisions_->could_not_see_all();
        if (!served.segment->quarantined().empty()) close_quarantined(served);
    }
    SPR_TESTPOINT(open_spans_read);
}

// Open spans first, of all segments; then what was committed up to then; then the decision.
void DrainShare::decide_due() {
    if (decisions_->is_due()) {
        look_for_open_traces();
        drain_due(true);
        decisions_->read_desk();
        SPR_TESTPOINT(drained_for_decision);
        decisions_->decide();
        relieve_rings();
        submit_decided();
    }
    decisions_->file_due();
    for (auto& [source, served] : segments_) {
        const uint64_t most = served.segment->most_bytes() / kRingPart;
        if (decisions_->bytes_of(source) > most) decisions_->file();
        if (decisions_->bytes_of(source) > most) decisions_->relieve(source, most / 2, now_);
    }
    decisions_->keep_bounds();
    decisions_->publish();
}

// What waits holds whole chunks, of which an application must have enough. Those that are full because a backend is
// slow are no reason to decide what is just under way.
void DrainShare::relieve_rings() {
    for (auto& [source, served] : segments_) {
        const uint64_t most = served.segment->most_bytes() / kRingPart;
        if (served.segment->waiting() == 0 || served.segment->bytes_in_use() <= most) continue;
        decisions_->file(now_ - kLongTrace);
        if (served.segment->waiting() == 0 || served.segment->bytes_in_use() <= most) continue;
        decisions_->relieve(source, decisions_->bytes_of(source) / 2, now_ - kLongTrace);
    }
}

// False: it is gone.
bool DrainShare::settle_of(uint64_t source) {
    if (settled_ != nullptr && settled_->source == source) return true;
    all_settled();
    settled_ = segments_.find(source);
    return settled_ != nullptr;
}

void DrainShare::settle(const UndecidedSpan& span, uint64_t dropped_by) {
    if (!settle_of(span.source)) return;  // it is not over before
    const CrashScope scope(settled_->path);
    dropped_by == 0 ? settled_->segment->keep(batcher_, span) : settled_->segment->sample_out(span, dropped_by);
}

// Of that segment.
void DrainShare::all_settled() {
    if (settled_ == nullptr) return;
    const CrashScope scope(settled_->path);
    settled_->segment->all_sampled_out();
    segments_.rouse(*settled_);
    settled_->pace.no_later_than(now_ + options_.pace.busy);  // a chunk may be done with
    settled_->row_is_told = false;
    settled_ = nullptr;
}

void DrainShare::settle_filed(uint32_t entry, const RuleShare& dropped_by, uint8_t by_chance) {
    if (!settle_of(files_->source_of(entry))) return files_->done(entry);  // likewise
    const CrashScope scope(settled_->path);
    AttachedSegment& segment = *settled_->segment;
    if (dropped_by.rule != 0) return segment.sample_out_filed(entry, dropped_by);
    files_->read(entry, filed_spans_) ? segment.keep_filed(batcher_, entry, filed_spans_, by_chance)
                                      : segment.lose_filed(entry);
}

// ---- Files ----------------------------------------------------------------------------------------------------------

std::optional<DecisionRounds::SourceAccount> DrainShare::account_of(uint64_t source) {
    const ServedSegment* const served = segments_.find(source);
    if (served == nullptr || !served->segment->may_leave()) return std::nullopt;
    const Producer& producer = served->segment->producer();
    return DecisionRounds::SourceAccount{producer.account(), producer.uid};
}

void DrainShare::file(const UndecidedSpan& span, uint32_t entry) {
    ServedSegment* const served = segments_.find(span.source);
    served->segment->file(span, entry);
    filed_.insert(span.source);
}

void DrainShare::all_filed() {
    for (const uint64_t source : std::exchange(filed_, {})) {
        ServedSegment& served = *segments_.find(source);
        const CrashScope scope(served.path);
        served.segment->all_filed();
        segments_.rouse(served);
        served.pace.no_later_than(now_ + options_.pace.busy);  // chunks are done with
        served.row_is_told = false;
    }
}

// What an agent before has of it there. One that decides nothing sends it.
void DrainShare::take_in_filed(ServedSegment& served) {
    AttachedSegment& segment = *served.segment;
    segment.file_into(files_);
    if (files_->damaged()) segment.note_missing();
    const std::vector<UndecidedFiles::Claimed> claimed = files_->claim(segment.producer().account(), served.source);
    if (claimed.empty()) return;
    const ProducerMarks marks = decisions_ != nullptr ? decisions_->marks_of(segment.producer()) : ProducerMarks{};
    for (const UndecidedFiles::Claimed& one : claimed) {
        if (!segment.take_in(one, filed_spans_)) continue;
        if (decisions_ != nullptr)
            decisions_->take_in(one.entry, marks, filed_spans_);
        else
            segment.keep_filed(batcher_, one.entry, filed_spans_, 0);
    }
    SPR_TESTPOINT(filed_taken_in);
    if (decisions_ != nullptr) decisions_->carry_out();
}

// Long after the start: those segments are gone, and with them who they are.
void DrainShare::forget_unclaimed() {
    if (files_ == nullptr || !files_->has_unclaimed() || now_ < forgets_unclaimed_) return;
    const size_t spans = files_->forget_unclaimed();
    if (spans != 0) spdlog::warn("undecided spans in files whose segments are gone: {}; they are lost", spans);
}

DrainShare::FiledShares DrainShare::filed_shares() const {
    FiledShares shares;
    if (files_ == nullptr || files_->spans() == 0) return shares;
    files_->each_waiting([&](uint64_t source, uint32_t spans, uint64_t bytes) {
        UndecidedShare& share = shares[source];
        share.filed_spans += spans;
        share.filed_bytes += bytes;
    });
    return shares;
}

UndecidedShare DrainShare::undecided_of(const ServedSegment& served, const FiledShares& filed) const {
    UndecidedShare share;
    if (const auto found = filed.find(served.source); found != filed.end()) share = found->second;
    if (decisions_ == nullptr) return share;
    share.slot_spans = served.segment->waiting_in_slots();
    share.ring_spans = served.segment->waiting() - share.slot_spans;
    share.ring_bytes = decisions_->bytes_of(served.source);
    return share;
}

// Where a process waits for it.
void DrainShare::submit_decided() {
    for (auto& [source, served] : segments_) {
        if (served.segment->flush_pending() && served.segment->is_in(batcher_.shared()) &&
            queues_.may_flush(served.owner, now_))
            return batcher_.submit(batcher_.shared(), CloseCause::kAsked);
    }
}

}  // namespace spanring::agent
