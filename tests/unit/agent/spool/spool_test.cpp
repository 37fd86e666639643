// SPDX-License-Identifier: Apache-2.0
#include "spool/spool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <optional>

#include "support/otlp_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SpoolTest : public testing::Test {
protected:
    SpoolTest() { options_.directory = directory_ / "spool"; }

    std::unique_ptr<Spool> open() {
        return std::make_unique<Spool>(options_, [this](std::span<const Spool::Share> shares) {
            for (const Spool::Share& share : shares) lost_[share.instance[0]] += share.spans;
        });
    }

    static std::string request(int n, size_t size = 1000) {
        return std::to_string(n) + ":" + std::string(size, static_cast<char>('a' + n % 26));
    }

    static bool append(Spool& spool, int n, size_t size = 1000, uint8_t process = 1, uint64_t spans = 10) {
        const std::string bytes = request(n, size);
        const Spool::Share share{{process}, spans};
        // In two slices, as a batch has them.
        const std::span<const uint8_t> whole = readable(bytes);
        const std::span<const uint8_t> slices[] = {whole.first(3), whole.subspan(3)};
        return spool.append({&share, 1}, slices);
    }

    // Takes, checks and finishes everything.
    static std::vector<int> drain(Spool& spool, size_t size = 1000) {
        std::vector<int> seen;
        while (const auto record = spool.take()) {
            const int n = std::stoi(record->request);
            EXPECT_EQ(record->request, request(n, size));
            seen.push_back(n);
            spool.finish(record->ticket);
        }
        return seen;
    }

    static std::vector<int> numbers(int first, int end) {
        std::vector<int> all;
        for (int n = first; n < end; ++n) all.push_back(n);
        return all;
    }

    std::vector<fs::path> files() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(options_.directory)) {
            if (entry.path().extension() == ".spool") found.push_back(entry.path());
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    TemporaryDirectory directory_;
    SpoolOptions options_;
    std::map<uint8_t, uint64_t> lost_;
};

TEST_F(SpoolTest, gives_back_in_order_what_it_took) {
    const auto spool = open();
    for (int n = 0; n < 50; ++n) ASSERT_TRUE(append(*spool, n));
    EXPECT_EQ(drain(*spool), numbers(0, 50));
    EXPECT_FALSE(spool->waiting());
    EXPECT_EQ(spool->bytes(), 0u);
    EXPECT_TRUE(files().empty()) << "delivered files are deleted";
}

TEST_F(SpoolTest, keeps_the_shares_of_each_process) {
    const auto spool = open();
    const Spool::Share shares[] = {{{7}, 3}, {{9}, 40}};
    const std::span<const uint8_t> slice = readable("request");
    ASSERT_TRUE(spool->append(shares, {&slice, 1}));
    const auto record = spool->take();
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->spans, 43u);
    ASSERT_EQ(record->shares.size(), 2u);
    EXPECT_EQ(record->shares[1].instance[0], 9);
    EXPECT_EQ(record->shares[1].spans, 40u);
}

