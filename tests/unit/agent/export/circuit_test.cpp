// SPDX-License-Identifier: Apache-2.0
#include "export/circuit.hpp"

#include <gtest/gtest.h>

#include <set>

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

RetryOptions options() {
    RetryOptions options;
    options.initial_interval = 100ms;
    options.max_interval = 1000ms;
    options.multiplier = 2;
    options.randomization_factor = 0;
    return options;
}

TEST(BackoffTest, GrowsToItsMaximumAndStartsOver) {
    Backoff backoff(options());
    for (const auto expected : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) EXPECT_EQ(backoff.next(), expected);
    backoff.reset();
    EXPECT_EQ(backoff.next(), 100ms);
}

TEST(BackoffTest, SpreadsItsWaits) {
    RetryOptions spread = options();
    spread.randomization_factor = 0.5;
    spread.multiplier = 1;
    Backoff backoff(spread);
    std::set<int64_t> seen;
    for (int i = 0; i < 100; ++i) {
        const auto wait = backoff.next();
        EXPECT_GE(wait, 50ms);
        EXPECT_LE(wait, 150ms);
        seen.insert(wait.count());
    }
    EXPECT_GT(seen.size(), 50u);
}

TEST(CircuitTest, OpensAtAFailureAndLetsOneProbeDecide) {
    Circuit circuit(options());
    const auto now = std::chrono::steady_clock::now();
    EXPECT_TRUE(circuit.closed());
    EXPECT_TRUE(circuit.fail(now, std::nullopt, false)) << "was up";
    EXPECT_FALSE(circuit.fail(now, std::nullopt, false)) << "calls in flight with it count once";
    EXPECT_EQ(circuit.reopen_at(), now + 100ms);
    EXPECT_FALSE(circuit.may_probe(now + 99ms));
    EXPECT_TRUE(circuit.may_probe(now + 100ms));
    circuit.probe();
    EXPECT_FALSE(circuit.may_probe(now + 200ms)) << "one at a time";
    circuit.fail(now + 200ms, std::nullopt, true);
    EXPECT_EQ(circuit.reopen_at(), now + 400ms) << "twice as long";
    circuit.probe();
    EXPECT_TRUE(circuit.succeed(true)) << "was down";
    EXPECT_TRUE(circuit.closed());
    circuit.fail(now, std::nullopt, false);
    EXPECT_EQ(circuit.reopen_at(), now + 100ms) << "from the start again";
}

TEST(CircuitTest, WaitsAsLongAsTheBackendAsks) {
    Circuit circuit(options());
    const auto now = std::chrono::steady_clock::now();
    circuit.fail(now, 1min, false);
    EXPECT_EQ(circuit.reopen_at(), now + 1min);
    circuit.fail(now, 2min, false);
    EXPECT_EQ(circuit.reopen_at(), now + 2min) << "the longest of those in flight together";
    circuit.fail(now, 1s, false);
    EXPECT_EQ(circuit.reopen_at(), now + 2min);
}

TEST(CircuitTest, IsNotHurriedByTheBackend) {
    Circuit circuit(options());
    const auto now = std::chrono::steady_clock::now();
    circuit.fail(now, 0ms, false);
    EXPECT_EQ(circuit.reopen_at(), now + 100ms) << "the backoff is the least";
    for (const auto expected : {200ms, 400ms, 800ms, 1000ms}) {
        circuit.probe();
        circuit.fail(now, 1ms, true);
        EXPECT_EQ(circuit.reopen_at(), now + expected) << "and it grows";
    }
}

TEST(CircuitTest, IsClosedByWhatWasInFlightWhileTheBackendTakesEnough) {
    Circuit circuit(options());
    const auto now = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) {  // every other one
        EXPECT_FALSE(circuit.one_at_a_time());
        circuit.fail(now, std::nullopt, false);
        EXPECT_EQ(circuit.reopen_at(), now + 100ms) << "and no wait is longer for it";
        EXPECT_TRUE(circuit.succeed(false));
    }
}

TEST(CircuitTest, StaysOpenForOneThatTakesOneOfEight) {
    Circuit circuit(options());
    const auto now = std::chrono::steady_clock::now();
    int repeats = 0, taken = 0;
    while (circuit.closed()) {
        for (int i = 0; i < 7; ++i, ++repeats) circuit.fail(now, std::nullopt, false);
        circuit.succeed(false);
        ++taken;
    }
    EXPECT_LE(repeats, RepeatCredit::kEarned * taken + RepeatCredit::kMost);
}

TEST(CircuitTest, LetsOnlyProbesDecideWhereLittleIsTaken) {
    Circuit circuit(options());
    auto now = std::chrono::steady_clock::now();
    for (int i = 0; i < RepeatCredit::kMost; ++i) circuit.fail(now, std::nullopt, false);
    EXPECT_FALSE(circuit.succeed(false)) << "it was in flight when the others failed";
    EXPECT_FALSE(circuit.closed());
    // The probe is taken, what follows it is not: a few a wait, and the waits grow.
    for (const auto expected : {200ms, 400ms, 800ms, 1000ms, 1000ms}) {
        now = circuit.reopen_at();
        circuit.probe();
        EXPECT_TRUE(circuit.succeed(true));
        EXPECT_TRUE(circuit.one_at_a_time());
        for (int i = 0; i < RepeatCredit::kEarned; ++i) circuit.fail(now, std::nullopt, false);
        EXPECT_EQ(circuit.reopen_at(), now + expected);
    }
    // It takes everything again.
    circuit.probe();
    for (int earned = 0; earned < RepeatCredit::kGood; earned += RepeatCredit::kEarned) circuit.succeed(earned == 0);
    EXPECT_FALSE(circuit.one_at_a_time());
    circuit.fail(now, std::nullopt, false);
    EXPECT_EQ(circuit.reopen_at(), now + 100ms) << "from the start again";
}

TEST(CircuitTest, WaitsTenMinutesAtMostForABackendThatAsksForMore) {
    Circuit circuit(options());
    const auto now = std::chrono::steady_clock::now();
    circuit.fail(now, 24h, false);
    EXPECT_EQ(circuit.reopen_at(), now + 10min);
}

}  // namespace
}  // namespace spanring::agent::test
