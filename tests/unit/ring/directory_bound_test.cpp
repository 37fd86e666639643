// SPDX-License-Identifier: Apache-2.0
//
// What the dead left in the directory gives way within its bound, and what is not theirs, or not understood, stays.
#include "ring/directory_bound.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring/runtime_directory.hpp"
#include "ring/segment_file.hpp"
#include "support/private_directory.hpp"

namespace spanring::ring {
namespace {

constexpr uint64_t kUnbounded = ~uint64_t{0};

class DirectoryBoundTest : public testing::Test {
protected:
    ~DirectoryBoundTest() override {
        for (const SegmentFile& file : alive_) munmap(file.base, file.size);
        if (directory_fd_ >= 0) close(directory_fd_);
    }

    // A segment of a process that has `spans` spans which nobody acknowledged, and others that are no loss.
    SegmentFile make(uint64_t spans = 0) {
        SegmentFile file;
        EXPECT_EQ(create_segment({8, 0, nullptr, 0, 0, false, kUnbounded}, file), 0);
        const SegmentView view(file.base);
        count(view.counter_line(0).values, Counter::kStarted) = spans + 10;
        count(view.counter_line(0).values, Counter::kDroppedFull) = 3;
        count(view.writer().shared_line, Counter::kStarted) = 5;
        count(view.writer().shared_line, Counter::kDroppedNested) = 2;
        view.control().totals.acknowledged = 9;
        view.control().totals.unfinished = 1;
        return file;
    }
    // Of a dead one, made so many seconds after the epoch.
    std::string make_dead(time_t when, uint64_t spans = 0) {
        const SegmentFile file = make(spans);
        munmap(file.base, file.size);
        const std::string name = name_of(file);
        const timespec times[2] = {{when, 0}, {when, 0}};
        EXPECT_EQ(utimensat(directory(), name.c_str(), times, 0), 0);
        return name;
    }
    std::string make_alive() {
        alive_.push_back(make());
        const std::string name = name_of(alive_.back());
        const timespec times[2] = {{1, 0}, {1, 0}};  // the oldest
        EXPECT_EQ(utimensat(directory(), name.c_str(), times, 0), 0);
        return name;
    }

    static uint64_t& count(uint64_t* line, Counter counter) { return line[static_cast<uint32_t>(counter)]; }
    static std::string name_of(const SegmentFile& file) {
        char name[kSegmentNameSize];
        segment_name(file.instance_id, name);
        return name;
    }
    uint64_t bytes_of(const std::string& name) const {
        struct stat status;
        EXPECT_EQ(stat(directory_.file(name).c_str(), &status), 0);
        return static_cast<uint64_t>(status.st_blocks) * 512;
    }
    int directory() {
        if (directory_fd_ < 0) directory_fd_ = open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return directory_fd_;
    }
    void change(const std::string& name, uint64_t offset, uint64_t value, size_t size) {
        const int file = open(directory_.file(name).c_str(), O_RDWR | O_CLOEXEC);
        EXPECT_EQ(pwrite(file, &value, size, static_cast<off_t>(offset)), static_cast<ssize_t>(size));
        close(file);
    }
    uint64_t removed(Counter counter) { return count(own_.shared_line, counter); }

