// SPDX-License-Identifier: Apache-2.0
//
// The keys are those of the Collector's `kafka` exporter, and so are the defaults but for the acknowledgements: one of
// a leader alone says nothing of what is left when that goes.
#include "export/kafka/options.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/option.hpp"
#include "base/text.hpp"
#include "otlp/request.hpp"

namespace spanring::agent {
namespace {

using namespace option;

constexpr size_t kMostTopic = 249;  // characters: Kafka's own limit

void check_topic(const std::string& text) {
    if (!is_topic_name(text)) throw std::invalid_argument("'" + text + "' is not a legal name of a topic");
}

// A list is handed to librdkafka with commas.
std::string fault_of_brokers(const std::vector<std::string>& brokers) {
    if (brokers.empty()) return "the list is empty";
    for (const std::string& broker : brokers) {
        const bool visible =
            std::all_of(broker.begin(), broker.end(), [](char c) { return c > ' ' && c <= '~' && c != ','; });
        if (broker.empty() || !visible || broker.find("//") != std::string::npos ||
            broker.find('@') != std::string::npos)
            return "'" + shown_url(broker) + "' is not HOST or HOST:PORT";
    }
    return {};
}

void check_secret(const std::string& text) {
    const bool legal = std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
    if (!legal) throw std::invalid_argument("contains control characters");
}

std::vector<Option> describe_sasl(KafkaOptions& kafka) {
    return {
        {"username", secret(kafka.username, check_secret), "of the agent, as the brokers know it; never printed"},
        {"password", secret(kafka.password, check_secret), "never printed"},
        {"mechanism", choice(kafka.mechanism, {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}), "how they are shown"},
    };
}

std::vector<Option> describe_tls(KafkaOptions& kafka) {
    std::vector<Option> tls = describe_tls_files(kafka);
    append(tls, {
                    {"insecure", boolean(kafka.insecure), "no TLS", "`true` without `tls`, else `false`"},
                    {"insecure_skip_verify", boolean(kafka.insecure_skip_verify), "trust any server"},
                });
    return tls;
}

std::vector<Option> describe_producer(KafkaOptions& kafka) {
    using enum KafkaOptions::Acks;
    return {
        {"required_acks", choice(kafka.acks, {{"all", kAll}, {"-1", kAll}, {"1", kLeader}}),
         "what must have a message before it counts as exported: all replicas in sync, or the leader alone"},
        {"enable_idempotence", boolean(kafka.idempotence),
         "what librdkafka sends again by itself is not in the topic twice; needs required_acks: all"},
        {"max_message_bytes", size(kafka.max_message_bytes, uint64_t{4} << 10),
         "most bytes of a message before it is compressed; a batch that has more is split"},
        {"compression", choice(kafka.compression, {"none", "gzip", "snappy", "lz4", "zstd"}),
         "how messages are compressed"},
        {"compression_params", Group{{{"level", count(kafka.compression_level, 0, 12),
                                       "0: librdkafka's own; gzip: at most 9, zstd and lz4: at most 12"}}}},
        {"linger", duration(kafka.linger, milliseconds(0)), "how long a message may wait for others on its way"},
        {"allow_auto_topic_creation", boolean(kafka.allow_auto_topic_creation),
         "brokers may make the topic where there is none"},
    };
}

}  // namespace

// As Kafka has it (org.apache.kafka.common.internals.Topic).
bool is_topic_name(const std::string& text) {
    const bool legal = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
    return !text.empty() && text.size() <= kMostTopic && text != "." && text != ".." && legal;
}

std::vector<Option> describe(KafkaOptions& kafka) {
    using enum KafkaOptions::Encoding;
    const auto topic = [&] { return text(kafka.topic, "topic", check_topic); };
    const auto encoding = [&] { return choice(kafka.encoding, {{"otlp_proto", kProto}, {"otlp_json", kJson}}); };
    std::vector<Option> options = {
        {"brokers", TextList{kafka.brokers, "list of HOST:PORT", fault_of_brokers}, "that are asked for all others"},
        {"client_id", text(kafka.client_id, "string", check_secret), "by which brokers name the agent"},
        {"traces", Group{{{"topic", topic(), "where spans go"},
                          {"encoding", encoding(), "an ExportTraceServiceRequest in each message, in this encoding"}}}},
        {"topic", topic(), "the same as traces.topic, as older files have it", "that of traces.topic", false},
        {"encoding", encoding(), "likewise", "that of traces.encoding", false},
        {"topic_from_attribute", text(kafka.topic_from_attribute, "name"),
         "of the resource, whose value is the topic of its spans; what is not a legal name goes to `traces.topic`"},
        {"max_topics", count(kafka.max_topics, 1, 10'000),
         "topics that `topic_from_attribute` may name; spans of others go to `traces.topic`"},
        {"partition_traces_by_id", boolean(kafka.partition_traces_by_id),
         "a message has one trace, and its id in lower-case hex as the key: a trace is in one partition"},
        {"record_headers", Secrets{kafka.headers}, "of every message; their values are never printed"},
        {"auth", Group{{{"sasl", Group{describe_sasl(kafka)}}}}},
        {"tls", Group{describe_tls(kafka)}},
        {"producer", Group{describe_producer(kafka)}},
        {"metadata", Group{{{"refresh_interval", duration(kafka.refresh_interval, milliseconds(1000)),
                             "how often brokers are asked where partitions are"}}}},
        {"timeout", duration(kafka.timeout, milliseconds(1)), "time limit of one attempt"},
    };
    append(options, describe_waiting(kafka));
    return options;
}

std::vector<OptionFault> faults_of(const KafkaOptions& kafka) {
    std::vector<OptionFault> faults;
    if (kafka.idempotence && kafka.acks != KafkaOptions::Acks::kAll)
        faults.push_back({"producer.required_acks", "1 cannot be with enable_idempotence: true"});
    if (kafka.username.empty() != kafka.password.empty())
        faults.push_back({"auth.sasl", "username and password go together, only one is set"});
    if (kafka.compression == "gzip" && kafka.compression_level > 9)
        faults.push_back({"producer.compression_params.level", "that of gzip is at most 9"});
    if (kafka.compression == "snappy" && kafka.compression_level != 0)
        faults.push_back({"producer.compression_params.level", "snappy has none"});
    if (kafka.max_message_bytes > kMaxRequestBytes * 16)
        faults.push_back({"producer.max_message_bytes", "is more than 64MiB"});
    // What librdkafka does not take.
    if (kafka.refresh_interval > std::chrono::hours(1))
        faults.push_back({"metadata.refresh_interval", "is more than 1h"});
    if (kafka.linger > std::chrono::minutes(15)) faults.push_back({"producer.linger", "is more than 15m"});
    if (kafka.timeout > std::chrono::hours(24 * 24)) faults.push_back({"timeout", "is more than 24 days"});
    if (kafka.linger >= kafka.timeout) faults.push_back({"producer.linger", "is not shorter than timeout"});
    return faults;
}

}  // namespace spanring::agent
