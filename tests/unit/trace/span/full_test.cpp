// SPDX-License-Identifier: Apache-2.0
//
// What happens when there is no room: in a span, in the ring, in the file system. Each loss has its code and its
// counter.
#include <cerrno>
#include <string>
#include <thread>

#include "ring/ack_book.hpp"
#include "support/ring_without_huge_places.hpp"
#include "support/small_tmpfs.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

spr_provider_options with_policy(uint32_t policy, uint64_t wait = 0) {
    spr_provider_options options = test::small_ring();
    options.full_policy = policy;
    options.full_wait_ns = wait;
    return options;
}

// Ends spans of some 5 KiB, which no small chunk holds, until one does not fit. Returns what its end said, and how many
// fitted.
int fill_ring(Tracing& tracing, uint64_t& ret_committed) {
    const std::string text(5000, 'x');
    for (ret_committed = 0;; ++ret_committed) {
        const spr_span span = tracing.start(("span" + std::to_string(ret_committed)).c_str());
        EXPECT_EQ(spr_span_set_string(&span, "text", SPR_NUL, text.data(), text.size()), 0);
        if (const int error = spr_span_end(&span)) return error;
    }
}

TEST_IN_PROCESS(FullSpanTest, HoldsNearly60KiBAndRefusesTheRest) {
    Tracing tracing(test::ring_without_huge_places());
    const spr_span span = tracing.start("big");
    const std::string text(1000, 'x');
    int accepted = 0, refused = 0;
    for (int i = 0; i < 100; ++i) {
        const int result =
            spr_span_set_string(&span, ("key" + std::to_string(i)).c_str(), SPR_NUL, text.data(), text.size());
        if (result == 0)
            ++accepted;
        else
            EXPECT_EQ(result, -ENOBUFS);
        refused += result != 0;
    }
    EXPECT_GE(accepted, 58);
    EXPECT_GT(refused, 0);
    EXPECT_EQ(spr_span_end(&span), 0) << "a span that holds what it could take always fits into the largest chunk";
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("big").attributes_size(), accepted);
    EXPECT_EQ(segment.named("big").dropped_attributes_count(), static_cast<uint32_t>(refused));
    const spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(statistics.refused_data, static_cast<uint64_t>(refused));
    EXPECT_EQ(statistics.dropped_too_big, 0u);
}

TEST_IN_PROCESS(FullSpanTest, MayBeAsLargeAsItsSlotCanHoldAndReplacedValuesTakeRoomToo) {
    Tracing tracing(test::ring_without_huge_places());
    const spr_span span = tracing.start("span");
    const std::string text(20000, 'x');
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, text.data(), text.size()), 0);
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, text.data(), text.size()), 0);
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, text.data(), text.size()), 0);
    EXPECT_EQ(tracing.statistics().cut_texts, 0u);
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, text.data(), text.size()), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.statistics().cut_texts, 1u);
    EXPECT_LT(test::attribute(tracing.read().named("span"), "key").size(), text.size());
}

TEST_IN_PROCESS(FullRingTest, DropsTheNewestAndCountsIt) {
    Tracing tracing;
    uint64_t committed;
    EXPECT_EQ(fill_ring(tracing, committed), -ENOBUFS);
    EXPECT_GT(committed, 20u);
    EXPECT_EQ(tracing.make("small"), 0) << "a small span finds a small chunk";
    uint64_t small = 1;
    while (tracing.make("small") == 0) ++small;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(tracing.make("late"), -ENOBUFS);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.spans().size(), committed + small);
    const spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(statistics.dropped_full, 12u);
    EXPECT_EQ(statistics.dropped_overwritten, 0u);
    test::expect_balance(statistics, 0, committed + small);
    EXPECT_TRUE(segment.has("span0")) << "the oldest is still there";
    EXPECT_TRUE(segment.open_slots().empty()) << "what was dropped holds no slot";
}

