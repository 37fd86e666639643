// SPDX-License-Identifier: Apache-2.0
#include "otlp/sampling_state.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace spanring::agent {
namespace {

std::optional<SamplingState> read(std::string_view list) {
    SamplingState state;
    return SamplingState::read(list, state) ? std::optional(state) : std::nullopt;
}

std::string written(std::string_view list, std::optional<uint64_t> threshold, std::optional<uint64_t> randomness = {}) {
    std::string text;
    SamplingState{threshold, randomness}.write(list, text);
    return text;
}

TEST(SamplingStateTest, IsReadFromItsMember) {
    EXPECT_EQ(read(""), SamplingState());
    EXPECT_EQ(read("vendor=th:8"), SamplingState());
    EXPECT_EQ(read("ot=th:8"), (SamplingState{uint64_t{8} << 52, {}}));
    EXPECT_EQ(read("ot=th:0"), (SamplingState{0, {}}));
    EXPECT_EQ(read("a=b, ot=x:1;rv:0123456789abcd;th:ffffffffffffff\t,,t1@sys=v"),
              (SamplingState{(uint64_t{1} << 56) - 1, 0x0123456789abcd}));
    EXPECT_EQ(read("ot=p:8;q:"), SamplingState());
}

TEST(SamplingStateTest, WhatIsMalformedIsNone) {
    for (const char* list : {"vendor",
                             "=x",
                             "Vendor=x",
                             "1a=x",
                             "a=",
                             "a=b=c",
                             "a=\x01",
                             "a@=x",
                             "@a=x",
                             "a@1b=x",
                             "ot=th",
                             "ot=th:",
                             "ot=th:8;",
                             "ot=;th:8",
                             "ot=Th:8",
                             "ot=th:x",
                             "ot=th:A",
                             "ot=th:123456789abcdef",
                             "ot=rv:123",
                             "ot=rv:0123456789abcde",
                             "ot=rv:0123456789abcg",
                             "ot=th:8 ;x:1",
                             "ot=x:\xc3\xbc"})
        EXPECT_EQ(read(list), std::nullopt) << list;
    EXPECT_EQ(read("a=" + std::string(257, 'x')), std::nullopt);
    EXPECT_NE(read("a=" + std::string(256, 'x')), std::nullopt);
    std::string many = "a=1";
    for (int i = 1; i < 32; ++i) many += ",a=1";
    EXPECT_NE(read(many), std::nullopt);
    EXPECT_EQ(read(many + ",a=1"), std::nullopt);
    EXPECT_EQ(read(std::string(1025, ',')), std::nullopt);
}

TEST(SamplingStateTest, IsWrittenFirstAndAllElseStays) {
    EXPECT_EQ(written("", uint64_t{8} << 52), "ot=th:8");
    EXPECT_EQ(written("", 0), "ot=th:0");
    EXPECT_EQ(written("", 1), "ot=th:00000000000001");
    EXPECT_EQ(written("", 0, 7), "ot=rv:00000000000007;th:0");
    EXPECT_EQ(written("a=1 , ot=x:1;th:8;rv:0123456789abcd;y:2,,b=2", uint64_t{0xc} << 52, 0x0123456789abcd),
              "ot=rv:0123456789abcd;th:c;x:1;y:2,a=1,b=2");
    EXPECT_EQ(written("a=1,ot=th:8,b=2", {}), "a=1,b=2");
    EXPECT_EQ(written("ot=th:8;x:1", {}), "ot=x:1");
    EXPECT_EQ(written("ot=th:8", {}), "");
}

// W3C: what is too much goes from the end.
TEST(SamplingStateTest, WhatIsWrittenCanBeRead) {
    const SamplingState state{uint64_t{8} << 52, 7};
    std::string many = "a=1", ot = "ot=x:" + std::string(200, 'x') + ";y:" + std::string(50, 'y');
    for (int i = 1; i < 32; ++i) many += ",a=" + std::to_string(i);
    std::string large = "a=1";
    while (large.size() + 203 < 1024) large += ",b=" + std::string(200, 'b');
    large += ",c=" + std::string(1024 - large.size() - 3, 'c');
    for (const std::string& list : {many, ot, large}) {
        ASSERT_NE(read(list), std::nullopt) << list;
        EXPECT_EQ(read(written(list, state.threshold, state.randomness)), state) << list;
    }
    const std::string left = written(many, state.threshold, state.randomness);
    EXPECT_TRUE(left.starts_with("ot=rv:00000000000007;th:8,a=1,a=1,"));
    EXPECT_TRUE(left.ends_with(",a=30"));
    EXPECT_EQ(written(ot, state.threshold, state.randomness), "ot=rv:00000000000007;th:8;x:" + std::string(200, 'x'));
    EXPECT_TRUE(written(large, state.threshold, state.randomness).ends_with("b"));
}

TEST(SamplingStateTest, RandomAreTheLastSevenBytes) {
    const uint8_t id[16] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd};
    EXPECT_EQ(randomness_of(id), 0x0123456789abcdu);
}

TEST(SamplingStateTest, ThresholdsHaveTheDigitsThatSaySomething) {
    const auto text = [](double probability, uint32_t digits) {
        return written("", threshold_of(probability, digits)).substr(6);
    };
    // Of the specification: 1 % with four digits is fd70a4..., rounded after those of which the first says nothing.
    EXPECT_EQ(text(1, 4), "0");
    EXPECT_EQ(text(0.5, 4), "8");
    EXPECT_EQ(text(0.25, 4), "c");
    EXPECT_EQ(text(0.1, 4), "e666");
    EXPECT_EQ(text(0.01, 4), "fd70a");
    EXPECT_EQ(text(1.0 / 3, 3), "aab");
    EXPECT_EQ(text(0.001, 3), "ffbe7");
    EXPECT_EQ(text(0.1, 14), "e6666666666666");
    EXPECT_EQ(text(std::ldexp(1, -56), 14), "ffffffffffffff");
    EXPECT_EQ(threshold_of(std::ldexp(1, -58), 4), SamplingState::kNever);
    for (const double probability : {0.9999, 0.3, 0.05, 0.0003}) {
        const double shown = probability_of(threshold_of(probability, 4));
        EXPECT_NEAR(shown / probability, 1, 0.0005) << probability;
    }
}

}  // namespace
}  // namespace spanring::agent
