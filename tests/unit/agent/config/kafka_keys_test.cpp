// SPDX-License-Identifier: Apache-2.0
//
// The keys of the Kafka exporter, which are the Collector's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "export/kafka/library.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class KafkaKeysTest : public test::ConfigTest {
protected:
    void SetUp() override {
        if (!has_kafka()) GTEST_SKIP() << "built without librdkafka";
    }
    KafkaOptions options(const std::string& inside) {
        const LoadedConfig loaded = load("exporters: {kafka: {" + inside + "}}\n");
        EXPECT_THAT(loaded.problems, IsEmpty());
        EXPECT_TRUE(load(print_config(loaded.config)).config == loaded.config) << print_config(loaded.config);
        return loaded.config.exporters.at(0).kafka;
    }
    std::vector<std::string> problems(const std::string& inside) {
        return load("exporters: {kafka: {" + inside + "}}\n").problems;
    }
};

TEST_F(KafkaKeysTest, WithoutAnyItIsAsTheCollectorHasItButForAcknowledgements) {
    const KafkaOptions kafka = options("");
    EXPECT_THAT(kafka.brokers, ElementsAre("localhost:9092"));
    EXPECT_EQ(kafka.topic, "otlp_spans");
    EXPECT_EQ(kafka.encoding, KafkaOptions::Encoding::kProto);
    EXPECT_FALSE(kafka.partition_traces_by_id);
    EXPECT_EQ(kafka.max_message_bytes, 1'000'000u);
    EXPECT_EQ(kafka.timeout, std::chrono::seconds(5));
    EXPECT_EQ(kafka.compression, "none");
    EXPECT_TRUE(kafka.insecure);
    EXPECT_EQ(kafka.acks, KafkaOptions::Acks::kAll);
    EXPECT_TRUE(kafka.idempotence);
    EXPECT_EQ(load("exporters: {kafka: }\n").config.exporters.at(0).kafka.spool.directory, "/state/spool/kafka");
}

TEST_F(KafkaKeysTest, EachIsTaken) {
    const KafkaOptions kafka = options(
        "brokers: ['a:1', b], client_id: c, traces: {topic: t, encoding: otlp_json}, partition_traces_by_id: true, "
        "topic_from_attribute: team, max_topics: 3, "
        "record_headers: {}, timeout: 2s, metadata: {refresh_interval: 1m}, tls: {insecure_skip_verify: true}, "
        "producer: {required_acks: 1, enable_idempotence: false, max_message_bytes: 2MiB, compression: gzip, "
        "compression_params: {level: 9}, linger: 0s, allow_auto_topic_creation: false}");
    EXPECT_THAT(kafka.brokers, ElementsAre("a:1", "b"));
    EXPECT_EQ(kafka.topic, "t");
    EXPECT_EQ(kafka.encoding, KafkaOptions::Encoding::kJson);
    EXPECT_TRUE(kafka.partition_traces_by_id);
    EXPECT_EQ(kafka.topic_from_attribute, "team");
    EXPECT_EQ(kafka.max_topics, 3u);
    EXPECT_FALSE(kafka.insecure);
    EXPECT_TRUE(kafka.insecure_skip_verify);
    EXPECT_EQ(kafka.acks, KafkaOptions::Acks::kLeader);
    EXPECT_FALSE(kafka.idempotence);
    EXPECT_EQ(kafka.max_message_bytes, uint64_t{2} << 20);
    EXPECT_EQ(kafka.compression_level, 9u);
    EXPECT_FALSE(kafka.allow_auto_topic_creation);
}

TEST_F(KafkaKeysTest, TheOlderPlaceOfTheTopicIsKnown) {
    EXPECT_EQ(options("topic: older").topic, "older");
    EXPECT_EQ(options("encoding: otlp_json").encoding, KafkaOptions::Encoding::kJson);
}

