// SPDX-License-Identifier: Apache-2.0

#include "private_directory.hpp"

#include <spanring/spanring.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

namespace {
std::atomic<unsigned> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
    allocations.fetch_add(1);
    if (void* memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc{};
}
// Not inlined: g++ 12 sees what is freed, and not that the operator above made it.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

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
static_assert(noexcept(std::declval<Tracer>().start(kKey)));
static_assert(noexcept(std::declval<Span>().set_attribute(kKey, 1)));
static_assert(noexcept(std::declval<Span>().set_attribute(kKey, "")));
static_assert(noexcept(std::declval<Span>().set_attribute(kKey, ValueList{})));
static_assert(noexcept(std::declval<Span>().add_event(kKey, std::declval<AttributeList>(), std::declval<TimePoint>())));
static_assert(std::is_nothrow_invocable_v<decltype(&Span::end), Span&, TimePoint>);

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
        EXPECT_FALSE(first.recording());  // NOLINT: a span that was moved from is one that does nothing
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
    EXPECT_EQ(span.set_attribute("unsigned", UINT64_MAX), 0);
    EXPECT_EQ(span.set_attribute("double", 0.5), 0);
    EXPECT_EQ(span.set_attributes({{"one", 1}, {"two", "two"}}), 0);
    EXPECT_EQ(refused(), 0u);
    EXPECT_EQ(span.set_attribute("", 1), -EINVAL);
    EXPECT_EQ(refused(), 1u);
}

TEST_F(SpanTest, HasIdsOfItsOwnAndIsRecordedByAWord) {
    const Context own{{1, 2, 3}, {4, 5, 6}, false};
    StartOptions options;
    options.context = own;
    options.sampling = Sampling::kRecord;
    auto span = tracer_.start("own", options);
    EXPECT_TRUE(span.recording());
    EXPECT_EQ(span.context().trace_id(), own.trace_id());
    EXPECT_EQ(span.context().span_id(), own.span_id());
    EXPECT_TRUE(span.context().sampled());

    options.parent = Context{{9}, {9}, true};
    EXPECT_FALSE(tracer_.start("of another trace", options).context().valid());
    options = StartOptions{};
    options.sampling = Sampling::kDrop;
    auto dropped = tracer_.start("dropped", options);
    EXPECT_FALSE(dropped.recording());
    EXPECT_TRUE(dropped.context().valid());
}

TEST_F(SpanTest, IsTheCurrentOneInsideOfItsScope) {
    Span::with_current([](Span& current) { EXPECT_FALSE(current.context().valid()); });
    auto span = tracer_.start("current");
    {
        SpanScope scope{span};
        const int result = Span::with_current([](Span& current) { return current.set_attribute("key", 1); });
        EXPECT_EQ(result, 0);
        Span::with_current([&](Span& current) { EXPECT_EQ(current.context().span_id(), span.context().span_id()); });
        EXPECT_EQ(tracer_.start("child").context().trace_id(), span.context().trace_id());
    }
    EXPECT_TRUE(span.recording()) << "neither the scope nor the function ended it";
    Span::with_current([](Span& current) { EXPECT_FALSE(current.recording()); });
}

TEST_F(SpanTest, TakesListsBytesAndNothing) {
    EXPECT_EQ((Attribute{"key", Bytes{"\x00", 1}}.raw().type), std::uint32_t{SPR_TYPE_BYTES});
    EXPECT_EQ((Attribute{"key", ValueList{1, "two"}}.raw().type), std::uint32_t{SPR_TYPE_ARRAY});
    EXPECT_EQ((Attribute{"key", AttributeList{{"a", 1}, {"b", true}}}.raw().value.key_values.count), 2u);
    EXPECT_EQ((Attribute{"key", UINT64_MAX}.raw().type), std::uint32_t{SPR_TYPE_UINT64});
    EXPECT_EQ((Attribute{"key", std::uint32_t{1}}.raw().type), std::uint32_t{SPR_TYPE_INT64});
    EXPECT_EQ((Attribute{"key", Empty{}}.raw().type), std::uint32_t{SPR_TYPE_EMPTY});
    EXPECT_EQ((Attribute{"key", Value{"text"}}.raw().type), std::uint32_t{SPR_TYPE_STRING});
    const std::array<std::uint8_t, 5> octets{};
    EXPECT_EQ(Value{Bytes{octets}}.raw().value.bytes.size, 5u);

    auto span = tracer_.start("lists");
    EXPECT_EQ(span.set_attribute("bytes", Bytes{octets}), 0);
    EXPECT_EQ(span.set_attribute("values", ValueList{1, ValueList{"in it", Empty{}}, AttributeList{{"key", 0.5}}}), 0);
    EXPECT_EQ(span.set_attribute("pairs", AttributeList{{"key", 1}}), 0);
    EXPECT_EQ(span.set_attribute("nothing", Empty{}), 0);
    EXPECT_EQ(refused(), 0u);

    // Each is inside of the next.
    std::array<Value, SPR_VALUE_DEPTH + 1> nested;
    nested[0] = ValueList{};
    for (std::size_t i = 1; i < nested.size(); ++i) {
        nested[i] = Value{ValueList{&nested[i - 1], 1}};
    }
    EXPECT_EQ(span.set_attribute("too deep", nested[SPR_VALUE_DEPTH]), 0) << "the innermost lists are empty values";
    EXPECT_EQ(refused(), 0u);
}

