// SPDX-License-Identifier: Apache-2.0
#include "export/otlp_sender.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <grpc/support/time.h>
#include <spdlog/spdlog.h>

#include "export/otlp_channel.hpp"

namespace spanring::agent {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kGrace{250};           // for gRPC to end a call at its deadline, and to give slices back
constexpr std::chrono::seconds kLinger{1};    // for tags at the very end
constexpr std::chrono::hours kIdle{1};
constexpr std::chrono::seconds kLogPause{10};

gpr_timespec in(std::chrono::nanoseconds time) {
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_nanos(std::max<int64_t>(time.count(), 0), GPR_TIMESPAN));
}

uint64_t sum(std::span<const Spool::Share> shares) {
    return std::accumulate(shares.begin(), shares.end(), uint64_t{0},
                           [](uint64_t total, const Spool::Share& share) { return total + share.spans; });
}

}  // namespace

OtlpSender::OtlpSender(std::string name, const OtlpGrpcOptions& options, Ledger* ledger, Hooks hooks)
    : name_(std::move(name)),
      options_(options),
      endpoint_(parse_endpoint(options.endpoint, options.insecure)),
      call_settings_{options.timeout, options.headers, options.compression == "gzip"},
      credentials_(make_credentials(endpoint_, options)),
      ledger_(ledger),
      hooks_(std::move(hooks)),
      wire_(std::make_unique<Wire>()),
      circuit_(options.retry) {
    check_options(options_);
    wire_->channel = make_channel(endpoint_, options_, credentials_);
    if (options_.spool.enabled) {
        spool_.emplace(options_.spool,
                       [this](std::span<const Spool::Share> shares) { book(shares, 0, 0, sum(shares)); });
        note_health();
    }
    if (options_.zero_copy != ZeroCopy::kOff && !endpoint_.tls && !call_settings_.gzip) {
        own_.emplace(endpoint_, channel_arguments(endpoint_, options_), [this] { wake(); });
    }
    thread_ = std::thread([this] { run(); });
}

OtlpSender::~OtlpSender() { stop(Clock::now()); }

void OtlpSender::push(std::shared_ptr<Batch> batch, uint64_t order) {
    // What waits for a slot is bounded by queue_bytes, what is in flight by its count. The rest of the room is for what
    // this thread did not get round to yet; beyond it the disk is slower than the applications.
    const uint64_t most = 2 * options_.queue_bytes + options_.in_flight * kMaxRequestBytes;
    const uint64_t bytes = batch->bytes;
    const uint64_t spans = batch->spans;
    bool stopped = false;
    {
        std::lock_guard lock(mutex_);
        stopped = ending_;
        // relaxed: a bound on memory, nothing is published by it.
        if (!stopped && held_bytes_.load(std::memory_order_relaxed) + bytes <= most) {
            held_bytes_.fetch_add(bytes, std::memory_order_relaxed);
            status_.queued_spans += spans;
            inbox_.push_back({std::move(batch), order});
        } else {
            status_.dropped += spans;
        }
    }
    if (batch == nullptr) {
        wake();
    } else {
        hooks_.resolved(batch, order, {stopped ? Outcome::kLeftBehind : Outcome::kDroppedSpool, 0});
    }
}

ExporterStatus OtlpSender::status() const {
    std::lock_guard lock(mutex_);
    return status_;
}

void OtlpSender::stop(Clock::time_point deadline) {
    {
        std::lock_guard lock(mutex_);
        if (!stopping_ || deadline < stop_at_) stop_at_ = deadline;
        stopping_ = true;
    }
    wake();
    if (thread_.joinable()) thread_.join();
}

void OtlpSender::wake() {
    std::lock_guard lock(mutex_);
    if (woken_ || ending_) return;
    woken_ = true;
    wire_->alarm.Set(&wire_->queue, gpr_time_0(GPR_CLOCK_REALTIME), &wire_->alarm);
}

// ---- The thread -----------------------------------------------------------------------------------------------------

void OtlpSender::run() {
    if (own_) own_->pending();  // connect before it is needed
    for (;;) {
        take_inbox();
        const Clock::time_point now = Clock::now();
        watch(now);
        feed(now);
        if (finished(now)) break;
        wait(next_event(now));
    }
    wind_up();
}