TEST_F(KafkaKeysTest, TlsIsOnWhereItIsGiven) {
    EXPECT_FALSE(options("tls: {}").insecure);
    EXPECT_FALSE(options("tls: ").insecure);
    EXPECT_TRUE(options("tls: {insecure: true}").insecure);
}

TEST_F(KafkaKeysTest, WhatCannotBeIsNamed) {
    EXPECT_THAT(problems("producer: {required_acks: 1}"), ElementsAre(HasSubstr("enable_idempotence")));
    EXPECT_THAT(problems("producer: {required_acks: 0, enable_idempotence: false}"),
                ElementsAre(HasSubstr("required_acks")));
    EXPECT_THAT(problems("brokers: []"), ElementsAre(HasSubstr("brokers")));
    EXPECT_THAT(problems("brokers: ['http://a:1']"), ElementsAre(HasSubstr("HOST:PORT")));
    EXPECT_THAT(problems("brokers: ['me:s3cret@a:1']"), ElementsAre(HasSubstr("'...@a:1' is not HOST or HOST:PORT")));
    EXPECT_THAT(problems("traces: {topic: 'a/b'}"), ElementsAre(HasSubstr("topic")));
    EXPECT_THAT(problems("traces: {encoding: jaeger_proto}"), ElementsAre(HasSubstr("encoding")));
    EXPECT_THAT(problems("producer: {compression: gzip, compression_params: {level: 10}}"),
                ElementsAre(HasSubstr("level")));
    EXPECT_THAT(problems("max_topics: 0"), ElementsAre(HasSubstr("max_topics")));
    EXPECT_THAT(problems("auth: {kerberos: {realm: r}}"), ElementsAre(HasSubstr("kerberos")));
    EXPECT_THAT(problems("timeout: 5ms"), ElementsAre(HasSubstr("linger")));
}

TEST_F(KafkaKeysTest, NameAndPasswordAreNeverShown) {
    const LoadedConfig loaded =
        load("exporters: {kafka: {auth: {sasl: {username: agent-7, password: s3cret, mechanism: SCRAM-SHA-512}}, "
             "record_headers: {tenant: hush}}}\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.exporters.at(0).kafka.mechanism, "SCRAM-SHA-512");
    const std::string printed = print_config_with_origins(loaded);
    for (const char* secret : {"agent-7", "s3cret", "hush"}) EXPECT_THAT(printed, Not(HasSubstr(secret)));
    for (const std::string& problem : problems("auth: {sasl: {password: s3cret}}"))
        EXPECT_THAT(problem, Not(HasSubstr("s3cret")));
    EXPECT_THAT(problems("auth: {sasl: {password: s3cret}}"), ElementsAre(HasSubstr("go together")));
}

TEST_F(KafkaKeysTest, FilesOfTlsAreLookedAt) {
    const LoadedConfig loaded = load("exporters: {kafka: {tls: {ca_file: /nowhere/ca.pem}}}\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(check({"--config", file_}).problems, ElementsAre(HasSubstr("/nowhere/ca.pem")));
}

TEST_F(KafkaKeysTest, OfAPasswordThatOthersCanReadItWarns) {
    const auto warnings = [&](const std::string& more) {
        return load("exporters: {kafka: {auth: {sasl: {username: u, password: p}}" + more + "}}\n").warnings;
    };
    EXPECT_THAT(warnings(", brokers: ['kafka:9092', '127.0.0.1:9092']"),
                ElementsAre(HasSubstr("password: goes to another host in plaintext")));
    for (const char* broker : {"localhost.example:9092", "127.example:9092"})
        EXPECT_THAT(warnings(std::string(", brokers: ['") + broker + "']"), testing::SizeIs(1)) << broker;
    EXPECT_THAT(warnings(", brokers: ['[::1]:9092', '127.0.0.2', 'localhost']"), IsEmpty());
    EXPECT_THAT(warnings(", brokers: ['kafka:9092'], tls: {}"), IsEmpty());
    EXPECT_THAT(warnings(""), IsEmpty());
}

}  // namespace
}  // namespace spanring::agent
