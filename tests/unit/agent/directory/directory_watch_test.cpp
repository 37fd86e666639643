// SPDX-License-Identifier: Apache-2.0
#include "directory/directory_watch.hpp"

#include <gtest/gtest.h>

#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

class WatchTest : public ::testing::Test {
protected:
    std::string path(const std::string& name) const { return parent.file(name); }
    void make(const std::string& name) { ASSERT_EQ(mkdir(path(name).c_str(), 0700), 0); }
    void remove(const std::string& name) { ASSERT_EQ(rmdir(path(name).c_str()), 0); }
    void write(const std::string& name) {
        close(open((path("own/") + name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    bool readable() {
        pollfd file = {watch.fd(), POLLIN, 0};
        return ::poll(&file, 1, 0) == 1;
    }

    test::TemporaryDirectory parent;
    DirectoryWatch watch;
    DirectoryWatch::Time now{};
};

constexpr char kSegment[] = "00000000000000000000000000000001.spr";
constexpr char kOther[] = "00000000000000000000000000000002.spr";

TEST_F(WatchTest, TellsOfSegmentsAndOfItsDirectory) {
    watch.watch(7, path("own"));
    make("own");
    EXPECT_TRUE(watch.poll(now).refresh);
    watch.watch(7, path("own"));
    write(kSegment);
    write("something");
    const WatchHints hints = watch.poll(now);
    ASSERT_EQ(hints.files.size(), 1u);
    EXPECT_EQ(hints.files[0], std::make_pair(size_t{7}, std::string(kSegment)));
    EXPECT_FALSE(hints.refresh || hints.lost);
}

TEST_F(WatchTest, TellsNothingOfWhatHasNoNameAnyMore) {
    make("own");
    watch.watch(7, path("own"));
    const int file = open(path(std::string("own/") + kSegment).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    ASSERT_EQ(unlink(path(std::string("own/") + kSegment).c_str()), 0);
    close(file);
    EXPECT_FALSE(readable());
    write(kOther);
    EXPECT_EQ(watch.poll(now).files.size(), 1u);
}

TEST_F(WatchTest, HasNothingToDoWithOtherDirectoriesBesideIt) {
    make("own");
    watch.watch(0, path("own"));
    make("others");
    remove("others");
    EXPECT_FALSE(watch.poll(now).refresh);
}

TEST_F(WatchTest, OfAllUsersLooksAtNumbersOnly) {
    watch.watch_users(parent.path());
    make("others");
    EXPECT_FALSE(watch.poll(now).refresh);
    make("12");
    EXPECT_TRUE(watch.poll(now).refresh);
}

TEST_F(WatchTest, TurnsAwayFromADirectoryThatFloodsAndComesBack) {
    make("own");
    make("flood");
    watch.watch(0, path("own"));
    watch.watch(1, path("flood"));
    const auto flood = [&] {
        for (uint32_t i = 0; i <= DirectoryWatch::kMostEvents; ++i)  // two names: the same event twice is one
            close(open((path("flood/") + (i % 2 != 0 ? kSegment : kOther)).c_str(), O_CREAT | O_WRONLY, 0600));
    };
    flood();
    while (readable()) watch.poll(now);
    flood();
    EXPECT_FALSE(readable());
    write(kSegment);
    const WatchHints hints = watch.poll(now);
    ASSERT_EQ(hints.files.size(), 1u);
    EXPECT_EQ(hints.files[0].first, 0u) << "others are seen as before";
    EXPECT_FALSE(watch.is_to_renew(1, now));
    now += DirectoryWatch::kPause;
    EXPECT_TRUE(watch.is_to_renew(1, now));
    watch.watch(1, path("flood"));
    EXPECT_FALSE(watch.is_to_renew(1, now));
    flood();
    EXPECT_TRUE(readable());
}

TEST_F(WatchTest, TurnsAwayFromAParentThatFloodsAndComesBack) {
    make("own");
    watch.watch(0, path("own"));
    const auto flood = [&] {
        for (uint32_t i = 0; i <= DirectoryWatch::kMostEvents; ++i) {
            make("a" + std::to_string(i % 2));
            remove("a" + std::to_string(i % 2));
        }
    };
    flood();
    while (readable()) watch.poll(now);
    make("other");
    EXPECT_FALSE(readable());
    now += DirectoryWatch::kPause;
    EXPECT_TRUE(watch.poll(now).refresh) << "something may have come or gone meanwhile";
    make("another");
    EXPECT_TRUE(readable());
}

TEST_F(WatchTest, ReadsAPartOfAFullQueueAtATime) {
    make("own");
    watch.watch(0, path("own"));
    for (uint32_t i = 0; i < DirectoryWatch::kMostEvents; ++i) write(i % 2 != 0 ? kSegment : kOther);
    watch.poll(now);
    EXPECT_TRUE(readable());
}

}  // namespace
}  // namespace spanring::agent
