// SPDX-License-Identifier: Apache-2.0
//
// OTLP into a topic of Kafka, with the queue, the retries and the spool of the other OTLP exporters.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace spanring::agent {

class Exporter;
class Ledger;
struct KafkaOptions;

// `ledger` may be null. Start-up only: throws std::runtime_error or std::invalid_argument with what is wrong with the
// options.
std::unique_ptr<Exporter> make_kafka_exporter(std::string name, uint32_t index, bool required,
                                              const KafkaOptions& options, Ledger* ledger);

// For a command: whether the cluster is there and has the topic; empty, or why not. Throws as the other.
std::string look_at_kafka(const KafkaOptions& options, std::chrono::milliseconds patience);

}  // namespace spanring::agent
