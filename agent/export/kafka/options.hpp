// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "export/otlp_options.hpp"

namespace spanring::agent {

struct KafkaOptions : OtlpOptions {
    KafkaOptions() { timeout = std::chrono::milliseconds(5000); }

    enum class Encoding : uint8_t { kProto, kJson };
    enum class Acks : uint8_t { kAll, kLeader };

    std::vector<std::string> brokers = {"localhost:9092"};
    std::string client_id = "spanring-agent";
    std::string topic = "otlp_spans";
    std::string topic_from_attribute;  // of the resource; empty: there is one topic
    uint32_t max_topics = 64;          // that it may name
    Encoding encoding = Encoding::kProto;
    bool partition_traces_by_id = false;

    // SASL, where there is a name.
    std::string username, password;
    std::string mechanism = "PLAIN";

    bool insecure = true;  // the file's `tls` turns it off
    bool insecure_skip_verify = false;

    Acks acks = Acks::kAll;
    bool idempotence = true;
    uint64_t max_message_bytes = 1'000'000;  // before compression
    uint32_t compression_level = 0;          // 0: the library's own
    std::chrono::milliseconds linger{10};
    bool allow_auto_topic_creation = true;
    std::chrono::milliseconds refresh_interval{600'000};

    bool operator==(const KafkaOptions&) const = default;
};

std::vector<Option> describe(KafkaOptions& kafka);
// Whether Kafka takes it as the name of a topic.
bool is_topic_name(const std::string& text);
// What they are together.
std::vector<OptionFault> faults_of(const KafkaOptions& kafka);

}  // namespace spanring::agent
