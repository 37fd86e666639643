// SPDX-License-Identifier: Apache-2.0
#include "drain/drain_share.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/wall_clock.hpp"
#include "crash/crash_scope.hpp"
#include "crash/failpoint.hpp"
#include "decide/decision_desk.hpp"
#include "drain/answer_shares.hpp"
#include "drain/export_plan.hpp"
#include "drain/sampling_directives.hpp"
#include "span_metrics/span_recorder.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kWaitForAnswers{10};  // between looks where an owner's turn waits for them

constexpr std::chrono::seconds kStay{1};  // with a thread that it was given to

constexpr uint64_t kRoundsToAllRows = 16;  // of the ledger

constexpr uint64_t kEverything = std::numeric_limits<uint64_t>::max();

}  // namespace

DrainShare::DrainShare(size_t number, const Common& common)
    : number_(number),
      options_(common.options),
      exchange_(common.exchange),
      queues_(common.queues),
      ledger_(common.ledger),
      recorder_(options_.recorders.empty() ? nullptr : options_.recorders.at(number)),
      processors_(options_.processors.empty() ? nullptr : options_.processors.at(number)),
      batcher_(options_.batch, common.exporters, common.supply),
      files_(common.files),
      rules_(std::make_shared<SamplingRules>()),
      turns_(common.queues),
      heartbeat_(options_.heartbeat, options_.users != nullptr, exchange_.threads()) {
    if (options_.decisions != nullptr) {
        DecisionRounds::Settler& settler = *this;
        decisions_ = std::make_unique<DecisionRounds>(options_.tail_sampling, *options_.decisions, settler,
                                                      options_.state_directory, options_.desk);
        decisions_->file_into(files_);
        decisions_->follow(options_.rules);
    }
    if (options_.desk != nullptr) options_.desk->wake_decider([this] { exchange_.wake_up(number_).ring(); });
    batcher_.set_waiter(exchange_.wake_up(number_));
    if (options_.plan != nullptr) batcher_.follow(options_.plan);
}

DrainShare::~DrainShare() {
    if (options_.desk != nullptr) options_.desk->wake_decider({});
}

// ---- What comes -----------------------------------------------------------------------------------------------------

void DrainShare::read_letters() {
    DrainLetters letters = exchange_.take(number_);
    if (letters.empty()) return;
    for (ServedSegment& served : letters.segments) take(std::move(served));
    if (letters.plan != nullptr) follow(std::move(letters.plan));
    if (letters.rules != nullptr) take_rules(std::move(letters.rules));
    for (const uint64_t source : letters.hints) look_soon(source);
    for (const InstanceId& instance : letters.distrusted) distrust(instance);
    for (SegmentAnswer& answer : letters.answers) take_answer(std::move(answer));
}

void DrainShare::take(ServedSegment served) {
    ServedSegment& taken = segments_.add(std::move(served));
    const CrashScope scope(taken.path);
    taken.segment->measure_by(recorder_);
    taken.segment->process_by(processors_);
    taken.segment->judge_by(decisions_.get());
    taken.pace.hurry(now_);
    taken.spent = {};
    give_directive(*rules_, *taken.segment);
    if (files_ != nullptr) take_in_filed(taken);
}

void DrainShare::take_rules(std::shared_ptr<const SamplingRules> rules) {
    rules_ = std::move(rules);
    for (auto& [source, served] : segments_) {
        const CrashScope scope(served.path);
        give_directive(*rules_, *served.segment);
    }
}

// Answers to what went by the plan before come later: the rows of that are among the new one's.
void DrainShare::follow(std::shared_ptr<const ExportPlan> plan) {
    const uint64_t number = plan->number;
    for (auto& [source, served] : segments_) served.segment->count_for(plan->rows);
    batcher_.follow(std::move(plan));
    exchange_.follows(number_, number);
}

