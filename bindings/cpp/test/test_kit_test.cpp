// SPDX-License-Identifier: Apache-2.0
#include <spanring/spanring.hpp>
#include <spanring/test_kit.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace spanring {
namespace {

class TestKitTest : public ::testing::Test {
protected:
    static TestKit& kit() {
        static TestKit begun;
        return begun;
    }
    static Tracer tracer() {
        static Provider provider = Provider::open({"shop"});
        return provider.tracer("shop.checkout", "1.0");
    }

    void SetUp() override {
        ASSERT_EQ(kit().error(), 0);
        kit().clear();
        ASSERT_EQ(kit().error(), 0);
    }
};

TEST_F(TestKitTest, ReadsWhatWasSetOfASpanThatEnded) {
    const std::array<unsigned char, 2> bytes{0, 255};
    {
        Span span = tracer().start("checkout", Kind::kServer);
        span.set_attributes({{"item", "book"}, {"items", 3}, {"price", 1.5}, {"paid", true}, {"raw", Bytes{bytes}}});
        span.set_attributes({{"none", Empty{}}, {"sizes", ValueList{1, "two"}}, {"user", AttributeList{{"id", 7}}}});
        span.add_event("paid", {{"currency", "EUR"}});
        span.set_status(Status::kError, "out of paper");
    }
    const RecordedSpans spans = kit().spans();
    ASSERT_EQ(spans.size(), 1u);
    const RecordedSpan span = spans[0];
    EXPECT_EQ(span.name(), "checkout");
    EXPECT_FALSE(span.is_open());
    EXPECT_TRUE(span.is_root());
    EXPECT_EQ(span.kind(), SPR_KIND_SERVER);
    EXPECT_EQ(span.status(), SPR_STATUS_ERROR);
    EXPECT_EQ(span.status_message(), "out of paper");
    EXPECT_EQ(span.scope(), "shop.checkout");
    EXPECT_EQ(span.attribute("item").text(), "book");
    EXPECT_EQ(span.attribute("items").integer(), 3);
    EXPECT_TRUE(span.attribute("items") == 3);
    EXPECT_TRUE(span.attribute("items") != "3");
    EXPECT_TRUE(span.attribute("price") == 1.5);
    EXPECT_TRUE(span.attribute("paid").truth());
    EXPECT_TRUE(span.attribute("raw") == Bytes{bytes});
    EXPECT_TRUE(span.attribute("none") == Empty{});
    EXPECT_TRUE((span.attribute("sizes") == ValueList{1, "two"}));
    EXPECT_FALSE((span.attribute("sizes") == ValueList{1, 2}));
    EXPECT_TRUE((span.attribute("user") == AttributeList{{"id", 7}}));
    EXPECT_FALSE(span.attribute("other"));
    const spr_event* const paid = span.event("paid");
    ASSERT_NE(paid, nullptr);
    EXPECT_TRUE(RecordedValue{spr_test_attribute(paid->attributes, paid->attribute_count, SPR_S("currency"))} == "EUR");
    EXPECT_GE(span.raw().end_time_ns, span.raw().start_time_ns);
    EXPECT_TRUE(RecordedValue{spr_test_attribute(span.raw().resource->attributes, span.raw().resource->attribute_count,
                                                 SPR_S("service.name"))} == "shop");
    EXPECT_EQ(spans.lost(), 0u);
}

TEST_F(TestKitTest, ShowsASpanThatIsOpenBehindThoseThatEnded) {
    Span outer = tracer().start("outer", Kind::kClient);
    outer.set_attribute("step", 1);
    outer.set_attribute("step", 2);
    outer.set_attribute("large", std::string(5000, 'x'));  // in a block
    StartOptions below;
    below.parent = outer.context();
    { const Span inner = tracer().start("inner", below); }
    const RecordedSpans spans = kit().spans();
    ASSERT_EQ(spans.size(), 2u);
    const auto seen = spans.find("outer");
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->is_open());
    EXPECT_EQ(seen->raw().end_time_ns, 0u);
    EXPECT_EQ(seen->kind(), SPR_KIND_CLIENT);
    EXPECT_EQ(seen->raw().attribute_count, 2u);
    EXPECT_TRUE(seen->attribute("step") == 2);
    EXPECT_EQ(seen->attribute("large").text().size(), 5000u);
    EXPECT_TRUE(spans[0].is_child_of(*seen));
    EXPECT_FALSE(spans[0].is_open());
    kit().clear();
    EXPECT_EQ(kit().spans().size(), 1u) << "what is open stays";
    outer.end();
    EXPECT_FALSE(kit().spans()[0].is_open());
}

