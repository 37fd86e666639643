// SPDX-License-Identifier: Apache-2.0
//
// What comes first in a spool, and the rest: turns, and who gives way.
#include "spool/spool.hpp"

#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/small_tmpfs.hpp"
#include "support/spool_test.hpp"

namespace spanring::agent::test {
namespace {

constexpr uint8_t kFirsts = 1, kRests = 2;  // processes

class SpoolLanesTest : public SpoolTest {
protected:
    SpoolLanesTest() {
        options_.max_bytes = 1 << 20;
        options_.file_bytes = 1 << 16;
    }

    static bool append_to(Spool& spool, Priority priority, int n, size_t size = 10'000, uid_t owner = ::geteuid()) {
        const std::string bytes = request(n, size);
        const Spool::Share share{{priority == Priority::kFirst ? kFirsts : kRests}, 10};
        const std::span<const uint8_t> whole = readable(bytes);
        return spool.append(owner, {&share, 1}, {&whole, 1}, priority);
    }
    static std::vector<Priority> take_all(Spool& spool) {
        std::vector<Priority> taken;
        while (const auto entry = spool.take()) {
            taken.push_back(entry->priority);
            spool.finish(entry->ticket);
        }
        return taken;
    }
};

TEST_F(SpoolLanesTest, WhatComesFirstIsTakenFirstAndTheRestHasItsShare) {
    const auto spool = open();
    for (int n = 0; n < 20; ++n) ASSERT_TRUE(append_to(*spool, Priority::kRest, n));
    for (int n = 0; n < 20; ++n) ASSERT_TRUE(append_to(*spool, Priority::kFirst, n));
    EXPECT_NE(spool->bytes(Priority::kFirst), 0u);
    EXPECT_EQ(spool->bytes(Priority::kFirst) + spool->bytes(Priority::kRest), spool->bytes());
    std::vector<Priority> taken = take_all(*spool);
    ASSERT_EQ(taken.size(), 40u);
    EXPECT_EQ(taken[0], Priority::kFirst);
    taken.resize(25);
    EXPECT_EQ(std::count(taken.begin(), taken.end(), Priority::kFirst), 20) << "four of five, while there are any";
    EXPECT_EQ(spool->bytes(), 0u);
}

TEST_F(SpoolLanesTest, WhoSaysOfAllThatItComesFirstHasNoMoreTurns) {
    const auto spool = open();
    for (int n = 0; n < 10; ++n) {
        ASSERT_TRUE(append_to(*spool, Priority::kRest, n));
        ASSERT_TRUE(append_to(*spool, Priority::kFirst, n, 10'000, 4711));
    }
    std::vector<Priority> taken = take_all(*spool);
    ASSERT_EQ(taken.size(), 20u);
    taken.resize(10);
    EXPECT_EQ(std::count(taken.begin(), taken.end(), Priority::kRest), 5);
}

TEST_F(SpoolLanesTest, WhatIsNextIsWhatIsTaken) {
    const auto spool = open();
    for (int n = 0; n < 10; ++n) {
        ASSERT_TRUE(append_to(*spool, Priority::kFirst, n, 3000));
        ASSERT_TRUE(append_to(*spool, Priority::kRest, n, 9000));
    }
    while (spool->waiting()) {
        const size_t next = spool->next_bytes();
        const auto entry = spool->take();
        ASSERT_TRUE(entry);
        EXPECT_EQ(entry->request.size(), next);
        spool->finish(entry->ticket);
    }
}

TEST_F(SpoolLanesTest, IsAsItWasAfterARestart) {
    {
        const auto spool = open();
        ASSERT_TRUE(append_to(*spool, Priority::kRest, 1));
        ASSERT_TRUE(append_to(*spool, Priority::kFirst, 2));
        ASSERT_TRUE(append_to(*spool, Priority::kFirst, 3, 10'000, 4711));
    }
    const auto spool = open();
    std::vector<int> order;
    while (const auto entry = spool->take()) {
        order.push_back(std::stoi(entry->request));
        EXPECT_EQ(entry->priority, order.back() == 1 ? Priority::kRest : Priority::kFirst);
        EXPECT_EQ(entry->ticket.owner, order.back() == 3 ? 4711 : ::geteuid());
        spool->finish(entry->ticket);
    }
    EXPECT_THAT(order, testing::UnorderedElementsAre(1, 2, 3));
    EXPECT_EQ(files().size(), 0u);
}

TEST_F(SpoolLanesTest, TheRestGivesWay) {
    const auto spool = open();
    for (int n = 0; n < 50; ++n) ASSERT_TRUE(append_to(*spool, Priority::kFirst, n));  // about half of it
    for (int n = 0; n < 500; ++n) ASSERT_TRUE(append_to(*spool, Priority::kRest, n));
    EXPECT_EQ(lost_[kFirsts], 0u);
    EXPECT_GT(lost_[kRests], 0u);
    EXPECT_EQ(spool->lost(Priority::kRest), lost_[kRests]);
    EXPECT_EQ(spool->lost(Priority::kFirst), 0u);
    EXPECT_LE(spool->bytes(), options_.max_bytes);
    const std::vector<Priority> taken = take_all(*spool);
    EXPECT_EQ(std::count(taken.begin(), taken.end(), Priority::kFirst), 50);
    EXPECT_EQ(lost_[kRests] / 10 + taken.size() - 50, 500u) << "each is taken, or reported as lost";
}

TEST_F(SpoolLanesTest, AndKeepsAShareOfTheRoom) {
    const auto spool = open();
    for (int n = 0; n < 500; ++n) {
        ASSERT_TRUE(append_to(*spool, Priority::kRest, n));
        ASSERT_TRUE(append_to(*spool, Priority::kFirst, n));
    }
    EXPECT_GT(lost_[kFirsts], 0u) << "it does not get all of the room";
    EXPECT_GT(spool->bytes(Priority::kFirst), options_.max_bytes / 2);
    EXPECT_GT(spool->bytes(Priority::kRest), options_.max_bytes / 10);
    EXPECT_LT(spool->bytes(Priority::kRest), options_.max_bytes / 3);
}

TEST_F(SpoolLanesTest, AloneEitherHasAllOfIt) {
    for (const Priority priority : kPriorities) {
        const auto spool = open();
        for (int n = 0; n < 300; ++n) ASSERT_TRUE(append_to(*spool, priority, n));
        EXPECT_GT(spool->bytes(priority), options_.max_bytes * 3 / 4);
        take_all(*spool);
    }
}

TEST_F(SpoolLanesTest, WhoKeepsMostStillGivesWayWhateverItIs) {
    const auto spool = open();
    for (int n = 0; n < 20; ++n) ASSERT_TRUE(append_to(*spool, Priority::kRest, n, 10'000, 1001));
    for (int n = 0; n < 500; ++n) ASSERT_TRUE(append_to(*spool, Priority::kFirst, n, 10'000, 1002));
    EXPECT_EQ(lost_[kRests], 0u) << "a flood of errors takes no room of another user's";
    EXPECT_GT(lost_[kFirsts], 0u);
}

TEST_F(SpoolLanesTest, WhatWasTakenGoesBackToItsPlace) {
    const auto spool = open();
    ASSERT_TRUE(append_to(*spool, Priority::kFirst, 1));
    ASSERT_TRUE(append_to(*spool, Priority::kFirst, 2));
    const auto taken = spool->take();
    ASSERT_TRUE(taken);
    EXPECT_TRUE(spool->give_back(taken->ticket));
    EXPECT_EQ(std::stoi(spool->take()->request), 1);
}

TEST_F(SpoolLanesTest, OnAFullDiskTheRestGivesWayToWhatComesFirst) {
    spanring::test::in_child([this] {
        const std::string refusal = spanring::test::mount_small_tmpfs(directory_.path(), "1m");
        if (!refusal.empty()) GTEST_SKIP() << refusal;
        options_.max_bytes = 64 << 20;
        const auto spool = open();
        int rests = 0;
        while (append_to(*spool, Priority::kRest, rests)) ASSERT_LT(++rests, 1000) << "the disk never fills";
        EXPECT_EQ(lost_[kRests], 0u) << "for its like nothing gives way";
        for (int n = 0; n < 20; ++n) EXPECT_TRUE(append_to(*spool, Priority::kFirst, n)) << n << ": " << spool->error();
        EXPECT_GT(lost_[kRests], 0u);
        EXPECT_EQ(lost_[kFirsts], 0u);
    });
}

}  // namespace
}  // namespace spanring::agent::test
