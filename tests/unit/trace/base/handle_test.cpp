// SPDX-License-Identifier: Apache-2.0
//
// Handles that are NULL, spent or invented.
#include <cerrno>
#include <cstring>
#include <random>
#include <thread>

#include "support/tracing.hpp"
#include "trace/base/span_handle.hpp"

namespace spanring {
namespace {

using test::Tracing;

TEST_IN_PROCESS(HandleTest, ThatIsNullIsAnErrorEverywhere) {
    test::PrivateDirectory directory;
    const spr_event event = {"event", SPR_NUL, 0, nullptr, 0, 0, 0};
    const spr_link link = {};
    const spr_attribute attribute = test::int_attribute("key", 1);
    spr_tracer* tracer = nullptr;
    spr_statistics statistics = SPR_STATISTICS_INIT;
    EXPECT_EQ(spr_provider_open(nullptr, nullptr), -EINVAL);
    EXPECT_EQ(spr_provider_state(nullptr), -EINVAL);
    EXPECT_EQ(spr_provider_flush(nullptr, 0), -EINVAL);
    EXPECT_EQ(spr_provider_shutdown(nullptr, 0), -EINVAL);
    EXPECT_EQ(spr_provider_statistics(nullptr, &statistics), -EINVAL);
    EXPECT_EQ(spr_tracer_get(nullptr, "x", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), -EINVAL);
    EXPECT_EQ(tracer, nullptr);
    EXPECT_EQ(spr_tracer_enabled(nullptr), 0);

    spr_span span;
    memset(&span, 0xff, sizeof span);
    EXPECT_EQ(spr_span_start(nullptr, "x", SPR_NUL, &span), -EINVAL);
    EXPECT_EQ(span.handle, 0u) << "a span that does nothing";
    memset(&span, 0xff, sizeof span);
    EXPECT_EQ(spr_span_start_with(nullptr, "x", SPR_NUL, nullptr, &span), -EINVAL);
    EXPECT_EQ(span.handle, 0u);
    EXPECT_EQ(spr_span_start(nullptr, nullptr, 0, nullptr), -EINVAL);
    EXPECT_EQ(spr_span_start_with(nullptr, nullptr, 0, nullptr, nullptr), -EINVAL);

    EXPECT_EQ(spr_span_set_string(nullptr, "key", SPR_NUL, "x", SPR_NUL), -EINVAL);
    EXPECT_EQ(spr_span_set_bool(nullptr, "key", SPR_NUL, 1), -EINVAL);
    EXPECT_EQ(spr_span_set_int64(nullptr, "key", SPR_NUL, 1), -EINVAL);
    EXPECT_EQ(spr_span_set_double(nullptr, "key", SPR_NUL, 1), -EINVAL);
    EXPECT_EQ(spr_span_set_attributes(nullptr, &attribute, 1), -EINVAL);
    EXPECT_EQ(spr_span_add_event(nullptr, &event), -EINVAL);
    EXPECT_EQ(spr_span_add_link(nullptr, &link), -EINVAL);
    EXPECT_EQ(spr_span_set_status(nullptr, SPR_STATUS_OK, nullptr, 0), -EINVAL);
    EXPECT_EQ(spr_span_set_name(nullptr, "x", SPR_NUL), -EINVAL);
    EXPECT_EQ(spr_span_set_kind(nullptr, SPR_KIND_SERVER), -EINVAL);
    EXPECT_EQ(spr_span_is_recording(nullptr), 0);
    EXPECT_EQ(spr_span_end(nullptr), -EINVAL);
    EXPECT_EQ(spr_span_end_with(nullptr, nullptr), -EINVAL);
    const spr_exception exception = SPR_EXCEPTION_INIT;
    const spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    const spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
    EXPECT_EQ(spr_span_record_exception(nullptr, &exception), -EINVAL);
    EXPECT_EQ(spr_span_record(nullptr, &whole, nullptr), -EINVAL);
    EXPECT_EQ(spr_tracer_get_with(nullptr, &options, &tracer), -EINVAL);
    EXPECT_TRUE(directory.files().empty());
}

TEST_IN_PROCESS(HandleTest, ThatIsNullInsideALiveProviderIsAnErrorToo) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_start(tracing.tracer(), "x", SPR_NUL, nullptr), -EINVAL);
    EXPECT_EQ(spr_provider_statistics(tracing.provider(), nullptr), -EINVAL);
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "x", SPR_NUL, nullptr, 0, nullptr, 0, nullptr), -EINVAL);
    EXPECT_EQ(spr_span_set_string(&span, nullptr, 5, nullptr, 5), -EINVAL);
    EXPECT_EQ(spr_span_set_name(&span, nullptr, 5), 0) << "a NULL pointer is an empty string";
    spr_event event = {nullptr, 5, 0, nullptr, 5, 0, 0};
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_TRUE(segment.has(""));
}

