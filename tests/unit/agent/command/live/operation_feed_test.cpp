// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_feed.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/wall_clock.hpp"
#include "store/store_schema.hpp"
#include "support/otlp_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using agent::test::bytes;
using agent::test::fixed64;
using agent::test::number;

std::string span(const std::string& name, uint64_t duration, bool error) {
    return bytes(5, name) + fixed64(7, 1000) + fixed64(8, 1000 + duration) +
           (error ? bytes(15, bytes(2, "declined") + number(3, 2)) : "");
}

std::string request(const std::vector<std::string>& spans) {
    std::string scope;
    for (const std::string& one : spans) scope += bytes(2, one);
    const std::string service = agent::test::key_value("service.name", agent::test::text_value("shop"));
    return bytes(1, bytes(1, bytes(1, service)) + bytes(2, scope));
}

class OperationFeedTest : public testing::Test {
protected:
    OperationFeedTest() { context_.store = store_.file(); }

    void store(const std::string& request, uint64_t spans) {
        Statement insert(store_, "INSERT INTO batches (stored_unix_nano, spans, request) VALUES (?1, ?2, ?3)");
        insert.bind(1, unix_nano()).bind(2, spans);
        insert.bind(3, std::span(reinterpret_cast<const uint8_t*>(request.data()), request.size())).run();
    }

    spanring::test::TemporaryDirectory directory_;
    Database store_ = Database::open(directory_.file("spans.db"), kStoreSchema);
    CommandContext context_;
    const OperationWindow::Clock::time_point begin_{};
    OperationWindow window_{begin_};
};

TEST_F(OperationFeedTest, TakesServiceNameDurationAndStatus) {
    OperationFeed feed(context_);
    store(request({span("pay", 10, true), span("pay", 10, false)}), 2);
    feed.read_into(window_);
    const auto rows = window_.rows(begin_ + std::chrono::seconds{1});
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].service, "shop");
    EXPECT_EQ(rows[0].name, "pay");
    EXPECT_EQ(rows[0].rate, 2);
    EXPECT_EQ(rows[0].errors, 0.5);
    EXPECT_EQ(rows[0].p50_nano, 10u);
    feed.read_into(window_);
    EXPECT_EQ(feed.arrived(), 0u) << "each batch once";
}

TEST_F(OperationFeedTest, LooksAtSomeBatchesOfAFloodForAll) {
    OperationFeed feed(context_);
    const std::string batch = request(std::vector<std::string>(500, span("pay", 10, false)));
    for (int i = 0; i < 30; ++i) store(batch, 500);
    feed.read_into(window_);
    EXPECT_EQ(feed.arrived(), 15'000u);
    EXPECT_LE(feed.read(), OperationFeed::kMostSpans);
    EXPECT_GT(feed.read(), 0u);
    EXPECT_NEAR(window_.rows(begin_ + std::chrono::seconds{1})[0].rate, 15'000, 1e-6);
}

TEST_F(OperationFeedTest, SurvivesAStoreThatIsNoOtlp) {
    OperationFeed feed(context_);
    store("\xff\xff\xff nothing", 5);
    store(request({span("pay", 10, false)}), 1);
    feed.read_into(window_);
    EXPECT_EQ(window_.rows(begin_ + std::chrono::seconds{1}).size(), 1u);
}

}  // namespace
}  // namespace spanring::agent