// The kernel hints at its file: the process may have rung, or died.
void DrainShare::look_soon(uint64_t source) {
    ServedSegment* const served = segments_.find(source);
    if (served == nullptr) return;  // it has ended
    segments_.rouse(*served);
    served->next_liveness = now_;
    served->pace.hurry(now_);
    served->unheard_bells = 0;
    if (served->segment->end_doze()) ++status_.bells;
    if (served->segment->asleep() && served->segment->get_up()) {
        ++status_.bells;
        get_up(*served);
    }
}

void DrainShare::distrust(const InstanceId& instance) {
    for (auto& [source, served] : segments_) {
        if (served.segment->producer().instance != instance || !served.segment->distrust()) continue;
        spdlog::warn("{}: copied from now on, a zero-copy request of it failed", served.segment->name());
        batcher_.submit(served.segment->own_lane());
    }
}

uint64_t DrainShare::ask_flush() {
    const uint64_t ticket = flushes_.ask();
    exchange_.wake_up(number_).ring();
    return ticket;
}

// ---- A pass ---------------------------------------------------------------------------------------------------------

void DrainShare::begin_pass(Clock::time_point now) {
    now_ = now;
    more_ = false;
    batcher_.begin_pass(now_);
    if (recorder_ != nullptr) recorder_->begin_pass(now_);
    if (decisions_ != nullptr) decisions_->begin_pass(now_);
    read_letters();
    if (decisions_ != nullptr) decisions_->read_desk();
}

void DrainShare::do_work(Clock::time_point now) {
    ++status_.passes;
    begin_pass(now);
    book_answers();  // first: what is new may have the memory of what is answered
    if (const std::optional<uint64_t> ticket = flushes_.next()) {
        drain_due(true);
        submit_all();
        flushes_.submitted(*ticket, batcher_.last_serial());
    } else {
        drain_due(false);
    }
    if (decisions_ != nullptr) decide_due();
    beat();
    submit_for_flush();
    const Clock::time_point next = next_look();
    batcher_.submit_if_old(batcher_.shared(), next);
    for (ServedSegment* served : segments_.awake()) batcher_.submit_if_old(served->segment->own_lane(), next);
    settle();
    // A little early counts: a wake-up of its own costs more than it is worth.
    if (now_ >= next_ledger_ - options_.ledger_period / 8) {
        next_ledger_ = now_ + options_.ledger_period;
        tell_ledger();
        forget_unclaimed();
        if (number_ == DrainExchange::kFirst) batcher_.trim_buffers();
    }
    share_work();
    if (idle_heap_.is_time(status_.bytes - std::exchange(bytes_before_, status_.bytes), now_)) IdleHeap::give_back();
    publish_status();
}

void DrainShare::drain_everything(Clock::time_point now) {
    begin_pass(now);
    for (auto& [source, served] : segments_) served.next_liveness = now_;
    drain_due(true);
    if (decisions_ != nullptr) {
        begin_pass(Clock::now());
        look_for_open_traces();
        drain_due(true);
        decisions_->decide_at_the_end();
        decisions_->publish();
    }
    submit_all();
    publish_status();
}

void DrainShare::drain_due(bool all) {
    turns_.begin_pass();
    held_back_ = false;
    all ? segments_.rouse_all() : segments_.rouse_due(now_);
    const bool shares = exchange_.threads() > 1;  // else nobody asks what each segment takes
    const uint64_t filled = batcher_.filled(), enough = batcher_.enough_in_a_pass();
    // It has begun to fill small batches; whether the exporters have enough by that is not known yet.
    const auto fills = [&] { return batcher_.filled() != filled && batcher_.filled() < enough; };
    Clock::time_point begin = shares ? Clock::now() : now_;
    segments_.visit_in_turn([&](ServedSegment& served) {
        if (!served.is_read() || (!all && !served.pace.is_due(now_))) return;
        const uint64_t left = turns_.bytes_left(served.owner);
        if (all)
            drain(served, kEverything);
        else if (!fills() && holds_back())
            held_back_ = true;
        else if (left != 0)
            drain(served, std::min(options_.pass_bytes, left));
        else if (turns_.waits_for_answers(served.owner))
            served.pace.not_before(now_ + kWaitForAnswers);
        else
            more_ = true;
        if (!shares) return;
        const Clock::time_point end = Clock::now();
        served.spent += end - std::exchange(begin, end);
    });
    status_.held_back += held_back_ ? 1 : 0;
    segments_.let_rest([](const ServedSegment& served) {
        return !served.is_over() && !served.segment->has_to_settle() && served.segment->own_lane().empty();
    });
}