TEST_IN_PROCESS(FullRingTest, GoesOnWhenTheAgentHasFreedAChunk) {
    Tracing tracing;
    uint64_t committed;
    EXPECT_EQ(fill_ring(tracing, committed), -ENOBUFS);
    const uint64_t freed = tracing.agent().release_full();
    EXPECT_GT(freed, 0u);
    uint64_t more;
    EXPECT_EQ(fill_ring(tracing, more), -ENOBUFS);
    EXPECT_GT(more, 20u);
    EXPECT_EQ(tracing.read().spans().size(), committed - freed + more);
    test::expect_balance(tracing.statistics(), 0, committed + more);
}

TEST_IN_PROCESS(FullRingTest, OverwritesTheOldestAndCountsIt) {
    Tracing tracing(with_policy(SPR_FULL_OVERWRITE_OLDEST));
    constexpr uint64_t kSpans = 2000;
    for (uint64_t i = 0; i < kSpans; ++i) {
        const spr_span span = tracing.start(("span" + std::to_string(i)).c_str());
        EXPECT_EQ(spr_span_set_string(&span, "text", SPR_NUL, std::string(1200, 'x').c_str(), SPR_NUL), 0);
        ASSERT_EQ(spr_span_end(&span), 0) << i;
    }
    const auto segment = tracing.read();
    const spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(statistics.ended, kSpans);
    EXPECT_EQ(statistics.dropped_full, 0u);
    EXPECT_GT(statistics.dropped_overwritten, 0u);
    EXPECT_EQ(segment.spans().size() + statistics.dropped_overwritten, kSpans);
    EXPECT_TRUE(segment.has("span" + std::to_string(kSpans - 1))) << "the newest is there";
    EXPECT_FALSE(segment.has("span0")) << "the oldest gave way";
    EXPECT_EQ(segment.header().full_policy, static_cast<uint32_t>(SPR_FULL_OVERWRITE_OLDEST));
}

TEST_IN_PROCESS(FullRingTest, WaitsAsLongAsItWasToldAndThenDrops) {
    constexpr uint64_t kWait = 20'000'000;
    Tracing tracing(with_policy(SPR_FULL_WAIT, kWait));
    const uint64_t start = ring::Clock::read(CLOCK_MONOTONIC);
    uint64_t committed;
    EXPECT_EQ(fill_ring(tracing, committed), -ENOBUFS);
    EXPECT_GE(ring::Clock::read(CLOCK_MONOTONIC) - start, kWait);
    EXPECT_EQ(tracing.statistics().dropped_full, 1u);
    test::expect_balance(tracing.statistics(), 0, committed);
}

TEST_IN_PROCESS(FullRingTest, EndsItsWaitWhenTheAgentFreesAChunk) {
    Tracing tracing(with_policy(SPR_FULL_WAIT, uint64_t{60} * 1'000'000'000));  // the watchdog would end it first
    EXPECT_EQ(tracing.make("first"), 0);
    auto agent = tracing.agent();
    std::atomic<bool> done{false};
    uint64_t freed = 0;
    std::thread drain([&] {
        while (!done) {
            freed += agent.release_full();
            std::this_thread::yield();
        }
    });
    constexpr uint64_t kSpans = 1000;
    for (uint64_t i = 0; i < kSpans; ++i) {
        const spr_span span = tracing.start("span");
        EXPECT_EQ(spr_span_set_string(&span, "text", SPR_NUL, std::string(1200, 'x').c_str(), SPR_NUL), 0);
        ASSERT_EQ(spr_span_end(&span), 0);
    }
    done = true;
    drain.join();
    EXPECT_EQ(tracing.statistics().dropped_full, 0u);
    EXPECT_EQ(freed + tracing.read().spans().size(), kSpans + 1);
}

TEST_IN_PROCESS(FullRingTest, RefusesASpanForWhichThereIsNoSlotAndCountsIt) {
    Tracing tracing;
    std::vector<spr_span> open;
    spr_span span;
    int result;
    while ((result = spr_span_start(tracing.tracer(), "open", SPR_NUL, &span)) == 1) open.push_back(span);
    EXPECT_EQ(result, -ENOBUFS);
    EXPECT_EQ(open.size(), 2 * ring::kSlotsPerExtent) << "of six extents four are kept for something else";
    EXPECT_EQ(span.handle, 0u);
    EXPECT_EQ(test::trace_id(span.context), std::string(16, '\0')) << "the parent's context, and there is none";
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &open[0].context;
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "child", SPR_NUL, &options, &span), -ENOBUFS);
    EXPECT_EQ(test::span_id(span.context), test::span_id(open[0].context)) << "so that the trace goes on";
    spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(statistics.not_started_slot, 2u);
    test::expect_balance(statistics, open.size(), 0);
    EXPECT_EQ(spr_span_end(&open[5]), 0);
    EXPECT_EQ(tracing.make("again"), 0);
    for (size_t i = 0; i < open.size(); ++i) EXPECT_EQ(spr_span_end(&open[i]), i == 5 ? -ESTALE : 0);
    test::expect_balance(tracing.statistics(), 0, open.size() + 1);
}

