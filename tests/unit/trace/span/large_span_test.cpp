// SPDX-License-Identifier: Apache-2.0
//
// Spans that are larger than an extent: a quarter of the memory, 3.5 MiB at most.
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "ring/slot_data.hpp"
#include "support/extents.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

constexpr uint32_t kKiB = 1 << 10, kMiB = 1 << 20;

// In which each place is different from its neighbours.
std::string pattern(size_t size) {
    std::string text(size, 0);
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251 * 13) % 26);
    return text;
}

int set(const spr_span& span, const char* key, const std::string& text) {
    return spr_span_set_string(&span, key, SPR_NUL, text.data(), text.size());
}

std::string text_of(const otlp::Span& span, const std::string& key) {
    for (const auto& attribute : span.attributes())
        if (attribute.key() == key) return attribute.value().string_value();
    return "";
}

TEST_IN_PROCESS(LargeSpanTest, KeepsEveryByte) {
    for (const uint32_t size : {70 * kKiB, 100 * kKiB, 300 * kKiB, 1 * kMiB, 3 * kMiB, 3500 * kKiB}) {
        test::in_child([size] {
            Tracing tracing(test::large_ring());
            const spr_span span = tracing.start("large");
            EXPECT_EQ(set(span, "small", "before"), 0);
            EXPECT_EQ(set(span, "large", pattern(size)), 0);
            EXPECT_EQ(set(span, "small", "after"), 0) << "what was set before is replaced";
            spr_event event = {};
            event.name = "an event";
            event.name_size = SPR_NUL;
            EXPECT_EQ(spr_span_add_event(&span, &event), 0);
            EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "a status", SPR_NUL), 0);
            EXPECT_EQ(spr_span_end(&span), 0);
            EXPECT_EQ(tracing.make("the next one"), 0);
            const auto segment = tracing.read();
            const otlp::Span& found = segment.named("large");
            EXPECT_TRUE(text_of(found, "large") == pattern(size)) << size;
            EXPECT_EQ(text_of(found, "small"), "after");
            EXPECT_EQ(found.attributes_size(), 2);
            EXPECT_EQ(found.events_size(), 1);
            EXPECT_EQ(found.status().message(), "a status");
            EXPECT_TRUE(segment.has("the next one"));
            EXPECT_TRUE(segment.open_slots().empty());
            const spr_statistics statistics = tracing.statistics();
            EXPECT_EQ(statistics.refused_data + statistics.cut_texts, 0u);
            test::expect_balance(statistics, 0, 2);
        });
    }
}