void OtlpSender::take_inbox() {
    std::vector<Arrival> arrivals;
    {
        std::lock_guard lock(mutex_);
        arrivals.swap(inbox_);
    }
    for (Arrival& arrival : arrivals) {
        queue_.push_back(ship(std::move(arrival.batch), arrival.order));
        queue_bytes_ += queue_.back()->request.bytes;
    }
}

// Ends what gRPC does not end by itself.
void OtlpSender::watch(Clock::time_point now) {
    std::vector<OtlpCall*> late;
    for (const auto& [key, call] : wire_->calls) {
        if (!call->given_up && now >= call->deadline() + kGrace) late.push_back(call.get());
    }
    for (OtlpCall* call : late) give_up(*call);

    std::erase_if(lingering_, [](const Lingering& rest) { return rest.slices.expired(); });
    std::vector<uint64_t> stuck;
    for (Lingering& rest : lingering_) {
        if (now < rest.act_at) continue;
        stuck.push_back(rest.generation);
        rest.act_at = Clock::time_point::max();
    }
    for (const uint64_t generation : stuck) replace_channel(generation);
}

void OtlpSender::feed(Clock::time_point now) {
    if (circuit_.closed()) {
        while (in_flight_ < options_.in_flight && start_next()) {
        }
    } else if (circuit_.may_probe(now) && memory_out() <= options_.queue_bytes) {
        if (!start_replay(true) && !queue_.empty()) start(next_queued(), true);
    }
    shed(now);
}

// Bounds the queue, in bytes and in time. While the backend is down, all of it goes to the spool, oldest first.
void OtlpSender::shed(Clock::time_point now) {
    while (!queue_.empty() && (queue_bytes_ > options_.queue_bytes || (spool_ && !circuit_.closed()))) {
        if (!spool_) std::rotate(queue_.begin(), queue_.end() - 1, queue_.end());  // the newest is refused
        to_spool(next_queued(), Outcome::kDroppedSpool);
    }
    const auto most = options_.retry.max_elapsed_time;
    while (!queue_.empty() && !circuit_.closed() && most.count() != 0 && now - queue_.front()->submitted > most) {
        to_spool(next_queued(), Outcome::kDroppedSpool);
    }
}

bool OtlpSender::finished(Clock::time_point now) {
    std::lock_guard lock(mutex_);
    if (!stopping_) return false;
    const bool busy = !inbox_.empty() || !queue_.empty() || in_flight_ != 0;
    if (busy && now < stop_at_) return false;
    ending_ = true;
    return true;
}

OtlpSender::Clock::time_point OtlpSender::next_event(Clock::time_point now) const {
    Clock::time_point next = now + kIdle;
    for (const auto& [key, call] : wire_->calls) {
        if (!call->given_up) next = std::min(next, call->deadline() + kGrace);
    }
    for (const Lingering& rest : lingering_) next = std::min(next, rest.act_at);
    if (!circuit_.closed() && !circuit_.probing()) {
        const bool work = !queue_.empty() || (spool_ && spool_->waiting());
        // Already due, but too much memory is out: look again now and then, slices come back without a sign.
        const bool due = now >= circuit_.reopen_at();
        if (work) next = std::min(next, due ? now + kGrace : circuit_.reopen_at());
    }
    std::lock_guard lock(mutex_);
    return stopping_ ? std::min(next, stop_at_) : next;
}

void OtlpSender::wait(Clock::time_point until) {
    void* tag = nullptr;
    bool ok = false;
    gpr_timespec deadline = in(until - Clock::now());
    // After the first event takes what else is there, without waiting.
    while (wire_->queue.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::GOT_EVENT) {
        if (tag == &wire_->alarm) {
            std::lock_guard lock(mutex_);
            woken_ = false;
        } else {
            ended(static_cast<OtlpCall*>(tag));
        }
        deadline = gpr_time_0(GPR_CLOCK_MONOTONIC);
    }
}

// ---- Calls ----------------------------------------------------------------------------------------------------------

