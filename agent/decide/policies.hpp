// SPDX-License-Identifier: Apache-2.0
//
// The policies in their order: reads spans for all of them at once, and decides. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "decide/chance.hpp"
#include "decide/decision.hpp"
#include "decide/policy.hpp"
#include "decide/tail_sampling_options.hpp"

namespace spanring::agent {

// A span as the policies see it.
struct JudgedSpan {
    TraceKey trace;
    PolicyMarks marks = 0;
    uint64_t name = 0;  // a hash, where a policy asks for operations
    RemoteParents remote_parents = 0;
    bool has_chance = false;
    uint64_t start_unix_nano = 0;
    uint64_t end_unix_nano = 0;
    bool error = false;
};

class Policies {
public:
    using Clock = std::chrono::steady_clock;

    // The rule of what nobody asked for.
    static constexpr char kNoPolicy[] = "no_policy";

    // Throws std::invalid_argument, as faults_of() would have said.
    explicit Policies(const std::vector<PolicyOptions>& options);

    // Of all spans of the producer; to be asked once.
    ProducerMarks marks_of(const Producer& producer);

    // `span`: the inside of a Span that was found sound. False: it is none.
    bool read(std::span<const uint8_t> span, bool unfinished, JudgedSpan& ret_span);

    // Adds it to what is known of its trace.
    void add(const JudgedSpan& span, const ProducerMarks& producer, TraceState& trace) const {
        trace.marks |= span.marks | producer.marks;
        trace.remote_parents |= span.remote_parents;
        trace.has_chance = trace.has_chance || span.has_chance;
        if (wants_operations_) trace.note_operation(span.start_unix_nano, producer.service, span.name);
        trace.add(span.start_unix_nano, span.end_unix_nano);
    }

    Decision decide(const TraceKey& key, const TraceState& state, Clock::time_point now);
    // What the spans of such a trace are to say of it.
    Chance chance_of(const Decision& decision) const;

    // The policies', in their order, and kNoPolicy.
    const std::vector<std::string>& names() const { return names_; }
    // Their hashes (rule_shares.hpp), in that order.
    const std::vector<uint64_t>& ids() const { return ids_; }
    // Names, and what decisions by them mean beside.
    std::vector<std::string> meanings() const;

private:
    uint8_t by_chance(size_t place, const TraceKey& key, const TraceState& state, Clock::time_point now);

    std::vector<std::unique_ptr<Policy>> policies_;
    std::vector<std::string> names_;
    std::vector<uint64_t> ids_;
    WantedKeys keys_;
    WantedValues values_;
    std::vector<Policy*> learners_;
    bool wants_operations_ = false;
    bool has_chances_ = false;
};

// What is wrong with it; empty: nothing.
std::string wrong_policy(const PolicyOptions& options);

}  // namespace spanring::agent
