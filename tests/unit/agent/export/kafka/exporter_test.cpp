// SPDX-License-Identifier: Apache-2.0
//
// The Kafka exporter and a cluster that can do what clusters do.
#include "export/kafka/exporter.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "export/kafka/failure.hpp"
#include "export/kafka/options.hpp"
#include "export/kafka/transport.hpp"
#include "support/captured_log.hpp"
#include "support/exporter_test.hpp"
#include "support/kafka_cluster.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr int kPartitions = 4;

class KafkaExporterTest : public ExporterTest {
protected:
    KafkaExporterTest() {
        options_.brokers = {cluster_.brokers()};
        options_.timeout = 20s;  // longer than anything a sound cluster needs here
        options_.linger = 0ms;
        options_.retry.initial_interval = 5ms;
        options_.retry.max_interval = 20ms;
        options_.spool.directory = directory_.file("spool");
        cluster_.make_topic("otlp_spans", kPartitions);
    }

    void make() {
        exporter_.reset();  // the spool is one exporter's at a time
        exporter_ = make_kafka_exporter("kafka", 1, true, options_, &ledger_);
    }
    std::vector<KafkaReceived> received(const std::string& topic = "otlp_spans") const {
        return cluster_.read(topic, kPartitions);
    }
    // Ten spans of each, by the name of its service, whose runs lie in one batch.
    std::shared_ptr<Batch> batch_of_services(uint64_t first, const std::vector<std::string>& services) {
        auto made = batch(first, 10, producer(1, services.front()));
        uint64_t next = first + 10;
        for (size_t i = 1; i < services.size(); ++i) {
            std::string run;
            for (int n = 0; n < 10; ++n) run += bytes(2, typical_span(next++));
            add_run(*made, producer(static_cast<uint8_t>(i + 1), services[i]), scope("test"), run, 10);
        }
        return made;
    }

    KafkaCluster cluster_;
    KafkaOptions options_;
};

TEST_F(KafkaExporterTest, ABatchIsOneRequestInOneMessage) {
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(100, 50)).outcome, Outcome::kExported);
    const auto messages = received();
    ASSERT_EQ(messages.size(), 2u);
    expect_once(messages, 0, 150);
    EXPECT_EQ(messages[0].key, "");
    EXPECT_EQ(exporter_->status().exported, 150u);
    EXPECT_EQ(exporter_->status().attempts_accepted, 2u);
}

TEST_F(KafkaExporterTest, WithEachCompressionTheSameComesOut) {
    uint64_t spans = 0;
    for (const char* compression : {"gzip", "snappy", "lz4", "zstd"}) {
        options_.compression = compression;
        make();
        EXPECT_EQ(send(batch(spans, 100)).outcome, Outcome::kExported) << compression;
        spans += 100;
    }
    expect_once(received(), 0, spans);
}

TEST_F(KafkaExporterTest, ABatchThatDoesNotFitIsSplit) {
    options_.max_message_bytes = 4096;
    make();
    EXPECT_EQ(send(batch(0, 1000)).outcome, Outcome::kExported);
    const auto messages = received();
    EXPECT_GT(messages.size(), 10u);
    for (const KafkaReceived& message : messages) EXPECT_LE(message.bytes.size(), options_.max_message_bytes);
    expect_once(messages, 0, 1000);
}

TEST_F(KafkaExporterTest, AsJsonLikewise) {
    options_.encoding = KafkaOptions::Encoding::kJson;
    options_.max_message_bytes = 8192;
    make();
    EXPECT_EQ(send(batch(0, 1000)).outcome, Outcome::kExported);
    const auto messages = received();
    EXPECT_GT(messages.size(), 10u);
    std::multiset<std::string> ids;
    for (const KafkaReceived& message : messages) {
        EXPECT_LE(message.bytes.size(), options_.max_message_bytes);
        EXPECT_EQ(message.bytes.substr(0, 18), R"({"resourceSpans":[)");
        const std::string name = R"("spanId":")";
        for (size_t at = message.bytes.find(name); at != std::string::npos; at = message.bytes.find(name, at + 1))
            ids.insert(message.bytes.substr(at + name.size(), 16));
    }
    EXPECT_EQ(ids.size(), 1000u);
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1000u);
}

