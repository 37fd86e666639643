// SPDX-License-Identifier: Apache-2.0
//
// The directory that is served: whose it is, and what is removed in it.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(DrainTest, RemovesTemporaryFilesOfTheDeadOnly) {
    const std::string dead = directory.path() + "/.00000000000000000000000000000001.tmp";
    const std::string alive = directory.path() + "/.00000000000000000000000000000002.tmp";
    close(open(dead.c_str(), O_CREAT | O_RDWR, 0600));
    const int held = open(alive.c_str(), O_CREAT | O_RDWR, 0600);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_len = 1;
    ASSERT_EQ(fcntl(held, F_OFD_SETLK, &lock), 0);
    start();
    pass(1);
    EXPECT_NE(access(dead.c_str(), F_OK), 0);
    EXPECT_EQ(access(alive.c_str(), F_OK), 0);
    close(held);
}

TEST_F(DrainTest, LetsOnlyOneAgentServeADirectory) {
    start();
    try {
        Drainer second(options(), {&exporter}, nullptr);
        FAIL() << "two agents";
    } catch (const AgentBusy& busy) {
        EXPECT_NE(std::string(busy.what()).find(directory.path()), std::string::npos);
    }
    drainer.reset();
    EXPECT_NO_THROW(Drainer(options(), {&exporter}, nullptr));
}

TEST_F(DrainTest, DoesNotUnlinkAFileThatTookThePlaceOfTheSegment) {
    FileImage image(directory);
    start();
    pass();
    const std::string other = directory.path() + "/other";
    close(open(other.c_str(), O_CREAT | O_RDWR, 0600));
    ASSERT_EQ(rename(other.c_str(), image.path().c_str()), 0);
    image.die();
    pass_until([&] { return drainer->status().finished == 1; });
    EXPECT_TRUE(directory.has(image.name()));
}

}  // namespace
}  // namespace spanring::agent
