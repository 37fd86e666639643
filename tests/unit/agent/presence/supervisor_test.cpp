// SPDX-License-Identifier: Apache-2.0
#include "presence/supervisor.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "base/descriptor.hpp"
#include "base/stuck_threads.hpp"
#include "base/thread_progress.hpp"
#include "base/unix_address.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;

// Hears what the agent says, as systemd does.
class SupervisorTest : public testing::Test {
protected:
    SupervisorTest() { listen(directory_.file("notify")); }
    ~SupervisorTest() override {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    }

    void listen(const std::string& name, const char* prefix = "") {
        const UnixAddress address(name);
        ear_ = Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        ASSERT_EQ(::bind(ear_.get(), address.get(), address.size()), 0);
        ::setenv("NOTIFY_SOCKET", (prefix + name.substr(*prefix != '\0')).c_str(), 1);
    }
    std::string heard() const {
        char text[64];
        const ssize_t size = ::recv(ear_.get(), text, sizeof text, 0);
        return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
    }

    test::TemporaryDirectory directory_;
    Descriptor ear_;
};

TEST_F(SupervisorTest, IsTold) {
    Supervisor().notify("READY=1");
    EXPECT_EQ(heard(), "READY=1");
    listen(std::string("\0spanring-test-", 15) + std::to_string(::getpid()), "@");
    Supervisor().notify("STOPPING=1");
    EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(SupervisorTest, IsFedAtHalfItsPatience) {
    ::setenv("WATCHDOG_USEC", "60000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    Supervisor supervisor;
    EXPECT_EQ(supervisor.period(), 30s);
    supervisor.feed();
    EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(SupervisorTest, IsNotFedWhileAThreadIsStuck) {
    ::setenv("WATCHDOG_USEC", "1", 1);
    Supervisor supervisor;
    ThreadProgress progress("a thread");
    progress.working();
    while (stuck_threads(*supervisor.period()).empty()) ::usleep(1);
    EXPECT_FALSE(supervisor.feed());
    EXPECT_EQ(heard(), "");
    progress.waiting();
    EXPECT_TRUE(supervisor.feed());
    EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(SupervisorTest, IsNotFedWhereItWaitsForNothing) {
    EXPECT_EQ(Supervisor().period(), std::nullopt);
    ::setenv("WATCHDOG_USEC", "60000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getppid()).c_str(), 1);
    Supervisor supervisor;
    EXPECT_EQ(supervisor.period(), std::nullopt) << "it waits for another process";
    supervisor.feed();
    for (const char* wrong : {"", "0", "soon", "-5", "18446744073709551615"}) {
        ::setenv("WATCHDOG_USEC", wrong, 1);
        ::unsetenv("WATCHDOG_PID");
        EXPECT_EQ(Supervisor().period(), std::nullopt) << wrong;
    }
    EXPECT_EQ(heard(), "");
}

TEST_F(SupervisorTest, MayBeGone) {
    ear_ = Descriptor();
    Supervisor().notify("READY=1");
    ::setenv("NOTIFY_SOCKET", "relative", 1);
    Supervisor().notify("READY=1");
    ::setenv("NOTIFY_SOCKET", std::string(200, '/').c_str(), 1);
    Supervisor().notify("READY=1");
    ::unsetenv("NOTIFY_SOCKET");
    Supervisor().notify("READY=1");
}

}  // namespace
}  // namespace spanring::agent