TEST_F(KafkaExporterTest, ByTraceEachMessageHasOneTraceAndItsIdAsTheKey) {
    options_.partition_traces_by_id = true;
    make();
    EXPECT_EQ(send(batch(0, 300)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(300, 300)).outcome, Outcome::kExported);
    const auto messages = received();
    expect_once(messages, 0, 600);
    std::map<std::string, std::set<int32_t>> partitions;
    for (const KafkaReceived& message : messages) {
        ASSERT_EQ(message.key.size(), 32u);
        partitions[message.key].insert(message.partition);
        for (const auto& resource : message.request.resource_spans()) {
            for (const auto& scope : resource.scope_spans()) {
                for (const auto& span : scope.spans()) {
                    std::string hex;
                    for (const unsigned char c : span.trace_id()) {
                        char two[3];
                        std::snprintf(two, sizeof two, "%02x", c);
                        hex += two;
                    }
                    EXPECT_EQ(hex, message.key);
                }
            }
        }
    }
    for (const auto& [key, where] : partitions) EXPECT_EQ(where.size(), 1u) << key;
}

TEST_F(KafkaExporterTest, HeadersGoWithEachMessage) {
    options_.headers = {{"tenant", "a"}, {"zone", ""}};
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    const auto messages = received();
    ASSERT_EQ(messages.size(), 1u);
    using Headers = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(messages[0].headers, (Headers{{"tenant", "a"}, {"zone", ""}}));
}

TEST_F(KafkaExporterTest, AnAttributeOfTheResourceNamesTheTopic) {
    options_.topic_from_attribute = "service.name";
    cluster_.make_topic("shop", kPartitions);
    cluster_.make_topic("bank", kPartitions);
    make();
    EXPECT_EQ(send(batch_of_services(0, {"shop", "bank", "", "shop", "otlp_spans"})).outcome, Outcome::kExported);
    expect_once(received("bank"), 10, 20);
    EXPECT_EQ(received("shop").size(), 1u);
    EXPECT_EQ(received().size(), 1u);
    std::vector<KafkaReceived> all = received();
    for (const char* topic : {"shop", "bank"}) {
        for (KafkaReceived& each : received(topic)) all.push_back(std::move(each));
    }
    expect_once(all, 0, 50);
    EXPECT_EQ(exporter_->status().topics, (TopicsStatus{2, 0}));
}

TEST_F(KafkaExporterTest, OutOfTheSpoolAndByTraceItDoesSoAsWell) {
    options_.topic_from_attribute = "service.name";
    options_.partition_traces_by_id = true;
    options_.timeout = 1s;
    cluster_.make_topic("shop", kPartitions);
    cluster_.set_down(1);
    make();
    EXPECT_EQ(send(batch_of_services(0, {"shop", "", "shop"})).outcome, Outcome::kSpooled);
    cluster_.set_up(1);
    EXPECT_TRUE(ledger_.wait_for_total(30));
    expect_once(received(), 10, 20);
    for (const KafkaReceived& each : received("shop")) EXPECT_EQ(each.key.size(), 32u);
}

TEST_F(KafkaExporterTest, ANameThatIsNoneOrOneTooManyGoesToTheConfiguredTopicAndIsCounted) {
    options_.topic_from_attribute = "service.name";
    options_.max_topics = 2;
    for (const char* topic : {"a", "b", "c"}) cluster_.make_topic(topic, kPartitions);
    make();
    EXPECT_EQ(send(batch_of_services(0, {"a", "../x", "__consumer_offsets", "b", "c", "a\nb", std::string(250, 'x')}))
                  .outcome,
              Outcome::kExported);
    EXPECT_EQ(exporter_->status().topics, (TopicsStatus{2, 50}));
    expect_once(received("a"), 0, 10);
    expect_once(received("b"), 30, 40);
    EXPECT_TRUE(received("c").empty());
    EXPECT_EQ(received().size(), 1u);
}

