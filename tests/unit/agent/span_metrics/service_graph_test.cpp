// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/service_graph.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "support/otlp_bytes.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::readable;

using Clock = EdgeStore::Clock;

constexpr Clock::time_point kNow{1h};
constexpr uint32_t kOk = 0;

TEST(EdgeStoreTest, HoldsWhatAPlainMapHolds) {
    EdgeStore store(50, 100ms);
    std::map<EdgeStore::Key, std::pair<uint32_t, Clock::time_point>> plain;
    std::mt19937 random(1);
    Clock::time_point now = kNow;
    for (uint32_t step = 0; step < 20'000; ++step) {
        now += std::chrono::milliseconds(random() % 3);
        const EdgeStore::Key key{random() % 40, random() % 2, random() % 2};
        if (random() % 3 == 0) {
            while (EdgeStore::Edge* const edge = store.expired(now)) {
                ASSERT_LE(plain.at(edge->key).second, now);
                plain.erase(edge->key);
                store.remove(*edge);
            }
            for (const auto& [left, what] : plain) ASSERT_GT(what.second, now);
        }
        EdgeStore::Edge* const edge = store.at(key, now);
        const auto known = plain.find(key);
        if (known != plain.end()) {
            ASSERT_NE(edge, nullptr);
            ASSERT_EQ(edge->client.service, known->second.first);
            if (random() % 2 == 0) {
                store.remove(*edge);
                plain.erase(known);
            }
        } else if (plain.size() == 50) {
            ASSERT_EQ(edge, nullptr);
        } else {
            ASSERT_NE(edge, nullptr);
            ASSERT_FALSE(edge->client.seen || edge->server.seen);
            edge->client.service = step;
            plain[key] = {step, now + 100ms};
        }
        ASSERT_EQ(store.size(), plain.size());
    }
}

class ServiceGraphTest : public testing::Test {
protected:
    void start() { graph_ = std::make_unique<ServiceGraph>(options_); }

    // Of one trace: `id` and `parent` are numbers, 0 is none.
    void add(const std::string& service, uint32_t kind, uint64_t id, uint64_t parent, uint64_t nanoseconds = 0,
             uint32_t status = kOk, const std::string& database = "", Clock::time_point now = kNow) {
        const std::string trace = test::trace_id(7), own = test::span_id(id), other = test::span_id(parent);
        SpanOutline span;
        span.trace_id = readable(trace).data();
        span.span_id = readable(own).data();
        if (parent != 0) span.parent_span_id = readable(other).data();
        span.kind = kind;
        span.status = status;
        span.start_unix_nano = 1000;
        span.end_unix_nano = 1000 + nanoseconds;
        const std::string value = test::text_value(database);
        graph_->add(graph_->service(service), span, database.empty() ? EncodedValue() : readable(value), now);
    }

    std::map<GraphEdge, uint64_t> requests() const {
        std::map<GraphEdge, uint64_t> requests;
        for (const auto& [edge, measured] : graph_->measured()) {
            if (measured.requests() != 0) requests[edge] = measured.requests();
        }
        return requests;
    }
    uint64_t unpaired() const {
        uint64_t unpaired = 0;
        for (const auto& [edge, measured] : graph_->measured()) unpaired += measured.unpaired;
        return unpaired;
    }

    ServiceGraphOptions options_;
    std::unique_ptr<ServiceGraph> graph_;
};

TEST_F(ServiceGraphTest, JoinsBothSidesInEitherOrder) {
    start();
    add("shop", kClient, 1, 9, 5'000'000);
    add("stock", kServer, 2, 1, 3'000'000);
    add("stock", kServer, 4, 3, 3'000'000);
    add("shop", kClient, 3, 9, 5'000'000);
    add("shop", kProducer, 5, 9);
    add("mail", kConsumer, 6, 5);
    EXPECT_EQ(requests(),
              (std::map<GraphEdge, uint64_t>{{{"shop", "stock", ""}, 2}, {{"shop", "mail", "messaging_system"}, 1}}));
    const MeasuredEdge edge = graph_->measured().at({"shop", "stock", ""});
    EXPECT_EQ(edge.client_nanoseconds, 10'000'000);
    EXPECT_EQ(edge.server_nanoseconds, 6'000'000);
    EXPECT_EQ(edge.client_counts.at(graph_->buckets().index(5'000'000)), 2u);
    EXPECT_EQ(edge.server_counts.at(graph_->buckets().index(3'000'000)), 2u);
    EXPECT_EQ(graph_->waiting(), 0u);
}

