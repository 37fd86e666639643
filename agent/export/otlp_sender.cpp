// SPDX-License-Identifier: Apache-2.0
#include "export/otlp_sender.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "base/named_thread.hpp"
#include "crash/alternate_stack.hpp"
#include "crash/crash_scope.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

using std::chrono::milliseconds;
using Clock = OtlpSender::Clock;

constexpr milliseconds kLookAgain{250};  // memory that is out comes back without a sign
constexpr std::chrono::hours kIdle{1};

constexpr uint64_t kLong = 4;  // what fills this part of the queue has to wait for long

OtlpOptions checked(OtlpOptions options) {
    if (options.timeout.count() <= 0) throw std::invalid_argument("timeout must be longer than 0");
    if (options.in_flight == 0) throw std::invalid_argument("the number of concurrent requests must be at least 1");
    if (options.signal != Signal::kTraces) options.priority.enabled = false;  // nothing else has errors and durations
    return options;
}

}  // namespace

OtlpSender::OtlpSender(std::string name, const OtlpOptions& options, MakeTransport make_transport, Ledger* ledger,
                       Hooks hooks)
    : name_(std::move(name)),
      place_(kCrashInExporter + name_),
      options_(checked(options)),
      make_transport_(std::move(make_transport)),
      zero_copy_failed_(std::move(hooks.zero_copy_failed)),
      books_(name_, ledger, std::move(hooks.closed), hooks.measured_too),
      inbox_([this] { transport_->wake(); }),
      paused_(options.starts_paused),
      transport_(make_transport_()),
      identity_(options.auth, name_, [this] { inbox_.wake(); }),
      tenants_(options_.headers_from, options_.signal),
      spool_(name_, options_.spool, options_.priority, tenants_, books_),
      owed_(books_),
      circuit_(options.retry),
      queue_(options.priority.share),
      adaptation_(options),
      rate_(options.rate_limit),
      flights_(options.concurrency.enabled ? options.concurrency.maximum : options.in_flight, options.in_flight_bytes),
      log_(name_, names_of(options_.signal).items),
      progress_("send/" + name_) {
    note_health();
    thread_ = named_thread("send/" + name_, [this] { run(); });
}

OtlpSender::~OtlpSender() { stop(Clock::now()); }

void OtlpSender::push(std::shared_ptr<Batch> batch, uint64_t sequence) {
    // What waits for a slot is bounded by queue_bytes, what is in flight by its own. The rest of the room is for what
    // this thread did not get round to yet; beyond it the disk is slower than the applications.
    const uint64_t most = 2 * options_.queue_bytes + options_.in_flight_bytes + kMaxRequestBytes;
    unseen_.store(true, std::memory_order_relaxed);  // relaxed: see leaves_in_rings()
    switch (inbox_.put(batch, sequence, [&] { return books_.admit(*batch, most); })) {
        case Inbox::Put::kTaken: inbox_.wake(); break;
        case Inbox::Put::kRefused:
            books_.turn_away(batch, sequence, Outcome::kDroppedQueue);
            inbox_.wake();  // to look, with nothing there: else the rings would wait until something else wakes it
            break;
        case Inbox::Put::kClosed: books_.turn_away(batch, sequence, Outcome::kLeftBehind); break;
    }
}

void OtlpSender::pause(bool paused) {
    // relaxed: nothing is published by it. The sender's thread sees it at the latest when it is woken, by the mutex
    // there.
    if (paused_.exchange(paused, std::memory_order_relaxed) == paused) return;
    spdlog::info("exporter {}: {}", name_, paused ? "paused; what comes is kept for it" : "goes on");
    inbox_.wake();
}

void OtlpSender::begin_stop(Clock::time_point deadline) {
    inbox_.stop(deadline);
    inbox_.wake();
}

void OtlpSender::stop(Clock::time_point deadline) {
    begin_stop(deadline);
    if (thread_.joinable()) thread_.join();
}

// ---- The thread -----------------------------------------------------------------------------------------------------

