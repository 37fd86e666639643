// SPDX-License-Identifier: Apache-2.0
//
// The policies in their order: reads spans for all of them at once, and decides. Rules that are set while the agent
// runs stand before them. One thread.
//
// Header bill: policies by value, and with them the rules and their times; what decides and what reads ballots include
// it.
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
#include "decide/live_policy.hpp"
#include "decide/policy.hpp"
#include "decide/policy_maker.hpp"
#include "decide/rule_slots.hpp"
#include "decide/tail_sampling_options.hpp"
#include "otlp/span_form.hpp"

namespace spanring::agent {

// A span as the policies see it.
struct JudgedSpan {
    TraceKey trace;
    PolicyMarks marks = 0;
    PolicyMarks live = 0;  // of rules that were set while the agent runs, those that it meets
    uint64_t name = 0;     // a hash, where a policy asks for operations
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
    // What accounts call rules that have no row of their own (accounts/process_accounts.hpp).
    static constexpr char kOthers[] = "(other)";

    // Throws std::invalid_argument, as faults_of() would have said.
    explicit Policies(const std::vector<PolicyOptions>& options);

    // These rules, and no others, stand before the policies from now on. What policies and rules that stay have learnt
    // or used up they go on with.
    void follow(const std::shared_ptr<const LiveRuleSet>& rules);
    uint64_t generation() const { return rules_ == nullptr ? 0 : rules_->generation; }

    // Of all spans of the producer; to be asked once for each generation.
    ProducerMarks marks_of(const Producer& producer);

    // `span`: the inside of a Span that was found sound, of such a producer and form. False: it is none.
    bool read(std::span<const uint8_t> span, const ProducerMarks& producer, bool unfinished, JudgedSpan& ret_span,
              const SpanForm& form = {});

    // Adds it to what is known of its trace.
    void add(const JudgedSpan& span, const ProducerMarks& producer, TraceState& trace) const {
        trace.marks |= span.marks | producer.marks | (span.live & producer.live);
        trace.remote_parents |= span.remote_parents;
        trace.has_chance = trace.has_chance || span.has_chance;
        if (wants_operations_) trace.note_operation(span.start_unix_nano, producer.service, span.name);
        trace.add(span.start_unix_nano, span.end_unix_nano);
    }

    Decision decide(const TraceKey& key, const TraceState& state, Clock::time_point now);
    // What the spans of such a trace are to say of it.
    Chance chance_of(const Decision& decision) const;

    // Of TraceState::marks, how many they have.
    size_t marks() const { return marking_.size(); }
    // The policies', in their order, and kNoPolicy.
    const std::vector<std::string>& names() const { return names_; }
    // The hash of a rule's name (rule_shares.hpp), by its place: those of names(), then the slots.
    uint64_t id_of(size_t place) const { return place < ids_.size() && ids_[place] != 0 ? ids_[place] : no_policy(); }
    // Names, and what decisions by them mean beside.
    std::vector<std::string> meanings() const;

private:
    uint8_t by_chance(size_t turn, const TraceKey& key, const TraceState& state, Clock::time_point now);
    bool decide_live(const TraceKey& key, const TraceState& state, Clock::time_point now, Decision& ret_decision) const;
    uint64_t no_policy() const { return ids_[policies_.size()]; }
    size_t first_slot() const { return names_.size(); }

    std::vector<MarkedPolicy> policies_;
    std::vector<size_t> order_;     // in which they are asked, by their places: those that drop before all others
    std::vector<Policy*> marking_;  // those that look at spans, by their bits
    std::vector<std::string> names_;
    std::vector<uint64_t> ids_;
    WantedKeys keys_;  // of policies
    std::shared_ptr<const LiveRuleSet> rules_;
    std::vector<LivePolicy> live_;
    PolicyMarks live_marks_ = 0;  // that these look at
    WantedValues values_;
    std::vector<Policy*> learners_;
    bool wants_operations_ = false;
    bool has_chances_ = false;
    bool reads_chances_ = false;  // for policies or rules
};

// As it is called in a file.
std::string name_of(PolicyType type);

}  // namespace spanring::agent