ShipmentPtr OtlpSender::next_queued() {
    ShipmentPtr shipment = std::move(queue_.front());
    queue_.pop_front();
    queue_bytes_ -= shipment->request.bytes;
    return shipment;
}

// When the spool has something, half of the calls are its own, the others when nothing else is there.
bool OtlpSender::start_next() {
    const size_t share = std::max<size_t>(1, options_.in_flight / 2);
    const bool replay_first = replays_ < share;
    if (replay_first && start_replay(false)) return true;
    // While zero copy's connection is being made, what it is to carry waits; it takes seconds at most.
    const bool connecting = !queue_.empty() && queue_.front()->mapped && own_ && own_->pending();
    if (queue_.empty() || connecting) return !replay_first && start_replay(false);
    start(next_queued(), false);
    return true;
}

bool OtlpSender::start_replay(bool probe) {
    {
        std::lock_guard lock(mutex_);
        if (stopping_) return false;
    }
    if (!spool_ || !spool_->waiting()) return false;
    std::optional<Spool::Record> record = spool_->take();
    if (!record) return false;
    start(ship(std::move(*record)), probe);
    return true;
}

void OtlpSender::start(ShipmentPtr shipment, bool probe) {
    std::shared_ptr<grpc::Channel> channel;
    if (shipment->mapped) {
        if (own_) channel = own_->channel();
        if (channel == nullptr) shipment = unmap(*shipment);
    }
    if (!shipment->record && shipment->request.bytes > kMaxRequestBytes && spool_) {
        to_spool(std::move(shipment), Outcome::kDroppedSpool);  // cut there into requests that receivers take
        return;
    }
    if (shipment->spans == 0) {
        resolve(*shipment, {Outcome::kRejected, 0});  // a mapping whose bytes were gone
        return;
    }
    auto call = std::make_unique<OtlpCall>(std::move(shipment), call_settings_);
    call->generation = channel == nullptr ? generation_ : 0;
    call->probe = probe;
    if (probe) circuit_.probe();
    ++in_flight_;
    replays_ += call->shipment()->record.has_value();
    OtlpCall& started = *call;
    wire_->calls.emplace(call.get(), std::move(call));
    // A probe waits for the connection: it goes out as soon as the backend is there.
    started.start(channel == nullptr ? wire_->channel : channel, wire_->queue, probe);
}

void OtlpSender::ended(OtlpCall* key) {
    const auto node = wire_->calls.extract(key);
    const std::unique_ptr<OtlpCall>& call = node.mapped();
    if (!call->given_up) {
        --in_flight_;
        replays_ -= call->shipment()->record.has_value();
        const Answer answer = call->answer();
        if (answer.verdict == Verdict::kAccepted) {
            accept(*call, answer);
        } else {
            note(answer.message);
            answer.verdict == Verdict::kRetry ? postpone(*call, answer) : refuse(*call, answer);
        }
    }
    Lingering rest{call->slices(), call->generation, call->shipment()->request.bytes, Clock::now() + kGrace};
    node.mapped().reset();
    if (!rest.slices.expired()) lingering_.push_back(std::move(rest));
}

void OtlpSender::accept(const OtlpCall& call, const Answer& answer) {
    const Shipment& shipment = *call.shipment();
    if (circuit_.succeed()) spdlog::info("exporter {}: {} is back", name_, options_.endpoint);
    const uint64_t rejected = std::min(answer.rejected, shipment.spans);
    if (!answer.message.empty() || answer.rejected != 0) {
        note("partial success: " + answer.message);
        if (Clock::now() >= next_partial_log_) {
            next_partial_log_ = Clock::now() + kLogPause;
            spdlog::warn("exporter {}: {} of {} spans were rejected: {}", name_, rejected, shipment.spans,
                         answer.message);
        }
    }
    if (shipment.record) {
        book(shipment.record->shares, shipment.spans - rejected, rejected, 0);
        spool_->finish(shipment.record->ticket);
    } else {
        resolve(shipment, {Outcome::kExported, rejected + shipment.lost()});
    }
    note_health();
}

