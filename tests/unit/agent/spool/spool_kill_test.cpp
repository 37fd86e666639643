// SPDX-License-Identifier: Apache-2.0
//
// An agent that is killed while it uses its spool: at any time, and at each system call.
#include "spool/spool.hpp"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <utility>

#include "support/spool_test.hpp"

namespace spanring::agent::test {
namespace {

namespace fs = std::filesystem;

// A child under ptrace that stops at the entry and the exit of each system call: nothing that it does between two of
// them reaches the disk, and of one that writes a part may have been done (cuts_a_torn_end_wherever_it_tears).
class Traced {
public:
    template <class Body>
    explicit Traced(Body body) : pid_(::fork()) {
        if (pid_ == 0) {
            if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(2);
            ::raise(SIGSTOP);
            body();
            ::_exit(0);
        }
        int status = 0;
        ok_ = ::waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status) &&
              ::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0;
    }
    ~Traced() { kill(); }
    Traced(const Traced&) = delete;

    bool ok() const { return ok_; }

    // Runs on to the next stop. Empty: it ended by itself.
    std::optional<__ptrace_syscall_info> next() {
        for (;;) {
            int status = 0;
            if (::ptrace(PTRACE_SYSCALL, pid_, nullptr, nullptr) != 0) return std::nullopt;
            if (::waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
                ended_ = true;
                return std::nullopt;
            }
            if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
            __ptrace_syscall_info info{};
            ::ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof info, &info);
            return info;
        }
    }

    void kill() {
        if (std::exchange(ended_, true)) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

private:
    pid_t pid_;
    bool ok_ = false;
    bool ended_ = false;
};

class SpoolKillTest : public SpoolTest {
protected:
    static constexpr int kRecords = 8;
    static constexpr size_t kSize = 20'000;  // three to a file
    static constexpr int kFiles = (kRecords + 2) / 3;

    struct Confirmed {  // in memory that the child's death leaves
        int appended = 0;
        int finishing = 0;
        int finished = 0;
    };

    SpoolKillTest() {
        options_.file_bytes = 1 << 16;
        constexpr int kShared = MAP_SHARED | MAP_ANONYMOUS;
        void* const memory = ::mmap(nullptr, sizeof(Confirmed), PROT_READ | PROT_WRITE, kShared, -1, 0);
        confirmed_ = static_cast<volatile Confirmed*>(memory);
    }
    ~SpoolKillTest() override { ::munmap(const_cast<Confirmed*>(confirmed_), sizeof(Confirmed)); }

    // Fills several files, then empties all but the last one.
    void work() {
        const auto spool = open();
        for (int n = 0; n < kRecords; ++n) {
            if (!append(*spool, n, kSize)) ::_exit(1);
            confirmed_->appended = n + 1;
        }
        for (int n = 0; n < kRecords - 2; ++n) {
            const auto record = spool->take();
            confirmed_->finishing = n + 1;
            spool->finish(record->ticket);
            confirmed_->finished = n + 1;
        }
    }

    void begin() {
        fs::remove_all(options_.directory);
        confirmed_->appended = 0;
        confirmed_->finishing = 0;
        confirmed_->finished = 0;
    }

