// SPDX-License-Identifier: Apache-2.0
//
// Children that crash in every way, and what the next agent is told.
#define SPR_TESTPOINTS 1  // for failpoint.hpp

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <thread>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/alternate_stack.hpp"
#include "crash/crash_journal.hpp"
#include "crash/crash_scope.hpp"
#include "crash/failpoint.hpp"
#include "segment/fault_guard.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

const std::string kSegment = "/run/spanring/1000/0123456789abcdef0123456789abcdef.spr";
const std::string kOther = "/run/spanring/1000/ffffffffffffffffffffffffffffffff.spr";

class JournalTest : public ::testing::Test {
protected:
    std::string file() const { return directory.path() + "/crashes"; }

    // How the child ended, as of waitpid().
    int child(const std::function<void()>& body) {
        const pid_t pid = fork();
        if (pid == 0) {
            const rlimit none = {0, 0};  // core files
            setrlimit(RLIMIT_CORE, &none);
            CrashJournal journal(file());
            journal.arm();
            const AlternateStack stack;
            body();
            _exit(0);
        }
        int status = 0;
        EXPECT_EQ(waitpid(pid, &status, 0), pid);
        return status;
    }
    int child_reading(const std::string& segment, const std::function<void()>& body) {
        return child([&] {
            const CrashScope scope(segment);
            body();
        });
    }
    void write(int64_t age, const std::string& segment = kSegment, const char* end = "\n") {
        std::ofstream(file(), std::ios::app) << SIGSEGV << ' ' << time(nullptr) - age << ' ' << segment << end;
    }
    size_t crashes() const { return CrashJournal(file()).crashes().size(); }
    std::string reason(const std::string& segment = kSegment) const {
        return CrashJournal(file()).reason_to_quarantine(segment);
    }

    test::TemporaryDirectory directory;
};

TEST_F(JournalTest, NamesTheSegmentThatWasReadAtACrash) {
    const int status = child_reading(kSegment, [] { std::abort(); });
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGABRT);
    const CrashJournal journal(file());
    ASSERT_EQ(journal.crashes().size(), 1u);
    EXPECT_EQ(journal.crashes()[0].place, kSegment);
    EXPECT_EQ(journal.crashes()[0].signal, SIGABRT);
    EXPECT_EQ(journal.reason_to_quarantine(kSegment), "");
}

TEST_F(JournalTest, GivesASegmentUpAfterTwoCrashesAndNoOtherOne) {
    for (int i = 0; i < 2; ++i) {
        const int status = child_reading(kSegment, [] { crash("fault"); });
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    }
    child_reading(kOther, [] { std::abort(); });
    EXPECT_NE(reason().find("SIGSEGV"), std::string::npos);
    EXPECT_EQ(reason(kOther), "");
}

TEST_F(JournalTest, NamesTheExporterOnWhoseThreadACrashWas) {
    const std::string place = kCrashInExporter + std::string("otlp_grpc/backup");
    child_reading(place, [] { crash("fault"); });
    const CrashJournal journal(file());
    ASSERT_EQ(journal.crashes().size(), 1u);
    EXPECT_EQ(journal.crashes()[0].place, "exporter otlp_grpc/backup");
}

TEST_F(JournalTest, IsWrittenWhereTheStackRanOver) {
    const int status = child_reading(kSegment, [] { crash("stack"); });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    EXPECT_EQ(crashes(), 1u);
}

