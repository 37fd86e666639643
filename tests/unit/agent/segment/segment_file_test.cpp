// SPDX-License-Identifier: Apache-2.0
//
// What keeps an open() waiting, under the name of a segment. Whoever opens it is told, and goes on.
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "segment/segment_file.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

class SegmentFileTest : public ::testing::Test {
protected:
    SegmentFileTest() : folder(open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        signal(SIGIO, SIG_IGN);  // the kernel asks for a lease back by it
    }

    test::TemporaryDirectory directory;
    const Descriptor folder;
};

TEST_F(SegmentFileTest, ALeaseOfItsProcessKeepsNobodyWaiting) {
    for (const int lease : {F_RDLCK, F_WRLCK}) {
        const std::string name = std::string(31, '0') + (lease == F_RDLCK ? "1" : "2") + ".spr";
        Descriptor made(openat(folder.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        ASSERT_EQ(ftruncate(made.get(), static_cast<off_t>(ring::segment_size(1))), 0);
        made.reset();  // there is no lease beside a writer
        const Descriptor holder(openat(folder.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
        if (fcntl(holder.get(), F_SETLEASE, lease) != 0) GTEST_SKIP() << "no leases here: " << strerror(errno);
        const SegmentFile segment = open_segment_file(folder.get(), name.c_str(), geteuid());
        EXPECT_EQ(segment.report, ring::AttachResult::kSystem);
        EXPECT_EQ(segment.report.error, EAGAIN);
        EXPECT_FALSE(segment.file);
    }
}

// Whose file system answers there, if it does, is not known.
TEST_F(SegmentFileTest, NothingThatIsMountedIsOpened) {
    const test::FileImage image(directory);
    const std::string other = directory.path() + "/other";
    close(open(other.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount(other.c_str(), image.path().c_str(), nullptr, MS_BIND, nullptr) != 0) {
        GTEST_SKIP() << "cannot mount here";
    }
    const Descriptor here(open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));  // in this name space
    const SegmentFile segment = open_segment_file(here.get(), image.name().c_str(), geteuid());
    EXPECT_EQ(segment.report, ring::AttachResult::kNotRegular);
    EXPECT_FALSE(segment.file);
    EXPECT_FALSE(remove_if_abandoned(here.get(), image.name().c_str(), geteuid(), std::chrono::seconds(0)));
    EXPECT_EQ(umount2(image.path().c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace spanring::agent
