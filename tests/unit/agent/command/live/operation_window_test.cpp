// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace spanring::agent {
namespace {

using std::chrono::seconds;

constexpr OperationWindow::Clock::time_point kBegin{};

TEST(DurationCountsTest, FindsQuantilesWithinThreePercent) {
    for (const uint64_t scale : {uint64_t{1}, uint64_t{1000}, uint64_t{1'000'000}, uint64_t{1} << 50}) {
        DurationCounts even, odd;
        for (uint64_t i = 1; i <= 1000; ++i) (i % 2 == 0 ? even : odd).add(i * scale);
        for (const double share : {0.01, 0.5, 0.95, 0.99, 1.0}) {
            const double expected = share * 1000 * static_cast<double>(scale);
            EXPECT_NEAR(static_cast<double>(DurationCounts::quantile(even, odd, share)), expected, expected * 0.032);
        }
    }
    DurationCounts largest;
    largest.add(UINT64_MAX);
    EXPECT_GT(DurationCounts::quantile(largest, {}, 0.5), UINT64_MAX / 32 * 31);
    EXPECT_EQ(DurationCounts::quantile({}, {}, 0.5), 0u);
}

TEST(OperationWindowTest, HasRateErrorsAndQuantilesOfEachOperation) {
    OperationWindow window(kBegin);
    for (int i = 0; i < 30; ++i) window.add("front", "GET /", 10, i < 3, 1);
    window.add("front", "POST /pay", 12, false, 5);
    const auto rows = window.rows(kBegin + seconds{5});
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].name, "GET /");
    EXPECT_EQ(rows[0].rate, 6);
    EXPECT_DOUBLE_EQ(rows[0].errors, 0.1);
    EXPECT_EQ(rows[0].p50_nano, 10u);
    EXPECT_EQ(rows[1].rate, 1) << "it stands for five";
    EXPECT_EQ(rows[1].p99_nano, 12u);
}

TEST(OperationWindowTest, ForgetsWhatIsOlderThanTwoSlices) {
    OperationWindow window(kBegin);
    window.add("shop", "old", 1, false, 1);
    window.turn(kBegin + seconds{10});
    window.add("shop", "new", 1, false, 1);
    EXPECT_EQ(window.rows(kBegin + seconds{15}).size(), 2u);
    window.turn(kBegin + seconds{20});
    const auto rows = window.rows(kBegin + seconds{20});
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].name, "new");
    EXPECT_DOUBLE_EQ(rows[0].rate, 0.1) << "since the slice before began";
    window.turn(kBegin + seconds{100});
    EXPECT_TRUE(window.rows(kBegin + seconds{100}).empty()) << "nobody looked for long";
}

TEST(OperationWindowTest, AMillionNamesFillOneRow) {
    OperationWindow window(kBegin);
    for (int i = 0; i < 50'000; ++i) window.add("hostile", std::to_string(i) + std::string(1000, 'x'), 1, false, 1);
    const auto rows = window.rows(kBegin + seconds{1});
    EXPECT_EQ(rows.size(), OperationWindow::kMost + 1);
    double sum = 0;
    for (const OperationRow& row : rows) sum += row.rate;
    EXPECT_DOUBLE_EQ(sum, 50'000);
    EXPECT_TRUE(std::all_of(rows.begin(), rows.end(), [](const OperationRow& row) { return row.name.size() <= 200; }));
}

}  // namespace
}  // namespace spanring::agent
