// SPDX-License-Identifier: Apache-2.0
#include "drain/undecided_spans.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <vector>

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;

constexpr UndecidedSpans::Time kNow{std::chrono::hours(1)};

void add(UndecidedSpans& spans, UndecidedTrace& trace, size_t size, uint8_t with) {
    spans.add(trace, Receipt(), 0, false, std::vector<uint8_t>(size, with));
}

// One without parts elsewhere.
template <class Visit>
void take(UndecidedSpans& spans, UndecidedTrace& trace, Visit&& visit) {
    each_span_of(spans.take(trace, [](const UndecidedPart&) { FAIL() << "it has a part"; }), visit);
}

TEST(SpanPool, BlocksDoNotMeetAndComeBack) {
    SpanPool pool;
    std::minstd_rand random(1);
    struct Taken {
        uint8_t* at;
        size_t size;
        uint8_t with;
    };
    std::vector<Taken> taken;
    size_t rounded = 0;
    for (int step = 0; step < 20'000; ++step) {
        if (taken.size() < 500 && random() % 3 != 0) {
            const size_t size = 1 + random() % (random() % 20 == 0 ? 3 * SpanPool::kLargest : 700);
            auto* const at = static_cast<uint8_t*>(pool.take(size));
            ASSERT_EQ(reinterpret_cast<uintptr_t>(at) % alignof(std::max_align_t), 0u);
            taken.push_back({at, size, static_cast<uint8_t>(step)});
            std::memset(at, taken.back().with, size);
            rounded += SpanPool::rounded(size);
        } else if (!taken.empty()) {
            std::swap(taken[random() % taken.size()], taken.back());
            const Taken gone = taken.back();
            taken.pop_back();
            for (size_t i = 0; i < gone.size; ++i) ASSERT_EQ(gone.at[i], gone.with);
            pool.give(gone.at, gone.size);
            rounded -= SpanPool::rounded(gone.size);
        }
        ASSERT_EQ(pool.in_use(), rounded);
    }
    EXPECT_GE(pool.held(), pool.in_use());
    for (const Taken& left : taken) pool.give(left.at, left.size);
    EXPECT_EQ(pool.in_use(), 0u);
    EXPECT_EQ(pool.held(), 0u);
}

// What is free between two bursts, and comes again, costs no page faults.
TEST(SpanPool, KeepsWhatIsNeededAgainAndAgain) {
    constexpr size_t kSize = 1024, kSlabs = 8, kBlocks = kSlabs * ((SpanPool::kSlab - 64) / kSize);
    SpanPool pool;
    SpanPool::Time now{std::chrono::hours(1)};
    std::vector<uint8_t*> blocks(kBlocks);
    const auto take_all = [&] {
        for (uint8_t*& block : blocks) block = static_cast<uint8_t*>(pool.take(kSize));
    };
    const auto marked = [&] {  // blocks that are as they were left
        return std::count_if(blocks.begin(), blocks.end(),
                             [&](const uint8_t* block) { return block[kSize - 1] == 0x55; });
    };
    const auto give_all = [&] {
        for (uint8_t* block : blocks) {
            block[kSize - 1] = 0x55;
            pool.give(block, kSize);
        }
        EXPECT_EQ(pool.held(), 0u);
    };
    take_all();
    give_all();
    for (int burst = 0; burst < 10; ++burst, now += SpanPool::kWhile) {
        pool.give_back_unused(now);
        take_all();
        EXPECT_EQ(marked(), static_cast<ptrdiff_t>(kBlocks)) << burst;
        give_all();
    }
    pool.give_back_unused(now);
    pool.give_back_unused(now += SpanPool::kWhile);
    take_all();
    EXPECT_EQ(marked(), 0) << "nobody needed it for a while";
    give_all();
}

TEST(SlabMemory, GivesMemoryBackAndTheSameAddressesAgain) {
    constexpr size_t kSlab = 64u << 10, kSlabs = 40;
    SlabMemory<kSlab> memory;
    std::vector<uint8_t*> slabs;
    for (size_t i = 0; i < kSlabs; ++i) {
        slabs.push_back(static_cast<uint8_t*>(memory.take()));
        ASSERT_EQ(reinterpret_cast<uintptr_t>(slabs.back()) % kSlab, 0u);
        std::memset(slabs.back(), 0x55, kSlab);
    }
    std::vector<uint8_t*> sorted = slabs;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
    memory.give_back(slabs[3]);
    memory.give_back(slabs[7]);
    for (const size_t again : {7u, 3u}) {
        ASSERT_EQ(memory.take(), slabs[again]);
        EXPECT_EQ(std::count(slabs[again], slabs[again] + kSlab, 0), static_cast<ptrdiff_t>(kSlab)) << "it was gone";
    }
    EXPECT_EQ(std::count(slabs[4], slabs[4] + kSlab, 0x55), static_cast<ptrdiff_t>(kSlab));
}

