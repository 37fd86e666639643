// SPDX-License-Identifier: Apache-2.0
#include "export/delivery_books.hpp"

#include <numeric>

#include "base/wall_clock.hpp"
#include "export/shipment.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

uint64_t spans_of(std::span<const spool::Share> shares) {
    return std::accumulate(shares.begin(), shares.end(), uint64_t{0},
                           [](uint64_t total, const spool::Share& share) { return total + share.spans; });
}

bool DeliveryBooks::admit(const Batch& batch, uint64_t most) {
    const MutexLock lock(mutex_);
    if (held_bytes_ + batch.held() > most) return false;
    held_bytes_ += batch.held();
    status_.queued_spans += batch.spans;
    return true;
}

void DeliveryBooks::turn_away(const std::shared_ptr<Batch>& batch, uint64_t sequence, Outcome outcome) {
    {
        const MutexLock lock(mutex_);
        if (!batch->partial) status_.dropped += batch->spans;
    }
    closed_(batch, sequence, {outcome, 0});
}

void DeliveryBooks::close(const std::shared_ptr<Batch>& batch, uint64_t sequence, Resolution resolution) {
    const uint64_t spans = batch->spans;
    {
        const MutexLock lock(mutex_);
        held_bytes_ -= batch->held();
        status_.queued_spans -= spans;
        if (batch->partial) {
            if (resolution.outcome == Outcome::kExported) status_.partial += spans - resolution.rejected;
        } else {
            count(spans, resolution);
        }
    }
    closed_(batch, sequence, resolution);
}

void DeliveryBooks::count(uint64_t spans, const Resolution& resolution) {
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

// Of partial success the backend says how many it rejected, not whose, so each process gets its part by size.
void DeliveryBooks::book_spooled(std::span<const spool::Share> shares, uint64_t exported, uint64_t rejected,
                                 uint64_t dropped) {
    {
        const MutexLock lock(mutex_);
        status_.spool_exported += exported;
        status_.spool_rejected += rejected;
        status_.spool_dropped += dropped;
    }
    if (ledger_ == nullptr) return;
    uint64_t spans_left = spans_of(shares);
    for (const spool::Share& share : shares) {
        SpoolRow more;
        if (dropped != 0) {
            more.dropped = share.spans;
        } else if (spans_left != 0) {
            more.rejected = static_cast<uint64_t>(static_cast<unsigned __int128>(rejected) * share.spans / spans_left);
            more.exported = share.spans - more.rejected;
            rejected -= more.rejected;
            spans_left -= share.spans;
        }
        if (share.spans != 0) ledger_->book_spool(share.account, name_, more);
    }
}

uint64_t DeliveryBooks::settle_spool(const std::string& directory, const SpooledSpans& held) {
    const uint64_t lost = ledger_ != nullptr ? ledger_->settle_spool(name_, directory, held) : 0;
    const MutexLock lock(mutex_);
    status_.spool_dropped += lost;
    return lost;
}

void DeliveryBooks::count_sorted(Priority priority, uint64_t spans) {
    const MutexLock lock(mutex_);
    status_.lanes[static_cast<size_t>(priority)].sorted += spans;
}

void DeliveryBooks::count_lane(Priority priority, uint64_t spans, const Resolution& resolution) {
    switch (resolution.outcome) {
        case Outcome::kExported: return count_lane(priority, spans - resolution.rejected, resolution.rejected, 0);
        case Outcome::kRejected: return count_lane(priority, 0, spans, 0);
        case Outcome::kDroppedQueue: return count_lane(priority, 0, 0, spans);
        default: return;
    }
}

void DeliveryBooks::count_lane(Priority priority, uint64_t exported, uint64_t rejected, uint64_t dropped) {
    const MutexLock lock(mutex_);
    LaneStatus& lane = status_.lanes[static_cast<size_t>(priority)];
    lane.exported += exported;
    lane.rejected += rejected;
    lane.dropped += dropped;
}

void DeliveryBooks::note_spool(Priority priority, uint64_t bytes) {
    const MutexLock lock(mutex_);
    status_.lanes[static_cast<size_t>(priority)].spool_bytes = bytes;
}

void DeliveryBooks::note_endpoints(std::vector<EndpointStatus> endpoints) {
    const MutexLock lock(mutex_);
    status_.endpoints = std::move(endpoints);
}

void DeliveryBooks::note_adapted(const AdaptedStatus& concurrency, const AdaptedStatus& request_bytes) {
    const MutexLock lock(mutex_);
    status_.concurrency = concurrency;
    status_.request_bytes = request_bytes;
}

void DeliveryBooks::begin_attempt(const Shipment& shipment, ExportMeasures::Clock::time_point now) {
    measure_begin(shipment, now);
    if (measured_too_ != nullptr) measured_too_->measure_begin(shipment, now);
}

void DeliveryBooks::measure_end(ExportMeasures::Clock::duration took) {
    const MutexLock lock(mutex_);
    measures_.took(took);
}

void DeliveryBooks::measure_begin(const Shipment& shipment, ExportMeasures::Clock::time_point now) {
    const MutexLock lock(mutex_);
    measures_.sent(shipment.spans, shipment.request.bytes);
    if (shipment.batch) measures_.waited(shipment.batch->opened, now);
}

void DeliveryBooks::count_attempt(const Answer& answer, ExportMeasures::Clock::duration took) {
    measure_end(took);
    if (measured_too_ != nullptr) measured_too_->measure_end(took);
    const MutexLock lock(mutex_);
    status_.unauthorized += answer.unauthorized;
    switch (answer.verdict) {
        case Verdict::kAccepted: ++status_.attempts_accepted; break;
        case Verdict::kRejected: ++status_.attempts_rejected; break;
        case Verdict::kRetry: ++status_.attempts_failed; break;
    }
}

void DeliveryBooks::count_rate_limited() {
    const MutexLock lock(mutex_);
    ++status_.rate_limited;
}

void DeliveryBooks::note(const std::string& error) {
    const MutexLock lock(mutex_);
    note_error(error);
}

void DeliveryBooks::note_error(const std::string& error) {
    status_.last_error = error;
    status_.last_error_unix_nano = unix_nano();
}

void DeliveryBooks::note_restart(const std::string& error) {
    const MutexLock lock(mutex_);
    ++status_.restarts;
    note_error(error);
}

void DeliveryBooks::note_health(CircuitState circuit, uint64_t spool_bytes, uint64_t spool_limit) {
    const MutexLock lock(mutex_);
    const bool healthy = circuit == CircuitState::kClosed;
    if (healthy)
        status_.unhealthy_since_unix_nano = 0;
    else if (status_.healthy)
        status_.unhealthy_since_unix_nano = unix_nano();
    status_.healthy = healthy;
    status_.circuit = circuit;
    status_.spool_bytes = spool_bytes;
    status_.spool_limit = spool_limit;
}

ExporterStatus DeliveryBooks::status() const {
    const MutexLock lock(mutex_);
    ExporterStatus status = status_;
    status.queued_bytes = held_bytes_;
    return status;
}

ExportMeasures DeliveryBooks::measures() const {
    const MutexLock lock(mutex_);
    return measures_;
}

}  // namespace spanring::agent