// Spans that have ended and wait for an agent in their slots hold these: what is kept for open ones is had by those
// that start, and the next one is refused until an agent has one of the others.
TEST_IN_PROCESS(FullRingTest, RefusesASpanWhereThoseThatWaitHaveTheSlotsUntilOneIsAcknowledged) {
    Tracing tracing(test::large_ring());
    constexpr size_t kSpans = 10'000, kStride = 7919;
    const std::string text(500, 'x');
    std::vector<spr_span> open;
    for (size_t i = 0; i < kSpans; ++i) {
        open.push_back(tracing.start("open"));
        ASSERT_EQ(spr_span_set_string(&open.back(), "text", SPR_NUL, text.data(), text.size()), 0);
    }
    uint64_t ended = 0;
    for (size_t i = 0, at = 0; i < kSpans; ++i, at = (at + kStride) % kSpans) ended += spr_span_end(&open[at]) == 0;
    const auto waiting = [&] {
        std::vector<uint32_t> slots;
        test::extents_of(tracing.view()).each_slot([&](uint32_t slot) {
            const uint64_t word = tracing.view().slot(slot).word;
            if (ring::SlotWord::unpack(word).state == ring::SlotState::kWaiting) slots.push_back(slot);
        });
        return slots;
    };
    const std::vector<uint32_t> slots = waiting();
    EXPECT_GT(slots.size(), 1000u);
    test::expect_balance(tracing.statistics(), 0, ended);

    const size_t kept = tracing.view().header().extent_limit / 10 * ring::kSlotsPerExtent;
    std::vector<spr_span> more;
    spr_span span;
    int result;
    while ((result = spr_span_start(tracing.tracer(), "more", SPR_NUL, &span)) == 1) more.push_back(span);
    EXPECT_EQ(result, -ENOBUFS);
    EXPECT_GE(more.size(), kept);
    EXPECT_EQ(waiting(), slots) << "nobody takes the slot of one that waits";
    EXPECT_EQ(tracing.statistics().not_started_slot, 1u);
    test::expect_balance(tracing.statistics(), more.size(), ended);

    ring::AckBook<> book;
    ASSERT_TRUE(book.open(tracing.view(), test::extents_of(tracing.view())));
    ring::Totals totals = book.totals();
    for (const uint32_t slot : {slots[0], slots[1], slots.back()}) {
        ++totals.acknowledged;
        book.close_waiting_slot(slot, tracing.view().slot(slot).generation, totals);
    }
    for (int i = 0; i < 3; ++i) more.push_back(tracing.start("again"));
    EXPECT_EQ(spr_span_start(tracing.tracer(), "one too many", SPR_NUL, &span), -ENOBUFS);
    EXPECT_EQ(waiting().size(), slots.size() - 3);
    test::expect_balance(tracing.statistics(), more.size(), ended);
}