// The library remembers the span that a thread started last; what it remembers must not outlive the truth.
TEST_IN_PROCESS(HandleTest, OfTheLastSpanIsForgottenWhenAnotherThreadEndsIt) {
    Tracing tracing;
    const spr_span span = tracing.start("handed over");
    EXPECT_EQ(spr_span_set_int64(&span, "before", SPR_NUL, 1), 0);
    spr_span next;
    std::thread([&] {
        EXPECT_EQ(spr_span_end(&span), 0);
        next = tracing.start("in its place");
    }).join();
    EXPECT_EQ(spr_span_set_int64(&span, "after", SPR_NUL, 2), -ESTALE);
    EXPECT_EQ(spr_span_set_string(&span, "after", SPR_NUL, "x", SPR_NUL), -ESTALE);
    EXPECT_EQ(spr_span_end(&span), -ESTALE);
    EXPECT_EQ(spr_span_end(&next), 0) << "started elsewhere, ended here";
    EXPECT_EQ(tracing.read().named("in its place").attributes_size(), 0);
}

TEST_IN_PROCESS(HandleTest, OfTheLastSpanIsForgottenAtShutdownByAnotherThread) {
    Tracing tracing;
    const spr_span span = tracing.start("open");
    EXPECT_EQ(spr_span_set_int64(&span, "before", SPR_NUL, 1), 0);
    std::thread([&] { EXPECT_EQ(spr_provider_shutdown(tracing.provider(), 0), 0) << "nothing ended"; }).join();
    EXPECT_EQ(spr_span_set_int64(&span, "after", SPR_NUL, 2), -ESTALE);
    EXPECT_EQ(spr_span_end(&span), -ESTALE);
}

// Every function of a span, in any order and again, also behind the end: a seeded walk over all of them beside a model
// of what the span is. What a call answers and what is written at last must be the model's.
TEST_IN_PROCESS(HandleTest, MayBeUsedInAnyOrderAndTwice) {
    Tracing tracing(test::large_ring());
    std::mt19937 random(5);
    const spr_attribute attributes[] = {test::int_attribute("a", 1), test::text_attribute("b", "2")};
    const spr_event event = {"event", SPR_NUL, 0, attributes, 2, 0, 0};
    const spr_link link = {{{1}, {1}, 0, 0, {}}, attributes, 2, nullptr, 0, 0, 0};
    spr_exception exception = SPR_EXCEPTION_INIT;
    exception.message = "m";
    spr_end_options with_event = SPR_END_OPTIONS_INIT;
    with_event.events = &event;
    with_event.event_count = 1;
    for (int round = 0; round < 300; ++round) {
        const std::string name = "span" + std::to_string(round);
        const spr_span span = tracing.start(name.c_str());
        bool open = true;
        int events = 0, links = 0, status = SPR_STATUS_UNSET, kind = SPR_KIND_INTERNAL;
        const auto expect = [&](int answer, int while_open) { EXPECT_EQ(answer, open ? while_open : -ESTALE); };
        for (int step = 0; step < 40; ++step) {
            switch (random() % 16) {
                case 0: expect(spr_span_set_string(&span, "b", 1, "text", 4), 0); break;
                case 1: expect(spr_span_set_bool(&span, "a", 1, 1), 0); break;
                case 2: expect(spr_span_set_int64(&span, "a", 1, step), 0); break;
                case 3: expect(spr_span_set_double(&span, "a", 1, 0.5), 0); break;
                case 4: expect(spr_span_set_attributes(&span, attributes, 2), 0); break;
                case 5: expect(spr_span_add_event(&span, &event), 0), events += open; break;
                case 6: expect(spr_span_add_link(&span, &link), 0), links += open; break;
                case 7: expect(spr_span_record_exception(&span, &exception), 0), events += open; break;
                case 8:
                    expect(spr_span_set_status(&span, SPR_STATUS_ERROR, "e", 1), status == SPR_STATUS_OK ? 1 : 0);
                    if (open && status != SPR_STATUS_OK) status = SPR_STATUS_ERROR;
                    break;
                case 9:
                    if (random() % 4 != 0) break;
                    expect(spr_span_set_status(&span, SPR_STATUS_OK, nullptr, 0), status == SPR_STATUS_OK ? 1 : 0);
                    if (open) status = SPR_STATUS_OK;
                    break;
                case 10: expect(spr_span_set_status(&span, SPR_STATUS_UNSET, nullptr, 0), 1); break;
                case 11: expect(spr_span_set_name(&span, name.data(), name.size()), 0); break;
                case 12:
                    expect(spr_span_set_kind(&span, SPR_KIND_CLIENT), 0);
                    if (open) kind = SPR_KIND_CLIENT;
                    break;
                case 13: EXPECT_EQ(spr_span_is_recording(&span), open); break;
                case 14:
                    if (random() % 8 != 0) break;
                    expect(spr_span_end(&span), 0);
                    open = false;
                    break;
                case 15:
                    if (random() % 8 != 0) break;
                    expect(spr_span_end_with(&span, &with_event), 0);
                    events += open;
                    open = false;
                    break;
            }
        }
        EXPECT_EQ(spr_span_end(&span), open ? 0 : -ESTALE);
        for (int i = 0; i < 2; ++i) EXPECT_EQ(spr_span_end(&span), -ESTALE);
        const auto segment = tracing.read();
        const auto& written = segment.named(name);
        EXPECT_EQ(written.events_size(), events);
        EXPECT_EQ(written.links_size(), links);
        EXPECT_EQ(written.status().code(), status);
        EXPECT_EQ(written.kind(), kind);
        EXPECT_LE(written.attributes_size(), 2);
        tracing.agent().release_full();
    }
    test::expect_balance(tracing.statistics(), 0, 300);
}

