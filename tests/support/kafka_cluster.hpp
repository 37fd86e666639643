// SPDX-License-Identifier: Apache-2.0
//
// librdkafka's own stand-in for a cluster, on loopback, which answers as a test says; and what is in its topics, read
// by a consumer of that library.
#pragma once

#include <gtest/gtest.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/span_ids.hpp"
#include "support/watchdog.hpp"

namespace spanring::agent::test {

struct KafkaReceived {
    int32_t partition = 0;
    std::string key, bytes;
    std::vector<std::pair<std::string, std::string>> headers;
    otlp::Request request;
    bool parsed = false;
};

class KafkaCluster {
public:
    static constexpr int kProduce = 0;  // requests by their numbers in the protocol
    static constexpr int kMetadata = 3;

    explicit KafkaCluster(int brokers = 1) {
        char error[512];
        rd_kafka_conf_t* const configuration = ::rd_kafka_conf_new();
        ::rd_kafka_conf_set(configuration, "log_level", "0", error, sizeof error);
        handle_ = ::rd_kafka_new(RD_KAFKA_PRODUCER, configuration, error, sizeof error);
        if (handle_ == nullptr) std::abort();
        cluster_ = ::rd_kafka_mock_cluster_new(handle_, brokers);
        if (cluster_ == nullptr) std::abort();
    }
    ~KafkaCluster() {
        ::rd_kafka_mock_cluster_destroy(cluster_);
        ::rd_kafka_destroy(handle_);
    }
    KafkaCluster(const KafkaCluster&) = delete;
    KafkaCluster& operator=(const KafkaCluster&) = delete;

    std::string brokers() const { return ::rd_kafka_mock_cluster_bootstraps(cluster_); }
    void make_topic(const std::string& name, int partitions) {
        ASSERT_EQ(::rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    void set_down(int broker) { ::rd_kafka_mock_broker_set_down(cluster_, broker); }
    void set_up(int broker) { ::rd_kafka_mock_broker_set_up(cluster_, broker); }
    void set_topic_error(const std::string& name, rd_kafka_resp_err_t error) {
        ::rd_kafka_mock_topic_set_error(cluster_, name.c_str(), error);
    }
    // The next answers to such requests.
    void answer_with(int request, const std::vector<rd_kafka_resp_err_t>& errors) {
        ::rd_kafka_mock_push_request_errors_array(cluster_, static_cast<int16_t>(request), errors.size(),
                                                  errors.data());
    }
    void answer_properly() { ::rd_kafka_mock_clear_request_errors(cluster_, kProduce); }

    // All that is in a topic: up to the ends of `partitions`, which the consumer tells.
    std::vector<KafkaReceived> read(const std::string& topic, int partitions) const {
        char error[512];
        rd_kafka_conf_t* const configuration = ::rd_kafka_conf_new();
        for (const auto& [key, value] :
             std::vector<std::pair<std::string, std::string>>{{"bootstrap.servers", brokers()},
                                                              {"group.id", "reader"},
                                                              {"enable.partition.eof", "true"},
                                                              {"log_level", "0"},
                                                              {"fetch.wait.max.ms", "10"}})
            if (::rd_kafka_conf_set(configuration, key.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
                std::abort();
        rd_kafka_t* const consumer = ::rd_kafka_new(RD_KAFKA_CONSUMER, configuration, error, sizeof error);
        if (consumer == nullptr) std::abort();
        rd_kafka_topic_partition_list_t* const all = ::rd_kafka_topic_partition_list_new(partitions);
        for (int i = 0; i < partitions; ++i)
            ::rd_kafka_topic_partition_list_add(all, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
        ::rd_kafka_assign(consumer, all);
        std::vector<KafkaReceived> received;
        for (int ends = 0; ends < partitions;) {
            rd_kafka_message_t* const message = ::rd_kafka_consumer_poll(consumer, 60'000);
            if (message == nullptr) {
                ADD_FAILURE() << "the topic has no end";
                break;
            }
            if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ends;
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) received.push_back(take(*message));
            ::rd_kafka_message_destroy(message);
        }
        ::rd_kafka_topic_partition_list_destroy(all);
        ::rd_kafka_consumer_close(consumer);
        ::rd_kafka_destroy(consumer);
        return received;
    }

private:
    static KafkaReceived take(const rd_kafka_message_t& message) {
        KafkaReceived received;
        received.partition = message.partition;
        received.bytes.assign(static_cast<const char*>(message.payload), message.len);
        if (message.key != nullptr) received.key.assign(static_cast<const char*>(message.key), message.key_len);
        rd_kafka_headers_t* headers = nullptr;
        if (::rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            const char* name = nullptr;
            const void* value = nullptr;
            size_t size = 0;
            for (size_t i = 0;
                 ::rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
                received.headers.emplace_back(name, std::string(static_cast<const char*>(value), size));
        }
        received.parsed = received.request.ParseFromString(received.bytes);
        return received;
    }

    rd_kafka_t* handle_ = nullptr;
    rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace spanring::agent::test