// Whatever way it is written: one that was taken and not used stays taken until the span ends.
TEST_IN_PROCESS(LargeSpanTest, TakesOnePlaceForWhatNeedsOne) {
    Tracing tracing(test::large_ring());
    const spr_span span = tracing.start("large");
    EXPECT_EQ(set(span, "text", pattern(60 * kKiB)), 0);
    EXPECT_EQ(tracing.view().writer().huge, 0u);
    EXPECT_EQ(set(span, "Größe", pattern(8'000)), 0);
    EXPECT_EQ(tracing.view().writer().huge, 1u);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_TRUE(text_of(tracing.read().named("large"), "Größe") == pattern(8'000));
}

// In many small steps, so that it moves from one place to the next in the middle of a life.
TEST_IN_PROCESS(LargeSpanTest, GrowsStepByStep) {
    Tracing tracing(test::large_ring());
    const spr_span span = tracing.start("large");
    constexpr int kSteps = 120;
    for (int i = 0; i < kSteps; ++i)
        ASSERT_EQ(set(span, ("key" + std::to_string(i)).c_str(), pattern(25'000 + static_cast<size_t>(i))), 0) << i;
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const otlp::Span& found = segment.named("large");
    ASSERT_EQ(found.attributes_size(), kSteps);
    for (int i = 0; i < kSteps; ++i)
        EXPECT_TRUE(text_of(found, "key" + std::to_string(i)) == pattern(25'000 + static_cast<size_t>(i))) << i;
}

TEST_IN_PROCESS(LargeSpanTest, IsCutAtAQuarterOfTheMemory) {
    for (const auto& [limit, most] : {std::pair<uint32_t, uint32_t>{16 * kMiB, 3584 * kKiB},
                                      {5 * kMiB, 1 * kMiB},
                                      {1536 * kKiB, 256 * kKiB},
                                      {1 * kMiB - 64 * kKiB, 64 * kKiB}}) {
        test::in_child([limit = limit, most = most] {
            spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
            options.memory_limit = limit;
            Tracing tracing(options);
            const spr_span span = tracing.start("large");
            EXPECT_EQ(set(span, "text", pattern(5 * kMiB)), 0);
            EXPECT_EQ(tracing.statistics().cut_texts, 1u);
            EXPECT_EQ(set(span, "more", pattern(2 * kKiB)), 0) << "a little of it";
            std::vector<spr_value> numbers(1000);
            for (spr_value& number : numbers) {
                number.type = SPR_TYPE_DOUBLE;
                number.value.float64 = 1;
            }
            spr_attribute list = {"list", SPR_NUL, SPR_TYPE_ARRAY, 0, {}};
            list.value.array = {numbers.data(), numbers.size()};
            spr_event event = {};
            event.name = "an event that is too large, whatever is cut";
            event.name_size = SPR_NUL;
            event.attributes = &list;
            event.attribute_count = 1;
            EXPECT_EQ(spr_span_add_event(&span, &event), -ENOBUFS);
            EXPECT_EQ(tracing.statistics().refused_data, 1u);
            EXPECT_EQ(spr_span_end(&span), 0) << "what it could take always fits";
            const auto segment = tracing.read();
            const size_t size = text_of(segment.named("large"), "text").size();
            EXPECT_LT(size, most);
            EXPECT_GT(size, most - 4 * kKiB) << limit;
            EXPECT_EQ(segment.named("large").dropped_events_count(), 1u);
        });
    }
}

// All memory is there from the beginning, in extents.
TEST_IN_PROCESS(LargeSpanTest, IsNoneWithAllMemoryAtOpen) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory = SPR_MEMORY_AT_OPEN;
    Tracing tracing(options);
    const spr_span span = tracing.start("large");
    EXPECT_EQ(set(span, "text", pattern(kMiB)), 0);
    EXPECT_EQ(tracing.statistics().cut_texts, 1u);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.view().header().huge_places, 0u);
    EXPECT_LT(text_of(tracing.read().named("large"), "text").size(), 64 * kKiB);
}

TEST_IN_PROCESS(LargeSpanTest, IsRecordedInOneCall) {
    Tracing tracing(test::large_ring());
    const std::string text = pattern(2 * kMiB);
    spr_attribute attribute = test::text_attribute("text", text.c_str());
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    whole.name = "whole";
    whole.name_size = SPR_NUL;
    whole.attributes = &attribute;
    whole.attribute_count = 1;
    whole.start_time_ns = 1;
    whole.end_time_ns = 2;
    EXPECT_EQ(spr_span_record(tracing.tracer(), &whole, nullptr), 1);
    EXPECT_TRUE(text_of(tracing.read().named("whole"), "text") == text);
}

// A thread that ends, and a span that another one ends.
TEST_IN_PROCESS(LargeSpanTest, OutlivesItsThread) {
    Tracing tracing(test::large_ring());
    spr_span span;
    std::thread([&] {
        span = tracing.start("large");
        EXPECT_EQ(set(span, "text", pattern(400 * kKiB)), 0);
    }).join();
    EXPECT_EQ(tracing.make("between"), 0);
    std::thread([&] {
        EXPECT_EQ(set(span, "more", pattern(800 * kKiB)), 0);
        EXPECT_EQ(spr_span_end(&span), 0);
    }).join();
    const auto segment = tracing.read();
    EXPECT_TRUE(text_of(segment.named("large"), "text") == pattern(400 * kKiB));
    EXPECT_TRUE(text_of(segment.named("large"), "more") == pattern(800 * kKiB));
}

TEST_IN_PROCESS(LargeSpanTest, IsTheParentsAfterAFork) {
    Tracing tracing(test::large_ring());
    const spr_span span = tracing.start("parent's");
    EXPECT_EQ(set(span, "text", pattern(kMiB)), 0);
    test::in_child([&] {
        EXPECT_EQ(spr_span_set_int64(&span, "number", SPR_NUL, 1), -ESTALE);
        const spr_span mine = tracing.start("child's");
        EXPECT_EQ(set(mine, "text", pattern(kMiB)), 0);
        EXPECT_EQ(spr_span_end(&mine), 0);
    });
    EXPECT_EQ(set(span, "more", pattern(kMiB)), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    uint32_t found = 0;
    for (const std::string& file : tracing.directory().files()) {
        const test::SegmentSpans segment(tracing.directory().path() + "/" + file);
        for (const auto& written : segment.spans()) {
            ++found;
            EXPECT_TRUE(text_of(written.span, "text") == pattern(kMiB));
            EXPECT_EQ(written.span.attributes_size(), written.span.name() == "child's" ? 1 : 2);
        }
    }
    EXPECT_EQ(found, 2u);
}

// Until nothing is acknowledged any more: what finds no room at its end then waits in its place, whole, and those after
// it are cut, as there is no place for them.
TEST_IN_PROCESS(LargeSpanTest, WaitsInItsPlaceWhereTheRingIsFull) {
    Tracing tracing(test::large_ring());
    const auto make = [&] {
        const spr_span span = tracing.start("large");
        EXPECT_EQ(set(span, "text", pattern(kMiB / 2)), 0);
        EXPECT_EQ(spr_span_end(&span), 0);
        return tracing.statistics().cut_texts == 0;
    };
    uint32_t whole = 0;
    while (make()) ++whole;
    uint32_t waiting = 0;
    test::extents_of(tracing.view()).each_slot([&](uint32_t number) {
        ring::Slot& slot = tracing.view().slot(number);
        const ring::SlotWord word = ring::SlotWord::unpack(slot.word);
        if (word.state != ring::SlotState::kWaiting) return;
        const uint8_t* const data = ring::data_of(tracing.view(), slot, word);
        EXPECT_TRUE(std::string(data, data + word.length).find(pattern(kMiB / 2)) != std::string::npos);
        ++waiting;
    });
    EXPECT_GE(waiting, 1u);
    EXPECT_EQ(tracing.make("small"), 0) << "there is room for others";
    test::expect_balance(tracing.statistics(), 0, whole + 2);
    EXPECT_EQ(tracing.read().spans().size() + waiting, whole + 2);
    EXPECT_EQ(tracing.agent().release_full() + waiting, whole + 1) << "and the last one's chunk is open";
}

// What it had once is kept for its end, however little it is then.
TEST_IN_PROCESS(LargeSpanTest, EndsInTheRoomThatItHadOnce) {
    Tracing tracing(test::large_ring());
    const spr_span shrunk = tracing.start("shrunk");
    EXPECT_EQ(set(shrunk, "text", pattern(800 * kKiB)), 0);
    EXPECT_EQ(set(shrunk, "text", pattern(100 * kKiB)), 0);
    for (int i = 0; tracing.view().writer().waits == 0; ++i) {
        ASSERT_LT(i, 100);
        const spr_span span = tracing.start("another");
        EXPECT_EQ(set(span, "text", pattern(200 * kKiB)), 0);
        EXPECT_EQ(spr_span_end(&span), 0);
    }
    EXPECT_EQ(spr_span_end(&shrunk), 0);
    EXPECT_EQ(tracing.view().writer().waits, 1u) << "the last of the others, for which there was no room";
    EXPECT_TRUE(text_of(tracing.read().named("shrunk"), "text") == pattern(100 * kKiB));
}

}  // namespace
}  // namespace spanring
