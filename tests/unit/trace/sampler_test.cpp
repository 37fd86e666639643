// SPDX-License-Identifier: Apache-2.0
#include "trace/sampler.hpp"

#include <cstring>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace spanring::trace {
namespace {

using TraceId = uint8_t[16];

// A trace id of which the lowest 56 bits, what samplers look at, are these.
void make_id(TraceId& id, uint64_t low, uint8_t rest = 0xa5) {
    memset(id, rest, sizeof id);
    for (int i = 0; i < 7; ++i) id[15 - i] = static_cast<uint8_t>(low >> 8 * i);
}

bool samples(const Sampler& sampler, uint64_t low, const spr_context* parent = nullptr, uint8_t rest = 0xa5) {
    TraceId id;
    make_id(id, low, rest);
    return sampler.sample(parent, id);
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

TEST(SamplerTest, KnowsThatItNeverSamples) {
    EXPECT_TRUE(Sampler::parse("always_off", nullptr).never());
    EXPECT_TRUE(Sampler::parse("traceidratio", "0").never());
    EXPECT_FALSE(Sampler::parse("parentbased_always_off", nullptr).never()) << "a parent may be sampled";
    EXPECT_FALSE(Sampler::parse("traceidratio", "0.5").never());
    EXPECT_FALSE(Sampler().never());
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
    for (const char* name : {"x", "always", "ALWAYS_OFF", "parentbased_", "parentbased_jaeger_remote", "xray"}) {
        EXPECT_TRUE(samples(Sampler::parse(name, "0"), 0)) << name;
        EXPECT_FALSE(samples(Sampler::parse(name, "0"), 0, &no)) << name << " follows its parent";
    }
}

}  // namespace
}  // namespace spanring::trace