void OtlpSender::run() {
    const AlternateStack stack;
    const CrashScope scope(place_);
    progress_.working();
    for (bool ended = false; !ended;) {
        try {
            if (failed_) restart();
            serve();
            wind_up();
            ended = true;
        } catch (const FailedShipment& failed) {
            suspect_.work_on(failed.shipment());  // it failed on another thread, maybe long after it was started
            ended = fail(failed.what());
        } catch (const std::exception& error) {
            ended = fail(error.what());
        }
    }
    progress_.waiting();
}

void OtlpSender::serve() {
    watch_.emplace(
        name_, [this] { return transport_->settle(); }, [this] { return transport_->threads_cpu(); },
        [this] { return transport_->is_to_blame(); }, [this] { transport_->cut(); });
    for (;;) {
        take_inbox();
        const Clock::time_point now = Clock::now();
        if (now >= spool_.missing_until().value_or(Clock::time_point::max())) open_spool();
        feed(now);
        if (finished(now)) break;
        watch_->begin();
        progress_.waiting();
        std::vector<Transport::Ended> attempts = transport_->wait(next_event(now));
        progress_.working();
        watch_->end();
        for (Transport::Ended& attempt : attempts) ended(std::move(attempt));
        if (watch_->take_cut() && circuit_.closed()) fail_circuit(kept_busy(), false);  // nothing was in flight
    }
    watch_.reset();
}

void OtlpSender::open_spool() {
    spool_.open_again();
    note_health();
}

// Made this thread fail again and again.
void OtlpSender::drop(const Shipment& shipment) {
    spdlog::error("exporter {}: {} {} are dropped: each attempt to send them ended by an exception", name_,
                  shipment.spans, names_of(options_.signal).items);
    if (shipment.entry) {
        spool_.settle(shipment, 0, 0, shipment.spans);
        spool_.done(shipment);
    } else {
        owed_.close(shipment, {Outcome::kDroppedQueue, 0});
    }
}

void OtlpSender::take_inbox() {
    // Until note_appetite() knows better: in between, the rings would give up what waits beside them then.
    if (unseen_.load(std::memory_order_relaxed)) sated_.store(true, std::memory_order_relaxed);
    // release: that it is sated. Pairs with the acquire in leaves_in_rings(), which could else see neither.
    unseen_.store(false, std::memory_order_release);
    for (auto each = owed_.add(inbox_.take()); each != owed_.all().end(); ++each)
        queue_.push(ship(each->batch, each->sequence));
}

// Whether requests can say who sends them, where the backend asks for that.
bool OtlpSender::is_known(Clock::time_point now) {
    const std::string told = identity_.error();
    const Identity::State state = identity_.look(now);
    if (!identity_.error().empty() && identity_.error() != told) books_.note(identity_.error());
    if (state == Identity::State::kMissing) {
        if (circuit_.closed()) circuit_.fail(now, {}, false);  // the log was told by who asks for it
        unknown_ = true;
        note_health();
    } else if (state == Identity::State::kReady && std::exchange(unknown_, false)) {
        circuit_.retry_now(now);
    }
    return state == Identity::State::kReady;
}

void OtlpSender::feed(Clock::time_point now) {
    rate_holds_until_.reset();
    if (is_paused() || !is_known(now)) {
        note_appetite(false);
        return shed(now);
    }
    if (circuit_.closed()) {
        while (start_next()) {
        }
    } else if (circuit_.may_probe(now) && transport_->memory_out() <= options_.queue_bytes && is_within_rate(now)) {
        if (!start_replay(true) && !queue_.empty()) start(queue_.take_next(), true);
    }
    sort_queue();
    shed(now);
    note_appetite(circuit_.closed());
}

// With the next answer the drain makes another one, while those that are still under way keep the backend busy.
// Where nothing is sent, the rings are not to wait for that; nor for the rate.
void OtlpSender::note_appetite(bool sends) {
    // relaxed: see leaves_in_rings().
    const bool full = !queue_.empty() || !flights_.takes_another(Clock::now());
    sated_.store(sends && !rate_holds_until_ && full, std::memory_order_relaxed);
}

