// SPDX-License-Identifier: Apache-2.0
#include "metrics/thread_usage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <future>
#include <regex>
#include <string>

#include "base/named_thread.hpp"

namespace spanring::agent {
namespace {

// -1: no such thread.
double shown(const std::string& thread) {
    Exposition page;
    add_thread_usage(page);
    const std::string text = page.text();
    const std::regex line("spanring_agent_thread_cpu_seconds_total\\{thread=\"" + thread + "\"\\} (\\S+)");
    std::smatch found;
    return std::regex_search(text, found, line) ? std::stod(found[1]) : -1;
}

// At least so much of this thread's CPU; some ticks of every kernel.
void use_cpu() {
    timespec used{};
    do {
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    } while (used.tv_sec == 0 && used.tv_nsec < 100'000'000);
}

TEST(ThreadUsageTest, HasTheCpuOfEachThreadUnderItsName) {
    std::promise<void> end;
    std::promise<void> used, ready;
    std::thread busy = named_thread("busy) 1 (x", [&] {
        use_cpu();
        used.set_value();
        end.get_future().wait();
    });
    std::promise<void> end_idle;
    std::thread idle = named_thread("idle/0", [&] {
        ready.set_value();
        end_idle.get_future().wait();
    });
    used.get_future().wait();
    ready.get_future().wait();
    EXPECT_GT(shown("busy\\) 1 \\(x"), 0.05);
    EXPECT_GE(shown("idle/0"), 0);
    EXPECT_GE(shown("main"), 0);
    EXPECT_EQ(shown("gone"), -1);
    end.set_value();
    end_idle.set_value();
    busy.join();
    idle.join();
    EXPECT_EQ(shown("idle/0"), -1);
}

TEST(ThreadUsageTest, AddsUpThreadsOfOneName) {
    std::promise<void> end;
    const std::shared_future<void> ended = end.get_future().share();
    std::promise<void> used[2];
    std::thread threads[2];
    for (int i = 0; i < 2; ++i) {
        threads[i] = named_thread("twins", [&, i] {
            use_cpu();
            used[i].set_value();
            ended.wait();
        });
    }
    for (std::promise<void>& one : used) one.get_future().wait();
    EXPECT_GT(shown("twins"), 0.15);
    end.set_value();
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace spanring::agent
