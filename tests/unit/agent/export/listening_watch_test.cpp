// SPDX-License-Identifier: Apache-2.0
//
// Who is cut off where listening costs too much: the one whose peer it is.
#include "export/listening_watch.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/stuck_threads.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;

// The test's watchdog ends a vain wait.
template <class Condition>
void await(Condition&& condition) {
    while (!condition()) std::this_thread::sleep_for(1ms);
}

TEST(ListeningWatchTest, CutsWhereThePeerIsToBlame) {
    std::atomic<int> cuts{0};
    ListeningWatch watch(
        "test", [] { return true; }, [] { return ListeningCost::Cpu(10s); }, [] { return true; }, [&] { ++cuts; });
    await([&] { return cuts != 0; });
    EXPECT_TRUE(watch.take_cut());
}

TEST(ListeningWatchTest, LeavesThosePeersAloneThatAreNot) {
    std::atomic<int> asked{0}, cuts{0};
    std::atomic<bool> is_to_blame{false};
    ListeningWatch watch(
        "test", [] { return true; }, [] { return ListeningCost::Cpu(10s); },
        [&] {
            ++asked;
            return is_to_blame.load();
        },
        [&] { ++cuts; });
    await([&] { return asked >= 2; });
    EXPECT_EQ(cuts, 0);
    EXPECT_FALSE(watch.take_cut());
    is_to_blame = true;
    await([&] { return cuts != 0; });
    EXPECT_TRUE(watch.take_cut());
}

TEST(ListeningWatchTest, AsksNobodyWhereItCostsLittle) {
    std::atomic<int> periods{0}, asked{0};
    const ListeningWatch watch(
        "test", [] { return true; },
        [&] {
            ++periods;
            return ListeningCost::Cpu(1ms);
        },
        [&] { return ++asked != 0; }, [] {});
    await([&] { return periods >= 2; });
    EXPECT_EQ(asked, 0);
}

// The connection is there when it is asked the third time.
TEST(ListeningWatchTest, SettlesAConnectionAsSoonAsItIsThere) {
    std::atomic<int> asked{0};
    ListeningWatch watch(
        "test", [&] { return ++asked % 3 == 0; }, [] { return ListeningCost::Cpu(0); }, [] { return true; }, [] {});
    EXPECT_EQ(asked, 0);
    watch.settle_soon();
    await([&] { return asked == 3; });
    watch.settle_soon();
    await([&] { return asked == 6; });
}

// What it calls may hang in gRPC.
TEST(ListeningWatchTest, IsStuckInACutThatDoesNotReturn) {
    std::promise<void> go;
    std::atomic<bool> cuts{false};
    ListeningWatch watch(
        "test", [] { return true; }, [] { return ListeningCost::Cpu(10s); }, [] { return true; },
        [&, gone = go.get_future().share()] {
            cuts = true;
            gone.wait();
        });
    await([&] { return cuts.load(); });
    const std::vector<StuckThread> stuck = stuck_threads(0ns);
    ASSERT_EQ(stuck.size(), 1u);
    EXPECT_EQ(stuck.front().name, "watch/test");
    go.set_value();
    await([] { return stuck_threads(0ns).empty(); });
}

}  // namespace
}  // namespace spanring::agent
