// SPDX-License-Identifier: Apache-2.0
//
// The birth of a segment, seen from outside: by its file, by another process, by a child.
#include "ring/segment_file.hpp"

#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring/runtime_directory.hpp"
#include "support/child_process.hpp"
#include "support/private_directory.hpp"

namespace spanring::ring {
namespace {

constexpr char kResource[] = "resource bytes";

int g_interrupted = 0;  // as many calls of posix_fallocate() are

class SegmentFileTest : public testing::Test {
protected:
    static constexpr uint32_t kExtents = 40;

    ~SegmentFileTest() override { unmap(); }

    int create(uint32_t extents = kExtents) {
        const int error =
            create_segment({extents, 1, reinterpret_cast<const uint8_t*>(kResource), sizeof kResource}, file_);
        if (error == 0) fence();
        return error;
    }
    // Its hole in a child ends below: ThreadSanitizer begins a thread there, whose stack is larger than the hole and
    // would come to lie across it.
    void fence() {
        constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
        fence_ = mmap(file_.base - kPage, kPage, PROT_NONE, kFlags, -1, 0);  // where nothing else is
    }
    void unmap() {
        if (file_.base != nullptr) munmap(file_.base, file_.size);
        file_.base = nullptr;
        if (fence_ != MAP_FAILED) munmap(fence_, kPage);
        fence_ = MAP_FAILED;
    }
    std::string name() const {
        char name[kSegmentNameSize];
        segment_name(file_.instance_id, name);
        return name;
    }
    std::string path() const { return directory_.path() + "/" + name(); }

    // Whether a process other than this one finds byte 0 locked.
    bool locked_for_another_process() const {
        const int status = test::status_of_child([&] {
            const int fd = open(path().c_str(), O_RDWR | O_CLOEXEC);
            struct flock lock = {};
            lock.l_type = F_WRLCK;
            lock.l_whence = SEEK_SET;
            lock.l_len = 1;
            if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0) return 2;
            return lock.l_type == F_UNLCK ? 0 : 1;
        });
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 2) << test::describe_status(status);
        return WIFEXITED(status) && WEXITSTATUS(status) == 1;
    }

    test::PrivateDirectory directory_;
    SegmentFile file_;
    void* fence_ = MAP_FAILED;
};

TEST_F(SegmentFileTest, AppearsUnderItsNameAloneAndWithoutItsTemporaryOne) {
    ASSERT_EQ(create(), 0);
    EXPECT_EQ(directory_.files(), std::vector<std::string>{name()});
    EXPECT_TRUE(parse_segment_name(name().c_str(), nullptr));
}

