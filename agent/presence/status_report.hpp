// SPDX-License-Identifier: Apache-2.0
//
// How an agent is, in a file of its state directory, written when it is asked by SIGUSR1. It quotes what backends said,
// so it is for the agent's user alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace spanring::agent {

struct StatusReport {
    static constexpr char kName[] = "status.json";

    // Spans that had to wait: of what comes first, or of the rest.
    struct Lane {
        std::string name;
        uint64_t sorted = 0, exported = 0, rejected = 0, dropped = 0, spool_bytes = 0;

        bool operator==(const Lane&) const = default;
    };

    // One of several of an exporter.
    struct Endpoint {
        std::string peer;
        bool in_use = false;                               // what is meant for it goes there
        uint64_t in_flight = 0, accepted = 0, failed = 0;  // requests

        bool operator==(const Endpoint&) const = default;
    };

    // A bound that follows the backend; of value 0 there is none.
    struct Adapted {
        uint64_t value = 0, raised = 0, lowered = 0;

        bool operator==(const Adapted&) const = default;
    };

    // What programs of this host subscribe to, of an exporter for them.
    struct Subscription {
        std::string event;
        uint64_t subscribers = 0;                             // now
        uint64_t published = 0, missed = 0, unpublished = 0;  // spans

        bool operator==(const Subscription&) const = default;
    };

    struct Exporter {
        std::string name;
        bool required = true;  // false: best effort
        bool healthy = true;
        std::string last_error;
        uint64_t exported = 0, rejected = 0, dropped = 0;  // spans since its start, by whichever way
        uint64_t queued_spans = 0, queued_bytes = 0;
        uint64_t spool_bytes = 0, spool_limit = 0;  // 0: there is no spool
        bool paused = false;
        std::string state;  // "ok", "paused", "retrying", "refused"; and since when
        uint64_t since_unix_nano = 0;
        std::string circuit;                // "closed", "open", "probing"; "none": it has no backend
        uint64_t last_error_unix_nano = 0;  // 0: there was none
        double exported_per_second = 0;     // over the last seconds
        std::vector<Lane> lanes;            // empty: nothing is sorted
        std::vector<Endpoint> endpoints;    // empty: there is one
        Adapted concurrency, request_bytes;
        std::vector<Subscription> subscriptions;

        bool operator==(const Exporter&) const = default;
    };

    struct Layer {
        std::string name;     // a file, a variable, a flag
        uint64_t values = 0;  // in effect that came from it

        bool operator==(const Layer&) const = default;
    };

    // Of traces that are not decided, now; and what was decided early, since its start.
    struct Undecided {
        uint64_t traces = 0;
        uint64_t oldest_unix_nano = 0;          // the first span of one; 0: there is none
        uint64_t ring_spans = 0;                // in the memory of processes ...
        uint64_t ring_bytes = 0;                // ... which they take there
        uint64_t filed_spans = 0;               // in files ...
        uint64_t filed_bytes = 0;               // ... likewise
        uint64_t unclaimed_spans = 0;           // of these, those whose segments have not come: they are of no trace
        uint64_t received_spans = 0;            // in requests that are not answered for
        uint64_t memory_bytes = 0;              // of the agent: copies of those in rings, and what is known of traces
        uint64_t filed_memory_bytes = 0;        // ... and where in files the others are
        std::map<std::string, uint64_t> early;  // traces, by cause
        uint64_t slot_spans = 0;                // of those in the memory of processes, in their slots

        uint64_t spans() const { return ring_spans + filed_spans + received_spans; }
        uint64_t bytes() const { return ring_bytes + filed_bytes + memory_bytes + filed_memory_bytes; }
        bool operator==(const Undecided&) const = default;
    };

    // By which traces are decided, in the order in which they are asked.
    struct Rule {
        std::string name;
        bool live = false;             // it was set while the agent runs; else it is a policy of the configuration
        std::string conditions;        // which traces it concerns; of a policy empty
        std::string effect;            // what becomes of them; of a policy its type
        uint64_t until_unix_nano = 0;  // 0: for good
        // Since the agent's start, or since it says what it says.
        uint64_t traces_kept = 0, traces_dropped = 0, spans_kept = 0, spans_sampled_out = 0, late_errors = 0;

        bool operator==(const Rule&) const = default;
    };

    uint64_t serial = 0;  // rises with each report
    pid_t pid = 0;        // as the agent sees itself
    std::string version;
    uint64_t started_unix_nano = 0, unix_nano = 0;
    std::string configuration;  // the file; empty: none
    std::string effective;      // the configuration, with where each value came from; no secrets
    std::string digest;         // of it, for who compares hosts
    std::vector<Layer> layers;
    uint64_t reloads = 0, configured_unix_nano = 0;  // when what is in effect was read
    std::vector<std::string> refused;                // why the last reload changed nothing
    std::vector<Exporter> exporters;
    std::optional<Undecided> undecided;  // nothing: traces are not decided here
    std::vector<Rule> rules;             // likewise
    std::string rules_problem;           // why what `spanring rules` wrote does not stand
    uint64_t processes = 0, quarantined = 0, refused_files = 0, unanswered_batches = 0;
    double drained_per_second = 0;      // spans, over the last seconds
    std::vector<std::string> notes;     // what /readyz tells besides
    std::vector<std::string> problems;  // as /readyz tells them; empty: all is well

    std::string text() const;  // JSON
    // What an older agent did not say is as if it had nothing of it.
    static std::optional<StatusReport> parse(const std::string& text);

    // Throws std::runtime_error with the file's name.
    void write(const std::string& state_directory) const;
    // Nothing: there is none that can be read, or it is not `user`'s.
    static std::optional<StatusReport> read(const std::string& state_directory, uid_t user);

    bool operator==(const StatusReport&) const = default;
};

}  // namespace spanring::agent
