// SPDX-License-Identifier: Apache-2.0
#include "spool/spool.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "support/spool_test.hpp"

namespace spanring::agent::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST_F(SpoolTest, GivesBackInOrderWhatItTook) {
    const auto spool = open();
    for (int n = 0; n < 50; ++n) ASSERT_TRUE(append(*spool, n));
    EXPECT_EQ(drain(*spool), numbers(0, 50));
    EXPECT_FALSE(spool->waiting());
    EXPECT_EQ(spool->bytes(), 0u);
    EXPECT_TRUE(files().empty()) << "delivered files are deleted";
}

TEST_F(SpoolTest, KeepsTheSharesOfEachProcess) {
    const auto spool = open();
    const Spool::Share shares[] = {{{7}, 3}, {{9}, 40}};
    const std::span<const uint8_t> slice = readable("request");
    ASSERT_TRUE(spool->append(::geteuid(), shares, {&slice, 1}));
    const auto record = spool->take();
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->spans, 43u);
    ASSERT_EQ(record->shares.size(), 2u);
    EXPECT_EQ(record->shares[1].account[0], 9);
    EXPECT_EQ(record->shares[1].spans, 40u);
}

TEST_F(SpoolTest, IsPrivate) {
    const auto spool = open();
    ASSERT_TRUE(append(*spool, 1));
    struct stat status {};
    ASSERT_EQ(::stat(options_.directory.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700u);
    ASSERT_EQ(::stat(files()[0].c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(SpoolTest, SurvivesARestart) {
    {
        const auto spool = open();
        for (int n = 0; n < 20; ++n) ASSERT_TRUE(append(*spool, n));
    }
    EXPECT_EQ(drain(*open()), numbers(0, 20));
}

TEST_F(SpoolTest, DoesNotSendAgainWhatWasFinishedBeforeARestart) {
    {
        const auto spool = open();
        for (int n = 0; n < 10; ++n) ASSERT_TRUE(append(*spool, n));
        std::vector<Spool::Ticket> tickets;
        for (int n = 0; n < 6; ++n) tickets.push_back(spool->take()->ticket);
        // Answers come in any order; 1 and 4 have none when the agent ends.
        for (const size_t answered : {5u, 0u, 3u, 2u}) spool->finish(tickets[answered]);
    }
    EXPECT_EQ(drain(*open()), (std::vector<int>{1, 4, 6, 7, 8, 9}));
}

TEST_F(SpoolTest, GivesAnEntryBackInItsOldPlace) {
    const auto spool = open();
    for (int n = 0; n < 5; ++n) ASSERT_TRUE(append(*spool, n));
    const auto first = spool->take(), second = spool->take();
    EXPECT_TRUE(spool->give_back(second->ticket));
    EXPECT_TRUE(spool->give_back(first->ticket));
    EXPECT_EQ(drain(*spool), numbers(0, 5));
}

TEST_F(SpoolTest, WhatIsTakenBackIsNotWaitedFor) {
    const auto spool = open();
    for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n));
    spool->finish(spool->appended());
    const auto first = spool->take(), second = spool->take();
    ASSERT_FALSE(spool->waiting());
    EXPECT_TRUE(spool->give_back(first->ticket));
    EXPECT_TRUE(spool->give_back(second->ticket));
    EXPECT_EQ(drain(*spool), numbers(0, 2));
    EXPECT_TRUE(files().empty());
}

TEST_F(SpoolTest, DeletesAFileWhenItsLastEntryIsFinished) {
    options_.file_bytes = 1 << 16;
    const auto spool = open();
    for (int n = 0; n < 40; ++n) ASSERT_TRUE(append(*spool, n, 10'000));
    const size_t before = files().size();
    ASSERT_GT(before, 4u);
    for (int n = 0; n < 6; ++n) spool->finish(spool->take()->ticket);
    EXPECT_EQ(files().size(), before - 1);
    EXPECT_EQ(drain(*spool, 10'000), numbers(6, 40));
}

TEST_F(SpoolTest, FullDropsTheOldestFileAndCountsItByProcess) {
    options_.max_bytes = 400'000;
    options_.file_bytes = 1 << 16;
    const auto spool = open();
    for (int n = 0; n < 100; ++n) ASSERT_TRUE(append(*spool, n, 10'000, static_cast<uint8_t>(n % 3), 10));
    EXPECT_LE(spool->bytes(), options_.max_bytes);
    uint64_t on_disk = 0;
    for (const auto& file : files()) on_disk += fs::file_size(file);
    EXPECT_EQ(on_disk, spool->bytes());
    const std::vector<int> left = drain(*spool, 10'000);
    ASSERT_FALSE(left.empty());
    EXPECT_EQ(left, numbers(left.front(), 100)) << "the newest are kept, without a gap";
    EXPECT_EQ(lost_[0] + lost_[1] + lost_[2], static_cast<uint64_t>(left.front()) * 10);
    for (uint8_t process = 0; process < 3; ++process) {
        uint64_t dropped = 0;
        for (int n = 0; n < left.front(); ++n) dropped += n % 3 == process ? 10 : 0;
        EXPECT_EQ(lost_[process], dropped);
    }
}

TEST_F(SpoolTest, DoesNotReportADroppedEntryThatIsInFlight) {
    options_.max_bytes = 200'000;
    options_.file_bytes = 1 << 16;
    const auto spool = open();
    ASSERT_TRUE(append(*spool, 0, 60'000, 5));
    const auto record = spool->take();
    for (int n = 1; n < 10; ++n) ASSERT_TRUE(append(*spool, n, 60'000, 1));
    EXPECT_EQ(lost_[5], 0u) << "its sender knows it";
    EXPECT_FALSE(spool->give_back(record->ticket)) << "and learns that it is gone";
    spool->finish(record->ticket);
}

TEST_F(SpoolTest, RefusesWhatIsLargerThanAllOfIt) {
    options_.max_bytes = 100'000;
    const auto spool = open();
    ASSERT_TRUE(append(*spool, 1));
    EXPECT_FALSE(append(*spool, 2, 200'000));
    EXPECT_THAT(spool->error(), HasSubstr("larger than the whole spool"));
    EXPECT_EQ(drain(*spool), (std::vector<int>{1}));
}

TEST_F(SpoolTest, ReportsAFileThatCannotBeWritten) {
    const auto spool = open();
    ASSERT_TRUE(append(*spool, 1));
    // The disk is "full": a limit on file size stands in for it.
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit tight{2000, before.rlim_max};
    const auto old = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    const bool taken = append(*spool, 2);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, old);
    EXPECT_FALSE(taken);
    EXPECT_THAT(spool->error(), HasSubstr("cannot write"));
    ASSERT_TRUE(append(*spool, 3)) << "and goes on when there is room again";
    EXPECT_EQ(drain(*spool), (std::vector<int>{1, 3}));
}

TEST_F(SpoolTest, BelongsToOneAgentAtATime) {
    const auto spool = open();
    try {
        open();
        ADD_FAILURE() << "two agents in one spool";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("used by another agent"));
        EXPECT_THAT(error.what(), HasSubstr(options_.directory));
    }
}

TEST_F(SpoolTest, SaysWhatIsWrongWithItsDirectory) {
    options_.directory = "relative/path";
    EXPECT_THROW(open(), std::runtime_error);
    options_.directory = "/proc/nothing/spool";
    EXPECT_THROW(open(), std::system_error);
}

TEST_F(SpoolTest, WorksWithFsync) {
    options_.fsync = true;
    const auto spool = open();
    for (int n = 0; n < 5; ++n) ASSERT_TRUE(append(*spool, n));
    EXPECT_EQ(drain(*spool), numbers(0, 5));
}

}  // namespace
}  // namespace spanring::agent::test