TEST_F(ServiceGraphTest, ARequestHasFailedWhereEitherSideHas) {
    start();
    add("a", kClient, 1, 0, 0, kStatusError);
    add("b", kServer, 2, 1);
    add("a", kClient, 3, 0);
    add("b", kServer, 4, 3, 0, kStatusError);
    add("a", kClient, 5, 0);
    add("b", kServer, 6, 5);
    const MeasuredEdge edge = graph_->measured().at({"a", "b", ""});
    EXPECT_EQ(edge.requests(), 3u);
    EXPECT_EQ(edge.failed, 2u);
}

TEST_F(ServiceGraphTest, NamesAreCutAndThenTheSameIsOne) {
    start();
    const std::string longest(SeriesKey::kLongestText, 'x');
    add(longest + "1", kClient, 1, 9, 0, kOk, longest + std::string(60'000, 'a'));
    add(longest + "2", kClient, 2, 9, 0, kOk, longest + std::string(60'000, 'b'));
    EXPECT_EQ(requests(), (std::map<GraphEdge, uint64_t>{{{longest, longest, "database"}, 2}}));
}

TEST_F(ServiceGraphTest, ADatabaseNeedsNoOtherSide) {
    start();
    add("shop", kClient, 1, 9, 5'000'000, kOk, "orders");
    EXPECT_EQ(requests(), (std::map<GraphEdge, uint64_t>{{{"shop", "orders", "database"}, 1}}));
    EXPECT_EQ(graph_->waiting(), 0u);
}

TEST_F(ServiceGraphTest, CountsWhatFindsNoOtherSideInTime) {
    start();
    add("a", kClient, 1, 0);
    add("b", kServer, 2, 8);
    graph_->expire(kNow + options_.time_to_live - 1ms);
    EXPECT_EQ(unpaired(), 0u);
    EXPECT_EQ(graph_->waiting(), 2u);
    graph_->expire(kNow + options_.time_to_live);
    EXPECT_EQ(graph_->measured().at({"a", "", ""}).unpaired, 1u);
    EXPECT_EQ(graph_->measured().at({"", "b", ""}).unpaired, 1u);
    EXPECT_EQ(graph_->waiting(), 0u);
    EXPECT_TRUE(requests().empty());
}

TEST_F(ServiceGraphTest, IsBoundedAndCountsEverySpanOnce) {
    options_.items = 10;
    options_.services = 3;
    options_.series = 8;
    start();
    uint64_t spans = 0;
    std::mt19937 random(1);
    Clock::time_point now = kNow;
    for (; spans < 5000; ++spans) {
        const std::string service = "service-" + std::to_string(random() % 6);
        const bool client = random() % 2 == 0;
        const uint64_t id = 1 + random() % 30;
        now += std::chrono::milliseconds(random() % 100);
        add(service, client ? kClient : kServer, client ? id : 100 + spans, client ? 0 : id, 0, random() % 3, "", now);
    }
    uint64_t joined = 0;
    for (const auto& [edge, count] : requests()) joined += count;
    EXPECT_GT(joined, 100u);
    EXPECT_GT(graph_->dropped(), 100u);
    EXPECT_EQ(2 * joined + unpaired() + graph_->dropped() + graph_->waiting(), spans);
    EXPECT_LE(graph_->measured().size(), 9u);
    EXPECT_NE(graph_->measured().find({"", "", "", true}), graph_->measured().end());
}

}  // namespace
}  // namespace spanring::agent