// What waits for long: what comes first apart from the rest. Not without a spool: a batch of which a part is given up
// would have two outcomes.
void OtlpSender::sort_queue() {
    if (!options_.priority.enabled || !spool_.is_open() || queue_.bytes() < options_.queue_bytes / kLong) return;
    if (!queue_.has_unsorted()) return;
    for (const ShipmentPtr& each : queue_.take_unsorted()) {
        const ShipmentPtr whole = each->mapped ? unmap(*each) : each;
        if (whole->spans == 0) {  // a mapping whose bytes were gone
            owed_.close(*whole, {Outcome::kRejected, 0});
            continue;
        }
        std::vector<ShipmentPtr> parts = ship_sorted(whole, options_.priority.slow);
        owed_.divided(*whole, parts.size());
        for (ShipmentPtr& part : parts) {
            books_.count_sorted(*part->priority, owed_.newly_sorted(part->sequence, *part->priority, part->spans));
            queue_.push(std::move(part));
        }
    }
}

// Bounds the queue, in bytes and in time. While the backend is down, all of it goes to the spool, oldest first.
void OtlpSender::shed(Clock::time_point now) {
    while (!queue_.empty() && (overflows() || (spool_.is_open() && (!circuit_.closed() || is_paused())))) {
        // Without a spool it is the newest that is refused.
        to_spool(spool_.is_open() ? queue_.take_oldest() : queue_.take_newest(), Outcome::kDroppedQueue);
    }
    // No ring waits for the rate longer than for an attempt.
    while (!queue_.empty() && rate_holds_until_ && spool_.is_open() &&
           now >= queue_.oldest().submitted + options_.timeout)
        to_spool(queue_.take_oldest(), Outcome::kDroppedQueue);
    const auto most = options_.retry.max_elapsed_time;
    while (!queue_.empty() && !circuit_.closed() && most.count() != 0 && now - queue_.oldest().submitted > most) {
        to_spool(queue_.take_oldest(), Outcome::kDroppedQueue);
    }
}

// A batch holds its memory until its last part is answered.
bool OtlpSender::overflows() const {
    return queue_.bytes() > options_.queue_bytes ||
           owed_.bytes() > options_.queue_bytes + options_.queue_bytes / 2 + options_.in_flight_bytes;
}

bool OtlpSender::finished(Clock::time_point now) { return inbox_.close(queue_.empty() && flights_.empty(), now); }

OtlpSender::Clock::time_point OtlpSender::next_event(Clock::time_point now) const {
    Clock::time_point next = now + kIdle;
    if (!circuit_.closed() && !circuit_.probing() && !is_paused()) {
        const bool work = !queue_.empty() || spool_.waiting();
        const bool due = now >= circuit_.reopen_at();  // but too much memory is out
        if (work) next = std::min(next, due ? now + kLookAgain : circuit_.reopen_at());
    }
    if (!queue_.empty()) next = std::min(next, spool_.missing_until().value_or(next));
    if (rate_holds_until_) {
        next = std::min(next, *rate_holds_until_);
        if (!queue_.empty() && spool_.is_open()) next = std::min(next, queue_.oldest().submitted + options_.timeout);
    }
    return std::min(next, inbox_.stop_at().value_or(next));
}

// ---- Attempts -------------------------------------------------------------------------------------------------------

bool OtlpSender::is_within_rate(Clock::time_point now) {
    const Clock::time_point at = rate_.next(now);
    if (at <= now) return true;
    rate_holds_until_ = at;
    rate_held_ = true;
    return false;
}

// When the spool has something, half of the calls are its own, in turn where there is room for one alone; the others
// when nothing else is there.
bool OtlpSender::start_next() {
    const bool replay_first = 2 * replays_ + (last_was_replay_ ? 1 : 0) <= flights_.count();
    if (replay_first && start_replay(false)) return true;
    // While zero copy's connection is being made, what it is to carry waits; it takes seconds at most.
    const bool connecting = !queue_.empty() && queue_.next().mapped && transport_->connecting();
    if (queue_.empty() || connecting) return !replay_first && start_replay(false);
    if (!takes(queue_.next().request.bytes)) return false;
    start(queue_.take_next(), false);
    return true;
}

bool OtlpSender::start_replay(bool probe) {
    if (inbox_.stop_at() || !spool_.waiting() || !takes(spool_.next_bytes())) return false;
    ShipmentPtr taken = spool_.take();
    if (!taken) return false;
    start(std::move(taken), probe);
    return true;
}

