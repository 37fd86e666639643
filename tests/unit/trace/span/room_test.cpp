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

// How much of a chunk such spans fill.
double fit(uint32_t size) {
    const uint32_t chunk = size + ring::kScopeRecordSize <= ring::kLargeChunk ? ring::kLargeChunk : ring::kJumboChunk;
    return (chunk - ring::kScopeRecordSize) / size * size / static_cast<double>(chunk);
}

TEST_IN_PROCESS(RoomTest, IsThereForFinishedSpansOfAnySize) {
    constexpr uint32_t kSizes[] = {83,   100,   183,   500,   805,   1000,  1100,  1500,  1640,  2000,
                                   4000, 10000, 16000, 17000, 20000, 22000, 30000, 33000, 50000, 60000};
    for (const uint32_t size : kSizes) {
        test::in_child([&] {
            Tracing tracing(test::large_ring());
            const double share = fill(tracing, size);
            EXPECT_GE(share, 0.8 * fit(size)) << size;
            if (size <= 2000) {
                EXPECT_GE(share, 0.78) << size;
            }
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
