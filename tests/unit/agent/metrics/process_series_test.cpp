// SPDX-License-Identifier: Apache-2.0
#include "metrics/process_series.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/accounts.hpp"

namespace spanring::agent {
namespace {

using test::finished;
using test::process_account;
using testing::ElementsAre;
using testing::IsEmpty;

// By their pids.
std::vector<uint32_t> own(const ProcessSeries::Split& split) {
    std::vector<uint32_t> pids;
    for (const ProcessAccount* process : split.own) pids.push_back(process->pid);
    return pids;
}
std::vector<uint32_t> others(const ProcessSeries::Split& split) {
    std::vector<uint32_t> pids;
    for (const ProcessAccount& process : split.others) pids.push_back(process.pid);
    return pids;
}

TEST(ProcessSeriesTest, TheFirstComeHaveTheirOwn) {
    ProcessSeries series(2);
    const std::vector<ProcessAccount> processes = {process_account(1), process_account(2), process_account(3)};
    const auto split = series.split(processes);
    EXPECT_THAT(own(split), ElementsAre(1, 2));
    EXPECT_THAT(others(split), ElementsAre(3));
}

TEST(ProcessSeriesTest, AreKeptWhateverComesBefore) {
    ProcessSeries series(2);
    series.split({process_account(1), process_account(2)});
    const std::vector<ProcessAccount> processes = {process_account(9), process_account(2), process_account(1)};
    const auto split = series.split(processes);
    EXPECT_THAT(own(split), ElementsAre(2, 1));
    EXPECT_THAT(others(split), ElementsAre(9));
}

TEST(ProcessSeriesTest, WhoHadOneIsNeverInTheSumOfTheOthers) {
    ProcessSeries series(1);
    series.split({process_account(1), process_account(2)});
    const std::vector<ProcessAccount> processes = {process_account(2), finished(process_account(1))};
    for (int scrape = 0; scrape < 3; ++scrape) {
        const auto split = series.split(processes);
        EXPECT_THAT(own(split), IsEmpty());  // 2 was in the sum, and stays there
        EXPECT_THAT(others(split), ElementsAre(2));
    }
}

TEST(ProcessSeriesTest, WhoIsInTheSumStaysThereWhenItIsGone) {
    ProcessSeries series(1);
    series.split({process_account(1), process_account(2)});
    const std::vector<ProcessAccount> processes = {process_account(3), finished(process_account(1)),
                                                   finished(process_account(2))};
    const auto split = series.split(processes);
    EXPECT_THAT(own(split), ElementsAre(3));
    EXPECT_THAT(others(split), ElementsAre(2));
}

TEST(ProcessSeriesTest, WhoCameAndWentUnseenIsInTheSum) {
    ProcessSeries series(5);
    const std::vector<ProcessAccount> processes = {process_account(1), finished(process_account(2))};
    const auto split = series.split(processes);
    EXPECT_THAT(own(split), ElementsAre(1));
    EXPECT_THAT(others(split), ElementsAre(2));
}

// 200 processes come and go at random; no sum of what is shown may ever lose a span.
TEST(ProcessSeriesTest, TheSumOfTheOthersNeverGoesBack) {
    ProcessSeries series(5);
    std::vector<ProcessAccount> processes;
    uint32_t random = 1;
    uint64_t before = 0;
    for (int scrape = 0; scrape < 400; ++scrape) {
        if (processes.size() < 200) processes.push_back(process_account(static_cast<uint8_t>(processes.size()), 1));
        for (ProcessAccount& process : processes) {
            random = random * 1664525 + 1013904223;
            if (process.file.empty()) continue;
            test::set(process, ring::Counter::kStarted, process.started() + (random >> 28));
            if (random % 64 == 0) process = finished(process);
        }
        const auto split = series.split(processes);
        EXPECT_LE(split.own.size(), 5u);
        uint64_t sum = 0;
        for (const ProcessAccount& process : split.others) sum += process.started();
        ASSERT_GE(sum, before);
        before = sum;
    }
    EXPECT_GT(before, 0u);
}

}  // namespace
}  // namespace spanring::agent
