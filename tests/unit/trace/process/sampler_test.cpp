// SPDX-License-Identifier: Apache-2.0
#include "trace/process/sampler.hpp"

#include <cstring>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "trace/process/rate_limiter.hpp"

namespace spanring::trace {
namespace {

using ring::RejectionThreshold;
using ring::SamplingDirective;
using TraceId = uint8_t[16];

// A trace id of which the lowest 56 bits, what samplers look at, are these.
void make_id(TraceId& id, uint64_t low, uint8_t rest = 0xa5) {
    memset(id, rest, sizeof id);
    for (int i = 0; i < 7; ++i) id[15 - i] = static_cast<uint8_t>(low >> 8 * i);
}

bool samples(const Sampler& sampler, uint64_t low, const spr_context* parent = nullptr, uint8_t rest = 0xa5,
             SamplingDirective order = {}) {
    TraceId id;
    make_id(id, low, rest);
    if (sampler.follows(parent)) return sampler.accepts(parent, 0);
    RateLimiter limiter;
    const bool sampled = sampler.decide(order, limiter, Sampler::randomness(id), 0).sampled;
    if (order.kind == SamplingDirective::kNone) {
        EXPECT_FALSE(sampled && sampler.refuses(parent)) << "the short way says the same";
        EXPECT_FALSE(!sampled && sampler.accepts(parent, 0)) << "the short way says the same";
    }
    return sampled;
}

spr_context parent_with(uint8_t flags) {
    spr_context parent = {};
    parent.trace_id[0] = parent.span_id[0] = 1;
    parent.trace_flags = flags;
    return parent;
}

constexpr uint64_t kAll = uint64_t{1} << 56;

TEST(SamplerTest, SamplesEverythingByDefault) {
    for (const char* name : {static_cast<const char*>(nullptr), "", "always_on", "parentbased_always_on"})
        for (const uint64_t low : {uint64_t{0}, uint64_t{1}, kAll - 1})
            EXPECT_TRUE(samples(Sampler::parse(name, nullptr), low));
    EXPECT_TRUE(samples(Sampler(), 0));
}

TEST(SamplerTest, SamplesNothingWhenAlwaysOff) {
    for (const char* name : {"always_off", "parentbased_always_off"})
        for (const uint64_t low : {uint64_t{0}, uint64_t{1}, kAll - 1})
            EXPECT_FALSE(samples(Sampler::parse(name, nullptr), low));
}

TEST(SamplerTest, FollowsAParentOnlyWhenParentBased) {
    const spr_context yes = parent_with(SPR_TRACE_FLAG_SAMPLED), no = parent_with(SPR_TRACE_FLAG_RANDOM);
    EXPECT_TRUE(samples(Sampler::parse("parentbased_always_off", nullptr), 0, &yes));
    EXPECT_FALSE(samples(Sampler::parse("parentbased_always_on", nullptr), 0, &no));
    EXPECT_TRUE(samples(Sampler::parse("parentbased_traceidratio", "0"), 0, &yes));
    EXPECT_FALSE(samples(Sampler::parse("parentbased_traceidratio", "1"), 0, &no));
    EXPECT_FALSE(samples(Sampler::parse("always_off", nullptr), 0, &yes));
    EXPECT_TRUE(samples(Sampler::parse("always_on", nullptr), 0, &no));
    EXPECT_FALSE(samples(Sampler::parse("traceidratio", "0"), 0, &yes));
    EXPECT_TRUE(samples(Sampler::parse("traceidratio", "1"), 0, &no));
}

bool never(const Sampler& sampler) { return sampler.ignores_parent() && sampler.refuses(nullptr); }

TEST(SamplerTest, ReadsNamesInAnyCaseAndWithBlanksAround) {
    EXPECT_TRUE(never(Sampler::parse("ALWAYS_OFF", nullptr)));
    EXPECT_TRUE(never(Sampler::parse(" Always_Off\t", nullptr)));
    EXPECT_TRUE(never(Sampler::parse("TraceIdRatio", " 0 ")));
    EXPECT_FALSE(samples(Sampler::parse("ParentBased_Always_Off", nullptr), 0));
}

TEST(SamplerTest, KnowsThatItNeverSamples) {
    EXPECT_TRUE(never(Sampler::parse("always_off", nullptr)));
    EXPECT_TRUE(never(Sampler::parse("traceidratio", "0")));
    EXPECT_FALSE(never(Sampler::parse("parentbased_always_off", nullptr))) << "a parent may be sampled";
    EXPECT_FALSE(never(Sampler::parse("traceidratio", "0.5")));
    EXPECT_FALSE(never(Sampler()));
}

TEST(SamplerTest, SamplesTheUpperPartOfTheRandomBits) {
    const Sampler quarter = Sampler::parse("traceidratio", "0.25");  // the consistent rule: randomness >= threshold
    const uint64_t threshold = kAll / 4 * 3;
    EXPECT_FALSE(samples(quarter, 0));
    EXPECT_FALSE(samples(quarter, threshold - 1));
    EXPECT_TRUE(samples(quarter, threshold));
    EXPECT_TRUE(samples(quarter, kAll - 1));
}

TEST(SamplerTest, LooksAtTheLowest56BitsAlone) {
    const Sampler half = Sampler::parse("traceidratio", "0.5");
    for (const uint8_t rest : {0x00, 0x7f, 0xff}) {
        EXPECT_FALSE(samples(half, kAll / 2 - 1, nullptr, rest));
        EXPECT_TRUE(samples(half, kAll / 2, nullptr, rest));
    }
}

TEST(SamplerTest, ALargerRatioSamplesWhatASmallerOneDoes) {
    std::mt19937_64 random(7);
    double last_share = 0;
    Sampler smaller = Sampler::parse("traceidratio", "0");
    for (const char* ratio : {"0.0001", "0.01", "0.1", "0.25", "0.333", "0.5", "0.75", "0.99", "1"}) {
        const Sampler larger = Sampler::parse("traceidratio", ratio);
        constexpr int kTries = 20000;
        int sampled = 0;
        for (int i = 0; i < kTries; ++i) {
            const uint64_t low = random() % kAll;
            sampled += samples(larger, low);
            ASSERT_TRUE(samples(larger, low) || !samples(smaller, low)) << ratio;
        }
        const double share = static_cast<double>(sampled) / kTries;
        EXPECT_NEAR(share, std::stod(ratio), 0.02);
        EXPECT_GE(share, last_share - 0.02);
        last_share = share;
        smaller = larger;
    }
}

TEST(SamplerTest, ARatioThatIsNoneIsOne) {
    for (const char* ratio : {static_cast<const char*>(nullptr), "", "x", "0.5x", "-0.1", "1.1", "nan", "inf", "1e999"})
        EXPECT_TRUE(samples(Sampler::parse("traceidratio", ratio), 0)) << (ratio == nullptr ? "NULL" : ratio);
}

TEST(SamplerTest, ANameThatIsNoneIsTheDefault) {
    const spr_context no = parent_with(0);
    for (const char* name : {"x", "always", "always off", "parentbased_", "parentbased_jaeger_remote", "xray"}) {
        EXPECT_TRUE(samples(Sampler::parse(name, "0"), 0)) << name;
        EXPECT_FALSE(samples(Sampler::parse(name, "0"), 0, &no)) << name << " follows its parent";
    }
}

TEST(SamplerTest, ARateWithoutANumberIsTheDefault) {
    for (const char* rate : {static_cast<const char*>(nullptr), "", "x", "-1", "1e10"})
        EXPECT_TRUE(Sampler::parse("ratelimiting", rate).accepts(nullptr, 0)) << (rate == nullptr ? "NULL" : rate);
    EXPECT_FALSE(Sampler::parse("ratelimiting", "5").accepts(nullptr, 0));
    EXPECT_TRUE(Sampler::parse("parentbased_ratelimiting", "5").needs_time({}));
}

TEST(SamplerTest, AnOrderTakesTheSamplersPlaceAtRoots) {
    const spr_context yes = parent_with(SPR_TRACE_FLAG_SAMPLED), no = parent_with(0);
    const SamplingDirective half = SamplingDirective::ratio(0.5);
    for (const char* name : {"parentbased_always_on", "parentbased_always_off"}) {
        const Sampler sampler = Sampler::parse(name, nullptr);
        EXPECT_FALSE(samples(sampler, kAll / 2 - 1, nullptr, 0, half)) << name;
        EXPECT_TRUE(samples(sampler, kAll / 2, nullptr, 0, half)) << name;
        EXPECT_TRUE(samples(sampler, 0, &yes, 0, half)) << "a parent is followed";
        EXPECT_FALSE(samples(sampler, kAll - 1, &no, 0, half)) << "a parent is followed";
    }
    EXPECT_FALSE(samples(Sampler::parse("always_on", nullptr), 0, &yes, 0, half)) << "a parent that is not followed";
}

TEST(SamplerTest, WhatIsInheritedStaysOnlyWhereTheParentIsFollowed) {
    const spr_context yes = parent_with(SPR_TRACE_FLAG_SAMPLED);
    EXPECT_TRUE(Sampler().accepts(&yes, 1));
    EXPECT_FALSE(Sampler::parse("always_on", nullptr).accepts(&yes, 1)) << "it did not decide by that threshold";
}

TEST(RejectionThresholdTest, HasTheDigitsOfTheSpecification) {
    const auto digits = [](double ratio) {
        char text[14];
        return std::string(text, RejectionThreshold::write(text, RejectionThreshold::of(ratio)));
    };
    // specification: trace/tracestate-probability-sampling.md and OTEP 235 have these.
    EXPECT_EQ(digits(1), "0");
    EXPECT_EQ(digits(0.5), "8");
    EXPECT_EQ(digits(0.25), "c");
    EXPECT_EQ(digits(0.1), "e666");
    EXPECT_EQ(digits(0.01), "fd70a");
    EXPECT_EQ(digits(1.0 / 3), "aaab");
}

TEST(RejectionThresholdTest, TakesAnyNumber) {
    EXPECT_EQ(RejectionThreshold::of(-1), RejectionThreshold::kNever);
    EXPECT_EQ(RejectionThreshold::of(0), RejectionThreshold::kNever);
    EXPECT_EQ(RejectionThreshold::of(1e-30), RejectionThreshold::kNever);
    EXPECT_EQ(RejectionThreshold::of(2), RejectionThreshold::kAlways);
    EXPECT_EQ(RejectionThreshold::of(std::numeric_limits<double>::quiet_NaN()), RejectionThreshold::kNever);
}

TEST(RejectionThresholdTest, FallsAsTheRatioRises) {
    uint64_t last = RejectionThreshold::kNever;
    for (double ratio = 1e-14; ratio < 1.1; ratio *= 1.0003) {
        const uint64_t threshold = RejectionThreshold::of(ratio);
        ASSERT_LE(threshold, last) << ratio;
        ASSERT_EQ(threshold & 0xfff, 0u) << "an spr_context has room for 44 bits";
        if (ratio > 1e-9 && ratio < 1) {
            ASSERT_NEAR(RejectionThreshold::ratio(threshold) / ratio, 1, 0.001) << ratio;
        }
        last = threshold;
    }
}

TEST(RateLimiterTest, AdmitsASecondsWorthAndThenOneInEachInterval) {
    RateLimiter limiter;
    const SamplingDirective rate = SamplingDirective::rate(10);
    uint64_t now = 1'700'000'000'000'000'000;
    const auto admitted = [&](int tries) {
        int count = 0;
        for (int i = 0; i < tries; ++i) count += limiter.admit(rate, now);
        return count;
    };
    EXPECT_EQ(admitted(100), 10);
    now += 99'999'999;
    EXPECT_EQ(admitted(5), 0);
    now += 1;
    EXPECT_EQ(admitted(5), 1);
    now += 300'000'000;
    EXPECT_EQ(admitted(5), 3);
    now += 60'000'000'000;
    EXPECT_EQ(admitted(100), 10) << "what was not used in a second is gone";
}

TEST(RateLimiterTest, OneInAHundredSeconds) {
    RateLimiter limiter;
    const SamplingDirective rate = SamplingDirective::rate(0.01);
    const uint64_t now = 1'700'000'000'000'000'000;
    EXPECT_TRUE(limiter.admit(rate, now));
    EXPECT_FALSE(limiter.admit(rate, now + 99'999'999'999));
    EXPECT_TRUE(limiter.admit(rate, now + 100'000'000'000));
    EXPECT_FALSE(RateLimiter().admit(SamplingDirective::rate(0), now));
}

TEST(RateLimiterTest, AClockThatStepsBackDoesNotCloseIt) {
    RateLimiter limiter;
    const SamplingDirective rate = SamplingDirective::rate(1);
    EXPECT_TRUE(limiter.admit(rate, 2'000'000'000'000'000'000));
    EXPECT_TRUE(limiter.admit(rate, 1'000'000'000'000'000'000));
    EXPECT_FALSE(limiter.admit(rate, 1'000'000'000'000'000'001));
}

}  // namespace
}  // namespace spanring::trace