TEST_F(SpoolTest, is_private) {
    const auto spool = open();
    ASSERT_TRUE(append(*spool, 1));
    struct stat status{};
    ASSERT_EQ(::stat(options_.directory.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700u);
    ASSERT_EQ(::stat(files()[0].c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(SpoolTest, survives_a_restart) {
    {
        const auto spool = open();
        for (int n = 0; n < 20; ++n) ASSERT_TRUE(append(*spool, n));
    }
    EXPECT_EQ(drain(*open()), numbers(0, 20));
}

TEST_F(SpoolTest, does_not_send_again_what_was_finished_before_a_restart) {
    {
        const auto spool = open();
        for (int n = 0; n < 10; ++n) ASSERT_TRUE(append(*spool, n));
        std::vector<Spool::Ticket> tickets;
        for (int n = 0; n < 6; ++n) tickets.push_back(spool->take()->ticket);
        // Answers come in any order; 1 and 4 have none when the agent ends.
        for (const size_t answered : {5u, 0u, 3u, 2u}) spool->finish(tickets[answered]);
    }
    EXPECT_EQ(drain(*open()), (std::vector<int>{1, 4, 6, 7, 8, 9}));
}

TEST_F(SpoolTest, gives_a_record_back_in_its_old_place) {
    const auto spool = open();
    for (int n = 0; n < 5; ++n) ASSERT_TRUE(append(*spool, n));
    const auto first = spool->take(), second = spool->take();
    EXPECT_TRUE(spool->give_back(second->ticket));
    EXPECT_TRUE(spool->give_back(first->ticket));
    EXPECT_EQ(drain(*spool), numbers(0, 5));
}

TEST_F(SpoolTest, deletes_a_file_when_its_last_record_is_finished) {
    options_.file_bytes = 1 << 16;
    const auto spool = open();
    for (int n = 0; n < 40; ++n) ASSERT_TRUE(append(*spool, n, 10'000));
    const size_t before = files().size();
    ASSERT_GT(before, 4u);
    for (int n = 0; n < 6; ++n) spool->finish(spool->take()->ticket);
    EXPECT_EQ(files().size(), before - 1);
    EXPECT_EQ(drain(*spool, 10'000), numbers(6, 40));
}

TEST_F(SpoolTest, full_drops_the_oldest_file_and_counts_it_by_process) {
    options_.max_bytes = 400'000;
    options_.file_bytes = 1 << 16;
    const auto spool = open();
    for (int n = 0; n < 100; ++n) ASSERT_TRUE(append(*spool, n, 10'000, static_cast<uint8_t>(n % 3), 10));
    EXPECT_LE(spool->bytes(), options_.max_bytes);
    uint64_t on_disk = 0;
    for (const auto& file : files()) on_disk += fs::file_size(file);
    EXPECT_EQ(on_disk, spool->bytes());
    const std::vector<int> left = drain(*spool, 10'000);
    ASSERT_FALSE(left.empty());
    EXPECT_EQ(left, numbers(left.front(), 100)) << "the newest are kept, without a gap";
    EXPECT_EQ(lost_[0] + lost_[1] + lost_[2], static_cast<uint64_t>(left.front()) * 10);
    for (uint8_t process = 0; process < 3; ++process) {
        uint64_t dropped = 0;
        for (int n = 0; n < left.front(); ++n) dropped += n % 3 == process ? 10 : 0;
        EXPECT_EQ(lost_[process], dropped);
    }
}

TEST_F(SpoolTest, does_not_report_a_dropped_record_that_is_in_flight) {
    options_.max_bytes = 200'000;
    options_.file_bytes = 1 << 16;
    const auto spool = open();
    ASSERT_TRUE(append(*spool, 0, 60'000, 5));
    const auto record = spool->take();
    for (int n = 1; n < 10; ++n) ASSERT_TRUE(append(*spool, n, 60'000, 1));
    EXPECT_EQ(lost_[5], 0u) << "its sender knows it";
    EXPECT_FALSE(spool->give_back(record->ticket)) << "and learns that it is gone";
    spool->finish(record->ticket);
}

TEST_F(SpoolTest, refuses_what_is_larger_than_all_of_it) {
    options_.max_bytes = 100'000;
    const auto spool = open();
    ASSERT_TRUE(append(*spool, 1));
    EXPECT_FALSE(append(*spool, 2, 200'000));
    EXPECT_THAT(spool->error(), HasSubstr("larger than the whole spool"));
    EXPECT_EQ(drain(*spool), (std::vector<int>{1}));
}

TEST_F(SpoolTest, cuts_a_torn_end_wherever_it_tears) {
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n, 100));
    }
    const fs::path file = files().at(0);
    const auto whole = fs::file_size(file);
    ASSERT_EQ(whole % 3, 0u);
    const fs::path copy = directory_ / "copy";
    fs::copy_file(file, copy);
    for (uint64_t size = whole / 3 * 2; size < whole; ++size) {
        fs::copy_file(copy, file, fs::copy_options::overwrite_existing);
        fs::resize_file(file, size);
        const auto spool = open();
        EXPECT_EQ(spool->bytes(), whole / 3 * 2) << size;
        EXPECT_EQ(spool->damaged(), 0u);
        EXPECT_EQ(drain(*spool, 100), numbers(0, 2)) << size;
    }
    EXPECT_TRUE(lost_.empty());
}

TEST_F(SpoolTest, a_flipped_bit_costs_one_record_at_most_and_that_is_counted) {
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n, 40));
    }
    const fs::path file = files().at(0);
    std::string whole(fs::file_size(file), '\0');
    std::ifstream(file, std::ios::binary).read(whole.data(), static_cast<std::streamsize>(whole.size()));
    const size_t record = whole.size() / 3;
    size_t costly = 0;
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
        std::string damaged = whole;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
        std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
        lost_.clear();
        const auto spool = open();
        std::vector<int> expected = numbers(0, 3);
        const std::vector<int> left = drain(*spool, 40);
        if (left == expected) {
            EXPECT_EQ(spool->damaged(), 0u) << "bit " << bit;
            EXPECT_EQ(lost_[1], 0u) << "bit " << bit;
            continue;
        }
        ++costly;
        expected.erase(expected.begin() + static_cast<int>(bit / 8 / record));
        EXPECT_EQ(left, expected) << "bit " << bit;
        EXPECT_EQ(spool->damaged(), 1u) << "bit " << bit;
        EXPECT_EQ(lost_[1], 10u) << "bit " << bit << ": it is known whose spans are lost";
    }
    EXPECT_EQ(costly, 3 * request(0, 40).size() * 8) << "those of the requests; a header is mended from the tail";
}

TEST_F(SpoolTest, mends_a_header_and_keeps_what_was_finished) {
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n));
        spool->finish(spool->take()->ticket);
    }
    std::fstream stream(files().at(0), std::ios::binary | std::ios::in | std::ios::out);
    stream.put('?');
    stream.close();
    const auto spool = open();
    EXPECT_EQ(drain(*spool), numbers(1, 3));
    EXPECT_EQ(spool->damaged(), 0u);
}

TEST_F(SpoolTest, steps_over_a_record_whose_header_and_tail_are_damaged) {
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n));
    }
    const fs::path file = files().at(0);
    const auto record = static_cast<std::streamoff>(fs::file_size(file) / 3);
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(record).put('?');
    stream.seekp(2 * record - 1).put('?');  // in the last share of its tail
    stream.close();
    const auto spool = open();
    EXPECT_EQ(drain(*spool), (std::vector<int>{0, 2}));
    EXPECT_EQ(spool->damaged(), 1u);
    EXPECT_TRUE(lost_.empty()) << "whose spans they were nobody knows any more";
}

TEST_F(SpoolTest, finds_no_record_inside_a_request) {
    // A process may write what looks like a record into an attribute.
    std::string forged;
    {
        const auto spool = open();
        ASSERT_TRUE(append(*spool, 1, 100));
        std::ifstream in(files().at(0), std::ios::binary);
        forged.assign(std::istreambuf_iterator<char>(in), {});
        drain(*spool, 100);
    }
    {
        const auto spool = open();
        const Spool::Share share{{1}, 1};
        const std::string padded = std::string(8, 'x') + forged;
        const std::span<const uint8_t> slice = readable(padded);
        ASSERT_TRUE(spool->append({&share, 1}, {&slice, 1}));
        ASSERT_TRUE(append(*spool, 2, 100));
    }
    const fs::path path = files().at(0);
    const auto second = static_cast<std::streamoff>(spool::record_size(1, request(2, 100).size()));
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.put('?');  // the magic of the record that holds it, and its tail
    file.seekp(static_cast<std::streamoff>(fs::file_size(path)) - second - 1).put('?');
    file.close();
    const auto spool = open();
    EXPECT_EQ(drain(*spool, 100), (std::vector<int>{2}));
    EXPECT_EQ(spool->damaged(), 1u);
}

TEST_F(SpoolTest, reports_a_file_that_cannot_be_written) {
    const auto spool = open();
    ASSERT_TRUE(append(*spool, 1));
    // The disk is "full": a limit on file size stands in for it.
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit tight{2000, before.rlim_max};
    const auto old = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    const bool taken = append(*spool, 2);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, old);
    EXPECT_FALSE(taken);
    EXPECT_THAT(spool->error(), HasSubstr("cannot write"));
    ASSERT_TRUE(append(*spool, 3)) << "and goes on when there is room again";
    EXPECT_EQ(drain(*spool), (std::vector<int>{1, 3}));
}

TEST_F(SpoolTest, belongs_to_one_agent_at_a_time) {
    const auto spool = open();
    try {
        open();
        ADD_FAILURE() << "two agents in one spool";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("used by another agent"));
        EXPECT_THAT(error.what(), HasSubstr(options_.directory));
    }
}

TEST_F(SpoolTest, says_what_is_wrong_with_its_directory) {
    options_.directory = "relative/path";
    EXPECT_THROW(open(), std::runtime_error);
    options_.directory = directory_ / "file";
    std::ofstream(options_.directory) << "x";
    EXPECT_THROW(open(), std::runtime_error);
}

TEST_F(SpoolTest, works_with_fsync) {
    options_.fsync = true;
    const auto spool = open();
    for (int n = 0; n < 5; ++n) ASSERT_TRUE(append(*spool, n));
    EXPECT_EQ(drain(*spool), numbers(0, 5));
}

// Whatever append() confirmed is there after kill -9, in order and whole.
TEST_F(SpoolTest, survives_kill_9_during_appends) {
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

// ---- Killed at each system call -------------------------------------------------------------------------------------

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

TEST_F(SpoolKillTest, has_what_was_appended_and_not_finished_wherever_it_is_killed) {
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

TEST_F(SpoolKillTest, with_fsync_syncs_each_record_and_each_new_file_before_it_confirms) {
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
