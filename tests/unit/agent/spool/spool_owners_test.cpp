// SPDX-License-Identifier: Apache-2.0
//
// One spool for several users: whoever keeps most in it gives way.
#include "spool/spool.hpp"

#include <sys/resource.h>

#include <map>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/small_tmpfs.hpp"
#include "support/spool_test.hpp"

namespace spanring::agent::test {
namespace {

constexpr uid_t kAlice = 1001, kBob = 1002;
constexpr uint8_t kAlices = 'a', kBobs = 'b';  // their processes

class SpoolOwnersTest : public SpoolTest {
protected:
    SpoolOwnersTest() {
        options_.max_bytes = 1 << 20;
        options_.file_bytes = 1 << 17;
    }

    static bool append_of(Spool& spool, uid_t owner, int n, size_t size) {
        return append(spool, n, size, owner == kAlice ? kAlices : kBobs, 10, owner);
    }
};

TEST_F(SpoolOwnersTest, AFloodPushesOutNothingOfTheOthers) {
    const auto spool = open();
    for (int n = 0; n < 10; ++n) {
        ASSERT_TRUE(append_of(*spool, kAlice, n, 10'000));
        for (int flood = 0; flood < 100; ++flood) ASSERT_TRUE(append_of(*spool, kBob, flood, 10'000));
        EXPECT_LE(spool->bytes(), options_.max_bytes);
    }
    EXPECT_EQ(lost_[kAlices], 0u);
    EXPECT_GT(lost_[kBobs], 0u);
    EXPECT_GT(spool->bytes(), options_.max_bytes / 2) << "and what nobody else needs is the flood's";
}

TEST_F(SpoolOwnersTest, WhoeverHasLessThanAnEqualShareKeepsAllOfIt) {
    const auto spool = open();
    // Alice was here first, with 400 KB of 1 MiB.
    for (int n = 0; n < 40; ++n) ASSERT_TRUE(append_of(*spool, kAlice, n, 10'000));
    for (int n = 0; n < 1000; ++n) ASSERT_TRUE(append_of(*spool, kBob, n, 10'000));
    EXPECT_EQ(lost_[kAlices], 0u);
    // With more than that she gives way as well, and no further.
    for (int n = 0; n < 1000; ++n) {
        ASSERT_TRUE(append_of(*spool, kAlice, n, 10'000));
        ASSERT_TRUE(append_of(*spool, kBob, n, 10'000));
    }
    EXPECT_GT(lost_[kAlices], 0u);
    std::map<uid_t, uint64_t> kept;
    while (const auto entry = spool->take()) {
        kept[entry->ticket.owner] += entry->request.size();
        spool->finish(entry->ticket);
    }
    EXPECT_GT(kept[kAlice], options_.max_bytes / 3);
    EXPECT_GT(kept[kBob], options_.max_bytes / 3);
}

TEST_F(SpoolOwnersTest, KnowsWhoseItIsAfterARestart) {
    {
        const auto spool = open();
        for (int n = 0; n < 40; ++n) ASSERT_TRUE(append_of(*spool, kAlice, n, 10'000));
        ASSERT_TRUE(append(*spool, 0)) << "of the agent's own user";
    }
    const auto spool = open();
    for (int n = 0; n < 200; ++n) ASSERT_TRUE(append_of(*spool, kBob, n, 10'000));
    EXPECT_EQ(lost_[kAlices], 0u);
    EXPECT_EQ(lost_[1], 0u);
    std::map<uid_t, int> left;
    while (const auto entry = spool->take()) {
        ++left[entry->ticket.owner];
        spool->finish(entry->ticket);
    }
    EXPECT_EQ(left[kAlice], 40);
    EXPECT_EQ(left[::geteuid()], 1);
    EXPECT_TRUE(files().empty());
}

TEST_F(SpoolOwnersTest, GivesEachOwnerATurn) {
    const auto spool = open();
    for (int n = 0; n < 50; ++n) ASSERT_TRUE(append_of(*spool, kBob, n, 1000));
    for (int n = 0; n < 3; ++n) ASSERT_TRUE(append_of(*spool, kAlice, n, 1000));
    std::vector<int> alices;
    for (int taken = 0; taken < 6; ++taken) {
        EXPECT_EQ(spool->next_bytes(), request(0, 1000).size());
        const auto entry = spool->take();
        ASSERT_TRUE(entry);
        if (entry->ticket.owner == kAlice) alices.push_back(std::stoi(entry->request));
        spool->finish(entry->ticket);
    }
    EXPECT_EQ(alices, numbers(0, 3)) << "hers are not behind fifty of his, and in their order";
}

TEST_F(SpoolOwnersTest, AFullDiskIsAFullSpool) {
    spanring::test::in_child([this] {
        const std::string refusal = spanring::test::mount_small_tmpfs(directory_.path(), "1m");
        if (!refusal.empty()) GTEST_SKIP() << refusal;
        options_.max_bytes = 64 << 20;
        const auto spool = open();
        int bobs = 0;
        while (append_of(*spool, kBob, bobs, 10'000)) ASSERT_LT(++bobs, 1000) << "the disk never fills";
        EXPECT_EQ(lost_[kBobs], 0u) << "for himself nothing gives way";
        for (int n = 0; n < 20; ++n) EXPECT_TRUE(append_of(*spool, kAlice, n, 10'000)) << n << ": " << spool->error();
        EXPECT_GT(lost_[kBobs], 0u);
        EXPECT_EQ(lost_[kAlices], 0u);
    });
}

TEST_F(SpoolOwnersTest, ManyOwnersTakeNoDescriptors) {
    options_.max_bytes = 64 << 20;
    const auto spool = open();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit few{64, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int n = 0; n < 400; ++n) EXPECT_TRUE(append(*spool, n, 1000, 1, 10, static_cast<uid_t>(10'000 + n)));
    EXPECT_EQ(drain(*spool).size(), 400u);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(files().empty());
    EXPECT_EQ(spool->bytes(), 0u);
}

TEST_F(SpoolOwnersTest, FilesAreNamedByNumberAndOwner) {
    using spool::FileName;
    const uid_t own = ::geteuid();
    EXPECT_EQ((FileName{1, own}.text()), "0000000000000001.spool");
    EXPECT_EQ((FileName{1, own, Priority::kFirst}.text()), "0000000000000001-first.spool");
    EXPECT_EQ((FileName{1, own + 1, Priority::kFirst}.text()),
              "0000000000000001-" + std::to_string(own + 1) + "-first.spool");
    const auto first = FileName::parse(FileName{7, own + 1, Priority::kFirst}.text());
    ASSERT_TRUE(first);
    EXPECT_EQ(first->priority, Priority::kFirst);
    EXPECT_EQ(first->owner, own + 1);
    EXPECT_FALSE(FileName::parse("0000000000000001-last.spool"));
    EXPECT_EQ((FileName{255, own + 1}.text()), "00000000000000ff-" + std::to_string(own + 1) + ".spool");
    const auto read = FileName::parse(FileName{255, own + 1}.text());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->number, 255u);
    EXPECT_EQ(read->owner, own + 1);
    const std::string own_one = "0000000000000001-" + std::to_string(own) + ".spool";
    for (const std::string& wrong : {std::string("0000000000000000.spool"), std::string("1.spool"), own_one,
                                     std::string("0000000000000001-.spool"), std::string("0000000000000001-7x.spool"),
                                     std::string("0000000000000001-07.spool"),
                                     std::string("0000000000000001.spool.tmp"), std::string("lock"), std::string()}) {
        EXPECT_FALSE(FileName::parse(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace spanring::agent::test
