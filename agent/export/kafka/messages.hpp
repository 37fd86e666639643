// SPDX-License-Identifier: Apache-2.0
//
// A request as messages of Kafka: as it is, or one for each trace, each within a size. No thread, no library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "otlp/request.hpp"

namespace spanring::agent {

struct FreeMemory {
    void operator()(void* memory) const { std::free(memory); }
};

// Bytes that librdkafka may take over: by malloc().
struct KafkaPayload {
    std::unique_ptr<char, FreeMemory> bytes;
    size_t size = 0;
};

struct KafkaMessage {
    std::string key;        // empty: none
    std::string topic;      // empty: the configured one ...
    bool diverted = false;  // ... where an attribute named another
    std::vector<Run> runs;  // what it is made of; they refer to memory of somebody else's
    uint64_t spans = 0;
    KafkaPayload payload;
};

class KafkaMessages {
public:
    // What is around a message in a request to a broker, and in its batch there: at most so much.
    static constexpr size_t kAround = 512;

    KafkaMessages(bool json, bool by_trace) : json_(json), by_trace_(by_trace) {}

    // Of `runs`, whose request is `whole`; where there are none, it is one message. A message has more than `most`
    // bytes only where it has one span alone.
    std::vector<KafkaMessage> of(std::span<const Run> runs, const Request& whole, size_t most) const;
    // Of runs that were one message, and were too large for a broker.
    std::vector<KafkaMessage> again(std::vector<Run> runs, std::string key, size_t most) const;

private:
    std::vector<KafkaMessage> divide(KafkaMessage message, size_t most) const;
    void add(std::vector<Run> runs, std::string key, const Request* whole, size_t most,
             std::vector<KafkaMessage>& messages) const;
    void keep(KafkaMessage message, std::vector<Run> runs, std::string key, size_t most,
              std::vector<KafkaMessage>& messages) const;
    KafkaPayload encode(const Request& request) const;

    const bool json_;
    const bool by_trace_;
};

// The runs of each trace, in the order in which traces first appear, by the first id that a span has. Of one without an
// id the trace is the empty one.
struct TraceRuns {
    std::string trace;  // 16 bytes, or none
    std::vector<Run> runs;
};
std::vector<TraceRuns> runs_by_trace(std::span<const Run> runs);

}  // namespace spanring::agent
