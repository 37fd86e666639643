// SPDX-License-Identifier: Apache-2.0
#include "command/live/operation_window.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using std::chrono::seconds;

constexpr OperationWindow::Clock::time_point kBegin{};
constexpr uint64_t kMillisecond = 1'000'000;

OperationTable table(const std::string& name, uint64_t spans, uint64_t duration, uint64_t errors = 0) {
    OperationTable table;
    for (uint64_t i = 0; i < spans; ++i) table[{"front", name}].add(duration, i < errors);
    return table;
}

TEST(OperationWindowTest, HasRateErrorsAndQuantilesOfEachOperation) {
    OperationWindow window(kBegin);
    window.add(table("GET /", 20, 10 * kMillisecond, 3));
    window.add(table("GET /", 10, 10 * kMillisecond));
    window.add(table("POST /pay", 5, 20 * kMillisecond));
    const auto rows = window.rows(kBegin + seconds{5});
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].name, "GET /");
    EXPECT_EQ(rows[0].rate, 6);
    EXPECT_DOUBLE_EQ(rows[0].errors, 0.1);
    EXPECT_NEAR(static_cast<double>(rows[0].p50_nano), 10e6, 0.46e6);
    EXPECT_EQ(rows[1].rate, 1);
    EXPECT_NEAR(static_cast<double>(rows[1].p99_nano), 20e6, 0.92e6);
}

TEST(OperationWindowTest, SeesWhatCameSinceItWasLookedAt) {
    OperationWindow window(kBegin);
    window.add(table("GET /", 10, 10 * kMillisecond));
    window.add(table("idle", 1, 1));
    EXPECT_EQ(window.rows(kBegin + seconds{1})[0].rate, 10);
    window.add(table("GET /", 30, 20 * kMillisecond, 10));
    auto rows = window.rows(kBegin + seconds{2});
    EXPECT_EQ(rows[0].rate, 20);
    EXPECT_DOUBLE_EQ(rows[0].errors, 0.25);
    EXPECT_NEAR(static_cast<double>(rows[0].p50_nano), 20e6, 0.92e6);
    EXPECT_EQ(rows[1].rate, 0.5) << "a rate goes by the time, whether anything came or not";
    window.turn(kBegin + seconds{10});
    window.turn(kBegin + seconds{20});
    EXPECT_TRUE(window.rows(kBegin + seconds{20}).empty());
}

TEST(OperationWindowTest, ForgetsWhatIsOlderThanTwoSlices) {
    OperationWindow window(kBegin);
    window.add(table("old", 1, 1));
    window.turn(kBegin + seconds{10});
    window.add(table("new", 1, 1));
    EXPECT_EQ(window.rows(kBegin + seconds{15}).size(), 2u);
    window.turn(kBegin + seconds{20});
    const auto rows = window.rows(kBegin + seconds{20});
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].name, "new");
    EXPECT_DOUBLE_EQ(rows[0].rate, 0.1) << "since the slice before began";
    window.turn(kBegin + seconds{100});
    EXPECT_TRUE(window.rows(kBegin + seconds{100}).empty()) << "nobody looked for long";
}

}  // namespace
}  // namespace spanring::agent