// What is copied now would only wait beside its own ring, which keeps it until it is answered; so it may wait there
// alone. Not where traces are decided, for these decisions do not wait; nor where there are several users, of whom one
// who keeps the exporters busy would keep the others from their turn: what waits is shared among them (OwnerQueues).
bool DrainShare::holds_back() const {
    if (decisions_ != nullptr || queues_.of_several_users()) return false;
    uint64_t most = batcher_.leaves_in_rings();
    if (most == 0 || most == kEverything) return most != 0;
    most /= exchange_.threads();  // each has its part of the rings, and so of this
    const auto& awake = segments_.awake();
    for (auto served = awake.begin(); most != 0 && served != awake.end(); ++served)
        most -= std::min(most, (*served)->segment->most_bytes());
    return most != 0;
}

void DrainShare::drain(ServedSegment& served, uint64_t budget) {
    AttachedSegment& segment = *served.segment;
    served.may_rest = false;
    const CrashScope scope(served.path);
    SPR_FAILPOINT(segment.producer().service);
    if (!segment.dead() && now_ >= served.next_liveness) {
        served.next_liveness = now_ + liveness_period(served);
        segment.check_liveness();
    }
    if (budget != kEverything && may_sleep_on(served)) return sleep_on(served);
    batcher_.found_since(served.pace.looked_at());
    const PassResult result = budget == kEverything ? segment.drain_all(batcher_) : segment.drain(batcher_, budget);
    batcher_.found_since(now_);
    const uint64_t serial = batcher_.last_serial();
    turns_.took(served.owner, result.bytes, batcher_.is_outstanding(serial) ? serial : 0);
    status_.spans += result.spans;
    status_.bytes += result.bytes;
    status_.invalid += result.invalid;
    status_.repaired += result.repaired;
    served.pace.looked(options_.pace, result.bytes, !result.cut, longest_pause(served), now_);
    if (result.bytes != 0) served.row_is_told = false;
    rest(served, result.bytes != 0);
    if (segment.give_back(now_, options_.give_back_after)) served.pace.no_later_than(now_ + options_.pace.idle);
    status_.given_back += segment.take_given();
    if (segment.flush_pending()) served.pace.no_later_than(now_ + kWaitForFlush);
    more_ = more_ || result.cut;
    if (!segment.quarantined().empty()) close_quarantined(served);
}

// Sent at once: what ends meanwhile comes later.
void DrainShare::beat() {
    if (!heartbeat_.beats(now_, !batcher_.is_outstanding(partial_serial_))) return;
    more_ = true;
    const auto at = segments_.after(heartbeat_.last());
    if (at == segments_.end()) return heartbeat_.all_served();
    auto& [source, served] = *at;
    uint64_t bytes = 0;
    const uint64_t most = heartbeat_.bytes_left(served.owner);
    if (served.is_read() && !served.segment->dead() && most != 0) {
        const CrashScope scope(served.path);
        bytes = served.segment->hand_out_partial(batcher_, partial_lane_, heartbeat_.open_longer_than(), most);
        if (!partial_lane_.empty()) partial_serial_ = partial_lane_.serial();
        batcher_.submit(partial_lane_);
        if (!served.segment->quarantined().empty()) close_quarantined(served);
    }
    heartbeat_.served(source, served.owner, bytes);
}

void DrainShare::close_quarantined(ServedSegment& served) {
    AttachedSegment& segment = *served.segment;
    segments_.rouse(served);
    ++status_.quarantined;
    const Producer& producer = segment.producer();
    spdlog::error("{} ({}, pid {}): quarantined: {}. The file is left where it is", served.path,
                  foreign(producer.service), producer.pid, segment.quarantined());
    batcher_.submit(segment.own_lane());
}

