// SPDX-License-Identifier: Apache-2.0
//
// The part of a drain thread that has traces decided.
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
    for (auto& [source, served] : segments_) {
        const uint64_t most = served.segment->most_bytes() / kRingPart;
        if (decisions_->bytes_of(source) > most) decisions_->relieve(source, most / 2, now_);
    }
    decisions_->keep_bounds();
    decisions_->publish();
}

// What waits holds whole chunks, of which an application must have enough. Those that are full because a backend is
// slow are no reason to decide what is just under way.
void DrainShare::relieve_rings() {
    for (auto& [source, served] : segments_) {
        if (served.segment->waiting() == 0 ||
            served.segment->bytes_in_use() <= served.segment->most_bytes() / kRingPart)
            continue;
        decisions_->relieve(source, decisions_->bytes_of(source) / 2, now_ - kLongTrace);
    }
}

void DrainShare::settle(const UndecidedSpan& span, uint64_t dropped_by) {
    if (settled_ == nullptr || settled_->source != span.receipt.source) {
        all_settled();
        settled_ = segments_.find(span.receipt.source);  // it is not over before
    }
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

// Where a process waits for it.
void DrainShare::submit_decided() {
    for (auto& [source, served] : segments_) {
        if (served.segment->flush_pending() && served.segment->is_in(batcher_.shared()) &&
            queues_.may_flush(served.owner, now_))
            return batcher_.submit(batcher_.shared(), CloseCause::kAsked);
    }
}

}  // namespace spanring::agent