void OtlpSender::refuse(const OtlpCall& call, const Answer& answer) {
    const Shipment& shipment = *call.shipment();
    circuit_.succeed();  // it does not want this request, but it is there
    spdlog::warn("exporter {}: {} spans were refused for good: {}", name_, shipment.spans, answer.message);
    if (shipment.mapped) hooks_.zero_copy_failed(shipment.runs().front().producer->instance);
    if (shipment.record) {
        book(shipment.record->shares, 0, shipment.spans, 0);
        spool_->finish(shipment.record->ticket);
    } else {
        resolve(shipment, {Outcome::kRejected, 0});
    }
    note_health();
}

void OtlpSender::postpone(const OtlpCall& call, const Answer& answer) {
    if (circuit_.fail(Clock::now(), answer.delay, call.probe)) {
        spdlog::warn("exporter {}: {} does not take spans: {}", name_, options_.endpoint, answer.message);
    }
    if (call.shipment()->mapped) {
        hooks_.zero_copy_failed(call.shipment()->runs().front().producer->instance);
        replace_channel(call.generation);  // whether the connection is still sound cannot be asked
    }
    keep(call.shipment());
    note_health();
}

void OtlpSender::give_up(OtlpCall& call) {
    call.given_up = true;
    --in_flight_;
    replays_ -= call.shipment()->record.has_value();
    Answer answer;
    answer.verdict = Verdict::kRetry;
    answer.message = "no answer within " + std::to_string(options_.timeout.count()) + " ms, and the peer does not read";
    note(answer.message);
    postpone(call, answer);
    call.cancel();
    replace_channel(call.generation);
}

// 0 is zero copy's own connection. Of another generation there is nothing left to replace.
void OtlpSender::replace_channel(uint64_t generation) {
    if (generation == 0) {
        if (own_) own_->cut();
    } else if (generation == generation_) {
        wire_->channel = make_channel(endpoint_, options_, credentials_);
        ++generation_;
    }
}

// What gRPC holds beyond its calls.
size_t OtlpSender::memory_out() const {
    size_t bytes = 0;
    for (const auto& [key, call] : wire_->calls) bytes += call->given_up ? call->shipment()->request.bytes : 0;
    for (const Lingering& rest : lingering_) bytes += rest.slices.expired() ? 0 : rest.bytes;
    return bytes;
}

// ---- What has to wait, and what is done -----------------------------------------------------------------------------

void OtlpSender::keep(ShipmentPtr shipment) {
    if (shipment->record) {
        if (!options_.retry.enabled) {
            book(shipment->record->shares, 0, 0, shipment->spans);
            spool_->finish(shipment->record->ticket);
        } else {
            give_back(*shipment);
        }
        return;
    }
    if (!options_.retry.enabled) {
        resolve(*shipment, {Outcome::kDroppedSpool, 0});
    } else if (spool_) {
        to_spool(std::move(shipment), Outcome::kDroppedSpool);
    } else {
        if (shipment->mapped) shipment = unmap(*shipment);
        queue_bytes_ += shipment->request.bytes;
        queue_.push_front(std::move(shipment));
    }
}

// Into the spool's care again, unless its file was dropped meanwhile.
void OtlpSender::give_back(const Shipment& shipment) {
    if (!spool_->give_back(shipment.record->ticket)) book(shipment.record->shares, 0, 0, shipment.spans);
}

void OtlpSender::to_spool(ShipmentPtr shipment, Outcome otherwise) {
    if (!spool_) {
        resolve(*shipment, {otherwise, 0});
        return;
    }
    if (shipment->mapped) shipment = unmap(*shipment);
    uint64_t stored = 0;
    const auto store = [&](std::span<const Run> runs, const Request& request) {
        const std::vector<Spool::Share> shares = shares_of(runs);
        if (shares.empty()) return;  // the mapping's bytes were gone
        if (spool_->append(shares, request.slices)) {
            stored += sum(shares);
        } else {
            note(spool_->error());
        }
    };
    if (shipment->request.bytes <= kMaxRequestBytes) {
        store(shipment->runs(), shipment->request);
    } else {
        for (const auto part : split(shipment->runs(), kMaxRequestBytes)) store(part, assemble(part));
    }
    note_health();
    if (stored == 0) {
        resolve(*shipment, {otherwise, 0});
        return;
    }
    // The spool answers for the whole batch from here; what it did not get is booked as its loss.
    if (uint64_t left = shipment->batch->spans - stored; left != 0) {
        std::vector<Spool::Share> lost = shares_of(shipment->batch->runs);
        for (Spool::Share& share : lost) {
            share.spans = std::min(share.spans, left);
            left -= share.spans;
        }
        book(lost, 0, 0, sum(lost));
    }
    resolve(*shipment, {Outcome::kSpooled, 0});
}