TEST_F(TestKitTest, HasRoomForMoreThanTheRingAfterEachClearing) {
    const std::string text(10'000, 'x');
    for (int round = 0; round < 8; ++round) {
        for (int i = 0; i < 500; ++i) tracer().start("long").set_attribute("text", text);
        const RecordedSpans spans = kit().spans();
        EXPECT_EQ(spans.size(), 500u);
        EXPECT_EQ(spans.lost(), 0u);
        kit().clear();
        EXPECT_TRUE(kit().spans().empty());
    }
}

TEST_F(TestKitTest, CountsWhatTheRingHadNoRoomFor) {
    const std::string text(10'000, 'x');
    for (int i = 0; i < 3'000; ++i) tracer().start("long").set_attribute("text", text);
    const RecordedSpans spans = kit().spans();
    EXPECT_GT(spans.lost(), 0u);
    EXPECT_EQ(spans.size() + spans.lost(), 3'000u);
    kit().clear();
    EXPECT_EQ(kit().spans().lost(), 0u);
}

TEST_F(TestKitTest, MissesNothingThatEndsWhileItReads) {
    std::thread worker([] {
        for (int i = 0; i < 20'000; ++i) tracer().start("quick").set_attribute("number", i);
    });
    std::size_t before = 0;
    for (int i = 0; i < 20; ++i) {
        const RecordedSpans spans = kit().spans();
        EXPECT_EQ(kit().error(), 0);
        EXPECT_GE(spans.size() + 1, before);  // one may have ended and the next not begun
        before = spans.size();
    }
    worker.join();
    const RecordedSpans spans = kit().spans();
    ASSERT_EQ(spans.size(), 20'000u);
    std::int64_t number = 0;
    for (const RecordedSpan span : spans) EXPECT_EQ(span.attribute("number").integer(), number++);
}

TEST_F(TestKitTest, SeesTheSpansOfAChildThatWasKilled) {
    { const Span span = tracer().start("parent's"); }
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        { const Span span = tracer().start("child's"); }
        const Span open = tracer().start("unfinished");
        kill(getpid(), SIGKILL);
    }
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_EQ(kit().spans().size(), 1u);
    const RecordedSpans all = kit().all_spans();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all.find("child's")->raw().pid, static_cast<std::uint32_t>(child));
    EXPECT_TRUE(all.find("unfinished")->is_open());
    kit().clear();
    EXPECT_EQ(kit().all_spans().size(), 0u) << "a child that is dead goes as a whole";
}

TEST_F(TestKitTest, RefusesWhatIsNoReading) {
    EXPECT_EQ(spr_test_read(SPR_TEST_OF_PROCESS, nullptr), -EINVAL);
    const spr_test_spans* spans = nullptr;
    EXPECT_EQ(spr_test_read(7, &spans), -EINVAL);
    EXPECT_EQ(spr_test_find(nullptr, "name", SPR_NUL), nullptr);
    EXPECT_EQ(spr_test_attribute(nullptr, 0, "key", SPR_NUL), nullptr);
    spr_test_free(nullptr);
    EXPECT_EQ(spr_test_begin(), 0) << "again";
}

}  // namespace
}  // namespace spanring
