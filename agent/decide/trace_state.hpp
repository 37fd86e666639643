// SPDX-License-Identifier: Apache-2.0
//
// What is known of a trace that is not decided: what policies need, gathered span by span, so that no span is read
// again for the decision.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace spanring::agent {

// A bit for each policy, by its place.
using PolicyMarks = uint64_t;

// What policies found out of a producer for its spans: two bits for each question.
using ProducerAnswers = uint64_t;

// Of all spans of a producer.
struct ProducerMarks {
    PolicyMarks marks = 0;
    PolicyMarks live = 0;     // of rules that were set while the agent runs, those that its spans may meet
    uint64_t service = 0;     // a hash of its name
    uint64_t generation = 0;  // of those rules
    ProducerAnswers answers = 0;
    uint16_t owner = 0;  // TraceOwners'
};

// Whether spans have parents in other processes, and what these decided, by the sampled flag.
using RemoteParents = uint8_t;
inline constexpr RemoteParents kSampledParent = 1, kUnsampledParent = 2;

struct TraceState {
    PolicyMarks marks = 0;  // of policies with which one of its spans agreed, and of rules (live_policy.hpp)
    uint64_t start_unix_nano = std::numeric_limits<uint64_t>::max();
    uint64_t end_unix_nano = 0;
    uint64_t service = 0;    // of the span that started first, hashes
    uint64_t operation = 0;  // and of service and name; 0 where no policy asks for it
    uint32_t spans = 0;
    uint16_t owner = 0;  // TraceOwners', of whoever began it
    RemoteParents remote_parents = 0;
    bool has_chance = false;  // a span says of how it was sampled: `ot=th` or `rv`

    void add(uint64_t start, uint64_t end) {
        start_unix_nano = std::min(start_unix_nano, start);
        end_unix_nano = std::max(end_unix_nano, end);
        ++spans;
    }
    // Before the span is added. `name`: a hash.
    void note_operation(uint64_t start, uint64_t of_service, uint64_t name) {
        if (start >= start_unix_nano) return;
        constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
        service = of_service;
        operation = (of_service * kOdd) ^ name;
    }
    void add(const TraceState& more) {
        marks |= more.marks;
        if (more.start_unix_nano < start_unix_nano) {
            service = more.service;
            operation = more.operation;
        }
        start_unix_nano = std::min(start_unix_nano, more.start_unix_nano);
        end_unix_nano = std::max(end_unix_nano, more.end_unix_nano);
        spans += more.spans;
        remote_parents |= more.remote_parents;
        has_chance = has_chance || more.has_chance;
    }
    // From its first start to its last end.
    uint64_t nanoseconds() const { return end_unix_nano > start_unix_nano ? end_unix_nano - start_unix_nano : 0; }
};

}  // namespace spanring::agent
