// SPDX-License-Identifier: Apache-2.0
//
// Which topics have the places that there are, as names come and are not used any more.
#include "export/kafka/topics.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "otlp.pb.h"
#include "otlp/wire.hpp"
#include "support/captured_log.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class KafkaTopicsTest : public ::testing::Test {
protected:
    static constexpr uid_t kAnn = 1000, kBob = 1001;

    // Where a span goes whose process has that attribute.
    std::string topic_of(const std::string& named, uid_t owner = kAnn) {
        spanring::otlp::ResourceSpans around;
        spanring::otlp::KeyValue& attribute = *around.mutable_resource()->add_attributes();
        attribute.set_key("team");
        attribute.mutable_value()->set_string_value(named);
        auto producer = std::make_shared<Producer>();
        producer->resource = around.SerializeAsString();
        producer->uid = owner;
        producers_.push_back(producer);
        const std::vector<agent::Run> runs = {agent::Run{producer, nullptr, {}, 1}};
        const std::vector<KafkaTopics::Part> parts = topics_.apart(runs, now_);
        return parts.at(0).diverted ? "(diverted)" : parts.at(0).topic;
    }

    std::shared_ptr<KafkaFigures> figures_ = std::make_shared<KafkaFigures>();
    KafkaTopics topics_{"team", "spans", 4, "exporter kafka", figures_};
    KafkaTopics::Time now_{1h};
    std::vector<std::shared_ptr<Producer>> producers_;
    test::CapturedLog log_;
};

TEST_F(KafkaTopicsTest, OneThatIsUnusedGivesItsPlaceUp) {
    for (const char* name : {"a", "b", "c", "d"}) EXPECT_EQ(topic_of(name), name);
    EXPECT_EQ(topic_of("e"), "(diverted)");
    now_ += KafkaTopics::kUnused - 1ms;
    EXPECT_EQ(topic_of("e"), "(diverted)");
    EXPECT_EQ(topic_of("a"), "a") << "it is used";
    now_ += 1s;
    EXPECT_EQ(topic_of("e"), "e");
    EXPECT_EQ(figures_->topics, 4u);
    EXPECT_EQ(topic_of("a"), "a");
    EXPECT_FALSE(topics_.outgrew_producer());
    for (const char* name : {"f", "g"}) {
        now_ += 1s;
        EXPECT_EQ(topic_of(name), name);
    }
    now_ += 1s;
    EXPECT_EQ(topic_of("h"), "(diverted)") << "all were used a moment ago";
    now_ += KafkaTopics::kUnused;
    EXPECT_EQ(topic_of("h"), "h");
    EXPECT_TRUE(topics_.outgrew_producer());
    EXPECT_FALSE(topics_.outgrew_producer()) << "once";
}

TEST_F(KafkaTopicsTest, OneThatIsOfNoUseKeepsNoPlaceForEver) {
    for (const char* name : {"a", "b", "c", "d"}) EXPECT_EQ(topic_of(name), name);
    topics_.doubt("a", "it is not there", now_);
    EXPECT_EQ(topic_of("a"), "(diverted)");
    now_ += KafkaTopics::kUnused;
    for (const char* name : {"b", "c", "d"}) EXPECT_EQ(topic_of(name), name);
    EXPECT_EQ(topic_of("e"), "e");
    EXPECT_EQ(topic_of("a"), "(diverted)");
}

TEST_F(KafkaTopicsTest, NoUserHoldsAllPlaces) {
    for (const char* name : {"a", "b", "c", "d"}) EXPECT_EQ(topic_of(name), name);
    now_ += 1s;
    EXPECT_EQ(topic_of("b"), "b");
    EXPECT_EQ(topic_of("x", kBob), "x") << "in the place of the one that was used least";
    EXPECT_EQ(topic_of("b"), "b");
    EXPECT_EQ(topic_of("y", kBob), "y");
    EXPECT_EQ(topic_of("z", kBob), "(diverted)") << "the shares are equal";
    for (const char* name : {"e", "f"}) EXPECT_EQ(topic_of(name), "(diverted)");
    EXPECT_EQ(topic_of("b"), "b");
    for (const char* name : {"x", "y"}) EXPECT_EQ(topic_of(name, kBob), name);
    EXPECT_EQ(figures_->topics, 4u);
}

}  // namespace
}  // namespace spanring::agent
