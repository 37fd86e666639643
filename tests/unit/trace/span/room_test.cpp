// SPDX-License-Identifier: Apache-2.0
//
// What the memory limit has room for, without an agent: finished spans of any size, beside what is kept for open ones;
// and open ones, whatever was there before.
#include <algorithm>
#include <barrier>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/statvfs.h>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

constexpr uint64_t kLimit = 16 << 20;  // the default

// In chunks, without the records that say whose spans follow.
uint64_t finished_bytes(ring::SegmentView view) {
    uint64_t bytes = 0;
    test::each_chunk(view, [&](uint32_t chunk) {
        const ring::ChunkWord word = ring::ChunkReader<>::committed(view.chunk_line(chunk));
        if (word.spans != 0) bytes += word.length - ring::kScopeRecordSize;
    });
    return bytes;
}

// Spans of about so many bytes, until there is no room. Returns how much of the limit they have.
double fill(Tracing& tracing, uint32_t size) {
    constexpr uint32_t kRest = 83;  // of a span that has nothing but this name
    const uint64_t dropped = tracing.statistics().dropped_full;
    const std::string text(size - kRest, 'x');
    for (int result = 0; result == 0;) {
        const spr_span span = tracing.start("a span");
        EXPECT_EQ(text.empty() ? 0 : spr_span_set_string(&span, SPR_S("text"), text.data(), text.size()), 0);
        result = spr_span_end(&span);
    }
    EXPECT_EQ(tracing.statistics().dropped_full, dropped + 1);
    EXPECT_EQ(tracing.statistics().refused_data, 0u);
    return static_cast<double>(finished_bytes(tracing.view())) / kLimit;
}

TEST_IN_PROCESS(RoomTest, IsThereForFinishedSpansOfAnySize) {
    constexpr uint32_t kSizes[] = {83,    100,   183,   500,   805,   1000,  1100,  1150,  1500,  1640,  2000,
                                   2048,  2050,  3000,  4000,  5500,  7000,  8300,  10000, 12000, 16000, 17000,
                                   20000, 22000, 24000, 30000, 33000, 40000, 50000, 52500, 60000};
    for (const uint32_t size : kSizes) {
        test::in_child([&] {
            Tracing tracing(test::large_ring());
            const double share = fill(tracing, size);
            EXPECT_GE(share, size < 100 || size > 2050 ? 0.7 : 0.8) << size;
        });
    }
}

// What some had in huge places, others have in extents once it is free.
TEST_IN_PROCESS(RoomTest, IsThereForSmallSpansAfterLargeOnes) {
    Tracing tracing(test::large_ring());
    EXPECT_GE(fill(tracing, 33000), 0.7);
    auto agent = tracing.agent();
    EXPECT_GT(ring::extents_of_huge(static_cast<uint32_t>(tracing.view().writer().huge)), 128u);
    tracing.make("the next");  // what its chunk has no room for seals it
    agent.release_full();
    EXPECT_GE(fill(tracing, 183), 0.8);
    agent.release_full();
    EXPECT_GE(fill(tracing, 1000), 0.8);
}

// An agent frees a chunk once all of it is acknowledged: those in larger places would be too late.
TEST_IN_PROCESS(RoomTest, IsInSmallerPlacesWhereAnAgentDrains) {
    Tracing tracing(test::large_ring());
    tracing.make("the first");
    ring::StdAtomics::store(tracing.view().control().attachments, uint64_t{1}, std::memory_order_relaxed);
    EXPECT_GE(fill(tracing, 33000), 0.45);
    EXPECT_EQ(ring::extents_of_huge(static_cast<uint32_t>(tracing.view().writer().huge)), 32u);
}

