// SPDX-License-Identifier: Apache-2.0
#include "metrics/health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/standing_trouble.hpp"
#include "base/wall_clock.hpp"
#include "support/saying_exporter.hpp"

namespace spanring::agent::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;

constexpr uint64_t kSecond = 1'000'000'000;

class HealthTest : public testing::Test {
protected:
    HealthReport look() {
        return readiness([this](const auto& visit) { visit(exporter_); });
    }

    SayingExporter exporter_{"otlp", 0, true};
};

TEST_F(HealthTest, IsGoodWhileSpansAreTaken) {
    EXPECT_TRUE(look().good());
    EXPECT_EQ(look().text(), "ok\n");
}

TEST_F(HealthTest, SaysForHowLongABackendIsAway) {
    exporter_.status_.healthy = false;
    exporter_.status_.unhealthy_since_unix_nano = unix_nano() - 125 * kSecond;
    EXPECT_FALSE(look().good());
    EXPECT_THAT(look().text(),
                MatchesRegex("exporter otlp: spans have not been taken for 2m[5-9]s; the log says why\n"));
    EXPECT_STREQ(look().findings.front().reason, "away");
    exporter_.status_.unhealthy_since_unix_nano = unix_nano() + 1000 * kSecond;  // the clock was set back
    EXPECT_THAT(look().problems(), ElementsAre(MatchesRegex(".* for 0s;.*")));
}

TEST_F(HealthTest, APauseIsToldAndNoFault) {
    exporter_.status_.healthy = false;
    exporter_.status_.paused = true;
    EXPECT_TRUE(look().good());
    EXPECT_EQ(look().text(), "ok\nexporter otlp: is paused, what comes is kept for it\n");
    exporter_.status_.spool_limit = 1000;
    exporter_.status_.spool_bytes = 899;
    EXPECT_TRUE(look().good());
    exporter_.status_.spool_bytes = 900;
    EXPECT_THAT(look().problems(), ElementsAre("exporter otlp: the spool holds 900B of 1000B"));
}

TEST_F(HealthTest, SaysWhatStandsInTrouble) {
    StandingTrouble trouble("ledger", "not_written");
    trouble.begin("the disk is full");
    EXPECT_THAT(look().problems(), ElementsAre("ledger: the disk is full"));
    EXPECT_STREQ(look().findings.front().reason, "not_written");
    EXPECT_TRUE(liveness().good()) << "a restart does not help";
    trouble.end();
    EXPECT_TRUE(look().good());
}

TEST(HealthOfBestEffortTest, IsToldAndNoFault) {
    SayingExporter debug("debug", 0, false);
    debug.status_.healthy = false;
    const HealthReport health = readiness([&](const auto& visit) { visit(debug); });
    EXPECT_TRUE(health.good());
    EXPECT_THAT(health.problems(), IsEmpty());
    EXPECT_EQ(health.findings.size(), 1u);
}

}  // namespace
}  // namespace spanring::agent::test
