// SPDX-License-Identifier: Apache-2.0
//
// Children that are confined and then try what an agent never does. Each is seen to work before the filter is on, or to
// fail for another reason than EPERM, so that a refusal is the filter's.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rights/system_call_filter.hpp"

namespace spanring::agent {
namespace {

// How a child ended that ran `body`; its result is the exit code.
int child(const std::function<int()>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
        const rlimit none = {0, 0};  // core files
        setrlimit(RLIMIT_CORE, &none);
        _exit(body());
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

int error_of(long result) { return result < 0 ? errno : 0; }

struct Forbidden {
    const char* what;
    std::function<long()> call;
};

// Wrong arguments where a right one would do something: without the filter none of them says EPERM.
const Forbidden kForbidden[] = {
    {"execve", [] { return syscall(SYS_execve, "/nonexistent", nullptr, nullptr); }},
    {"execveat", [] { return syscall(SYS_execveat, AT_FDCWD, "/nonexistent", nullptr, nullptr, 0); }},
    {"fork",
     [] {
         const long pid = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
         if (pid == 0) _exit(0);
         return pid;
     }},
    {"ptrace", [] { return ptrace(PTRACE_PEEKDATA, 0x7ffffff0, nullptr, nullptr); }},
    {"process_vm_readv", [] { return process_vm_readv(0x7ffffff0, nullptr, 0, nullptr, 0, 0); }},
    {"kill", [] { return static_cast<long>(kill(getpid(), 0)); }},
    {"a program's filter of its own", [] { return syscall(SYS_bpf, 0, nullptr, 0); }},
    {"a socket of another family", [] { return static_cast<long>(socket(AF_VSOCK + 40, SOCK_STREAM, 0)); }},
    {"to listen", [] { return static_cast<long>(listen(-1, 1)); }},
    {"to accept", [] { return static_cast<long>(accept(-1, nullptr, nullptr)); }},
    {"memory to write and execute",
     [] {
         void* place = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return place == MAP_FAILED ? -1L : 0L;
     }},
    {"memory that becomes executable",
     [] {
         void* place = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return static_cast<long>(mprotect(place, 4096, PROT_READ | PROT_EXEC));
     }},
    {"chown of a path", [] { return static_cast<long>(chown("/nonexistent", 0, 0)); }},
    {"chmod of a path", [] { return static_cast<long>(chmod("/nonexistent", 0)); }},
    {"setuid", [] { return static_cast<long>(setuid(getuid())); }},
    {"io_uring", [] { return syscall(SYS_io_uring_setup, 0, nullptr); }},
    {"the rights of another process",
     [] {
         rlimit limit = {};
         return static_cast<long>(prlimit(getpid(), RLIMIT_NOFILE, nullptr, &limit));
     }},
    {"prctl", [] { return static_cast<long>(prctl(PR_SET_DUMPABLE, 1)); }},
};

class FilterTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!has_system_call_filter()) GTEST_SKIP() << "built without libseccomp, or with a sanitizer";
    }
};

TEST_F(FilterTest, RefusesWhatAnAgentNeverDoes) {
    for (const Forbidden& forbidden : kForbidden) {
        EXPECT_NE(WEXITSTATUS(child([&] { return error_of(forbidden.call()); })), EPERM)
            << forbidden.what << ": refused without any filter, so this would prove nothing";
        const int status = child([&] {
            if (!confine(SystemCallFilter::kRefuse).empty()) return 255;
            return error_of(forbidden.call());
        });
        ASSERT_TRUE(WIFEXITED(status)) << forbidden.what;
        EXPECT_EQ(WEXITSTATUS(status), EPERM) << forbidden.what;
    }
}

TEST_F(FilterTest, LetsAnAgentThatServesAcceptAndNotListen) {
    const auto error = [&](const std::function<long()>& call) {
        return WEXITSTATUS(child([&] {
            if (!confine(SystemCallFilter::kRefuse, true).empty()) return 255;
            return error_of(call());
        }));
    };
    EXPECT_EQ(error([] { return static_cast<long>(accept(-1, nullptr, nullptr)); }), EBADF);
    EXPECT_EQ(error([] { return static_cast<long>(accept4(-1, nullptr, nullptr, 0)); }), EBADF);
    EXPECT_EQ(error([] { return static_cast<long>(listen(-1, 1)); }), EPERM);
}

TEST_F(FilterTest, LetsItCopyItsOwnMemoryByTheKernel) {
    const int status = child([] {
        if (!confine(SystemCallFilter::kKill).empty()) return 255;
        char from[] = "what a process may take away", to[sizeof from] = {};
        iovec local{to, sizeof to}, remote{from, sizeof from};
        const bool copied = process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == sizeof from;
        return copied && std::string(to) == from ? 0 : 1;
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(FilterTest, KillsInATest) {
    for (const Forbidden& forbidden : kForbidden) {
        const int status = child([&] {
            if (!confine(SystemCallFilter::kKill).empty()) return 255;
            forbidden.call();
            return 0;
        });
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << forbidden.what << ": " << status;
    }
}

TEST_F(FilterTest, HoldsForThreadsThatRunAlready) {
    const int status = child([] {
        std::atomic<bool> confined{false};
        std::atomic<int> error{0};
        std::thread early([&] {
            while (!confined.load()) std::this_thread::yield();
            error = error_of(syscall(SYS_execve, "/nonexistent", nullptr, nullptr));
        });
        const bool done = confine(SystemCallFilter::kRefuse).empty();
        confined = true;
        early.join();
        return done ? error.load() : 255;
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == EPERM) << status;
}

TEST_F(FilterTest, LeavesThreadsFilesAndSocketsAlone) {
    const int status = child([] {
        if (!confine(SystemCallFilter::kKill).empty()) return 255;
        int made = 0;
        std::thread([&] { ++made; }).join();
        const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        const int socket4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return made == 1 && file >= 0 && socket4 >= 0 ? 0 : 1;
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(FilterTest, LetsAnAbortBeAnAbort) {
    const int status = child([]() -> int {
        if (!confine(SystemCallFilter::kKill).empty()) return 255;
        abort();
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

TEST_F(FilterTest, IsNothingWhenItIsOff) {
    const int status = child([] {
        const bool done = confine(SystemCallFilter::kOff).empty();
        return done ? error_of(syscall(SYS_execve, "/nonexistent", nullptr, nullptr)) : 255;
    });
    EXPECT_EQ(WEXITSTATUS(status), ENOENT);
}

}  // namespace
}  // namespace spanring::agent