TEST_F(JournalTest, IsWrittenAtAnExceptionThatNobodyCatches) {
    const int status = child_reading(kSegment, [] {
        std::thread([] {
            const CrashScope scope(kSegment);
            throw 1;
        }).join();
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT_EQ(crashes(), 1u);
}

TEST_F(JournalTest, IsNotWrittenAtAKillFromOutside) {
    for (const int signal : {SIGKILL, SIGABRT, SIGSEGV, SIGBUS, SIGTERM, SIGQUIT}) {
        const pid_t parent = getpid();
        int ready[2];
        ASSERT_EQ(pipe(ready), 0);
        const pid_t pid = fork();
        if (pid == 0) {
            ::signal(signal, SIG_DFL);  // a shell's background jobs ignore SIGQUIT
            CrashJournal journal(file());
            journal.arm();
            const CrashScope scope(kSegment);
            if (::write(ready[1], "x", 1) != 1) _exit(1);
            while (getppid() == parent) pause();
            _exit(0);
        }
        char byte = 0;
        ASSERT_EQ(read(ready[0], &byte, 1), 1);
        kill(pid, signal);
        int status = 0;
        waitpid(pid, &status, 0);
        close(ready[0]);
        close(ready[1]);
        ASSERT_TRUE(WIFSIGNALED(status)) << signal;
        EXPECT_EQ(WTERMSIG(status), signal) << "a signal that was sent still does what it does";
    }
    EXPECT_EQ(crashes(), 0u);
}

TEST_F(JournalTest, IsNotWrittenAtACrashOfAnotherThreadOrBehindTheScope) {
    child_reading(kSegment, [] { std::thread([] { std::abort(); }).join(); });
    child([] {
        { const CrashScope scope(kSegment); }
        std::abort();
    });
    EXPECT_EQ(crashes(), 0u);
}

TEST_F(JournalTest, LeavesAFaultToTheGuardThatCoversIt) {
    const int status = child_reading(kSegment, [this] {
        const std::string path = directory.path() + "/cut";
        const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (ftruncate(fd, 8192) != 0) _exit(2);
        const auto map = [fd] {
            return static_cast<volatile char*>(mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 0));
        };
        volatile char* const covered = map();
        volatile char* const uncovered = map();
        const FaultGuard guard(const_cast<const char*>(covered), 8192);
        if (ftruncate(fd, 0) != 0) _exit(2);
        if (covered[4096] != 0 || !guard.faulted()) _exit(3);
        (void)uncovered[0];
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) << status;
    EXPECT_EQ(crashes(), 1u);
}

TEST_F(JournalTest, ForgetsACrashThatIsOldButNoVerdict) {
    write(4000);
    write(10, kOther);
    EXPECT_EQ(crashes(), 1u);
    write(9000);
    write(8000);
    EXPECT_NE(reason(), "");
    EXPECT_NE(reason(), "") << "also at the start after the next";
}

TEST_F(JournalTest, DoesNotAddUpCrashesThatLieFarApart) {
    write(3000);
    write(-3000);  // as if the next one came much later
    EXPECT_EQ(reason(), "");
}

TEST_F(JournalTest, ForgetsAtACleanEndAllButVerdicts) {
    write(20);
    write(10);
    write(5, kOther);
    CrashJournal(file()).forget();
    EXPECT_NE(reason(), "");
    write(1, kOther);
    EXPECT_EQ(reason(kOther), "") << "its first crash was forgotten";
}

TEST_F(JournalTest, PassesOverWhatMakesNoSense) {
    write(10);
    std::ofstream(file(), std::ios::app) << "\n\nnoise\n11 x /y\n11 12\n11 12 relative\n";
    write(10, kSegment.substr(0, 20), "");  // torn
    EXPECT_EQ(crashes(), 1u);
    EXPECT_EQ(reason(), "");
}

TEST_F(JournalTest, KeepsABoundedNumberOfLines) {
    for (int i = 0; i < 1000; ++i) write(100, "/run/spanring/1000/" + std::to_string(i));
    EXPECT_EQ(crashes(), 256u);
    EXPECT_EQ(CrashJournal(file()).crashes().back().place, "/run/spanring/1000/999");
}

TEST_F(JournalTest, NotesNothingWhereItCannotBeWritten) {
    CrashJournal journal("/nonexistent/crashes");
    journal.arm();
    EXPECT_TRUE(journal.crashes().empty());
    journal.forget();
}

TEST_F(JournalTest, SetsAsideWhatNoAgentWrote) {
    std::ofstream(file()) << "11 1000 /run/x.spr\nnot a line of a journal\n";
    EXPECT_EQ(crashes(), 0u);
    EXPECT_EQ(directory.files().size(), 2u);
    std::filesystem::remove(file());
    ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
    EXPECT_EQ(crashes(), 0u);
    EXPECT_EQ(directory.files().size(), 3u);
}

}  // namespace
}  // namespace spanring::agent
