// SPDX-License-Identifier: Apache-2.0
#include "base/named_thread.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

namespace spanring::agent {
namespace {

std::string name_inside(const std::string& name) {
    std::string found;
    named_thread(name, [&found] {
        char text[16];
        if (::pthread_getname_np(::pthread_self(), text, sizeof text) == 0) found = text;
    }).join();
    return found;
}

TEST(NamedThreadTest, HasItsNameFromTheBegin) { EXPECT_EQ(name_inside("drain/0"), "drain/0"); }

TEST(NamedThreadTest, HasAsMuchOfALongNameAsTheKernelKeeps) {
    EXPECT_EQ(name_inside("send/otlp_grpc/backend"), "send/otlp_grpc/");
}

TEST(NamedThreadTest, LeavesTheNameOfWhoStartsIt) {
    char before[16], after[16];
    ASSERT_EQ(::pthread_getname_np(::pthread_self(), before, sizeof before), 0);
    name_inside("other");
    ASSERT_EQ(::pthread_getname_np(::pthread_self(), after, sizeof after), 0);
    EXPECT_STREQ(before, after);
}

}  // namespace
}  // namespace spanring::agent
