// SPDX-License-Identifier: Apache-2.0
//
// What the library makes of it, in a process in which nobody else has an epoll.
#include "export/grpc/polling.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <grpcpp/completion_queue.h>

namespace spanring::agent {
namespace {

size_t epolls() {
    size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;  // that of the look itself
        const std::string what = std::filesystem::read_symlink(entry.path(), gone).string();
        found += what.find("eventpoll") != std::string::npos;
    }
    return found;
}

TEST(PollingTest, EachReadsItsOwnWhereTheyAreFew) {
    ::unsetenv("GRPC_POLL_STRATEGY");
    have_each_read_its_own(257);
    EXPECT_EQ(::getenv("GRPC_POLL_STRATEGY"), nullptr);
    ::setenv("GRPC_POLL_STRATEGY", "epoll1", 1);
    have_each_read_its_own(256);
    EXPECT_STREQ(::getenv("GRPC_POLL_STRATEGY"), "epoll1");  // it was somebody's wish

    ::unsetenv("GRPC_POLL_STRATEGY");
    have_each_read_its_own(256);
    const grpc::CompletionQueue queue;
    EXPECT_EQ(epolls(), 0u);
}

}  // namespace
}  // namespace spanring::agent