    test::PrivateDirectory directory_;
    WriterPage own_{};
    std::vector<SegmentFile> alive_;
    int directory_fd_ = -1;
};

TEST_F(DirectoryBoundTest, TheOldestOfTheDeadGiveWayAndAreCounted) {
    const std::string alive = make_alive(), third = make_dead(30, 7), first = make_dead(10, 100),
                      fourth = make_dead(40), second = make_dead(20, 20);
    keep_directory_bound(directory(), bytes_of(third) + bytes_of(fourth), own_);
    std::vector<std::string> left = {alive, third, fourth};
    std::sort(left.begin(), left.end());
    EXPECT_EQ(directory_.files(), left);
    EXPECT_EQ(removed(Counter::kRemovedSegments), 2u);
    EXPECT_EQ(removed(Counter::kRemovedSpans), 120u);
}

TEST_F(DirectoryBoundTest, NothingGoesWithinTheBound) {
    const std::string dead = make_dead(10);
    make_alive();
    keep_directory_bound(directory(), bytes_of(dead), own_);
    keep_directory_bound(directory(), 0, own_);  // the default is more than that
    EXPECT_EQ(directory_.files().size(), 2u);
    EXPECT_EQ(removed(Counter::kRemovedSegments), 0u);
}

TEST_F(DirectoryBoundTest, WhatAnAgentHasStays) {
    const std::string held = make_dead(10), free = make_dead(20);
    const int agent = open(directory_.file(held).c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 1;
    lock.l_len = 1;
    ASSERT_EQ(fcntl(agent, F_OFD_SETLK, &lock), 0);
    keep_directory_bound(directory(), 1, own_);
    EXPECT_EQ(directory_.files(), std::vector<std::string>{held});
    EXPECT_EQ(removed(Counter::kRemovedSegments), 1u);
    close(agent);
    keep_directory_bound(directory(), 1, own_);
    EXPECT_EQ(directory_.files(), std::vector<std::string>{});
}

TEST_F(DirectoryBoundTest, WhatIsNotUnderstoodStays) {
    const std::string future = make_dead(10), unready = make_dead(20), renamed = make_dead(30),
                      open_to_all = make_dead(40), linked = make_dead(50), features = make_dead(60),
                      cut = make_dead(70);
    change(future, offsetof(Header, layout_major), kLayoutMajor + 1, 2);
    change(unready, offsetof(Header, ready), 0, 4);
    change(renamed, offsetof(Header, instance_id), 1, 8);
    ASSERT_EQ(chmod(directory_.file(open_to_all).c_str(), 0644), 0);
    ASSERT_EQ(link(directory_.file(linked).c_str(), directory_.file("another name").c_str()), 0);
    change(features, offsetof(Header, incompatible), uint64_t{1} << 63, 8);
    ASSERT_EQ(truncate(directory_.file(cut).c_str(), 4096), 0);
    ASSERT_EQ(symlink(future.c_str(), directory_.file(std::string(32, '0') + ".spr").c_str()), 0);
    ASSERT_EQ(mkfifo(directory_.file(std::string(32, '1') + ".spr").c_str(), 0600), 0);
    const std::vector<std::string> before = directory_.files();
    keep_directory_bound(directory(), 1, own_);
    EXPECT_EQ(directory_.files(), before);
    EXPECT_EQ(removed(Counter::kRemovedSegments), 0u);
    make_dead(80);  // younger than more of them than go at once
    keep_directory_bound(directory(), 1, own_);
    EXPECT_EQ(directory_.files(), before) << "and keeps nothing else from going";
}

TEST_F(DirectoryBoundTest, OneCallRemovesSoManyAndTheNextGoesOn) {
    for (time_t when = 1; when <= 10; ++when) make_dead(when, 1);
    keep_directory_bound(directory(), 1, own_);
    EXPECT_EQ(directory_.files().size(), 2u);
    EXPECT_EQ(removed(Counter::kRemovedSpans), 8u);
    keep_directory_bound(directory(), 1, own_);
    EXPECT_EQ(directory_.files().size(), 0u);
    EXPECT_EQ(removed(Counter::kRemovedSpans), 10u);
}

// Not each of many that are made within a second.
TEST_F(DirectoryBoundTest, ASegmentThatIsMadeKeepsItWhereNobodyLookedJustNow) {
    make_dead(10, 4);
    SegmentFile file;
    const timespec soon[2] = {{time(nullptr) + 3600, 0}, {0, UTIME_OMIT}};  // the clock was set back since
    ASSERT_EQ(futimens(directory(), soon), 0);
    ASSERT_EQ(create_segment({8, 0, nullptr, 0, 0, false, 1}, file), 0);
    alive_.push_back(file);
    EXPECT_EQ(directory_.files(), std::vector<std::string>{name_of(file)});
    EXPECT_EQ(count(SegmentView(file.base).writer().shared_line, Counter::kRemovedSegments), 1u);
    EXPECT_EQ(count(SegmentView(file.base).writer().shared_line, Counter::kRemovedSpans), 4u);
    make_dead(20);
    struct stat read;
    timespec before, after;
    clock_gettime(CLOCK_REALTIME, &before);
    ASSERT_EQ(create_segment({8, 0, nullptr, 0, 0, false, 1}, file), 0);
    alive_.push_back(file);
    clock_gettime(CLOCK_REALTIME, &after);
    ASSERT_EQ(fstat(directory(), &read), 0);
    const bool is_soon = after.tv_sec == read.st_atim.tv_sec;
    EXPECT_TRUE(directory_.files().size() == 3 || !is_soon);
    const timespec long_ago[2] = {{1, 0}, {0, UTIME_OMIT}};
    ASSERT_EQ(futimens(directory(), long_ago), 0);
    ASSERT_EQ(create_segment({8, 0, nullptr, 0, 0, false, 1}, file), 0);
    alive_.push_back(file);
    EXPECT_EQ(directory_.files().size(), 3u) << "all of living processes";
}

// An agent, or anybody else, who reads the directory again and again.
TEST_F(DirectoryBoundTest, WhoReadsTheDirectoryIsNotWhoLooked) {
    make_dead(10);
    const timespec just_now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};  // as a read says
    ASSERT_EQ(futimens(directory(), just_now), 0);
    SegmentFile file;
    ASSERT_EQ(create_segment({8, 0, nullptr, 0, 0, false, 1}, file), 0);
    alive_.push_back(file);
    EXPECT_EQ(directory_.files(), std::vector<std::string>{name_of(file)});
}

// However many processes begin, and die, within a second: what they leave goes as fast as it comes.
TEST_F(DirectoryBoundTest, WhereMoreIsToGoThanGoesAtOnceTheNextSegmentThatIsMadeGoesOn) {
    for (int i = 0; i < 20; ++i) make_dead(10 + i);
    const timespec long_ago[2] = {{1, 0}, {0, UTIME_OMIT}};
    ASSERT_EQ(futimens(directory(), long_ago), 0);
    for (int i = 0; i < 3; ++i) {
        SegmentFile file;
        ASSERT_EQ(create_segment({8, 0, nullptr, 0, 0, false, 1}, file), 0);
        alive_.push_back(file);
    }
    EXPECT_EQ(directory_.files().size(), 3u);
}

}  // namespace
}  // namespace spanring::ring
