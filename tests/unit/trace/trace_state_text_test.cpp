// SPDX-License-Identifier: Apache-2.0
#include "trace/trace_state_text.hpp"

#include <string>

#include <gtest/gtest.h>

namespace spanring::trace {
namespace {

std::string composed(const std::string& text, double ratio) {
    const TraceStateText state(text.data(), text.size(), ContextTail::of_threshold(ring::RejectionThreshold::of(ratio)));
    return {state.data(), state.size()};
}

TEST(TraceStateTextTest, IsTheTextWhereNoThresholdIsKnown) {
    const char text[] = "a=1,ot=th:8";
    const TraceStateText state(text, sizeof text - 1, 0);
    EXPECT_EQ(state.data(), text);
    EXPECT_EQ(state.size(), sizeof text - 1);
    EXPECT_EQ(TraceStateText(nullptr, 7, 0).size(), 0u);
}

TEST(TraceStateTextTest, PutsTheThresholdInFront) {
    EXPECT_EQ(composed("", 0.25), "ot=th:c");
    EXPECT_EQ(composed("", 1), "ot=th:0");
    EXPECT_EQ(composed("a=1, b=2", 0.01), "ot=th:fd70a,a=1,b=2");
    const TraceStateText ends_at_its_nul("a=1", SPR_NUL, ContextTail::of_threshold(ring::RejectionThreshold::of(0.5)));
    EXPECT_EQ(std::string(ends_at_its_nul.data(), ends_at_its_nul.size()), "ot=th:8,a=1");
}

TEST(TraceStateTextTest, KeepsWhatElseOtSays) {
    EXPECT_EQ(composed("a=1,ot=p:8;th:0;rv:6e6d1a75832a2f,b=2", 0.5), "ot=th:8;p:8;rv:6e6d1a75832a2f,a=1,b=2");
    EXPECT_EQ(composed("other=x,ot=th:4", 0.5), "ot=th:8,other=x") << "the key is all of it, not its beginning";
}

TEST(TraceStateTextTest, TheLastMembersGiveWay) {
    std::string many;
    for (int i = 0; i < 100; ++i) many += (i == 0 ? "m" : ",m") + std::to_string(i) + "=12345";
    const std::string text = composed(many, 0.25);
    EXPECT_LE(text.size(), TraceStateText::kMost);
    EXPECT_EQ(text.rfind("ot=th:c,m0=12345,m1=12345", 0), 0u);
    EXPECT_EQ(text.substr(text.size() - 6), "=12345") << "whole members";
    EXPECT_EQ(composed("ot=" + std::string(600, 'x') + ",a=1", 0.5), "ot=th:8,a=1");
}

TEST(TraceStateTextTest, FindsExplicitRandomness) {
    const auto found = [](const std::string& text) {
        uint64_t bits = 0;
        return TraceStateText::randomness(text.data(), text.size(), bits) ? bits : ~uint64_t{0};
    };
    EXPECT_EQ(found("ot=rv:6e6d1a75832a2f"), 0x6e6d1a75832a2fu);
    EXPECT_EQ(found("a=1,ot=th:8;rv:00000000000001"), 1u);
    for (const char* none : {"", "a=1", "ot=th:8", "ot=rv:6e6d1a75832a2", "ot=rv:6e6d1a75832a2fa", "ot=rv:6E6D1A75832A2F", "rv:6e6d1a75832a2f"})
        EXPECT_EQ(found(none), ~uint64_t{0}) << none;
}

}  // namespace
}  // namespace spanring::trace
