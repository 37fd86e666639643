// SPDX-License-Identifier: Apache-2.0
//
// An exporter: takes batches, answers for each exactly once by resolve(). Its queue, retries and counters are its own,
// so a slow one falls behind alone.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "batch/batch.hpp"
#include "batch/circuit_state.hpp"
#include "batch/export_measures.hpp"
#include "batch/priority.hpp"

namespace spanring::agent {

// Of one lane, of what had to wait: spans, since the agent's start.
struct LaneStatus {
    uint64_t sorted = 0;  // into it
    uint64_t exported = 0, rejected = 0, dropped = 0;
    uint64_t spool_bytes = 0;  // gauge

    bool operator==(const LaneStatus&) const = default;
};

// Of one of several endpoints.
struct EndpointStatus {
    std::string peer;
    bool in_use =
        true;  // what is meant for it goes there; false: it is away, or not wanted as long as another is there
    uint64_t in_flight = 0;             // requests, gauge
    uint64_t accepted = 0, failed = 0;  // requests, since the agent's start

    bool operator==(const EndpointStatus&) const = default;
};

// Of a program that takes requests over a stream, since the agent's start.
struct PeerStatus {
    uint64_t opened = 0;  // times that it was there
    uint64_t broken = 0;  // times that it went, or was given up
    uint64_t stray = 0;   // answers to what was not asked, or not any more

    bool operator==(const PeerStatus&) const = default;
};

// What local programs subscribe to, since the agent's start.
struct TapStatus {
    struct Subscription {
        std::string event;
        uint64_t subscribers = 0;  // gauge
        uint64_t published = 0;    // spans in chunks that were published
        uint64_t missed = 0;       // spans that a slow subscriber lost, for each of these
        uint64_t unpublished = 0;  // spans for which there was no chunk, or no program any more
        uint64_t chunks = 0, missed_chunks = 0;

        bool operator==(const Subscription&) const = default;
    };

    bool attached = false;  // the program that publishes is there, and iceoryx's daemon
    uint64_t starts = 0;    // of the program
    uint64_t ends = 0;      // of it, whatever the reason; of these
    uint64_t stalls = 0;    // it was silent, and was ended
    std::vector<Subscription> subscriptions;

    bool operator==(const TapStatus&) const = default;
};

// Of topics that spans name.
struct TopicsStatus {
    uint64_t named = 0;     // gauge
    uint64_t diverted = 0;  // spans that went to the configured one in place of that

    bool operator==(const TopicsStatus&) const = default;
};

// A bound that follows how late answers come.
struct AdaptedStatus {
    uint64_t value = 0;  // at the moment; 0: it does not
    uint64_t raised = 0, lowered = 0;

    bool operator==(const AdaptedStatus&) const = default;
};

// Monotone counters and gauges, for logs and metrics.
struct ExporterStatus {
    uint64_t exported = 0;
    uint64_t rejected = 0;
    uint64_t spooled = 0;         // spans ever handed to the spool
    uint64_t spool_exported = 0;  // delivered out of the spool
    uint64_t spool_rejected = 0;
    uint64_t spool_dropped = 0;
    uint64_t dropped = 0;            // in any other way
    uint64_t partial = 0;            // spans delivered that go on: in no other number
    uint64_t queued_spans = 0;       // gauge
    uint64_t queued_bytes = 0;       // gauge
    uint64_t queue_limit = 0;        // bytes; 0: not known
    uint64_t spool_bytes = 0;        // gauge
    uint64_t spool_limit = 0;        // bytes; 0: there is none
    uint64_t attempts_accepted = 0;  // requests that the backend took, at least in part ...
    uint64_t attempts_rejected = 0;  // ... will never take ...
    uint64_t attempts_failed = 0;    // ... or did not take this time
    uint64_t rate_limited = 0;       // requests that had to wait for the exporter's own rate
    uint64_t restarts = 0;           // of its thread, after an exception
    bool has_lanes = false;          // what has to wait is sorted; then, by Priority:
    std::array<LaneStatus, 2> lanes{};
    std::vector<EndpointStatus> endpoints;  // empty: there is one
    std::optional<PeerStatus> peer;
    std::optional<TapStatus> tap;
    std::optional<TopicsStatus> topics;
    AdaptedStatus concurrency, request_bytes;  // most requests in flight, most bytes of one
    bool shows_identity = false;               // its requests say who sends them; then:
    uint64_t unauthorized = 0;                 // requests that the backend did not believe
    uint64_t tokens_obtained = 0;              // of a token server, by request ...
    uint64_t tokens_failed = 0;                // ... that it did not give
    bool paused = false;                       // by somebody's word: it sends nothing, and spools
    bool healthy = true;
    uint64_t unhealthy_since_unix_nano = 0;  // 0: it is healthy
    CircuitState circuit = CircuitState::kNone;
    std::string last_error;
    uint64_t last_error_unix_nano = 0;  // 0: there was none
};

class Exporter {
public:
    Exporter(std::string name, uint32_t index, bool required)
        : name_(std::move(name)), index_(index), required_(required) {}
    virtual ~Exporter() = default;
    Exporter(const Exporter&) = delete;
    Exporter& operator=(const Exporter&) = delete;

    const std::string& name() const { return name_; }
    uint32_t index() const { return index_; }    // row of Totals::exporters
    bool required() const { return required_; }  // the acknowledgement waits for it

    // The drain's thread, and the receiver's. Never blocks: what cannot be queued is spooled, or dropped and counted.
    virtual void submit(std::shared_ptr<Batch> batch) = 0;

    // Any thread. 0: it has a use for more. Else it has as much under way as may be, or did not get round to what came:
    // whatever it gets now would wait in memory as well, while its ring keeps it anyhow. Less than so many bytes may
    // wait in rings before it is to have them nevertheless, for its spool. 0 again before it resolves a batch.
    virtual uint64_t leaves_in_rings() const { return 0; }

    // Any thread. Waits until everything submitted before is resolved; false when the deadline came first.
    virtual bool flush(std::chrono::steady_clock::time_point deadline) = 0;

    // Before shutdown(), where the agent goes on without this exporter: gets each batch that would be left behind.
    using Heir = std::function<void(const std::shared_ptr<Batch>& batch)>;
    void leave_to(Heir heir) { heir_ = std::move(heir); }

    // Once, last. Everything submitted is resolved when it returns (sent, spooled, or kLeftBehind), threads
    // joined.
    virtual void shutdown(std::chrono::steady_clock::time_point deadline) = 0;

    virtual ExporterStatus status() const = 0;
    // Nothing: it measures nothing.
    virtual std::optional<ExportMeasures> measures() const { return std::nullopt; }

    // Any thread. From now on nothing is sent, until that is taken back; what comes waits where it would for a backend
    // that is away. False: this one cannot.
    virtual bool pause(bool /*paused*/) { return false; }

protected:
    void resolve(const std::shared_ptr<Batch>& batch, Resolution resolution) {
        if (resolution.outcome == Outcome::kLeftBehind && heir_) return heir_(batch);
        agent::resolve(batch, index_, required_, resolution);
    }

private:
    const std::string name_;
    const uint32_t index_;
    const bool required_;
    Heir heir_;  // set before the exporter is told to end, read after that
};

// Shows each of those that there are now; none of them goes meanwhile.
using VisitExporters = std::function<void(const std::function<void(const Exporter& exporter)>& visit)>;

}  // namespace spanring::agent
