// SPDX-License-Identifier: Apache-2.0
//
// What became of every span that was handed to an exporter: its status, the resolutions of its batches, and its rows in
// the ledger for what goes through the spool. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "batch/exporter.hpp"
#include "export/answer.hpp"
#include "spool/entry.hpp"

namespace spanring::agent {

class Ledger;
struct Shipment;

class DeliveryBooks {
public:
    using Closed = std::function<void(const std::shared_ptr<Batch>&, uint64_t sequence, Resolution)>;

    // `ledger` may be null; so may `measured_too`, whose measures are of several.
    DeliveryBooks(std::string name, Ledger* ledger, Closed closed, DeliveryBooks* measured_too = nullptr)
        : name_(std::move(name)), ledger_(ledger), closed_(std::move(closed)), measured_too_(measured_too) {}

    // False: with it, the batches that are not resolved would be more than `most` bytes; turn it away.
    bool admit(const Batch& batch, uint64_t most);
    // Resolves a batch that was not admitted.
    void turn_away(const std::shared_ptr<Batch>& batch, uint64_t sequence, Outcome outcome);
    // Resolves an admitted one.
    void close(const std::shared_ptr<Batch>& batch, uint64_t sequence, Resolution resolution);
    // Of the spool. Exactly one of the three counts is for the whole of `shares`, except for partial success.
    void book_spooled(std::span<const spool::Share> shares, uint64_t exported, uint64_t rejected, uint64_t dropped);

    // Of what had to wait, by lane, beside the other books: what was sorted into it, and what became of that. What went
    // from memory to the spool is still there.
    void count_sorted(Priority priority, uint64_t spans);
    void count_lane(Priority priority, uint64_t spans, const Resolution& resolution);
    void count_lane(Priority priority, uint64_t exported, uint64_t rejected, uint64_t dropped);

    // The spool was opened and holds so much. What is lost is booked, and returned.
    uint64_t settle_spool(const std::string& directory, const std::vector<std::pair<AccountId, uint64_t>>& held);

    // Of attempts to deliver; one request may need several.
    void begin_attempt(const Shipment& shipment, ExportMeasures::Clock::time_point now);
    void count_attempt(const Answer& answer, ExportMeasures::Clock::duration took);
    void count_rate_limited();  // a request had to wait for the rate
    void note(const std::string& error);
    void note_restart(const std::string& error);
    void note_health(CircuitState circuit, uint64_t spool_bytes, uint64_t spool_limit);
    void note_spool(Priority priority, uint64_t bytes);
    void note_endpoints(std::vector<EndpointStatus> endpoints);
    void note_adapted(const AdaptedStatus& concurrency, const AdaptedStatus& request_bytes);
    ExporterStatus status() const;
    ExportMeasures measures() const;

private:
    void measure_begin(const Shipment& shipment, ExportMeasures::Clock::time_point now);
    void measure_end(ExportMeasures::Clock::duration took);
    void note_error(const std::string& error) SPR_REQUIRES(mutex_);
    void count(uint64_t spans, const Resolution& resolution) SPR_REQUIRES(mutex_);

    const std::string name_;
    Ledger* const ledger_;
    const Closed closed_;
    DeliveryBooks* const measured_too_;

    mutable Mutex mutex_;
    ExporterStatus status_ SPR_GUARDED_BY(mutex_);
    ExportMeasures measures_ SPR_GUARDED_BY(mutex_);
    uint64_t held_bytes_ SPR_GUARDED_BY(mutex_) = 0;  // of batches that are not resolved
};

uint64_t spans_of(std::span<const spool::Share> shares);

}  // namespace spanring::agent
