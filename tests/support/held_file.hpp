// SPDX-License-Identifier: Apache-2.0
//
// Whether a process still holds a segment's file.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <string>

namespace spanring::test {

// What the agent asks before it takes a segment for one of the dead.
inline bool is_held(const std::string& path) {
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    EXPECT_EQ(fcntl(file, F_OFD_GETLK, &lock), 0);
    close(file);
    return lock.l_type != F_UNLCK;
}

}  // namespace spanring::test