// A word counts 2,047 of them: a place of 3.5 MiB is not for these, and takes no more.
TEST_IN_PROCESS(RoomTest, IsCountedWhereLargeAndSmallSpansShareAPlace) {
    for (const uint32_t small : {1u, 10u, 1000u, 3000u}) {
        test::in_child([&] {
            Tracing tracing(test::large_ring());
            const std::string text(33'000, 'x');
            uint64_t ended = 0;
            for (int result = 0; result == 0;) {
                for (uint32_t i = 0; i <= small && result == 0; ++i) {
                    const spr_span span = tracing.start("a span");
                    EXPECT_EQ(spr_span_set_string(&span, SPR_S("text"), text.data(), i == 0 ? text.size() : 1), 0);
                    result = spr_span_end(&span);
                    ended += result == 0;
                }
            }
            uint64_t counted = 0;
            test::each_chunk(tracing.view(), [&](uint32_t chunk) {
                counted += ring::ChunkReader<>::committed(tracing.view().chunk_line(chunk)).spans;
            });
            EXPECT_EQ(counted, ended);
            EXPECT_GE(static_cast<double>(finished_bytes(tracing.view())) / kLimit, 0.6);
        });
    }
}

// Of twelve strings: some 900 bytes.
void open_many(Tracing& tracing, size_t count, std::vector<spr_span>& ret_spans) {
    const std::string text(50, 'x');
    while (ret_spans.size() != count) {
        spr_span span;
        ASSERT_EQ(spr_span_start(tracing.tracer(), "a span", SPR_NUL, &span), 1) << ret_spans.size();
        ret_spans.push_back(span);
        for (char key = 'a'; key <= 'l'; ++key)
            ASSERT_EQ(spr_span_set_string(&span, (std::string("attribute.") + key).c_str(), SPR_NUL, text.data(),
                                          text.size()),
                      0);
    }
}

TEST_IN_PROCESS(RoomTest, IsThereFor200ThousandOpenSpans) {
    constexpr uint64_t kMemory = 256 << 20;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory_limit = kMemory;
    Tracing tracing(options);
    struct statvfs room = {};
    ASSERT_EQ(statvfs(tracing.directory().path().c_str(), &room), 0);
    if (room.f_bavail * room.f_bsize < 2 * kMemory) GTEST_SKIP() << "too little room in " << tracing.directory().path();
    std::vector<spr_span> open;
    open_many(tracing, 200'000, open);
    for (const spr_span& span : open) spr_span_end(&span);
    EXPECT_EQ(tracing.statistics().ended, 200'000u);
}

// Of 10,000 that were open at once some stay, here and there.
TEST_IN_PROCESS(RoomTest, IsThereWhereAFewOfManySpansStayOpen) {
    constexpr size_t kOpen = 10'000, kLeft = 100;
    Tracing tracing(test::large_ring());
    std::vector<spr_span> open;
    open_many(tracing, kOpen, open);
    std::shuffle(open.begin(), open.end(), std::mt19937(7));
    auto agent = tracing.agent();
    for (size_t i = kLeft; i < kOpen; ++i) {
        EXPECT_EQ(spr_span_end(&open[i]), 0);
        if (i % 64 == 0) agent.release_full();
    }
    agent.release_full();
    EXPECT_EQ(tracing.statistics().dropped_full, 0u);
    EXPECT_GE(fill(tracing, 900), 0.6);
    agent.release_full();
    for (size_t i = 0; i < kLeft; ++i) EXPECT_EQ(spr_span_end(&open[i]), 0);
}

// So that as many again could have one, and three quarters of the memory be left.
TEST_IN_PROCESS(RoomTest, IsNotTakenByChunksOfAThousandThreads) {
    constexpr uint32_t kThreads = 1000;
    if (sizeof(void*) == 4) {  // else so many of 8 MiB do not fit
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 1 << 20);
        ASSERT_EQ(pthread_setattr_default_np(&attributes), 0);
    }
    Tracing tracing(test::large_ring());
    std::vector<std::thread> threads;
    std::barrier steps(kThreads + 1);
    for (uint32_t me = 0; me < kThreads; ++me)
        threads.emplace_back([&] {
            EXPECT_EQ(tracing.make("a span"), 0);
            steps.arrive_and_wait();  // all have a chunk
            steps.arrive_and_wait();
        });
    steps.arrive_and_wait();
    const ring::ExtentMap extents = test::extents_of(tracing.view());
    uint32_t open = 0;
    extents.each_chunk([&](uint32_t chunk) {
        const ring::ChunkWord word = ring::ChunkReader<>::committed(tracing.view().chunk_line(chunk));
        if (word.state != ring::ChunkState::kOpen) return;
        ++open;
        EXPECT_LE(extents.chunk_capacity(chunk), kLimit / (4 * kThreads));
    });
    EXPECT_EQ(open, kThreads);
    steps.arrive_and_wait();
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace spanring
