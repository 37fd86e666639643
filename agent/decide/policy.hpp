// SPDX-License-Identifier: Apache-2.0
//
// One of the policies by which a trace is kept or not. It sees each producer once and each span once, as they come, and
// says whether they agree with it; of a trace it is asked in the end. The first one that has an answer is followed. One
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decide/trace_key.hpp"
#include "decide/trace_state.hpp"
#include "otlp/sampling_state.hpp"
#include "span_metrics/span_outline.hpp"

namespace spanring::agent {

struct SpanFacts {
    const SpanOutline& outline;
    const SamplingState& sampling;            // of its trace state
    const std::vector<EncodedValue>& values;  // of the attributes that were wanted, in their places
    bool unfinished = false;                  // its process ended before it did
    std::span<const uint8_t> bytes = {};      // all of it
    ProducerAnswers answers = 0;              // of its producer
};

struct ProducerFacts {
    std::string_view service;
    const std::vector<EncodedValue>& values;  // as above, of its resource
    std::string_view program{};
    uint32_t pid = 0;  // 0: nobody knows
};

struct TraceFacts {
    const TraceKey& key;
    const TraceState& state;
    bool agreed = false;  // a span of it, or a producer of one
    std::chrono::steady_clock::time_point now;
};

enum class PolicyAnswer : uint8_t {
    kNone,      // it says nothing of such a trace
    kKeep,      //
    kDrop,      //
    kDeclined,  // it has taken its share: the trace is dropped by it unless a later policy answers
};

class Policy {
public:
    Policy() = default;
    virtual ~Policy() = default;
    Policy(const Policy&) = delete;
    Policy& operator=(const Policy&) = delete;

    virtual bool agrees(const ProducerFacts& producer) { return static_cast<void>(producer), false; }
    // What it wants to know of a producer when it sees a span of it, in the bits that are its own.
    virtual ProducerAnswers answers_of(const ProducerFacts& producer) { return static_cast<void>(producer), 0; }
    virtual bool agrees(const SpanFacts& span) { return static_cast<void>(span), false; }
    // Of every trace, before any policy is asked. Those that learn say so in learns().
    virtual void learn(const TraceFacts& trace) { static_cast<void>(trace); }
    virtual bool learns() const { return false; }
    // Where it keeps traces by chance: the threshold by which it does (otlp/sampling_state.hpp); else nothing.
    virtual std::optional<uint64_t> threshold() const { return std::nullopt; }
    // ... and whether spans that say nothing of chance are to say it then.
    virtual bool begins_state() const { return false; }
    // Whether answers take from a budget, so that none is asked for in vain.
    virtual bool has_budget() const { return false; }
    // Whether it asks for the service and the operation of traces.
    virtual bool wants_operation() const { return false; }
    virtual PolicyAnswer answer(const TraceFacts& trace) {
        return trace.agreed ? PolicyAnswer::kKeep : PolicyAnswer::kNone;
    }
};

// Attributes whose values policies want: each key once.
class WantedKeys {
public:
    // Returns the place of its value.
    size_t add(const std::string& key) {
        for (size_t i = 0; i < keys_.size(); ++i) {
            if (keys_[i] == key) return i;
        }
        keys_.push_back(key);
        return keys_.size() - 1;
    }
    const std::vector<std::string>& keys() const { return keys_; }

private:
    std::vector<std::string> keys_;
};

// What policies want to be told.
struct PolicyWants {
    WantedKeys keys;
    uint32_t questions = 0;  // about producers (Policy::answers_of)
};

}  // namespace spanring::agent