// In default memory, each with so many strings of 50 bytes; ended in another order, while an agent drains.
void open_many(size_t spans, int attributes) {
    Tracing tracing(test::large_ring());
    const std::string text(50, 'x');
    std::vector<spr_span> open;
    uint64_t refused = 0;
    for (size_t i = 0; i < spans; ++i) {
        open.push_back(tracing.start("open"));
        for (int key = 0; key < attributes; ++key)
            refused += spr_span_set_string(&open.back(), ("attribute." + std::to_string(key)).c_str(), SPR_NUL,
                                           text.data(), text.size()) != 0;
    }
    EXPECT_EQ(refused, 0u);
    auto agent = tracing.agent();
    uint64_t ended = 0;
    constexpr size_t kStride = 7919;  // prime to all counts
    for (size_t i = 0, at = 0; i < spans; ++i, at = (at + kStride) % spans) {
        ended += spr_span_end(&open[at]) == 0;
        if (i % 64 == 0) agent.release_full();
    }
    EXPECT_EQ(ended, spans);
}

TEST_IN_PROCESS(FullSpanTest, ThousandsAreOpenAtOnceAndNothingIsRefused) {
    open_many(10'000, 12);
    open_many(1'000, 15);
    open_many(1'000, 50);
}

TEST_IN_PROCESS(FullTmpfsTest, DropsWhatDoesNotFitAndTouchesNeitherErrnoNorAMissingPage) {
    test::SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    spr_provider* provider;
    spr_tracer* tracer;
    ASSERT_EQ(spr_provider_open(nullptr, &provider), 0);  // 16 MiB wanted, 1 MiB there
    ASSERT_EQ(spr_tracer_get(provider, "test", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
    const std::string text(1200, 'x');
    uint64_t committed = 0, dropped = 0;
    errno = 4711;
    for (int i = 0; i < 2000; ++i) {
        spr_span span;
        ASSERT_EQ(spr_span_start(tracer, "span", SPR_NUL, &span), 1);
        ASSERT_EQ(spr_span_set_string(&span, "text", SPR_NUL, text.data(), text.size()), 0);
        const int result = spr_span_end(&span);
        ASSERT_TRUE(result == 0 || result == -ENOBUFS) << result;
        ++(result == 0 ? committed : dropped);
    }
    EXPECT_EQ(errno, 4711);
    EXPECT_GT(committed, 100u);
    EXPECT_GT(dropped, 0u);
    const spr_statistics statistics = test::statistics_of(provider);
    EXPECT_EQ(statistics.dropped_full, dropped);
    test::expect_balance(statistics, 0, committed);
}

TEST_IN_PROCESS(FullTmpfsTest, RecordsNothingWhereNotEvenTheFirstExtentFitsUntilThereIsRoom) {
    test::SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    test::fill_up(directory.path());
    spr_provider* provider;
    spr_tracer* tracer;
    ASSERT_EQ(spr_provider_open(nullptr, &provider), 0);
    ASSERT_EQ(spr_tracer_get(provider, "test", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
    EXPECT_EQ(spr_provider_state(provider), 0) << "none yet";
    spr_span span;
    errno = 4711;
    EXPECT_EQ(spr_span_start(tracer, "span", SPR_NUL, &span), -ENOSPC);
    EXPECT_EQ(errno, 4711);
    EXPECT_EQ(span.handle, 0u);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(spr_provider_state(provider), -ENOSPC);
    EXPECT_LT(spr_span_start(tracer, "too early to try again", SPR_NUL, &span), 0);
    EXPECT_EQ(test::statistics_of(provider).not_started_slot, 2u);
    EXPECT_EQ(directory.files(), std::vector<std::string>{".filler"});

    test::make_room(directory.path());
    test::in_child([&] {
        EXPECT_EQ(spr_span_start(tracer, "a child tries at once", SPR_NUL, &span), 1);
        EXPECT_EQ(spr_span_end(&span), 0);
    });
}

}  // namespace
}  // namespace spanring
