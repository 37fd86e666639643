// SPDX-License-Identifier: Apache-2.0
//
// The part of a receiver that has traces decided.
#include <iterator>
#include <utility>

#include "decide/decision_desk.hpp"
#include "receive/receiver.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

// At the desk, in the table of what waits, and among what was decided.
constexpr size_t kBytesOfBallot = sizeof(Ballot) + 4 * (sizeof(TraceKey) + sizeof(TraceFate));

}  // namespace

// What an agent before kept for a decision, where none is made any more, is sent.
void Receiver::hand_in(Delivery& delivery) {
    std::vector<Ballot> ballots;
    if (ballots_) ballots = ballots_->read(delivery.batch->runs);
    if (ballots.empty()) {
        make_ready(delivery);
        return hand_on(delivery);
    }
    delivery.undecided = ballots.size();
    delivery.fates.emplace();
    const size_t memory = ballots.size() * kBytesOfBallot;
    held_.fetch_add(memory, kSum);
    delivery.batch->memory += memory;
    delivery.parcel = ++parcels_;
    undecided_.emplace(delivery.parcel, &delivery);
    settings_.desk->hand_in({delivery.parcel, std::move(ballots)});
    if (delivery.kept) park(delivery);  // by an agent before
    SPR_TESTPOINT(parcel_handed_in);
}

// There is nothing to do for it until it is decided.
void Receiver::park(Delivery& delivery) {
    delivery.parked = true;
    parked_.splice(parked_.end(), deliveries_, places_.at(delivery.batch.get()));
}

// One that there is no memory for is taken with the next call, from where it was.
void Receiver::take_verdicts() {
    if (settings_.desk == nullptr || closed_.load(kSum)) return;  // what is decided then, the next agent follows
    for (;;) {
        for (; next_verdict_ != verdicts_.size(); ++next_verdict_) take(verdicts_[next_verdict_]);
        verdicts_ = settings_.desk->take_verdicts();
        next_verdict_ = 0;
        if (verdicts_.empty()) return;
    }
}

void Receiver::take(const TraceVerdict& verdict) {
    const auto place = undecided_.find(verdict.parcel);
    if (place == undecided_.end()) return;  // it was refused meanwhile
    Delivery& delivery = *place->second;
    const Decision& decision = verdict.decision;
    const TraceFate fate{decision.keep ? 0 : ballots_->rule_of(decision), verdict.late, ballots_->chance_of(decision)};
    if (delivery.fates->add(verdict.trace, fate)) --delivery.undecided;
    if (delivery.undecided != 0) return;
    make_ready(delivery);
    undecided_.erase(place);
    if (std::exchange(delivery.parked, false))
        deliveries_.splice(deliveries_.end(), parked_, places_.at(delivery.batch.get()));
    SPR_TESTPOINT(parcel_decided);
    hand_on(delivery);
}

// As it came, until now. Where there is no memory for all of it nothing has changed.
void Receiver::make_ready(Delivery& delivery) {
    Batch& batch = *delivery.batch;
    ReceivedSpans spans;
    spans.runs = batch.runs;
    spans.parts = delivery.parts;
    if (delivery.fates) leave_out_dropped(spans, *delivery.fates);
    processed_.take(spans);
    batch.buffers.reserve(batch.buffers.size() + spans.more.size());
    batch.runs = std::move(spans.runs);
    delivery.parts = std::move(spans.parts);
    delivery.stage = KeptRequests::Stage::kToSend;
    batch.spans = 0;
    batch.bytes = 0;
    for (const Run& run : batch.runs) {
        batch.spans += run.spans;
        batch.bytes += run.bytes.size();
    }
    std::move(spans.more.begin(), spans.more.end(), std::back_inserter(batch.buffers));
    batch.memory += spans.more_bytes;
    held_.fetch_add(spans.more_bytes, kSum);
}

// What waits for decisions takes no more than half of the memory: the oldest are not waited for any longer.
void Receiver::hurry_decisions() {
    if (undecided_.empty() || held() <= most() / 2) return;
    uint64_t last = 0, bytes = 0;
    for (const auto& [number, delivery] : undecided_) {
        last = number;
        bytes += delivery->batch->memory;
        if (bytes >= most() / 4) break;
    }
    if (last > hurried_) settings_.desk->hurry(hurried_ = last);
}

// Nothing is sent any more: in its file, or not taken.
void Receiver::leave_undecided() {
    std::vector<Delivery*> without_file;
    for (const auto& [number, delivery] : undecided_) {
        if (!delivery->kept) keep(*delivery);
        if (!delivery->kept) without_file.push_back(delivery);
    }
    for (Delivery* const delivery : without_file) refuse(*delivery, "the agent ends");
    book();
}

}  // namespace spanring::agent
