// SPDX-License-Identifier: Apache-2.0

#include "private_directory.hpp"

#include <spanring/spanring.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

namespace {
std::atomic<unsigned> allocations{0};
} // namespace

void* operator new(std::size_t size) {
    allocations.fetch_add(1);
    if (void* memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace spanring {
namespace {

const auto* const kDirectory = ::testing::AddGlobalTestEnvironment(new PrivateDirectory);

static_assert(!std::is_copy_constructible_v<Span> && std::is_nothrow_move_constructible_v<Span> &&
              std::is_nothrow_move_assignable_v<Span> && std::is_nothrow_destructible_v<Span>);
static_assert(!std::is_copy_constructible_v<Provider> && std::is_nothrow_move_constructible_v<Provider>);
static_assert(!std::is_move_constructible_v<Scope> && !std::is_copy_constructible_v<Scope>);
static_assert(std::is_nothrow_copy_constructible_v<Tracer> && std::is_nothrow_copy_constructible_v<Context>);

// With views and times that are there already: the standard library does not mark how it makes them noexcept.
constexpr std::string_view kKey = "key";
static_assert(noexcept(std::declval<Tracer>().start(kKey)) && noexcept(std::declval<Span>().set_attribute(kKey, 1)) &&
              noexcept(std::declval<Span>().set_attribute(kKey, "")) &&
              std::is_nothrow_invocable_v<decltype(&Span::end), Span&, TimePoint> &&
              std::is_nothrow_invocable_v<decltype(&Span::add_event), Span&, std::string_view, AttributeList, TimePoint>);

class SpanTest : public ::testing::Test {
protected:
    static Provider& provider() {
        static Provider opened = Provider::open({"span-test"});
        return opened;
    }

    void SetUp() override {
        ASSERT_EQ(provider().error(), 0);
        tracer_ = provider().tracer("span-test", "1.0");
        ASSERT_TRUE(tracer_);
        before_ = provider().statistics();
    }

    std::uint64_t started() const { return provider().statistics().started - before_.started; }
    std::uint64_t ended() const { return provider().statistics().ended - before_.ended; }
    std::uint64_t refused() const { return provider().statistics().refused_data - before_.refused_data; }

    Tracer tracer_;
    spr_statistics before_{};
};

TEST_F(SpanTest, EndsWhenItGoesOutOfScope) {
    {
        const auto span = tracer_.start("scoped");
        EXPECT_TRUE(span.recording());
        EXPECT_EQ(started(), 1u);
        EXPECT_EQ(ended(), 0u);
    }
    EXPECT_EQ(ended(), 1u);
}

TEST_F(SpanTest, EndsOnceWhenItIsMoved) {
    {
        auto first = tracer_.start("moved");
        const auto context = first.context().span_id();
        auto second = std::move(first);
        EXPECT_FALSE(first.recording()); // NOLINT: a span that was moved from is one that does nothing
        EXPECT_TRUE(second.recording());
        EXPECT_EQ(second.context().span_id(), context);
    }
    EXPECT_EQ(started(), 1u);
    EXPECT_EQ(ended(), 1u);
}

TEST_F(SpanTest, EndsTheOldOneWhenAnotherIsMovedIntoIt) {
    auto span = tracer_.start("old");
    span = tracer_.start("new");
    EXPECT_EQ(ended(), 1u);
    EXPECT_TRUE(span.recording());
    span = Span{};
    EXPECT_EQ(ended(), 2u);
}

TEST_F(SpanTest, EndsOnceWhenItIsEndedByHand) {
    {
        auto span = tracer_.start("by hand");
        const auto context = span.context();
        EXPECT_EQ(span.end(), 0);
        EXPECT_FALSE(span.recording());
        EXPECT_EQ(span.end(), 0);
        EXPECT_EQ(span.context().span_id(), context.span_id()) << "the context outlives the end";
    }
    EXPECT_EQ(ended(), 1u);
}

TEST_F(SpanTest, EndsOnAnotherThread) {
    std::thread{[span = tracer_.start("handed over")]() mutable { EXPECT_EQ(span.set_attribute("key", 1), 0); }}.join();
    EXPECT_EQ(ended(), 1u);
}

TEST_F(SpanTest, DoesNothingWithoutATracer) {
    const Tracer none;
    EXPECT_FALSE(none);
    EXPECT_FALSE(none.enabled());
    auto span = none.start("nothing", {Kind::kClient, {}, {{"key", 1}}});
    EXPECT_FALSE(span.recording());
    EXPECT_FALSE(span.context().valid());
    span.set_attribute("key", "value");
    span.end();
    EXPECT_EQ(started(), 0u);
    EXPECT_FALSE(Provider{}.tracer("nothing"));
    EXPECT_LT(Provider{}.tracer("nothing").error(), 0);
}

TEST_F(SpanTest, TakesAttributesOfEveryType) {
    EXPECT_EQ((Attribute{"key", "literal"}.raw().type), std::uint32_t{SPR_TYPE_STRING}) << "a literal is no bool";
    EXPECT_EQ((Attribute{"key", std::string{"string"}}.raw().type), std::uint32_t{SPR_TYPE_STRING});
    EXPECT_EQ((Attribute{"key", true}.raw().type), std::uint32_t{SPR_TYPE_BOOL});
    EXPECT_EQ((Attribute{"key", std::uint8_t{1}}.raw().type), std::uint32_t{SPR_TYPE_INT64});
    EXPECT_EQ((Attribute{"key", -1ll}.raw().value.int64), -1);
    EXPECT_EQ((Attribute{"key", 0.5f}.raw().value.float64), 0.5);

    auto span = tracer_.start("attributes");
    EXPECT_EQ(span.set_attribute("literal", "text"), 0);
    EXPECT_EQ(span.set_attribute("string", std::string{"text"}), 0);
    EXPECT_EQ(span.set_attribute("null", static_cast<const char*>(nullptr)), 0);
    EXPECT_EQ(span.set_attribute("bool", false), 0);
    EXPECT_EQ(span.set_attribute("short", short{1}), 0);
    EXPECT_EQ(span.set_attribute("size", sizeof(int)), 0);
    EXPECT_EQ(span.set_attribute("double", 0.5), 0);
    EXPECT_EQ(span.set_attributes({{"one", 1}, {"two", "two"}}), 0);
    EXPECT_EQ(refused(), 0u);
    EXPECT_EQ(span.set_attribute("", 1), -EINVAL);
    EXPECT_EQ(refused(), 1u);
}

TEST_F(SpanTest, TakesMoreLinksThanFitOnTheStack) {
    const auto other = tracer_.start("other");
    const std::array<Attribute, 1> attributes = {{{"number", 1}}};
    std::array<Link, 11> links;
    links.fill({other.context(), attributes});
    StartOptions options;
    options.links = links.data();
    options.link_count = links.size();
    const auto span = tracer_.start("linked", options);
    EXPECT_TRUE(span.recording());
    EXPECT_EQ(refused(), 0u);
}

TEST_F(SpanTest, AllocatesNothing) {
    tracer_.start("first of the thread").end();
    const auto before = allocations.load();
    {
        auto span = tracer_.start("free", {Kind::kServer, {}, {{"key", "value"}}});
        const Scope scope{span.context()};
        span.set_attribute("longer than a small string of any library", "a value that is longer than that, too");
        span.add_event("event", {{"key", 1}});
        span.set_status(Status::kError, "message");
        EXPECT_FALSE(span.context().inject().empty());
    }
    EXPECT_EQ(allocations.load(), before);
    EXPECT_EQ(ended(), 2u);
}

} // namespace
} // namespace spanring
