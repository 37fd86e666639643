// SPDX-License-Identifier: Apache-2.0
//
// tracestate through the functions of the header, beyond the cases of the W3C's suite (w3c_trace_context_test.cpp).
#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/carried.hpp"

namespace spanring {
namespace {

using test::Text;

std::string member(const std::string& key, size_t size) { return key + "=" + std::string(size - key.size() - 1, 'v'); }

int extract(const std::string& header, Text& state) {
    return spr_tracestate_extract(header.data(), header.size(), state.get());
}
int set(Text& state, const std::string& key, const std::string& value) {
    return spr_tracestate_set(state.get(), key.data(), key.size(), value.data(), value.size());
}

std::string many(int count) {
    std::string list;
    for (int i = 0; i < count; ++i) list += (i == 0 ? "k" : ",k") + std::to_string(i) + "=v";
    return list;
}

TEST(TraceStateTest, IsKeptWithoutSpacesAndEmptyMembers) {
    Text state(SPR_TRACESTATE_SIZE);
    EXPECT_EQ(extract(" , a=1\t,,b= 2 ,, c=3,", state), 0);
    EXPECT_EQ(state.str(), "a=1,b= 2,c=3") << "a space in front belongs to the value";
}

TEST(TraceStateTest, MayEndAtItsNul) {
    Text state(SPR_TRACESTATE_SIZE);
    EXPECT_EQ(spr_tracestate_extract("a=1", SPR_NUL, state.get()), 0);
    EXPECT_EQ(state.str(), "a=1");
}

TEST(TraceStateTest, OfSeveralHeadersIsOne) {
    Text state(SPR_TRACESTATE_SIZE);
    for (const char* header : {"a=1", "", "b=2,a=9", " "}) EXPECT_EQ(extract(header, state), 0);
    EXPECT_EQ(state.str(), "a=1,b=2");
}

TEST(TraceStateTest, ThatIsMalformedAnywhereIsNone) {
    for (const char* header :
         {"a", "=1", "a=", "a=1,b", "a=1;b=2,=", "a=1\n", "a=\x7f", "a=\xc3\xa9", "A=1", "_a=1", "a=1,b=2=3"}) {
        Text state(SPR_TRACESTATE_SIZE, "there=before");
        EXPECT_EQ(extract(header, state), -EBADMSG) << header;
        EXPECT_EQ(state.str(), "");
    }
}

TEST(TraceStateTest, HasNoMoreThan32Members) {
    Text state(SPR_TRACESTATE_SIZE);
    EXPECT_EQ(extract(many(32), state), 0);
    EXPECT_EQ(extract("x=1", state), -EBADMSG) << "in a second header";
    EXPECT_EQ(extract(many(33), state), -EBADMSG);
    EXPECT_EQ(extract(many(32) + ",,", state), 0) << "empty ones do not count";
}

TEST(TraceStateTest, KeysAndValuesHaveUpTo256Characters) {
    const std::string long_text(256, 'x');
    Text state(SPR_TRACESTATE_SIZE + 256);
    EXPECT_EQ(extract(long_text + "=" + long_text, state), 0);
    EXPECT_EQ(extract(long_text + "x=1", state), -EBADMSG);
    EXPECT_EQ(extract("a=" + long_text + "x", state), -EBADMSG);
    EXPECT_EQ(extract("a=" + long_text + "  ", state), 0) << "spaces behind the value are none of it";
}

// W3C Trace Context, tracestate Limits: whole entries; those of more than 128 characters first, then from the end.
TEST(TraceStateTest, ThatIsTooLongLosesLargeMembersFirst) {
    Text state(300);
    const std::string large = member("large", 129), other = member("other", 140), a = member("a", 100),
                      b = member("b", 128);
    EXPECT_EQ(extract(large + "," + a + "," + b, state), 1);
    EXPECT_EQ(state.str(), a + "," + b);

    Text second(300);
    EXPECT_EQ(extract(a + "," + large + "," + other + ",c=1", second), 1);
    EXPECT_EQ(second.str(), a + "," + large + ",c=1") << "the later of two large ones";
}

TEST(TraceStateTest, ThatIsStillTooLongLosesTheLastMembers) {
    Text state(300);
    const std::string a = member("a", 128), b = member("b", 128), c = member("c", 60);
    EXPECT_EQ(extract(a + "," + b + "," + c + ",d=1", state), 2);
    EXPECT_EQ(state.str(), a + "," + b) << "what is behind a lost one goes too";
}

TEST(TraceStateTest, NeverLeavesItsMemory) {
    for (size_t capacity = 0; capacity < 12; ++capacity) {
        Text state(capacity);
        EXPECT_GE(extract("a=1,b=2,c=3", state), 0);
        EXPECT_EQ(state.str(), std::string("a=1,b=2,c=3")
                                   .substr(0, capacity >= 11  ? 11
                                              : capacity >= 7 ? 7
                                              : capacity >= 3 ? 3
                                                              : 0));
    }
}

TEST(TraceStateTest, IsWalkedThrough) {
    const std::string list = "a=1, b=2 ,,bad, c= 3";
    size_t cursor = 0;
    std::string found;
    spr_member member;
    while (spr_tracestate_next(list.data(), list.size(), &cursor, &member) == 1) {
        found += std::string(member.key, member.key_size) + "<" + std::string(member.value, member.value_size) + ">";
        EXPECT_EQ(member.properties, nullptr);
    }
    EXPECT_EQ(found, "a<1>b<2>c< 3>");
    EXPECT_EQ(spr_tracestate_next(list.data(), list.size(), &cursor, &member), 0) << "the end stays the end";
}

TEST(TraceStateTest, GivesTheValueOfAKey) {
    const char* value;
    size_t size;
    ASSERT_EQ(spr_tracestate_get("ab=1,a=2", SPR_NUL, "a", SPR_NUL, &value, &size), 1);
    EXPECT_EQ(std::string(value, size), "2");
    EXPECT_EQ(spr_tracestate_get("ab=1,a=2", SPR_NUL, "b", SPR_NUL, &value, &size), 0);
    EXPECT_EQ(spr_tracestate_get(nullptr, 0, "b", SPR_NUL, &value, &size), 0);
}

TEST(TraceStateTest, PutsWhatIsSetInFront) {
    Text state(SPR_TRACESTATE_SIZE);
    EXPECT_EQ(set(state, "a", "1"), 0);
    EXPECT_EQ(state.str(), "a=1");
    EXPECT_EQ(set(state, "b", "2"), 0);
    EXPECT_EQ(set(state, "c", "3"), 0);
    EXPECT_EQ(state.str(), "c=3,b=2,a=1");
    EXPECT_EQ(set(state, "b", "22"), 0);
    EXPECT_EQ(state.str(), "b=22,c=3,a=1");
}

TEST(TraceStateTest, RefusesToSetWhatIsNotValid) {
    Text state(SPR_TRACESTATE_SIZE, "a=1");
    EXPECT_EQ(set(state, "A", "1"), -EINVAL);
    EXPECT_EQ(set(state, "", "1"), -EINVAL);
    EXPECT_EQ(set(state, "b", ""), -EINVAL);
    EXPECT_EQ(set(state, "b", "1 "), -EINVAL);
    EXPECT_EQ(set(state, "b", "1,c=2"), -EINVAL);
    EXPECT_EQ(set(state, "b", "1\r\nx: y"), -EINVAL);
    EXPECT_EQ(state.str(), "a=1");
}

TEST(TraceStateTest, LetsTheLastMemberGiveWay) {
    Text state(SPR_TRACESTATE_SIZE, many(32));
    EXPECT_EQ(set(state, "x", "1"), 1);
    EXPECT_EQ(state.str(), "x=1," + many(31));
    EXPECT_EQ(set(state, "k5", "1"), 0) << "one for one";

    Text small(9, "a=1,b=2");
    EXPECT_EQ(set(small, "c", "12"), 1);
    EXPECT_EQ(small.str(), "c=12,a=1");
    EXPECT_EQ(set(small, "d", "12345678"), -ENOSPC);
    EXPECT_EQ(small.str(), "c=12,a=1") << "unchanged";
}

TEST(TraceStateTest, LosesWhatIsRemoved) {
    Text state(SPR_TRACESTATE_SIZE, "a=1,b=2,c=3");
    const auto remove = [&](const char* key) { return spr_tracestate_remove(state.get(), key, SPR_NUL); };
    EXPECT_EQ(remove("b"), 1);
    EXPECT_EQ(state.str(), "a=1,c=3");
    EXPECT_EQ(remove("b"), 0);
    EXPECT_EQ(remove("c"), 1);
    EXPECT_EQ(remove("a"), 1);
    EXPECT_EQ(state.str(), "");
}

TEST(TraceStateTest, ThatIsReadOnlyStaysAsItIs) {
    char text[] = "a=1";
    spr_text state = {text, 3, 0};
    EXPECT_EQ(spr_tracestate_set(&state, "b", SPR_NUL, "2", SPR_NUL), -EINVAL);
    EXPECT_EQ(spr_tracestate_remove(&state, "a", SPR_NUL), -EINVAL);
    EXPECT_EQ(spr_tracestate_extract("bad", SPR_NUL, &state), -EINVAL);
    EXPECT_EQ(test::str(state), "a=1");
}

TEST(TraceStateTest, TakesNullForAMistake) {
    size_t cursor = 0, size;
    spr_member member;
    const char* value;
    Text state(8);
    EXPECT_EQ(spr_tracestate_extract("a=1", SPR_NUL, nullptr), -EINVAL);
    EXPECT_EQ(spr_tracestate_extract(nullptr, 0, state.get()), 0) << "an empty string";
    EXPECT_EQ(spr_tracestate_next("a=1", 3, nullptr, &member), -EINVAL);
    EXPECT_EQ(spr_tracestate_next("a=1", 3, &cursor, nullptr), -EINVAL);
    EXPECT_EQ(spr_tracestate_get("a=1", 3, nullptr, 0, &value, &size), -EINVAL);
    EXPECT_EQ(spr_tracestate_get("a=1", 3, "a", 1, nullptr, &size), -EINVAL);
    EXPECT_EQ(spr_tracestate_set(nullptr, "a", 1, "1", 1), -EINVAL);
    EXPECT_EQ(spr_tracestate_remove(nullptr, "a", 1), -EINVAL);
    EXPECT_EQ(spr_tracestate_remove(state.get(), nullptr, 0), -EINVAL);
}

}  // namespace
}  // namespace spanring