void OtlpSender::start(ShipmentPtr shipment, bool probe) {
    if (suspect_.is_guilty(*shipment)) return drop(*shipment);
    suspect_.work_on(*shipment);
    if (shipment->mapped && !transport_->carries_mapped()) shipment = unmap(*shipment);
    Tenants::Look tenant = tenants_.look(*shipment);
    const bool by_spool = tenant.several || shipment->request.bytes > limit_.most(Clock::now());
    if ((tenant.several || is_too_large(*shipment)) && divide(shipment, by_spool)) return suspect_.put_down();
    if (shipment->spans == 0) {
        owed_.close(*shipment, {Outcome::kRejected, 0});  // a mapping whose bytes were gone
        return;
    }
    if (probe) {
        circuit_.probe();
        note_health();
    }
    flights_.begin(shipment.get(), shipment->request.bytes, Clock::now());
    rate_.begin(shipment->request.bytes, Clock::now());
    books_.begin_attempt(*shipment, Clock::now());
    if (std::exchange(rate_held_, false)) books_.count_rate_limited();
    last_was_replay_ = shipment->entry.has_value();
    replays_ += last_was_replay_;
    watch_->attempt_started(shipment->request.bytes);
    RequestHeaders headers = std::move(tenant.headers);
    identity_.begin(shipment.get(), headers);
    transport_->start(std::move(shipment), probe, std::move(headers));
    if (!transport_->settled()) watch_->settle_soon();
    suspect_.put_down();
    SPR_TESTPOINT(attempt_started);
}

void OtlpSender::ended(Transport::Ended attempt) {
    SPR_TESTPOINT(attempt_ended);
    sated_.store(false, std::memory_order_relaxed);  // relaxed: see leaves_in_rings()
    suspect_.work_on(*attempt.shipment);
    const bool again = identity_.end(attempt.shipment.get(), attempt.answer.unauthorized, Clock::now());
    if (again) attempt.answer.verdict = Verdict::kRetry;
    const auto took = flights_.end(attempt.shipment.get(), Clock::now(), attempt.answer.verdict != Verdict::kRetry);
    replays_ -= attempt.shipment->entry.has_value();
    books_.count_attempt(attempt.answer, took);
    adaptation_.ended(attempt.answer.verdict == Verdict::kRetry, took, Clock::now());
    if (attempt.answer.verdict != Verdict::kAccepted) books_.note(attempt.answer.message);
    switch (attempt.answer.verdict) {
        case Verdict::kAccepted: accept(attempt); break;
        case Verdict::kRejected: reject(attempt); break;
        case Verdict::kRetry: postpone(attempt); break;
    }
    suspect_.put_down();
    note_health();
}

void OtlpSender::accept(const Transport::Ended& attempt) {
    const Shipment& shipment = *attempt.shipment;
    const Answer& answer = attempt.answer;
    if (circuit_.succeed(attempt.probe)) log_.is_back(transport_->peer(), queue_.bytes(), spool_.bytes());
    const uint64_t rejected = std::min(answer.rejected, shipment.spans);
    if (!answer.message.empty() || answer.rejected != 0) {
        books_.note("partial success: " + answer.message);
        log_.rejected_some(rejected, shipment.spans, answer.message);
    }
    if (shipment.entry) {
        spool_.settle(shipment, shipment.spans - rejected, rejected, 0);
        SPR_TESTPOINT(replay_booked);
        spool_.done(shipment);
    } else {
        owed_.close(shipment, {Outcome::kExported, rejected + shipment.lost()});
        SPR_TESTPOINT(answer_booked);
    }
}

void OtlpSender::reject(const Transport::Ended& attempt) {
    const Shipment& shipment = *attempt.shipment;
    const Answer& answer = attempt.answer;
    circuit_.succeed(attempt.probe);  // it does not want this request, but it is there
    const Clock::time_point now = Clock::now();
    if (answer.too_large && shipment.spans > 1 && limit_.refuse(shipment.request.bytes, now) &&
        divide(attempt.shipment)) {
        return log_.too_large(shipment.request.bytes, transport_->peer(), limit_.most(now), answer.message);
    }
    log_.rejected_all(shipment.spans, answer.message);
    if (shipment.mapped) zero_copy_failed_(shipment.runs().front().producer->instance);
    if (shipment.entry) {
        spool_.settle(shipment, 0, shipment.spans, 0);
        spool_.done(shipment);
    } else {
        owed_.close(shipment, {Outcome::kRejected, 0});
    }
}

