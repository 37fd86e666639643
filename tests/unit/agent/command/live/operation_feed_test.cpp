// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_feed.hpp"

#include <gtest/gtest.h>

#include "store/operation_log.hpp"
#include "store/store_schema.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

class OperationFeedTest : public testing::Test {
protected:
    OperationFeedTest() { context_.store = store_.file(); }

    void measure(uint64_t spans, uint64_t errors) {
        for (uint64_t i = 0; i < spans; ++i) measured_[{"shop", "pay"}].add(1000, i < errors);
        log_.put(measured_, 60'000'000'000);
    }

    spanring::test::TemporaryDirectory directory_;
    Database store_ = Database::open(directory_.file("spans.db"), kStoreSchema);
    OperationLog log_{store_, 1 << 20};
    OperationTable measured_;
    CommandContext context_;
    const OperationWindow::Clock::time_point begin_{};
    OperationWindow window_{begin_};
};

TEST_F(OperationFeedTest, TakesWhatIsNew) {
    OperationFeed feed(context_);
    measure(5, 0);
    feed.read_into(window_);
    EXPECT_TRUE(window_.rows(begin_ + std::chrono::seconds{1}).empty()) << "it was there before";
    measure(10'000, 5'000);
    feed.read_into(window_);
    feed.read_into(window_);
    const auto rows = window_.rows(begin_ + std::chrono::seconds{1});
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].service, "shop");
    EXPECT_EQ(rows[0].name, "pay");
    EXPECT_EQ(rows[0].rate, 10'000) << "all of them, each once";
    EXPECT_EQ(rows[0].errors, 0.5);
    EXPECT_TRUE(feed.problem().empty());
}

TEST_F(OperationFeedTest, SurvivesARowThatIsNone) {
    OperationFeed feed(context_);
    measure(1, 0);
    feed.read_into(window_);
    store_.execute("INSERT INTO operations VALUES (9, x'01ffffff')");
    feed.read_into(window_);
    EXPECT_TRUE(window_.rows(begin_ + std::chrono::seconds{1}).empty());
}

}  // namespace
}  // namespace spanring::agent
