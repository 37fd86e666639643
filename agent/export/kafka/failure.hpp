// SPDX-License-Identifier: Apache-2.0
//
// What it means that a message did not get to its topic. Kafka's protocol says of each code whether it may be tried
// again (org.apache.kafka.common.protocol.Errors); librdkafka does that itself within the attempt, so that what comes
// here has had its time.
#pragma once

#include <cstdint>

#include <librdkafka/rdkafka.h>

namespace spanring::agent {

enum class KafkaFailure : uint8_t {
    kNone,
    kRetry,  // the cluster, or the way to it, is not there for the moment; or the topic is not, which somebody may make
    kTooLarge,  // smaller messages may be taken
    kRefused,   // never: what is in it, or who sends it
    kBroken,    // the producer can send nothing any more, another one may
};

KafkaFailure failure_of(rd_kafka_resp_err_t code);

// It says that the topic is not there, or not for who sends: another one may be.
bool is_of_topic(rd_kafka_resp_err_t code);

}  // namespace spanring::agent
