// SPDX-License-Identifier: Apache-2.0

#include "private_directory.hpp"

#include <spanring/spanring.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

namespace spanring {
namespace {

const auto* const kDirectory = ::testing::AddGlobalTestEnvironment(new PrivateDirectory);

Provider& provider() {
    static Provider opened = Provider::open({"scoped-span-test"});
    return opened;
}
Tracer tracer() { return provider().tracer("scoped-span-test"); }

std::uint64_t ended() { return provider().statistics().ended; }

TEST(ScopedSpanTest, IsCurrentUntilTheBlockEndsAndEndsWithIt) {
    const std::uint64_t before = ended();
    {
        ScopedSpan span{tracer(), "outer", {{"items", 3}}};
        EXPECT_TRUE(span->recording());
        EXPECT_EQ(Context::current().span_id(), span->context().span_id());
        const ScopedSpan inner{tracer(), "inner", StartOptions{}};
        EXPECT_NE(Context::current().span_id(), span->context().span_id());
        EXPECT_EQ(Context::current().trace_id(), span->context().trace_id());
    }
    EXPECT_FALSE(Context::current().valid());
    EXPECT_EQ(ended(), before + 2);
}

TEST(CurrentSpanTest, FindsItAndDoesNotEndIt) {
    EXPECT_FALSE(CurrentSpan {} -> recording());
    ScopedSpan span{tracer(), "span"};
    {
        CurrentSpan current;
        EXPECT_EQ(current->context().span_id(), span->context().span_id());
        EXPECT_EQ(current->set_attribute("rows", 3), 0);
    }
    EXPECT_TRUE(span->recording());
    CurrentSpan {
        } -> end();
    EXPECT_FALSE(span->recording());
}

TEST(WithSpanTest, ReturnsWhatTheFunctionDoes) {
    const std::uint64_t before = ended();
    EXPECT_EQ(with_span(tracer(), "span", [](Span& span) { return span.recording() ? 7 : 0; }), 7);
    with_span(tracer(), "nothing", [](Span& span) { span.set_attribute("k", 1); }, {{"a", 1}});
    auto moved = with_span(tracer(), "moved", [](Span&) { return std::make_unique<int>(8); });
    EXPECT_EQ(*moved, 8);
    EXPECT_EQ(ended(), before + 3);
    EXPECT_FALSE(Context::current().valid());
}

TEST(WithSpanTest, AnExceptionGoesOnAndTheSpanEnds) {
    const std::uint64_t before = ended();
    EXPECT_THROW(with_span(tracer(), "throws", [](Span&) { throw std::runtime_error("out of paper"); }),
                 std::runtime_error);
    EXPECT_THROW(with_span(tracer(), "throws", [](Span&) { throw 7; }), int);
    EXPECT_EQ(ended(), before + 2);
    EXPECT_FALSE(Context::current().valid());
}

TEST(SprSpanTest, IsTheRestOfItsBlock) {
    set_default_tracer(tracer());
    const std::uint64_t before = ended();
    {
        SPR_SPAN("outer");
        const Context outer = Context::current();
        SPR_SPAN("with attributes", {{"items", 3}, {"gift", true}});
        EXPECT_EQ(Context::current().trace_id(), outer.trace_id());
        EXPECT_NE(Context::current().span_id(), outer.span_id());
        for (int i = 0; i < 2; ++i) {
            SPR_SPAN("a turn", {{"i", i}});
        }
        EXPECT_EQ(ended(), before + 2);
    }
    EXPECT_EQ(ended(), before + 4);
}

}  // namespace
}  // namespace spanring