TEST_F(SegmentFileTest, IsItsOwnersAloneWhateverTheUmask) {
    const mode_t old = umask(0);
    const int error = create();
    umask(old);
    ASSERT_EQ(error, 0);
    struct stat status;
    ASSERT_EQ(stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
    EXPECT_EQ(status.st_uid, geteuid());
    EXPECT_EQ(status.st_nlink, 1u);
    EXPECT_EQ(static_cast<uint64_t>(status.st_size), segment_size(kExtents));
    EXPECT_LT(static_cast<uint64_t>(status.st_blocks) * 512, 4 * kExtentSize) << "sparse behind the first extents";
}

TEST_F(SegmentFileTest, IsCompleteWhenItIsThere) {
    ASSERT_EQ(create(), 0);
    Header header;
    const int fd = open(path().c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(pread(fd, &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
    EXPECT_EQ(header.magic, kMagic);
    EXPECT_EQ(header.layout_major, kLayoutMajor);
    EXPECT_EQ(header.layout_minor, kLayoutMinor);
    EXPECT_EQ(header.header_size, sizeof header);
    EXPECT_EQ(header.byte_order, kByteOrder);
    EXPECT_EQ(header.pointer_bits, sizeof(void*) * 8);
    EXPECT_EQ(header.compatible, kRingsBell | kRingsAtMark | kRestoresMemory);
    EXPECT_EQ(header.incompatible, 0u);
    EXPECT_EQ(header.segment_size, segment_size(kExtents));
    EXPECT_EQ(header.extent_limit, kExtents);
    EXPECT_EQ(header.full_policy, 1u);
    EXPECT_EQ(memcmp(header.instance_id, file_.instance_id, 16), 0);
    EXPECT_EQ(header.pid, static_cast<uint32_t>(getpid()));
    EXPECT_GT(header.created_unix_nano, uint64_t{1'600'000'000} * 1'000'000'000);
    EXPECT_NE(header.program[0], 0);
    EXPECT_EQ(header.ready, kReady);
    char resource[sizeof kResource];
    EXPECT_EQ(header.resource_size, sizeof resource);
    ASSERT_EQ(pread(fd, resource, sizeof resource, kResourceOffset), static_cast<ssize_t>(sizeof resource));
    EXPECT_STREQ(resource, kResource);
    uint32_t extents = 0;
    ASSERT_EQ(pread(fd, &extents, 4, kWriterOffset), 4);
    EXPECT_EQ(extents, 0u) << "none is taken";
    EXPECT_EQ(file_.extents, 2u);
    close(fd);
}

// A signal may end a posix_fallocate() on tmpfs, and what it had is given back.
TEST_F(SegmentFileTest, IsBornWhateverSignalsCome) {
    g_interrupted = 5;
    EXPECT_EQ(create(), 0);
    EXPECT_EQ(g_interrupted, 0);
    unmap();
    g_interrupted = 1'000'000;  // it waits for nobody
    EXPECT_EQ(create(), -EINTR);
    EXPECT_GT(std::exchange(g_interrupted, 0), 0);
    EXPECT_EQ(directory_.files().size(), 1u);
}

TEST_F(SegmentFileTest, IsNamedAfterTheProgramWhicheverThreadMakesIt) {
    char before[16] = {};
    prctl(PR_GET_NAME, before);
    prctl(PR_SET_NAME, "the program");
    const auto program = [&] {
        EXPECT_EQ(create(), 0);
        const std::string name = reinterpret_cast<const char*>(SegmentView(file_.base).header().program);
        unmap();
        return name;
    };
    EXPECT_EQ(program(), "the program");
    std::thread([&] {
        prctl(PR_SET_NAME, "a thread of it");
        EXPECT_EQ(program(), "the program");
    }).join();
    prctl(PR_SET_NAME, before);
}

TEST_F(SegmentFileTest, IsLockedAsLongAsItIsMappedThoughNoDescriptorIsLeft) {
    ASSERT_EQ(create(), 0);
    for (int fd = 3; fd < 64; ++fd) {  // none of the process's descriptors is the file
        char link[64], target[512] = {};
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) < 0) continue;
        EXPECT_EQ(strstr(target, directory_.path().c_str()), nullptr) << target;
    }
    EXPECT_TRUE(locked_for_another_process());
    const int fd = open(path().c_str(), O_RDWR | O_CLOEXEC);  // what drops a POSIX lock
    close(fd);
    EXPECT_TRUE(locked_for_another_process());
    const std::string kept = path();
    unmap();
    EXPECT_FALSE(locked_for_another_process());
}

TEST_F(SegmentFileTest, IsFreeTheMomentItsProcessIsKilledEvenWhileAChildLives) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t parent = fork();
    if (parent == 0) {
        alarm(test::kChildWatchdog);
        if (create() != 0) _exit(1);
        const pid_t child = fork();  // inherits descriptors, but neither the mapping nor the lock
        if (child == 0) {
            alarm(test::kChildWatchdog);
            pause();
            _exit(0);
        }
        const bool written =
            write(pipes[1], &child, sizeof child) == sizeof child && write(pipes[1], file_.instance_id, 16) == 16;
        if (!written) _exit(1);
        pause();
        _exit(0);
    }
    pid_t child = 0;
    ASSERT_EQ(read(pipes[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    ASSERT_EQ(read(pipes[0], file_.instance_id, 16), 16);
    EXPECT_TRUE(locked_for_another_process());
    kill(parent, SIGKILL);
    test::wait_status(parent);
    EXPECT_FALSE(locked_for_another_process());
    kill(child, SIGKILL);
    close(pipes[0]);
    close(pipes[1]);
}

TEST_F(SegmentFileTest, IsNotMappedInAChild) {
    ASSERT_EQ(create(), 0);
    unsigned char resident;
    ASSERT_EQ(mincore(file_.base, kPage, &resident), 0) << "mapped here";
    const int status =
        test::status_of_child([&] { return mincore(file_.base, kPage, &resident) == -1 && errno == ENOMEM ? 0 : 1; });
    EXPECT_EQ(status, 0) << test::describe_status(status);
}

TEST_F(SegmentFileTest, TheHoleInAChildIsCoveredByScratchMemory) {
    ASSERT_EQ(create(), 0);
    const std::string file = path();
    const int status = test::status_of_child([&] {
        cover_hole(file_.base, file_.size);
        memset(file_.base, 0xff, kPage);  // what an interrupted call may go on to do
        Header header;
        const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
        return pread(fd, &header, sizeof header, 0) == sizeof header && header.magic == kMagic ? 0 : 1;
    });
    EXPECT_EQ(status, 0) << test::describe_status(status);
}

TEST_F(SegmentFileTest, AHoleThatSomebodyElseFilledIsLeftAlone) {
    ASSERT_EQ(create(), 0);
    const int status = test::status_of_child([&] {
        void* theirs =
            mmap(file_.base, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (theirs != file_.base) return 2;
        memset(theirs, 0x5a, kPage);
        cover_hole(file_.base, file_.size);
        return file_.base[0] == 0x5a && file_.base[kPage - 1] == 0x5a ? 0 : 1;
    });
    EXPECT_EQ(status, 0) << test::describe_status(status);
}

TEST_F(SegmentFileTest, TwoSegmentsOfOneProcessHaveDifferentNames) {
    ASSERT_EQ(create(), 0);
    SegmentFile other;
    ASSERT_EQ(create_segment({1, 0, nullptr, 0}, other), 0);
    EXPECT_EQ(directory_.files().size(), 2u);
    munmap(other.base, other.size);
}

TEST_F(SegmentFileTest, ADirectoryThatIsOpenToOthersIsRefusedAndNothingIsLeft) {
    ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
    EXPECT_EQ(create(), -EACCES);
    EXPECT_EQ(file_.base, nullptr);
    EXPECT_TRUE(directory_.files().empty());
}

TEST_F(SegmentFileTest, ALimitOfTheProcessOnFileSizesIsAnErrorAndNoSignal) {
    const int status = test::status_of_child([&] {
        const rlimit limit{kPage, kPage};
        setrlimit(RLIMIT_FSIZE, &limit);
        return create() == -EFBIG && file_.base == nullptr ? 0 : 1;
    });
    EXPECT_EQ(status, 0) << test::describe_status(status);
    EXPECT_TRUE(directory_.files().empty());
}

}  // namespace

bool is_interrupted() { return g_interrupted != 0 && g_interrupted-- != 0; }

}  // namespace spanring::ring

// In place of libc's.
int posix_fallocate(int file, off_t from, off_t size) {
    if (spanring::ring::is_interrupted()) return EINTR;
    return fallocate(file, 0, from, size) == 0 ? 0 : errno;
}
