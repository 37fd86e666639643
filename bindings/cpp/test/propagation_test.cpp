// SPDX-License-Identifier: Apache-2.0

#include "private_directory.hpp"

#include <spanring/spanring.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <string>
#include <string_view>
#include <thread>

namespace spanring {
namespace {

const auto* const kDirectory = ::testing::AddGlobalTestEnvironment(new PrivateDirectory);

const std::string kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class Headers {
public:
    Headers() = default;
    Headers(std::multimap<std::string, std::string> given) : all{std::move(given)} {}

    bool get(std::string_view key, std::size_t index, std::string_view& value) const {
        const auto [begin, end] = all.equal_range(std::string{key});
        for (auto at = begin; at != end; ++at) {
            if (index-- == 0) {
                value = at->second;
                return true;
            }
        }
        return false;
    }
    void set(std::string_view key, std::string_view value) {
        remove(key);
        all.emplace(key, value);
    }
    void remove(std::string_view key) { all.erase(std::string{key}); }

    std::multimap<std::string, std::string> all;
};

std::string value_of(const Propagated& propagated, std::string_view key) {
    std::string value;
    return propagated.get_baggage(key, value) ? value : "none";
}

TEST(PropagatedTest, ComesOutOfHeadersAndGoesIntoOthers) {
    const Headers in{
        {{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"tracestate", "b=2"}, {"baggage", "k=v%20w"}}};
    Propagated propagated;
    EXPECT_TRUE(propagated.extract(in));
    EXPECT_EQ(propagated.context().inject().view(), kTraceparent);
    EXPECT_EQ(propagated.trace_state(), "a=1,b=2");
    EXPECT_EQ(value_of(propagated, "k"), "v w");
    EXPECT_EQ(value_of(propagated, "other"), "none");

    Headers out{{{"baggage", "stale=1"}, {"tracestate", "stale=1"}}};
    propagated.clear_baggage();
    propagated.inject(out);
    EXPECT_EQ(out.all,
              (std::multimap<std::string, std::string>{{"traceparent", kTraceparent}, {"tracestate", "a=1,b=2"}}));
    EXPECT_FALSE(Propagated{}.extract(Headers{}));
}

TEST(PropagatedTest, IsChanged) {
    Propagated propagated{Context::extract(kTraceparent)};
    EXPECT_EQ(propagated.set_baggage("k", "\xc3\xa9", "p"), 0);
    EXPECT_EQ(propagated.set_baggage("not a token", "1"), -EINVAL);
    EXPECT_EQ(propagated.baggage(), "k=%C3%A9;p");
    EXPECT_EQ(propagated.set_trace_state("a", "1"), 0);
    EXPECT_EQ(propagated.set_trace_state("b", "2"), 0);
    EXPECT_EQ(propagated.trace_state(), "b=2,a=1");
    EXPECT_TRUE(propagated.remove_baggage("k"));
    EXPECT_FALSE(propagated.remove_baggage("k"));
    EXPECT_EQ(value_of(propagated, "k"), "none");
}

TEST(PropagatedTest, IsCopiedWithItsTexts) {
    Propagated copy;
    {
        Propagated original{Context::extract(kTraceparent)};
        original.set_baggage("k", "v");
        original.set_trace_state("a", "1");
        copy = original;
        original.set_baggage("k", "changed");
        original.set_trace_state("a", "changed");
    }
    const Propagated second{copy};
    EXPECT_EQ(second.baggage(), "k=v");
    EXPECT_EQ(second.trace_state(), "a=1");
    EXPECT_EQ(second.context().inject().view(), kTraceparent);
    EXPECT_GE(second.raw().baggage.data, reinterpret_cast<const char*>(&second)) << "in its own memory";
    EXPECT_LT(second.raw().baggage.data, reinterpret_cast<const char*>(&second + 1));
}

TEST(PropagatedScopeTest, GoesWithTheThreadUntilItCloses) {
    static const auto provider = Provider::open({"propagation-test"});
    const auto tracer = provider.tracer("propagation-test");
    Propagated request{Context::extract(kTraceparent)};
    request.set_baggage("k", "v");
    request.set_trace_state("a", "1");
    {
        const PropagatedScope scope{request};
        auto server = tracer.start("server");
        EXPECT_EQ(server.context().trace_id(), request.context().trace_id());
        const Scope inner{server.context()};
        Headers out;
        inject(server.context(), out);
        EXPECT_EQ(out.all, (std::multimap<std::string, std::string>{
                               {"traceparent", std::string{server.context().inject().view()}},
                               {"tracestate", "a=1"},
                               {"baggage", "k=v"}}));
        const auto everything = Propagated::current();
        EXPECT_EQ(everything.context().span_id(), server.context().span_id());
        EXPECT_EQ(everything.trace_state(), "a=1");
        EXPECT_EQ(everything.baggage(), "k=v");
        std::thread{[&] {
            EXPECT_EQ(Propagated::current().baggage(), "");
            const PropagatedScope same{request};
            EXPECT_EQ(Propagated::current().baggage(), "k=v");
        }}.join();
    }
    EXPECT_EQ(Propagated::current().baggage(), "");
    EXPECT_FALSE(Propagated::current().context().valid());
}

}  // namespace
}  // namespace spanring
