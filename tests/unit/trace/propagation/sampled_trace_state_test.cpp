// SPDX-License-Identifier: Apache-2.0
#include "trace/propagation/sampled_trace_state.hpp"

#include <string>

#include <gtest/gtest.h>

namespace spanring::trace {
namespace {

std::string composed(const std::string& text, double ratio) {
    return std::string(SampledTraceState(text, ContextTail::of_threshold(ring::RejectionThreshold::of(ratio))).view());
}

TEST(SampledTraceStateTest, IsTheTextWhereNoThresholdIsKnown) {
    const char text[] = "a=1,ot=th:8";
    const SampledTraceState state(text, 0);
    EXPECT_EQ(state.view().data(), text);
    EXPECT_EQ(state.view(), text);
}

TEST(SampledTraceStateTest, PutsTheThresholdInFront) {
    EXPECT_EQ(composed("", 0.25), "ot=th:c");
    EXPECT_EQ(composed("", 1), "ot=th:0");
    EXPECT_EQ(composed("a=1, b=2", 0.01), "ot=th:fd70a,a=1,b=2");
}

TEST(SampledTraceStateTest, KeepsWhatElseOtSays) {
    EXPECT_EQ(composed("a=1,ot=p:8;th:0;rv:6e6d1a75832a2f,b=2", 0.5), "ot=th:8;p:8;rv:6e6d1a75832a2f,a=1,b=2");
    EXPECT_EQ(composed("other=x,ot=th:4", 0.5), "ot=th:8,other=x") << "the key is all of it, not its beginning";
}

TEST(SampledTraceStateTest, TheLastMembersGiveWay) {
    std::string many;
    for (int i = 0; i < 100; ++i) many += (i == 0 ? "m" : ",m") + std::to_string(i) + "=12345";
    const std::string text = composed(many, 0.25);
    EXPECT_EQ(text.rfind("ot=th:c,m0=12345,m1=12345", 0), 0u);
    EXPECT_EQ(text.substr(text.size() - 10), ",m30=12345") << "32 members";
    const std::string large = composed("a=" + std::string(250, 'x') + ",b=" + std::string(240, 'x') + ",c=1", 0.25);
    EXPECT_LE(large.size(), size_t{SPR_TRACESTATE_SIZE});
    EXPECT_EQ(large.substr(large.size() - 5), "x,c=1");
    EXPECT_EQ(composed("a=" + std::string(250, 'x') + ",b=" + std::string(260, 'x') + ",c=1", 0.25).size(),
              7 + 1 + 252u)
        << "whole members, and none behind";
    EXPECT_EQ(composed("ot=" + std::string(600, 'x') + ",a=1", 0.5), "ot=th:8,a=1");
}

TEST(SampledTraceStateTest, FindsExplicitRandomness) {
    const auto found = [](const std::string& text) {
        uint64_t bits = 0;
        return SampledTraceState::randomness(text, bits) ? bits : ~uint64_t{0};
    };
    EXPECT_EQ(found("ot=rv:6e6d1a75832a2f"), 0x6e6d1a75832a2fu);
    EXPECT_EQ(found("a=1,ot=th:8;rv:00000000000001"), 1u);
    for (const char* none : {"", "a=1", "ot=th:8", "ot=rv:6e6d1a75832a2", "ot=rv:6e6d1a75832a2fa",
                             "ot=rv:6E6D1A75832A2F", "rv:6e6d1a75832a2f"})
        EXPECT_EQ(found(none), ~uint64_t{0}) << none;
}

}  // namespace
}  // namespace spanring::trace