// One span in a slab keeps that, of whatever size the others were.
TEST(UndecidedSpans, KnowsThatWhatIsLeftLiesFarApart) {
    constexpr size_t kMost = 1 << 20;
    UndecidedSpans spans;
    std::vector<UndecidedTrace*> left;
    uint64_t number = 0;
    for (size_t size = 500; size < 4000 && !spans.is_sparse(kMost); size += SpanPool::kStep) {
        std::vector<UndecidedTrace*> traces;
        while (spans.memory() < kMost) {
            traces.push_back(&spans.begin({++number, 0}, kNow));
            add(spans, *traces.back(), size, 1);
        }
        for (size_t i = 0; i < traces.size(); ++i) {
            if (i % 100 == 0)
                left.push_back(traces[i]);
            else
                take(spans, *traces[i], [&](UndecidedSpan& span) { spans.let_go(span); });
        }
        ASSERT_LT(spans.memory(), kMost);
    }
    EXPECT_TRUE(spans.is_sparse(kMost));
    for (UndecidedTrace* const trace : left) {
        EXPECT_EQ(spans.find(trace->key), trace);
        take(spans, *trace, [&](UndecidedSpan& span) { spans.let_go(span); });
    }
    EXPECT_FALSE(spans.is_sparse(0));
}

TEST(UndecidedSpans, KnowsWhoWasSilentForLongest) {
    UndecidedSpans spans;
    UndecidedTrace& first = spans.begin({1, 1}, kNow);
    UndecidedTrace& second = spans.begin({2, 2}, kNow + milliseconds(1));
    UndecidedTrace& third = spans.begin({3, 3}, kNow + milliseconds(2));
    EXPECT_EQ(spans.most_silent(), &first);
    spans.hear_of(first, kNow + milliseconds(3));
    EXPECT_EQ(spans.most_silent(), &second);
    EXPECT_EQ(spans.oldest(), &first);
    EXPECT_EQ(spans.find({3, 3}), &third);
    EXPECT_EQ(spans.find({4, 4}), nullptr);
    const auto none = [](UndecidedSpan&) { FAIL(); };
    take(spans, second, none);
    EXPECT_EQ(spans.most_silent(), &third);
    take(spans, third, none);
    EXPECT_EQ(spans.most_silent(), &first);
    EXPECT_EQ(spans.traces(), 1u);
    take(spans, first, none);
    EXPECT_EQ(spans.oldest(), nullptr);
    EXPECT_EQ(spans.memory(), 0u);
}

TEST(UndecidedSpans, GivesWhatItGot) {
    UndecidedSpans spans;
    UndecidedTrace& one = spans.begin({1, 1}, kNow);
    UndecidedTrace& other = spans.begin({2, 2}, kNow);
    add(spans, one, 10, 1);
    add(spans, other, 5000, 2);
    add(spans, one, 300, 3);
    EXPECT_EQ(spans.spans(), 3u);
    std::vector<UndecidedSpan*> taken;
    take(spans, one, [&](UndecidedSpan& span) { taken.push_back(&span); });
    ASSERT_EQ(taken.size(), 2u);
    std::swap(taken[0], taken[1]);  // the newest came first
    EXPECT_EQ(spans.spans(), 1u);
    EXPECT_EQ(std::vector<uint8_t>(taken[0]->record().begin(), taken[0]->record().end()), std::vector<uint8_t>(10, 1));
    EXPECT_EQ(std::vector<uint8_t>(taken[1]->record().begin(), taken[1]->record().end()), std::vector<uint8_t>(300, 3));
    const size_t rest = spans.memory();
    EXPECT_EQ(rest, SpanPool::rounded(sizeof(FullTrace)) + SpanPool::rounded(sizeof(UndecidedSpan) + 5000))
        << "what is taken waits no more";
    EXPECT_EQ(taken[0]->number, 1u);
    EXPECT_EQ(taken[1]->number, 3u);
    for (UndecidedSpan* const span : taken) spans.let_go(*span);
    EXPECT_EQ(spans.memory(), rest);  // of what is there still, which goes with it
}

