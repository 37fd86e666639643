// SPDX-License-Identifier: Apache-2.0
//
// The step response: a sink, in a time of its own, that answers later the more is at its door; how the bound comes to
// rest, and where it goes when the sink changes.
#include "export/adaptive_limit.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;
using Duration = AdaptiveLimit::Duration;

AdaptiveOptions<uint32_t> options() {
    AdaptiveOptions<uint32_t> options{true, 1, 4, 64};
    options.target = 100ms;
    return options;
}

// Takes so many requests a second; one that is alone takes 10 ms.
class Sink {
public:
    explicit Sink(double per_second) : per_second_(per_second) {}

    void becomes(double per_second) { per_second_ = per_second; }
    Duration latency(uint64_t in_flight) const {
        const auto queueing = std::chrono::duration<double>(static_cast<double>(in_flight) / per_second_);
        return std::max<Duration>(10ms, std::chrono::duration_cast<Duration>(queueing));
    }
    // So many requests, one after another, with as many in flight as may be.
    void answer(AdaptiveLimit& limit, int requests, bool held_back = true) {
        for (int i = 0; i < requests; ++i) {
            const uint64_t in_flight = limit.value();
            const Duration took = latency(in_flight);
            now_ += took / static_cast<int>(in_flight);
            if (held_back) limit.holds_back();
            limit.answered(now_ - took, now_, in_flight);
        }
    }
    // The one in flight now.
    void refuse(AdaptiveLimit& limit) {
        now_ += 10ms;
        limit.refused(now_ - 1ms, now_);
    }
    Duration now_latency(const AdaptiveLimit& limit) const { return latency(limit.value()); }

private:
    double per_second_;
    AdaptiveLimit::Time now_{1h};
};

void expect_at_target(const AdaptiveLimit& limit, const Sink& sink) {
    EXPECT_GE(sink.now_latency(limit), 75ms) << limit.value();
    EXPECT_LE(sink.now_latency(limit), 125ms) << limit.value();
}

TEST(AdaptiveLimitTest, ComesToRestAtTheTarget) {
    AdaptiveLimit limit(options());
    Sink sink(200);  // 20 in flight take 100 ms
    sink.answer(limit, 2000);
    expect_at_target(limit, sink);
    EXPECT_GT(limit.status().raised, 0u);
    const AdaptedStatus rest = limit.status();
    sink.answer(limit, 20'000);
    EXPECT_EQ(limit.status(), rest) << "and does not swing";
}

TEST(AdaptiveLimitTest, FollowsASinkThatGetsSlowerAndFasterAgain) {
    AdaptiveLimit limit(options());
    Sink sink(400);
    sink.answer(limit, 3000);
    expect_at_target(limit, sink);
    const AdaptedStatus before = limit.status();
    sink.becomes(50);
    sink.answer(limit, 1000);
    expect_at_target(limit, sink);
    EXPECT_LT(limit.value(), before.value / 4);
    EXPECT_GT(limit.status().lowered, before.lowered);
    const AdaptedStatus slow = limit.status();
    sink.answer(limit, 5000);
    EXPECT_EQ(limit.status(), slow);
    sink.becomes(400);
    sink.answer(limit, 3000);
    expect_at_target(limit, sink);
    EXPECT_GT(limit.status().raised, slow.raised);
}

TEST(AdaptiveLimitTest, StaysWithinItsBounds) {
    AdaptiveLimit limit(options());
    Sink sink(1e6);
    sink.answer(limit, 10'000);
    EXPECT_EQ(limit.value(), 64u);
    const uint64_t raised = limit.status().raised;
    sink.answer(limit, 10'000);
    EXPECT_EQ(limit.status().raised, raised);
    sink.becomes(0.1);
    sink.answer(limit, 1000);
    EXPECT_EQ(limit.value(), 1u);
}

TEST(AdaptiveLimitTest, IsNotRaisedWhereItHoldsNothingBack) {
    AdaptiveLimit limit(options());
    Sink sink(1e6);
    sink.answer(limit, 1000, false);
    EXPECT_EQ(limit.value(), 4u);
    EXPECT_EQ(limit.status().raised, 0u);
}

TEST(AdaptiveLimitTest, WhatIsNotTakenHalvesItOnceForAllThatWasInFlight) {
    AdaptiveOptions<uint32_t> begins = options();
    begins.initial = 32;
    AdaptiveLimit limit(begins);
    const AdaptiveLimit::Time sent(1h);
    for (int i = 0; i < 10; ++i) limit.refused(sent, sent + 1s);
    EXPECT_EQ(limit.value(), 16u);
    EXPECT_EQ(limit.status().lowered, 1u);
    limit.refused(sent + 2s, sent + 3s);
    EXPECT_EQ(limit.value(), 8u);
}

TEST(AdaptiveLimitTest, WhatWasSentBeforeAChangeSaysNothingOfIt) {
    AdaptiveLimit limit(options());
    const AdaptiveLimit::Time begin(1h);
    for (int i = 0; i < 4; ++i) limit.answered(begin, begin + 1s);
    EXPECT_EQ(limit.value(), 2u);
    for (int i = 0; i < 100; ++i) limit.answered(begin + 500ms, begin + 2s);
    EXPECT_EQ(limit.value(), 2u) << "they flew beside twice as many";
}

TEST(AdaptiveLimitTest, BoundsBytesAsWell) {
    AdaptiveOptions<uint64_t> bytes{true, 64 << 10, 1 << 20, 4 << 20};
    bytes.target = 100ms;
    AdaptiveLimit limit(bytes);
    AdaptiveLimit::Time now(1h);
    for (int i = 0; i < 1000; ++i) {  // 8 MB/s
        const auto took = std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(static_cast<double>(limit.value()) / 8e6));
        now += took;
        limit.holds_back();
        limit.answered(now - took, now);
    }
    EXPECT_NEAR(static_cast<double>(limit.value()), 8e5, 2e5);
}

TEST(AdaptiveLimitTest, SwitchedOffItSaysNothing) {
    AdaptiveOptions<uint32_t> off = options();
    off.enabled = false;
    AdaptiveLimit limit(off);
    Sink sink(1e6);
    sink.answer(limit, 1000);
    EXPECT_EQ(limit.status(), AdaptedStatus{});
}

}  // namespace
}  // namespace spanring::agent