void OtlpSender::resolve(const Shipment& shipment, Resolution resolution) {
    const uint64_t spans = shipment.batch->spans;
    {
        std::lock_guard lock(mutex_);
        status_.queued_spans -= spans;
        switch (resolution.outcome) {
            case Outcome::kExported:
                status_.exported += spans - resolution.rejected;
                status_.rejected += resolution.rejected;
                break;
            case Outcome::kRejected: status_.rejected += spans; break;
            case Outcome::kSpooled: status_.spooled += spans; break;
            default: status_.dropped += spans; break;
        }
    }
    held_bytes_.fetch_sub(shipment.batch->bytes, std::memory_order_relaxed);  // relaxed: see push()
    hooks_.resolved(shipment.batch, shipment.order, resolution);
}

// Exactly one of the three counts is for the whole of `shares`, but for partial success: the backend says how many it
// rejected, not whose, so each process gets its part by size.
void OtlpSender::book(std::span<const Spool::Share> shares, uint64_t exported, uint64_t rejected, uint64_t dropped) {
    {
        std::lock_guard lock(mutex_);
        status_.spool_exported += exported;
        status_.spool_rejected += rejected;
        status_.spool_dropped += dropped;
    }
    if (ledger_ == nullptr) return;
    uint64_t spans_left = sum(shares);
    for (const Spool::Share& share : shares) {
        SpoolRecord more;
        if (dropped != 0) {
            more.dropped = share.spans;
        } else if (spans_left != 0) {
            more.rejected = static_cast<uint64_t>(static_cast<unsigned __int128>(rejected) * share.spans / spans_left);
            more.exported = share.spans - more.rejected;
            rejected -= more.rejected;
            spans_left -= share.spans;
        }
        if (share.spans != 0) ledger_->book_spool(share.instance, name_, more);
    }
}

void OtlpSender::note(const std::string& error) {
    std::lock_guard lock(mutex_);
    status_.last_error = error;
}

void OtlpSender::note_health() {
    std::lock_guard lock(mutex_);
    status_.healthy = circuit_.closed();
    status_.spool_bytes = spool_ ? spool_->bytes() : 0;
}

// The end: nothing is waited for any more. What has no answer goes to the spool.
void OtlpSender::wind_up() {
    for (const auto& [key, call] : wire_->calls) {
        if (call->given_up) continue;
        call->given_up = true;
        if (call->shipment()->record) {
            give_back(*call->shipment());
        } else {
            to_spool(call->shipment(), Outcome::kLeftBehind);
        }
    }
    while (!queue_.empty()) to_spool(next_queued(), Outcome::kLeftBehind);
    std::vector<Arrival> arrivals;
    {
        std::lock_guard lock(mutex_);
        arrivals.swap(inbox_);
    }
    for (Arrival& arrival : arrivals) {
        to_spool(ship(std::move(arrival.batch), arrival.order), Outcome::kLeftBehind);
    }

    for (const auto& [key, call] : wire_->calls) call->cancel();
    own_.reset();
    wire_->queue.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    const gpr_timespec last = in(kLinger);
    grpc::CompletionQueue::NextStatus status{};
    while ((status = wire_->queue.AsyncNext(&tag, &ok, last)) == grpc::CompletionQueue::GOT_EVENT) {
        if (tag != &wire_->alarm) wire_->calls.erase(static_cast<OtlpCall*>(tag));
    }
    // A peer that does not read can hold a call of the main channel until the kernel gives it up. Its memory cannot be
    // freed under gRPC, so it is left; the process is about to end.
    if (status == grpc::CompletionQueue::TIMEOUT) static_cast<void>(wire_.release());
}

}  // namespace spanring::agent
