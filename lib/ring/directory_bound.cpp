// SPDX-License-Identifier: Apache-2.0
#include "ring/directory_bound.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ring/atomics.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {
namespace {

constexpr uint32_t kMostRemovals = 8;    // in one call
constexpr uint32_t kMostEntries = 4096;  // of a directory that are looked at

struct Entry {
    char name[kSegmentNameSize];
    uint64_t bytes;  // of memory
    uint64_t made;   // unix time, nanoseconds

    // Names make it a total order: each is tried once.
    bool is_older(const Entry& than) const {
        return made != than.made ? made < than.made : strcmp(name, than.name) < 0;
    }
};

bool look_at(int directory, uid_t user, const char* name, Entry& ret_entry) {
    struct stat status;
    if (!parse_segment_name(name, nullptr) || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (!S_ISREG(status.st_mode) || status.st_uid != user) return false;
    memcpy(ret_entry.name, name, kSegmentNameSize);
    ret_entry.bytes = static_cast<uint64_t>(status.st_blocks) * 512;
    ret_entry.made =
        static_cast<uint64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(status.st_mtim.tv_nsec);
    return true;
}

// Each segment of this user. Not readdir(), which allocates.
template <class Visit>
void each_entry(int directory, Visit&& visit) {
    constexpr size_t kRecordLength = 16, kName = 19;  // in struct linux_dirent64, getdents64(2)
    alignas(uint64_t) char records[320];              // little, of the caller's stack: one with the longest name fits
    if (lseek(directory, 0, SEEK_SET) != 0) return;
    const uid_t user = geteuid();
    uint32_t seen = 0;
    for (;;) {
        const long size = syscall(SYS_getdents64, directory, records, sizeof records);
        if (size <= 0) return;
        for (long at = 0; at < size;) {
            Entry entry;
            if (++seen > kMostEntries) return;
            if (look_at(directory, user, records + at + kName, entry)) visit(entry);
            uint16_t length;
            memcpy(&length, records + at + kRecordLength, sizeof length);
            at += length;
        }
    }
}

// Byte 0 is the process's, byte 1 the agent's (docs/shared-memory.md, 8).
struct flock lock_of(off_t byte) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    return lock;
}

bool is_free(int file, off_t byte) {
    struct flock lock = lock_of(byte);
    return fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

bool lock_for_drain(int file) {
    struct flock lock = lock_of(1);
    return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

// Never waits for whoever has a lease on it, and changes nothing.
int open_entry(int directory, const char* name) {
    return openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

bool read_all(int file, uint64_t offset, void* to, size_t size) {
    return pread(file, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

// Whether it is a whole segment of this layout, of that name, closed to others.
bool is_understood(int file, const char* name) {
    struct stat status;
    Header header;
    uint8_t instance[16];
    return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           (status.st_mode & 077) == 0 && status.st_nlink == 1 &&
           read_all(file, kHeaderOffset, &header, sizeof header) && header.magic == kMagic &&
           header.byte_order == kByteOrder && header.layout_major == kLayoutMajor &&
           (header.incompatible & ~kKnownIncompatible) == 0 && header.ready == kReady &&
           header.segment_size == static_cast<uint64_t>(status.st_size) && parse_segment_name(name, instance) &&
           memcmp(instance, header.instance_id, sizeof instance) == 0;
}

bool is_still(int directory, const char* name, int file) {
    struct stat there, opened;
    return fstatat(directory, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && fstat(file, &opened) == 0 &&
           there.st_ino == opened.st_ino && there.st_dev == opened.st_dev;
}

// Spans that were started, and are neither acknowledged nor dropped by the process itself. By its counters as they are:
// a kill in the middle of a count is one too few.
[[gnu::noinline]] uint64_t unacknowledged(int file) {
    WriterPage page;
    uint64_t resolved[2];  // the first of the totals; all of them would take too much of the caller's stack
    static_assert(offsetof(Totals, acknowledged) == 0 && offsetof(Totals, unfinished) == sizeof resolved[0]);
    if (!read_all(file, kWriterOffset, &page, sizeof page) ||
        !read_all(file, kControlOffset + offsetof(Control, totals), resolved, sizeof resolved))
        return 0;
    uint64_t started = 0, gone = resolved[0] + resolved[1];
    const auto add = [&](const uint64_t* line) {
        started += line[static_cast<uint32_t>(Counter::kStarted)];
        for (const Counter cause :
             {Counter::kDroppedFull, Counter::kDroppedTooBig, Counter::kDroppedNested, Counter::kDroppedOverwritten})
            gone += line[static_cast<uint32_t>(cause)];
    };
    add(page.shared_line);
    CounterLine lines[4];
    for (uint32_t line = 0; line < page.counter_lines && line < kCounterLines; line += 4) {
        if (!read_all(file, kCountersOffset + uint64_t{line} * kCounterLineSize, lines, sizeof lines)) break;
        for (const CounterLine& each : lines) add(each.values);
    }
    return started > gone ? started - gone : 0;
}

void count(WriterPage& own, Counter counter, uint64_t more) {
    // relaxed: numbers, which nothing is concluded from.
    StdAtomics::fetch_add(own.shared_line[static_cast<uint32_t>(counter)], more, std::memory_order_relaxed);
}

// False: it stays.
bool remove(int directory, const char* name, WriterPage& own) {
    const int file = open_entry(directory, name);
    if (file < 0) return false;
    // With the agent's lock no agent begins to drain it. It is asked for last: the file may have been another's.
    const bool goes =
        is_understood(file, name) && is_free(file, 0) && lock_for_drain(file) && is_still(directory, name, file);
    bool gone = false;
    if (goes) {
        count(own, Counter::kRemovedSpans, unacknowledged(file));
        count(own, Counter::kRemovedSegments, 1);
        SPR_TESTPOINT(removal_counted);
        gone = unlinkat(directory, name, 0) == 0;
    }
    close(file);
    return gone;
}

uint64_t default_bound(const struct statfs& file_system) {
    const uint64_t quarter = file_system.f_blocks * static_cast<uint64_t>(file_system.f_bsize) / 4;
    return quarter < kDirectoryBound ? quarter : kDirectoryBound;
}

// Apart, as what follows: the names that they read would lie on the stack together.
[[gnu::noinline]] uint64_t memory_of_all(int directory) {
    uint64_t bytes = 0;
    each_entry(directory, [&](const Entry& entry) { bytes += entry.bytes; });
    return bytes;
}

// What may go: of the dead, understood, and no agent's. Others are passed over, so that they keep nothing from going.
struct Left {
    uint64_t bytes = 0;
    uint32_t count = 0;
    Entry oldest[kMostRemovals] = {};  // in order

    void add(const Entry& entry) {
        bytes += entry.bytes;
        uint32_t at = count < kMostRemovals ? count++ : kMostRemovals;
        for (; at != 0 && entry.is_older(oldest[at - 1]); --at)
            if (at < kMostRemovals) oldest[at] = oldest[at - 1];
        if (at < kMostRemovals) oldest[at] = entry;
    }
};

[[gnu::noinline]] void look_for_left(int directory, Left& left) {
    each_entry(directory, [&](const Entry& entry) {
        const int file = open_entry(directory, entry.name);
        if (file < 0) return;
        if (is_free(file, 0) && is_free(file, 1) && is_understood(file, entry.name)) left.add(entry);
        close(file);
    });
}

// io_bound: as it is meant, where nothing was said. False: all that anybody has there is less, and nothing needs to be
// looked at.
bool may_be_beyond(int directory, uint64_t& io_bound) {
    struct statfs file_system;
    if (fstatfs(directory, &file_system) != 0) return false;
    if (io_bound == 0) io_bound = default_bound(file_system);
    return (file_system.f_blocks - file_system.f_bfree) * static_cast<uint64_t>(file_system.f_bsize) > io_bound;
}

// Whether nobody looked within the last second; then this is a look. Of two that ask at once both may be told yes. The
// directory's access time says when, with a mark in it: by a time without one somebody just read it, and as often as
// they like.
bool begin_look(int directory) {
    constexpr long kMillisecond = 1'000'000, kSecond = 1'000'000'000, kMark = 743'081;
    timespec now;
    struct stat status;
    clock_gettime(CLOCK_REALTIME, &now);
    if (fstat(directory, &status) != 0) return false;
    const timespec& last = status.st_atim;
    const int64_t age = (int64_t{now.tv_sec} - int64_t{last.tv_sec}) * kSecond + now.tv_nsec - last.tv_nsec;
    // Later than now by more than is said below: the clock was set back.
    if (age < kSecond && age > -2 * kMillisecond && last.tv_nsec % kMillisecond == kMark) return false;
    // A little later than now, or this look's own read would change it.
    timespec times[2] = {{now.tv_sec, (now.tv_nsec / kMillisecond + 1) * kMillisecond + kMark}, {0, UTIME_OMIT}};
    if (times[0].tv_nsec >= kSecond) {
        ++times[0].tv_sec;
        times[0].tv_nsec -= kSecond;
    }
    futimens(directory, times);
    return true;
}

}  // namespace

void keep_directory_bound_at_times(int directory, uint64_t bound, WriterPage& own) {
    if (!may_be_beyond(directory, bound) || !begin_look(directory)) return;
    // Where more is to go than goes at once, the next one goes on: else more could come within a second than goes.
    const timespec times[2] = {{0, 0}, {0, UTIME_OMIT}};
    if (!keep_directory_bound(directory, bound, own)) futimens(directory, times);
}

bool keep_directory_bound(int directory, uint64_t bound, WriterPage& own) {
    if (!may_be_beyond(directory, bound) || memory_of_all(directory) <= bound) return true;
    Left left;
    look_for_left(directory, left);
    bool any = false;
    for (uint32_t i = 0; i < left.count && left.bytes > bound; ++i) {
        if (!remove(directory, left.oldest[i].name, own)) continue;
        left.bytes -= left.oldest[i].bytes;
        any = true;
    }
    return left.bytes <= bound || !any;
}

}  // namespace spanring::ring
