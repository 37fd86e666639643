// SPDX-License-Identifier: Apache-2.0
#include "drain/folder_scans.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "drain/first_look.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

class ScansTest : public ::testing::Test {
protected:
    void make(int count, const test::TemporaryDirectory& where) {
        for (int i = 0; i < count; ++i) {
            char name[40];
            snprintf(name, sizeof name, "/%032x.spr", i);
            close(open((where.path() + name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        }
    }
    // One pass, which has time for so many names. True: nothing is left of what has begun.
    bool step(size_t most = ~size_t{0}) {
        size_t visited = 0;
        return scans.step(
            folders, now,
            [&](const FileKey& file, ino_t inode) {
                EXPECT_NE(inode, 0u);
                if (visited++ == most) return false;
                EXPECT_TRUE(seen[file.first].insert(file.second).second) << "twice";
                return true;
            },
            [&](size_t number) { listed.push_back(number); });
    }

    test::TemporaryDirectory one, other;
    DirectoryWatch watch;
    ServedFolders folders{{one.path(), other.path()}, nullptr, watch};
    FolderScans scans{std::chrono::seconds(2), std::chrono::seconds(10)};
    FolderScans::Time now = FolderScans::Clock::now();
    std::set<std::string> seen[2];
    std::vector<size_t> listed;
};

TEST_F(ScansTest, GoOnWhereTheyStopped) {
    make(1500, one);
    make(3, other);
    EXPECT_FALSE(step(100));
    EXPECT_EQ(seen[0].size(), 100u);
    EXPECT_EQ(listed, (std::vector<size_t>{1})) << "the other one does not wait for it";
    while (!step(100)) continue;
    EXPECT_EQ(seen[0].size(), 1500u);
    EXPECT_EQ(seen[1].size(), 3u);
    EXPECT_EQ(listed, (std::vector<size_t>{1, 0}));
}

TEST_F(ScansTest, EndTheFirstLookOnceNothingIsPutOff) {
    FirstLook look;
    look.listed(0);
    EXPECT_FALSE(look.is_over(folders));
    look.put_off(1);
    look.listed(1);
    EXPECT_FALSE(look.is_over(folders)) << "what was put off may be whose spans are in a file";
    look.listed(1);
    EXPECT_TRUE(look.is_over(folders));
    FirstLook of_one;
    of_one.listed(0);
    std::filesystem::remove_all(other.path());
    folders.refresh();
    EXPECT_TRUE(of_one.is_over(folders)) << "nothing can come out of a folder that is not there";
}

struct NobodyYet : FolderSource {
    const std::string& parent() const override { return path; }
    std::vector<std::unique_ptr<Folder>> appeared() override { return {}; }
    std::string path = "/nowhere";
};

TEST_F(ScansTest, AreNotOverWhereNobodysFolderIsKnown) {
    NobodyYet users;
    const ServedFolders none({}, &users, watch);
    EXPECT_FALSE(FirstLook().is_over(none));
}

// For want of descriptors.
TEST_F(ScansTest, DoNotTakeAFolderForEmptyThatCannotBeListed) {
    make(1, one);
    rlimit limit;
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlimit none{0, limit.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT_TRUE(step());
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_TRUE(listed.empty());
    now += std::chrono::seconds(2);
    EXPECT_TRUE(step());
    EXPECT_EQ(listed, (std::vector<size_t>{0, 1}));
    EXPECT_EQ(seen[0].size(), 1u);
}

TEST_F(ScansTest, ListAPartOfALargeFolderInAPassAndTheOthersBeside) {
    make(1500, one);
    make(3, other);
    EXPECT_FALSE(step());
    EXPECT_LT(seen[0].size(), 1500u);
    EXPECT_EQ(listed, (std::vector<size_t>{1}));
}

TEST_F(ScansTest, ComeAgainAfterTheirPeriodOrWhereSomethingMayBe) {
    make(1, one);
    EXPECT_TRUE(step());
    seen[0].clear();
    EXPECT_TRUE(step());
    EXPECT_TRUE(seen[0].empty());
    scans.hurry(0);
    EXPECT_TRUE(step()) << "not that soon";
    EXPECT_TRUE(seen[0].empty());
    now = scans.due();
    EXPECT_TRUE(step());
    EXPECT_EQ(seen[0].size(), 1u);
    seen[0].clear();
    EXPECT_GT(scans.due(), now + std::chrono::seconds(1));
    scans.begin_anew();
    EXPECT_TRUE(step());
    EXPECT_EQ(seen[0].size(), 1u);
}

}  // namespace
}  // namespace spanring::agent
