// SPDX-License-Identifier: Apache-2.0
//
// The thread of an OTLP exporter. It alone owns transport, circuit and spool; other threads only leave batches in its
// inbox and wake it.
//
// An exception on it (no memory, a compressor, a disk) ends nothing: it begins again, with a new transport, the spool
// as it is on disk and the batches that are not resolved. What makes it fail three times in a row is dropped and
// counted.
//
// Every batch is resolved once, and never waits for the backend longer than one attempt: what was answered is done,
// what was not, or has no place in memory, goes to the spool. While too much memory is out in attempts that ended
// without giving it back, nothing is sent.
// Header bill: the whole inside of an exporter; otlp_exporter.cpp alone includes it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/thread_progress.hpp"
#include "export/adaptation.hpp"
#include "export/circuit.hpp"
#include "export/delivery_books.hpp"
#include "export/delivery_log.hpp"
#include "export/flight_window.hpp"
#include "export/identity.hpp"
#include "export/inbox.hpp"
#include "export/listening_watch.hpp"
#include "export/otlp_options.hpp"
#include "export/owed_batches.hpp"
#include "export/rate_limit.hpp"
#include "export/request_limit.hpp"
#include "export/shipment_queue.hpp"
#include "export/spooled_shipments.hpp"
#include "export/suspect.hpp"
#include "export/tenants.hpp"
#include "export/transport.hpp"

namespace spanring::agent {

class OtlpSender {
public:
    using Clock = std::chrono::steady_clock;

    struct Hooks {  // called on the sender's thread; closed also on that of push()
        DeliveryBooks::Closed closed;
        std::function<void(const InstanceId&)> zero_copy_failed;
        DeliveryBooks* measured_too = nullptr;  // of whoever has several senders
    };

    // Throws std::runtime_error or std::invalid_argument with what is wrong with the options.
    OtlpSender(std::string name, const OtlpOptions& options, MakeTransport make_transport, Ledger* ledger, Hooks hooks);
    ~OtlpSender();
    OtlpSender(const OtlpSender&) = delete;
    OtlpSender& operator=(const OtlpSender&) = delete;

    // Any thread. Throws std::bad_alloc; then the batch is not this one's.
    void push(std::shared_ptr<Batch> batch, uint64_t sequence);
    ExporterStatus status() const {
        ExporterStatus status = books_.status();
        const Credentials::Figures figures = identity_.figures();
        status.paused = is_paused();
        status.queue_limit = options_.queue_bytes;
        status.has_lanes = options_.priority.enabled && options_.spool.enabled;
        status.shows_identity = identity_.asked_for();
        status.tokens_obtained = figures.tokens_obtained;
        status.tokens_failed = figures.tokens_failed;
        return status;
    }
    ExportMeasures measures() const { return books_.measures(); }
    uint64_t leaves_in_rings() const {
        // acquire: see take_inbox(). relaxed: no data goes by it. Who is woken by an answer sees `sated_` as it was
        // before the answer or later, by the mutex of the acknowledgements.
        if (!unseen_.load(std::memory_order_acquire) && !sated_.load(std::memory_order_relaxed)) return 0;
        return options_.spool.enabled ? options_.queue_bytes : std::numeric_limits<uint64_t>::max();
    }
    void pause(bool paused);
    // Once, last. Resolves everything: until `deadline` by sending, then by the spool. begin_stop() does not wait for
    // that.
    void begin_stop(Clock::time_point deadline);
    void stop(Clock::time_point deadline);

private:
    void run();
    void serve();
    bool fail(const char* what);
    void restart();
    void open_spool();
    void drop(const Shipment& shipment);
    void take_inbox();
    void feed(Clock::time_point now);
    // relaxed: nothing is published by it; the inbox's mutex is taken after it.
    bool is_paused() const { return paused_.load(std::memory_order_relaxed); }
    bool is_known(Clock::time_point now);
    void note_appetite(bool sends);
    void sort_queue();
    void shed(Clock::time_point now);
    bool overflows() const;
    bool finished(Clock::time_point now);
    Clock::time_point next_event(Clock::time_point now) const;
    void wind_up();

    bool is_within_rate(Clock::time_point now);
    bool takes(size_t bytes) {
        const Clock::time_point now = Clock::now();
        if (!adaptation_.takes(flights_.count()) || !flights_.takes(bytes, now) ||
            (!flights_.empty() && circuit_.one_at_a_time()))
            return false;
        return is_within_rate(now);
    }
    bool start_next();
    bool start_replay(bool probe);
    void start(ShipmentPtr shipment, bool probe);
    void ended(Transport::Ended attempt);
    void accept(const Transport::Ended& attempt);
    void reject(const Transport::Ended& attempt);
    void postpone(const Transport::Ended& attempt);
    void fail_circuit(const Answer& answer, bool probe);

    void keep(ShipmentPtr shipment);  // for a later attempt
    void keep_first(ShipmentPtr shipment);
    size_t most_bytes() const { return adaptation_.most_bytes(limit_.most(Clock::now())); }
    bool is_too_large(const Shipment& shipment) const;
    bool divide(const ShipmentPtr& shipment, bool by_spool = true);
    void to_spool(ShipmentPtr shipment, Outcome otherwise);
    bool in_spool(const Shipment& shipment);
    void note_health() {
        books_.note_health(circuit_.state(), spool_.bytes(), options_.spool.enabled ? options_.spool.max_bytes : 0);
        if (options_.priority.enabled) spool_.note_lanes();
        books_.note_adapted(adaptation_.concurrency(), adaptation_.request_size());
        if (transport_) books_.note_endpoints(transport_->endpoints());
    }

    const std::string name_;
    const std::string place_;  // for the crash journal
    const OtlpOptions options_;
    const MakeTransport make_transport_;
    const std::function<void(const InstanceId&)> zero_copy_failed_;

    // Any thread.
    DeliveryBooks books_;
    Inbox inbox_;
    std::atomic<bool> paused_;
    std::atomic<bool> sated_{false};   // more waits than can be sent
    std::atomic<bool> unseen_{false};  // something came since its thread last looked

    // The sender's thread.
    std::unique_ptr<Transport> transport_;
    Identity identity_;
    bool unknown_ = false;  // without what says who sends, nothing is
    Tenants tenants_;
    SpooledShipments spool_;
    OwedBatches owed_;  // every batch that is not resolved, wherever its shipment is
    Suspect suspect_;
    bool failed_ = false;  // an exception came: to be restarted
    uint32_t failures_at_end_ = 0;
    Circuit circuit_;
    ShipmentQueue queue_;
    RequestLimit limit_;
    Adaptation adaptation_;
    RateLimit rate_;
    std::optional<Clock::time_point> rate_holds_until_;  // what could go otherwise
    bool rate_held_ = false;                             // what goes next
    std::optional<ListeningWatch> watch_;                // while it serves: the transport does not change meanwhile
    FlightWindow flights_;
    size_t replays_ = 0;  // of these, out of the spool
    bool last_was_replay_ = false;
    DeliveryLog log_;

    ThreadProgress progress_;
    std::thread thread_;
};

}  // namespace spanring::agent
