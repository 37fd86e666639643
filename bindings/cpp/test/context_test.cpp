// SPDX-License-Identifier: Apache-2.0

#include "private_directory.hpp"

#include <spanring/spanring.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <thread>

namespace spanring {
namespace {

const auto* const kDirectory = ::testing::AddGlobalTestEnvironment(new PrivateDirectory);

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string trace_id(const Context& context) {
    const auto id = context.trace_id();
    return {id.begin(), id.end()};
}

Tracer tracer() {
    static const auto provider = Provider::open({"context-test"});
    return provider.tracer("context-test");
}

TEST(ContextTest, IsInvalidByDefault) {
    EXPECT_FALSE(Context{}.valid());
    EXPECT_TRUE(Context{}.inject().empty());
}

TEST(ContextTest, ComesOutOfATraceparentAndGoesIntoOne) {
    const auto context = Context::extract(kTraceparent);
    EXPECT_TRUE(context.valid());
    EXPECT_TRUE(context.sampled());
    EXPECT_TRUE(context.remote());
    EXPECT_EQ(trace_id(context), "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(context.inject().view(), kTraceparent);
}

TEST(ContextTest, IsInvalidWhereTheTraceparentIs) {
    for (const std::string_view bad : {"", "00", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                       "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
        EXPECT_FALSE(Context::extract(bad).valid()) << bad;
    }
}

TEST(ScopeTest, IsTheParentUntilItCloses) {
    EXPECT_FALSE(Context::current().valid());
    auto outer = tracer().start("outer");
    {
        const Scope outer_scope{outer.context()};
        EXPECT_EQ(Context::current().span_id(), outer.context().span_id());
        auto inner = tracer().start("inner");
        EXPECT_EQ(inner.context().trace_id(), outer.context().trace_id());
        {
            const Scope inner_scope{inner.context()};
            EXPECT_EQ(Context::current().span_id(), inner.context().span_id());
        }
        EXPECT_EQ(Context::current().span_id(), outer.context().span_id());
    }
    EXPECT_FALSE(Context::current().valid());
}

TEST(ScopeTest, IsThatOfItsThread) {
    auto span = tracer().start("here");
    const Scope scope{span.context()};
    std::thread{[] { EXPECT_FALSE(Context::current().valid()); }}.join();
}

TEST(ParentTest, IsTheOneThatIsGiven) {
    auto here = tracer().start("here");
    const Scope scope{here.context()};
    StartOptions options;
    options.parent = Context::extract(kTraceparent);
    EXPECT_EQ(trace_id(tracer().start("child", options).context()), "0af7651916cd43dd8448eb211c80319c");
    options.parent = Context{};
    const auto root = tracer().start("root", options);
    EXPECT_TRUE(root.context().valid());
    EXPECT_NE(root.context().trace_id(), here.context().trace_id()) << "an invalid parent starts a new trace";
}

}  // namespace
}  // namespace spanring