void OtlpSender::fail_circuit(const Answer& answer, bool probe) {
    const Clock::time_point now = Clock::now();
    const bool was_up = circuit_.fail(now, answer.delay, probe);
    const bool asked = answer.delay && circuit_.reopen_at() - now > options_.retry.max_interval;
    if (asked && (was_up || circuit_.reopen_at() > log_.told_until()))
        log_.asks_for_pause(transport_->peer(), answer.message, circuit_.reopen_at(), now);
    else if (was_up)
        log_.is_down(transport_->peer(), answer.message, circuit_.reopen_at(), now);
}

void OtlpSender::postpone(const Transport::Ended& attempt) {
    // The backend is there, and waits for another word of who sends.
    if (attempt.answer.unauthorized && !attempt.probe) return keep_first(attempt.shipment);
    fail_circuit(attempt.answer, attempt.probe);
    if (attempt.shipment->mapped) zero_copy_failed_(attempt.shipment->runs().front().producer->instance);
    keep(attempt.shipment);
}

// ---- What has to wait, and what is done -----------------------------------------------------------------------------

void OtlpSender::keep(ShipmentPtr shipment) {
    if (shipment->entry) {
        if (!options_.retry.enabled) {
            spool_.settle(*shipment, 0, 0, shipment->spans);
            spool_.done(*shipment);
        } else {
            spool_.give_back(*shipment);
        }
        return;
    }
    if (!options_.retry.enabled || shipment->batch->partial) {
        owed_.close(*shipment, {Outcome::kDroppedQueue, 0});
    } else if (spool_.is_open()) {
        to_spool(std::move(shipment), Outcome::kDroppedQueue);
    } else {
        keep_first(std::move(shipment));
    }
}

// For the next attempt.
void OtlpSender::keep_first(ShipmentPtr shipment) {
    if (shipment->entry) return spool_.give_back(*shipment);
    if (shipment->mapped) shipment = unmap(*shipment);
    queue_.push_first(std::move(shipment));
}

// What came out of the spool was of that size when it went into it.
bool OtlpSender::is_too_large(const Shipment& shipment) const {
    if (shipment.spans <= 1) return false;
    return shipment.request.bytes > (shipment.entry ? limit_.most(Clock::now()) : most_bytes());
}

// Into requests that the backend takes, each of one tenant: entries of the spool, or where that is not there or has no
// room, or need not be, parts in memory. False: it is left as it is.
bool OtlpSender::divide(const ShipmentPtr& shipment, bool by_spool) {
    if (shipment->entry) return spool_.divide(*shipment, limit_.most(Clock::now()));
    const ShipmentPtr whole = shipment->mapped ? unmap(*shipment) : shipment;
    if (!by_spool) adaptation_.was_cut();
    if (by_spool && in_spool(*whole)) {
        owed_.close(*whole, {Outcome::kSpooled, 0});
        return true;
    }
    std::vector<std::vector<Run>> parts = tenants_.split(whole->runs(), most_bytes());
    if (parts.size() < 2) return false;
    owed_.divided(*whole, parts.size());
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
        queue_.push_first(ship_part(whole, std::move(*part)));
    return true;
}

void OtlpSender::to_spool(ShipmentPtr shipment, Outcome otherwise) {
    if (spool_.is_open() && shipment->mapped) shipment = unmap(*shipment);
    owed_.close(*shipment, {in_spool(*shipment) ? Outcome::kSpooled : otherwise, 0});
}

// False: there is none, or it did not take it.
bool OtlpSender::in_spool(const Shipment& shipment) {
    if (!spool_.is_open() || shipment.batch->partial) return false;
    const bool stored = spool_.store(shipment, most_bytes());
    note_health();
    return stored;
}

}  // namespace spanring::agent
