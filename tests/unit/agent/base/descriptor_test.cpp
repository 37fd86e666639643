// SPDX-License-Identifier: Apache-2.0
#include "base/descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }
Descriptor make() { return Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(DescriptorTest, ClosesWhatItOwns) {
    int fd = -1;
    {
        const Descriptor owner = make();
        fd = owner.get();
        EXPECT_TRUE(owner);
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(DescriptorTest, HasOneOwnerAtATime) {
    Descriptor first = make();
    const int fd = first.get();
    Descriptor second(std::move(first));
    EXPECT_EQ(second.get(), fd);
    Descriptor third = make();
    const int replaced = third.get();
    third = std::move(second);
    EXPECT_FALSE(is_open(replaced));
    EXPECT_EQ(third.release(), fd);
    EXPECT_FALSE(third);
    EXPECT_TRUE(is_open(fd));
    Descriptor(fd).reset();
}

TEST(DescriptorTest, LeavesErrnoAlone) {
    Descriptor owner = make();
    errno = ENOSPC;
    ::close(owner.get());  // so that the close below fails
    owner.reset();
    EXPECT_EQ(errno, ENOSPC);
}

}  // namespace
}  // namespace spanring::agent