// Any 64 bits may be passed as a handle. It may hit an open span by chance; it never crashes, and accounting holds.
TEST_IN_PROCESS(HandleTest, InventedAtRandomNeverCrashes) {
    Tracing tracing(test::large_ring());
    std::mt19937_64 random(99);
    const spr_event event = {"event", SPR_NUL, 0, nullptr, 0, 0, 0};
    const spr_link link = {{{1}, {1}, 0, 0, {}}, nullptr, 0, nullptr, 0, 0, 0};
    uint64_t ended = 0;
    spr_span open[8];
    for (spr_span& span : open) span = tracing.start("open");
    for (int i = 0; i < 200'000; ++i) {
        spr_span span = {};
        span.handle = random();
        if (i % 2 == 0) {  // close to a real one
            trace::SpanHandle near = trace::SpanHandle::unpack(open[i % 8].handle);
            switch (random() % 4) {
                case 0: near.provider = static_cast<uint32_t>(random() % 8); break;
                case 1: near.life = static_cast<uint32_t>(random() % 256); break;
                case 2: near.slot = static_cast<uint32_t>(random() % (1u << 20)); break;
                default: near.generation += static_cast<uint32_t>(random() % 3) - 1;
            }
            span.handle = near.pack();
        }
        switch (random() % 8) {
            case 0: spr_span_set_string(&span, "key", SPR_NUL, "value", SPR_NUL); break;
            case 1: spr_span_add_event(&span, &event); break;
            case 2: spr_span_add_link(&span, &link); break;
            case 3: spr_span_set_status(&span, SPR_STATUS_ERROR, "x", SPR_NUL); break;
            case 4: spr_span_set_name(&span, "renamed", SPR_NUL); break;
            case 5: spr_span_set_kind(&span, SPR_KIND_SERVER); break;
            case 6: spr_span_is_recording(&span); break;
            default: ended += spr_span_end(&span) == 0 && span.handle != 0;
        }
    }
    for (const spr_span& span : open) ended += spr_span_end(&span) == 0;
    EXPECT_EQ(ended, 8u);
    const spr_statistics statistics = tracing.statistics();
    test::expect_balance(statistics, 0, tracing.read().spans().size());
}

// Thread A starts and ends spans in one slot; B goes on using handles that A spent. Nothing of B's may reach a span of
// A.
TEST_IN_PROCESS(HandleTest, ThatIsSpentReachesNoSpanThatReusesItsSlot) {
    Tracing tracing;
    const spr_span first = tracing.start("first");
    ASSERT_EQ(spr_span_end(&first), 0);
    std::atomic<uint64_t> spent{first.handle};
    std::atomic<bool> done{false};
    std::atomic<uint64_t> reached{0};
    std::thread other([&] {
        while (!done) {
            spr_span span = {};
            span.handle = spent;
            if (spr_span_set_int64(&span, "intruder", SPR_NUL, 1) != -ESTALE) ++reached;
        }
    });
    auto agent = tracing.agent();
    for (int i = 0; i < 50'000; ++i) {
        const spr_span span = tracing.start("own");
        if (trace::SpanHandle::unpack(span.handle).slot != trace::SpanHandle::unpack(first.handle).slot)
            ADD_FAILURE() << "another slot";
        EXPECT_EQ(spr_span_end(&span), 0);
        spent = span.handle;
        agent.release_full();
    }
    done = true;
    other.join();
    EXPECT_EQ(reached, 0u);
}

TEST(SpanHandleTest, PacksAndUnpacksEachField) {
    const trace::SpanHandle handle{7, 255, (1u << 20) - 1, ~uint32_t{0}};
    const trace::SpanHandle read = trace::SpanHandle::unpack(handle.pack());
    EXPECT_EQ(read.provider, 7u);
    EXPECT_EQ(read.life, 255u);
    EXPECT_EQ(read.slot, (1u << 20) - 1);
    EXPECT_EQ(read.generation, ~uint32_t{0});
    EXPECT_NE((trace::SpanHandle{0, 0, 0, 0}.pack()), 0u) << "0 is no span";
}

}  // namespace
}  // namespace spanring
