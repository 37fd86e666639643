// SPDX-License-Identifier: Apache-2.0
//
// Runs a piece of a test in a process of its own: what it does to the process (namespaces, signals, the library's
// statics) ends with it, and a crash is a failure with a name. EXPECT_*, ASSERT_* and GTEST_SKIP work inside.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace spanring::test {

inline constexpr int kSkipped = 77;
inline constexpr unsigned kChildWatchdog = 100;  // seconds until a hung child is ended; below Meson's own

// waitpid() without EINTR.
inline int wait_status(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

inline std::string describe_status(int status) {
    if (WIFEXITED(status)) return "exited with " + std::to_string(WEXITSTATUS(status));
    if (WIFSIGNALED(status)) return std::string("was killed by ") + strsignal(WTERMSIG(status));
    return "ended in an unknown way";
}

// The wait status of a child that ran `body` and exits with its result.
inline int status_of_child(const std::function<int()>& body) {
    fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) {
        ADD_FAILURE() << "fork: " << strerror(errno);
        return 0;
    }
    if (child == 0) {
        alarm(kChildWatchdog);
        const int result = body();
        fflush(nullptr);
        _exit(result);
    }
    return wait_status(child);
}

// Runs `body` in a process that has just been forked off. What it exits with: a failure of the parent is not its own.
inline int result_of(const std::function<void()>& body) {
    const auto failures = [] {
        const testing::TestResult& result = *testing::UnitTest::GetInstance()->current_test_info()->result();
        int count = 0;
        for (int i = 0; i < result.total_part_count(); ++i) count += result.GetTestPartResult(i).failed();
        return count;
    };
    const int before = failures();
    body();
    return failures() != before ? 1 : testing::Test::IsSkipped() ? kSkipped : 0;
}

// A failure inside is one outside, and so is a skip.
inline void in_child(const std::function<void()>& body) {
    const int status = status_of_child([&] { return result_of(body); });
    if (WIFEXITED(status) && WEXITSTATUS(status) == kSkipped) GTEST_SKIP() << "the child skipped (see above)";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child " << describe_status(status);
}

}  // namespace spanring::test

// A test whose body runs in a process of its own.
#define TEST_IN_PROCESS(suite, name)                                       \
    static void suite##_##name##_body();                                   \
    TEST(suite, name) { spanring::test::in_child(suite##_##name##_body); } \
    static void suite##_##name##_body()