    volatile Confirmed* confirmed_;
};

// Whatever append() confirmed is there after kill -9, in order and whole.
TEST_F(SpoolKillTest, SurvivesKill9DuringAppends) {
    options_.file_bytes = 1 << 16;
    for (int round = 0; round < 20; ++round) {
        int confirmed[2];
        ASSERT_EQ(::pipe(confirmed), 0);
        const pid_t writer = ::fork();
        if (writer == 0) {
            const auto spool = open();
            for (int n = 0;; ++n) {
                if (!append(*spool, n, 20'000) || ::write(confirmed[1], &n, sizeof n) != sizeof n) ::_exit(1);
            }
        }
        ::close(confirmed[1]);
        int last = -1;
        for (int i = 0; i < 5 + round * 3; ++i) {
            ASSERT_EQ(::read(confirmed[0], &last, sizeof last), ssize_t{sizeof last});
        }
        ::kill(writer, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(writer, &status, 0), writer);
        ASSERT_TRUE(WIFSIGNALED(status));
        while (::read(confirmed[0], &last, sizeof last) == ssize_t{sizeof last}) {
        }
        ::close(confirmed[0]);

        const auto spool = open();
        const std::vector<int> left = drain(*spool, 20'000);
        EXPECT_GE(static_cast<int>(left.size()), last + 1);
        EXPECT_LE(static_cast<int>(left.size()), last + 2) << "at most the one that was not confirmed yet";
        EXPECT_EQ(left, numbers(0, static_cast<int>(left.size())));
    }
    EXPECT_TRUE(lost_.empty());
}

TEST_F(SpoolKillTest, HasWhatWasAppendedAndNotFinishedWhereverItIsKilled) {
    int stops = 1;
    for (int kill_at = 1; kill_at <= stops; ++kill_at) {
        begin();
        Traced child([this] { work(); });
        if (!child.ok()) GTEST_SKIP() << "no ptrace here";
        int stop = 0;
        while (stop < kill_at && child.next()) ++stop;
        if (stop == kill_at) stops = kill_at + 1;  // it lived so long
        child.kill();

        const auto spool = open();
        EXPECT_EQ(spool->damaged(), 0u);
        const std::vector<int> left = drain(*spool, kSize);
        const int appended = confirmed_->appended, finishing = confirmed_->finishing, finished = confirmed_->finished;
        const int first = left.empty() ? appended : left.front(), end = left.empty() ? appended : left.back() + 1;
        EXPECT_EQ(left, numbers(first, end)) << "in order, without a gap; stop " << stop;
        EXPECT_GE(first, finished) << "what was finished is not sent again; stop " << stop;
        EXPECT_LE(first, finishing) << "what was not is there; stop " << stop;
        EXPECT_GE(end, appended) << "what was confirmed is there; stop " << stop;
        EXPECT_LE(end, appended + 1) << "and at most the one in progress; stop " << stop;
        ASSERT_FALSE(HasFailure()) << "appended " << appended << ", finished " << finished << " of " << finishing;
    }
    EXPECT_EQ(confirmed_->finished, kRecords - 2) << "the last one lived to its end";
    EXPECT_GT(stops, 2 * kRecords) << "each record takes a system call at least";
}

TEST_F(SpoolKillTest, WithFsyncSyncsEachEntryAndEachNewFileBeforeItConfirms) {
    for (const bool fsync : {true, false}) {
        options_.fsync = fsync;
        begin();
        Traced child([this] { work(); });
        if (!child.ok()) GTEST_SKIP() << "no ptrace here";
        int confirmed = 0, synced = 0, directories = 0;
        bool unsynced = false;
        uint64_t number = 0;
        while (const auto info = child.next()) {
            if (info->op == PTRACE_SYSCALL_INFO_ENTRY) number = info->entry.nr;
            if (info->op != PTRACE_SYSCALL_INFO_EXIT) continue;
            if (confirmed_->appended != confirmed) {
                EXPECT_FALSE(fsync && unsynced) << "record " << confirmed << " was confirmed first";
                confirmed = confirmed_->appended;
                unsynced = false;
            }
            if (number == SYS_pwritev || number == SYS_pwritev2) unsynced = true;
            if (number == SYS_fdatasync) ++synced, unsynced = false;
            if (number == SYS_fsync) ++directories;
        }
        EXPECT_EQ(confirmed_->appended, kRecords);
        EXPECT_EQ(synced, fsync ? kRecords : 0);
        EXPECT_EQ(directories, fsync ? kFiles : 0) << "a new file's name as well";
    }
}

}  // namespace
}  // namespace spanring::agent::test