void DrainShare::submit_all() {
    batcher_.submit(batcher_.shared(), CloseCause::kAsked);
    for (ServedSegment* served : segments_.awake()) {
        batcher_.submit(served->segment->own_lane(), CloseCause::kAsked);
        served->segment->flush_submitted(batcher_);
    }
}

void DrainShare::submit_for_flush() {
    for (ServedSegment* served : segments_.awake()) {
        AttachedSegment& segment = *served->segment;
        if (!segment.wants_flush()) continue;
        // Where nothing of it is in the batch that all share, that one stays as it is.
        if (segment.is_in(batcher_.shared())) {
            if (!queues_.may_flush(served->owner, now_)) continue;  // it is sent by its age meanwhile
            batcher_.submit(batcher_.shared(), CloseCause::kAsked);
        }
        batcher_.submit(segment.own_lane(), CloseCause::kAsked);
        segment.flush_submitted(batcher_);
    }
}

// ---- Settle ---------------------------------------------------------------------------------------------------------

void DrainShare::process_answers() {
    read_letters();
    settle();
}

void DrainShare::settle() {
    book_answers();
    waits_for_pins_ = false;
    for (ServedSegment* served : segments_.awake()) {
        AttachedSegment& segment = *served->segment;
        if (!segment.has_to_settle()) continue;
        const CrashScope scope(served->path);
        // Nobody waits for memory where little comes, or much is left.
        if (segment.reclaim(now_) != 0 && !segment.dozes() && segment.is_half_full())
            served->pace.no_later_than(now_ + options_.pace.busy);
        waits_for_pins_ = waits_for_pins_ || segment.waits_to_reclaim();
        segment.serve_flush();
    }
    set_ended_apart();
    if (flushes_.waiting() && !batcher_.outstanding_until(flushes_.barrier())) flushes_.serve();
}

void DrainShare::set_ended_apart() {
    for (size_t i = 0; i < segments_.awake().size();) {  // another one takes the place of one that is over
        const ServedSegment& served = *segments_.awake()[i];
        if (files_ != nullptr) served.segment->book_missing();
        served.is_over() ? exchange_.end(number_, segments_.take(segments_.at(served.source))) : void(++i);
    }
}

void DrainShare::book_answers() {
    for (const std::shared_ptr<Batch>& batch : batcher_.take_resolved()) {
        book(*batch);
        queues_.answered(batcher_.serial_of(*batch));
        batcher_.finish(*batch);
    }
}

void DrainShare::book(const Batch& batch) {
    const uint64_t serial = batcher_.serial_of(batch);
    AnswerShares shares(batch.resolutions);
    const bool left_behind = shares.left_behind();
    left_behind_ = left_behind_ || (left_behind && !batch.partial);  // of what goes on there will be a newer one
    std::vector<AttachedSegment*> touched;
    std::map<uint64_t, SegmentAnswer> elsewhere;  // of what this thread has no more
    for (const Receipt& receipt : batch.receipts) {
        const Resolutions share = shares.of(receipt);
        ServedSegment* const served = segments_.find(receipt.source);
        if (served == nullptr) {
            elsewhere[receipt.source].pieces.emplace_back(receipt, share);
            continue;
        }
        book(*served, receipt, share, batch, left_behind);
        AttachedSegment* const segment = served->segment.get();
        if (touched.empty() || touched.back() != segment) touched.push_back(segment);
    }
    for (AttachedSegment* segment : touched) segment->batch_finished(serial);
    for (auto& [source, answer] : elsewhere) {
        answer.source = source;
        answer.serial = serial;
        answer.left_behind = left_behind;
        answer.plan = batch.plan;
        exchange_.forward(number_, std::move(answer));
    }
}