TEST_F(SpanTest, RecordsExceptions) {
    auto span = tracer_.start("exceptions");
    EXPECT_EQ(span.record_exception("type", "message"), 0);
    EXPECT_EQ(span.record_exception({"type", {}, "stack", {{"key", 1}}}), 0);
    EXPECT_EQ(span.record_exception(std::out_of_range{"range"}), 0);
    const std::exception& base = std::out_of_range{"range"};
    EXPECT_EQ(detail::TypeName{base}.view(), "std::out_of_range") << "of what it is, not of what it was caught as";
    EXPECT_EQ(refused(), 0u);
    EXPECT_EQ(span.record_exception(Exception{}), -EINVAL);
    span.end();
    EXPECT_EQ(span.record_exception(base), 0);
}

TEST_F(SpanTest, IsRecordedWhole) {
    WholeSpan whole;
    whole.name = "whole";
    Context context;
    EXPECT_EQ(tracer_.record(whole, &context), 1);
    EXPECT_TRUE(context.valid());
    EXPECT_EQ(started(), 1u);
    EXPECT_EQ(ended(), 1u);

    const auto parent = context;
    whole.context = Context{{1}, {2}, true};
    EXPECT_EQ(tracer_.record(whole, &context), 1);
    EXPECT_EQ(context.span_id(), whole.context->span_id());
    whole.context = Context{{1}, {2}, false};
    EXPECT_EQ(tracer_.record(whole), 0) << "it was not sampled where it was measured";
    whole.context = Context{};
    EXPECT_EQ(tracer_.record(whole), -EINVAL);
    whole.context.reset();
    whole.parent = parent;
    EXPECT_EQ(tracer_.record(whole, &context), 1);
    EXPECT_EQ(context.trace_id(), parent.trace_id());
    EXPECT_LT(Tracer{}.record(whole), 0);
    EXPECT_EQ(ended(), 3u);
}

TEST_F(SpanTest, OtherAttributesOfTheScopeAreAnotherTracer) {
    const auto one = provider().tracer("scoped", "1.0", {}, {{"key", 1}});
    EXPECT_EQ(one.raw(), provider().tracer("scoped", "1.0", {}, {{"key", 1}}).raw());
    EXPECT_NE(one.raw(), provider().tracer("scoped", "1.0", {}, {{"key", 2}}).raw());
    EXPECT_NE(one.raw(), provider().tracer("scoped", "1.0", "https://schemas.test").raw());
    EXPECT_EQ(provider().tracer("scoped", "1.0", {}, {{"", 1}}).error(), -EINVAL);
}

TEST_F(SpanTest, TakesManyLinks) {
    const auto other = tracer_.start("other");
    const std::array<Attribute, 1> attributes = {{{"number", 1}}};
    std::array<Link, 11> links;
    links.fill({other.context(), attributes, "state=1"});
    StartOptions options;
    options.links = links;
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
        span.set_attribute("list", ValueList{1, "two", AttributeList{{"key", true}}});
        span.record_exception("type", "message");
        WholeSpan whole;
        whole.name = "whole";
        tracer_.record(whole);
        span.set_attribute("longer than a small string of any library", "a value that is longer than that, too");
        span.add_event("event", {{"key", 1}});
        span.set_status(Status::kError, "message");
        EXPECT_FALSE(span.context().inject().empty());
    }
    EXPECT_EQ(allocations.load(), before);
    EXPECT_EQ(ended(), 3u);
}

}  // namespace
}  // namespace spanring
