// SPDX-License-Identifier: Apache-2.0
#include "receive/receiver.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "drain/answer_shares.hpp"
#include "otlp/request.hpp"
#include "otlp/wire.hpp"
#include "ring/testpoint.hpp"
#include "span_metrics/span_recorder.hpp"

namespace spanring::agent {
namespace {

// How long a request waits for others to go with it, while the exporters have something to do anyway.
constexpr std::chrono::milliseconds kGather{5};
constexpr std::chrono::milliseconds kTogether{1};    // after answers: for those who have them to send again
constexpr std::chrono::milliseconds kTryAgain{100};  // a disk that did not take what is to be kept, or booked
constexpr std::chrono::seconds kReplayPause{1};      // exporters that had no room for what was kept

// Of spans that are in no run, which nobody else answers for.
std::string count_of(uint64_t number, const char* before, Signal signal) {
    return std::to_string(number) + before + (number == 1 ? names_of(signal).item : names_of(signal).items);
}

Completion left_out(const ReceivedPart& part) {
    Completion completion;
    completion.spans = part.left_out();
    completion.invalid = part.invalid;
    completion.filtered = part.filtered;
    completion.sampled_out = part.sampled_out;
    completion.rules = part.rules;
    return completion;
}

// The resources of the request that assemble() makes of the runs, in its order.
std::vector<KeptRequests::Share> shares_by_producer(const std::vector<Run>& runs) {
    std::vector<KeptRequests::Share> shares;
    std::unordered_map<const Producer*, size_t> places;
    for (const Run& run : runs) {
        const auto [place, is_new] = places.try_emplace(run.producer.get(), shares.size());
        if (is_new) shares.push_back({run.producer->account(), 0});
        shares[place->second].spans += run.spans;
    }
    return shares;
}

}  // namespace

Receiver::Receiver(ReceiverSettings settings, std::shared_ptr<const ExportPlan> plan, Ledger& ledger,
                   std::function<void()> wake)
    : settings_(std::move(settings)),
      plan_(std::move(plan)),
      wake_(std::move(wake)),
      ledger_(ledger),
      owner_(::geteuid()),
      kept_(settings_.kept),
      senders_(plan_->rows),
      reader_(
          [this](const std::string& service, const std::string& instance) { return senders_.of(service, instance); },
          RequestReader::kMostKnown, settings_.signal),
      processed_(settings_.processors),
      found_(kept_.numbers()) {
    if (!settings_.due_sooner) settings_.due_sooner = wake_;
    acknowledgements_.set_waiter(*this);
    if (settings_.desk != nullptr) {
        ballots_.emplace(settings_.policies, settings_.rules);
        settings_.desk->wake_asker(wake_);
    }
    know();
}

Receiver::~Receiver() {
    if (settings_.desk != nullptr) settings_.desk->wake_asker({});
}

// ---- In -------------------------------------------------------------------------------------------------------------

void Receiver::take(ReceivedBody request, Answer answer, ReceivedBy by, bool more) {
    if (closed_.load(kSum)) {
        ++status_.refused_requests;
        return answer({ReceiverReply::Kind::kBusy, 0, "the agent ends"});
    }
    ReceivedSpans spans;
    if (std::string fault = reader_.read(request.span(), owner_, spans); !fault.empty()) {
        ++status_.malformed_requests;
        return answer({ReceiverReply::Kind::kMalformed, 0, std::move(fault)});
    }
    if (spans.spans == 0) {
        ++status_.accepted_requests;
        return answer({});
    }
    now_ = Clock::now();
    const Clock::time_point due_before = due();
    measure(spans.runs);
    if (!ballots_) processed_.take(spans);  // not what was kept, which is as they left it
    uint64_t bytes = 0;
    for (const Run& run : spans.runs) bytes += run.bytes.size();
    const auto full = [&](uint64_t more_spans, uint64_t more_bytes, size_t more_parts) {
        return gathering_->batch->spans + more_spans > settings_.batch_spans ||
               gathering_->batch->bytes + more_bytes > settings_.batch_bytes ||
               gathering_->parts.size() + more_parts > RequestReader::kMostParts;  // or its file could not be read
    };
    if (gathering_ != nullptr && full(spans.spans, bytes, spans.parts.size())) submit(std::move(gathering_));
    if (gathering_ == nullptr) {
        gathering_ = std::make_unique<Delivery>();
        gathering_->since = now_;
        if (ballots_) gathering_->stage = KeptRequests::Stage::kToDecide;
    }
    gathering_->waiting.push_back({std::move(answer), spans.parts.size(), spans.invalid, spans.defect, by});
    add(*gathering_, std::move(request), std::move(spans));
    if ((!more && alone()) || full(0, 0, 0)) submit(std::move(gathering_));
    if (due() < due_before) settings_.due_sooner();  // `more`, too: who floods lets nobody come to go()
}

// Who has an answer and sends at once goes with the others that had theirs: what a batch costs, its booking first of
// all, is shared by more requests.
Receiver::Clock::time_point Receiver::go(Clock::time_point now) {
    if (gathering_ != nullptr && alone()) {
        if (now < together_until_ && gathering_->waiting.size() < together_) return together_until_;
        submit(std::move(gathering_));
    }
    settings_.due_sooner();  // perhaps
    return Clock::time_point::max();
}

// Nobody waits for anything that is under way.
bool Receiver::alone() const {
    return std::all_of(deliveries_.begin(), deliveries_.end(),
                       [](const auto& delivery) { return delivery->kept.has_value(); });
}

// Not what an earlier agent kept, which has measured it.
void Receiver::measure(const std::vector<Run>& runs) {
    if (settings_.recorder == nullptr) return;
    settings_.recorder->begin_pass(now_);
    const Producer* producer = nullptr;
    SpanSource source;
    for (const Run& run : runs) {
        if (run.producer.get() != producer) {
            producer = run.producer.get();
            source = settings_.recorder->source(producer->service, wire::body_of(producer->resource));
        }
        wire::each_field(run.bytes, [&](const wire::Field& field) { settings_.recorder->record(source, field.bytes); });
    }
}

void Receiver::add(Delivery& delivery, ReceivedBody request, ReceivedSpans spans) {
    Batch& batch = *delivery.batch;
    const size_t memory =
        request.held + spans.more_bytes + spans.runs.size() * sizeof(Run) + spans.parts.size() * sizeof(ReceivedPart);
    held_.fetch_add(memory, kSum);
    batch.memory += memory;
    batch.spans += static_cast<uint32_t>(spans.spans - spans.invalid - spans.filtered);
    for (const Run& run : spans.runs) batch.bytes += run.bytes.size();
    batch.buffers.push_back(std::move(request.bytes));
    std::move(spans.more.begin(), spans.more.end(), std::back_inserter(batch.buffers));
    std::move(spans.runs.begin(), spans.runs.end(), std::back_inserter(batch.runs));
    delivery.parts.insert(delivery.parts.end(), spans.parts.begin(), spans.parts.end());
}

void Receiver::submit(std::unique_ptr<Delivery> delivery) {
    if (!delivery->kept) delivery->keep_at = delivery->since + settings_.answer_after;
    deliveries_.push_back(std::move(delivery));
    Delivery& submitted = *deliveries_.back();
    submitted.batch->opened = submitted.since;
    places_[submitted.batch.get()] = std::prev(deliveries_.end());
    submitted.stage == KeptRequests::Stage::kToDecide ? hand_in(submitted) : hand_on(submitted);
}

void Receiver::hand_on(Delivery& delivery) {
    const std::shared_ptr<Batch> batch = delivery.batch;
    batch->acknowledgements = &acknowledgements_;
    batch->plan = delivery.plan = plan_;
    const auto required = static_cast<uint32_t>(plan_->required.size());
    const bool empty = batch->runs.empty();
    batch->open.store(required, std::memory_order_relaxed);  // relaxed: the exporters' queues publish it
    for (Exporter* exporter : plan_->exporters) {
        if (empty) break;
        try {
            exporter->submit(batch);
        } catch (const std::exception& error) {  // for want of memory it did not take it; others may, or the sender
            if (const auto more = refused_log_.due())
                spdlog::error("receiver: exporter {}: {}{}", exporter->name(), error.what(), *more);
            resolve(batch, exporter->index(), exporter->required(), {Outcome::kDroppedQueue, 0});
        }
    }
    if (empty || required == 0) return acknowledgements_.push(batch);
    SPR_TESTPOINT(received_submitted);
}

// Answers to what went by the plan before come later: the rows of that are among the new one's.
void Receiver::follow(std::shared_ptr<const ExportPlan> plan) {
    plan_ = std::move(plan);
    settings_.batch_spans = plan_->limits.spans;
    settings_.batch_bytes = plan_->limits.bytes;
    senders_.count_for(plan_->rows);
}

void Receiver::close() {
    closed_.store(true, kSum);
    if (gathering_ != nullptr) submit(std::move(gathering_));
    replay_.clear();  // their files stay
    again_.clear();
    leave_undecided();
}

// ---- Out ------------------------------------------------------------------------------------------------------------

void Receiver::work(Clock::time_point now) {
    now_ = now;
    std::vector<std::pair<Delivery*, std::vector<uint64_t>>> settled;
    for (const std::shared_ptr<Batch>& batch : acknowledgements_.take()) {
        Delivery& delivery = **places_.at(batch.get());
        const bool left_behind = AnswerShares(batch->resolutions).left_behind();
        const std::vector<ExporterRow>& required = delivery.plan->required;
        const bool dropped = std::all_of(required.begin(), required.end(), [&](const ExporterRow& exporter) {
            const Outcome outcome = batch->resolutions[exporter.index].outcome;
            return outcome == Outcome::kDroppedQueue || outcome == Outcome::kPending;  // or it went, and left it
        });
        const bool nobody_took_it = !batch->runs.empty() && !required.empty() && (left_behind || dropped);
        if (delivery.kept && left_behind) {
            forget(delivery);  // the file stays, for the next agent
        } else if (delivery.kept && nobody_took_it) {
            put_back(delivery);
        } else if (nobody_took_it) {
            refuse(delivery, left_behind ? "the agent ends" : "no exporter has room for it");
        } else {
            settled.emplace_back(&delivery, settle(delivery));
        }
    }
    // Before the answers, and once for all of them. Where the ledger refuses it the answers go all the same: the spans
    // are delivered, and a sender that waited in vain would send them twice. They are booked when they can be.
    if (!settled.empty()) {
        book();
        together_ = gathering_ != nullptr ? gathering_->waiting.size() : 0;
        together_until_ = now + kTogether;
    }
    for (const auto& [delivery, rejected] : settled) {
        together_ += delivery->waiting.size();
        answer(*delivery, rejected);
        forget(*delivery);
    }
    take_verdicts();  // it may want memory: after what gives some back
    if (gathering_ != nullptr && now >= gathering_->since + kGather) submit(std::move(gathering_));
    if (now >= next_try_) {
        for (const auto& delivery : deliveries_) {
            if (delivery->kept) continue;
            if (delivery->keep_at > now) break;
            keep(*delivery);
        }
    }
    book();
    replay_some();
    hurry_decisions();
    publish();
}

Receiver::Clock::time_point Receiver::due() const {
    Clock::time_point due = Clock::time_point::max();
    if (gathering_ != nullptr) due = gathering_->since + kGather;
    for (const auto& delivery : deliveries_) {
        if (delivery->kept) continue;
        due = std::min(due, std::max(delivery->keep_at, next_try_));
        break;
    }
    if (unwritten_) due = std::min(due, next_booking_);
    return due;
}

void Receiver::count_received(Delivery& delivery) {
    if (std::exchange(delivery.counted, true)) return;
    status_.accepted_by_grpc += spans_by_grpc(delivery, true);
    for (const ReceivedPart& part : delivery.parts) {
        senders_.received(part.account, part.spans);
        status_.accepted_spans += part.spans;
    }
}

// `left_out`: with those that go to no exporter.
uint64_t Receiver::spans_by_grpc(const Delivery& delivery, bool left_out) {
    uint64_t spans = 0;
    size_t part = 0;
    for (const Waiting& waiting : delivery.waiting) {
        for (size_t i = 0; i < waiting.parts; ++i, ++part) {
            const ReceivedPart& of = delivery.parts[part];
            if (waiting.by == ReceivedBy::kGrpc) spans += of.spans - (left_out ? 0 : of.invalid + of.filtered);
        }
    }
    return spans;
}

// Every required exporter has answered for it. Returns what all of them rejected, of each part.
std::vector<uint64_t> Receiver::settle(Delivery& delivery) {
    count_received(delivery);
    AnswerShares answers(delivery.batch->resolutions);
    std::vector<uint64_t> rejected;
    for (const ReceivedPart& part : delivery.parts) {
        Completion piece;
        piece.spans = part.spans;
        piece.invalid = part.invalid;
        piece.filtered = part.filtered;
        piece.sampled_out = part.sampled_out;
        piece.rules = part.rules;
        Receipt receipt;
        receipt.spans = part.spans - part.sampled_out;
        receipt.invalid = part.invalid;
        receipt.filtered = part.filtered;
        piece.resolutions = answers.of(receipt);
        senders_.resolved(part.account, piece);
        const std::vector<ExporterRow>& required = delivery.plan->required;
        uint64_t least = !required.empty() ? receipt.in_runs() : 0;
        for (const ExporterRow& exporter : required) {
            const Resolution& resolution = piece.resolutions[exporter.index];
            if (resolution.outcome == Outcome::kRejected) continue;
            least = std::min(least, resolution.outcome == Outcome::kExported ? resolution.rejected : 0);
        }
        rejected.push_back(least);
    }
    if (delivery.kept) booking_.done.push_back(*delivery.kept);
    return rejected;
}

void Receiver::refuse(Delivery& delivery, const std::string& why) {
    for (Waiting& waiting : delivery.waiting) {
        ++status_.refused_requests;
        waiting.answer({ReceiverReply::Kind::kBusy, 0, why});
    }
    status_.refused_spans += delivery.batch->spans;
    status_.refused_by_grpc += spans_by_grpc(delivery, false);
    if (const auto more = refused_log_.due()) spdlog::warn("receiver: requests are refused: {}{}", why, *more);
    forget(delivery);
}

// What is in a file is not lost for want of room: it is read again, later.
void Receiver::put_back(Delivery& delivery) {
    for (Waiting& waiting : std::exchange(delivery.waiting, {})) {  // not booked yet, so it was not answered
        ++status_.refused_requests;
        waiting.answer({ReceiverReply::Kind::kBusy, 0, "no exporter has room for it"});
    }
    again_.push_back({*delivery.kept, std::move(delivery.parts)});
    replay_at_ = now_ + kReplayPause;
    if (const auto more = refused_log_.due())
        spdlog::warn("receiver: what was kept waits: no exporter has room for it{}", *more);
    forget(delivery);
}

// In a file, so that it can be answered.
void Receiver::keep(Delivery& delivery) {
    const std::vector<KeptRequests::Share> shares = shares_by_producer(delivery.batch->runs);
    const Request request = assemble(delivery.batch->runs);
    const std::optional<uint64_t> number = kept_.keep(delivery.stage, shares, request.slices);
    if (!number) {
        next_try_ = now_ + kTryAgain;
        if (const auto more = kept_log_.due()) {
            spdlog::warn("receiver: a request that is not delivered yet cannot be kept, and waits: {}{}", kept_.error(),
                         *more);
        }
        return;
    }
    SPR_TESTPOINT(received_file);
    delivery.kept = number;
    count_received(delivery);
    for (ReceivedPart& part : delivery.parts) {  // which are in no file
        if (part.left_out() != 0) senders_.resolved(part.account, left_out(part));
        part.spans -= part.left_out();
        part.invalid = part.filtered = part.sampled_out = 0;
        part.rules = {};
    }
    booking_.kept.push_back(*number);
    newly_kept_.push_back(&delivery);
}

// False: the ledger refuses it, and it is tried again. Not at once: one that is busy costs seconds each time.
bool Receiver::book() {
    if (std::max(now_, Clock::now()) < next_booking_) return false;
    unwritten_ = !know();
    if (!unwritten_) {
        booking_.senders = senders_.changed();
        if (booking_.senders.empty() && booking_.kept.empty() && booking_.done.empty()) return true;
        unwritten_ = !ledger_.book_received(booking_);
    }
    if (unwritten_) {
        next_booking_ = std::max(now_, Clock::now()) + kTryAgain;
        return false;
    }
    senders_.written();
    for (const uint64_t number : booking_.done) kept_.remove(number);
    booking_ = {};
    for (Delivery* delivery : std::exchange(newly_kept_, {})) {
        status_.kept_requests += delivery->waiting.size();
        answer(*delivery, {});
        if (delivery->undecided != 0) park(*delivery);
    }
    return true;
}

void Receiver::answer(Delivery& delivery, const std::vector<uint64_t>& rejected) {
    size_t part = 0;
    for (Waiting& waiting : std::exchange(delivery.waiting, {})) {
        uint64_t by_backend = 0;
        for (size_t i = 0; i < waiting.parts; ++i, ++part) by_backend += part < rejected.size() ? rejected[part] : 0;
        status_.invalid_spans += waiting.invalid;
        ++status_.accepted_requests;
        try {
            waiting.answer(reply_to(waiting, by_backend));
        } catch (const std::exception& error) {  // no memory: the others get theirs
            if (const auto more = refused_log_.due()) spdlog::error("receiver: {}{}", error.what(), *more);
        }
    }
}

ReceiverReply Receiver::reply_to(const Waiting& waiting, uint64_t by_backend) {
    ReceiverReply reply;
    reply.rejected = waiting.invalid + by_backend;
    if (waiting.invalid != 0) {
        reply.message = count_of(waiting.invalid, " invalid ", settings_.signal) +
                        (waiting.defect != nullptr ? std::string(": ") + waiting.defect : "");
        if (const auto more = invalid_log_.due()) spdlog::warn("receiver: {}{}", reply.message, *more);
    }
    if (by_backend != 0) {
        reply.message += (reply.message.empty() ? "" : "; ") + count_of(by_backend, " ", settings_.signal) +
                         " that the backend rejected";
    }
    return reply;
}

void Receiver::forget(const Delivery& delivery) {
    held_.fetch_sub(delivery.batch->memory, kSum);
    if (delivery.replayed) replayed_ -= delivery.batch->memory;
    std::erase(newly_kept_, &delivery);
    undecided_.erase(delivery.parcel);
    const auto place = places_.find(delivery.batch.get());
    const Deliveries::iterator gone = place->second;
    places_.erase(place);
    (delivery.parked ? parked_ : deliveries_).erase(gone);
}

void Receiver::publish() {
    status_.queued_bytes = held();
    status_.kept_bytes = kept_.bytes();
    ReceiverStatus status = status_;
    status.refused_requests += noted_.refused.load(kSum);
    status.malformed_requests += noted_.malformed.load(kSum);
    status.unauthenticated_requests += noted_.unauthenticated.load(kSum);
    status.connections += noted_.connections.load(kSum);
    for (size_t i = 0; i < status.refused_connections.size(); ++i)
        status.refused_connections[i] += noted_.refused_connections[i].load(kSum);
    board_.post(status);
}

}  // namespace spanring::agent