template <class Answer>
void DrainShare::book(ServedSegment& served, const Receipt& receipt, const Resolutions& share, const Answer& answer,
                      bool left_behind) {
    AttachedSegment& segment = *served.segment;
    if (served.rests && !segment.dozes()) {
        segments_.rouse(served);
        served.pace.no_later_than(now_ + options_.pace.busy);  // to lie down again
    }
    const CrashScope scope(served.path);
    left_behind ? segment.leave_behind() : segment.acknowledge(receipt, share, answer.plan);
    served.row_is_told = false;
}

// To a batch of an earlier owner of the segment.
void DrainShare::take_answer(SegmentAnswer answer) {
    ServedSegment* const served = segments_.find(answer.source);
    if (served == nullptr) return exchange_.forward(number_, std::move(answer));
    for (const auto& [receipt, share] : answer.pieces) book(*served, receipt, share, answer, answer.left_behind);
    served->segment->batch_finished(answer.serial);
}

// ---- Who has how much to do -----------------------------------------------------------------------------------------

void DrainShare::share_work() {
    if (exchange_.threads() == 1) return;
    const Clock::time_point now = Clock::now();
    exchange_.worked(number_, now - now_);
    if (!window_.is_over(now)) return;
    const std::optional<WorkWindow::Surplus> surplus = window_.close(number_, exchange_.work(), now);
    std::vector<SegmentWork> works;
    for (auto& [source, served] : segments_) {
        const auto spent = std::exchange(served.spent, {});
        if (surplus && now >= served.stays_until) works.push_back({source, spent});
    }
    if (!surplus) return;
    for (const uint64_t source : worth_giving(std::move(works), surplus->most)) hand_over(source, surplus->to);
}

bool DrainShare::hand_over(uint64_t source, size_t to) {
    const auto at = segments_.at(source);
    if (at == segments_.end()) return false;
    AttachedSegment& segment = *at->second.segment;
    if (!at->second.is_read() || segment.dead() || segment.flush_pending()) return false;
    // What is in the making goes now: a lane is one thread's.
    if (segment.is_in(batcher_.shared())) batcher_.submit(batcher_.shared());
    batcher_.submit(segment.own_lane());
    const bool answers = segment.is_in_batches();
    ServedSegment served = segments_.take(at);
    const Clock::time_point before = std::exchange(served.stays_until, Clock::now() + kStay);
    if (!exchange_.hand_over(number_, to, served)) {
        segments_.add(std::move(served)).stays_until = before;
        return false;
    }
    if (answers) of_others_ = batcher_.last_serial();
    ++status_.moved;
    return true;
}

// ---- What is told ---------------------------------------------------------------------------------------------------

// Of a process over which the agent sleeps the row stays as it is, but for spans that it did not sample, of which
// nobody is told: these wait for a round over all.
void DrainShare::tell_ledger() {
    if (++ledger_rounds_ % kRoundsToAllRows == 0) return update_ledger();
    const FiledShares filed = filed_shares();
    segments_.visit_untold([&](ServedSegment& served) {
        if (served.row_is_told && served.segment->asleep()) return;
        // Of who has died since the last look whether it lives, and only waits for answers: its last row comes soon.
        if (served.segment->only_waits() && now_ < served.next_liveness) return;
        served.row_is_told = true;
        tell_row(served, filed);
    });
}

void DrainShare::update_ledger() {
    const FiledShares filed = filed_shares();
    for (auto& [source, served] : segments_) tell_row(served, filed);
}

void DrainShare::tell_row(ServedSegment& served, const FiledShares& filed) {
    const CrashScope scope(served.path);
    ProcessRow row = served.segment->ledger_row(unix_nano());
    row.undecided = undecided_of(served, filed);
    served.row.tell(ledger_, std::move(row));
}

void DrainShare::publish_status() {
    status_.closed = batcher_.closed();
    status_.asleep = segments_.asleep();
    status_.outstanding = batcher_.outstanding();
    status_.buffers = batcher_.buffers();
    board_.publish(status_);
}

}  // namespace spanring::agent