TEST_F(KafkaExporterTest, ANamedTopicThatIsNotThereHoldsNobody) {
    options_.topic_from_attribute = "service.name";
    options_.timeout = 10s;
    cluster_.set_topic_error("nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    make();
    EXPECT_EQ(send(batch_of_services(0, {"nowhere", ""})).outcome, Outcome::kExported);
    expect_once(received(), 0, 20);
    EXPECT_EQ(exporter_->status().topics, (TopicsStatus{1, 10}));
    EXPECT_EQ(send(batch_of_services(20, {"nowhere"})).outcome, Outcome::kExported);  // at once
    expect_once(received(), 0, 30);
    EXPECT_EQ(exporter_->status().topics, (TopicsStatus{1, 20}));
    EXPECT_EQ(exporter_->status().attempts_failed, 0u);
}

TEST_F(KafkaExporterTest, NorOneThatTheAgentMayNotWriteTo) {
    options_.topic_from_attribute = "service.name";
    cluster_.make_topic("theirs", kPartitions);
    cluster_.answer_with(KafkaCluster::kProduce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
    make();
    EXPECT_EQ(send(batch_of_services(0, {"theirs"})).outcome, Outcome::kExported);
    expect_once(received(), 0, 10);
    EXPECT_EQ(exporter_->status().topics, (TopicsStatus{1, 10}));
    EXPECT_EQ(exporter_->status().rejected, 0u);
}

TEST_F(KafkaExporterTest, NorOneThatDoesNotAnswerWhereOthersDo) {
    options_.topic_from_attribute = "service.name";
    options_.timeout = 2s;
    cluster_.set_topic_error("mute", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);  // the stand-in says nothing then
    make();
    EXPECT_EQ(send(batch_of_services(0, {"mute"})).outcome, Outcome::kSpooled);
    EXPECT_TRUE(ledger_.wait_for_total(10));
    expect_once(received(), 0, 10);
    EXPECT_EQ(exporter_->status().topics, (TopicsStatus{1, 10}));
}

TEST_F(KafkaExporterTest, WhatALeaderDoesNotTakeForTheMomentIsSentAgainByTheLibrary) {
    cluster_.answer_with(KafkaCluster::kProduce,
                         {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS});
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    expect_once(received(), 0, 10);
    EXPECT_EQ(exporter_->status().attempts_failed, 0u);
}

TEST_F(KafkaExporterTest, AMessageThatABrokerFindsTooLargeIsDivided) {
    cluster_.answer_with(KafkaCluster::kProduce,
                         {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
    make();
    EXPECT_EQ(send(batch(0, 1000)).outcome, Outcome::kExported);
    const auto messages = received();
    EXPECT_GE(messages.size(), 3u);
    expect_once(messages, 0, 1000);
    EXPECT_EQ(exporter_->status().rejected, 0u);
}

TEST_F(KafkaExporterTest, ASpanThatIsTooLargeAloneIsRejectedAndNoOther) {
    options_.max_message_bytes = 4096;
    make();
    auto mixed = batch(0, 10);
    add_run(*mixed, mixed->runs[0].producer, mixed->runs[0].scope, bytes(2, bytes(5, std::string(6000, 'x'))), 1);
    const Resolution resolution = send(mixed);
    EXPECT_EQ(resolution.outcome, Outcome::kExported);
    EXPECT_EQ(resolution.rejected, 1u);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("max_message_bytes"));
    expect_once(received(), 0, 10);
}

TEST_F(KafkaExporterTest, WhoMayNotWriteIsRejected) {
    cluster_.answer_with(KafkaCluster::kProduce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kRejected);
    EXPECT_EQ(exporter_->status().attempts_rejected, 1u);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("authorization"));
    uint64_t next = 10;  // once somebody allows it
    EXPECT_TRUE(
        eventually([&] { return send(batch(std::exchange(next, next + 10), 10)).outcome == Outcome::kExported; }));
}

TEST_F(KafkaExporterTest, WhileThereIsNoTopicSpansAreKept) {
    options_.topic = "later";
    options_.timeout = 1s;
    cluster_.set_topic_error("later", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    EXPECT_FALSE(exporter_->status().healthy);
    cluster_.set_topic_error("later", RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT_TRUE(ledger_.wait_for_total(10));
    EXPECT_EQ(exporter_->status().spool_exported, 10u);
}

TEST_F(KafkaExporterTest, WhatAClusterThatIsAwayDidNotGetIsSentWhenItIsBack) {
    options_.timeout = 1s;
    cluster_.set_down(1);
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kSpooled);
    EXPECT_FALSE(exporter_->status().healthy);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("timed out"));
    cluster_.set_up(1);
    EXPECT_TRUE(ledger_.wait_for_total(100));
    expect_once(received(), 0, 100);
    EXPECT_TRUE(exporter_->status().healthy);
}

TEST_F(KafkaExporterTest, WithoutASpoolItWaitsInTheQueue) {
    options_.timeout = 1s;
    options_.spool.enabled = false;
    cluster_.set_down(1);
    make();
    exporter_->submit(batch(0, 100));
    EXPECT_TRUE(eventually([&] { return exporter_->status().attempts_failed > 0; }));
    cluster_.set_up(1);
    EXPECT_TRUE(exporter_->flush(watchdog()));
    EXPECT_EQ(batches_[0]->resolutions[1].outcome, Outcome::kExported);
    expect_once(received(), 0, 100);
}

TEST_F(KafkaExporterTest, TheEndDoesNotWaitForAClusterThatIsAway) {
    options_.timeout = 1h;
    options_.linger = 5ms;
    cluster_.set_down(1);
    make();
    const auto left = batch(0, 100);
    exporter_->submit(left);
    exporter_->shutdown(std::chrono::steady_clock::now());
    EXPECT_EQ(left->resolutions[1].outcome, Outcome::kSpooled);
    options_.timeout = 20s;
    cluster_.set_up(1);
    make();
    EXPECT_TRUE(ledger_.wait_for_total(100));
    expect_once(received(), 0, 100);
}

TEST_F(KafkaExporterTest, OutOfTheSpoolItIsSplitAndHasKeysAsWell) {
    options_.timeout = 1s;
    options_.max_message_bytes = 4096;
    options_.partition_traces_by_id = true;
    cluster_.set_down(1);
    make();
    EXPECT_EQ(send(batch(0, 1000)).outcome, Outcome::kSpooled);
    cluster_.set_up(1);
    EXPECT_TRUE(ledger_.wait_for_total(1000));
    const auto messages = received();
    expect_once(messages, 0, 1000);
    for (const KafkaReceived& message : messages) EXPECT_EQ(message.key.size(), 32u);
}

TEST_F(KafkaExporterTest, ACutEndsWhatIsInFlightAndAnotherProducerGoesOn) {
    options_.timeout = 1h;
    options_.linger = 5ms;
    cluster_.set_down(1);
    KafkaTransport transport(options_);
    const auto sent = batch(0, 10);
    transport.start(ship(sent, 1), false, {});
    transport.cut();
    std::vector<Transport::Ended> ended = transport.wait(watchdog());
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0].answer.verdict, Verdict::kRetry);
    EXPECT_THAT(ended[0].answer.message, HasSubstr("keeps the agent busy"));
    cluster_.set_up(1);
    transport.start(ship(sent, 2), false, {});
    ended.clear();
    while (ended.empty()) ended = transport.wait(watchdog());
    EXPECT_EQ(ended[0].answer.verdict, Verdict::kAccepted);
    resolve(sent, 1, true, {Outcome::kExported, 0});
    expect_once(received(), 0, 10);
}

