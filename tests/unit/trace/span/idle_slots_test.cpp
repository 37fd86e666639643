// SPDX-License-Identifier: Apache-2.0
//
// Slots whose memory went once their spans had ended: who still has a handle of one makes no memory of it.
#include <barrier>
#include <cerrno>
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

}  // namespace
}  // namespace spanring