TEST(UndecidedSpans, KnowsWhoHasMost) {
    UndecidedSpans spans;
    for (uint64_t number = 0; number < 3; ++number) spans.begin({number, 1}, kNow + milliseconds(number), 5);
    UndecidedTrace& large = spans.begin({9, 1}, kNow + milliseconds(9), 2);
    add(spans, large, 5000, 1);
    EXPECT_EQ(spans.oldest_of_most_traces(), spans.find({0, 1}));
    EXPECT_EQ(spans.oldest_of_most_memory(), &large);
    EXPECT_EQ(spans.oldest_of(5), spans.find({0, 1}));
    EXPECT_EQ(spans.oldest_of(2), &large);
    EXPECT_EQ(spans.oldest_of(3), nullptr);
    EXPECT_EQ(spans.oldest_of(77), nullptr);
    EXPECT_EQ(spans.oldest(), spans.find({0, 1}));
    std::vector<uint64_t> found;
    spans.begin({4, 1}, kNow + milliseconds(1), 2);
    spans.each_by_age([&](UndecidedTrace& each) { return found.push_back(each.key.first), true; });
    EXPECT_EQ(found, (std::vector<uint64_t>{0, 1, 2, 9, 4})) << "of each owner in their order";
    take(spans, large, [&](UndecidedSpan& span) { spans.let_go(span); });
    EXPECT_EQ(spans.oldest_of_most_memory(), spans.find({0, 1}));
}

// Beside a model: traces whose spans leave, and come again, are found, and in their orders, wherever they lie.
TEST(UndecidedSpans, WhatHasNoSpanHereTakesLess) {
    UndecidedSpans spans;
    std::minstd_rand random(7);
    std::vector<uint64_t> order;  // by age, and by silence as well
    uint64_t number = 0;
    const auto let_all_go = [&](UndecidedTrace& trace) {
        FullTrace* const full = trace.full();
        if (full == nullptr) return;
        full->each_span([](UndecidedSpan& span) { span.leaves = true; });
        spans.take_leaving(*full, [&](UndecidedSpan& span) { spans.let_go(span); });
        if (full->in_rings) spans.out_of_rings(*full);
        spans.shrink(*full);
    };
    for (int step = 0; step < 20'000; ++step) {
        const uint64_t choice = random() % 4;
        if (order.size() < 100 && choice == 0) {
            spans.begin({++number, 5}, kNow);
            order.push_back(number);
        }
        if (order.empty()) continue;
        const size_t place = random() % order.size();
        UndecidedTrace* const trace = spans.find({order[place], 5});
        ASSERT_NE(trace, nullptr);
        if (choice == 1) add(spans, *trace, 100, 1);
        if (choice == 2) let_all_go(*trace);
        if (choice != 3) continue;
        let_all_go(*trace);
        take(spans, *spans.find({order[place], 5}), [](UndecidedSpan&) { FAIL(); });
        order.erase(order.begin() + static_cast<std::ptrdiff_t>(place));
        ASSERT_EQ(spans.find({number + 1, 5}), nullptr);
        std::vector<uint64_t> found;
        spans.each_by_age([&](UndecidedTrace& each) { return found.push_back(each.key.first), true; });
        ASSERT_EQ(found, order);
        ASSERT_EQ(spans.most_silent(), order.empty() ? nullptr : spans.find({order[0], 5}));
    }
    for (const uint64_t key : order) let_all_go(*spans.find({key, 5}));
    EXPECT_EQ(spans.memory(), order.size() * SpanPool::rounded(sizeof(UndecidedTrace)));
    EXPECT_LT(sizeof(UndecidedTrace), sizeof(FullTrace));
    spans.add_part(*spans.find({order[0], 5}), 9, 3);
    EXPECT_EQ(spans.spans_elsewhere(), 3u);
    spans.take(*spans.find({order[0], 5}), [](const UndecidedPart& part) { EXPECT_EQ(part.parcel, 9u); });
    EXPECT_EQ(spans.memory(), (order.size() - 1) * SpanPool::rounded(sizeof(UndecidedTrace)));
}

}  // namespace
}  // namespace spanring::agent