TEST_F(KafkaExporterTest, ACommandSeesWhetherTheTopicIsThere) {
    EXPECT_EQ(look_at_kafka(options_, 10s), "");
    options_.topic = "nowhere";
    cluster_.set_topic_error("nowhere", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    EXPECT_THAT(look_at_kafka(options_, 10s), HasSubstr("nowhere"));
    cluster_.set_down(1);
    EXPECT_NE(look_at_kafka(options_, 500ms), "");
}

TEST_F(KafkaExporterTest, WhatTheChecksAllowTheLibraryTakes) {
    options_.timeout = std::chrono::hours(24 * 24);
    options_.linger = 15min;
    options_.refresh_interval = 1h;
    options_.max_message_bytes = 64 << 20;
    EXPECT_NO_THROW(KafkaTransport{options_});
    for (auto* const most : {&options_.timeout, &options_.linger, &options_.refresh_interval}) {
        ++*most;
        EXPECT_EQ(faults_of(options_).size(), 1u);
        --*most;
    }
}

TEST_F(KafkaExporterTest, WhatTheLibraryDoesNotLikeIsSaidWithoutTheSecret) {
    options_.username = "agent";
    options_.password = "s3cret";
    options_.insecure = false;
    options_.ca_file = directory_.file("ca.pem");
    EXPECT_THROW(make(), std::runtime_error);
    options_.ca_file.clear();
    options_.password.clear();
    EXPECT_THROW(make(), std::invalid_argument);
}

TEST(KafkaFailureTest, EachCodeHasItsConsequence) {
    EXPECT_EQ(failure_of(RD_KAFKA_RESP_ERR_NO_ERROR), KafkaFailure::kNone);
    for (const auto code :
         {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__AUTHENTICATION,
          RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT,
          RD_KAFKA_RESP_ERR__QUEUE_FULL, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
          RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED})
        EXPECT_EQ(failure_of(code), KafkaFailure::kRetry) << ::rd_kafka_err2name(code);
    for (const auto code :
         {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
          RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_POLICY_VIOLATION})
        EXPECT_EQ(failure_of(code), KafkaFailure::kRefused) << ::rd_kafka_err2name(code);
    EXPECT_EQ(failure_of(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), KafkaFailure::kTooLarge);
    EXPECT_EQ(failure_of(RD_KAFKA_RESP_ERR__FATAL), KafkaFailure::kBroken);
}

}  // namespace
}  // namespace spanring::agent::test
