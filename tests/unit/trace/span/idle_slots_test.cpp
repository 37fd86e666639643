// SPDX-License-Identifier: Apache-2.0
//
// Slots whose memory went once their spans had ended: who still has a handle of one makes no memory of it.
#include <barrier>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

constexpr int kOpen = 3000;  // at once: some 4 MiB
constexpr uint64_t kMayKeep = 1 << 20;

uint64_t memory_of(const Tracing& tracing) {
    struct stat status = {};
    EXPECT_EQ(stat((tracing.directory().path() + "/" + tracing.directory().files().at(0)).c_str(), &status), 0);
    return 512 * static_cast<uint64_t>(status.st_blocks);
}

void give_back(Tracing& tracing) {
    for (int step = 0; step < 10; ++step) trace::Provider::of(tracing.provider())->life()->segment.give_back_idle();
}

void expect_ended(const spr_span& span) {
    char text[8];
    spr_text state = {text, sizeof text, 0};
    EXPECT_EQ(spr_span_set_string(&span, SPR_S("key"), SPR_S("value")), -ESTALE);
    EXPECT_EQ(spr_span_trace_state(&span, &state), 0);
    EXPECT_EQ(spr_span_end(&span), -ESTALE);
}

TEST_IN_PROCESS(IdleSlotsTest, AreNotTouchedByACallOnASpanThatHasEnded) {
    Tracing tracing(test::large_ring());
    std::vector<spr_span> spans;
    while (spans.size() != kOpen) spans.push_back(tracing.start("open"));
    std::barrier both(2);
    spr_span last;
    std::thread other([&] {
        last = tracing.start("the last that it started");
        both.arrive_and_wait();  // it is ended by the other thread
        both.arrive_and_wait();
        const uint64_t before = memory_of(tracing);
        expect_ended(last);
        EXPECT_EQ(memory_of(tracing), before);
        both.arrive_and_wait();
    });
    both.arrive_and_wait();
    for (const spr_span& span : spans) EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(spr_span_end(&last), 0);
    test::StandInAgent(tracing.view()).release_full();
    give_back(tracing);
    EXPECT_LE(memory_of(tracing), kMayKeep);
    EXPECT_GT(tracing.statistics().given_back_bytes, kMayKeep);
    both.arrive_and_wait();
    both.arrive_and_wait();
    const uint64_t before = memory_of(tracing);
    for (const spr_span& span : spans) expect_ended(span);
    EXPECT_EQ(memory_of(tracing), before);
    other.join();
    test::expect_balance(tracing.statistics(), 0, kOpen + 1);
}

TEST_IN_PROCESS(IdleSlotsTest, AreUsedAgainWithoutGivingAnOldHandleANewSpan) {
    Tracing tracing(test::large_ring());
    std::vector<spr_span> old;
    for (int round = 0; round < 3; ++round) {
        std::vector<spr_span> spans;
        while (spans.size() != kOpen) spans.push_back(tracing.start("open"));
        for (const spr_span& span : old) expect_ended(span);
        for (const spr_span& span : spans) EXPECT_EQ(spr_span_end(&span), 0);
        test::StandInAgent(tracing.view()).release_full();
        give_back(tracing);
        EXPECT_LE(memory_of(tracing), kMayKeep) << round;
        old = spans;
    }
}

// What a thread keeps for its next spans goes at its first chunk after a look; then its chunk and a slot stay.
TEST_IN_PROCESS(IdleSlotsTest, AreGivenBackByThreadsThatHadABurst) {
    constexpr uint32_t kThreads = 24, kAtOnce = 8;
    constexpr uint64_t kOfAThread = ring::kLargeChunk + ring::kSlotSize;
    Tracing tracing(test::large_ring());
    const std::string text(3000, 'x');  // needs a block of 4 KiB, which a thread keeps with its slot
    std::barrier steps(kThreads + 1);
    std::vector<std::thread> threads;
    for (uint32_t me = 0; me < kThreads; ++me)
        threads.emplace_back([&] {
            std::vector<spr_span> spans;
            while (spans.size() != kAtOnce) {
                spans.push_back(tracing.start("open"));
                EXPECT_EQ(spr_span_set_string(&spans.back(), SPR_S("text"), text.data(), text.size()), 0);
            }
            steps.arrive_and_wait();  // all are open
            for (const spr_span& span : spans) EXPECT_EQ(spr_span_end(&span), 0);
            steps.arrive_and_wait();
            steps.arrive_and_wait();  // idle
            for (uint32_t bytes = 0; bytes < 2 * ring::kLargeChunk; bytes += ring::kSmallestSpanRecord)
                EXPECT_EQ(tracing.make("later"), 0);
            steps.arrive_and_wait();
            steps.arrive_and_wait();  // idle
        });
    const auto look = [&] {
        test::StandInAgent(tracing.view()).release_full();
        give_back(tracing);
        return memory_of(tracing);
    };
    steps.arrive_and_wait();
    steps.arrive_and_wait();
    const uint64_t after_burst = look();
    EXPECT_GT(after_burst, kMayKeep + kThreads * kOfAThread) << "nothing is kept, and nothing to be given back";
    steps.arrive_and_wait();
    steps.arrive_and_wait();
    EXPECT_LE(look(), kMayKeep + kThreads * kOfAThread);
    steps.arrive_and_wait();
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(look(), kMayKeep + kThreads * ring::kLargeChunk) << "what they parked is for the next ones";
}

}  // namespace
}  // namespace spanring
