// SPDX-License-Identifier: Apache-2.0
// spanring 0.2.0: libspanring, the client library, in one file. Made by tools/amalgamate from the sources of that version;
// spanring.h, which belongs to it, says how it is used.

#if defined(__linux__) && !defined(SPR_ELSEWHERE)

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "spanring.cpp needs C++17 or later"
#endif
#if __cplusplus < 202002L
#define constinit  // a check of C++20's, and no more: what has it is initialised by constants
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wc++20-attribute-extensions"
#endif
#endif

#define SPR_ONE_FILE
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string_view>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <type_traits>
#include <unistd.h>

// Nothing of it is seen from outside but what spanring.h declares.
#pragma GCC visibility push(hidden)

#include "spanring.h"

// ---- lib/ring/runtime_directory.hpp ----------------------------------------------------------------------------------

//
// Where segments live: one directory of one user, chosen the same way by the library and by the agent, and the names of
// the files in it. Both sides; libc only, no exceptions, no allocation, thread-safe as far as the environment is.
//
// Invariant: an opened runtime directory is a directory (never reached through a symbolic link), owned by the effective
// user, closed to everybody else, on tmpfs unless $SPANRING_DIR names it.

namespace spanring::ring {

inline constexpr size_t kRuntimePathSize = 256;  // with its NUL; a longer one is -ENAMETOOLONG

// In the order of choice.
enum class RuntimeDirectory : uint32_t {
    kExplicit,  // $SPANRING_DIR: when set it is the only one, on any file system
    kPackage,   // /run/spanring/<uid>, where the package made it
    kSession,   // $XDG_RUNTIME_DIR/spanring, where $XDG_RUNTIME_DIR is the user's own, on tmpfs
    kShared,    // /dev/shm/spanring-<uid>
    kCount
};

// The path of one kind, without looking at the file system. Errors: -ENOENT (its variable is not set, or is not
// consulted because $SPANRING_DIR is set), -EINVAL (the variable is not an absolute path), -ENAMETOOLONG.
int runtime_directory_path(RuntimeDirectory kind, char* ret_path, size_t size);

// Opens and checks the directory of one kind. `create`: make it (0700) where it is missing; the one of the package is
// never made. Errors: those above, -ENOENT (missing), -ENOTDIR and -ELOOP (not a directory, a symbolic link), -EPERM
// (another owner), -EACCES (open to others), -EMEDIUMTYPE (not tmpfs), or of mkdir and open.
int open_runtime_directory_kind(RuntimeDirectory kind, bool create, char* ret_path, size_t size, int* ret_fd);

// Opens and checks a directory that somebody else chose (the agent's configuration). Errors: those above.
int open_checked_directory(const char* path, bool create, bool any_file_system, int* ret_fd);

// The first one that is there or can be made. Returns 0; *ret_fd is O_DIRECTORY | O_CLOEXEC. One that is there but
// fails its check is an error and not passed over: it would split the host's segments between two places.
int open_runtime_directory(char* ret_path, size_t size, int* ret_fd);

// "<32 hex>.spr", and ".<32 hex>.tmp" while it is being made. Each has room for its NUL.
inline constexpr size_t kSegmentNameSize = 32 + 4 + 1;
inline constexpr size_t kTemporaryNameSize = 1 + 32 + 4 + 1;
inline constexpr size_t kSegmentPathSize = kRuntimePathSize + kSegmentNameSize;
void segment_name(const uint8_t instance_id[16], char ret_name[kSegmentNameSize]);
void temporary_name(const uint8_t instance_id[16], char ret_name[kTemporaryNameSize]);

// Whether a file's name is one of these (and which instance it names; ret may be nullptr).
bool parse_segment_name(const char* name, uint8_t ret_instance_id[16]);
bool parse_temporary_name(const char* name, uint8_t ret_instance_id[16]);

}  // namespace spanring::ring

// ---- lib/ring/bell.hpp -----------------------------------------------------------------------------------------------

//
// How a process wakes the agent: it opens its own segment's file for writing and closes it again, of which the kernel
// tells whoever watches the directory. Nothing is kept, nothing is waited for, nobody has to be there, and no signal
// can come of it. Where the file is out of reach by now (another root or user, no descriptor left) nothing is rung: the
// agent looks at every process from time to time.
//
// The liveness lock stays: it is of another open file description. COLD, and for a signal handler as well.

namespace spanring::ring {

class Bell {
public:
    // Where the segment's path is put, before the first ring. Empty: nothing is rung.
    char* path() { return path_; }

    // Any thread. Keeps errno.
    void ring() const;

private:
    char path_[kSegmentPathSize] = {};
};

}  // namespace spanring::ring

// ---- lib/ring/bell.cpp -----------------------------------------------------------------------------------------------

namespace spanring::ring {

void Bell::ring() const {
    if (path_[0] == '\0') return;
    const int before = errno;
    // Not the functions of libc, at which a thread may be cancelled.
    const long file =
        syscall(SYS_openat, AT_FDCWD, path_, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (file >= 0) syscall(SYS_close, file);
    errno = before;
}

}  // namespace spanring::ring

// ---- lib/ring/atomics.hpp --------------------------------------------------------------------------------------------

//
// The atomic operations of the ring core, as a parameter: production code uses StdAtomics; a test passes its own type
// that steps, schedules or crashes at each access, or names a header that defines another StdAtomics, for what has no
// parameter.

#ifdef SPR_TEST_ATOMICS
#include SPR_TEST_ATOMICS
#else

namespace spanring::ring {

// By the compiler's own operations: std::atomic_ref is of C++20, and who embeds the library may be at C++17.
struct StdAtomics {
    static_assert(__atomic_always_lock_free(sizeof(uint64_t), nullptr) &&
                      __atomic_always_lock_free(sizeof(uint32_t), nullptr),
                  "words shared between processes must be address-free");

    template <class T>
    static T load(const T& word, std::memory_order order) {
        return __atomic_load_n(&word, static_cast<int>(order));
    }
    template <class T>
    static void store(T& word, T value, std::memory_order order) {
        __atomic_store_n(&word, value, static_cast<int>(order));
    }
    template <class T>
    static bool compare_exchange(T& word, T& expected, T desired, std::memory_order success) {
        return __atomic_compare_exchange_n(&word, &expected, desired, false, static_cast<int>(success),
                                           __ATOMIC_RELAXED);
    }
    template <class T>
    static T fetch_add(T& word, T value, std::memory_order order) {
        return __atomic_fetch_add(&word, value, static_cast<int>(order));
    }
    template <class T>
    static T fetch_or(T& word, T bits, std::memory_order order) {
        return __atomic_fetch_or(&word, bits, static_cast<int>(order));
    }
    template <class T>
    static T fetch_and(T& word, T bits, std::memory_order order) {
        return __atomic_fetch_and(&word, bits, static_cast<int>(order));
    }
    template <class T>
    static T fetch_xor(T& word, T bits, std::memory_order order) {
        return __atomic_fetch_xor(&word, bits, static_cast<int>(order));
    }
    // No store that follows is made before one that precedes, by the compiler: all that a kill, which lands between two
    // instructions, needs. To the hardware it is nothing.
    static void keep_order() { std::atomic_signal_fence(std::memory_order_release); }
};

}  // namespace spanring::ring

#endif

// ---- lib/ring/clock.hpp ----------------------------------------------------------------------------------------------

//
// Time for spans: CLOCK_REALTIME nanoseconds at the price of one counter read.
//
// Where the kernel's own clocksource is the time-stamp counter, so is ours; elsewhere the ticks are nanoseconds of
// CLOCK_MONOTONIC (vDSO). The rate is measured against CLOCK_MONOTONIC from the first use of the library on, so its
// error shrinks as the process lives. Each thread holds an anchor (ticks and CLOCK_REALTIME at one instant) for at most
// 10 ms, less while the rate is young: a step of the wall clock is followed, and the error stays below 1 us.
//
// An anchor and the rate come from pairs: a clock, read between two readings of the counter. Of several tries the
// narrowest is kept, and tries go on, up to a bound, until one is narrow enough: a thread that loses its processor in
// the middle of one makes another. So the bound does not hold where that happens to each of kMostTries tries in a row.
//
// Never rdtscp, never a fence: the order of two reads within some ten nanoseconds does not matter to a span.

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

namespace spanring::ring {

class Clock {
public:
    static constexpr uint64_t kAnchorLifetime = 10'000'000;  // nanoseconds

    struct Anchor {  // one a thread and signal level
        uint64_t ticks = 0;
        uint64_t unix_nano = 0;
        uint64_t lifetime = 0;  // ticks; 0: none yet
    };

    // COLD, once: looks at the kernel's clocksource, measures the rate for some 20 us. What it found holds in children.
    void start();

    uint64_t ticks() const {
#if defined(__x86_64__) || defined(__i386__)
        if (counter_) [[likely]]
            return __rdtsc();
#elif defined(__aarch64__)
        if (counter_) [[likely]] {
            uint64_t value;
            asm volatile("mrs %0, cntvct_el0" : "=r"(value));
            return value;
        }
#endif
        return read(CLOCK_MONOTONIC);
    }

    // HOT. Whether there is a counter, which takes no call to read.
    bool has_counter() const { return counter_; }
    // HOT. Whether the next two need no measurement, nor more than one multiplication: soon().
    static bool is_fresh(const Anchor& anchor, uint64_t now) { return now - anchor.ticks < anchor.lifetime; }
    bool is_measured(uint64_t ticks) const { return ticks >> 31 == 0 && covers(ticks); }
    // HOT. Whether nanoseconds() needs no measurement: it lasted no longer than what the rate was measured over. False
    // of what ended before it began.
    bool covers(uint64_t ticks) const {
        // relaxed: as in duration().
        return ticks <= StdAtomics::load(measured_ticks_, std::memory_order_relaxed);
    }

    // HOT except for one call in 10 ms.
    uint64_t unix_nano(Anchor& anchor, uint64_t now) {
        if (!is_fresh(anchor, now)) [[unlikely]]
            return renew(anchor, now);
        return anchor.unix_nano + soon(now - anchor.ticks);
    }

    // HOT except where the duration is longer than what the rate was measured over: then it is measured again first, or
    // the error of a young rate would be multiplied.
    uint64_t duration(uint64_t ticks) {
        // relaxed: any recent value; a measurement too many does no harm.
        if (counter_ && ticks > StdAtomics::load(measured_ticks_, std::memory_order_relaxed)) [[unlikely]]
            measure(pair(CLOCK_MONOTONIC));
        return nanoseconds(ticks);
    }

    // Of fewer than 2^31 ticks, as an anchor's lifetime is: half a second at 4 GHz.
    uint64_t soon(uint64_t ticks) const {
        // relaxed: any recent rate will do. rate < 2^33: a counter of at least 0.5 GHz.
        return (ticks * StdAtomics::load(rate_, std::memory_order_relaxed)) >> 32;
    }
    uint64_t nanoseconds(uint64_t ticks) const {
        if (ticks >> 31 == 0) [[likely]]
            return soon(ticks);
        const uint64_t rate = StdAtomics::load(rate_, std::memory_order_relaxed);  // any recent rate will do
        return (ticks >> 32) * rate + (((ticks & 0xffffffff) >> 8) * rate >> 24);
    }

    static uint64_t read(clockid_t clock) {
        timespec time;
        clock_gettime(clock, &time);
        return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
    }

    struct Pair {  // at one instant, within half the width of the try
        uint64_t ticks;
        uint64_t nanoseconds;
    };
    static constexpr int kLeastTries = 3;
    static constexpr int kMostTries = 8;

    // COLD. `narrow`: whether a try of that many ticks is good enough.
    template <class Ticks, class Time, class Narrow>
    static Pair narrowest_pair(Ticks ticks, Time time, Narrow narrow) {
        Pair best{};
        uint64_t narrowest = ~uint64_t{0};
        for (int i = 0; i < kLeastTries || (i < kMostTries && !narrow(narrowest)); ++i) {
            const uint64_t before = ticks();
            const uint64_t read = time();
            const uint64_t width = ticks() - before;
            if (width < narrowest) {
                narrowest = width;
                best = {before + width / 2, read};
            }
        }
        return best;
    }

private:
    Pair pair(clockid_t clock) const;
    uint64_t renew(Anchor& anchor, uint64_t now);  // returns the time of `now`
    bool measure(Pair monotonic);                  // false: no usable rate

    bool counter_ = false;
    Pair origin_{};
    alignas(8) uint64_t measured_ticks_ = 0;  // what rate_ was measured over
    alignas(8) uint64_t rate_ = 0;  // nanoseconds a tick, 32 fractional bits; start() sets it. Zero: all state is in
                                    // .bss
};

}  // namespace spanring::ring

// ---- lib/ring/clock.cpp ----------------------------------------------------------------------------------------------

namespace spanring::ring {
namespace {

constexpr uint64_t kFirstMeasurement = 20'000;  // nanoseconds
// An anchor may live this many times as long as the rate has been measured: with pairs good to 50 ns the rate's share
// of the error stays below 0.5 us.
constexpr uint64_t kTrust = 8;
constexpr uint64_t kNarrow = 500;  // nanoseconds of a try: good to half of that. clock_gettime() takes some 30

bool kernel_trusts_counter() {
#if defined(__x86_64__) || defined(__i386__)
    constexpr char kName[] = "tsc\n";
#else
    constexpr char kName[] = "arch_sys_counter\n";
#endif
    char name[32] = {};
    const int file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const ssize_t size = ::read(file, name, sizeof name - 1);
    close(file);
    return size > 0 && strcmp(name, kName) == 0;
}

}  // namespace

Clock::Pair Clock::pair(clockid_t clock) const {
    // Before the first rate nothing is known to be narrow: relaxed, as in soon().
    const bool known = StdAtomics::load(rate_, std::memory_order_relaxed) != 0;
    return narrowest_pair([this] { return ticks(); }, [clock] { return read(clock); },
                          [this, known](uint64_t width) { return known && nanoseconds(width) <= kNarrow; });
}

void Clock::start() {
    counter_ = kernel_trusts_counter();
    if (counter_) {
        origin_ = pair(CLOCK_MONOTONIC);
        Pair now = origin_;
        while (now.nanoseconds - origin_.nanoseconds < kFirstMeasurement) now = pair(CLOCK_MONOTONIC);
        if (measure(now)) return;
        counter_ =
            false;  // slower than 0.5 GHz (many aarch64 counters), or standing still: the vDSO's clock is right there
    }
    origin_ = pair(CLOCK_MONOTONIC);
    StdAtomics::store(rate_, uint64_t{1} << 32, std::memory_order_relaxed);  // a tick is a nanosecond; see measure()
}

bool Clock::measure(Pair monotonic) {
    const uint64_t ticks = monotonic.ticks - origin_.ticks;
    const uint64_t elapsed = monotonic.nanoseconds - origin_.nanoseconds;
    if (ticks == 0 || elapsed == 0) return false;
    // elapsed << 32 does not fit for long; the quotient of doubles is exact to 2^-53, better than the pairs are.
    const double rate = static_cast<double>(elapsed) / static_cast<double>(ticks) * 4294967296.0;
    if (rate < 1.0 || rate >= 8589934592.0) return false;
    // relaxed: single values; a reader may use the ones before.
    StdAtomics::store(measured_ticks_, ticks, std::memory_order_relaxed);
    StdAtomics::store(rate_, static_cast<uint64_t>(rate), std::memory_order_relaxed);
    return true;
}

uint64_t Clock::renew(Anchor& anchor, uint64_t now) {
    uint64_t lifetime = kAnchorLifetime;
    if (counter_) {
        const Pair monotonic = pair(CLOCK_MONOTONIC);
        measure(monotonic);
        const uint64_t measured = monotonic.nanoseconds - origin_.nanoseconds;
        if (measured < kAnchorLifetime / kTrust) lifetime = measured * kTrust;
    }
    const Pair wall = pair(CLOCK_REALTIME);
    const uint64_t rate = StdAtomics::load(rate_, std::memory_order_relaxed);
    anchor.ticks = wall.ticks;
    anchor.unix_nano = wall.nanoseconds;
    anchor.lifetime = (lifetime << 32 >> 4) / (rate >> 4 == 0 ? 1 : rate >> 4);
    // The reading is older than the anchor that was made for it, by whatever came between. To take the anchor's time
    // for it would put the start of a span, and with it its end, so much too late.
    const uint64_t behind = wall.ticks - now;
    return static_cast<int64_t>(behind) >= 0 ? wall.nanoseconds - nanoseconds(behind)
                                             : wall.nanoseconds + soon(now - wall.ticks);
}

}  // namespace spanring::ring

// ---- lib/ring/layout.hpp ---------------------------------------------------------------------------------------------

//
// The shared memory of one process, byte for byte: what docs/shared-memory.md draws, as structs.
//
// Invariants: explicitly-sized types only; every 64-bit field 8-aligned on every architecture; zeroed memory means
// "free, empty, none"; reserved bytes are written zero and ignored when read. The geometry is part of the layout
// version: a reader computes every place from these constants, an index and the kind of an extent, never from a pointer
// or offset found in the segment.

namespace spanring::ring {

// ---- Versions -------------------------------------------------------------------------------------------------------

inline constexpr uint64_t kMagic = 0x474e49524e415053;  // "SPANRING" as little-endian bytes
inline constexpr uint16_t kLayoutMajor = 4;             // another major: leave the segment alone
inline constexpr uint16_t kLayoutMinor = 0;             // a newer minor only adds; compatible
inline constexpr uint32_t kByteOrder = 0x01020304;
inline constexpr uint64_t kKnownIncompatible = 0;  // flags of this kind that this code understands
inline constexpr uint64_t kRingsBell = 1;          // compatible: told that the agent sleeps, the process wakes it
inline constexpr uint64_t kRestoresMemory = 2;     // compatible: its writers make an extent whole whose memory went
inline constexpr uint64_t kRingsAtMark = 4;        // compatible: it wakes the agent at Control::bell_mark
inline constexpr uint32_t kReady = 0x59444552;     // stored last, with release

// ---- Geometry -------------------------------------------------------------------------------------------------------

inline constexpr uint64_t kPage = 4096;

inline constexpr uint64_t kHeaderOffset = 0x0000;    // written once, before ready
inline constexpr uint64_t kControlOffset = 0x1000;   // written by the agent
inline constexpr uint64_t kWriterOffset = 0x3000;    // written by the process
inline constexpr uint64_t kResourceOffset = 0x4000;  // written once: OTLP bytes of resource.v1.Resource
inline constexpr uint64_t kResourceSize = 0x3000;
inline constexpr uint64_t kScopesOffset = 0x7000;  // append only: the first scopes
inline constexpr uint64_t kScopesSize = 0x4000;
inline constexpr uint64_t kCountersOffset = 0xb000;  // one line a writer (thread and signal level)
inline constexpr uint32_t kCounterLines = 1024;
inline constexpr uint32_t kCounterLineSize = 128;
inline constexpr uint64_t kCountersSize = uint64_t{kCounterLines} * kCounterLineSize;
inline constexpr uint32_t kCounterLinesPerPage = kPage / kCounterLineSize;

// The memory of open spans and finished ones comes in extents. Each is of one kind, chosen when it is taken.
inline constexpr uint64_t kExtentSize = 0x10000;         // 64 KiB
inline constexpr uint32_t kMaxExtents = 16384;           // 1 GiB
inline constexpr uint64_t kExtentWordsOffset = 0x2b000;  // one ExtentWord an extent
inline constexpr uint64_t kExtentWordsSize = kMaxExtents * sizeof(uint64_t);

// More scopes, where those do not fit into the first region: a hole until then, page by page. In a segment that has all
// of its memory from the beginning it stays one.
inline constexpr uint64_t kMoreScopesOffset = 0x4b000;
inline constexpr uint64_t kMoreScopesSize = 0x100000;

// What is said about the huge places (below): a hole until there is a span that needs one.
inline constexpr uint64_t kHugeLinesOffset = 0x14b000;  // one chunk line each, written by the process
inline constexpr uint64_t kHugeWordsOffset = 0x14b800;  // one ExtentWord each
inline constexpr uint64_t kHugeMarksOffset = 0x14c000;  // one acknowledged mark each, written by the agent

// Extents lie in groups, each behind a head: what is said about the chunks of its extents, on pages of its own, so that
// all pages of an extent can be given back.
inline constexpr uint64_t kGroupsOffset = 0x14d000;
inline constexpr uint32_t kExtentsPerGroup = 32;
inline constexpr uint64_t kMarksOffset = 0x0000;  // in the head: acknowledged marks, written by the agent
inline constexpr uint64_t kLinesOffset = 0x1000;  // in the head: chunk lines, written by the process
inline constexpr uint64_t kGroupHeadSize = 0x9000;
inline constexpr uint64_t kGroupSize = kGroupHeadSize + kExtentsPerGroup * kExtentSize;

// The parts of an extent, by its kind.
inline constexpr uint32_t kSlotSize = 1216;                           // an open span
inline constexpr uint32_t kSlotsPerExtent = kExtentSize / kSlotSize;  // 53
inline constexpr uint32_t kSlotNumbers = 64;                          // that an extent has
inline constexpr uint32_t kBlockClasses = 4;                          // sizes of blocks: more room for an open span
inline constexpr uint32_t kBlockUnit = 2048;                          // the smallest; the others are so many of these
inline constexpr uint32_t kBlockNumbers = kExtentSize / kBlockUnit;   // that an extent has
constexpr uint32_t block_size(uint32_t block_class) {                 // of class 1 to kBlockClasses
    constexpr uint32_t kSizes[kBlockClasses] = {kBlockUnit, 4096, 16384, kExtentSize};
    return kSizes[block_class - 1];
}
inline constexpr uint32_t kSmallChunk = 4096;   // a thread's first, and every one where there are many writers
inline constexpr uint32_t kLargeChunk = 16384;  // every later one
inline constexpr uint32_t kJumboChunk = 65536;  // spans larger than a large chunk, or when no large one is left
inline constexpr uint32_t kChunksPerExtent =
    kExtentSize / kSmallChunk;  // numbers that an extent has; the most it holds

static_assert(kKnownIncompatible == 0 && kScopesOffset + kScopesSize == kCountersOffset);
static_assert(kCountersOffset + kCountersSize == kExtentWordsOffset);
static_assert(kExtentWordsOffset + kExtentWordsSize == kMoreScopesOffset);
static_assert(kMoreScopesOffset + kMoreScopesSize == kHugeLinesOffset);
static_assert(kMarksOffset + uint64_t{kExtentsPerGroup} * kChunksPerExtent * 8 == kLinesOffset);
static_assert(kLinesOffset + uint64_t{kExtentsPerGroup} * kChunksPerExtent * 64 == kGroupHeadSize);
static_assert(kJumboChunk == kExtentSize && kSlotsPerExtent <= kSlotNumbers);

inline constexpr uint64_t group_offset(uint32_t group) { return kGroupsOffset + uint64_t{group} * kGroupSize; }
inline constexpr uint64_t extent_offset(uint32_t extent) {
    return group_offset(extent / kExtentsPerGroup) + kGroupHeadSize + extent % kExtentsPerGroup * kExtentSize;
}

// Behind the last extent: room for spans that are larger than an extent. Each place has a size and a use of its own, is
// a hole until it is used, and is numbered as an extent, after all that there could be. The first half is more room for
// open spans, the other holds finished ones.
inline constexpr uint32_t kFirstHuge = kMaxExtents;
inline constexpr uint32_t kHugePlaces = 32;
inline constexpr uint32_t kHugeBlocks = kHugePlaces / 2;
inline constexpr uint64_t kHugeBlocksSize = 8 * (256u << 10) + 4 * (1u << 20) + 4 * (3584u << 10);
inline constexpr uint64_t kHugeSize = 2 * kHugeBlocksSize;
constexpr uint32_t huge_size(uint32_t place) {
    const uint32_t at = place % kHugeBlocks;
    if (at < 8) return 256u << 10;
    return at < 12 ? 1u << 20 : 3584u << 10;
}
constexpr uint64_t huge_offset(uint32_t place) {  // from where the groups end
    const uint32_t at = place % kHugeBlocks;
    const uint32_t smaller = at < 8    ? at * huge_size(0)
                             : at < 12 ? 8 * huge_size(0) + (at - 8) * huge_size(8)
                                       : 8 * huge_size(0) + 4 * huge_size(8) + (at - 12) * huge_size(12);
    return smaller + (place < kHugeBlocks ? 0 : kHugeBlocksSize);
}
static_assert(huge_offset(kHugePlaces - 1) + huge_size(kHugePlaces - 1) == kHugeSize);
constexpr bool huge_places_follow_each_other() {
    for (uint32_t place = 1; place < kHugePlaces; ++place)
        if (huge_offset(place) != huge_offset(place - 1) + huge_size(place - 1)) return false;
    return huge_offset(0) == 0;
}
static_assert(huge_places_follow_each_other());
static_assert(kHugeLinesOffset + kHugePlaces * 64 == kHugeWordsOffset);
static_assert(kHugeWordsOffset + kHugePlaces * 8 <= kHugeMarksOffset && kHugeMarksOffset + kPage == kGroupsOffset);

// The memory of the places that are named by a bit each, in extents.
constexpr uint32_t extents_of_huge(uint32_t places) {
    uint64_t bytes = 0;
    for (; places != 0; places &= places - 1) bytes += huge_size(static_cast<uint32_t>(__builtin_ctz(places)));
    return static_cast<uint32_t>(bytes / kExtentSize);
}

// `huge`: there are huge places.
inline constexpr uint64_t segment_size(uint32_t extents, bool huge = false) {
    return extent_offset(extents - 1) + kExtentSize + (huge ? kHugeSize : 0);
}

inline constexpr uint64_t extent_word_offset(uint32_t extent) {
    return extent < kFirstHuge ? kExtentWordsOffset + uint64_t{extent} * 8
                               : kHugeWordsOffset + uint64_t{extent - kFirstHuge} * 8;
}

// Parts are numbered through: chunk = extent * kChunksPerExtent + place, whatever their size; slots likewise. A block's
// number is that of its first unit.
inline constexpr uint32_t kFirstHugeChunk = kFirstHuge * kChunksPerExtent;
inline constexpr uint64_t chunk_line_offset(uint32_t chunk) {
    constexpr uint32_t kChunks = kExtentsPerGroup * kChunksPerExtent;
    if (chunk >= kFirstHugeChunk) return kHugeLinesOffset + uint64_t{chunk / kChunksPerExtent - kFirstHuge} * 64;
    return group_offset(chunk / kChunks) + kLinesOffset + uint64_t{chunk % kChunks} * 64;
}
inline constexpr uint64_t chunk_mark_offset(uint32_t chunk) {
    constexpr uint32_t kChunks = kExtentsPerGroup * kChunksPerExtent;
    if (chunk >= kFirstHugeChunk) return kHugeMarksOffset + uint64_t{chunk / kChunksPerExtent - kFirstHuge} * 8;
    return group_offset(chunk / kChunks) + kMarksOffset + uint64_t{chunk % kChunks} * 8;
}
inline constexpr uint64_t slot_offset(uint32_t slot) {
    return extent_offset(slot / kSlotNumbers) + uint64_t{slot % kSlotNumbers} * kSlotSize;
}
inline constexpr uint64_t block_offset(uint32_t block) {
    constexpr uint32_t kUnits = kExtentsPerGroup * kBlockNumbers;
    return group_offset(block / kUnits) + kGroupHeadSize + uint64_t{block % kUnits} * kBlockUnit;
}
// `capacity`: of every chunk of its extent, which is none of the huge places.
inline constexpr uint64_t chunk_offset(uint32_t chunk, uint32_t capacity) {
    return extent_offset(chunk / kChunksPerExtent) + uint64_t{chunk % kChunksPerExtent} * capacity;
}

// ---- Header ---------------------------------------------------------------------------------------------------------

// Read once at attach into memory of the reader, checked there, never read again.
struct alignas(8) Header {
    uint64_t magic;
    uint16_t layout_major;
    uint16_t layout_minor;
    uint32_t header_size;
    uint32_t byte_order;
    uint32_t pointer_bits;  // of the process; informational
    uint64_t compatible;    // unknown bit: carry on
    uint64_t incompatible;  // unknown bit: leave the segment alone
    uint64_t segment_size;  // bytes of the file, == segment_size(extent_limit, huge_places != 0)
    uint32_t extent_limit;
    uint32_t full_policy;     // SPR_FULL_*
    uint8_t instance_id[16];  // random; also the file's name
    uint64_t created_unix_nano;
    uint32_t pid;            // in the process's own namespace: informational
    uint32_t resource_size;  // bytes at kResourceOffset
    uint8_t program[64];     // what /proc/self/comm says, zero-padded: informational
    uint32_t huge_places;    // kHugePlaces, or 0: the file ends with the groups
    uint32_t reserved_word;
    uint64_t reserved[7];
    uint32_t schema_size;  // bytes after the resource: its schema URL, as text; 0: none
    uint32_t ready;        // kReady, stored last
};
static_assert(sizeof(Header) == 224 && offsetof(Header, segment_size) == 40 && offsetof(Header, instance_id) == 56);
static_assert(offsetof(Header, program) == 88 && offsetof(Header, ready) == 220 && sizeof(Header) <= kPage);

// ---- Control: written by the agent ----------------------------------------------------------------------------------

// What became of the committed and of the unfinished spans of this segment, for one exporter. Absolute, monotone.
inline constexpr uint32_t kExporterRows = 32;
struct alignas(8) ExporterTotals {
    uint64_t exporter;         // hash of its name; 0: row unused
    uint64_t exported;         // accepted by the backend
    uint64_t rejected;         // the backend will never take it (partial success, or a code that forbids a retry)
    uint64_t spooled;          // handed to the spool; what the spool does with them is booked in the agent's ledger
    uint64_t dropped_invalid;  // failed validation
    uint64_t dropped_spool;    // dropped{queue}: had to wait, and there was no room or no time left for it
    uint64_t elsewhere;        // acknowledged by agents that ran without this exporter
    uint64_t sampled_out;      // the agent decided against their traces
    uint64_t filtered;         // the agent was told to leave such spans out
    uint64_t reserved;
};
static_assert(sizeof(ExporterTotals) == 80);

struct alignas(8) Totals {
    uint64_t acknowledged;  // spans below the marks, all exporters done with them
    uint64_t unfinished;    // spans that were open when the process died, acknowledged since
    uint64_t reserved[2];
    ExporterTotals exporters[kExporterRows];
};
static_assert(sizeof(Totals) == 2592);

// A mark and the totals move together: armed, then both are stored, then cleared. A restarted agent that finds it armed
// stores both again (absolute values: doing it twice is harmless).
struct alignas(8) AckJournal {
    uint32_t armed;  // 1 a chunk's mark, 2 an open span's slot, 3 one that waited; stored last; 0: nothing to do
    uint32_t index;  // chunk, or slot
    uint64_t mark;   // the ChunkWord that its mark becomes; for a slot its generation
    Totals totals;
};
static_assert(sizeof(AckJournal) == 2608);

struct alignas(8) Control {
    uint64_t policy;       // PolicyBits; read by the writer in one load at each start. It takes kAsleep back
    uint64_t attachments;  // agents that ever attached; 0: none yet
    uint64_t freed;        // chunks ever freed, extents given back: who found none free looks again when it moved
    uint64_t flushed;      // the last WriterPage::flush_wanted that was served in full
    uint64_t bell_mark;  // WriterPage::claims with which the process wakes the agent, which looks seldom; 0: with none
    uint64_t done;       // slots that ever became DONE: who needs one looks for them again when it moved
    uint64_t reserved[2];
    Totals totals;
    AckJournal journal;
};
static_assert(offsetof(Control, totals) == 64 && offsetof(Control, journal) == 2656);
static_assert(sizeof(Control) <= kWriterOffset - kControlOffset);

struct PolicyBits {
    static constexpr uint64_t kDisabled = 1;  // record nothing
    static constexpr uint64_t kRetired = 2;   // the agent quarantined this segment: stop writing into it
    static constexpr uint64_t kAsleep = 16;   // the agent looks again late, unless it is woken
    // What is sampled (SamplingDirective): a kind of two bits, and a value of 56.
    static constexpr uint32_t kSamplingShift = 2;
    static constexpr uint64_t kSamplingKind = 3 << kSamplingShift;
    static constexpr uint32_t kValueShift = 8;
};

// ---- Writer page: written by the process ----------------------------------------------------------------------------

struct alignas(8) WriterPage {
    uint32_t extents;        // extents that have been taken; counted with release, after the word that says for what
    uint32_t counter_lines;  // counter lines in populated pages; likewise
    uint32_t scopes;         // scopes handed out (each has its own ready word)
    uint32_t scope_bytes;    // how far their bytes reach
    uint64_t flush_wanted;   // ticket of the newest flush request
    uint64_t waits;          // spans that ever waited in their slots: moves, so there is one to look for
    uint64_t claims;      // chunks that writers ever claimed, adopted or overwrote: moves, so there is one to look at
    uint64_t turned;      // extents that ever got another kind; counted with release, after the word that says so
    uint64_t given_back;  // bytes of memory that the process itself gave back; read-modify-writes, as below
    uint64_t huge;        // a bit for each huge place that was ever used; set with release, after its word
    // Causes that are counted with a read-modify-write because no counter line may be used: beyond signal level 1, or
    // when there are more threads than lines. Same shape as a line.
    uint64_t shared_line[kCounterLineSize / 8];
};
static_assert(offsetof(WriterPage, flush_wanted) == 16 && offsetof(WriterPage, shared_line) == 64);

// One line has one writer at a time: a thread at one signal level, or its successor. Relaxed single-word stores.
enum class Counter : uint32_t {
    kStarted,
    kEnded,  // committed or dropped
    kUnsampled,
    kNotStartedSlot,
    kNotStartedNested,
    kDroppedFull,
    kDroppedTooBig,  // never produced: what a span has no room for is refused as it is set
    kDroppedNested,
    kDroppedOverwritten,
    kRefusedData,
    kRemovedSegments,  // of dead processes, so that the directory stays within its bound
    kRemovedSpans,     // of these, that nobody had acknowledged
    kCount
};
struct alignas(8) CounterLine {
    uint64_t values[kCounterLineSize / 8];
};
static_assert(static_cast<uint32_t>(Counter::kCount) <= kCounterLineSize / 8 &&
              sizeof(CounterLine) == kCounterLineSize);

// ---- Scopes ---------------------------------------------------------------------------------------------------------

// Entry i describes scope i + 1; scope 0 is the empty scope. Its bytes lie after the table of either region: `0x0a len
// InstrumentationScope` (field 1 of ScopeSpans), then, if there is a schema URL, `0x1a len bytes` (field 3).
struct ScopeEntry {
    uint32_t offset;       // from kScopesOffset
    uint32_t scope_size;   // bytes of field 1, tag and length included
    uint32_t schema_size;  // bytes of field 3, tag and length included; 0: none
    uint32_t ready;        // 1, stored last with release
};
inline constexpr uint32_t kFirstScopes = 127;               // entries in the first region
inline constexpr uint32_t kScopeEntries = 8191;             // in both
inline constexpr uint32_t kScopeBytesOffset = 2048;         // in the first region
inline constexpr uint32_t kMoreScopeBytesOffset = 0x20000;  // in the other
static_assert(sizeof(ScopeEntry) == 16 && kFirstScopes * sizeof(ScopeEntry) <= kScopeBytesOffset);
static_assert((kScopeEntries - kFirstScopes) * sizeof(ScopeEntry) <= kMoreScopeBytesOffset);

inline constexpr uint64_t scope_entry_offset(uint32_t index) {
    return index < kFirstScopes ? kScopesOffset + uint64_t{index} * sizeof(ScopeEntry)
                                : kMoreScopesOffset + uint64_t{index - kFirstScopes} * sizeof(ScopeEntry);
}
// Where the bytes of scopes lie in the other region, counted like ScopeEntry::offset.
inline constexpr uint32_t kMoreScopeBytes = kMoreScopesOffset - kScopesOffset + kMoreScopeBytesOffset;
inline constexpr uint32_t kScopeBytesEnd = kMoreScopesOffset - kScopesOffset + kMoreScopesSize;
constexpr bool is_scope_place(uint64_t offset, uint64_t size) {
    return (offset >= kScopeBytesOffset && offset + size <= kScopesSize) ||
           (offset >= kMoreScopeBytes && offset + size <= kScopeBytesEnd);
}

// ---- Chunks ---------------------------------------------------------------------------------------------------------

// The line of a chunk: one cache line, so that two writers never share one.
struct alignas(8) ChunkLine {
    uint64_t word;      // ChunkWord: state, generation, committed bytes and spans, in one atomic word
    uint64_t sequence;  // order in which chunks were filled, for "the oldest FULL one"
    uint32_t owner;     // thread id in the process's own namespace: informational
    // Loss intent: the chunk gave way to new spans, and some were lost with it. True of the generation that it names.
    uint32_t loss_line;        // counter line that counts them
    uint64_t loss;             // what that line's kDroppedOverwritten is once they are counted
    uint32_t loss_generation;  // one more than that of what is lost, 28 bits: 0 means nothing is intended
    uint32_t reserved_word;
    uint64_t reserved[3];
};
static_assert(sizeof(ChunkLine) == 64 && offsetof(ChunkLine, loss) == 24);

// In a chunk: a run of records. A span is `0x12 len <Span>` (field 2 of ScopeSpans). A control record has a first byte
// that is not a protobuf tag: kControlRecord, kind, then its payload.
inline constexpr uint8_t kSpanRecord = 0x12;
inline constexpr uint8_t kControlRecord = 0x07;  // wire type 7 does not exist
inline constexpr uint8_t kControlScope = 1;  // payload: uint32_t scope, little-endian; the first record of each chunk
inline constexpr uint32_t kScopeRecordSize = 6;

// ---- Open spans -----------------------------------------------------------------------------------------------------

enum class SlotState : uint32_t {
    kFree = 0,      // or being filled: not started
    kOpen = 1,      // started; its first `length` bytes are whole OTLP fields of the span
    kEnding = 2,    // about to be committed at `intent`; open until the chunk's word says otherwise. Ended, where
                    // that is in the slot
    kDropping = 3,  // about to be dropped and counted
    kWaiting = 4,   // ended: no chunk had room, and its slot keeps it until the agent has it
    kDone = 5,      // the agent has it: free once the process knows
};

inline constexpr uint32_t kSlotInlineData = 1024;
inline constexpr uint32_t kSpareForEnd = 64;  // what an end adds fits into it, so a chunk of that size will do
inline constexpr uint32_t kSlotDataMax = huge_size(kHugeBlocks - 1) - kSpareForEnd;
inline constexpr uint32_t kPlaces = 1 + kBlockClasses + kHugeBlocks;  // where the data of a span may be
inline constexpr uint32_t kKeyTags = 24;

// What the data of a span has room for where its word says that it is: 0 in the slot, then in its block of that class,
// and then in the huge places.
constexpr uint32_t data_capacity(uint32_t place) {
    if (place == 0) return kSlotInlineData;
    if (place > kBlockClasses) [[unlikely]]
        return huge_size(place - kBlockClasses - 1) - kSpareForEnd;
    return block_size(place) < kExtentSize ? block_size(place) : kExtentSize - kSpareForEnd;
}

// An open span. Its data lies in one piece: in the slot, or, once it has grown, in the largest of its blocks.
// Data is a run of OTLP fields of the span (ids, start time, name, attributes, events, links, status), in the order in
// which they were set. A superseded field (an attribute, the name or the status, set again) has its tag, always one
// byte, replaced by kSuperseded and keeps its length; it is left out at the end.
inline constexpr uint8_t kSuperseded = 0x07;
inline constexpr uint32_t kHugeMark = ~uint32_t{0};  // it has no such block, and may have huge places
inline constexpr uint32_t kInSlot = ~uint32_t{0};    // in place of a chunk: the span stays where it is

struct alignas(8) Slot {
    uint64_t word;        // SlotWord: state, place and length of the data; one store publishes a field, or new room
    uint32_t generation;  // one more at each start: makes a spent handle stale
    uint32_t line;        // counter line that counted the start
    uint64_t started;     // what that line's kStarted is once this span is counted
    uint64_t start_unix_nano;
    uint64_t start_ticks;  // monotonic clock of the process; not comparable elsewhere
    uint32_t scope;
    uint32_t thread;  // thread id in the process's own namespace: informational
    // Intent of an end.
    uint32_t intent_chunk;
    uint32_t intent_line;  // counter line that counts the end
    uint64_t intent_word;  // the ChunkWord that commits it; with kInSlot when it ended, in Unix nanoseconds
    // Second cache line.
    uint64_t intent_ended;    // what that line's kEnded is once this end is counted
    uint64_t intent_dropped;  // the same for the cause, when dropping
    uint32_t intent_cause;    // Counter
    uint32_t dropped_attributes;
    uint32_t dropped_events;
    uint32_t dropped_links;
    uint32_t name;    // position of the name field; 0: none
    uint32_t status;  // position of the status field; 0: none
    uint8_t kind;
    uint8_t status_code;
    uint8_t trace_flags;   // W3C
    uint8_t parent_flags;  // 1 has parent, 2 parent is remote
    uint16_t attributes;
    uint16_t tags_left;  // how many more attributes may be set the short way, each with a tag
    uint16_t events;
    uint16_t links;
    uint16_t superseded;  // how many fields are
    uint16_t reserved;
    uint64_t key_filter;  // bit hash(key) % 64 set for each key once one has no tag: a clear bit proves that it is new
    // Third.
    uint32_t blocks[kBlockClasses];  // one more than the number of its block of each class; 0: it has none. The last
                                     // may be kHugeMark
    uint16_t key_tags[kKeyTags];     // of the first keys, from the last place down, none of them 0: where none is
                                     // equal, too. Behind them what is left of spans before, or 0
    uint8_t data[kSlotInlineData];
};
static_assert(sizeof(Slot) == kSlotSize && offsetof(Slot, data) + kSlotInlineData == kSlotSize);
static_assert(offsetof(Slot, intent_word) == 56 && offsetof(Slot, intent_ended) == 64 &&
              offsetof(Slot, blocks) == 128 && kSlotSize % 64 == 0 && offsetof(Slot, attributes) % 4 == 0);

}  // namespace spanring::ring

// ---- lib/ring/directory_bound.hpp ------------------------------------------------------------------------------------

//
// What dead processes left in the runtime directory and no agent came to take: kept within a bound, the oldest of it
// gives way to what the living record. The application's side; no allocation, and never an error.

namespace spanring::ring {

// Where nothing is said: a quarter of the file system, and no more than this.
inline constexpr uint64_t kDirectoryBound = uint64_t{512} << 20;

// COLD. Removes the oldest segments of dead processes until these have at most `bound` bytes of memory together (0: as
// above). Never one that an agent has, that is not whole, or of another layout. What goes is counted in `own` before it
// goes: whoever is killed in between has it counted twice, and never lost without a word. Bounded work; what is left
// over is left for the next caller. False: something is.
bool keep_directory_bound(int directory, uint64_t bound, WriterPage& own);

// COLD. The same where nobody looked within the last second, or the last one left something over: however many segments
// there are, a look at each is not part of every process's first span. The directory's access time says when, as
// whoever looked set it.
void keep_directory_bound_at_times(int directory, uint64_t bound, WriterPage& own);

}  // namespace spanring::ring

// ---- lib/ring/testpoint.hpp ------------------------------------------------------------------------------------------

//
// SPR_TESTPOINT(name) stands after each visible side effect. It is nothing in a release build; with -Dtestpoints=true
// it calls a hook, and the crash tests kill the process there.

#ifdef SPR_TESTPOINTS
extern "C" void spr_testpoint(const char* name) noexcept;
#define SPR_TESTPOINT(name) spr_testpoint(#name)
#else
#define SPR_TESTPOINT(name) static_cast<void>(0)
#endif

// ---- lib/ring/directory_bound.cpp ------------------------------------------------------------------------------------

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

// ---- lib/ring/fork_guard.hpp -----------------------------------------------------------------------------------------

//
// Tells a child that it is one. The guard word lies on a private page that the kernel wipes in a child
// (MADV_WIPEONFORK), so raw clone() is seen as well as fork(); one that shares its parent's memory (vfork, CLONE_VM)
// does not count.

namespace spanring::ring {

class ForkGuard {
public:
    // COLD, by one thread at a time (Provider::prepare_process()). 0 or -errno. Idempotent.
    static int arm();

    // HOT. Changes in a child and with each disturb(): what was found out before is to be found out again. 0 in a child
    // until acknowledge(), and before the guard is armed; never kNever.
    static uint64_t stamp() {
        return StdAtomics::load(page_.word, std::memory_order_relaxed);
    }  // relaxed: a value alone
    static constexpr uint64_t kNever = ~uint64_t{0};

    // HOT. Where it is false, this process armed the guard and is not a child of one that did. Where it is true, ask
    // forked(): it may just not be armed.
    static bool in_doubt() { return stamp() == 0; }

    // True in a child until acknowledge().
    static bool forked() { return in_doubt() && armed_; }

    // The child has put its house in order.
    static void acknowledge() { StdAtomics::store(page_.word, uint64_t{1}, std::memory_order_relaxed); }

    // Any thread. relaxed: a value alone. Not in a child, nor before the guard is armed: nothing was found out there.
    static void disturb() {
        uint64_t now = stamp();
        if (now != 0) StdAtomics::compare_exchange(page_.word, now, now + 1, std::memory_order_relaxed);
    }

private:
    // A page of its own in .bss, since the kernel wipes whole pages of anonymous memory: an address that the linker
    // knows is one load less in every call. 64 KiB is the largest page of an aarch64 kernel, and what its linker aligns
    // to.
#if defined(__x86_64__) || defined(__i386__)
    static constexpr size_t kPage = 4096;
#else
    static constexpr size_t kPage = 65536;
#endif
    struct alignas(kPage) Page {
        uint64_t word;
        uint8_t rest[kPage - sizeof(uint64_t)];
    };
    static Page page_;
    static bool armed_;
};

}  // namespace spanring::ring

// ---- lib/ring/fork_guard.cpp -----------------------------------------------------------------------------------------

namespace spanring::ring {

constinit ForkGuard::Page ForkGuard::page_{};
constinit bool ForkGuard::armed_ = false;

int ForkGuard::arm() {
    if (armed_) return 0;
    if (sysconf(_SC_PAGESIZE) > static_cast<long>(sizeof page_)) return -ENOTSUP;
    if (madvise(&page_, sizeof page_, MADV_WIPEONFORK) != 0) return -errno;
    acknowledge();
    armed_ = true;
    return 0;
}

}  // namespace spanring::ring

// ---- lib/ring/chunk_word.hpp -----------------------------------------------------------------------------------------

//
// The two atomic words of the protocol, unpacked. A ChunkWord carries everything that is true of a chunk at one
// instant; a mark (what the agent has acknowledged) has the same shape, with state kFree.

namespace spanring::ring {

enum class ChunkState : uint32_t {
    kFree = 0,      // nobody's
    kOpen = 1,      // one thread of the process appends
    kParked = 2,    // open, but its thread left: the next thread of the process may adopt it
    kFull = 3,      // complete: the agent's to free, or, when overwriting, anybody's to take
    kTaken = 4,     // overwrite mode: the agent won it against the writers and reads it
    kEvicting = 5,  // overwrite mode: a writer won it and is about to overwrite it; until then it is still complete
};

// Whether nothing more will come into the chunk. An EVICTING one is its writer's while that lives, and reads like a
// FULL one once it is dead.
constexpr bool is_complete(ChunkState state) {
    return state == ChunkState::kFull || state == ChunkState::kTaken || state == ChunkState::kEvicting;
}

struct ChunkWord {
    ChunkState state = ChunkState::kFree;
    uint32_t generation = 0;  // 27 bits; one more at each claim
    uint32_t length = 0;      // 22 bits; committed bytes
    uint32_t spans = 0;       // 11 bits; committed spans

    static constexpr uint32_t kGenerationMask = (1u << 27) - 1;

    // Bits: 0-21 length, 22-32 spans, 33-59 generation, 60-63 state.
    constexpr uint64_t pack() const {
        return uint64_t{length} | uint64_t{spans} << 22 | uint64_t{generation} << 33 |
               uint64_t{static_cast<uint32_t>(state)} << 60;
    }
    static constexpr ChunkWord unpack(uint64_t word) {
        return {static_cast<ChunkState>(word >> 60), static_cast<uint32_t>(word >> 33) & kGenerationMask,
                static_cast<uint32_t>(word) & 0x3fffff, static_cast<uint32_t>(word >> 22) & 0x7ff};
    }
    // The word of a chunk that has so much more. Nothing is carried: what is added fits into the chunk.
    static constexpr uint64_t longer(uint64_t word, uint32_t bytes, uint32_t spans) {
        return word + bytes + (uint64_t{spans} << 22);
    }
    constexpr bool operator==(const ChunkWord& other) const { return pack() == other.pack(); }
};

struct SlotWord {
    SlotState state = SlotState::kFree;
    uint32_t place = 0;   // 8 bits; where the data is, of kPlaces
    uint32_t length = 0;  // 24 bits; committed bytes of data

    // Bits: 0-23 length, 24-31 place, 32-39 state.
    constexpr uint64_t pack() const {
        return uint64_t{length} | uint64_t{place} << 24 | uint64_t{static_cast<uint32_t>(state)} << 32;
    }
    static constexpr SlotWord unpack(uint64_t word) {
        return {static_cast<SlotState>((word >> 32) & 0xff), static_cast<uint32_t>(word >> 24) & 0xff,
                static_cast<uint32_t>(word) & 0xffffff};
    }
    static constexpr uint64_t longer(uint64_t word, uint32_t bytes) { return word + bytes; }  // as above
    constexpr bool operator==(const SlotWord& other) const { return pack() == other.pack(); }
};

// The smallest record of a span (tag, length, trace id, span id, start, end) bounds the number of spans in a chunk.
inline constexpr uint32_t kSmallestSpanRecord = 2 + 18 + 10 + 9 + 9;
static_assert(kJumboChunk / kSmallestSpanRecord < (1u << 11), "of a huge place no more is used: widen()");
static_assert(huge_size(kHugePlaces - 1) < (1u << 22) && kPlaces < (1u << 8));

}  // namespace spanring::ring

// ---- lib/ring/chunk_fit.hpp ------------------------------------------------------------------------------------------

//
// How well spans of one size fill a chunk, where `bytes` is what each asks for: its record, and one that says whose it
// is.

namespace spanring::ring {

// That a chunk's word counts. Of a huge place no more is used than these may need (ChunkWriter::widen()).
inline constexpr uint32_t kMostSpansInChunk = (1u << 11) - 1;

// How much of a chunk of so many bytes records of that size leave unused at its end, where each has room for the one
// that says whose spans follow (LevelWriter::make_room()).
constexpr uint32_t rest_of(uint32_t chunk, uint32_t bytes) {
    const uint32_t record = bytes - kScopeRecordSize, all = chunk - 2 * kScopeRecordSize;
    return all < record ? 0 : all % record;  // the first one has room for its own alone
}

// Whether spans of that size leave more than an eighth of such a chunk unused.
constexpr bool fits_worse(uint32_t bytes, uint32_t chunk) {
    return bytes > kLargeChunk / 8 && rest_of(chunk, bytes) > chunk / 8;
}

}  // namespace spanring::ring

// ---- lib/ring/extent_word.hpp ----------------------------------------------------------------------------------------

//
// What an extent is used for: one atomic word each, in a table of their own. Taken by an exchange of "none", and
// counted in WriterPage::extents after that; a word that is not counted yet says nothing. One that holds chunks keeps
// them; one of open spans in which nothing is used any more may get another kind, and WriterPage::turned says so. Its
// memory, and that of the free chunks of any, may be given back (ExtentGiver), and come again (Segment::turn_extent(),
// Segment::restore_extent()).

namespace spanring::ring {

enum class ExtentKind : uint32_t {
    kNone = 0,      // nobody has taken it
    kSlots = 1,     // open spans
    kBlocks2K = 2,  // more room for them, in blocks of one size
    kBlocks4K = 3,
    kBlocks16K = 4,
    kBlocks64K = 5,
    kSmallChunks = 6,  // finished spans, in chunks of one size
    kLargeChunks = 7,
    kJumboChunks = 8,
    kHugeBlock = 9,   // a huge place: more room for one open span
    kHugeChunk = 10,  // and a single finished one
};
inline constexpr uint32_t kExtentKinds = 9;  // that an extent may be of; those of huge places come after
inline constexpr uint32_t kLeastExtents =
    6;  // that a segment should have: one of each kind, of blocks of one class, and one of any

constexpr ExtentKind kind_of_blocks(uint32_t block_class) {
    return static_cast<ExtentKind>(static_cast<uint32_t>(ExtentKind::kBlocks2K) + block_class - 1);
}
constexpr bool holds_blocks(ExtentKind kind) { return kind >= ExtentKind::kBlocks2K && kind <= ExtentKind::kBlocks64K; }
constexpr bool holds_chunks(ExtentKind kind) {
    return (kind >= ExtentKind::kSmallChunks && kind <= ExtentKind::kJumboChunks) || kind == ExtentKind::kHugeChunk;
}
constexpr ExtentKind kind_of_huge(uint32_t place) {
    return place < kHugeBlocks ? ExtentKind::kHugeBlock : ExtentKind::kHugeChunk;
}

// Bytes of each part; 0 of an extent that nobody has taken, and of huge places, whose number says it (size_of()).
constexpr uint32_t part_size(ExtentKind kind) {
    switch (kind) {
        case ExtentKind::kSlots: return kSlotSize;
        case ExtentKind::kBlocks2K: return block_size(1);
        case ExtentKind::kBlocks4K: return block_size(2);
        case ExtentKind::kBlocks16K: return block_size(3);
        case ExtentKind::kBlocks64K: return block_size(4);
        case ExtentKind::kSmallChunks: return kSmallChunk;
        case ExtentKind::kLargeChunks: return kLargeChunk;
        case ExtentKind::kJumboChunks: return kJumboChunk;
        case ExtentKind::kNone:
        case ExtentKind::kHugeBlock:
        case ExtentKind::kHugeChunk: break;
    }
    return 0;
}
constexpr uint32_t parts_of(ExtentKind kind) {
    if (kind > ExtentKind::kJumboChunks) return 1;
    return part_size(kind) == 0 ? 0 : static_cast<uint32_t>(kExtentSize / part_size(kind));
}
// Of an extent or a huge place.
constexpr uint32_t size_of(uint32_t extent) {
    return extent < kFirstHuge ? kExtentSize : huge_size(extent - kFirstHuge);
}
// Bytes of each of its parts.
constexpr uint32_t part_size(uint32_t extent, ExtentKind kind) {
    return extent < kFirstHuge ? part_size(kind) : huge_size(extent - kFirstHuge);
}
// How far the numbers of its parts are apart.
constexpr uint32_t part_numbers(ExtentKind kind) { return holds_blocks(kind) ? part_size(kind) / kBlockUnit : 1; }

enum class ExtentMemory : uint32_t {
    kWhole = 0,   // populated
    kGiving = 1,  // whoever has the agent's lock has taken it, to give its memory back
    kEmpty = 2,   // there is none
    kUnused = 3,  // of slots and blocks: populated, and nobody uses it
};

struct ExtentWord {
    ExtentKind kind = ExtentKind::kNone;
    ExtentMemory memory = ExtentMemory::kWhole;
    uint32_t gives = 0;  // how often its memory went; of slots and blocks also how often it became unused

    // Bits: 0-7 kind, 8-15 memory, 32-63 gives; the others are reserved, and zero.
    constexpr uint64_t pack() const {
        return static_cast<uint32_t>(kind) | static_cast<uint32_t>(memory) << 8 | uint64_t{gives} << 32;
    }
    static constexpr ExtentWord unpack(uint64_t word) {
        return {static_cast<ExtentKind>(word & 0xff), static_cast<ExtentMemory>(word >> 8 & 0xff),
                static_cast<uint32_t>(word >> 32)};
    }
    // Whether it says what an extent that is counted, or a huge place, is used for.
    static constexpr bool is_sound(uint64_t word, uint32_t number) {
        const ExtentWord extent = unpack(word);
        const ExtentMemory last = holds_chunks(extent.kind) ? ExtentMemory::kEmpty : ExtentMemory::kUnused;
        const bool kind = number < kFirstHuge
                              ? extent.kind != ExtentKind::kNone && static_cast<uint32_t>(extent.kind) < kExtentKinds
                              : extent.kind == kind_of_huge(number - kFirstHuge);
        return kind && extent.memory <= last && extent.pack() == word;
    }
};

}  // namespace spanring::ring

// ---- lib/ring/chunk_writer.hpp ---------------------------------------------------------------------------------------

//
// The writer's side of one chunk: claim, append, publish, give away. One thread at one signal level owns the object
// and, while attached, the chunk; nothing here waits.
//
//     operation      chunk word                        with whom it may race
//     claim()        FREE -> OPEN, generation + 1      other writers; an agent that gives memory back (c.-exchange)
//     adopt()        PARKED -> OPEN                    other writers of the process (compare-exchange)
//     overwrite()    FULL -> EVICTING                  other writers and the agent (compare-exchange)
//                    EVICTING -> OPEN, generation + 1  the agent's looks (an exchange)
//     commit()       OPEN, longer                      readers only
//     seal()         OPEN -> FULL                      readers only
//     park()         OPEN -> PARKED                    readers only
//
// attached() is this object's note that the chunk is its own: taken down after the exchange that wins the chunk, and
// cleared before the store that gives it away. So whoever finds the object of a thread that vanished, at whatever
// instruction, may go on with the chunk that it notes: nobody else has it. (One that vanished between the exchange and
// its note leaves a chunk that is nobody's until the process ends; what is committed in it is drained nevertheless.)

namespace spanring::ring {

// What overwriting a chunk costs, and where it is counted.
struct Loss {
    uint32_t line = 0;     // in: the counter line
    uint64_t counted = 0;  // in: its kDroppedOverwritten at present
    uint32_t spans = 0;    // out: committed, not acknowledged, and lost; the caller counts them
};

inline void prefetch_for_write(const void* place) {
#if defined(__x86_64__) || defined(__i386__)
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(place)));  // does nothing where it is not known
#else
    __builtin_prefetch(place, 1);
#endif
}

template <class Atomics = StdAtomics>
class ChunkWriter {
public:
    static constexpr uint32_t kNoScope = ~uint32_t{0};

    bool attached() const { return line_ != nullptr; }
    uint32_t chunk() const { return chunk_; }
    uint32_t room() const { return capacity_ - length(); }
    uint32_t scope() const { return scope_; }
    void set_scope(uint32_t scope) { scope_ = scope; }
    uint8_t* place() const { return bytes_ + length(); }

    // HOT. Asks for the cache lines of the next record, for writing: the agent's core has read what was in them last,
    // and fetching them back one by one at the end would cost more than all the rest of a span. Room or not, attached
    // or not.
    void prefetch() const {
        const uintptr_t next =
            reinterpret_cast<uintptr_t>(place());  // a number: without a chunk there is no memory to point into
        for (uint32_t i = 0; i < kPrefetchLines; ++i)
            prefetch_for_write(reinterpret_cast<const uint8_t*>(next + i * 64));
    }

    // Of a chunk of `size` bytes as much is room as so many spans may have, and no more: its word counts no others.
    // Asked again when that is used up. True: there is room for `bytes`.
    bool widen(uint32_t size, uint32_t bytes) {
        const ChunkWord now = word();
        const uint32_t most = now.length + (kMostSpansInChunk - now.spans) * kSmallestSpanRecord;
        capacity_ = size < most ? size : most;
        return room() >= bytes;
    }

    // Bytes of a record on average. 0: there is none.
    uint32_t mean() const {
        const ChunkWord now = word();
        return now.spans == 0 ? 0 : now.length / now.spans;
    }

    // `extent`: the word of the chunk's extent, whose memory may be gone.
    bool claim(uint32_t chunk, ChunkLine& line, const uint64_t& extent, uint8_t* bytes, uint32_t capacity,
               uint32_t owner) {
        const auto is_whole = [&] {
            // acquire: that there is memory. Pairs with the release in Segment::restore_extent(). Without it this
            // thread could touch what is not populated yet (SIGBUS on a full tmpfs).
            const uint64_t word = Atomics::load(extent, std::memory_order_acquire);
            return ExtentWord::unpack(word).memory == ExtentMemory::kWhole;
        };
        if (!take(chunk, line, bytes, capacity, owner, ChunkState::kFree, ChunkState::kOpen, is_whole)) return false;
        SPR_TESTPOINT(claimed);
        return true;
    }
    bool adopt(uint32_t chunk, ChunkLine& line, uint8_t* bytes, uint32_t capacity, uint32_t owner) {
        if (!take(chunk, line, bytes, capacity, owner, ChunkState::kParked, ChunkState::kOpen, always)) return false;
        SPR_TESTPOINT(adopted);
        return true;
    }
    // The oldest gives way. The loss is intended before the data is lost, and the caller counts it after: a kill
    // between any two of these steps leaves either the data, or an intent by which recovery counts it. `mark`: the
    // chunk's.
    bool overwrite(uint32_t chunk, ChunkLine& line, const uint64_t& mark, uint8_t* bytes, uint32_t capacity,
                   uint32_t owner, Loss& loss) {
        if (!take(chunk, line, bytes, capacity, owner, ChunkState::kFull, ChunkState::kEvicting, always)) return false;
        SPR_TESTPOINT(evicting);
        // relaxed: the agent moves the mark of no chunk that it has not taken, and this one it cannot take any more.
        const ChunkWord acknowledged = ChunkWord::unpack(Atomics::load(mark, std::memory_order_relaxed));
        const ChunkWord victim = word();
        const bool same = acknowledged.generation == victim.generation && acknowledged.spans <= victim.spans;
        loss.spans = victim.spans - (same ? acknowledged.spans : 0);
        // relaxed: the releases below keep it before them.
        Atomics::store(line.loss_generation, uint32_t{0}, std::memory_order_relaxed);
        SPR_TESTPOINT(loss_disarmed);
        // release, three times: disarmed, written, armed, in this order. Pairs with the acquire of the chunk's word in
        // Recovery::run(), after a kill: what counts is that no store moves across another. Otherwise an armed intent
        // could name the line or the number of an earlier loss, and spans be counted twice or not at all.
        Atomics::store(line.loss_line, loss.line, std::memory_order_release);
        Atomics::store(line.loss, loss.counted + loss.spans, std::memory_order_release);
        SPR_TESTPOINT(loss_written);
        Atomics::store(line.loss_generation, victim.generation + 1, std::memory_order_release);
        SPR_TESTPOINT(loss_armed);
        uint64_t evicting = word_;
        const ChunkWord open = {ChunkState::kOpen, (victim.generation + 1) & ChunkWord::kGenerationMask, 0, 0};
        // An exchange, although nobody else may change the word: the agent's look in ChunkReader::unchanged() is one as
        // well, so one of the two comes first. acquire: where that is the look, with the old generation, what the agent
        // copied before it was not yet touched by this thread's bytes, which come after; a store would let them
        // overtake it. release: the armed intent before the generation that makes it true. Pairs with the acquire in
        // Recovery::run(). Without it a kill could lose the data and its count. It fails if an agent breaks the
        // protocol.
        if (!Atomics::compare_exchange(line.word, evicting, open.pack(), std::memory_order_acq_rel)) {
            forget();
            return false;
        }
        word_ = open.pack();
        SPR_TESTPOINT(overwritten);
        return true;
    }

    // The word that will commit `size` more bytes, being `spans` records of spans.
    ChunkWord next(uint32_t size, uint32_t spans) const {
        return ChunkWord::unpack(ChunkWord::longer(word_, size, spans));
    }

    void commit(ChunkWord next) {
        word_ = next.pack();
        // release: publishes the bytes below the new length. Pairs with the acquire load of the word in the reader's
        // committed(). Without it the agent can read a committed length over stale bytes.
        Atomics::store(line_->word, word_, std::memory_order_release);
        SPR_TESTPOINT(committed);
    }

    void seal(uint64_t sequence) {
        Atomics::store(line_->sequence, sequence, std::memory_order_relaxed);  // ordered by the release below
        leave(ChunkState::kFull);
        SPR_TESTPOINT(sealed);
    }

    void park() {
        leave(ChunkState::kParked);
        SPR_TESTPOINT(parked);
    }

    // The thread that owned this object vanished: what it noted of the chunk may be ahead of the chunk's word or behind
    // it, and the word is what counts. Returns it; the chunk must be attached.
    ChunkWord resume() {
        // acquire: what that thread committed. Pairs with its release in commit(). Without it the chunk could be parked
        // at a length that the next owner does not see the bytes of.
        word_ = Atomics::load(line_->word, std::memory_order_acquire);
        return word();
    }
    const ChunkLine& line() const { return *line_; }

    // Gives back what a thread that vanished inside overwrite() had not lost yet: EVICTING -> FULL. False: it was not.
    bool spare() {
        if (word().state != ChunkState::kEvicting) return false;
        leave(ChunkState::kFull);
        return true;
    }

    // Forgets the chunk without touching it: in the child after fork(), where it is the parent's.
    void forget() { *this = ChunkWriter(); }

private:
    static constexpr bool always() { return true; }
    static constexpr uint32_t kPrefetchLines = 4;  // 256 bytes: a span with some attributes

    // `may`: asked between the look at the word and its exchange.
    template <class May>
    bool take(uint32_t chunk, ChunkLine& line, uint8_t* bytes, uint32_t capacity, uint32_t owner, ChunkState from,
              ChunkState to, May&& may) {
        // acquire: that the extent was taken before its chunks moved on. Pairs with the release in
        // ExtentGiver::move_on(). Without it this thread could see the chunk as it is, the extent as it was, and claim
        // what is punched. Of what is not FREE the exchange below decides.
        uint64_t seen = Atomics::load(line.word, std::memory_order_acquire);
        const ChunkWord old = ChunkWord::unpack(seen);
        if (old.state != from || !may()) return false;
        const ChunkWord taken = from == ChunkState::kFree
                                    ? ChunkWord{to, (old.generation + 1) & ChunkWord::kGenerationMask, 0, 0}
                                    : ChunkWord{to, old.generation, old.length, old.spans};
        // acquire: what the chunk's last user did comes before what this one writes. Pairs with the agent's release
        // store of FREE, or with the release in leave(). Without it this thread's bytes could be overtaken by reads of
        // the agent that came before its FREE.
        if (!Atomics::compare_exchange(line.word, seen, taken.pack(), std::memory_order_acquire)) return false;
        Atomics::store(line.owner, owner, std::memory_order_relaxed);  // relaxed: informational
        bytes_ = bytes;
        capacity_ = capacity;
        chunk_ = chunk;
        word_ = taken.pack();
        scope_ = kNoScope;
        std::atomic_signal_fence(std::memory_order_release);  // the note last: it says that the rest is there
        line_ = &line;
        return true;
    }

    void leave(ChunkState state) {
        ChunkLine& line = *line_;
        ChunkWord word = this->word();
        word.state = state;
        *this = ChunkWriter();
        // release: everything this thread wrote is before its departure, its own note included. Pairs with the reader's
        // acquire load and with the acquire in take(). Without it the next owner's or reader's view could miss
        // committed bytes, and two would go on with the chunk if this thread vanished here.
        Atomics::store(line.word, word.pack(), std::memory_order_release);
    }

    ChunkWord word() const { return ChunkWord::unpack(word_); }
    uint32_t length() const { return word().length; }

    ChunkLine* line_ = nullptr;
    uint8_t* bytes_ = nullptr;
    uint32_t capacity_ = 0;
    uint32_t chunk_ = 0;
    uint32_t scope_ = kNoScope;
    uint64_t word_ = 0;  // packed; the writer's own copy: only resume() reads the word back
};

}  // namespace spanring::ring

// ---- lib/ring/extent_parts.hpp ---------------------------------------------------------------------------------------

//
// Which parts of the process's extents are free: one word an extent, with its kind, in memory private to the process.
// Slots and blocks are taken and given here; of extents of chunks it knows the kind alone, their words in shared memory
// say the rest. Any thread, any signal level; never waits.
//
//     operation    take      give      turn      hold
//     take         free      free      free      free      (free: no synchronisation by the caller)
//     give         free      own part  own part  free
//     turn         free      own part  free      free
//     hold         free      free      free      free
//
//     unused ---- turn() ----> turning ---- finish_turn() ----> unused, of a kind
//     closed -----------^         +-------- close() ----------> closed: nobody looks into it
//
//     closed, of chunks ---- begin_lending() ---> lending ----- lend() -----------> lent: huge places have its memory
//     lent ----------------- take_back() -----------^ +-------- close(), finish_turn() ---> as before

namespace spanring::ring {

template <class Atomics = StdAtomics>
class ExtentParts {
public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    // One word for each extent that there will ever be, zeroed, outliving this.
    void reset(uint64_t* words) { words_ = words; }

    // kNone: nobody's, it is being turned, closed, or lent. `even_lent`: of one that is lent, or about to be, the kind
    // that it had, for it may still hold chunks that are used.
    ExtentKind kind(uint32_t extent, bool even_lent = false) const {
        // acquire: the extent is populated, and its slots are whole. Pairs with the releases in begin() and
        // finish_turn(). Without it a thread could touch pages that are not there yet (SIGBUS on a full tmpfs).
        const uint64_t word = Atomics::load(words_[extent], std::memory_order_acquire);
        return even_lent && word >> kKindShift == kLent ? kind_beside(word) : kind_of(word);
    }

    // HOT. Whether it is of that kind now.
    bool is(uint32_t extent, ExtentKind kind) const {
        // acquire: as in kind().
        return Atomics::load(words_[extent], std::memory_order_acquire) >> kKindShift == static_cast<uint64_t>(kind);
    }

    // Whether it holds slots or blocks of which none is in use.
    bool is_unused(uint32_t extent) const {
        const uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // a guess: turn() decides
        return word == unused(kind_of(word)) && word >> kKindShift != 0 && !holds_chunks(kind_of(word));
    }

    // Whether it is closed; as one of that kind.
    bool is_closed(uint32_t extent) const {
        return Atomics::load(words_[extent], std::memory_order_relaxed) >> kKindShift == kClosed;  // a guess, as above
    }
    bool is_closed(uint32_t extent, ExtentKind kind) const {
        return Atomics::load(words_[extent], std::memory_order_relaxed) >> kClosedKindShift ==
               closed(kind, 0) >> kClosedKindShift;  // a guess, as above
    }
    // Of one that is closed: `when`, as close() was told.
    uint32_t closed_when(uint32_t extent) const {
        return static_cast<uint32_t>(Atomics::load(words_[extent], std::memory_order_relaxed));  // as above
    }

    // Of one that is lent, or about to be, or no more: what it is beside that. kNone: it is not.
    ExtentKind lent_kind(uint32_t extent) const {
        const uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // a guess: take_back() decides
        return word >> kKindShift == kLent ? kind_beside(word) : ExtentKind::kNone;
    }
    // Whether somebody lends it or takes it back just now, or vanished in the middle.
    bool is_busy(uint32_t extent) const {
        const uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // a guess, as above
        return word >> kKindShift == kLent && (word & kBusy) != 0;
    }

    // The extent was taken for a kind; again by anybody who sees that. Who holds it goes on doing so.
    void begin(uint32_t extent, ExtentKind kind) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // the exchange decides
        // release: that the extent is populated. Pairs with the acquire in kind() and take().
        while (word >> kKindShift == 0 &&
               !Atomics::compare_exchange(words_[extent], word, word | unused(kind), std::memory_order_release))
            continue;
    }

    // A part of the kind: its place among the extent's. kNone: it has none that is free, or is not of this kind.
    uint32_t take(uint32_t extent, ExtentKind kind) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // the exchange decides
        while (word >> kKindShift == static_cast<uint64_t>(kind) && (word & kFree) != 0) {
            const auto place = static_cast<uint32_t>(__builtin_ctzll(word));
            // acquire: what the part's last user did with it, and what made the extent one of this kind. Pairs with the
            // releases in give(), begin() and finish_turn(). Without it the next user's stores could come first.
            if (Atomics::compare_exchange(words_[extent], word, word & (word - 1), std::memory_order_acquire))
                return place;
        }
        return kNone;
    }

    // At most so many more parts of the kind: their places, a bit each.
    uint64_t take_some(uint32_t extent, ExtentKind kind, uint32_t most) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // the exchange decides
        while (word >> kKindShift == static_cast<uint64_t>(kind) && (word & kFree) != 0) {
            uint64_t rest = word;
            for (uint32_t i = 0; i < most && (rest & kFree) != 0; ++i) rest &= rest - 1;
            // acquire: as in take().
            if (Atomics::compare_exchange(words_[extent], word, rest, std::memory_order_acquire)) return word ^ rest;
        }
        return 0;
    }

    // True: no part of the extent is in use now.
    bool give(uint32_t extent, uint32_t place) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);
        const uint64_t bit = uint64_t{1} << place;
        // release: what the caller did to the part. Pairs with the acquires in take(), take_some() and turn(). Without
        // it the next user could see it half returned.
        while (!Atomics::compare_exchange(words_[extent], word, word | bit, std::memory_order_release)) continue;
        return (word | bit) == unused(kind_of(word));
    }

    // Keeps an extent of that kind what it is, used or not, until let_go(). False: it is of another kind.
    bool hold(uint32_t extent, ExtentKind kind) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // the exchange decides
        while (kind_of(word) == kind) {
            if (is_held_for_good(word)) return true;
            // acquire: what made the extent one of this kind. Pairs with the releases in begin() and finish_turn().
            // Without it the holder could see what the extent was before.
            if (Atomics::compare_exchange(words_[extent], word, word + kHolder, std::memory_order_acquire)) return true;
        }
        return false;
    }
    // The same of one that nobody has taken, whatever it becomes. False: somebody has.
    bool hold_untaken(uint32_t extent) {
        for (;;) {
            // acquire: that the extent is populated, where somebody has. Pairs with the release in begin(). Without it
            // one could be counted that is not there to whoever counts it.
            uint64_t word = Atomics::load(words_[extent], std::memory_order_acquire);
            if (word >> kKindShift != 0) return false;
            if (is_held_for_good(word)) return true;
            // relaxed: nothing was done to it yet.
            if (Atomics::compare_exchange(words_[extent], word, word + kHolder, std::memory_order_relaxed)) return true;
        }
    }
    // True: no part of the extent is in use now.
    bool let_go(uint32_t extent) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);
        do {
            if (is_held_for_good(word)) return false;
            // release: what the holder looked at. Pairs with the acquire in turn(). Without it the holder could see
            // what the extent becomes.
        } while (!Atomics::compare_exchange(words_[extent], word, word - kHolder, std::memory_order_release));
        return word - kHolder == unused(kind_of(word));
    }

    // An extent that is_unused() or is_closed() becomes the caller's, who closes it, or makes it one of another kind or
    // of its own again. False: somebody was faster.
    bool turn(uint32_t extent) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);
        const ExtentKind kind = kind_of(word);
        const bool is_unused = word == unused(kind) && kind != ExtentKind::kNone && !holds_chunks(kind);
        // acquire: what the parts' last users and holders did, and who closed it. Pairs with the releases in give(),
        // let_go() and close(). Without it a late store of theirs could land in what the extent becomes.
        return (is_unused || word >> kKindShift == kClosed) &&
               Atomics::compare_exchange(words_[extent], word, kTurning, std::memory_order_acquire);
    }
    void finish_turn(uint32_t extent, ExtentKind kind) {
        // release: what the caller made of the extent. Pairs with the acquires in kind() and take(). Without it a slot
        // could be used before its word is free.
        Atomics::store(words_[extent], unused(kind), std::memory_order_release);
    }

    // `when`: any number.
    void close(uint32_t extent, ExtentKind kind, uint32_t when) {
        // release: that its word says so. Pairs with the acquire in turn(). Without it the next one could take it for
        // whole that an agent has given back.
        Atomics::store(words_[extent], closed(kind, when), std::memory_order_release);
    }

    // An extent of chunks that nobody holds, or one that is closed, becomes the caller's, who gives its memory to huge
    // places, or thinks better of it. ret_kind: what it is. False: it is neither, or somebody was faster.
    bool begin_lending(uint32_t extent, ExtentKind& ret_kind) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);
        const bool is_closed = word >> kKindShift == kClosed;
        ret_kind = is_closed ? kind_beside(word) : kind_of(word);
        // acquire: what its holders did, and who closed it. Pairs with the releases in let_go(), begin(), finish_turn()
        // and close(). Without it one that another thread has just made whole could be taken for empty.
        return (is_closed || (holds_chunks(ret_kind) && word == unused(ret_kind))) &&
               Atomics::compare_exchange(words_[extent], word, lent(ret_kind) | kBusy, std::memory_order_acquire);
    }
    void lend(uint32_t extent, ExtentKind kind) {
        // release: that it has no memory, and that this is counted. Pairs with the acquire in take_back(). Without it
        // the next one could populate it before that.
        Atomics::store(words_[extent], lent(kind), std::memory_order_release);
    }
    // One that is lent becomes the caller's. False: it is not, or somebody was faster.
    bool take_back(uint32_t extent, ExtentKind kind) {
        uint64_t word = lent(kind);
        // acquire: as in lend(), with which it pairs.
        return Atomics::load(words_[extent], std::memory_order_relaxed) == word &&
               Atomics::compare_exchange(words_[extent], word, word | kBusy, std::memory_order_acquire);
    }

private:
    // Bits: 0-52 a free part each, 53-59 how many hold it, 60-63 kind. Of one that is closed: 0-31 when, 32-59 kind.
    // Of one that is lent: 0 somebody is at it, 32-59 kind.
    static constexpr uint32_t kHolderShift = 53;
    static constexpr uint32_t kKindShift = 60;
    static constexpr uint64_t kFree = (uint64_t{1} << kHolderShift) - 1;
    static constexpr uint64_t kHolder = uint64_t{1} << kHolderShift;
    static constexpr uint64_t kHolders = (uint64_t{1} << kKindShift) - kHolder;
    static constexpr uint32_t kClosedKindShift = 32;
    static constexpr uint64_t kClosedKinds = (uint64_t{1} << (kKindShift - kClosedKindShift)) - 1;
    static constexpr uint64_t kBusy = 1;
    static constexpr uint64_t kLent = 13;    // as a kind
    static constexpr uint64_t kClosed = 14;  // likewise
    static constexpr uint64_t kTurning = uint64_t{15} << kKindShift;
    static_assert(kSlotsPerExtent <= kHolderShift && kBlockNumbers <= kHolderShift && kExtentKinds <= kLent);

    // By more than can be counted, some of which have vanished.
    static constexpr bool is_held_for_good(uint64_t word) { return (word & kHolders) == kHolders; }

    static constexpr ExtentKind kind_of(uint64_t word) {
        return word >> kKindShift >= kLent ? ExtentKind::kNone : static_cast<ExtentKind>(word >> kKindShift);
    }
    static constexpr ExtentKind kind_beside(uint64_t word) {  // of one that is closed, or lent
        return static_cast<ExtentKind>(word >> kClosedKindShift & kClosedKinds);
    }
    static constexpr uint64_t closed(ExtentKind kind, uint32_t when) {
        return kClosed << kKindShift | static_cast<uint64_t>(kind) << kClosedKindShift | when;
    }
    static constexpr uint64_t lent(ExtentKind kind) {
        return kLent << kKindShift | static_cast<uint64_t>(kind) << kClosedKindShift;
    }
    static constexpr uint64_t unused(ExtentKind kind) {
        const uint64_t free = holds_chunks(kind) ? 0 : (uint64_t{1} << parts_of(kind)) - 1;
        return static_cast<uint64_t>(kind) << kKindShift | free;
    }

    uint64_t* words_ = nullptr;
};

}  // namespace spanring::ring

// ---- lib/ring/index_pool.hpp -----------------------------------------------------------------------------------------

//
// Free numbers 0 .. n-1 (slots, blocks, states of threads), n growing: a bump counter for numbers never used yet and a
// stack for those given back. In memory private to the process; any thread, any signal level; never waits.
//
//     operation    pop            push           raise
//     pop          free           free           free        (free: no synchronisation by the caller)
//     push         free           free (own n)   free

namespace spanring::ring {

// Links: where the word of each number is, by [].
template <class Atomics = StdAtomics, class Links = uint32_t*>
class IndexPool {
public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    // next: one word for each number below the limit, zeroed, outliving the pool.
    void reset(Links next) {
        next_ = next;
        fresh_ = 0;
        head_ = 0;
    }

    // limit: numbers that exist at present.
    uint32_t pop(uint32_t limit) {
        // acquire: makes next_[top] of the push that put it there visible. Pairs with the release in push(). Without it
        // a stale link could become the head.
        uint64_t head = Atomics::load(head_, std::memory_order_acquire);
        while (static_cast<uint32_t>(head) != 0) {
            const uint32_t top = static_cast<uint32_t>(head) - 1;
            const uint32_t below =
                Atomics::load(next_[top], std::memory_order_relaxed);  // stale only if the exchange fails
            // The upper half counts operations, so that a head that came back (ABA) is not taken for the same.
            const uint64_t wanted = ((head >> 32) + 1) << 32 | below;
            // acquire: as above; so is the load below, for the next try.
            if (Atomics::compare_exchange(head_, head, wanted, std::memory_order_acquire)) return top;
            head = Atomics::load(head_, std::memory_order_acquire);
        }
        uint32_t fresh = Atomics::load(fresh_, std::memory_order_relaxed);  // relaxed: the number alone matters
        while (fresh < limit)
            if (Atomics::compare_exchange(fresh_, fresh, fresh + 1, std::memory_order_relaxed)) return fresh;
        return kNone;
    }

    void push(uint32_t index) {
        uint64_t head = Atomics::load(head_, std::memory_order_relaxed);
        for (;;) {
            Atomics::store(next_[index], static_cast<uint32_t>(head), std::memory_order_relaxed);
            const uint64_t wanted = ((head >> 32) + 1) << 32 | (index + 1);
            // release: publishes next_[index] and whatever the caller did to the thing itself. Pairs with the acquires
            // in pop(). Without it the next user could see the thing half returned.
            if (Atomics::compare_exchange(head_, head, wanted, std::memory_order_release)) return;
        }
    }

private:
    alignas(8) uint64_t head_ = 0;  // operations << 32 | top + 1
    uint32_t fresh_ = 0;
    Links next_{};  // top + 1 of the one below; 0: none
};

}  // namespace spanring::ring

// ---- lib/ring/segment_view.hpp ---------------------------------------------------------------------------------------

//
// A mapped segment, place by place. Computes addresses only: checks nothing, orders nothing. Callers know of each
// extent, chunk, slot and block that it is there: of its extent's kind, in an extent that is counted.

namespace spanring::ring {

class SegmentView {
public:
    constexpr SegmentView() = default;
    constexpr explicit SegmentView(uint8_t* base) : base_(base) {}  // for whoever looks into no huge place
    constexpr SegmentView(uint8_t* base, uint32_t extent_limit)
        : base_(base), groups_end_(segment_size(extent_limit)) {}

    explicit operator bool() const { return base_ != nullptr; }
    uint8_t* base() const { return base_; }

    Header& header() const { return at<Header>(kHeaderOffset); }
    Control& control() const { return at<Control>(kControlOffset); }
    WriterPage& writer() const { return at<WriterPage>(kWriterOffset); }
    uint8_t* resource() const { return base_ + kResourceOffset; }
    ScopeEntry& scope(uint32_t index) const { return at<ScopeEntry>(scope_entry_offset(index)); }
    uint8_t* scope_bytes(uint32_t offset) const { return base_ + kScopesOffset + offset; }
    CounterLine& counter_line(uint32_t line) const {
        return at<CounterLine>(kCountersOffset + uint64_t{line} * kCounterLineSize);
    }

    uint64_t& extent_word(uint32_t extent) const { return at<uint64_t>(extent_word_offset(extent)); }
    uint8_t* extent(uint32_t extent) const {
        return extent < kFirstHuge ? base_ + extent_offset(extent) : huge(extent - kFirstHuge);
    }
    uint8_t* huge(uint32_t place) const { return base_ + groups_end_ + huge_offset(place); }
    ChunkLine& chunk_line(uint32_t chunk) const { return at<ChunkLine>(chunk_line_offset(chunk)); }
    uint64_t& chunk_mark(uint32_t chunk) const { return at<uint64_t>(chunk_mark_offset(chunk)); }
    uint8_t* chunk_bytes(uint32_t chunk, uint32_t capacity) const {
        return chunk < kFirstHugeChunk ? base_ + chunk_offset(chunk, capacity)
                                       : huge(chunk / kChunksPerExtent - kFirstHuge);
    }
    Slot& slot(uint32_t slot) const { return at<Slot>(slot_offset(slot)); }
    uint8_t* block(uint32_t block) const { return base_ + block_offset(block); }

private:
    template <class T>
    T& at(uint64_t offset) const {
        return *reinterpret_cast<T*>(base_ + offset);
    }

    uint8_t* base_ = nullptr;
    uint64_t groups_end_ = 0;
};

}  // namespace spanring::ring

// ---- lib/ring/segment_file.hpp ---------------------------------------------------------------------------------------

//
// The birth of a segment: a complete, locked file that appears under its name in one step.
//
//     open temporary -> fallocate -> mmap -> DONTFORK -> fill -> OFD lock -> close -> rename
//
// After close() the lock's open file description is held by the mapping alone, so that the kernel drops it exactly when
// the memory goes: at death, at exec, and not a moment earlier, whatever the process does with its descriptors.

namespace spanring::ring {

struct SegmentRequest {
    uint32_t extent_limit;  // 1 .. kMaxExtents
    uint32_t full_policy;
    const void* resource;  // OTLP bytes, then the schema URL; together at most kResourceSize
    uint32_t resource_size;
    uint32_t schema_size = 0;
    bool whole = false;             // all of its memory at birth
    uint64_t directory_limit = 0;   // bytes that segments of the dead may have; 0: keep_directory_bound() says
    uint32_t first_generation = 0;  // of each slot
    bool huge = false;              // with huge places, whose memory comes later, if at all
    // Where it is set, in place of `resource` and its size: writes both to where they are to be, and returns that size.
    uint32_t (*write_resource)(const void* resource, uint8_t* to) = nullptr;
};

struct SegmentFile {
    uint8_t* base = nullptr;
    uint64_t size = 0;     // bytes mapped
    uint32_t extents = 0;  // populated at birth, and not taken yet
    uint8_t instance_id[16] = {};
    char* path = nullptr;  // in: room for kSegmentPathSize, where the file's path is put; nullptr: nobody asks
};

// COLD. 0 or -errno (-ENOSPC: the tmpfs is full; -EFBIG: RLIMIT_FSIZE). On failure nothing is left behind.
int create_segment(const SegmentRequest& request, SegmentFile& ret_segment);

// COLD. Makes memory of the segment writable without a fault later. 0 or -errno (-ENOSPC where the tmpfs is full).
int populate(uint8_t* address, uint64_t size);

// COLD. The same for an extent or a huge place, and the pages that say something about its chunks and are not there
// yet. Extents come in ascending order.
int populate_extent(SegmentView segment, uint32_t extent);

// COLD. Gives memory of the segment back. False: the system refuses, and it stays.
bool punch(uint8_t* address, uint64_t size);

// COLD. Whether any page of that part of an extent is in memory.
bool is_in_memory(uint8_t* address, uint32_t size);

// In a child after fork(): puts inaccessible-to-others scratch memory where the parent's segment was, so that a call
// that fork() interrupted can run on without harm. Nothing if somebody else mapped there already.
void cover_hole(uint8_t* base, uint64_t size);

// COLD. The same over a mapping that is there, which goes in one step.
void replace_by_scratch(uint8_t* base, uint64_t size);

}  // namespace spanring::ring

// ---- lib/ring/segment.hpp --------------------------------------------------------------------------------------------

//
// The process's own segment: what is free in it, and how it grows. Private memory of the process, shared by its
// threads; every operation may be called by any thread at any signal level and none waits for another.
//
// What is free is known twice: chunks by their word in shared memory (the agent frees them), slots and blocks only here
// (the agent never touches them while the process lives). An extent is nobody's until it is taken for one kind of
// parts; it is taken where no part of that kind is free, as long as enough is left for the other kinds
// (leaves_shares()). One of slots or blocks that are all free again may be turned into one of any kind; all but the
// first few are closed then, so that their memory may go (close_extent()).
//
// A span that no extent has room for lies in a huge place (segment_huge.cpp), open and finished. Each of these is held
// by one slot, or for a moment by a thread, in private memory; what it has of memory is part of what all extents may
// have.

namespace spanring::ring {

class OwnFile;

class Segment {
public:
    // Bytes of private, zeroed memory that open() needs for a segment of that many extents.
    static constexpr uint64_t pool_bytes(uint32_t extents) {
        return extents * sizeof(uint64_t) + kCounterLines * sizeof(uint32_t);
    }

    // COLD. 0 or -errno.
    int open(const SegmentRequest& request, Clock& clock, uint64_t* pool_memory);

    // In a child after fork(): covers the hole and forgets the parent's segment. pool_memory must be zeroed before the
    // next open().
    void abandon();

    // COLD. Gives the mapping back, and with it the lock: to the agent the segment is one of the dead. No thread may be
    // in a call, now or later.
    void close();

    // COLD. The same, but a call may be interrupted in its middle: there is scratch memory in its place, which close()
    // gives back. What the system refuses stays as it is.
    void cover();

    static constexpr uint64_t kNever = ~uint64_t{0};  // in ticks

    explicit operator bool() const { return static_cast<bool>(view_); }
    SegmentView view() const { return view_; }

    // Attaches a chunk with room for `bytes` to the writer, which has none. `first`: it is the thread's first, a small
    // one will do. `loss`: where the writer counts what is overwritten for it (flight recorder), and how many spans
    // that are: the caller counts them. `mean`: bytes of a record, by the writer's last chunk; 0: not known. False: the
    // ring is full.
    bool attach_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss, uint32_t mean = 0);

    // How many writers there are: the more, the smaller their chunks.
    void note_writer() { StdAtomics::fetch_add(writers_, uint32_t{1}, std::memory_order_relaxed); }  // a number
    void forget_writer() { StdAtomics::fetch_add(writers_, ~uint32_t{0}, std::memory_order_relaxed); }

    // An order over all chunks that fill up.
    uint64_t next_sequence() { return StdAtomics::fetch_add(sequence_, uint64_t{1}, std::memory_order_relaxed); }

    // Changes whenever a chunk may have become free: a writer that found none need not search again before.
    uint64_t freed_mark() const {
        // acquire, three times: with the count comes the FREE or the PARKED word, or what an extent became. Pairs with
        // the release in ChunkReader::release(), in note_parked() and in note_unused(). Without it a writer could note
        // the new count, search in vain, and not search again. The number of extents is loaded again by whoever
        // searches, and is never older then.
        return StdAtomics::load(view_.control().freed, std::memory_order_acquire) +
               StdAtomics::load(parked_, std::memory_order_acquire) +
               StdAtomics::load(unused_, std::memory_order_acquire) +
               StdAtomics::load(view_.writer().extents, std::memory_order_relaxed);
    }
    // When to search again though no count moved, in ticks: the last memory that was asked for was refused, and nobody
    // tells when there is room again. kNever: it was not.
    uint64_t search_again_at() const;
    bool is_past(uint64_t ticks) const { return ticks != kNever && clock_->ticks() >= ticks; }
    // Whether a chunk that fills up is room for others: then no count tells when to search again.
    bool overwrites() const { return overwrite_; }

    // Wakes the agent, where it sleeps and there will be something for it. One thread does, for each time that it lies
    // down. After what it is to find was counted, with an acquire. COLD, but for the look.
    void wake_agent() {
        // relaxed: the caller's count comes after the agent's (AttachedSegment::lie_down()), and so after its word, or
        // before it, and the agent finds it.
        const uint64_t policy = StdAtomics::load(view_.control().policy, std::memory_order_relaxed);
        if ((policy & PolicyBits::kAsleep) != 0) [[unlikely]]
            ring_bell(policy);
    }
    // Wakes one that looks seldom, because little comes, where with so many claims more has come than it thought;
    // kWaits: at once. COLD.
    void wake_agent_at(uint64_t claims);
    static constexpr uint64_t kWaits = ~uint64_t{0};

    // Gives back what was idle for a while, where it is time to look again. COLD, but for the look at the time.
    void look_after_memory() {
        // relaxed: whoever finds that it is time asks again.
        if (clock_->ticks() >= StdAtomics::load(look_after_, std::memory_order_relaxed)) [[unlikely]]
            look_now();
    }
    // COLD. A step of that, whatever the time and however little there is.
    void give_back_idle();
    // Another number with each look, for what threads keep: they give it back once in a while.
    uint32_t looks() const { return StdAtomics::load(looks_, std::memory_order_relaxed); }

    // release: PARKED before the count. Pairs with the acquire in freed_mark().
    void note_parked() { StdAtomics::fetch_add(parked_, uint64_t{1}, std::memory_order_release); }

    // kNone: none is left.
    static constexpr uint32_t kNone = IndexPool<>::kNone;
    // A slot that was never used begins at the segment's own generation.
    uint32_t take_slot() {
        const uint32_t slot = take_part(ExtentKind::kSlots);
        if (slot != kNone && first_generation_ != 0) begin_slot(slot);
        return slot;
    }
    // At most so many more, of the same extent: their places in it, a bit each.
    uint64_t take_slots_beside(uint32_t slot, uint32_t most) {
        const uint64_t places = parts_.take_some(slot / kSlotNumbers, ExtentKind::kSlots, most);
        for (uint64_t rest = places; rest != 0 && first_generation_ != 0; rest &= rest - 1)
            begin_slot(slot / kSlotNumbers * kSlotNumbers + static_cast<uint32_t>(__builtin_ctzll(rest)));
        return places;
    }
    // With the blocks that it has.
    void give_slot(uint32_t slot) {
        Slot& given = view_.slot(slot);
        uint64_t blocks[2];
        static_assert(sizeof blocks == sizeof given.blocks);
        memcpy(blocks, given.blocks, sizeof blocks);
        if ((blocks[0] | blocks[1]) != 0) [[unlikely]]
            give_blocks(given, 1);
        give_part(slot / kSlotNumbers, slot % kSlotNumbers);
    }
    uint32_t take_block(uint32_t block_class) { return take_part(kind_of_blocks(block_class)); }
    void give_block(uint32_t block, uint32_t block_class) {
        give_part(block / kBlockNumbers, block % kBlockNumbers / part_numbers(kind_of_blocks(block_class)));
    }
    // COLD. A huge place with room for so many bytes of the slot's data: it is the slot's until give_blocks(). kNone:
    // there is none, or no memory.
    uint32_t take_huge_block(Slot& slot, uint32_t bytes);
    // The blocks of a free slot, of that class and larger ones.
    [[gnu::noinline]] void give_blocks(Slot& slot, uint32_t block_class) {
        if (slot.blocks[kBlockClasses - 1] != 0) [[unlikely]]
            give_huge_blocks(slot);
        for (; block_class <= kBlockClasses; ++block_class) {
            uint32_t& block = slot.blocks[block_class - 1];
            if (block == 0) continue;
            const uint32_t number = block - 1;
            block = 0;  // first: what vanishes in between is given to nobody twice
            StdAtomics::keep_order();
            give_block(number, block_class);
        }
    }

    // COLD. Extents of which nobody uses anything, and that have no memory, leave it to huge places: at most so many.
    // False: there is none.
    [[gnu::cold]] bool lend_extents(uint32_t most);

    // COLD. Whether one span more may wait in its slot; it is counted as one that does. Not in those that are kept for
    // open spans, so that a slow backend does not stop starts, unless it is in a huge place; nor where the oldest give
    // way.
    bool may_wait(bool huge);
    // COLD. It does.
    void note_waiting() {
        // release: WAITING before the count. Pairs with the acquire in the agent's WaitingSlots. Without it the agent
        // could note the count, not find the slot, and not look for it again. acquire: as in attach_chunk().
        StdAtomics::fetch_add(view_.writer().waits, uint64_t{1}, std::memory_order_acq_rel);
        wake_agent();
        wake_agent_at(kWaits);
    }
    // COLD. Slots of spans that waited and that the agent has become free. False: there are none.
    bool take_done();

    // Whether there is such a slot, or chunk: any number may be asked for.
    bool has_slot(uint32_t slot) const {
        const uint32_t extent = slot / kSlotNumbers;
        return extent < extent_limit_ && slot % kSlotNumbers < kSlotsPerExtent && parts_.is(extent, ExtentKind::kSlots);
    }
    bool has_chunk(uint32_t chunk) const {
        const uint32_t extent = chunk / kChunksPerExtent;
        if (extent >= kFirstHuge) return is_huge_chunk(extent - kFirstHuge) && chunk % kChunksPerExtent == 0;
        if (extent >= extent_limit_) return false;
        const ExtentKind kind = parts_.kind(extent, true);
        return holds_chunks(kind) && chunk % kChunksPerExtent < parts_of(kind);
    }
    // COLD. Every slot there is. While those of an extent are visited it does not become one of something else, or what
    // another thread writes there could be taken for slots. Who vanishes meanwhile leaves it one of slots for good.
    template <class Visit>
    void each_slot(Visit&& visit) {
        const uint32_t count = extents();
        for (uint32_t extent = 0; extent < count; ++extent) {
            if (!parts_.hold(extent, ExtentKind::kSlots)) continue;
            for (uint32_t place = 0; place < kSlotsPerExtent; ++place) visit(extent * kSlotNumbers + place);
            if (parts_.let_go(extent)) became_unused(extent);
        }
    }

    // COLD. Every chunk there is: those of each extent that was counted before the call.
    template <class Visit>
    void each_chunk(Visit&& visit) const {
        const uint32_t count = extents();
        for (uint32_t extent = 0; extent < count; ++extent) {
            const ExtentKind kind = parts_.kind(extent, true);
            for (uint32_t place = 0; holds_chunks(kind) && place < parts_of(kind); ++place)
                visit(extent * kChunksPerExtent + place);
        }
        for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place)
            if (is_huge_chunk(place)) visit((kFirstHuge + place) * kChunksPerExtent);
    }

    // A counter line in populated memory, or nullptr: use WriterPage::shared_line, with read-modify-writes.
    CounterLine* counter_line(uint32_t line);
    uint32_t take_line() { return lines_.pop(kCounterLines); }
    void give_line(uint32_t line) { lines_.push(line); }

private:
    static constexpr uint64_t kLookPause = 10'000'000'000;  // nanoseconds between two looks at what is idle

    // Of memory_.
    static constexpr uint32_t kCountedShift = 32;
    static constexpr uint32_t kLentShift = 48;
    static_assert(kMaxExtents < 1u << (kLentShift - kCountedShift));
    static uint32_t all_counted(uint64_t memory) {
        return static_cast<uint32_t>(memory >> kCountedShift) & ((1u << (kLentShift - kCountedShift)) - 1);
    }
    // In extents.
    static uint32_t memory_of(uint64_t memory) {
        return all_counted(memory) - static_cast<uint32_t>(memory >> kLentShift) +
               extents_of_huge(static_cast<uint32_t>(memory));
    }

    uint32_t extents() const {
        // acquire: the words of the counted extents are there. Pairs with the release in take_extent(). Without it a
        // search could pass over an extent that is counted, and its caller not search again before something else is.
        return StdAtomics::load(view_.writer().extents, std::memory_order_acquire);
    }
    ExtentKind kind(uint32_t extent) const {
        return extent < kFirstHuge ? parts_.kind(extent) : kind_of_huge(extent - kFirstHuge);
    }
    // gnu::cold: for size, which is what counts there; a library of 32 bits is near its bound.
    bool take_extent(ExtentKind kind, uint32_t seen);
    [[gnu::cold]] bool leaves_shares(ExtentKind kind, uint32_t more, uint32_t memory, uint32_t taken, uint32_t huge,
                                     uint32_t& ret_unused) const;
    bool reserve_extent(uint32_t extent);
    bool try_to_populate(uint32_t extent);
    bool is_empty(uint32_t extent) const;
    [[gnu::cold]] bool has_free_chunks_alone(uint32_t extent, ExtentKind kind) const;
    [[gnu::cold]] bool lend_extent(uint32_t extent);
    [[gnu::cold]] void put_back(uint32_t extent, ExtentKind kind);
    bool any_lent() const {
        return StdAtomics::load(memory_, std::memory_order_relaxed) >> kLentShift != 0;
    }  // a number
    [[gnu::cold]] bool take_lent_back(uint32_t extent);
    [[gnu::cold]] bool take_any_back(ExtentKind kind);
    [[gnu::cold]] bool populate_again(uint32_t extent);
    [[gnu::cold]] bool restore_extent(ExtentKind kind);
    bool turn_extent(uint32_t extent, ExtentKind kind);
    bool take_back(uint32_t extent, ExtentWord& word);
    void close_extent(uint32_t extent);
    void became_unused(uint32_t extent);
    // Who searched in vain finds something now, be it memory alone: after it can be had. release: that it can, before
    // the count. Pairs with the acquire in freed_mark().
    void note_unused() { StdAtomics::fetch_add(unused_, uint64_t{1}, std::memory_order_release); }
    void make_slots(uint32_t extent);
    uint32_t take_part(ExtentKind kind);
    void begin_slot(uint32_t slot);
    void give_part(uint32_t extent, uint32_t place) {
        if (parts_.give(extent, place)) became_unused(extent);
    }
    void note_kind(ExtentKind kind) {
        if (kind == ExtentKind::kJumboChunks)
            StdAtomics::fetch_add(jumbo_extents_, uint32_t{1}, std::memory_order_relaxed);
    }
    uint32_t kept_slot_extents() const;
    uint32_t most_waiting();
    bool fits_badly(uint32_t bytes) const;
    ExtentKind usual_chunks(uint32_t bytes, bool first) const;
    bool search(ChunkWriter<>& writer, ExtentKind kind, ChunkState state, uint32_t owner);
    bool find_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss, uint32_t mean);
    bool adopt_parked(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner);
    [[gnu::cold]] bool overwrite_oldest(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss);
    void ring_bell(uint64_t policy);
    uint64_t ticks_in(uint64_t nanoseconds) const;
    void look_now();
    [[gnu::cold]] bool give_some(const OwnFile& file);
    void begin_look();
    bool holds_unused(uint32_t extent) const;
    [[gnu::cold]] bool may_go(uint32_t extent, bool rested) const;
    [[gnu::cold]] bool give_chunks(uint32_t extent, ExtentKind kind);
    [[gnu::cold]] bool give_unused(uint32_t extent);
    bool remove(uint8_t* bytes, uint32_t size);
    bool may_hold(uint32_t place, uint32_t bytes) const;
    bool hold_huge(uint32_t place, uint32_t holder);
    uint32_t given_when(uint32_t place) const {
        return StdAtomics::load(given_when_[place], std::memory_order_relaxed);  // a number
    }
    void let_go_huge(uint32_t place) {
        // release: what the holder did to the place. Pairs with the acquire in hold_huge(), which says what breaks.
        StdAtomics::store(holders_[place], uint32_t{0}, std::memory_order_release);
    }
    bool is_huge(uint32_t place) const {
        // acquire: the place's word and line are there. Pairs with the release in begin_huge(). Without it a thread
        // could touch a page that is not there yet (SIGBUS on a full tmpfs).
        return (StdAtomics::load(view_.writer().huge, std::memory_order_acquire) >> place & 1) != 0;
    }
    // Of one that was never used: EMPTY. To whoever does not hold it, a guess.
    ExtentMemory memory_of_huge(uint32_t place) const {
        if (!is_huge(place)) return ExtentMemory::kEmpty;
        // relaxed: who makes it whole holds it.
        const uint64_t word = StdAtomics::load(view_.extent_word(kFirstHuge + place), std::memory_order_relaxed);
        return ExtentWord::unpack(word).memory;
    }
    bool is_huge_chunk(uint32_t place) const { return place >= kHugeBlocks && place < kHugePlaces && is_huge(place); }
    uint32_t huge_with_memory() const {
        return static_cast<uint32_t>(StdAtomics::load(memory_, std::memory_order_relaxed));  // numbers
    }
    uint32_t holder_of(const Slot& slot) const {
        return static_cast<uint32_t>((reinterpret_cast<const uint8_t*>(&slot) - view_.base()) / 64);
    }
    [[gnu::cold]] uint32_t lacking(uint64_t have, uint64_t wanted, bool shared) const;
    [[gnu::cold]] bool reserve_huge(uint32_t place, bool shared);
    [[gnu::cold]] uint32_t hold_outgrown(uint32_t place, bool idle);
    [[gnu::cold]] void keep_end(const Slot& slot);
    bool may_claim_huge(uint32_t place) const;
    bool share_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t mean, uint32_t owner);
    bool empty_huge();
    [[gnu::cold]] bool empty_idle_for(uint32_t place);
    [[gnu::cold]] bool empty_idle(uint32_t places);
    [[gnu::cold]] bool empty_held(uint32_t place);
    void unreserve_huge(uint32_t place);
    // Of one that could not be made whole.
    bool is_short_of_memory(uint32_t place) const { return (huge_with_memory() >> place & 1) == 0; }
    bool is_kept_for_end(uint32_t place) const;
    [[gnu::cold]] bool forget_gone();
    [[gnu::cold]] bool fill_huge(uint32_t place);
    [[gnu::cold]] bool begin_huge(uint32_t place);
    [[gnu::cold]] bool make_huge_whole(uint32_t place);
    [[gnu::cold]] void give_huge_blocks(Slot& slot);
    bool claim_huge(ChunkWriter<>& writer, uint32_t place, uint32_t bytes, uint32_t owner);
    bool find_huge_chunk(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss);
    [[gnu::cold]] bool claim_any_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, uint32_t& ret_short);
    [[gnu::cold]] bool overwrite_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss);
    [[gnu::cold]] bool has_idle_chunk(uint32_t extent, ExtentKind kind) const;

    SegmentView view_;
    uint64_t size_ = 0;
    uint32_t extent_limit_ = 0;
    uint32_t populated_ = 0;  // extents that were at birth
    bool overwrite_ = false;
    bool restores_ = false;  // memory may go, and come again
    uint32_t first_generation_ = 0;
    Clock* clock_ = nullptr;
    Bell bell_;
    ExtentParts<> parts_;
    IndexPool<> lines_;
    uint32_t hints_[kExtentKinds] = {};  // the extent where a part of a kind was found last; any value is right
    uint32_t writers_ = 0;
    uint32_t jumbo_extents_ = 0;  // about: a thread that vanishes may have taken one more
    uint32_t waiting_ = 0;        // spans that wait in their slots, or are done; likewise
    uint32_t most_waiting_ = 0;   // how many may, where there were so many extents and turns
    alignas(8) uint64_t most_waiting_at_ = 0;
    alignas(8) uint64_t done_ = 0;  // Control::done as somebody found it who then looked at all slots
    alignas(8) uint64_t sequence_ = 1;
    alignas(8) uint64_t parked_ = 0;      // ever parked
    alignas(8) uint64_t adopted_ = 0;     // ever adopted; while both are equal nothing is parked
    alignas(8) uint64_t unused_ = 0;      // how often extents of slots or blocks, or huge places, became unused, or
                                          // memory free
    alignas(8) uint64_t grow_after_ = 0;  // ticks: a refused growth is not tried again before; 0: the last was not
                                          // refused
    alignas(8) uint64_t huge_after_ = 0;  // the same of huge places
    alignas(8) uint64_t look_after_ = 0;  // ticks: memory is not looked after again before; or kNever

    // Of who looks after memory, one thread at a time.
    uint32_t looker_ = 0;        // 1: there is one
    uint32_t looks_ = 0;         // ever begun
    uint32_t extents_left_ = 0;  // of this look, from there down; 0: the next one begins
    uint64_t freed_ = 0;         // Control::freed at the last look

    // What has memory, or may have: bits 0-31 the huge places, one each; 32-47 how many extents, from the first one on;
    // 48-63 of how many of these huge places may have it. One word, so that together they never have more than the
    // segment may.
    alignas(8) uint64_t memory_ = 0;
    uint32_t holders_[kHugePlaces] = {};                // 0: nobody; a slot, by holder_of(); kPassing
    uint32_t given_when_[kHugeBlocks] = {};             // looks() when it was given
    static constexpr uint32_t kPassing = ~uint32_t{0};  // held by a thread for a moment
};

}  // namespace spanring::ring

// ---- lib/ring/level_writer.hpp ---------------------------------------------------------------------------------------

//
// What one thread owns of the segment at one signal level: a chunk, a few free slots, a counter line. Here is the order
// of stores that makes a kill at any instruction harmless:
//
//     start:  fill the slot           | slot OPEN       | count started
//     end:    intent in the slot      | slot ENDING     | commit in the chunk | count ended | slot FREE
//     drop:   intent in the slot      | slot DROPPING   | count the cause     | count ended | slot FREE
//     wait:   intent in the slot      | slot ENDING     | count ended         | slot WAITING | tell the agent
//
// Recovery repeats what may be missing, from the intent (settlement.hpp); settle() does the same for a thread that
// vanished while its process lives on.

namespace spanring::ring {

// A slot that is one thread's, with its address, which a start would otherwise compute.
struct HeldSlot {
    Slot* slot = nullptr;
    uint32_t index = 0;

    explicit operator bool() const { return slot != nullptr; }
};

class LevelWriter {
public:
    static constexpr uint32_t kSharedLine = ~uint32_t{0};  // in Slot::line: counted in WriterPage::shared_line

    // Before first use, once for a thread (and again in a child). owner: thread id. COLD.
    void open(Segment& segment, uint32_t owner);

    // The thread leaves: its chunk, slots and line go to the next one. COLD.
    void leave(Segment& segment);

    // The thread vanished in the middle of whatever it did: what it had begun is settled as after a death, so that
    // leave() gives away nothing but what is whole. By the one heir of the thread's state. COLD.
    void settle(Segment& segment);

    // In a child after fork(): forgets what is the parent's.
    void forget() { *this = LevelWriter(); }

    bool is_open() const { return open_; }

    // A free slot for this writer alone, or none.
    HeldSlot take_slot(Segment& segment) {
        if (free_slots_ != 0) [[likely]]
            return slots_[--free_slots_];
        return take_new_slot(segment);
    }

    // HOT. One that the thread has kept; asked for before, with nothing in between.
    bool has_kept_slot() const { return free_slots_ != 0; }
    HeldSlot take_kept_slot() { return slots_[--free_slots_]; }

    // The slot was filled; from here on the span is started.
    void publish_start(Slot& slot, SlotWord word) {
        const uint64_t started = counts_[index(Counter::kStarted)] + 1;
        // Atomic for settle(), which looks at slots of living threads as well. relaxed: published by the two below.
        StdAtomics::store(slot.line, line_index_, std::memory_order_relaxed);
        // release: the line before the number that is true of it. Pairs with the acquire in settle(). Without it the
        // number of this start could be taken for one of the slot's last user, and that line be raised to it.
        StdAtomics::store(slot.started, started, std::memory_order_release);
        // release: publishes the slot's content to whoever recovers it. Pairs with the acquire in
        // Recovery::settle_slot() and in settle(). Without it these could take a half-filled slot for a span.
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(slot_opened);
        chunk_.prefetch();
        prefetch_next_slot();
        note_count(Counter::kStarted, started, 1);
        SPR_TESTPOINT(start_counted);
    }

    // Makes sure that `bytes` (and a scope record in front of them, if one is needed) fit into the chunk. False: ring
    // full.
    bool make_room(Segment& segment, uint32_t bytes) {
        if (chunk_.attached() && chunk_.room() >= bytes + kScopeRecordSize) [[likely]]
            return true;
        return next_chunk(segment, bytes + kScopeRecordSize);
    }

    // Where the record is to be written, with a scope record already in front where the scope changes. After
    // make_room().
    uint8_t* place(uint32_t scope) {
        uint8_t* place = chunk_.place();
        if (scope == chunk_.scope()) [[likely]]
            return place;
        place[0] = kControlRecord;
        place[1] = kControlScope;
        for (int i = 0; i < 4; ++i) place[2 + i] = static_cast<uint8_t>(scope >> 8 * i);
        return place + kScopeRecordSize;
    }

    // HOT. Where a record of the scope that the chunk is at may be written, with `bytes` of room; nullptr: place() has
    // more to do.
    uint8_t* place_of_same(uint32_t scope, uint32_t bytes) const {
        return chunk_.attached() && scope == chunk_.scope() && chunk_.room() >= bytes ? chunk_.place() : nullptr;
    }
    // HOT. Whether a slot that comes back is kept.
    bool may_keep_slot() const { return free_slots_ < slot_room_; }
    // HOT. publish_end() for a record that lies there, of a slot without blocks, which may_keep_slot().
    [[gnu::always_inline]] void publish_end_of_same(HeldSlot held, uint64_t word, uint32_t bytes) {
        commit_end(*held.slot, SlotWord::unpack(word), chunk_.next(bytes, 1));
        keep_slot(held);
    }
    // HOT. The same, of one of many that are open: the next record may come before the next start, and slots that are
    // not kept come back as well.
    [[gnu::always_inline]] void publish_end_of_other(Segment& segment, HeldSlot held, uint64_t word, uint32_t bytes) {
        commit_end(*held.slot, SlotWord::unpack(word), chunk_.next(bytes, 1));
        chunk_.prefetch();
        if (may_keep_slot()) [[likely]]
            keep_slot(held);
        else
            pass_slot_on(segment, held);
    }

    // HOT. The record of `bytes` lies at place(scope): commit it and clear the slot.
    [[gnu::always_inline]] void publish_end(Segment& segment, Slot& slot, uint32_t slot_index, SlotWord word,
                                            uint32_t bytes) {
        const uint32_t size = bytes + (slot.scope == chunk_.scope() ? 0 : kScopeRecordSize);
        chunk_.set_scope(slot.scope);
        commit_end(slot, word, chunk_.next(size, 1));
        // Only now: settle() would give it back once more if this thread vanished in between.
        return_slot(segment, slot, slot_index);
    }

    // COLD. Nothing more comes into the chunk: of a span in a huge place, which would otherwise keep its memory.
    void seal(Segment& segment) { chunk_.seal(segment.next_sequence()); }

    // The span ends and is lost for a cause that is counted.
    [[gnu::noinline]] void publish_drop(Segment& segment, Slot& slot, uint32_t slot_index, SlotWord word,
                                        Counter cause) {
        StdAtomics::store(slot.intent_line, line_index_, std::memory_order_relaxed);  // as in publish_end()
        slot.intent_cause = static_cast<uint32_t>(cause);
        slot.intent_ended = counts_[index(Counter::kEnded)] + 1;
        slot.intent_dropped = counts_[index(cause)] + 1;
        word.state = SlotState::kDropping;
        // release: as in publish_end().
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(drop_intended);
        count(cause);
        SPR_TESTPOINT(drop_counted);
        count(Counter::kEnded);
        clear_slot(slot);
        return_slot(segment, slot, slot_index);  // only now, as above
    }

    // The span has ended, at that time, and no chunk has room for it: it waits in its slot, which is the agent's from
    // here on, and comes back by Segment::take_done(). False: too many wait, and it is still open.
    [[gnu::noinline]] bool publish_wait(Segment& segment, Slot& slot, SlotWord word, uint64_t end_unix_nano) {
        if (!segment.may_wait(word.place > kBlockClasses)) return false;
        // relaxed: as in publish_end().
        StdAtomics::store(slot.intent_chunk, kInSlot, std::memory_order_relaxed);
        StdAtomics::store(slot.intent_line, line_index_, std::memory_order_relaxed);
        slot.intent_word = end_unix_nano;
        slot.intent_ended = counts_[index(Counter::kEnded)] + 1;
        word.state = SlotState::kEnding;
        // release: as in publish_end(). From here on the span has ended.
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(wait_intended);
        count(Counter::kEnded);
        SPR_TESTPOINT(wait_counted);
        word.state = SlotState::kWaiting;
        // release: what the span is, when it ended, and its count before the state that makes it the agent's. Pairs
        // with the acquire in the agent's WaitingSlots. Without it the agent could send bytes of the slot's last user,
        // or free a slot whose end is not counted, of which nobody would know any more.
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(wait_published);
        --taken_;
        segment.note_waiting();
        return true;
    }

    // A free slot comes back, for the thread's next span: with the blocks that most spans need, if it has any.
    void return_slot(Segment& segment, Slot& slot, uint32_t slot_index) {
        if (may_keep_slot()) [[likely]] {
            if ((slot.blocks[kKeptClasses] | slot.blocks[kKeptClasses + 1]) != 0) [[unlikely]]
                segment.give_blocks(slot, kKeptClasses + 1);
            keep_slot({&slot, slot_index});
        } else {
            pass_slot_on(segment, {&slot, slot_index});
        }
    }

    // HOT. Whether it has a line of its own, and so is open.
    bool has_line() const { return line_ != nullptr; }
    // HOT. What is not sampled is counted in the line alone: no intent names it, so no copy is needed.
    void count_unsampled_in_line() {
        uint64_t& value = line_->values[index(Counter::kUnsampled)];
        // relaxed: as in note_count().
        StdAtomics::store(value, StdAtomics::load(value, std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    void count_unsampled() {
        if (has_line()) [[likely]]
            count_unsampled_in_line();
        else if (shared_ != nullptr)  // relaxed: as in note_count()
            StdAtomics::fetch_add(shared_[index(Counter::kUnsampled)], uint64_t{1}, std::memory_order_relaxed);
    }

    // Of everything else.
    void count(Counter counter, uint64_t more = 1) { note_count(counter, counts_[index(counter)] + more, more); }

private:
    // `value`: what it is then, `more` of which are new.
    void note_count(Counter counter, uint64_t value, uint64_t more) {
        counts_[index(counter)] = value;
        // After the word that makes it true, which recovery takes for granted: a release store before does not hold
        // back a relaxed one after it. Without it a kill could leave a counter that is ahead of slot and chunk.
        StdAtomics::keep_order();
        // relaxed: single words with one writer; a live reader sums what it sees, recovery corrects by the intents.
        if (line_ != nullptr) [[likely]]
            StdAtomics::store(line_->values[index(counter)], value, std::memory_order_relaxed);
        else if (shared_ != nullptr)
            StdAtomics::fetch_add(shared_[index(counter)], more, std::memory_order_relaxed);  // many writers
    }

    static constexpr uint32_t kSlotCache = 8;
    static constexpr int32_t kMany = 64;         // spans that a thread has started and not ended
    static constexpr uint32_t kKeptClasses = 2;  // of blocks
    static_assert(kKeptClasses + 2 == kBlockClasses);
    static constexpr uint32_t index(Counter counter) { return static_cast<uint32_t>(counter); }

    HeldSlot take_new_slot(Segment& segment);
    void pass_slot_on(Segment& segment, HeldSlot held);
    bool next_chunk(Segment& segment, uint32_t bytes);
    void give_slots(Segment& segment);

    // HOT. Of a thread with many open: the slot of its next span was not in use for long, and starts fill it faster
    // than its lines come one by one.
    void prefetch_next_slot() const {
        if (static_cast<int32_t>(taken_) < kMany || free_slots_ == 0) [[likely]]
            return;
        prefetch_slot(slots_[free_slots_ - 1]);
    }
    static void prefetch_slot(HeldSlot held) {
        constexpr uint32_t kLines = 12;  // 576 bytes of data
        for (uint32_t line = 0; line < kLines; ++line)
            prefetch_for_write(reinterpret_cast<const uint8_t*>(held.slot) + line * 64);
    }

    void keep_slot(HeldSlot held) {
        slots_[free_slots_] = held;
        std::atomic_signal_fence(std::memory_order_release);  // never counted before it is there: leave() may come
        ++free_slots_;                                        // between the two, when the thread vanishes
    }

    [[gnu::always_inline]] void commit_end(Slot& slot, SlotWord word, ChunkWord next) {
        const uint64_t ended = counts_[index(Counter::kEnded)] + 1;
        // relaxed: published with the state. Atomic for settle(), which looks at slots of living threads as well.
        StdAtomics::store(slot.intent_chunk, chunk_.chunk(), std::memory_order_relaxed);
        StdAtomics::store(slot.intent_line, line_index_, std::memory_order_relaxed);
        slot.intent_word = next.pack();
        slot.intent_ended = ended;
        word.state = SlotState::kEnding;
        // release: the intent before the state that says it is valid. Pairs with the acquire in Recovery::settle_slot()
        // and in settle(). Without it the end could be settled by the intent of the slot's last user.
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(intent_written);
        chunk_.commit(next);
        note_count(Counter::kEnded, ended, 1);
        SPR_TESTPOINT(end_counted);
        clear_slot(slot);
    }

    void clear_slot(Slot& slot) {
        // release: the counters before the slot is free. Pairs with the acquire in Recovery::settle_slot(). Without it
        // recovery could find it free and the end uncounted.
        StdAtomics::store(slot.word, uint64_t{0}, std::memory_order_release);
        SPR_TESTPOINT(slot_cleared);
    }

    ChunkWriter<> chunk_;
    CounterLine* line_ = nullptr;
    uint64_t* shared_ = nullptr;
    uint32_t line_index_ = kSharedLine;
    uint32_t owner_ = 0;
    uint32_t free_slots_ = 0;
    uint32_t taken_ = 0;  // slots that the thread took less those that it gave away, of whoever's spans: it may be
                          // less than none, or more than there are
    bool open_ = false;
    bool had_chunk_ = false;
    uint32_t looks_ = 0;                 // Segment::looks() when the slots were last given back
    uint32_t slot_room_ = kSlotCache;    // how many may be kept; 0: the next one that comes back is not
    uint64_t full_mark_ = ~uint64_t{0};  // Segment::freed_mark() when nothing was free
    uint64_t full_until_ = 0;            // Segment::search_again_at() then
    uint64_t counts_[static_cast<uint32_t>(Counter::kCount)] = {};
    HeldSlot slots_[kSlotCache] = {};
};

}  // namespace spanring::ring

// ---- lib/ring/settlement.hpp -----------------------------------------------------------------------------------------

//
// What somebody who is gone left half done in one slot or one chunk, put right by what it intended. Used by Recovery
// for a dead process, slot after slot, and by LevelWriter::settle() for a thread that vanished while its process lives
// on.
//
//     slot       means                                what is put right
//     FREE       no span, or one that never started   nothing
//     OPEN       unfinished                           its start is counted
//     ENDING     committed, if the chunk says so      the end is counted, the slot is freed
//                unfinished, otherwise                the slot becomes OPEN again
//                ended, if it is to stay in the slot  the end is counted, the slot becomes WAITING
//     DROPPING   dropped                              cause and end are counted, the slot is freed
//     WAITING    ended, and counted                   nothing
//     DONE       no span                              nothing
//
//     chunk      with a loss intent of its generation: the spans that were overwritten for it are counted
//
// The caller answers for it that whoever wrote the slot's state, or the loss intent, is gone, and that the counter
// lines which these name have not been given to anybody else. Every step may be repeated.

namespace spanring::ring {

enum class RecoveryFault : uint8_t { kNone, kSlotState, kSlotLength, kSlotBlock, kIntent };

constexpr const char* describe(RecoveryFault fault) {
    switch (fault) {
        case RecoveryFault::kNone: return "sound";
        case RecoveryFault::kSlotState: return "the slot of an open span is in an unknown state";
        case RecoveryFault::kSlotLength: return "the slot of an open span is longer than its block";
        case RecoveryFault::kSlotBlock:
            return "the slot of an open span names a block that does not exist or is another's";
        case RecoveryFault::kIntent: return "the slot of an open span intends to end in a chunk that does not exist";
    }
    return "an unknown fault";
}

// Whether the record that `intent` was to commit is committed, seen from the chunk's word after the death. A chunk that
// went on to FREE or to a later generation was full, and its writer fills it only after the commit.
constexpr bool is_committed(ChunkWord intent, ChunkWord now) {
    const uint32_t ahead = (now.generation - intent.generation) & ChunkWord::kGenerationMask;
    if (ahead == 0) return now.state == ChunkState::kFree || now.length >= intent.length;
    return ahead < ChunkWord::kGenerationMask / 2;
}

// Whether the data can be where the word says that it is.
constexpr bool fits_place(SlotWord word) { return word.place < kPlaces && word.length <= data_capacity(word.place); }

// Extents: knows by has_chunk() which chunks there are.
template <class Atomics, class Extents>
class Settlement {
public:
    Settlement(SegmentView segment, const Extents& extents, uint32_t counter_lines)
        : segment_(segment), extents_(extents), lines_(counter_lines < kCounterLines ? counter_lines : kCounterLines) {}

    // A line counts in ascending order and its writer is gone: what an intent says is the least that it must say. A
    // span that was counted in the shared line (there are more threads than lines) carries no intent.
    void raise(uint32_t line, Counter counter, uint64_t least) const {
        if (line >= lines_) return;
        uint64_t& value = segment_.counter_line(line).values[static_cast<uint32_t>(counter)];
        if (read(value) < least) store(value, least);
    }

    // The slot is ENDING or DROPPING, as `word` says. ret_state: what it is then, FREE, OPEN or WAITING.
    RecoveryFault settle_end(Slot& slot, SlotWord word, SlotState& ret_state) const {
        SlotWord next;
        if (word.state == SlotState::kDropping) {
            const uint32_t cause = read(slot.intent_cause);
            if (cause >= static_cast<uint32_t>(Counter::kCount)) return RecoveryFault::kIntent;
            raise(read(slot.intent_line), static_cast<Counter>(cause), read(slot.intent_dropped));
        } else {
            const uint32_t chunk = read(slot.intent_chunk);
            if (chunk == kInSlot) {
                next = {SlotState::kWaiting, word.place, word.length};
            } else if (!extents_.has_chunk(chunk)) {
                return RecoveryFault::kIntent;
            } else if (!is_committed(chunk, ChunkWord::unpack(read(slot.intent_word)))) {
                next = {SlotState::kOpen, word.place, word.length};
            }
        }
        if (next.state != SlotState::kOpen) raise(read(slot.intent_line), Counter::kEnded, read(slot.intent_ended));
        store(slot.word, next.pack());
        ret_state = next.state;
        return RecoveryFault::kNone;
    }

    // `word`: the chunk's, loaded with acquire. An intent of another generation never came true, or was counted long
    // ago.
    void settle_loss(const ChunkLine& line, ChunkWord word) const {
        const uint32_t renewed = read(line.loss_generation);  // as ChunkWriter::overwrite() wrote it: never 0, 28 bits
        if (renewed == 0 || (renewed & ChunkWord::kGenerationMask) != word.generation) return;
        raise(read(line.loss_line), Counter::kDroppedOverwritten, read(line.loss));
    }

private:
    bool is_committed(uint32_t chunk, ChunkWord intent) const {
        // acquire: this look comes after the death, and nothing below before it. Pairs with the release in
        // ChunkWriter::commit(). A look from before the death could take a committed span for an unfinished one: it
        // would be exported twice.
        return ring::is_committed(
            intent, ChunkWord::unpack(Atomics::load(segment_.chunk_line(chunk).word, std::memory_order_acquire)));
    }

    template <class T>
    static T read(const T& field) {
        return Atomics::load(field, std::memory_order_relaxed);  // its writer is gone; the caller's acquire came before
    }

    template <class T>
    static void store(T& field, T value) {
        // release: the counters before the slot that carries their intent is free. Pairs with the acquire in
        // Recovery::settle_slot(), of an agent that repeats this after a kill, and with IndexPool::pop() for a slot
        // that goes back to the living. The other way round a kill leaves a free slot and an end that is never counted.
        Atomics::store(field, value, std::memory_order_release);
    }

    SegmentView segment_;
    const Extents& extents_;
    const uint32_t lines_;
};

}  // namespace spanring::ring

// ---- lib/ring/level_writer.cpp ---------------------------------------------------------------------------------------

namespace spanring::ring {

void LevelWriter::open(Segment& segment, uint32_t owner) {
    owner_ = owner;
    const uint32_t line = segment.take_line();
    line_ = line == Segment::kNone ? nullptr : segment.counter_line(line);
    if (line_ != nullptr) {
        line_index_ = line;
        for (uint32_t i = 0; i < index(Counter::kCount); ++i)  // goes on where its last owner stopped
            counts_[i] = StdAtomics::load(line_->values[i], std::memory_order_relaxed);
    } else {
        if (line != Segment::kNone) segment.give_line(line);
        line_index_ = kSharedLine;
        shared_ = segment.view().writer().shared_line;
    }
    segment.note_writer();
    open_ = true;
}

// A thread that has many open takes some more with each, from the lowest on: they lie one behind the other. One whose
// spans others end counts as such.
[[gnu::noinline]] HeldSlot LevelWriter::take_new_slot(Segment& segment) {
    const uint32_t index = segment.take_slot();
    if (index == Segment::kNone) return HeldSlot();
    HeldSlot held = {&segment.view().slot(index), index};
    prefetch_slot(held);  // in no cache, where the thread did not keep it
    if (static_cast<int32_t>(++taken_) < kMany || slot_room_ != kSlotCache) return held;
    for (uint64_t places = segment.take_slots_beside(index, kSlotCache - 1); places != 0; ++taken_) {
        const auto place = static_cast<uint32_t>(63 - __builtin_clzll(places));
        places ^= uint64_t{1} << place;
        const uint32_t other = index / kSlotNumbers * kSlotNumbers + place;
        keep_slot({&segment.view().slot(other), other});
    }
    return held;
}

// Those that are kept for the next spans.
void LevelWriter::give_slots(Segment& segment) {
    taken_ -= free_slots_;
    while (free_slots_ != 0) segment.give_slot(slots_[--free_slots_].index);
}

// One that may not be kept. Each that is given takes an exchange, which waits until all is written that came before it:
// where many end one after the other the others go at once, and the next few ends wait for nothing.
[[gnu::noinline]] void LevelWriter::pass_slot_on(Segment& segment, HeldSlot held) {
    constexpr auto kFew = static_cast<uint32_t>(kMany);
    if (slot_room_ == kSlotCache && taken_ + kFew >= 2 * kFew &&
        (held.slot->blocks[kKeptClasses] | held.slot->blocks[kKeptClasses + 1]) == 0) {
        give_slots(segment);
        keep_slot(held);
        return;
    }
    slot_room_ = kSlotCache;
    --taken_;
    segment.give_slot(held.index);
}

void LevelWriter::leave(Segment& segment) {
    if (chunk_.attached() && !chunk_.spare()) {
        if (chunk_.chunk() >= kFirstHugeChunk) {  // nobody adopts one
            chunk_.seal(segment.next_sequence());
        } else {
            chunk_.park();
            segment.note_parked();
        }
    }
    give_slots(segment);
    if (open_) segment.forget_writer();
    const uint32_t line = line_ != nullptr ? line_index_ : Segment::kNone;
    forget();  // before the line is given away, as with the chunk: whoever vanishes in between gives nothing twice
    if (line != Segment::kNone) segment.give_line(line);
}

// Slots of living threads are looked at too, but never taken for this one's: nobody else writes the number of a line
// that has not been given away, or of a chunk that is attached.
void LevelWriter::settle(Segment& segment) {
    const SegmentView view = segment.view();
    // acquire: this line is populated. Pairs with the release in Segment::counter_line(). It was, or there would be no
    // line_: without it a number from before could leave the line out.
    const uint32_t lines = StdAtomics::load(view.writer().counter_lines, std::memory_order_acquire);
    const Settlement<StdAtomics, Segment> settlement(view, segment, lines);
    if (chunk_.attached()) settlement.settle_loss(chunk_.line(), chunk_.resume());
    bool waits = false;
    segment.each_slot([&](uint32_t index) {
        Slot& slot = view.slot(index);
        // acquire: the line and the number of the start, or the intent. Pairs with the releases in publish_start(),
        // publish_end(), publish_drop() and publish_wait(). Without it the slot's last user could be taken for its
        // present one. A slot that waits is an agent's, or the next user's at any time: nothing in it is to be read.
        const SlotWord word = SlotWord::unpack(StdAtomics::load(slot.word, std::memory_order_acquire));
        waits = waits || word.state == SlotState::kWaiting;
        if (word.state == SlotState::kFree || word.state > SlotState::kDropping) return;
        // acquire: pairs with the release in publish_start(). The other way round a line that is this one's could be
        // put together with a number that the slot's next user wrote.
        const uint64_t started = StdAtomics::load(slot.started, std::memory_order_acquire);
        if (line_ != nullptr && StdAtomics::load(slot.line, std::memory_order_relaxed) == line_index_)
            settlement.raise(line_index_, Counter::kStarted, started);
        if (word.state == SlotState::kOpen) return;
        // relaxed: after the acquire of the word.
        const bool mine = line_ != nullptr
                              ? StdAtomics::load(slot.intent_line, std::memory_order_relaxed) == line_index_
                              : chunk_.attached() && word.state == SlotState::kEnding &&
                                    StdAtomics::load(slot.intent_chunk, std::memory_order_relaxed) == chunk_.chunk();
        if (!mine) return;
        SlotState state = word.state;
        if (settlement.settle_end(slot, word, state) != RecoveryFault::kNone) return;
        waits = waits || state == SlotState::kWaiting;
        if (state == SlotState::kFree) segment.give_slot(index);
    });
    if (waits) segment.note_waiting();  // the thread may not have come to it
}

bool LevelWriter::next_chunk(Segment& segment, uint32_t bytes) {
    if (chunk_.attached() && chunk_.chunk() >= kFirstHugeChunk &&
        chunk_.widen(size_of(chunk_.chunk() / kChunksPerExtent), bytes))
        return true;
    const uint64_t mark = segment.freed_mark();
    // Nothing became free since the last search: the cheap way to be full. For a huge place there was none: its memory
    // may be kept for this very end.
    if (bytes <= kJumboChunk && full_mark_ == mark && !segment.is_past(full_until_)) return false;
    const uint32_t mean = chunk_.mean();
    if (chunk_.attached()) chunk_.seal(segment.next_sequence());
    Loss loss{line_index_, counts_[index(Counter::kDroppedOverwritten)]};
    if (!segment.attach_chunk(chunk_, bytes, !had_chunk_, owner_, loss, mean)) {
        // A larger span says nothing about the next one.
        if (bytes <= kSmallChunk && !segment.overwrites()) {
            full_mark_ = mark;
            full_until_ = segment.search_again_at();
        }
        return false;
    }
    full_mark_ = ~uint64_t{0};
    had_chunk_ = true;
    // Once in a while: what a burst left to this thread may lie in as many extents, and keeps these from going. That is
    // true of the slot whose span ends right now as well, with its block.
    if (looks_ != segment.looks()) {
        looks_ = segment.looks();
        give_slots(segment);
        slot_room_ = 0;
    }
    if (loss.spans != 0) {
        count(Counter::kDroppedOverwritten, loss.spans);
        SPR_TESTPOINT(loss_counted);
    }
    return true;
}

}  // namespace spanring::ring

// ---- lib/ring/own_file.hpp -------------------------------------------------------------------------------------------

//
// The process's own segment file, open again for a moment: to see how much memory it has, and to have the agent's lock,
// so that no agent serves the segment meanwhile. For reading, so that closing it rings no bell.
//
// No signal is handled while it is open: a handler that never returned, or that forked, would keep the lock, and no
// agent could ever serve the process. One that another thread forks off in this moment inherits the descriptor, but not
// the lock, which is taken back before the descriptor is closed. (If the process is killed before that, it keeps the
// lock until it calls exec or ends.) COLD, and for a signal handler as well.

namespace spanring::ring {

class OwnFile {
public:
    explicit OwnFile(const char* path);
    ~OwnFile();  // keeps errno
    OwnFile(const OwnFile&) = delete;
    OwnFile& operator=(const OwnFile&) = delete;

    // Whether it was within reach: the same root and user, a descriptor left.
    explicit operator bool() const { return file_ >= 0; }

    // Bytes of memory that it has; all there can be where the system does not say.
    uint64_t memory() const;

    // False: an agent has it.
    bool lock_as_agent() const;

private:
    int file_ = -1;
    bool blocked_ = false;
    mutable bool locked_ = false;
    int error_;
    alignas(8) uint8_t signals_[128];  // that were blocked before, as the kernel keeps them
};

}  // namespace spanring::ring

// ---- lib/ring/own_file.cpp -------------------------------------------------------------------------------------------

namespace spanring::ring {
namespace {

constexpr long kSignalSetSize = _NSIG / 8;  // as the kernel has it

// Of the agent's lock: byte 1 (docs/shared-memory.md, 8). Shared, which a descriptor for reading may have, and an
// agent's is not.
bool set_lock(int file, short type) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = 1;
    lock.l_len = 1;
    return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

}  // namespace

// System calls, not the functions of libc: those leave out the signal by which a thread is cancelled, and are places
// where that happens.
OwnFile::OwnFile(const char* path) : error_(errno) {
    uint8_t all[sizeof signals_];
    static_assert(kSignalSetSize <= static_cast<long>(sizeof signals_));
    memset(all, 0xff, sizeof all);
    memset(signals_, 0, sizeof signals_);
    blocked_ = syscall(SYS_rt_sigprocmask, SIG_SETMASK, all, signals_, kSignalSetSize) == 0;
    if (!blocked_ || path[0] == '\0') return;
    file_ = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0));
}

OwnFile::~OwnFile() {
    if (locked_) set_lock(file_, F_UNLCK);
    if (file_ >= 0) syscall(SYS_close, file_);
    if (blocked_) syscall(SYS_rt_sigprocmask, SIG_SETMASK, signals_, nullptr, kSignalSetSize);
    errno = error_;
}

uint64_t OwnFile::memory() const {
    struct stat status;
    return fstat(file_, &status) == 0 ? static_cast<uint64_t>(status.st_blocks) * 512 : ~uint64_t{0};
}

bool OwnFile::lock_as_agent() const { return locked_ = locked_ || set_lock(file_, F_RDLCK); }

}  // namespace spanring::ring

// ---- lib/ring/runtime_directory.cpp ----------------------------------------------------------------------------------

namespace spanring::ring {

namespace {

// Not getenv(): in a set-user-id program the environment is the caller's and must not choose a place to write to.
const char* variable(const char* name) {
    const char* value = secure_getenv(name);
    return value != nullptr && value[0] != '\0' ? value : nullptr;
}

// One text after the other: what snprintf() would do, with 2 KiB more of the caller's stack.
int join(char* ret_path, size_t size, const char* first, const char* second) {
    const size_t first_size = strlen(first), second_size = strlen(second);
    if (first_size + second_size >= size) return -ENAMETOOLONG;
    memcpy(ret_path, first, first_size);
    memcpy(ret_path + first_size, second, second_size + 1);
    return 0;
}

// The effective user's id, in decimal digits.
class UserText {
public:
    UserText() {
        unsigned long rest = geteuid();
        do *--begin_ = static_cast<char>('0' + rest % 10);
        while ((rest /= 10) != 0);
    }
    const char* text() const { return begin_; }

private:
    char digits_[24] = {};
    char* begin_ = digits_ + sizeof digits_ - 1;
};

// A trailing slash would make the kernel follow a symbolic link in spite of O_NOFOLLOW.
void strip_slashes(char* path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0';
}

// After `su` the variable often still names the directory of somebody else, or one that is gone; in a container it may
// be on a disk.
bool usable_session(const char* path) {
    struct stat status;
    struct statfs file_system;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
           statfs(path, &file_system) == 0 && file_system.f_type == TMPFS_MAGIC;
}

int check_directory(int fd, bool any_file_system) {
    struct stat status;
    if (fstat(fd, &status) < 0) return -errno;
    if (status.st_uid != geteuid()) return -EPERM;
    if ((status.st_mode & 077) != 0) return -EACCES;
    if (any_file_system) return 0;
    struct statfs file_system;
    if (fstatfs(fd, &file_system) < 0) return -errno;
    return file_system.f_type == TMPFS_MAGIC ? 0 : -EMEDIUMTYPE;
}

constexpr char kHexDigits[] = "0123456789abcdef";

void put_hex(const uint8_t id[16], char* out) {
    for (int i = 0; i < 16; ++i) {
        *out++ = kHexDigits[id[i] >> 4];
        *out++ = kHexDigits[id[i] & 15];
    }
}

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

bool parse_name(const char* name, const char* prefix, const char* suffix, uint8_t* ret_instance_id) {
    const size_t prefix_size = strlen(prefix);
    if (strlen(name) != prefix_size + 32 + strlen(suffix)) return false;
    if (memcmp(name, prefix, prefix_size) != 0 || strcmp(name + prefix_size + 32, suffix) != 0) return false;
    uint8_t id[16];
    for (int i = 0; i < 16; ++i) {
        const int high = hex_value(name[prefix_size + static_cast<size_t>(i) * 2]);
        const int low = hex_value(name[prefix_size + static_cast<size_t>(i) * 2 + 1]);
        if (high < 0 || low < 0) return false;
        id[i] = static_cast<uint8_t>(high << 4 | low);
    }
    if (ret_instance_id != nullptr) memcpy(ret_instance_id, id, sizeof id);
    return true;
}

}  // namespace

int runtime_directory_path(RuntimeDirectory kind, char* ret_path, size_t size) {
    const char* explicit_path = variable("SPANRING_DIR");
    if ((explicit_path != nullptr) != (kind == RuntimeDirectory::kExplicit)) return -ENOENT;
    switch (kind) {
        case RuntimeDirectory::kExplicit: {
            if (explicit_path[0] != '/') return -EINVAL;
            const int result = join(ret_path, size, explicit_path, "");
            if (result == 0) strip_slashes(ret_path);
            return result;
        }
        case RuntimeDirectory::kPackage: return join(ret_path, size, "/run/spanring/", UserText().text());
        case RuntimeDirectory::kSession: {
            const char* session = variable("XDG_RUNTIME_DIR");
            if (session == nullptr) return -ENOENT;
            if (session[0] != '/') return -EINVAL;
            return join(ret_path, size, session, "/spanring");
        }
        case RuntimeDirectory::kShared: return join(ret_path, size, "/dev/shm/spanring-", UserText().text());
        case RuntimeDirectory::kCount: break;
    }
    return -EINVAL;
}

int open_runtime_directory_kind(RuntimeDirectory kind, bool create, char* ret_path, size_t size, int* ret_fd) {
    char path[kRuntimePathSize];
    const int named = runtime_directory_path(kind, path, sizeof path);
    if (named < 0) return named;
    if (strlen(path) >= size) return -ENAMETOOLONG;
    if (kind == RuntimeDirectory::kSession) {
        char* slash = strrchr(path, '/');
        *slash = '\0';
        const bool usable = usable_session(path);
        *slash = '/';
        if (!usable) return -ENOENT;
    }
    const bool made = create && kind != RuntimeDirectory::kPackage;
    const int opened = open_checked_directory(path, made, kind == RuntimeDirectory::kExplicit, ret_fd);
    if (opened == 0) memcpy(ret_path, path, strlen(path) + 1);
    return opened;
}

int open_checked_directory(const char* path, bool create, bool any_file_system, int* ret_fd) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, kFlags);
    if (fd < 0 && errno == ENOENT && create) {  // only the first process does not find it
        if (mkdir(path, 0700) < 0 && errno != EEXIST) return -errno;
        fd = open(path, kFlags);
    }
    if (fd < 0) return -errno;
    const int checked = check_directory(fd, any_file_system);
    if (checked < 0) {
        close(fd);
        return checked;
    }
    *ret_fd = fd;
    return 0;
}

int open_runtime_directory(char* ret_path, size_t size, int* ret_fd) {
    if (variable("SPANRING_DIR") != nullptr) {
        return open_runtime_directory_kind(RuntimeDirectory::kExplicit, true, ret_path, size, ret_fd);
    }
    constexpr RuntimeDirectory kOptional[] = {RuntimeDirectory::kPackage, RuntimeDirectory::kSession};
    for (const RuntimeDirectory kind : kOptional) {
        const int result = open_runtime_directory_kind(kind, true, ret_path, size, ret_fd);
        // A relative $XDG_RUNTIME_DIR is ignored, as its specification says; a relative $SPANRING_DIR is a mistake.
        if (result != -ENOENT && !(result == -EINVAL && kind == RuntimeDirectory::kSession)) return result;
    }
    return open_runtime_directory_kind(RuntimeDirectory::kShared, true, ret_path, size, ret_fd);
}

void segment_name(const uint8_t instance_id[16], char ret_name[kSegmentNameSize]) {
    put_hex(instance_id, ret_name);
    memcpy(ret_name + 32, ".spr", sizeof ".spr");
}

void temporary_name(const uint8_t instance_id[16], char ret_name[kTemporaryNameSize]) {
    ret_name[0] = '.';
    put_hex(instance_id, ret_name + 1);
    memcpy(ret_name + 33, ".tmp", sizeof ".tmp");
}

bool parse_segment_name(const char* name, uint8_t ret_instance_id[16]) {
    return parse_name(name, "", ".spr", ret_instance_id);
}

bool parse_temporary_name(const char* name, uint8_t ret_instance_id[16]) {
    return parse_name(name, ".", ".tmp", ret_instance_id);
}

}  // namespace spanring::ring

// ---- lib/ring/segment.cpp --------------------------------------------------------------------------------------------

namespace spanring::ring {
namespace {

constexpr uint64_t kGrowthPause = 100'000'000;  // nanoseconds between two tries at a full tmpfs

// Extents that keep their memory, used or not: half of what a process keeps of tmpfs in any case, and the first one, of
// slots, in the smallest segment. Where few spans are open at once, what comes and goes costs nothing more, and no
// thread finds the only slots in the hands of one that closes them.
constexpr uint32_t kept_extents(uint32_t limit) { return limit < 64 ? 1 : limit / 32 < 8 ? limit / 32 : 8; }

constexpr uint32_t kManyExtents = 64;  // a segment with fewer has few chunks, and rather smaller ones

constexpr ExtentKind kChunkKinds[] = {ExtentKind::kLargeChunks, ExtentKind::kJumboChunks, ExtentKind::kSmallChunks};

// In a segment with few extents there are blocks of two classes alone: what a span needs next in a larger one is not
// taken up by what it has outgrown.
constexpr bool is_small(uint32_t limit) { return limit >= 5 && limit < 2 * kExtentKinds; }
constexpr bool is_left_out(ExtentKind kind, uint32_t limit) {
    return is_small(limit) && (kind == ExtentKind::kBlocks2K || kind == ExtentKind::kBlocks4K);
}

// The least that is kept for a kind, of so many extents: what one kind fills up is no reason to refuse another. Chunks
// keep their extents, so what is kept for open spans is what a full ring leaves of them; open spans give theirs back,
// and what is kept for chunks is what they need to end. The smallest segments keep one each at most.
constexpr uint32_t least_share(ExtentKind kind, uint32_t limit) {
    if (limit < 5) return 0;
    if (is_small(limit)) return !is_left_out(kind, limit) && kind != ExtentKind::kBlocks64K;
    uint32_t share = 0;
    switch (kind) {
        case ExtentKind::kSlots: share = limit / 10; break;
        case ExtentKind::kLargeChunks: share = limit / 32; break;
        case ExtentKind::kJumboChunks:
        case ExtentKind::kBlocks2K:
        case ExtentKind::kBlocks4K:
        case ExtentKind::kBlocks16K:
        case ExtentKind::kBlocks64K:
        case ExtentKind::kSmallChunks: share = limit / 256; break;
        case ExtentKind::kNone:
        case ExtentKind::kHugeBlock:
        case ExtentKind::kHugeChunk: return 0;
    }
    return share != 0 ? share : 1;
}

}  // namespace

int Segment::open(const SegmentRequest& request, Clock& clock, uint64_t* pool_memory) {
    SegmentFile file;
    bell_ = Bell();
    if (!request.whole) file.path = bell_.path();
    if (const int error = create_segment(request, file)) return error;
    size_ = file.size;
    extent_limit_ = request.extent_limit;
    populated_ = file.extents;
    overwrite_ = request.full_policy == 1;
    first_generation_ = request.first_generation;
    clock_ = &clock;
    parts_.reset(pool_memory);
    lines_.reset(reinterpret_cast<uint32_t*>(pool_memory + extent_limit_));
    for (uint32_t& hint : hints_) hint = 0;
    writers_ = 0;
    parked_ = adopted_ = unused_ = 0;
    grow_after_ = huge_after_ = 0;
    jumbo_extents_ = waiting_ = most_waiting_ = 0;
    most_waiting_at_ = done_ = 0;
    looker_ = looks_ = extents_left_ = 0;
    freed_ = 0;
    memory_ = uint64_t{populated_} << kCountedShift;
    for (uint32_t& holder : holders_) holder = 0;
    view_ = SegmentView(file.base, extent_limit_);
    restores_ = (view_.header().compatible & kRestoresMemory) != 0;
    look_after_ = restores_ ? clock_->ticks() + ticks_in(kLookPause) : kNever;
    return 0;
}

void Segment::abandon() {
    if (view_) cover_hole(view_.base(), size_);
    view_ = SegmentView();
    look_after_ = kNever;
}

void Segment::close() {
    if (view_) munmap(view_.base(), size_);
    view_ = SegmentView();
}

void Segment::cover() {
    if (view_) replace_by_scratch(view_.base(), size_);
}

// Whether enough is left for the other kinds if so many more extents are of this one, and so many more have memory,
// where `taken` are, and huge places have the memory of some (`huge`). Of those that are lent others have the memory:
// these can still be of their kind, if they are chunks, and of any other. ret_unused: an extent of open spans in which
// nothing is used, rather one that has its memory, and not one that is lent if there is another. Two threads that ask
// at once may both be told yes, for the last one.
bool Segment::leaves_shares(ExtentKind kind, uint32_t more, uint32_t memory, uint32_t taken, uint32_t huge,
                            uint32_t& ret_unused) const {
    ret_unused = kNone;
    uint32_t have[kExtentKinds] = {}, lent[kExtentKinds] = {}, all_lent = 0, unused = 0, best = 0;
    for (uint32_t extent = 0; extent < taken; ++extent) {
        const ExtentKind lent_kind = parts_.lent_kind(extent);
        if (holds_chunks(lent_kind)) {
            ++lent[static_cast<uint32_t>(lent_kind)];
            ++all_lent;
            continue;
        }
        if (lent_kind == ExtentKind::kNone && !parts_.is_closed(extent) && !parts_.is_unused(extent)) {
            ++have[static_cast<uint32_t>(this->kind(extent))];
            continue;
        }
        ++unused;
        // relaxed: a guess. turn_extent() decides.
        const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);
        const ExtentMemory is = ExtentWord::unpack(word).memory;
        const uint32_t rank = lent_kind != ExtentKind::kNone ? 1 : is == ExtentMemory::kEmpty ? 2 : 3;
        if (is == ExtentMemory::kGiving || rank < best || parts_.is_busy(extent)) continue;
        best = rank;
        ret_unused = extent;
    }
    uint32_t kept = 0, kept_memory = 0;
    for (uint32_t other = 1; other < kExtentKinds; ++other) {
        const uint32_t least = least_share(static_cast<ExtentKind>(other), extent_limit_);
        if (other == static_cast<uint32_t>(kind) || have[other] >= least) continue;
        kept_memory += least - have[other];
        if (have[other] + lent[other] < least) kept += least - have[other] - lent[other];
    }
    return extent_limit_ - taken + unused >= kept + more &&
           extent_limit_ - taken + unused + all_lent >= kept_memory + memory + huge;
}

uint64_t Segment::ticks_in(uint64_t nanoseconds) const {
    const uint64_t of_a_thousand = clock_->nanoseconds(1000);
    return of_a_thousand == 0 ? nanoseconds : nanoseconds / of_a_thousand * 1000;
}

// Two threads may populate the same extent; that is harmless, and one of them takes it. False: not now. A huge place
// that is not to be had says nothing about an extent, which needs so much less, nor does an extent about a huge place.
bool Segment::try_to_populate(uint32_t extent) {
    const uint64_t now = clock_->ticks();
    uint64_t& after = extent < kFirstHuge ? grow_after_ : huge_after_;
    const uint64_t pause = StdAtomics::load(after, std::memory_order_relaxed);  // it says nothing but when
    if (pause != 0 && now < pause) return false;
    if (populate_extent(view_, extent) != 0) {
        StdAtomics::store(after, now + ticks_in(kGrowthPause), std::memory_order_relaxed);
        return false;
    }
    // relaxed: as above. What another thread notes meanwhile is lost, and its next growth is tried at once.
    if (pause != 0) StdAtomics::store(after, uint64_t{0}, std::memory_order_relaxed);
    SPR_TESTPOINT(extent_populated);
    return true;
}

uint64_t Segment::search_again_at() const {
    // relaxed: it says nothing but when.
    return StdAtomics::load(grow_after_, std::memory_order_relaxed) == 0 ? kNever
                                                                         : clock_->ticks() + ticks_in(kGrowthPause);
}

// The memory of all extents up to this one is theirs from now on, taken or not. False: huge places have it, or there is
// no such extent, though there may be memory, of those that are lent.
bool Segment::reserve_extent(uint32_t extent) {
    if (extent >= extent_limit_) return false;
    uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // the exchange decides
    for (;;) {
        const uint32_t counted = all_counted(have);
        if (extent < counted) return true;
        if (memory_of(have) + extent + 1 - counted > extent_limit_) return false;
        const uint64_t more = have + (uint64_t{extent + 1 - counted} << kCountedShift);
        // relaxed: numbers.
        if (StdAtomics::compare_exchange(memory_, have, more, std::memory_order_relaxed)) return true;
    }
}

// `seen`: how many extents there were when no part of this kind was free. True: there is another one, of whatever kind;
// search again.
bool Segment::take_extent(ExtentKind kind, uint32_t seen) {
    WriterPage& page = view_.writer();
    if (seen < StdAtomics::load(page.extents, std::memory_order_relaxed)) return true;  // somebody else was faster
    uint32_t unused;
    const uint32_t huge = extents_of_huge(huge_with_memory());
    if (is_left_out(kind, extent_limit_) || !leaves_shares(kind, 1, 1, seen, huge, unused)) return false;
    if (unused != kNone && turn_extent(unused, kind)) return true;
    if (!reserve_extent(seen)) return false;  // all that is left is being given back, or another thread was faster
    // Held meanwhile: where another thread takes it, and its memory goes before this one comes to it, what comes late
    // would be more than there may be, had somebody else been given it (lend_extent()).
    const bool is_held = seen >= populated_ && parts_.hold_untaken(seen);
    SPR_TESTPOINT(extent_reserved);
    if (is_held && !try_to_populate(seen)) {
        // Another thread may have taken it meanwhile, and be done with it. Of one that nobody took nothing is said:
        // each writer that finds the ring full would search all of it again.
        if (parts_.let_go(seen) && this->kind(seen) != ExtentKind::kNone) became_unused(seen);
        return false;
    }
    uint64_t none = 0;
    // release: publishes that the extent is populated. Pairs with the acquire in the agent's ExtentMap. Spare as long
    // as whoever counts an extent has populated it as well; right without a look at that.
    if (StdAtomics::compare_exchange(view_.extent_word(seen), none, ExtentWord{kind}.pack(), std::memory_order_release))
        note_kind(kind);
    else
        kind = ExtentWord::unpack(none).kind;
    SPR_TESTPOINT(extent_taken);
    parts_.begin(seen, kind);
    uint32_t expected = seen;
    // By whoever comes first, so that nobody waits for a thread that vanished in between. release: the word, which this
    // thread has written or seen, before the count. Pairs with the acquire in extents() and in the agent's ExtentMap.
    // Without it an extent could be counted whose word is not there.
    StdAtomics::compare_exchange(page.extents, expected, seen + 1, std::memory_order_release);
    SPR_TESTPOINT(extent_counted);
    if (is_held && parts_.let_go(seen)) note_unused();  // not closed, though: somebody just wants some
    return true;
}

// The slots of an extent that is the caller's alone become free ones.
void Segment::make_slots(uint32_t extent) {
    // What lies there is somebody's data. Generations go on from where no handle of another time is likely to be.
    const auto first = first_generation_ + static_cast<uint32_t>(next_sequence() * 0x9e3779b97f4a7c15 >> 32);
    for (uint32_t place = 0; place < kSlotsPerExtent; ++place) {
        Slot& slot = view_.slot(extent * kSlotNumbers + place);
        memset(&slot, 0, offsetof(Slot, data));
        slot.generation = first;
    }
}

// Of an extent that was closed, and is the caller's alone: nobody gives its memory any more. `word`: as it was loaded,
// and as it is then. False: its memory is being given back, or not to be had again now.
bool Segment::take_back(uint32_t extent, ExtentWord& word) {
    if (word.memory == ExtentMemory::kGiving) return false;
    if (word.memory == ExtentMemory::kEmpty && !try_to_populate(extent)) return false;
    uint64_t seen = word.pack();
    word.memory = ExtentMemory::kWhole;
    // relaxed: it publishes nothing, and what is EMPTY was acquired before.
    if (!StdAtomics::compare_exchange(view_.extent_word(extent), seen, word.pack(), std::memory_order_relaxed))
        return false;
    SPR_TESTPOINT(extent_taken_back);
    return true;
}

// An extent of open spans in which nothing is used becomes one of a kind, if nobody else was faster. False: its memory
// is not to be had now.
bool Segment::turn_extent(uint32_t extent, ExtentKind kind) {
    if (parts_.lent_kind(extent) != ExtentKind::kNone && !take_lent_back(extent)) return false;
    if (!parts_.turn(extent)) return true;
    // acquire: that it is punched, where it is. Pairs with the release in ExtentGiver::leave(). Without it it could be
    // populated before that.
    ExtentWord word = ExtentWord::unpack(StdAtomics::load(view_.extent_word(extent), std::memory_order_acquire));
    const bool is_empty = word.memory == ExtentMemory::kEmpty;
    if (word.memory != ExtentMemory::kWhole && !take_back(extent, word)) {
        parts_.close(extent, word.kind, looks());
        return false;
    }
    if (kind == ExtentKind::kSlots && (is_empty || word.kind != kind)) make_slots(extent);
    if (word.kind != kind) {
        word.kind = kind;
        note_kind(kind);
        // release: the slots are free before they are slots. Pairs with the acquire in the agent's ExtentMap. Without
        // it a kill could leave slots of which the agent makes spans.
        StdAtomics::store(view_.extent_word(extent), word.pack(), std::memory_order_release);
        SPR_TESTPOINT(extent_turned);
        // release: the word before the count. Pairs with the acquire in ExtentMap::update(). Without it the agent could
        // look too early, and not again. Before anybody may claim a chunk of it, which the agent would not find.
        StdAtomics::fetch_add(view_.writer().turned, uint64_t{1}, std::memory_order_release);
    }
    parts_.finish_turn(extent, kind);
    note_unused();  // who found none before that, and another thread's claim, has to search again
    return true;
}

// Nothing of it is used: from now on whoever has the agent's lock may give its memory back. If nobody else was faster.
void Segment::close_extent(uint32_t extent) {
    if (!parts_.turn(extent)) return;
    // relaxed: whoever has turned it wrote it, or has seen it written.
    ExtentWord word = ExtentWord::unpack(StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed));
    if (word.memory == ExtentMemory::kWhole) {
        // A call on a span that has ended would make memory again: none finds its slot from here on. What is under way
        // is over long before the memory goes, some seconds later.
        ForkGuard::disturb();
        word.memory = ExtentMemory::kUnused;
        ++word.gives;
        // release: what was done to the parts. Pairs with the acquire in ExtentGiver::take_unused(), which says what
        // breaks.
        StdAtomics::store(view_.extent_word(extent), word.pack(), std::memory_order_release);
        SPR_TESTPOINT(extent_unused);
    }
    parts_.close(extent, word.kind, looks());
}

// Of slots or blocks.
[[gnu::noinline]] void Segment::became_unused(uint32_t extent) {
    if (restores_ && extent >= kept_extents(extent_limit_)) close_extent(extent);
    note_unused();
}

void Segment::begin_slot(uint32_t slot) {
    uint32_t& generation = view_.slot(slot).generation;
    // relaxed: nobody else has the slot; who asks for a handle's, by chance, finds it free.
    if (StdAtomics::load(generation, std::memory_order_relaxed) == 0)
        StdAtomics::store(generation, first_generation_, std::memory_order_relaxed);
}

uint32_t Segment::take_part(ExtentKind kind) {
    const uint32_t numbers = holds_blocks(kind) ? kBlockNumbers : kSlotNumbers;
    for (;;) {
        const uint32_t seen = extents();
        uint32_t& hint = hints_[static_cast<uint32_t>(kind)];
        uint32_t at = StdAtomics::load(hint, std::memory_order_relaxed);  // relaxed: a hint
        for (uint32_t i = 0; i < seen; ++i, ++at) {
            if (at >= seen) at = 0;
            uint32_t place = parts_.take(at, kind);
            if (place == ExtentParts<>::kNone && (parts_.is_closed(at, kind) || parts_.lent_kind(at) == kind) &&
                turn_extent(at, kind))
                place = parts_.take(at, kind);
            if (place == ExtentParts<>::kNone) continue;
            StdAtomics::store(hint, at, std::memory_order_relaxed);
            return at * numbers + place * part_numbers(kind);
        }
        if (kind == ExtentKind::kSlots && take_done()) continue;
        if (!take_extent(kind, seen) && !empty_huge()) return kNone;
    }
}

uint32_t Segment::kept_slot_extents() const { return least_share(ExtentKind::kSlots, extent_limit_); }

bool Segment::search(ChunkWriter<>& writer, ExtentKind kind, ChunkState state, uint32_t owner) {
    const uint32_t count = extents();
    const uint32_t capacity = part_size(kind);
    uint32_t& hint = hints_[static_cast<uint32_t>(kind)];
    uint32_t at = StdAtomics::load(hint, std::memory_order_relaxed);  // relaxed: a hint
    for (uint32_t i = 0; i < count; ++i, ++at) {
        if (at >= count) at = 0;
        if (this->kind(at) != kind) continue;
        for (uint32_t place = 0; place < parts_of(kind); ++place) {
            const uint32_t chunk = at * kChunksPerExtent + place;
            ChunkLine& line = view_.chunk_line(chunk);
            uint8_t* bytes = view_.chunk_bytes(chunk, capacity);
            const bool got = state == ChunkState::kFree
                                 ? writer.claim(chunk, line, view_.extent_word(at), bytes, capacity, owner)
                                 : writer.adopt(chunk, line, bytes, capacity, owner);
            if (!got) continue;
            StdAtomics::store(hint, at, std::memory_order_relaxed);
            return true;
        }
    }
    return false;
}

bool Segment::adopt_parked(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner) {
    if (StdAtomics::load(parked_, std::memory_order_relaxed) == StdAtomics::load(adopted_, std::memory_order_relaxed))
        return false;  // a guess: the words decide
    for (const ExtentKind kind : {ExtentKind::kLargeChunks, ExtentKind::kSmallChunks, ExtentKind::kJumboChunks})
        if (search(writer, kind, ChunkState::kParked, owner)) {
            StdAtomics::fetch_add(adopted_, uint64_t{1}, std::memory_order_relaxed);
            if (writer.room() >= bytes) return true;
            writer.seal(next_sequence());
        }
    return false;
}

bool Segment::overwrite_oldest(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss) {
    for (int attempt = 0; attempt < 4; ++attempt) {
        uint32_t oldest = kNone;
        uint64_t lowest = ~uint64_t{0};
        uint32_t capacity = 0;
        const uint32_t count = extents();
        for (uint32_t extent = 0; extent < count; ++extent) {
            const ExtentKind kind = this->kind(extent);
            if (!holds_chunks(kind) || part_size(kind) < bytes) continue;
            for (uint32_t place = 0; place < parts_of(kind); ++place) {
                const uint32_t chunk = extent * kChunksPerExtent + place;
                const ChunkLine& line = view_.chunk_line(chunk);
                const ChunkWord word = ChunkWord::unpack(StdAtomics::load(line.word, std::memory_order_relaxed));
                const uint64_t sequence = StdAtomics::load(line.sequence, std::memory_order_relaxed);
                if (word.state != ChunkState::kFull || sequence >= lowest) continue;
                lowest = sequence;
                oldest = chunk;
                capacity = part_size(kind);
            }
        }
        if (oldest == kNone) return false;
        if (writer.overwrite(oldest, view_.chunk_line(oldest), view_.chunk_mark(oldest),
                             view_.chunk_bytes(oldest, capacity), capacity, owner, loss))
            return true;
    }
    return false;
}

// Whether spans of that size leave more than a sixteenth of a large chunk unused at its end, and less of a jumbo one.
// Half of the memory at most is in jumbo chunks because of that: a chunk is one thread's, and many may come later.
bool Segment::fits_badly(uint32_t bytes) const {
    constexpr uint32_t kMuch = kLargeChunk / 16;
    if (bytes <= kMuch) return false;
    const uint32_t rest = rest_of(kLargeChunk, bytes);
    return rest > kMuch && rest_of(kJumboChunk, bytes) < 3 * rest &&
           StdAtomics::load(jumbo_extents_, std::memory_order_relaxed) < extent_limit_ / 2;  // a number
}

// No open chunk is larger than a quarter of the memory divided by the writers, where what comes into it allows that.
ExtentKind Segment::usual_chunks(uint32_t bytes, bool first) const {
    if (bytes > kLargeChunk) return ExtentKind::kJumboChunks;
    const uint64_t quarter = extent_limit_ * kExtentSize / 4;
    const uint64_t writers = StdAtomics::load(writers_, std::memory_order_relaxed);  // a number
    if (!first && extent_limit_ >= kManyExtents && quarter >= writers * kJumboChunk && fits_badly(bytes))
        return ExtentKind::kJumboChunks;
    if (bytes > kSmallChunk) return ExtentKind::kLargeChunks;
    return first || quarter < writers * kLargeChunk ? ExtentKind::kSmallChunks : ExtentKind::kLargeChunks;
}

bool Segment::find_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss, uint32_t mean) {
    const ExtentKind usual = usual_chunks(bytes, first);
    if (!first && fits_worse(bytes, part_size(usual)) && share_huge(writer, bytes, mean, owner)) return true;
    const auto is_other = [&](ExtentKind kind) { return kind != usual && part_size(kind) >= bytes; };
    for (;;) {
        const uint32_t seen = extents();
        // What a leaving thread parked comes first: it is warm, and half empty chunks would otherwise pile up.
        if (bytes <= kSmallChunk / 2 && adopt_parked(writer, bytes, owner)) return true;
        if (search(writer, usual, ChunkState::kFree, owner)) return true;
        // For a larger span only now: one in which it does not fit is sealed, so that the agent can free it. Chunks
        // that nobody adopts would use up the ring for good.
        if (adopt_parked(writer, bytes, owner)) return true;
        bool more = restore_extent(usual) || take_extent(usual, seen);
        for (const ExtentKind kind : kChunkKinds)
            if (!more && is_other(kind) && search(writer, kind, ChunkState::kFree, owner)) return true;
        for (const ExtentKind kind : kChunkKinds)
            more = more || (is_other(kind) && (restore_extent(kind) || take_extent(kind, seen)));
        if (!more && !empty_huge()) return overwrite_ && overwrite_oldest(writer, bytes, owner, loss);
    }
}

bool Segment::attach_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss,
                           uint32_t mean) {
    loss.spans = 0;
    if (bytes > kJumboChunk ? !find_huge_chunk(writer, bytes, owner, loss)
                            : !find_chunk(writer, bytes, first, owner, loss, mean))
        return false;
    // release: the chunk's word before the count. Pairs with the acquire in the agent's AttachedSegment. Without it the
    // agent could note the count, find the chunk as it was, and not look at it again before another one is claimed.
    // acquire: the count before the look at the agent's sign, which it gave before it looked at the count. Pairs with
    // the release in AttachedSegment::lie_down(). Without it both could miss the other's.
    const uint64_t before = StdAtomics::fetch_add(view_.writer().claims, uint64_t{1}, std::memory_order_acq_rel);
    wake_agent();
    // Of large places there are few.
    const uint32_t extent = writer.chunk() / kChunksPerExtent;
    const bool few = extent >= kFirstHuge && (bytes > kJumboChunk || size_of(extent) > huge_size(0));
    wake_agent_at(few ? kWaits : before + 1);
    look_after_memory();
    return true;
}

void Segment::ring_bell(uint64_t policy) {
    // What else the agent says in the word may change meanwhile. It changes little, so that whoever does not get
    // through has seen the sign taken back, or the agent up.
    for (int attempt = 0; attempt < 4 && (policy & PolicyBits::kAsleep) != 0; ++attempt) {
        // relaxed: it tells nothing but itself.
        if (!StdAtomics::compare_exchange(view_.control().policy, policy, policy & ~PolicyBits::kAsleep,
                                          std::memory_order_relaxed))
            continue;
        SPR_TESTPOINT(sign_taken_back);
        bell_.ring();
        return;
    }
}

void Segment::wake_agent_at(uint64_t claims) {
    // relaxed: a mark that comes just now may be missed. The next claim is past it as well, and the agent looks again
    // anyhow: no sleep depends on it.
    uint64_t mark = StdAtomics::load(view_.control().bell_mark, std::memory_order_relaxed);
    if (mark == 0 || claims < mark) return;
    // relaxed: it tells nothing but itself. Whoever does not get through has seen another ring, or a new mark.
    if (StdAtomics::compare_exchange(view_.control().bell_mark, mark, uint64_t{0}, std::memory_order_relaxed))
        bell_.ring();
}

CounterLine* Segment::counter_line(uint32_t line) {
    if (line >= kCounterLines) return nullptr;
    WriterPage& page = view_.writer();
    for (;;) {
        // acquire: the line's page is populated. Pairs with the release below. Without it a thread could touch a page
        // that is not there yet (SIGBUS on a full tmpfs).
        uint32_t lines = StdAtomics::load(page.counter_lines, std::memory_order_acquire);
        if (line < lines) return &view_.counter_line(line);
        if (populate(reinterpret_cast<uint8_t*>(&view_.counter_line(lines)), kPage) != 0) return nullptr;
        // release: publishes that the page is populated. Pairs with the acquire above, in sum_counters(), in
        // LevelWriter::settle() and in the agent's Burial::recover(). Without it these could touch it too early.
        StdAtomics::compare_exchange(page.counter_lines, lines, lines + kCounterLinesPerPage,
                                     std::memory_order_release);
    }
}

}  // namespace spanring::ring

// ---- lib/ring/file_size_limit.hpp ------------------------------------------------------------------------------------

namespace spanring::ring {

// COLD. The size of the largest file that this process may make (RLIMIT_FSIZE). Who makes a larger one is sent SIGXFSZ,
// which ends an application that did not think of it: so it is asked before.
inline uint64_t file_size_limit() {
    rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? uint64_t{limit.rlim_cur}
                                                                                   : ~uint64_t{0};
}

}  // namespace spanring::ring

// ---- lib/ring/segment_file.cpp ---------------------------------------------------------------------------------------

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000  // Linux 4.17
#endif

namespace spanring::ring {
namespace {

constexpr uint32_t kFirstExtents = 2;     // for a thread's first span: open, then finished
constexpr uint64_t kFirstMapped = kPage;  // of each: to map all of it would be a quarter of what that span takes
static_assert(kFirstExtents <= kExtentsPerGroup, "they lie one behind the other");
constexpr uint32_t kExtentsWithoutPopulate = 32;  // a kernel that cannot populate gets all its extents at birth

void read_program_name(uint8_t (&program)[64]) {
    // The first thread's name, which that thread has without opening a file.
    char name[16] = {};
    if (syscall(SYS_gettid) == getpid() && prctl(PR_GET_NAME, name) == 0) {
        memcpy(program, name, sizeof name);
        return;
    }
    const int file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const ssize_t size = read(file, program, sizeof program - 1);
    close(file);
    if (size > 0 && program[size - 1] == '\n') program[size - 1] = 0;
}

bool has_huge_places(const SegmentRequest& request) {
    // Where the smallest place is more than a quarter of the memory, none is ever used.
    return request.huge && !request.whole && request.extent_limit / 4 >= huge_size(0) / kExtentSize;
}

void fill(SegmentView segment, const SegmentRequest& request, SegmentFile& file, bool can_populate) {
    Header& header = segment.header();
    header.magic = kMagic;
    header.layout_major = kLayoutMajor;
    header.layout_minor = kLayoutMinor;
    header.header_size = sizeof(Header);
    header.byte_order = kByteOrder;
    header.pointer_bits = sizeof(void*) * 8;
    header.segment_size = file.size;
    header.extent_limit = request.extent_limit;
    header.huge_places = has_huge_places(request) ? kHugePlaces : 0;
    header.full_policy = request.full_policy;
    header.compatible = request.whole ? 0 : kRingsBell | kRingsAtMark;
    // Who asked for all memory at open may make no system call later; without populating, a touch could be a SIGBUS.
    if (can_populate && !request.whole) header.compatible |= kRestoresMemory;
    memcpy(header.instance_id, file.instance_id, sizeof header.instance_id);
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    header.created_unix_nano = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
    header.pid = static_cast<uint32_t>(getpid());
    read_program_name(header.program);
    header.schema_size = request.schema_size;
    header.resource_size = request.resource_size;
    const uint32_t resource_bytes = request.resource_size + request.schema_size;
    if (request.write_resource != nullptr)
        header.resource_size = request.write_resource(request.resource, segment.resource());
    else if (resource_bytes != 0)
        memcpy(segment.resource(), request.resource, resource_bytes);

    segment.writer().counter_lines = request.whole ? kCounterLines : kCounterLinesPerPage;
    // release: everything above before it. Pairs with the rename below and the pread() in read_segment_header(): a
    // reader copies the header once it found the name, and refuses one that is not ready. Without it, and without the
    // rename, it could take a half-made header for a whole one.
    StdAtomics::store(header.ready, kReady, std::memory_order_release);
}

// 0 or -errno. On tmpfs any signal may end it, with nothing done.
int reserve(int fd, uint64_t from, uint64_t size) {
    int error = EINTR;
    for (int patience = 100; error == EINTR && patience > 0; --patience)
        error = posix_fallocate(fd, static_cast<off_t>(from), static_cast<off_t>(size));
    return -error;
}

// The first so many bytes of an extent or a huge place, and what populate_extent() says.
int populate_part(SegmentView segment, uint32_t extent, uint64_t size) {
    constexpr uint32_t kExtentsPerPage = kPage / (kChunksPerExtent * sizeof(ChunkLine));  // of chunk lines
    const uint32_t chunk = extent * kChunksPerExtent;
    int error = 0;
    if (extent >= kFirstHuge) {
        error = populate(reinterpret_cast<uint8_t*>(&segment.chunk_line(kFirstHugeChunk)),
                         kGroupsOffset - kHugeLinesOffset);
        return error == 0 ? populate(segment.extent(extent), size) : error;
    }
    static_assert(kLinesOffset == kPage, "a group's first lines follow its marks");
    if (extent % kExtentsPerGroup == 0)
        error = populate(reinterpret_cast<uint8_t*>(&segment.chunk_mark(chunk)), 2 * kPage);
    else if (extent % kExtentsPerPage == 0)
        error = populate(reinterpret_cast<uint8_t*>(&segment.chunk_line(chunk)), kPage);
    return error == 0 ? populate(segment.extent(extent), size) : error;
}

// Everything between the open temporary file and its rename. 0 or -errno; on failure the caller unlinks.
int build(int fd, const SegmentRequest& request, SegmentFile& file) {
    file.size = segment_size(request.extent_limit, has_huge_places(request));
    if (file.size > file_size_limit()) return -EFBIG;
    // The whole size at once, but memory only for the base's first pages and the first extents: a full tmpfs is an
    // error here and never a SIGBUS later.
    if (ftruncate(fd, static_cast<off_t>(file.size)) != 0) return -errno;
    if (const int error = reserve(fd, 0, kCountersOffset + kPage)) return error;
    if (const int error = reserve(fd, kExtentWordsOffset, request.extent_limit * sizeof(uint64_t))) return error;

    void* memory = mmap(nullptr, file.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return -errno;
    file.base = static_cast<uint8_t*>(memory);
    SPR_TESTPOINT(segment_mapped);
    if (madvise(memory, file.size, MADV_DONTFORK) != 0) return -errno;

    // All memory of the first extents, of which the first pages alone are mapped now: what is there can be touched.
    const SegmentView segment(file.base);
    const uint32_t first = request.extent_limit < kFirstExtents ? request.extent_limit : kFirstExtents;
    if (const int error = reserve(fd, static_cast<uint64_t>(segment.extent(0) - file.base), first * kExtentSize))
        return error;
    int populated = 0;
    for (; populated == 0 && file.extents < first; ++file.extents)
        populated = populate_part(segment, file.extents, kFirstMapped);
    if (populated == -EINVAL) {  // before Linux 5.14
        file.extents = request.extent_limit < kExtentsWithoutPopulate ? request.extent_limit : kExtentsWithoutPopulate;
        if (const int error = reserve(fd, kGroupsOffset, segment_size(file.extents) - kGroupsOffset)) return error;
        if (const int error = reserve(fd, kCountersOffset, kCountersSize)) return error;
    } else if (populated != 0) {
        return populated;
    }
    if (request.whole) {
        // All but the region of more scopes, which such a process has no use for. Before Linux 5.14 a first touch is a
        // fault, and no longer one that can fail.
        const struct { uint64_t from, to; } parts[] = {{0, kMoreScopesOffset}, {kGroupsOffset, file.size}};
        for (const auto& part : parts) {
            const uint64_t size = part.to - part.from;
            if (const int error = reserve(fd, part.from, size)) return error;
            if (const int error = populate(file.base + part.from, size); error != 0 && error != -EINVAL) return error;
        }
        file.extents = request.extent_limit;
    }
    fill(SegmentView(file.base), request, file, populated == 0);

    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0;
    lock.l_len = 1;
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0) return -errno;
    SPR_TESTPOINT(segment_locked);
    return 0;
}

void write_path(const char* directory, const uint8_t instance_id[16], char* ret_path) {
    const size_t size = strlen(directory);
    memcpy(ret_path, directory, size);
    ret_path[size] = '/';
    segment_name(instance_id, ret_path + size + 1);
}

}  // namespace

int populate(uint8_t* address, uint64_t size) {
    const int before = errno;  // the end of a span may come here, and must not touch it
    if (madvise(address, size, MADV_POPULATE_WRITE) == 0) return 0;
    // EFAULT is the SIGBUS that a touch would have raised: no memory left in the tmpfs.
    const int error = errno == EFAULT || errno == ENOMEM ? -ENOSPC : -errno;
    errno = before;
    return error;
}

int populate_extent(SegmentView segment, uint32_t extent) { return populate_part(segment, extent, size_of(extent)); }

bool punch(uint8_t* address, uint64_t size) {
    const int before = errno;
    const bool gone = madvise(address, size, MADV_REMOVE) == 0;
    errno = before;
    return gone;
}

bool is_in_memory(uint8_t* address, uint32_t size) {
    unsigned char pages[kExtentSize / kPage];
    const int before = errno;
    const bool is_known = mincore(address, size, pages) == 0;
    errno = before;
    for (uint32_t page = 0; is_known && page < size / kPage; ++page)
        if ((pages[page] & 1) != 0) return true;
    return false;
}

int create_segment(const SegmentRequest& request, SegmentFile& ret_segment) {
    char path[kRuntimePathSize];
    int directory = -1;
    if (const int error = open_runtime_directory(path, sizeof path, &directory)) return error;

    SegmentFile file;
    int result = getrandom(file.instance_id, sizeof file.instance_id, 0) == sizeof file.instance_id ? 0 : -EIO;
    char temporary[kTemporaryNameSize];
    temporary_name(file.instance_id, temporary);
    int fd = -1;
    if (result == 0) {
        fd = openat(directory, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0) result = -errno;
    }
    if (fd >= 0) {
        SPR_TESTPOINT(segment_opened);
        result = build(fd, request, file);
        close(fd);  // the lock now hangs on the mapping alone
        char name[kSegmentNameSize];
        segment_name(file.instance_id, name);
        if (result == 0 && renameat(directory, temporary, directory, name) != 0) result = -errno;
        if (result != 0) {
            if (file.base != nullptr) munmap(file.base, file.size);
            unlinkat(directory, temporary, 0);
        }
        SPR_TESTPOINT(segment_renamed);
    }
    if (result == 0) keep_directory_bound_at_times(directory, request.directory_limit, SegmentView(file.base).writer());
    close(directory);
    if (result == 0) {
        file.path = ret_segment.path;
        if (file.path != nullptr) write_path(path, file.instance_id, file.path);
        ret_segment = file;
    }
    return result;
}

void cover_hole(uint8_t* base, uint64_t size) {
    mmap(base, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}

void replace_by_scratch(uint8_t* base, uint64_t size) {
    mmap(base, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

}  // namespace spanring::ring

// ---- lib/ring/segment_huge.cpp ---------------------------------------------------------------------------------------

//
// Huge places: for a span that is larger than an extent, while it is open (one of the first half) and once it is
// finished (a chunk of its own, of the other half). To whoever reads, each is an extent with one part: a block of which
// nobody uses anything is UNUSED, a chunk that nobody has is FREE, and either may be given back (ExtentGiver).
//
//     take      held by the slot    | UNUSED or EMPTY -> WHOLE | the slot's word names it
//     end       the slot is free    | WHOLE -> UNUSED          | held by nobody
//     claim     held for a moment   | EMPTY -> WHOLE           | FREE -> OPEN                | held by nobody
//
// One that was never used is a hole, like the page of its word: it is populated, its word written, then its bit set in
// WriterPage::huge, before which nobody looks at it. A thread that vanishes in the middle leaves its place to nobody,
// or to its slot until the span has ended.

namespace spanring::ring {
namespace {

constexpr uint32_t kOpenHalf = (1u << kHugeBlocks) - 1;
constexpr uint32_t kAllPlaces = ~uint32_t{0};

// Of the memory, for open spans: a place of a quarter and the smaller ones that its span has outgrown. For finished
// ones a little more, for their memory stays a while; for those that spans share, as much as chunks may have.
constexpr uint32_t most_open(uint32_t limit) { return limit * 3 / 8; }
constexpr uint32_t most_finished(uint32_t limit, bool shared) { return shared ? limit : limit / 2; }

// What an open span needs now, and at its end.
constexpr uint64_t with_room_for_end(uint32_t place) {
    return place < kHugeBlocks ? uint64_t{1} << place | uint64_t{1} << (place + kHugeBlocks) : uint64_t{1} << place;
}

}  // namespace

// No span has more than a quarter of the memory.
bool Segment::may_hold(uint32_t place, uint32_t bytes) const {
    return restores_ && view_.header().huge_places != 0 && huge_size(place) >= bytes &&
           huge_size(place) / kExtentSize <= extent_limit_ / 4;
}

bool Segment::hold_huge(uint32_t place, uint32_t holder) {
    uint32_t nobody = 0;
    // acquire: what its last holder did. Pairs with the release in let_go_huge(). Without it a place could be used that
    // is not yet UNUSED to this thread, and be given back in its hands.
    return StdAtomics::load(holders_[place], std::memory_order_relaxed) == 0 &&
           StdAtomics::compare_exchange(holders_[place], nobody, holder, std::memory_order_acquire);
}

// Which idle places would have to give their memory up for these to have it, where that is `have`: a bit each. 0: none,
// it fits.
uint32_t Segment::lacking(uint64_t have, uint64_t wanted, bool shared) const {
    const auto huge = static_cast<uint32_t>(wanted), more = huge & ~static_cast<uint32_t>(have);
    if ((more & kOpenHalf) != 0 && extents_of_huge(huge & kOpenHalf) > most_open(extent_limit_)) return kOpenHalf;
    if ((more & ~kOpenHalf) != 0 && extents_of_huge(huge & ~kOpenHalf) > most_finished(extent_limit_, shared))
        return ~kOpenHalf;
    uint32_t unused;
    const bool fits = memory_of(wanted) <= extent_limit_ &&
                      leaves_shares(ExtentKind::kNone, 0, 0, extents(), extents_of_huge(huge), unused);
    return fits ? 0 : kAllPlaces;
}

// Its memory counts among that of all, from before it is there until it was seen to be gone; that of a block twice, so
// that there is room for the end of its span. A span that grows needs no more than one end: where there is no room for
// both, the one that is kept for its smaller places becomes that of this one, in one step.
bool Segment::reserve_huge(uint32_t place, bool shared) {
    uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // the exchange decides
    uint32_t outgrown = 0;
    const auto outgrow = [&](bool idle) {
        const uint32_t more = hold_outgrown(place, idle);
        outgrown |= more;
        return more != 0;
    };
    bool done = false;
    for (;;) {
        const uint64_t wanted = (have & ~uint64_t{outgrown}) | with_room_for_end(place);
        const uint32_t lacks = (have | wanted) == have ? 0 : lacking(have, wanted, shared);
        if (lacks == 0) {
            // relaxed: numbers.
            done = StdAtomics::compare_exchange(memory_, have, wanted, std::memory_order_relaxed);
            if (done) break;
            continue;
        }
        // What nobody uses of extents; and what finished spans have left is memory of an open one, too, which would
        // otherwise be refused something; and so is what open ones have left.
        const uint32_t size = huge_size(place) / kExtentSize;
        const bool more = outgrow(false) || forget_gone() || take_done() ||
                          (lacks == kAllPlaces && !shared && lend_extents(2 * size)) ||
                          (place < kHugeBlocks && (empty_idle(lacks) || outgrow(true)));
        if (!more) break;
        have = StdAtomics::load(memory_, std::memory_order_relaxed);
    }
    for (; outgrown != 0; outgrown &= outgrown - 1) let_go_huge(static_cast<uint32_t>(__builtin_ctz(outgrown)));
    return done;
}

// The places that are kept for the ends of the smaller ones of a span, and have no memory: held from now on, so that
// they get none. `idle`: those that have some, too, which goes.
uint32_t Segment::hold_outgrown(uint32_t place, bool idle) {
    uint32_t held = 0;
    const uint32_t holder = place < kHugeBlocks ? StdAtomics::load(holders_[place], std::memory_order_relaxed) : 0;
    for (uint32_t block = 0; holder != 0 && huge_size(block) < huge_size(place); ++block) {
        const uint32_t end = block + kHugeBlocks;
        if (StdAtomics::load(holders_[block], std::memory_order_relaxed) != holder ||  // its own note
            is_short_of_memory(end) || !hold_huge(end, kPassing))
            continue;
        if (memory_of_huge(end) == ExtentMemory::kEmpty || (idle && empty_held(end)))
            held |= uint32_t{1} << end;
        else
            let_go_huge(end);
    }
    return held;
}

// What the largest place that the slot has needs for its end: again, where it was to become that of a larger one which
// is not to be had.
void Segment::keep_end(const Slot& slot) {
    for (uint32_t place = kHugeBlocks; place-- != 0;)
        if (StdAtomics::load(holders_[place], std::memory_order_relaxed) == holder_of(slot)) {  // its own note
            reserve_huge(place, false);
            return;
        }
}

// By whoever holds it, and knows that it has no memory.
void Segment::unreserve_huge(uint32_t place) {
    uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // the exchange decides
    while (!StdAtomics::compare_exchange(memory_, have, have & ~(uint64_t{1} << place), std::memory_order_relaxed))
        continue;  // relaxed: numbers
    note_unused();
}

// Whether the end of an open span may need the memory that is kept for it there: of the largest place that it has, not
// of one that it may not get. A guess; the end asks for it once more.
bool Segment::is_kept_for_end(uint32_t place) const {
    if (place < kHugeBlocks) return false;
    const uint32_t block = place - kHugeBlocks;
    const uint32_t holder = StdAtomics::load(holders_[block], std::memory_order_relaxed);
    if (holder == 0) return false;
    for (uint32_t other = block + 1; other < kHugeBlocks; ++other)
        if (huge_size(other) > huge_size(block) && memory_of_huge(other) == ExtentMemory::kWhole &&
            StdAtomics::load(holders_[other], std::memory_order_relaxed) == holder)
            return false;
    return true;
}

// What was given back is free to be reserved again, and what was kept for an end that needed it no more. True:
// something was.
bool Segment::forget_gone() {
    bool any = false;
    for (uint32_t place = 0; place < kHugePlaces; ++place) {
        if ((huge_with_memory() >> place & 1) == 0) continue;
        if (is_kept_for_end(place) || !hold_huge(place, kPassing)) continue;
        if (memory_of_huge(place) == ExtentMemory::kEmpty) {
            unreserve_huge(place);
            any = true;
        }
        let_go_huge(place);
    }
    return any;
}

// Populates one that is held and has no memory. False: it still has none, not even a part of it.
bool Segment::fill_huge(uint32_t place) {
    if (!reserve_huge(place, false)) return false;
    if (try_to_populate(kFirstHuge + place)) return true;
    // Nobody else puts anything there, with the agent's lock or without.
    remove(view_.huge(place), huge_size(place));
    unreserve_huge(place);
    return false;
}

// A place that was never used, and is held.
bool Segment::begin_huge(uint32_t place) {
    if (!fill_huge(place)) return false;
    const uint32_t extent = kFirstHuge + place;
    uint64_t none = 0;
    // relaxed: published by the next one. An exchange: who held it before, and is late, changes nothing.
    StdAtomics::compare_exchange(view_.extent_word(extent), none, ExtentWord{kind_of_huge(place)}.pack(),
                                 std::memory_order_relaxed);
    SPR_TESTPOINT(huge_taken);
    // release: the place and its word before the bit. Pairs with the acquires in is_huge() and ExtentMap::update().
    // Without it one could be looked at that is of no kind, and a sound segment be quarantined.
    uint64_t& places = view_.writer().huge;
    uint64_t seen = StdAtomics::load(places, std::memory_order_relaxed);  // the exchange decides
    while (!StdAtomics::compare_exchange(places, seen, seen | uint64_t{1} << place, std::memory_order_release))
        continue;
    SPR_TESTPOINT(huge_counted);
    return true;
}

// One that is held has memory, and nobody gives it back: of chunks nobody who sees the word as it is now.
bool Segment::make_huge_whole(uint32_t place) {
    if (!is_huge(place)) return begin_huge(place);
    const uint32_t extent = kFirstHuge + place;
    // acquire: that it is punched, where it is. Pairs with the release in ExtentGiver::leave(). Without it it could be
    // populated before that.
    uint64_t seen = StdAtomics::load(view_.extent_word(extent), std::memory_order_acquire);
    ExtentWord word = ExtentWord::unpack(seen);
    if (word.memory == ExtentMemory::kWhole) return true;
    if (word.memory == ExtentMemory::kGiving) return false;
    if (word.memory == ExtentMemory::kEmpty && !fill_huge(place)) return false;
    // What its last span had for its end may have been forgotten since.
    if (word.memory == ExtentMemory::kUnused && !reserve_huge(place, false)) return false;
    const bool was_empty = word.memory == ExtentMemory::kEmpty;
    word.memory = ExtentMemory::kWhole;
    // release: that it is populated. Pairs with the acquire in ChunkWriter::claim(). It counts how often its memory
    // went: who populated it before it went once more does not make it whole.
    const bool made =
        StdAtomics::compare_exchange(view_.extent_word(extent), seen, word.pack(), std::memory_order_release);
    SPR_TESTPOINT(huge_restored);
    if (!made && was_empty) remove(view_.huge(place), huge_size(place));  // of what is EMPTY nobody expects memory
    return made;
}

uint32_t Segment::take_huge_block(Slot& slot, uint32_t bytes) {
    take_done();            // spans that waited may have some
    bool is_short = false;  // then one that has its memory will do, and no other
    for (uint32_t place = 0; place < kHugeBlocks; ++place) {
        if (!may_hold(place, bytes + kSpareForEnd) || (is_short && is_short_of_memory(place)) ||
            !hold_huge(place, holder_of(slot)))
            continue;
        // First: whoever gives the slot's blocks back then looks for this one, too.
        if (slot.blocks[kBlockClasses - 1] == 0)
            StdAtomics::store(slot.blocks[kBlockClasses - 1], kHugeMark, std::memory_order_relaxed);
        if (make_huge_whole(place)) return place;
        let_go_huge(place);
        keep_end(slot);
        is_short = is_short || is_short_of_memory(place);
    }
    return kNone;
}

// What the slot holds of them: its span has ended.
void Segment::give_huge_blocks(Slot& slot) {
    if (slot.blocks[kBlockClasses - 1] == kHugeMark) slot.blocks[kBlockClasses - 1] = 0;
    const uint32_t holder = holder_of(slot);
    for (uint32_t place = 0; place < kHugeBlocks; ++place) {
        if (StdAtomics::load(holders_[place], std::memory_order_relaxed) != holder) continue;  // its own note
        // relaxed: whoever made it whole is this slot's, and nobody else changes it then.
        ExtentWord word = ExtentWord::unpack(
            is_huge(place) ? StdAtomics::load(view_.extent_word(kFirstHuge + place), std::memory_order_relaxed) : 0);
        if (word.kind == ExtentKind::kHugeBlock && word.memory == ExtentMemory::kWhole) {
            // Not disturb(): every call on a span looks for its data by its slot's word, none keeps a place in mind.
            StdAtomics::store(given_when_[place], looks(), std::memory_order_relaxed);  // a number
            word.memory = ExtentMemory::kUnused;
            ++word.gives;
            // release: what the span wrote. Pairs with the acquire in ExtentGiver::take_unused(), which says what
            // breaks.
            StdAtomics::store(view_.extent_word(kFirstHuge + place), word.pack(), std::memory_order_release);
            SPR_TESTPOINT(huge_unused);
        } else if (word.kind == ExtentKind::kNone || word.memory == ExtentMemory::kEmpty) {
            remove(view_.huge(place), huge_size(place));  // a thread vanished while it populated it
        }
        let_go_huge(place);
        note_unused();
    }
}

// Never used, or FREE, with memory or without.
bool Segment::may_claim_huge(uint32_t place) const {
    if (!is_huge(place)) return true;
    // relaxed: a guess. claim() decides.
    const uint64_t word =
        StdAtomics::load(view_.chunk_line((kFirstHuge + place) * kChunksPerExtent).word, std::memory_order_relaxed);
    return ChunkWord::unpack(word).state == ChunkState::kFree;
}

// With just the room that is needed: it holds one span, or is widened.
bool Segment::claim_huge(ChunkWriter<>& writer, uint32_t place, uint32_t bytes, uint32_t owner) {
    const uint32_t extent = kFirstHuge + place, chunk = extent * kChunksPerExtent;
    return may_claim_huge(place) && make_huge_whole(place) &&
           writer.claim(chunk, view_.chunk_line(chunk), view_.extent_word(extent), view_.extent(extent), bytes, owner);
}

// ret_short: one more that would do, had it memory.
bool Segment::claim_any_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, uint32_t& ret_short) {
    ret_short = kNone;
    uint32_t least = kNone;
    for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place) {
        if (!may_hold(place, bytes)) continue;
        if (least == kNone) least = huge_size(place);
        // One that is kept for a larger span stays so. What is kept for an end may be behind one that is short.
        if ((huge_size(place) > least && is_kept_for_end(place)) || (ret_short != kNone && is_short_of_memory(place)) ||
            !hold_huge(place, kPassing))
            continue;
        const bool got = claim_huge(writer, place, bytes, owner);
        let_go_huge(place);
        if (got) return true;
        if (ret_short == kNone && is_short_of_memory(place)) ret_short = place;
    }
    return false;
}

// One that has memory comes before the memory of others.
bool Segment::find_huge_chunk(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss) {
    uint32_t place;
    do
        if (claim_any_huge(writer, bytes, owner, place)) return true;
    while (place != kNone && (take_done() || empty_idle_for(place)));
    return overwrite_ && overwrite_huge(writer, bytes, owner, loss);
}

// A chunk for spans that are no larger than others, one after another: where they would leave much of a smaller one
// unused. What an open span may need for its end is left to it. Not where the oldest give way, which are looked for
// among smaller ones alone. One of more than 256 KiB not where records of `mean` bytes are so many that a word cannot
// count them; nor where an agent ever came, for it frees a chunk once all of it is acknowledged, of large ones too
// late.
bool Segment::share_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t mean, uint32_t owner) {
    if (overwrite_) return false;
    const uint64_t quarter = uint64_t{extent_limit_} * kExtentSize / 4;
    const uint64_t writers = StdAtomics::load(writers_, std::memory_order_relaxed);  // a number, as is the next one
    const bool is_drained = StdAtomics::load(view_.control().attachments, std::memory_order_relaxed) != 0;
    for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place) {
        if (!may_hold(place, bytes) || huge_size(place) * writers > quarter) return false;  // nor any that follows
        const bool is_large = huge_size(place) > huge_size(0);
        if (is_large && (is_drained || huge_size(place) / kMostSpansInChunk >= mean)) return false;
        if (is_kept_for_end(place) || !may_claim_huge(place) || !hold_huge(place, kPassing)) continue;
        const bool got =  // what is reserved then, and not there, forget_gone() finds
            reserve_huge(place, true) && claim_huge(writer, place, bytes, owner);
        let_go_huge(place);
        if (got) return writer.widen(huge_size(place), bytes);
    }
    return false;
}

// What spans had there, and nobody has any more, is room for extents. True: there is more of it than before.
[[gnu::noinline]] bool Segment::empty_huge() {
    return restores_ && huge_with_memory() != 0 && (forget_gone() || take_done() || empty_idle(kAllPlaces));
}

// For a place of finished spans, whose memory was not to be had.
bool Segment::empty_idle_for(uint32_t place) {
    const uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // a guess: it is asked for once more
    const uint32_t lacks = lacking(have, have | uint64_t{1} << place, false);
    return empty_idle(lacks != 0 ? lacks : kAllPlaces);
}

// The largest of these that nobody has and that is kept for nobody's end, those of finished spans first.
bool Segment::empty_idle(uint32_t places) {
    bool any = false;
    for (uint32_t place = kHugePlaces; !any && place-- != 0;) {
        if ((places >> place & 1) == 0 || !is_huge(place) || is_kept_for_end(place) ||
            memory_of_huge(place) == ExtentMemory::kEmpty || !hold_huge(place, kPassing))
            continue;
        any = empty_held(place);
        if (any) unreserve_huge(place);
        let_go_huge(place);
    }
    return any;
}

// One that is held, if nobody has it. Without the agent's lock: nobody but who holds a place populates it or makes it
// whole, and an agent gives back what it finds WHOLE, or of blocks UNUSED. Who writes into a block when its span has
// ended, against the rules, makes memory there once more, until its next span has ended.
bool Segment::empty_held(uint32_t place) {
    const ExtentMemory idle = place < kHugeBlocks ? ExtentMemory::kUnused : ExtentMemory::kWhole;
    uint64_t& word = view_.extent_word(kFirstHuge + place);
    // relaxed: what its last span wrote was acquired with the place, before it is punched.
    uint64_t seen = StdAtomics::load(word, std::memory_order_relaxed);
    ExtentWord empty = ExtentWord::unpack(seen);
    if (empty.memory != idle || (place >= kHugeBlocks && !may_claim_huge(place))) return false;
    empty.memory = ExtentMemory::kEmpty;
    ++empty.gives;
    // relaxed: an exchange of its own decides, and whoever makes it whole holds it after this thread.
    const bool any = StdAtomics::compare_exchange(word, seen, empty.pack(), std::memory_order_relaxed);
    SPR_TESTPOINT(huge_emptied);
    if (!any) return false;
    if (remove(view_.huge(place), huge_size(place))) {
        // relaxed, both: they say nothing but when. What was refused for want of memory may be had now.
        StdAtomics::store(grow_after_, uint64_t{0}, std::memory_order_relaxed);
        StdAtomics::store(huge_after_, uint64_t{0}, std::memory_order_relaxed);
        return true;
    }
    seen = empty.pack();  // it stays: the memory is locked
    empty.memory = idle;
    StdAtomics::compare_exchange(word, seen, empty.pack(), std::memory_order_relaxed);
    return false;
}

// The oldest that is large enough; the agent may take it first, and then the next one.
bool Segment::overwrite_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss) {
    for (uint32_t attempt = 0; attempt < kHugePlaces - kHugeBlocks; ++attempt) {
        uint32_t oldest = kNone;
        uint64_t lowest = ~uint64_t{0};
        for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place) {
            if (!may_hold(place, bytes) || !is_huge(place)) continue;
            const ChunkLine& line = view_.chunk_line((kFirstHuge + place) * kChunksPerExtent);
            // relaxed, both: a guess. overwrite() decides.
            const ChunkWord word = ChunkWord::unpack(StdAtomics::load(line.word, std::memory_order_relaxed));
            const uint64_t sequence = StdAtomics::load(line.sequence, std::memory_order_relaxed);
            if (word.state != ChunkState::kFull || sequence >= lowest) continue;
            lowest = sequence;
            oldest = kFirstHuge + place;
        }
        if (oldest == kNone) return false;
        const uint32_t chunk = oldest * kChunksPerExtent;
        if (writer.overwrite(chunk, view_.chunk_line(chunk), view_.chunk_mark(chunk), view_.extent(oldest), bytes,
                             owner, loss))
            return true;
    }
    return false;
}

}  // namespace spanring::ring

// ---- lib/ring/segment_lent.cpp ---------------------------------------------------------------------------------------

//
// Extents whose memory went, and what becomes of it: it comes again where somebody wants a chunk of that kind, or it is
// lent to huge places, for spans that are larger than an extent. Otherwise a burst of small spans that once took every
// extent would leave no memory to large ones for the rest of the process's life.
//
//     lend        nobody holds it, EMPTY, nothing in use | what memory is left there goes | counted as lent
//     take back   its memory is reserved again           | EMPTY, as before
//     restore     held, EMPTY: populated                 | word EMPTY -> whole
//
// To whoever reads, one that is lent is EMPTY like any other: it is lent in the process's memory alone. A thread that
// vanishes while it lends one, or takes it back, takes the extent with it.

namespace spanring::ring {

bool Segment::is_empty(uint32_t extent) const {
    // relaxed: of one that is nobody's a guess. Who holds it has acquired what its last holder did.
    const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);
    return ExtentWord::unpack(word).memory == ExtentMemory::kEmpty;
}

// No chunk of it is claimed as long as it is EMPTY: all that are FREE stay so.
bool Segment::has_free_chunks_alone(uint32_t extent, ExtentKind kind) const {
    for (uint32_t place = 0; place < parts_of(kind); ++place) {
        // relaxed: nothing of it is read. Of one that became FREE the agent has read what there was.
        const uint64_t word =
            StdAtomics::load(view_.chunk_line(extent * kChunksPerExtent + place).word, std::memory_order_relaxed);
        if (ChunkWord::unpack(word).state != ChunkState::kFree) return false;
    }
    return true;
}

bool Segment::lend_extent(uint32_t extent) {
    ExtentKind kind;
    if (!is_empty(extent) || !parts_.begin_lending(extent, kind)) return false;
    uint8_t* const bytes = view_.extent(extent);
    const bool lends = is_empty(extent) && (!holds_chunks(kind) || has_free_chunks_alone(extent, kind)) &&
                       (!is_in_memory(bytes, kExtentSize) || remove(bytes, kExtentSize));
    SPR_TESTPOINT(extent_lending);
    if (!lends) {
        put_back(extent, kind);
        return false;
    }
    // relaxed: a number.
    StdAtomics::fetch_add(memory_, uint64_t{1} << kLentShift, std::memory_order_relaxed);
    parts_.lend(extent, kind);
    SPR_TESTPOINT(extent_lent);
    note_unused();
    return true;
}

// One that was lent, or nearly so.
void Segment::put_back(uint32_t extent, ExtentKind kind) {
    if (holds_chunks(kind))
        parts_.finish_turn(extent, kind);
    else
        parts_.close(extent, kind, looks());
    note_unused();
}

// At most so many, from the last one on. True: one at least.
[[gnu::noinline]] bool Segment::lend_extents(uint32_t most) {
    uint32_t lent = 0;
    for (uint32_t extent = extents(); lent < most && extent-- != 0;) lent += lend_extent(extent);
    return lent != 0;
}

// False: it is not lent, or huge places need the memory.
bool Segment::take_lent_back(uint32_t extent) {
    uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // the exchange decides
    if (memory_of(have) + 1 > extent_limit_) return false;
    const ExtentKind kind = parts_.lent_kind(extent);
    if (kind == ExtentKind::kNone || !parts_.take_back(extent, kind)) return false;
    SPR_TESTPOINT(extent_coming_back);
    bool fits;
    do fits = memory_of(have) + 1 <= extent_limit_;
    // relaxed: a number.
    while (fits &&
           !StdAtomics::compare_exchange(memory_, have, have - (uint64_t{1} << kLentShift), std::memory_order_relaxed));
    if (fits) {
        put_back(extent, kind);
    } else {
        parts_.lend(extent, kind);
        note_unused();  // who found this thread at it has to search again: there may be memory by now
    }
    return fits;
}

// Of chunks. False: none is lent, or its memory is not to be had, or is kept for other kinds.
bool Segment::take_any_back(ExtentKind kind) {
    const uint32_t count = extents();
    uint32_t unused;
    if (!leaves_shares(kind, 0, 1, count, extents_of_huge(huge_with_memory()), unused)) return false;
    for (uint32_t extent = 0; extent < count; ++extent)
        if (parts_.lent_kind(extent) == kind && take_lent_back(extent)) return true;
    return false;
}

// One that is held, so that it is not lent meanwhile. False: its memory did not go, or is not to be had now.
bool Segment::populate_again(uint32_t extent) {
    // acquire: that the extent is punched. Pairs with the release in ExtentGiver::leave(). Without it it could be
    // populated before that.
    uint64_t seen = StdAtomics::load(view_.extent_word(extent), std::memory_order_acquire);
    ExtentWord word = ExtentWord::unpack(seen);
    if (word.memory != ExtentMemory::kEmpty || !try_to_populate(extent)) return false;
    word.memory = ExtentMemory::kWhole;
    // release: that the extent is populated. Pairs with the acquire in ChunkWriter::claim(). Without it another thread
    // could touch it too early. It counts how often its memory went: what somebody else made whole, and an agent gave
    // back once more, is not made whole by a thread that populated it before.
    StdAtomics::compare_exchange(view_.extent_word(extent), seen, word.pack(), std::memory_order_release);
    SPR_TESTPOINT(extent_restored);
    note_unused();  // who found it empty, and then another thread at it, has to search again
    return true;
}

// One of that kind of chunks whose memory went becomes whole. True: there may be a free chunk now; search again.
bool Segment::restore_extent(ExtentKind kind) {
    do {
        const uint32_t count = extents();
        for (uint32_t extent = 0; extent < count; ++extent) {
            if (this->kind(extent) != kind || !is_empty(extent) || !parts_.hold(extent, kind)) continue;
            const bool restored = populate_again(extent);
            const bool is_short = !restored && is_empty(extent);
            parts_.let_go(extent);
            if (restored || is_short) return restored;
        }
    } while (any_lent() && take_any_back(kind));
    return false;
}

}  // namespace spanring::ring

// ---- lib/ring/extent_giver.hpp ---------------------------------------------------------------------------------------

//
// Memory that goes back: that of the FREE chunks of an extent, and that of slots and blocks which nobody uses. By one
// thread of whoever has the agent's lock, and only of a living process that said that it can make an extent whole
// again.
//
//     word -> GIVING          nobody claims a chunk of it any more whose word was loaded after this
//     each chunk FREE, on     by a generation: nobody claims one whose word was loaded before
//     these punched           by the caller; words, lines and marks lie outside of what goes
//     word GIVING -> EMPTY    and counts how often; a writer makes it whole (Segment::restore_extent())
//
// A chunk that is not FREE goes on as it was; once it is FREE it is claimed no sooner than the others. Killed in
// between: the word is GIVING, and the next agent goes on from there. Where none is FREE the word is whole again.
//
//     word UNUSED -> GIVING   of slots and blocks: the process takes none of these before it has the word
//     the extent punched      by the caller
//     word GIVING -> EMPTY    the process populates it before it uses it again (Segment::turn_extent())

namespace spanring::ring {

template <class Atomics = StdAtomics>
class ExtentGiver {
public:
    explicit ExtentGiver(SegmentView segment) : segment_(segment) {}

    // Takes an extent of chunks whose memory may go, or what is left of it. Calls moved(chunk, word) for each that was
    // FREE and is another generation now. Returns these, by place, a bit each: the caller punches them, then calls
    // finish(). 0: there is none, or the extent is not to be had.
    template <class Moved>
    uint32_t take(uint32_t extent, ExtentKind kind, Moved&& moved) {
        uint64_t& word = segment_.extent_word(extent);
        // relaxed: the exchange decides.
        uint64_t seen = Atomics::load(word, std::memory_order_relaxed);
        before_ = ExtentWord::unpack(seen);
        if (!ExtentWord::is_sound(seen, extent) || before_.kind != kind || !holds_chunks(kind)) return 0;
        if (before_.memory != ExtentMemory::kGiving) {  // otherwise one that was killed had it
            // relaxed: it is published with the chunks, by the releases in move_on().
            const uint64_t giving = ExtentWord{kind, ExtentMemory::kGiving, before_.gives}.pack();
            if (!Atomics::compare_exchange(word, seen, giving, std::memory_order_relaxed)) return 0;
            SPR_TESTPOINT(extent_giving);
        }
        uint32_t taken = 0;
        for (uint32_t place = 0; place < parts_of(kind); ++place)
            if (move_on(extent * kChunksPerExtent + place, moved)) taken |= uint32_t{1} << place;
        SPR_TESTPOINT(extent_moved_on);
        if (taken == 0) leave(extent, {kind, ExtentMemory::kWhole, before_.gives});  // what has no memory is FREE
        return taken;
    }

    // Of the extent that take() returned chunks of: some are punched. False: none; then it is what it was before.
    void finish(uint32_t extent, ExtentKind kind, bool punched) {
        const bool empty = punched || before_.memory != ExtentMemory::kWhole;
        leave(extent, {kind, empty ? ExtentMemory::kEmpty : ExtentMemory::kWhole, before_.gives + empty});
        SPR_TESTPOINT(extent_emptied);
    }

    // Takes an extent of slots or blocks whose word was `seen`: nobody uses it, or one that was killed had it. False:
    // it is used again. The caller punches it, then calls finish_unused().
    bool take_unused(uint32_t extent, ExtentWord seen) {
        before_ = seen;
        if (holds_chunks(seen.kind)) return false;
        if (seen.memory == ExtentMemory::kGiving) return true;
        if (seen.memory != ExtentMemory::kUnused) return false;
        uint64_t word = seen.pack();
        const uint64_t giving = ExtentWord{seen.kind, ExtentMemory::kGiving, seen.gives}.pack();
        // acquire: what its users wrote, before it is punched. Pairs with the release in Segment::close_extent().
        // Without it a late store of theirs could make memory again, which nobody would give back.
        if (!Atomics::compare_exchange(segment_.extent_word(extent), word, giving, std::memory_order_acquire))
            return false;
        SPR_TESTPOINT(unused_giving);
        return true;
    }

    // Punched or not: populating it once more does no harm.
    void finish_unused(uint32_t extent) {
        leave(extent, {before_.kind, ExtentMemory::kEmpty, before_.gives + 1});
        SPR_TESTPOINT(unused_emptied);
    }

private:
    template <class Moved>
    bool move_on(uint32_t chunk, Moved& moved) {
        uint64_t& word = segment_.chunk_line(chunk).word;
        uint64_t seen = Atomics::load(word, std::memory_order_relaxed);  // the exchange decides
        ChunkWord next = ChunkWord::unpack(seen);
        if (next.state != ChunkState::kFree) return false;
        next.generation = (next.generation + 1) & ChunkWord::kGenerationMask;
        // release: that the extent is taken. Pairs with the acquire in ChunkWriter::claim(). Without it a writer could
        // load this word, and then an extent's word from before it was taken, and claim what is punched.
        if (!Atomics::compare_exchange(word, seen, next.pack(), std::memory_order_release)) return false;
        moved(chunk, next);
        return true;
    }

    void leave(uint32_t extent, ExtentWord word) {
        // release: what was done to the memory. Pairs with the acquires in Segment::restore_extent() and in
        // Segment::take_back(). Without it a writer could populate the extent before it is punched.
        Atomics::store(segment_.extent_word(extent), word.pack(), std::memory_order_release);
        // release: the word before the count. Pairs with the acquire in Segment::freed_mark(): a writer that found
        // nothing meanwhile looks again.
        Atomics::fetch_add(segment_.control().freed, uint64_t{1}, std::memory_order_release);
    }

    SegmentView segment_;
    ExtentWord before_;  // of the extent that is taken
};

}  // namespace spanring::ring

// ---- lib/ring/segment_memory.cpp -------------------------------------------------------------------------------------

//
// What the process itself gives back of its memory, at a cold step of one of its threads: a claim, a thread's begin or
// end, a flush. Every ten seconds there is a look at all extents, from the last one down, a few at each step.
//
// What is idle goes where no agent serves the segment: with the agent's lock (OwnFile), in the steps of an agent
// (ExtentGiver), so that an agent finishes what the process did not come to. Each chunk was FREE for as long as
// Control::freed stood still, which moves whenever one becomes FREE; slots and blocks were closed two looks ago. Which
// of these its threads keep for their next spans, they give back at their next chunk (LevelWriter::next_chunk()), also
// where an agent runs.

namespace spanring::ring {
namespace {

// Of tmpfs, all in all: a small process is left alone, as by an agent.
constexpr uint64_t kMayKeep = uint64_t{1} << 20;

// An extent or two of each kind and all that is not in extents are less than that.
constexpr uint32_t kFewExtents = 12;

// Each is a system call that unmaps a piece of the process, some 20 us.
constexpr uint32_t kGivesAtAStep = 32;

}  // namespace

[[gnu::noinline]] void Segment::look_now() {
    take_done();
    // relaxed: it says nothing but when.
    if (extents() > kFewExtents || huge_with_memory() != 0)
        give_back_idle();
    else
        StdAtomics::store(look_after_, clock_->ticks() + ticks_in(kLookPause), std::memory_order_relaxed);
}

void Segment::give_back_idle() {
    if (StdAtomics::load(look_after_, std::memory_order_relaxed) == kNever) return;  // relaxed: as above and below
    const OwnFile file(bell_.path());  // first: no handler comes between here and the end
    uint32_t nobody = 0;
    // acquire: what the last one noted. Pairs with the release below. Without it an extent could be looked at twice in
    // one look, or not at all.
    if (!StdAtomics::compare_exchange(looker_, nobody, uint32_t{1}, std::memory_order_acquire)) return;
    const bool more = file && give_some(file);
    if (!more) {
        extents_left_ = 0;
        StdAtomics::store(look_after_, clock_->ticks() + ticks_in(kLookPause), std::memory_order_relaxed);
    }
    StdAtomics::store(looker_, uint32_t{0}, std::memory_order_release);
}

void Segment::begin_look() {
    extents_left_ = kFirstHuge + kHugePlaces;
    // relaxed: a number, and hints. From now on open spans begin in the first extents again, which go last.
    StdAtomics::store(looks_, looks_ + 1, std::memory_order_relaxed);
    for (uint32_t kind = 0; kind < kExtentKinds; ++kind)
        if (!holds_chunks(static_cast<ExtentKind>(kind)))
            StdAtomics::store(hints_[kind], uint32_t{0}, std::memory_order_relaxed);
}

// True: the look is not at its end.
bool Segment::give_some(const OwnFile& file) {
    // relaxed, both: numbers, and a switch. What an agent quarantined is left as it is found.
    if ((StdAtomics::load(view_.control().policy, std::memory_order_relaxed) & PolicyBits::kRetired) != 0) return false;
    const uint64_t freed = StdAtomics::load(view_.control().freed, std::memory_order_relaxed);
    const bool rested = freed == freed_;
    freed_ = freed;
    if (extents_left_ == 0) begin_look();
    if (!file.lock_as_agent()) return false;
    bool more = extents_left_ != 0;
    for (uint32_t given = 0; given < kGivesAtAStep && more;) {
        const uint32_t extent = extents_left_ - 1;
        if (may_go(extent, rested)) {
            if (file.memory() <= kMayKeep) return false;
            given += holds_unused(extent) ? give_unused(extent) : give_chunks(extent, kind(extent));
        }
        if (--extents_left_ == kFirstHuge) extents_left_ = extents();
        more = extents_left_ != 0;
    }
    freed_ = StdAtomics::load(view_.control().freed, std::memory_order_relaxed);  // which the giver counts in, too
    return more;
}

// Whether its memory goes as that of slots and blocks does.
bool Segment::holds_unused(uint32_t extent) const {
    return extent < kFirstHuge ? parts_.is_closed(extent) : extent < kFirstHuge + kHugeBlocks;
}

// `rested`: what is FREE was that at the last look.
bool Segment::may_go(uint32_t extent, bool rested) const {
    if (extent >= kFirstHuge && !is_huge(extent - kFirstHuge)) return false;
    if (!holds_unused(extent)) {
        const ExtentKind kind = this->kind(extent);
        return rested && holds_chunks(kind) && has_idle_chunk(extent, kind);
    }
    const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);  // the taking decides
    const ExtentMemory memory = ExtentWord::unpack(word).memory;
    if (memory == ExtentMemory::kGiving) return true;  // by an agent that was killed
    // Not what was closed since the last look: a call on a span that has ended may be looking at its slot.
    const uint32_t when = extent < kFirstHuge ? parts_.closed_when(extent) : given_when(extent - kFirstHuge);
    return memory == ExtentMemory::kUnused && looks_ - when >= 2;
}

// One that is FREE, and has memory.
bool Segment::has_idle_chunk(uint32_t extent, ExtentKind kind) const {
    const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);  // the taking decides
    const ExtentMemory memory = ExtentWord::unpack(word).memory;
    if (memory == ExtentMemory::kGiving) return true;  // by an agent that was killed
    for (uint32_t place = 0; place < parts_of(kind); ++place) {
        const uint32_t chunk = extent * kChunksPerExtent + place;
        const uint64_t seen = StdAtomics::load(view_.chunk_line(chunk).word, std::memory_order_relaxed);
        if (ChunkWord::unpack(seen).state != ChunkState::kFree) continue;
        if (memory == ExtentMemory::kWhole) return true;
        if (extent < kFirstHuge && is_in_memory(view_.chunk_bytes(chunk, part_size(kind)), part_size(kind)))
            return true;
    }
    return false;
}

// With the agent's lock. By the mapping, not the file: in a child that is forked off meanwhile it is not the parent's.
bool Segment::give_chunks(uint32_t extent, ExtentKind kind) {
    ExtentGiver<> giver(view_);
    uint32_t places = giver.take(extent, kind, [](uint32_t, ChunkWord) {});
    if (places == 0) return false;
    bool gone = false;
    while (places != 0) {
        const auto first = static_cast<uint32_t>(__builtin_ctz(places));
        const auto count = static_cast<uint32_t>(__builtin_ctz(~(places >> first)));
        const uint32_t size = part_size(extent, kind);
        gone = remove(view_.chunk_bytes(extent * kChunksPerExtent + first, size), count * size) || gone;
        places &= ~(((uint32_t{1} << count) - 1) << first);
    }
    SPR_TESTPOINT(own_chunks_punched);
    giver.finish(extent, kind, gone);
    return true;
}

// The same, of slots or blocks.
bool Segment::give_unused(uint32_t extent) {
    ExtentGiver<> giver(view_);
    // relaxed: the taking decides.
    const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);
    if (!giver.take_unused(extent, ExtentWord::unpack(word))) return false;
    remove(view_.extent(extent), size_of(extent));
    SPR_TESTPOINT(own_extent_punched);
    giver.finish_unused(extent);
    return true;
}

// False: the system refused, and it stays.
bool Segment::remove(uint8_t* bytes, uint32_t size) {
    if (!punch(bytes, size)) return false;
    StdAtomics::fetch_add(view_.writer().given_back, uint64_t{size}, std::memory_order_relaxed);  // a number
    return true;
}

}  // namespace spanring::ring

// ---- lib/ring/segment_waiting.cpp ------------------------------------------------------------------------------------

//
// Spans that have ended and wait in their slots, since no chunk has room (LevelWriter::publish_wait()): how many may,
// and how a slot comes back that the agent is done with. Until then it is in use, to all who ask for a free one.

namespace spanring::ring {

uint32_t Segment::most_waiting() {
    const WriterPage& page = view_.writer();
    const uint32_t count = extents();
    // relaxed, each: numbers, and about right is enough.
    const uint64_t at = count + StdAtomics::load(page.turned, std::memory_order_relaxed);
    if (at == StdAtomics::load(most_waiting_at_, std::memory_order_relaxed))
        return StdAtomics::load(most_waiting_, std::memory_order_relaxed);
    uint32_t have = 0;
    for (uint32_t extent = 0; extent < count; ++extent) have += kind(extent) == ExtentKind::kSlots;
    const uint32_t kept = kept_slot_extents();
    const uint32_t most = have > kept ? (have - kept) * kSlotsPerExtent : 0;
    StdAtomics::store(most_waiting_, most, std::memory_order_relaxed);
    StdAtomics::store(most_waiting_at_, at, std::memory_order_relaxed);
    return most;
}

bool Segment::may_wait(bool huge) {
    if (overwrite_) return false;
    do {
        // relaxed, both: numbers. Huge places are few, and so are the slots of those that wait there.
        if (StdAtomics::fetch_add(waiting_, uint32_t{1}, std::memory_order_relaxed) < most_waiting() || huge)
            return true;
        StdAtomics::fetch_add(waiting_, ~uint32_t{0}, std::memory_order_relaxed);
    } while (take_done());
    return false;
}

bool Segment::take_done() {
    if (StdAtomics::load(waiting_, std::memory_order_relaxed) == 0) return false;  // a number
    // acquire: DONE before the count. Pairs with the release in AckBook::finish_wait(), which says what breaks.
    const uint64_t done = StdAtomics::load(view_.control().done, std::memory_order_acquire);
    if (done == StdAtomics::load(done_, std::memory_order_relaxed)) return false;  // a number
    bool any = false;
    each_slot([&](uint32_t slot) {
        uint64_t& word = view_.slot(slot).word;
        uint64_t is_done = SlotWord{SlotState::kDone, 0, 0}.pack();
        // relaxed: the exchange decides.
        if (StdAtomics::load(word, std::memory_order_relaxed) != is_done) return;
        // acquire: what the agent read of the span, before the slot's next user writes. Pairs with the release in
        // AckBook::finish_wait(). Without it the agent could send bytes of the next span. An exchange: the slot is
        // given back once.
        if (!StdAtomics::compare_exchange(word, is_done, uint64_t{0}, std::memory_order_acquire)) return;
        SPR_TESTPOINT(done_taken);
        StdAtomics::fetch_add(waiting_, ~uint32_t{0}, std::memory_order_relaxed);  // a number
        give_slot(slot);
        any = true;
    });
    StdAtomics::store(done_, done, std::memory_order_relaxed);  // only now: who vanishes leaves the look to the next
    return any;
}

}  // namespace spanring::ring

// ---- lib/trace/base/error.cpp ----------------------------------------------------------------------------------------

#define SPR_TEXT(value) #value
#define SPR_VERSION_TEXT(major, minor, patch) SPR_TEXT(major) "." SPR_TEXT(minor) "." SPR_TEXT(patch)

namespace {

// Neither translated nor written into memory that threads share: with glibc, strerror() does both; musl's is a table.
const char* phrase_of(int error) {
#ifdef __GLIBC__
    const char* const phrase = strerrordesc_np(error);
    return phrase != nullptr ? phrase : "unknown error";
#else
    return strerror(error);
#endif
}

}  // namespace

extern "C" {

const char* spr_strerror(int error) noexcept {
    if (error == INT_MIN) return "unknown error";
    switch (error < 0 ? -error : 0) {
        case 0: return "success";
        case EINVAL: return "invalid argument: NULL, an empty key, a value out of range, or text that is not UTF-8";
        case E2BIG: return "too big: options with unknown members that are not zero, or a resource of more than 12 KiB";
        case ESTALE:
            return "spent span: it has ended, its provider was shut down, or it belongs to the parent of this process";
        case ENOBUFS: return "no room: the ring is full (raise the memory limit, or see whether the agent runs)";
        case EBUSY: return "nested too deep: a signal handler interrupted a signal handler inside the library";
        case EDQUOT: return "over a limit of the OpenTelemetry specification (OTEL_*_COUNT_LIMIT)";
        case ETIMEDOUT: return "the agent did not take everything over in time; the spans stay in the segment";
        case EMFILE: return "too many providers in this process, or too many open files";
        case ENOSPC:
            return "no space: in the memory for a text, in the runtime directory's file system, or for one more scope";
        case EFBIG: return "RLIMIT_FSIZE is below the size of the smallest segment";
        case ECANCELED:
            return "tracing is off: SPANRING_DISABLED, OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER=none is set";
        case EPERM: return "tracing is off: a set-user-id program, or a runtime directory of another owner";
        case ESHUTDOWN: return "the provider was shut down";
        case EBADMSG: return "malformed header: not what the format allows";
        case EACCES: return "the runtime directory is open to others (it must have mode 0700), or may not be made";
        case EMEDIUMTYPE: return "the runtime directory is not on a tmpfs";
        case ENOENT: return "there is no runtime directory and none can be made";
        case ENOTDIR:
        case ELOOP: return "the runtime directory is not a directory, or is reached through a symbolic link";
        case EROFS: return "this environment is read only: inject into a copy of it";
        case ENAMETOOLONG: return "the path of the runtime directory, or a carrier's key, is too long";
        default: return phrase_of(error < 0 ? -error : error);
    }
}

const char* spr_version(void) noexcept {
    return SPR_VERSION_TEXT(SPR_VERSION_MAJOR, SPR_VERSION_MINOR, SPR_VERSION_PATCH);
}

}  // extern "C"

// ---- lib/trace/base/limits.hpp ---------------------------------------------------------------------------------------

namespace spanring::trace {

// Specification: trace/sdk.md, Span Limits; common/README.md, Attribute Limits.
struct Limits {
    uint32_t attributes;
    uint16_t short_attributes;  // what the short way may add: as many as have a tag, or 0 where all lengths are looked
                                // at
    uint32_t value_length;      // characters of a text, bytes of bytes: of attributes of spans, events and links
    uint32_t events;
    uint32_t links;
    uint32_t event_attributes;  // of each
    uint32_t link_attributes;
    uint32_t misread;  // variables that were not understood

    // What the options leave open the environment says; what that leaves open is as in the specification.
    static Limits choose(const spr_provider_options& options);
};

}  // namespace spanring::trace

// ---- lib/trace/base/utf8.hpp -----------------------------------------------------------------------------------------

namespace spanring::trace {

// Eight bytes at a time, the last eight overlapping: what nearly every key and name is.
inline bool is_ascii(const char* text, size_t size) {
    constexpr uint64_t kHigh = 0x8080808080808080;
    uint64_t bits = 0;
    if (size < 8) {
        for (size_t i = 0; i < size; ++i) bits |= static_cast<uint8_t>(text[i]);
        return (bits & 0x80) == 0;
    }
    uint64_t eight;
    for (size_t i = 0; i + 8 < size; i += 8) {
        memcpy(&eight, text + i, 8);
        bits |= eight;
    }
    memcpy(&eight, text + size - 8, 8);
    return ((bits | eight) & kHigh) == 0;
}

bool is_utf8_beyond_ascii(const char* text, size_t size);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(const char* text, size_t size) { return is_ascii(text, size) || is_utf8_beyond_ascii(text, size); }

// Bytes of the first `count` characters. A byte that is part of none counts as one: so many the agent makes of it.
size_t first_characters(const char* text, size_t size, size_t count);

// The most bytes up to `most`, which is less than there are, that end between two characters.
size_t whole_characters(const char* text, size_t size, size_t most);

// Each byte that is part of no character becomes '?', as the agent does it.
void repair_utf8(uint8_t* text, size_t size);

}  // namespace spanring::trace

// ---- lib/trace/base/length_limit.hpp ---------------------------------------------------------------------------------

//
// How much of a text, or of bytes, is kept. Texts are cut between two characters.

namespace spanring::trace {

inline constexpr uint32_t kMaxText = 4u << 20;  // longer ones never fit into a span; bounds all arithmetic with sizes
inline constexpr uint32_t kNoLengthLimit = ~uint32_t{0};

struct LengthLimit {
    uint32_t characters = kNoLengthLimit;  // and bytes of bytes (specification: common/README.md, Attribute Limits)
    uint32_t bytes = kMaxText;             // what there is room for

    uint32_t of_text(const char* text, size_t size) const {
        if (size > characters) [[unlikely]]
            size = first_characters(text, size, characters);
        return static_cast<uint32_t>(size <= bytes ? size : whole_characters(text, size, bytes));
    }
    uint32_t of_bytes(size_t size) const {
        const uint32_t most = bytes < characters ? bytes : characters;
        return size < most ? static_cast<uint32_t>(size) : most;
    }
};

}  // namespace spanring::trace

// ---- lib/trace/base/hot_path.hpp -------------------------------------------------------------------------------------

//
// SPR_HOT_PATH(name) stands where a call has taken one of the fast ways and can no longer leave it. It is nothing in
// any library that is used; the crash tests compile one of their own in which each is counted, and so prove which of
// them they kill, interrupt and fork in.
//
// SPR_HOT_INLINE is `inline` of what several fast ways have inside. Where the library is one file (tools/amalgamate,
// and so in a Go module) the compiler finds that too large to go on inlining, and makes calls of these: a third more
// instructions. In files of their own it does it by itself, and better than when it is told to.

namespace spanring::trace {

enum class HotPath : uint32_t {
    kStartRoot,
    kStartBelow,
    kStartToItsEnd,
    kStartGiven,
    kStartWithContext,
    kStartUnsampled,
    kStartOff,
    kTextInSlot,
    kNumberInSlot,
    kTextToItsEnd,
    kForeseen,
    kTagged,
    kGoneBack,
    kList,
    kInBlock,
    kPlain,
    kGrown,
    kEvent,
    kLink,
    kEndLittle,
    kEndLarger,
    kEndOther,
    kEndElsewhere,
    kCount
};

}  // namespace spanring::trace

#ifdef SPR_HOT_PATHS
namespace spanring::trace {
// How often each was taken, by any thread: a test has one that matters. The test's executable defines it.
extern uint32_t hot_paths[static_cast<uint32_t>(HotPath::kCount)];
}  // namespace spanring::trace
#define SPR_HOT_PATH(name) \
    static_cast<void>(++::spanring::trace::hot_paths[static_cast<uint32_t>(::spanring::trace::HotPath::name)])
#else
#define SPR_HOT_PATH(name) static_cast<void>(0)
#endif

#ifdef SPR_ONE_FILE
#define SPR_HOT_INLINE [[gnu::always_inline]] inline
#else
#define SPR_HOT_INLINE inline
#endif

// ---- lib/trace/base/short_text.hpp -----------------------------------------------------------------------------------

//
// Copies of at most kShortText bytes without a call or a loop: what keys, names and values nearly always are. Each size
// class is two overlapping words, one from either end; no byte outside of [from, from + size) or its copy is touched.

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace spanring::trace {

inline constexpr size_t kShortText = 32;

// Sixteen bytes, and what is not 0 where one of them has its highest bit set.
#if defined(__SSE2__)
using Sixteen = __m128i;
inline Sixteen either(Sixteen a, Sixteen b) { return _mm_or_si128(a, b); }
inline uint64_t high_bits(Sixteen bytes) { return static_cast<uint32_t>(_mm_movemask_epi8(bytes)); }
#else
struct Sixteen {
    uint64_t halves[2];
};
inline Sixteen either(Sixteen a, Sixteen b) { return {{a.halves[0] | b.halves[0], a.halves[1] | b.halves[1]}}; }
inline uint64_t high_bits(Sixteen bytes) { return (bytes.halves[0] | bytes.halves[1]) & 0x8080808080808080; }
#endif
inline uint64_t either(uint64_t a, uint64_t b) { return a | b; }
inline uint64_t high_bits(uint64_t bytes) { return bytes & 0x8080808080808080; }
inline uint32_t either(uint32_t a, uint32_t b) { return a | b; }
inline uint64_t high_bits(uint32_t bytes) { return bytes & 0x80808080; }
inline uint16_t either(uint16_t a, uint16_t b) { return a | b; }
inline uint64_t high_bits(uint16_t bytes) { return bytes & 0x8080u; }

// The two words of a size class, copied. 0: all of it is ASCII.
template <class Word>
inline uint64_t copy_ends(uint8_t* to, const char* from, size_t size) {
    Word head, tail;
    memcpy(&head, from, sizeof head);
    memcpy(&tail, from + size - sizeof tail, sizeof tail);
    memcpy(to, &head, sizeof head);
    memcpy(to + size - sizeof tail, &tail, sizeof tail);
    return high_bits(either(head, tail));
}

// size <= kShortText. 0: all of it is ASCII; a caller that drops the answer makes the compiler drop the work for it.
// (No bool, which each size would make of it for itself.)
SPR_HOT_INLINE uint64_t copy_short(uint8_t* to, const char* from, size_t size) {
    if (size >= 16) return copy_ends<Sixteen>(to, from, size);
    if (size >= 8) return copy_ends<uint64_t>(to, from, size);
    if (size >= 4) return copy_ends<uint32_t>(to, from, size);
    if (size >= 2) return copy_ends<uint16_t>(to, from, size);
    if (size == 0) return 0;
    to[0] = static_cast<uint8_t>(from[0]);
    return to[0] & 0x80u;
}

// A key and its text that are short together: the lengths around them (tag, length, text, twice) take one byte each.
inline constexpr size_t kShortPair = 127 - 6;

template <size_t kSize>
[[gnu::always_inline]] inline void copy_sixteens(uint8_t* to, const void* from) {
    static_assert(kSize == 32 || kSize == 64);
    const auto copy = [&](size_t at) { memcpy(to + at, static_cast<const uint8_t*>(from) + at, 16); };
    copy(0);  // one by one: not every optimization unrolls a loop
    copy(16);
    if constexpr (kSize == 64) {
        copy(32);
        copy(48);
    }
}

// Copies a text of at most kShortPair bytes; whether it is ASCII is not asked. No loop, whose end would be such a guess
// as well.
SPR_HOT_INLINE void copy_value(uint8_t* to, const char* from, size_t size) {
    static_assert(kShortText == 32 && kShortPair <= 128);
    if (size <= kShortText) [[likely]] {
        copy_short(to, from, size);
    } else if (size <= 64) {
        copy_sixteens<32>(to, from);
        copy_sixteens<32>(to + size - 32, from + size - 32);
    } else {
        copy_sixteens<64>(to, from);
        copy_sixteens<64>(to + size - 64, from + size - 64);
    }
}

}  // namespace spanring::trace

// ---- lib/trace/base/variable.hpp -------------------------------------------------------------------------------------

//
// An environment variable as the specification has it read (configuration/sdk-environment-variables.md): empty is
// unset, words have no case, what cannot be understood is as if it were unset. Blanks around a value do not count.
// Nothing here asks the application's locale, allocates, or touches errno.

namespace spanring::trace {

// Equal but for the case of ASCII letters.
bool same_word(std::string_view a, std::string_view b);

class Variable {
public:
    explicit Variable(const char* name);
    static Variable of(const char* text);  // a value that was read; nullptr is unset

    bool is_set() const { return !text_.empty(); }
    bool is(std::string_view word) const;
    std::string_view text() const { return text_; }  // without the blanks around it

    // `prefix` taken off, where it begins with it.
    bool take(std::string_view prefix);

    // Each: false, and `ret` as it was, where the value is something else.
    bool number(double least, double most, double& ret) const;  // 0.25, .5, 1e-3; no sign but +
    bool count(uint64_t& ret) const;                            // digits; what is too large is the largest there is
    bool bytes(uint64_t& ret) const;  // the same with KiB, MiB, GiB (K, M, G), KB, MB, GB or B

private:
    Variable() = default;

    std::string_view text_;
};

}  // namespace spanring::trace

// ---- lib/trace/base/limits.cpp ---------------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

constexpr uint32_t kDefaultCount = 128;
constexpr uint32_t kMostCount = 65535;  // what the slot can count
constexpr uint32_t kMostTags = ring::kKeyTags - 1;

// Reads limits from the environment, and counts the variables that say something else.
class Reader {
public:
    uint32_t count(uint32_t option, const char* variable, const char* general = nullptr) {
        return number(option, variable, general, kDefaultCount, kMostCount);
    }
    uint32_t number(uint32_t option, const char* variable, const char* general, uint32_t otherwise, uint32_t most) {
        if (option == SPR_LIMIT_ZERO) return 0;
        if (option != 0) return option < most ? option : most;
        uint32_t value = otherwise;
        if (general != nullptr) read(general, most, value);
        read(variable, most, value);
        return value;
    }
    uint32_t misread() const { return misread_; }

private:
    // -1 is no limit, as other SDKs have it; what is empty or something else is unset, as the specification asks.
    void read(const char* name, uint32_t most, uint32_t& ret) {
        const Variable variable(name);
        uint64_t value = most;
        if (!variable.is_set()) return;
        if (variable.is("-1") || variable.count(value))
            ret = value < most ? static_cast<uint32_t>(value) : most;
        else
            ++misread_;
    }

    uint32_t misread_ = 0;
};

}  // namespace

Limits Limits::choose(const spr_provider_options& options) {
    Limits limits;
    Reader reader;
    limits.attributes =
        reader.count(options.attribute_count_limit, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT");
    limits.value_length = reader.number(options.attribute_value_length_limit, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                                        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", kNoLengthLimit, kNoLengthLimit);
    limits.events = reader.count(options.event_count_limit, "OTEL_SPAN_EVENT_COUNT_LIMIT");
    limits.links = reader.count(options.link_count_limit, "OTEL_SPAN_LINK_COUNT_LIMIT");
    limits.event_attributes = reader.count(options.event_attribute_count_limit, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT");
    limits.link_attributes = reader.count(options.link_attribute_count_limit, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT");
    // A text has at most as many characters as bytes: the short way need not count them.
    if (limits.value_length < kShortPair)
        limits.short_attributes = 0;
    else
        limits.short_attributes = static_cast<uint16_t>(limits.attributes < kMostTags ? limits.attributes : kMostTags);
    limits.misread = reader.misread();
    return limits;
}

}  // namespace spanring::trace

// ---- lib/trace/base/utf8.cpp -----------------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

// Bytes of the character that begins at `at`, which is not the end; 0: none does.
size_t character_size(const uint8_t* at, const uint8_t* end) {
    const uint8_t lead = at[0];
    if (lead < 0x80) return 1;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || end - at <= more) return 0;
    const uint8_t second = at[1];
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
        (lead == 0xf4 && second > 0x8f))
        return 0;
    for (int i = 1; i <= more; ++i)
        if ((at[i] & 0xc0) != 0x80) return 0;
    return static_cast<size_t>(more) + 1;
}

}  // namespace

bool is_utf8_beyond_ascii(const char* text, size_t size) {
    const uint8_t* at = reinterpret_cast<const uint8_t*>(text);
    const uint8_t* const end = at + size;
    while (at != end) {
        const size_t character = character_size(at, end);
        if (character == 0) return false;
        at += character;
    }
    return true;
}

void repair_utf8(uint8_t* text, size_t size) {
    uint8_t* const end = text + size;
    for (uint8_t* at = text; at != end;) {
        const size_t character = character_size(at, end);
        if (character == 0) *at = '?';
        at += character != 0 ? character : 1;
    }
}

size_t whole_characters(const char* text, size_t size, size_t most) {
    const uint8_t* const begin = reinterpret_cast<const uint8_t*>(text);
    for (size_t back = 1; back <= 3 && back <= most; ++back)
        if (character_size(begin + most - back, begin + size) > back) return most - back;
    return most;
}

size_t first_characters(const char* text, size_t size, size_t count) {
    const uint8_t* const begin = reinterpret_cast<const uint8_t*>(text);
    const uint8_t* const end = begin + size;
    const uint8_t* at = begin;
    for (; at != end && count != 0; --count) {
        const size_t character = character_size(at, end);
        at += character != 0 ? character : 1;
    }
    return static_cast<size_t>(at - begin);
}

}  // namespace spanring::trace

// ---- lib/trace/base/wire.hpp -----------------------------------------------------------------------------------------

//
// The few bytes of protobuf that a span needs. Writers write where the caller has made room.

namespace spanring::trace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
constexpr uint8_t tag(uint32_t field, WireType type) { return static_cast<uint8_t>(field << 3 | type); }  // field < 16

constexpr uint32_t varint_size(uint64_t value) {
    return value < 0x80 ? 1 : (static_cast<uint32_t>(63 - __builtin_clzll(value)) / 7 + 1);
}

inline uint8_t* put_varint(uint8_t* to, uint64_t value) {
    while (value >= 0x80) {
        *to++ = static_cast<uint8_t>(value) | 0x80;
        value >>= 7;
    }
    *to++ = static_cast<uint8_t>(value);
    return to;
}

// Writes a length of less than 16 KiB, without a loop.
constexpr uint32_t short_length_size(uint32_t length) { return length < 0x80 ? 1 : 2; }
inline constexpr uint32_t kShortLength = 1u << 14;
inline uint8_t* put_short_length(uint8_t* to, uint32_t length) {
    to[0] = static_cast<uint8_t>(length);
    if (length < 0x80) return to + 1;
    to[0] |= 0x80;
    to[1] = static_cast<uint8_t>(length >> 7);
    return to + 2;
}

// Little-endian like the wire; big-endian hosts are refused at compile time.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
inline uint8_t* put_fixed64(uint8_t* to, uint64_t value) {
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}
inline uint8_t* put_fixed32(uint8_t* to, uint32_t value) {
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

}  // namespace spanring::trace

// ---- lib/trace/base/value.hpp ----------------------------------------------------------------------------------------

//
// An AnyValue: `tag len { one field }`, its size known before its bytes are written. What is in a list is walked twice,
// to check and measure it and to write it, and once more for every list around it: kMostLists bounds that, the size of
// a span bounds the rest. Nothing is allocated, and nothing calls itself. The caller's memory must not change
// meanwhile.

namespace spanring::trace {

inline size_t text_size(const char* text, size_t size) {
    if (text == nullptr) return 0;
    return size == SPR_NUL ? strlen(text) : size;
}

// How deep messages are nested in the request in which a value goes out. Parsers stop at 100 (prost, C++'s protobuf),
// and then the whole request is lost. Counted from ExportTraceServiceRequest, which is the first; the value of an
// event's or a link's attribute is the deepest, so its place is taken for all.
struct Nesting {
    static constexpr uint32_t kMost = 100;
    static constexpr uint32_t kOfAttribute = 7;  // Request, ResourceSpans, ScopeSpans, Span, Event, KeyValue, AnyValue
    // What a list adds: ArrayValue, AnyValue; KeyValueList, KeyValue, AnyValue.
    static constexpr uint32_t of_list(uint32_t type) { return type == SPR_TYPE_ARRAY ? 2 : 3; }
    static constexpr bool fits(uint32_t nesting, uint32_t type) { return nesting + of_list(type) <= kMost; }
};

// Lists in lists. It is the messages that bound them, not SPR_VALUE_DEPTH.
inline constexpr uint32_t kMostLists = (Nesting::kMost - Nesting::kOfAttribute) / 2;
static_assert(kMostLists <= SPR_VALUE_DEPTH);

// A checked value. `from` is the caller's.
struct Value {
    const spr_any* from;
    LengthLimit limit;  // inside of lists as well
    uint32_t type;
    uint32_t nesting;     // messages around it and it itself
    uint32_t inner_size;  // text, bytes, or what is inside a list
    uint32_t size;        // of the AnyValue

    // False: no such type, a length that cannot be, or a list without its elements. A list that is nested too deep is
    // an empty value (specification: common/README.md, Attribute Limits); one of more than kMaxText bytes has kTooLong.
    static bool check(uint32_t type, const spr_any& from, LengthLimit limit, uint32_t nesting, Value& ret) {
        if (!is_list(type)) return check_flat(type, from, limit, nesting, ret);
        ret = {&from, limit, type, nesting, 0, 0};
        if (!Nesting::fits(nesting, type)) {
            ret.type = SPR_TYPE_EMPTY;
            return true;
        }
        if (!measure_list(ret)) return false;
        ret.size = 1 + varint_size(ret.inner_size) + ret.inner_size;
        return true;
    }

    template <class Sink>
    void write(Sink& sink, uint8_t field_tag) const {
        write_flat(sink, field_tag);
        if (is_list(type) && inner_size != 0) write_elements(sink);
    }

    static constexpr bool is_list(uint32_t type) { return type == SPR_TYPE_ARRAY || type == SPR_TYPE_KEY_VALUES; }

    static constexpr uint32_t kTooLong = kMaxText + 1;  // fits nowhere

private:
    static bool check_flat(uint32_t type, const spr_any& from, LengthLimit limit, uint32_t nesting, Value& ret) {
        if (type == SPR_TYPE_UINT64 && from.int64 >= 0) type = SPR_TYPE_INT64;
        ret = {&from, limit, type, nesting, 0, 0};
        switch (type) {
            case SPR_TYPE_STRING: {
                const size_t given = text_size(from.string.data, from.string.size);
                if (given > PTRDIFF_MAX) return false;
                ret.inner_size = limit.of_text(from.string.data, given);
                break;
            }
            case SPR_TYPE_BYTES: {
                const size_t given = from.bytes.data == nullptr ? 0 : from.bytes.size;
                if (given > PTRDIFF_MAX) return false;
                ret.inner_size = limit.of_bytes(given);
                break;
            }
            case SPR_TYPE_UINT64: ret.inner_size = digits_of(from); break;
            case SPR_TYPE_BOOL: ret.size = 2; return true;
            case SPR_TYPE_INT64: ret.size = 1 + varint_size(static_cast<uint64_t>(from.int64)); return true;
            case SPR_TYPE_DOUBLE: ret.size = 9; return true;
            case SPR_TYPE_EMPTY: return true;
            default: return false;
        }
        ret.size = 1 + varint_size(ret.inner_size) + ret.inner_size;
        return true;
    }

    // Of what no int64 can hold: 19 or 20.
    static uint32_t digits_of(const spr_any& from) {
        return static_cast<uint64_t>(from.int64) >= 10'000'000'000'000'000'000u ? 20 : 19;
    }
    static uint8_t* put_digits(uint8_t* to, const spr_any& from) {
        const uint32_t digits = digits_of(from);
        uint64_t rest = static_cast<uint64_t>(from.int64);
        for (uint32_t i = digits; i-- != 0; rest /= 10) to[i] = static_cast<uint8_t>('0' + rest % 10);
        return to + digits;
    }

    // Fills inner_size. False: an element is not valid.
    static bool measure_list(Value& list);  // value.cpp

    // All but what is inside of a list.
    template <class Sink>
    void write_flat(Sink& sink, uint8_t field_tag) const {
        uint8_t head[40];
        head[0] = field_tag;
        uint8_t* end = put_varint(head + 1, size);
        // AnyValue: the type is the number of its field.
        switch (type) {
            case SPR_TYPE_BOOL:
                *end++ = tag(type, kVarint);
                *end++ = from->boolean != 0;
                break;
            case SPR_TYPE_INT64:
                *end++ = tag(type, kVarint);
                end = put_varint(end, static_cast<uint64_t>(from->int64));
                break;
            case SPR_TYPE_DOUBLE:
                *end++ = tag(type, kFixed64);
                memcpy(end, &from->float64, 8);
                end += 8;
                break;
            case SPR_TYPE_UINT64:
                *end++ = tag(SPR_TYPE_STRING, kBytes);
                end = put_digits(put_varint(end, inner_size), *from);
                break;
            case SPR_TYPE_EMPTY: break;
            default: *end++ = tag(type, kBytes); end = put_varint(end, inner_size);
        }
        sink.put(head, static_cast<uint32_t>(end - head));
        if (inner_size == 0) return;
        if (type == SPR_TYPE_STRING) sink.put(from->string.data, inner_size);
        if (type == SPR_TYPE_BYTES) sink.put(from->bytes.data, inner_size);
    }

    template <class Sink>
    [[gnu::noinline]] void write_elements(Sink& sink) const;  // list_walk.hpp
};

// A KeyValue: key 1, value 2.
constexpr uint32_t key_value_size(uint32_t key_size, uint32_t value_size) {
    return 1 + varint_size(key_size) + key_size + 1 + varint_size(value_size) + value_size;
}

// The part of a KeyValue in front of its value, with a tag of its own.
template <class Sink>
void write_key(Sink& sink, uint8_t field_tag, const char* key, uint32_t key_size, uint32_t value_size) {
    uint8_t head[16];
    head[0] = field_tag;
    uint8_t* end = put_varint(head + 1, key_value_size(key_size, value_size));
    *end++ = tag(1, kBytes);
    end = put_varint(end, key_size);
    sink.put(head, static_cast<uint32_t>(end - head));
    sink.put(key, key_size);
}

// False: no key, one that is not UTF-8, or far too long.
inline bool check_key(const char* key, size_t given_size, uint32_t& ret_size) {
    const size_t size = text_size(key, given_size);
    if (size == 0 || size > kMaxText || !is_utf8(key, size)) return false;
    ret_size = static_cast<uint32_t>(size);
    return true;
}

}  // namespace spanring::trace

// ---- lib/trace/base/list_walk.hpp ------------------------------------------------------------------------------------

//
// A walk through lists in lists, in the order in which they are written: a stack of places in place of calls within
// calls, so that what it needs of the thread's stack is known.

namespace spanring::trace {

class ListWalk {
public:
    struct Element {
        uint32_t type;
        const spr_any* value;
        const char* key;  // nullptr in an array
        size_t key_size;
    };

    // `nesting`: that of the list.
    explicit ListWalk(uint32_t nesting) : nesting_(nesting) {}

    // Into a list, which is the walk's first or the present element's value, and which fits(). False: it has none of
    // its elements, or more than any span has room for.
    bool enter(uint32_t type, const spr_any& list) {
        const size_t count = type == SPR_TYPE_ARRAY ? list.array.count : list.key_values.count;
        const void* first =
            type == SPR_TYPE_ARRAY ? static_cast<const void*>(list.array.values) : list.key_values.pairs;
        if (count > kMaxText || (first == nullptr && count != 0)) return false;
        places_[depth_++] = {first, static_cast<uint32_t>(count), type == SPR_TYPE_KEY_VALUES, 0};
        nesting_ += Nesting::of_list(type);
        return true;
    }
    // Out of the innermost list. False: it was the first.
    bool leave() {
        nesting_ -= Nesting::of_list(innermost().pairs ? SPR_TYPE_KEY_VALUES : SPR_TYPE_ARRAY);
        return --depth_ != 0;
    }

    bool in_pairs() const { return innermost().pairs; }
    bool at_end() const { return innermost().left == 0; }
    uint32_t nesting() const { return nesting_; }  // of the present element's value
    Element element() const {
        if (!innermost().pairs) {
            const auto& element = *static_cast<const spr_value*>(innermost().next);
            return {element.type, &element.value, nullptr, 0};
        }
        const auto& pair = *static_cast<const spr_attribute*>(innermost().next);
        return {pair.type, &pair.value, pair.key, pair.key_size};
    }
    void advance() {
        Place& place = innermost();
        --place.left;
        place.next = place.pairs ? static_cast<const void*>(static_cast<const spr_attribute*>(place.next) + 1)
                                 : static_cast<const spr_value*>(place.next) + 1;
    }

    // Bytes of the innermost list, for who measures.
    uint32_t& size() { return innermost().size; }

private:
    struct Place {
        const void* next;
        uint32_t left : 31;
        uint32_t pairs : 1;
        uint32_t size;
    };

    Place& innermost() { return places_[depth_ - 1]; }
    const Place& innermost() const { return places_[depth_ - 1]; }

    Place places_[kMostLists];
    uint32_t depth_ = 0;
    uint32_t nesting_;
};

template <class Sink>
void Value::write_elements(Sink& sink) const {
    ListWalk walk(nesting);
    walk.enter(type, *from);
    for (;;) {
        if (walk.at_end()) {
            if (!walk.leave()) return;
            continue;
        }
        const ListWalk::Element element = walk.element();
        Value value;
        check(element.type, *element.value, limit, walk.nesting(), value);  // as it was when it was measured
        if (element.key != nullptr)
            write_key(sink, tag(1, kBytes), element.key,
                      static_cast<uint32_t>(text_size(element.key, element.key_size)), value.size);
        value.write_flat(sink, tag(element.key != nullptr ? 2 : 1, kBytes));
        walk.advance();
        if (is_list(value.type) && value.inner_size != 0) walk.enter(value.type, *value.from);
    }
}

}  // namespace spanring::trace

// ---- lib/trace/base/value.cpp ----------------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

// The present element, whose value has so many bytes, is part of the list.
void take_in(ListWalk& walk, uint32_t key_size, uint32_t value_size) {
    const uint32_t element = key_size != 0 ? key_value_size(key_size, value_size) : value_size;
    walk.size() += 1 + varint_size(element) + element;
    walk.advance();
}

}  // namespace

bool Value::measure_list(Value& list) {
    ListWalk walk(list.nesting);
    if (!walk.enter(list.type, *list.from)) return false;
    uint32_t key_size = 0;
    for (;;) {
        const uint32_t size = walk.size();
        if (size > kMaxText) {  // a list that is there many times would not end otherwise
            list.inner_size = kTooLong;
            return true;
        }
        if (walk.at_end()) {
            if (!walk.leave()) {
                list.inner_size = size;
                return true;
            }
            const ListWalk::Element around = walk.element();
            key_size = static_cast<uint32_t>(text_size(around.key, around.key_size));
            take_in(walk, key_size, 1 + varint_size(size) + size);
            continue;
        }
        const ListWalk::Element element = walk.element();
        key_size = 0;
        if (walk.in_pairs() && !check_key(element.key, element.key_size, key_size)) return false;
        if (is_list(element.type) && Nesting::fits(walk.nesting(), element.type)) {
            if (!walk.enter(element.type, *element.value)) return false;
            continue;
        }
        Value value = {};
        if (!is_list(element.type) && !check_flat(element.type, *element.value, list.limit, walk.nesting(), value))
            return false;  // a list that is too deep is an empty value, of no bytes
        take_in(walk, key_size, value.size);
    }
}

}  // namespace spanring::trace

// ---- lib/trace/base/variable.cpp -------------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

constexpr uint64_t kMost = ~uint64_t{0};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool begins_with(std::string_view text, std::string_view word) {
    if (text.size() < word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i)
        if (lower(text[i]) != lower(word[i])) return false;
    return true;
}

// The digits that `text` begins with, taken off it. False: there are none.
bool take_digits(std::string_view& text, uint64_t& ret) {
    if (text.empty() || !is_digit(text.front())) return false;
    uint64_t value = 0;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
        const auto digit = static_cast<uint64_t>(text.front() - '0');
        value = value > (kMost - digit) / 10 ? kMost : value * 10 + digit;
    }
    ret = value;
    return true;
}

// A decimal number in the making: digits * 10^exponent. More digits than a double tells apart are left out.
struct Decimal {
    static constexpr uint64_t kEnough = 100'000'000'000'000'000;

    uint64_t digits = 0;
    int exponent = 0;
    bool any = false;

    void take(std::string_view& text, bool fraction) {
        for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
            any = true;
            if (digits >= kEnough) {
                exponent += fraction ? 0 : 1;
                continue;
            }
            digits = digits * 10 + static_cast<uint64_t>(text.front() - '0');
            exponent -= fraction ? 1 : 0;
        }
    }

    // Exact where powers of ten up to 22 do, as they are in a double.
    double value() const {
        double result = static_cast<double>(digits);
        double power = 1;
        const int steps = exponent < 0 ? -exponent : exponent;
        for (int i = 0; i < steps && i < 400; ++i) power *= 10;
        if (result != 0) result = exponent < 0 ? result / power : result * power;
        return result;
    }
};

}  // namespace

bool same_word(std::string_view a, std::string_view b) { return a.size() == b.size() && begins_with(a, b); }

Variable::Variable(const char* name) : Variable(of(getenv(name))) {}

Variable Variable::of(const char* text) {
    Variable variable;
    if (text != nullptr) variable.text_ = trimmed(text);
    return variable;
}

bool Variable::is(std::string_view word) const { return same_word(text_, word); }

bool Variable::take(std::string_view prefix) {
    if (!begins_with(text_, prefix)) return false;
    text_.remove_prefix(prefix.size());
    return true;
}

bool Variable::number(double least, double most, double& ret) const {
    std::string_view text = text_;
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    Decimal decimal;
    decimal.take(text, false);
    if (!text.empty() && text.front() == '.') {
        text.remove_prefix(1);
        decimal.take(text, true);
    }
    if (!decimal.any) return false;
    if (!text.empty() && lower(text.front()) == 'e') {
        text.remove_prefix(1);
        const bool negative = !text.empty() && text.front() == '-';
        if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
        uint64_t power = 0;
        if (!take_digits(text, power)) return false;
        const int bounded = power > 1000 ? 1000 : static_cast<int>(power);
        decimal.exponent += negative ? -bounded : bounded;
    }
    const double value = decimal.value();
    if (!text.empty() || !(value >= least && value <= most)) return false;
    ret = value;
    return true;
}

bool Variable::count(uint64_t& ret) const {
    std::string_view text = text_;
    uint64_t value = 0;
    if (!take_digits(text, value) || !text.empty()) return false;
    ret = value;
    return true;
}

bool Variable::bytes(uint64_t& ret) const {
    struct Unit {
        std::string_view name;
        uint64_t bytes;
    };
    constexpr Unit kUnits[] = {
        {"", 1},          {"B", 1},          {"K", 1 << 10}, {"KiB", 1 << 10}, {"KB", 1'000},         {"M", 1 << 20},
        {"MiB", 1 << 20}, {"MB", 1'000'000}, {"G", 1 << 30}, {"GiB", 1 << 30}, {"GB", 1'000'000'000},
    };
    std::string_view text = text_;
    uint64_t value = 0;
    if (!take_digits(text, value)) return false;
    const std::string_view name = trimmed(text);
    for (const Unit& unit : kUnits) {
        if (!same_word(name, unit.name)) continue;
        ret = value > kMost / unit.bytes ? kMost : value * unit.bytes;
        return true;
    }
    return false;
}

}  // namespace spanring::trace

// ---- lib/trace/base/growing_blocks.hpp -------------------------------------------------------------------------------

//
// Room for things by number, of which nobody knows how many there will be: the first so many lie in their owner, more
// in blocks that are mapped as they are needed, each for as many as there are before it. A block stays where it is
// until unmap(). Zeroed memory has none. Any thread, any signal level; never waits.
//
//     operation    at      add     limit
//     at           free    free    free       (free: no synchronisation by the caller)
//     add          free    free    free
//     unmap        alone

namespace spanring::trace {

// Memory of that size, zeroed, in a place where there may be none yet. False: there is none to be had. What is there is
// published by the caller.
[[gnu::cold, gnu::noinline]] inline bool map_once(void*& place, size_t size) {
    // acquire: the mapping, which is older than what its place says. Pairs with the release in the exchange below.
    // Without it who only saw the place, and publishes it, would publish a mapping that is not ordered before that: the
    // kernel made its zeroes, so nothing else breaks, but a checker that takes mmap() for a write cannot know.
    if (__atomic_load_n(&place, __ATOMIC_ACQUIRE) != nullptr) return true;
    const int before = errno;
    void* const memory =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    errno = before;
    if (memory == MAP_FAILED) return false;
    void* none = nullptr;
    // release: as said, pairs with the acquire above; acquire: where another thread's mapping is there.
    if (!ring::StdAtomics::compare_exchange(place, none, memory, std::memory_order_acq_rel))
        munmap(memory, size);  // another thread's is there
    return true;
}

template <class Thing, uint32_t kFirst, uint32_t kBlocks>
class GrowingBlocks {
public:
    // How many there are room for.
    uint32_t limit() const {
        // acquire: the blocks of all numbers below it. Pairs with the release in add(), which says what breaks.
        return kFirst << ring::StdAtomics::load(count_, std::memory_order_acquire);
    }

    // Of a number that is not among the first, and below a limit that was seen, by this thread or by the one whose
    // number it was.
    Thing& at(uint32_t number) const {
        const uint32_t block = block_of(number);
        // relaxed: as limit() has ordered it.
        void* const things = __atomic_load_n(&blocks_[block], __ATOMIC_RELAXED);
        return static_cast<Thing*>(things)[number - (kFirst << block)];
    }

    // COLD. All below `limit`, as it was seen, are in use: room for as many again. False: there is none to be had.
    bool add(uint32_t limit) {
        const uint32_t block = block_of(limit);
        if (block >= kBlocks || !map_once(blocks_[block], size_of(block))) return false;
        uint32_t expected = block;
        // release: the block, which this thread has mapped or seen mapped, before the count. Pairs with the acquire in
        // limit(). Without it a number could be used whose block is not to be seen yet.
        ring::StdAtomics::compare_exchange(count_, expected, block + 1, std::memory_order_release);
        return true;
    }

    void unmap() {
        for (uint32_t block = 0; block < kBlocks; ++block)
            if (blocks_[block] != nullptr) munmap(blocks_[block], size_of(block));
    }

private:
    // Block b has the numbers from kFirst << b on, as many as there are below.
    static uint32_t block_of(uint32_t number) { return 31 - static_cast<uint32_t>(__builtin_clz(number / kFirst)); }
    static size_t size_of(uint32_t block) { return sizeof(Thing) * kFirst << block; }

    uint32_t count_ = 0;  // of blocks that are there
    void* blocks_[kBlocks] = {};
};

}  // namespace spanring::trace

// ---- lib/trace/base/span_handle.hpp ----------------------------------------------------------------------------------

//
// What spr_span::handle holds. Never dereferenced unchecked: a spent, foreign or invented handle resolves to nothing.

namespace spanring::trace {

struct SpanHandle {
    uint32_t provider;    // 3 bits
    uint32_t life;        // 8 bits of Life::number
    uint32_t slot;        // 20 bits
    uint32_t generation;  // Slot::generation, which begins elsewhere in each life

    static constexpr uint64_t kRecorded = 1;      // in every handle of a span that is recorded
    static constexpr uint64_t kLifeMask = 0xfff;  // what all handles of one life of a provider share

    // Bits: 0 set (recorded), 1-3 provider, 4-11 life, 12-31 slot, 32-63 generation.
    constexpr uint64_t pack() const { return of_life() | place(); }
    constexpr uint64_t of_life() const { return kRecorded | uint64_t{provider} << 1 | uint64_t{life & 0xff} << 4; }
    constexpr uint64_t place() const { return uint64_t{slot} << 12 | uint64_t{generation} << 32; }
    static constexpr SpanHandle unpack(uint64_t bits) {
        return {static_cast<uint32_t>(bits >> 1) & 7, static_cast<uint32_t>(bits >> 4) & 0xff,
                static_cast<uint32_t>(bits >> 12) & 0xfffff, static_cast<uint32_t>(bits >> 32)};
    }
};
static_assert(ring::kMaxExtents * ring::kSlotNumbers <= 1u << 20);

}  // namespace spanring::trace

// ---- lib/ring/rejection_threshold.hpp --------------------------------------------------------------------------------

//
// How likely a trace is sampled, as a rejection threshold: of the 56 random bits of a trace id those below it are
// refused (specification: trace/tracestate-probability-sampling.md). Its hexadecimal digits, trailing zeros left out,
// are the value of `th` in the trace state.

namespace spanring::ring {

struct RejectionThreshold {
    static constexpr uint64_t kAlways = 0;
    static constexpr uint64_t kNever = uint64_t{1} << 56;
    static constexpr uint32_t kDigits = 11;    // at most: 44 bits, so that an spr_context has room for it
    static constexpr uint32_t kPrecision = 4;  // digits after the leading `f`s (specification: the default precision)

    // A ratio outside of 0 to 1, and NaN, is the nearest of the two, and 0. A larger ratio never gives a larger
    // threshold: the rounding of each range of ratios is finer than that of the next.
    static constexpr uint64_t of(double ratio) {
        if (!(ratio > 0)) return kNever;
        if (ratio >= 1) return kAlways;
        uint32_t digits = kPrecision;
        for (double scaled = ratio * 16; scaled <= 1 && digits < kDigits; scaled *= 16) ++digits;
        const uint64_t all = uint64_t{1} << 4 * digits;
        const auto sampled = static_cast<uint64_t>(ratio * static_cast<double>(all) + 0.5);
        return sampled == 0 ? kNever : (all - sampled) << (56 - 4 * digits);
    }

    static constexpr double ratio(uint64_t threshold) {
        return threshold >= kNever ? 0.0 : static_cast<double>(kNever - threshold) / static_cast<double>(kNever);
    }

    // Writes the digits of `th`, at most 14, at least one. Returns how many. Not for kNever.
    static constexpr uint32_t write(char* to, uint64_t threshold) {
        uint32_t size = 0;
        do {
            to[size++] = "0123456789abcdef"[threshold >> 52 & 15];
            threshold = threshold << 4 & (kNever - 1);
        } while (threshold != 0);
        return size;
    }
};

}  // namespace spanring::ring

// ---- lib/ring/sampling_directive.hpp ---------------------------------------------------------------------------------

//
// What the agent wants sampled in a process, in addition to what the application configured: bits of Control::policy,
// so that a start learns of it by the one load that it makes anyway. Written by the agent, read by the process.

namespace spanring::ring {

struct SamplingDirective {
    enum Kind : uint32_t {
        kNone = 0,   // as the application configured it
        kRatio = 1,  // value: a rejection threshold, which decides in place of the application's sampler
        kRate = 2,   // value: how many traces begin in 1,000 seconds; likewise
    };
    static constexpr uint64_t kGreatest = (uint64_t{1} << (64 - PolicyBits::kValueShift)) - 1;  // as threshold: never

    Kind kind = kNone;
    uint64_t value = 0;  // at most kGreatest

    static constexpr SamplingDirective unpack(uint64_t policy) {
        return {static_cast<Kind>((policy & PolicyBits::kSamplingKind) >> PolicyBits::kSamplingShift),
                policy >> PolicyBits::kValueShift};
    }
    // In place of what `policy` said before; its other bits stay.
    constexpr uint64_t pack(uint64_t policy) const {
        constexpr uint64_t kOthers = (uint64_t{1} << PolicyBits::kValueShift) - 1 - PolicyBits::kSamplingKind;
        return (policy & kOthers) | uint64_t{kind} << PolicyBits::kSamplingShift | value << PolicyBits::kValueShift;
    }

    static constexpr SamplingDirective ratio(double ratio) {
        const uint64_t threshold = RejectionThreshold::of(ratio);
        return {kRatio, threshold < kGreatest ? threshold : kGreatest};
    }
    static constexpr SamplingDirective rate(double traces_a_second) {
        const double value = traces_a_second * 1000 + 0.5;
        return {kRate, value >= static_cast<double>(kGreatest) ? kGreatest
                       : value >= 1                            ? static_cast<uint64_t>(value)
                                                               : 0};
    }

    constexpr uint64_t threshold() const { return value == kGreatest ? RejectionThreshold::kNever : value; }

    friend constexpr bool operator==(const SamplingDirective& one, const SamplingDirective& other) {
        return one.kind == other.kind && one.value == other.value;
    }
};

static_assert(SamplingDirective::unpack(SamplingDirective::ratio(0.25).pack(PolicyBits::kDisabled)) ==
              SamplingDirective::ratio(0.25));
static_assert(SamplingDirective{}.pack(SamplingDirective::rate(5).pack(PolicyBits::kRetired)) == PolicyBits::kRetired);

}  // namespace spanring::ring

// ---- lib/trace/process/rate_limiter.hpp ------------------------------------------------------------------------------

//
// At most a given number of traces a second, over all threads of the process: a bucket that holds one second's worth
// (one trace at least), as a single word, the time at which it would be full again (the generic cell rate algorithm,
// ITU-T I.371). No lock; a refusal is one load.

namespace spanring::trace {

class RateLimiter {
public:
    // HOT. `rate` is a directive of kind kRate, now is nanoseconds since the Unix epoch; a clock that steps back by
    // more than the bucket holds finds it full.
    bool admit(ring::SamplingDirective rate, uint64_t now) {
        if (rate.value == 0) return false;
        const uint64_t interval = kNanosecondsIn1000 / rate.value;
        const uint64_t depth = interval > kSecond ? interval : kSecond;
        for (int attempt = 0; attempt < kAttempts; ++attempt) {
            // relaxed, as below: the word stands for itself.
            uint64_t full = ring::StdAtomics::load(full_, std::memory_order_relaxed);
            const uint64_t from = full < now || full - now > 2 * depth ? now : full;
            if (from + interval - now > depth) return false;
            if (ring::StdAtomics::compare_exchange(full_, full, from + interval, std::memory_order_relaxed))
                return true;
        }
        return false;  // enough others were admitted meanwhile
    }

private:
    static constexpr uint64_t kSecond = 1'000'000'000;
    static constexpr uint64_t kNanosecondsIn1000 = 1000 * kSecond;
    static constexpr int kAttempts = 64;

    alignas(8) uint64_t full_ = 0;
};

}  // namespace spanring::trace

// ---- lib/trace/process/sampler.hpp -----------------------------------------------------------------------------------

//
// The standard samplers (specification: trace/sdk.md, Built-in samplers), as one small value: what to do where a trace
// begins, and whether a parent's decision is followed. The agent may put a directive in place of the first.

namespace spanring::trace {

class RateLimiter;
class Variable;

class Sampler {
public:
    // From OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; what cannot be parsed gives the default,
    // parentbased_always_on, as the specification asks.
    static Sampler from_environment();
    static Sampler parse(const char* name, const char* argument);

    // HOT. Whether a span below `parent` (nullptr: a root) is decided by it.
    bool follows(const spr_context* parent) const { return parent != nullptr && !ignores_parent_; }

    // HOT. Whether the answer is no, whatever the trace id will be, unless a directive of the agent overrules it.
    bool refuses(const spr_context* parent) const {
        if (follows(parent)) return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) == 0;
        return refuses_roots_;
    }

    // HOT. Whether the answer is yes, no directive is in force, and `inherited` (ContextTail) may stay as it is.
    bool accepts(const spr_context* parent, uint64_t inherited) const {
        if (follows(parent)) return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0;
        return own_.kind == ring::SamplingDirective::kNone && inherited == 0;
    }

    struct Decision {
        bool sampled;
        bool has_threshold;  // it was decided by
        uint64_t threshold;
    };
    // Where a trace begins, or a parent is not followed. `directive`: the agent's; of kind kNone, the application's own
    // counts. randomness: 56 bits of the trace. now: nanoseconds since the Unix epoch; looked at where needs_time()
    // says so.
    Decision decide(ring::SamplingDirective directive, RateLimiter& limiter, uint64_t randomness, uint64_t now) const;
    bool needs_time(ring::SamplingDirective directive) const {
        return in_force(directive).kind == ring::SamplingDirective::kRate;
    }

    // Variables that were not understood.
    uint32_t misread() const { return misread_ ? 1 : 0; }

    bool ignores_parent() const { return ignores_parent_; }

    // The lowest 56 bits of the trace id, so that every sampler that follows the consistent-probability rules decides
    // alike (specification: trace/tracestate-probability-sampling.md).
    static uint64_t randomness(const uint8_t (&trace_id)[16]) {
        uint64_t bits;
        __builtin_memcpy(&bits, trace_id + 8, sizeof bits);
        return __builtin_bswap64(bits) & (ring::RejectionThreshold::kNever - 1);
    }

private:
    static Sampler choose(Variable name, Variable argument);

    ring::SamplingDirective in_force(ring::SamplingDirective directive) const {
        return directive.kind != ring::SamplingDirective::kNone ? directive : own_;
    }

    ring::SamplingDirective own_;  // kNone: everything
    bool refuses_roots_ = false;   // what own_ comes to
    bool misread_ = false;
    bool ignores_parent_ = false;  // all zero is parentbased_always_on: the providers stay in .bss
};

}  // namespace spanring::trace

// ---- lib/trace/base/random.hpp ---------------------------------------------------------------------------------------

//
// Identifiers: xoroshiro128+ (Blackman and Vigna, 2018), seeded by getrandom() for each thread and signal level, again
// after fork(). W3C Trace Context level 2 asks the lowest 56 bits of a trace id to be random: all of ours are.

namespace spanring::trace {

class Random {
public:
    void seed(const uint64_t (&seed)[2]) {
        state_[0] = seed[0];
        state_[1] = seed[1] | 1;  // never all zero
    }

    uint64_t next() {
        const uint64_t a = state_[0];
        uint64_t b = state_[1];
        const uint64_t result = a + b;
        b ^= a;
        state_[0] = (a << 24 | a >> 40) ^ b ^ (b << 16);
        state_[1] = b << 37 | b >> 27;
        return result;
    }

    // The specification forbids an all-zero id.
    uint64_t span_id() {
        uint64_t id = next();
        while (id == 0) [[unlikely]] id = next();
        return id;
    }
    void trace_id(uint64_t (&id)[2]) {
        id[0] = next();
        id[1] = next();
        if ((id[0] | id[1]) == 0) id[1] = 1;
    }

private:
    uint64_t state_[2] = {};
};

}  // namespace spanring::trace

// ---- lib/trace/process/thread_state.hpp ------------------------------------------------------------------------------

//
// What the library keeps for a thread: one state for each provider, and a small block of thread-local pointers. A
// thread reaches a life through its own state in it alone: as long as it has that, the life stays mapped.

namespace spanring::trace {

inline constexpr uint32_t kMaxProviders = 8;  // open at once
inline constexpr uint32_t kSignalLevels = 2;  // a call, and a signal handler inside it

struct Life;

// Everything that a handler which interrupts a call must not share with it.
struct Level {
    ring::LevelWriter writer;
    ring::Clock::Anchor anchor;
    Random random;
};

struct ThreadState {
    static constexpr uint32_t kFree = 0;  // in `use`
    static constexpr uint32_t kReaping = ~uint32_t{0};
    static constexpr uint32_t kUnnamed = kReaping - 1;  // of a thread that is not known by its id

    Level levels[kSignalLevels];
    Level* at[kSignalLevels];  // the levels' addresses: one that is loaded once is not computed again and again
    Life* life;
    uint32_t index;      // in Life::threads
    uint32_t thread;     // kernel's thread id
    uint32_t use;        // kFree, kReaping, kUnnamed, or the id of the thread that uses it; atomic
    ThreadState* older;  // in ThreadLocal::left
    uint32_t put_aside;  // when: ThreadLocal::sweeps
    bool rests;          // what it had was given back
};

// The span that the thread started last, or went back to since, resolved: nearly every call names it. Written at signal
// level 0 alone, with the level taken, and read by all, the handle last (OpenSpan::last()); what was found out when it
// was written is good while the guard's stamp is the same.
struct LastSpan {
    uint64_t handle = ~uint64_t{0};
    uint64_t stamp = ring::ForkGuard::kNever;
    Life* life = nullptr;
    ThreadState* state = nullptr;
    ring::Slot* slot = nullptr;

    // A handler on this thread sees the old one, none, or the new one; never a mixture. `when`: the stamp from before
    // it was found.
    void set(uint64_t new_handle, ThreadState& by, ring::Slot& at, uint64_t when) {
        stamp = ring::ForkGuard::kNever;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        handle = new_handle;
        life = by.life;
        state = &by;
        slot = &at;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        stamp = when;
    }
    void forget() { stamp = ring::ForkGuard::kNever; }
};

// Constant-initialised, initial-exec, small: a big block would make dlopen() fail.
struct ThreadLocal {
    ThreadState* states[kMaxProviders];
    ThreadState* left;  // the latest of those that lives which have ended had here: ThreadLives
    spr_token* top;     // innermost attached context
    uint32_t depth;     // calls that this one interrupts
    LastSpan last;
    uintptr_t context_slot;  // where a profiler looks for the innermost context: ThreadContext
    uint32_t attaching;      // a state is being made: a handler must not make one inside
    uint32_t sweeps;         // ThreadLives
};
static_assert(sizeof(ThreadLocal) <= 256);

// In the initial-exec model it is reached by one load. An object that is loaded by dlopen() takes the room for that
// from a small reserve (glibc) or has none (musl): those may ask for "global-dynamic", at a call for each span.
#ifndef SPR_TLS_MODEL
#define SPR_TLS_MODEL "initial-exec"
#endif
[[gnu::tls_model(SPR_TLS_MODEL)]] extern constinit thread_local ThreadLocal thread_local_state;

}  // namespace spanring::trace

// ---- lib/trace/process/life.hpp --------------------------------------------------------------------------------------

//
// One life of a provider: its segment and the states of the threads that write into it. A fork() begins a new life in
// the child; the old one stays mapped there, because a call that fork() interrupted may still run on in it.
//
// It has users: its provider until that is shut down, and each thread that has a state in it. Those who write are its
// writers; once the last of them rests, the segment goes, and with that its lock: what is in the file is the agent's.
// The last user who leaves unmaps the rest.

namespace spanring::trace {

// What a provider's spans go by, and stays the same while it is open.
struct LifeSettings {
    Limits limits;
    Sampler sampler;
    uint64_t full_wait;  // nanoseconds; 0: do not
};

// The words with which a life's pool of thread states links what is free.
struct ThreadLinks {
    Life* life = nullptr;
    uint32_t& operator[](uint32_t index) const;
};

struct Life {
    // States of threads, as many as the kernel may have (PID_MAX_LIMIT). The first lie here, mapped and without memory
    // until they are used; a quiet life, which may map nothing later, has these alone.
    static constexpr uint32_t kFirstThreads = 4096;
    struct MoreThreads {
        ThreadState state;
        uint32_t next;
    };

    uint64_t size;              // of this object and its pools
    bool is_quiet;              // all memory is there: no system call is made any more, nor could be
    uint32_t number;            // never 0, never the same twice in a process and its ancestors
    uint32_t place;             // of its provider, and of its threads' states in ThreadLocal::states
    uint32_t bits;              // of every handle of its spans; 0: it has ended. Atomic
    alignas(8) uint64_t users;  // users | writers << 32; atomic
    LifeSettings settings;
    RateLimiter rate_limiter;
    ring::Segment segment;
    ring::IndexPool<ring::StdAtomics, ThreadLinks> free_threads;
    GrowingBlocks<MoreThreads, kFirstThreads, 10> more_threads;
    alignas(8) uint64_t reap_after;  // nanoseconds of CLOCK_MONOTONIC
    alignas(8) uint64_t cut_texts;   // atomic
    uint64_t secret[2];              // of a quiet life, whose threads draw no randomness of their own
    alignas(8) uint64_t drawn;       // seeds made of the secret; atomic
    uint32_t next_thread[kFirstThreads];
    ThreadState threads[kFirstThreads];

    // COLD. Maps and opens; nullptr and ret_error (-errno) on failure. The segment has fewer extents than asked for
    // where RLIMIT_FSIZE allows no more.
    static Life* begin(uint32_t place, uint32_t number, const LifeSettings& settings, ring::SegmentRequest request,
                       ring::Clock& clock, int& ret_error);

    // HOT. Whether the handle of a recorded span is of this life, which has not ended.
    bool lives(uint64_t handle) const {
        // relaxed: whoever asks has a state in it, or is inside of its provider's gate, and has seen its beginning.
        return (handle & SpanHandle::kLifeMask) == ring::StdAtomics::load(bits, std::memory_order_relaxed);
    }
    bool has_ended() const { return ring::StdAtomics::load(bits, std::memory_order_relaxed) == 0; }
    // HOT. The handle of a span; a life that has just ended gives one that resolves to nothing.
    uint64_t handle(uint32_t slot, uint32_t generation) const {
        return ring::StdAtomics::load(bits, std::memory_order_relaxed) | SpanHandle{0, 0, slot, generation}.place();
    }

    // COLD. The thread that owns the state writes no more, and is still a user. Scratch memory comes in place of the
    // segment with the last writer, for a call that is interrupted in its middle.
    void rest(ThreadState& state);
    // COLD. A user leaves: one who rests, or (`as_writer`) does not. The last one unmaps the life. A quiet one, which
    // is for processes that may not, stays unless `may_unmap`.
    void leave(bool as_writer, bool may_unmap);

    // COLD. Gives all of its memory back. No thread may be in a call, or use the life later. `of_parent`: the process
    // was forked off, and the segment did not come along.
    void end(bool of_parent);

    // COLD. A state for the calling thread, which is a user then; nullptr: no memory for one more, or no randomness. By
    // one who keeps the life from going meanwhile. `thread`: its id, or kNoThread.
    ThreadState* take_thread(uint32_t thread);

    // COLD. The state of that number, below the limit or taken from the pool.
    ThreadState& thread(uint32_t index) {
        return index < kFirstThreads ? threads[index] : more_threads.at(index).state;
    }

    // COLD. The thread that owns the state leaves, or is known to be gone. `in_a_call`: it may have been in the middle
    // of one; what that had begun is settled first.
    void release_thread(ThreadState& state, bool in_a_call);

    // COLD. Takes back what threads held that vanished without running their destructors (raw exit). Known dead only:
    // the kernel must say that there is no such thread. At most once a second. True: something was taken back.
    //
    // A thread that vanished in the middle of a call takes at most the slot and the blocks of that call with it, and a
    // chunk that it was just winning or leaving: they come back with the end of the process. No count and no span is
    // lost.
    bool reap();

    // relaxed: a sum.
    void count_cut_text() { ring::StdAtomics::fetch_add(cut_texts, uint64_t{1}, std::memory_order_relaxed); }

    // In `users`.
    static constexpr uint64_t kUser = 1;
    static constexpr uint64_t kWriter = uint64_t{1} << 32;

    // Of a thread in a quiet life.
    static constexpr uint32_t kNoThread = 0;

    // The least time between two reaps. Whoever finds no free slot or chunk calls reap(); most calls return at once.
    static constexpr uint64_t kReapPause = 1'000'000'000;
};

inline uint32_t& ThreadLinks::operator[](uint32_t index) const {
    return index < Life::kFirstThreads ? life->next_thread[index] : life->more_threads.at(index).next;
}

}  // namespace spanring::trace

// ---- lib/trace/process/final_word.hpp --------------------------------------------------------------------------------

//
// What a provider that was shut down still answers: what its flush said then, and its statistics. Any number of threads
// may ask while the next one in its place is shut down: word by word, and the caller looks afterwards whose they were.

namespace spanring::trace {

class FinalWord {
public:
    // relaxed, as all here: the closed gate comes after it.
    void set(const spr_statistics& statistics, int outcome) {
        uint64_t words[kWords];
        memcpy(words, &statistics, sizeof words);
        for (uint32_t i = 0; i < kWords; ++i) ring::StdAtomics::store(words_[i], words[i], std::memory_order_relaxed);
        ring::StdAtomics::store(outcome_, outcome, std::memory_order_relaxed);
    }
    int outcome() const { return ring::StdAtomics::load(outcome_, std::memory_order_relaxed); }
    spr_statistics statistics() const {
        uint64_t words[kWords];
        for (uint32_t i = 0; i < kWords; ++i) words[i] = ring::StdAtomics::load(words_[i], std::memory_order_relaxed);
        spr_statistics statistics;
        memcpy(&statistics, words, sizeof words);
        return statistics;
    }

private:
    static constexpr uint32_t kWords = sizeof(spr_statistics) / sizeof(uint64_t);
    static_assert(kWords * sizeof(uint64_t) == sizeof(spr_statistics));

    alignas(8) uint64_t words_[kWords] = {};
    int outcome_ = 0;
};

}  // namespace spanring::trace

// ---- lib/trace/process/gate.hpp --------------------------------------------------------------------------------------

//
// How many cold calls are inside of something, so that it is cleared up once, by the last of them, after it was closed.
// Nobody waits. Every operation may be called by any thread at any signal level.
//
//     open() ──▶ enter() … leave() ──▶ close() ──▶ leave() of the last one: true ──▶ it clears up ──▶ open()

namespace spanring::trace {

class Gate {
public:
    // By the only one who knows of it, after it was cleared up.
    // release: what was set up before. Pairs with the acquire in enter(). Without it a call could find what the last
    // user left.
    void open() { ring::StdAtomics::store(word_, kOpen, std::memory_order_release); }

    // False: it is closed.
    bool enter() {
        uint32_t seen = ring::StdAtomics::load(word_, std::memory_order_relaxed);
        while ((seen & kOpen) != 0)
            // acquire: pairs with the release in open(), which says what breaks.
            if (ring::StdAtomics::compare_exchange(word_, seen, seen + kOne, std::memory_order_acquire)) return true;
        return false;
    }

    // By one who is inside: nobody enters any more. More than once is no harm.
    void close() {
        uint32_t seen = ring::StdAtomics::load(word_, std::memory_order_relaxed);
        while ((seen & kOpen) != 0)
            if (ring::StdAtomics::compare_exchange(word_, seen, seen & ~kOpen, std::memory_order_relaxed)) return;
    }

    // True: it is closed and this was the last one inside.
    bool leave() {
        // release and acquire: everything that was done inside, before it is cleared up. Pairs with itself. Without it
        // the last one could clear up under the feet of another.
        return ring::StdAtomics::fetch_add(word_, ~kOne + 1, std::memory_order_acq_rel) == kOne;
    }

    // The only thread of a child: nobody is inside. False: it is closed.
    bool empty() { return (word_ &= kOpen) != 0; }

private:
    static constexpr uint32_t kOpen = 1;
    static constexpr uint32_t kOne = 2;

    uint32_t word_ = 0;  // zero is closed, and nobody inside: what has a gate stays in .bss
};

}  // namespace spanring::trace

// ---- lib/trace/process/life_table.hpp --------------------------------------------------------------------------------

//
// The lives that this process has mapped, those of providers that were shut down included: for a child, which leaves
// their segments alone, and for the end of the library's code, which gives all of them back.

namespace spanring::trace {

struct Life;

class LifeTable {
public:
    // What finds no room is not known here, and stays mapped when the code goes.
    void add(Life* life) {
        for (Life*& entry : entries_) {
            Life* none = nullptr;
            // relaxed: it is read when no thread is in a call, which whoever unloads the code has seen to.
            if (ring::StdAtomics::compare_exchange(entry, none, life, std::memory_order_relaxed)) return;
        }
    }
    void remove(Life* life) {
        for (Life*& entry : entries_) {
            Life* seen = life;
            if (ring::StdAtomics::compare_exchange(entry, seen, static_cast<Life*>(nullptr), std::memory_order_relaxed))
                return;
        }
    }
    // By the only thread that uses it. The one that is visited may be removed.
    template <class Visit>
    void each(Visit&& visit) {
        for (Life* const life : entries_)
            if (life != nullptr) visit(*life);
    }

private:
    static constexpr uint32_t kEntries = 256;

    Life* entries_[kEntries] = {};
};

}  // namespace spanring::trace

// ---- lib/trace/base/attribute.hpp ------------------------------------------------------------------------------------

//
// A KeyValue as a field of some message: `tag len { 0x0a len key, 0x12 len AnyValue }`. Sizes first, bytes then, so
// that nothing is ever moved. A Sink takes put(bytes, size) and put_byte().

namespace spanring::trace {

// A checked attribute: lengths resolved.
struct Attribute {
    const char* key;
    uint32_t key_size;
    Value value;

    // False: no key, no such type, a key that is not UTF-8, or one that is far too long. Values that are not UTF-8 are
    // repaired by the agent.
    static bool check(const spr_attribute& from, Attribute& ret, LengthLimit limit = {}) {
        ret.key = from.key;
        return check_key(from.key, from.key_size, ret.key_size) &&
               Value::check(from.type, from.value, limit, Nesting::kOfAttribute, ret.value);
    }

    uint32_t field_size() const {
        const uint32_t size = key_value_size(key_size, value.size);
        return 1 + varint_size(size) + size;
    }

    template <class Sink>
    void write(Sink& sink, uint8_t field_tag) const {
        write_key(sink, field_tag, key, key_size, value.size);
        value.write(sink, tag(2, kBytes));
    }
};

// A Sink over plain memory.
struct Memory {
    uint8_t* at;
    void put(const void* bytes, uint32_t size) {
        memcpy(at, bytes, size);
        at += size;
    }
    void put_byte(uint8_t byte) { *at++ = byte; }
};

}  // namespace spanring::trace

// ---- lib/trace/process/resource.hpp ----------------------------------------------------------------------------------

//
// The OTLP bytes of the process's Resource: from the program, the environment and what the process finds out about
// itself. Of two sources the earlier one's key is kept; inside of one the last.

namespace spanring::trace {

class Resource {
public:
    // COLD. 0, or -EINVAL (a resource attribute of the options), -E2BIG (more than 12 KiB; a schema URL of more than 1
    // KiB). What the environment says and does not fit is counted in dropped_attributes_count.
    int build(const spr_provider_options& options);

    // With what differs in a child: its process id and service.instance.id, a UUID made of `random` (all zero: none).
    // Writes the whole into `to` (ring::kResourceSize bytes), the schema URL after it; returns the size without that.
    uint32_t finish(const uint8_t (&random)[16], uint8_t* to) const;
    uint32_t schema_size() const { return schema_size_; }

    // Variables that were not understood.
    uint32_t misread() const { return misread_ ? 1 : 0; }

private:
    // keep: bytes that stay free. False: does not fit, or is not one. A key of an earlier source is passed over, one of
    // this source replaced.
    bool add(const spr_attribute& attribute, uint32_t keep = kReserve);
    bool add_text(const char* key, size_t key_size, const char* value, size_t value_size, uint32_t keep = kReserve);
    // Where the attribute begins; size_: nowhere. ret_end: where it ends.
    uint32_t find(const char* key, size_t size, uint32_t& ret_end) const;
    bool has(const char* key) const;
    void begin_source() { source_ = size_; }
    void add_environment(const char* list);
    void add_process();
    bool add_unknown_service();

    static constexpr uint32_t kReserveForLife = 160;             // for what finish() appends
    static constexpr uint32_t kReserve = kReserveForLife + 192;  // and for a service's name, which is never missing
    static constexpr uint32_t kLargestSchema = 1024;
    uint32_t size_ = 0;
    uint32_t source_ = 0;  // where the present source's attributes begin
    uint32_t dropped_ = 0;
    uint32_t schema_size_ = 0;
    bool misread_ = false;
    uint8_t schema_[kLargestSchema] = {};
    uint8_t bytes_[ring::kResourceSize] = {};
};

}  // namespace spanring::trace

// ---- lib/trace/process/tracer_table.hpp ------------------------------------------------------------------------------

//
// The tracers of a provider, and the instrumentation scopes that they stand for: a private image of the segment's
// scopes regions, entry for entry and byte for byte. Publishing a scope copies it to its place in the segment; doing
// that twice, or by two threads at once, writes the same bytes. The image outlives a fork(), so the child publishes
// anew.

namespace spanring::trace {

class Provider;

}  // namespace spanring::trace

// One of the process's, which no other provider has before thousands of others were taken: until then a pointer to it
// is known for spent, because it leads to a provider that is shut down.
struct spr_tracer {
    spanring::trace::Provider* provider;  // atomic
    uint32_t scope;                       // atomic; in control records; 0 only in a tracer that was never made
    uint32_t published;                   // atomic; Life::number of the segment that has this scope
    uint32_t taken;                       // atomic
};

namespace spanring::trace {

// Where tracers come from. The one that was given back longest ago is taken first. Their memory stays: whoever has a
// tracer may use it for ever.
class TracerPool {
public:
    // COLD, any thread. nullptr: all are taken.
    [[gnu::cold]] spr_tracer* take();
    void give(spr_tracer& tracer, Provider& spent);

private:
    static constexpr uint32_t kFirst = 4096;
    static constexpr uint32_t kBlocks = 4;  // as many as all providers may have scopes

    spr_tracer& at(uint32_t number) { return number < kFirst ? tracers_[number] : more_.at(number); }
    [[gnu::cold]] spr_tracer* take(uint32_t limit);

    uint32_t next_ = 0;
    GrowingBlocks<spr_tracer, kFirst, kBlocks> more_;
    spr_tracer tracers_[kFirst] = {};
};

class TracerTable {
public:
    // COLD, by one thread alone. Without tracers, whatever it had. `may_map`: more scopes than fit into the first
    // region may come, which their segments then take memory for.
    void open(Provider& provider, bool may_map);
    // COLD, by one thread alone. Gives the tracers back; whoever still has one finds `spent`.
    void close(Provider& spent);
    // The only thread of a child: what another one was making is nobody's scope, and nobody waits for it. (A call that
    // the fork() itself interrupted still makes it, and then it may be made once more.)
    void after_fork();
    // COLD. The code goes: gives the memory back that was mapped.
    void unmap();

    // COLD, any thread. 0, -EINVAL, -ENOSPC.
    [[gnu::cold]] int get(const spr_tracer_options& options, spr_tracer** ret_tracer);

    // COLD, any thread, any number of times. False: there is no memory for the scope in the segment now.
    [[gnu::cold]] bool publish(spr_tracer& tracer, ring::SegmentView segment, uint32_t life);

private:
    static constexpr uint32_t kFirst = ring::kFirstScopes;
    static constexpr uint32_t kTableSize = 16384;
    static_assert(kTableSize > 2 * (ring::kScopeEntries - kFirst) && ring::kScopeEntries < (1u << 16));
    // What does not fit into the first region, mapped as one.
    struct More {
        spr_tracer* tracers[ring::kScopeEntries - kFirst];
        ring::ScopeEntry entries[ring::kScopeEntries - kFirst];
        // The first so many of these are in the table: one more than the number of an entry each, at its hash or after.
        uint32_t indexed;
        uint16_t table[kTableSize];
        uint8_t bytes[ring::kScopeBytesEnd - ring::kMoreScopeBytes];
    };

    // relaxed: `used_` has ordered it.
    More& more() const { return *static_cast<More*>(__atomic_load_n(&more_, __ATOMIC_RELAXED)); }
    spr_tracer*& tracer(uint32_t i) { return i < kFirst ? tracers_[i] : more().tracers[i - kFirst]; }
    ring::ScopeEntry& entry(uint32_t i) { return i < kFirst ? entries_[i] : more().entries[i - kFirst]; }
    uint8_t* bytes(uint32_t offset) {
        return offset < ring::kMoreScopeBytes ? bytes_ + (offset - ring::kScopeBytesOffset)
                                              : more().bytes + (offset - ring::kMoreScopeBytes);
    }
    struct Encoded {
        const uint8_t* bytes;
        uint32_t scope_size;
        uint32_t schema_size;
    };
    [[gnu::cold]] spr_tracer* find(const Encoded& scope, uint32_t entries);
    bool becomes_ready(uint32_t i);
    bool is(uint32_t i, const Encoded& scope);
    void index(uint32_t i);

    Provider* provider_ = nullptr;
    bool may_map_ = false;
    void* more_ = nullptr;  // atomic
    // What is handed out, in one word so that a tracer is made only if no other was made since the search.
    alignas(8) uint64_t used_ = 0;  // entries << 32 | the end of their bytes, like ScopeEntry::offset
    spr_tracer* tracers_[kFirst] = {};
    ring::ScopeEntry entries_[kFirst] = {};
    uint8_t bytes_[ring::kScopesSize - ring::kScopeBytesOffset] = {};
};

}  // namespace spanring::trace

// ---- lib/trace/process/provider.hpp ----------------------------------------------------------------------------------

//
// A provider: resource, sampler, limits, tracers, and the current life. All are static objects of the library, so that
// a handle is never a dangling pointer. They are places, which one provider has after another:
//
//     state        what a start does
//     kUnused      refuses: never opened, or given back
//     kShutDown    refuses; given back by the last cold call that is still inside of it (Gate)
//     kOff         refuses; error says why
//     kOpening     (not open yet: open_this() is at work)
//     kOpen        begins a life: makes the segment; where that failed for a reason that may pass, once a second
//     kMaking      waits for the thread that does
//     kLive        records
//
// What a call may meet of a provider that was shut down while it ran, or long before:
//
//     the place         nothing that another provider changes, but for words that are atomic; what spans go by is in
//     the
//                       life (LifeSettings)
//     the life          is mapped as long as the thread has a state in it (ThreadLives), or the call is a Visit
//     a tracer          leads to `spent`, a provider that is shut down
//     spr_provider      names no place any more once that is opened anew
//     a span's handle   has the life's number, and a generation of its slot that other lives do not reach

namespace spanring::trace {

class Provider {
public:
    enum State : uint32_t { kUnused, kShutDown, kOff, kOpening, kOpen, kMaking, kLive };

    static Provider& at(uint32_t index);  // below kMaxProviders
    static ring::Clock& clock();          // of the process
    // COLD. The provider of the handle; nullptr: its place is another's. May be shut down.
    static Provider* of(const spr_provider* handle);
    // HOT. That of a tracer.
    static Provider& of(const spr_tracer& tracer) {
        // acquire: pairs with the release in TracerTable::get(), which says what breaks.
        return *__atomic_load_n(&tracer.provider, __ATOMIC_ACQUIRE);
    }

    // COLD. 0 or -errno; see spr_provider_open().
    static int open(const spr_provider_options& options, spr_provider*& ret_provider);

    uint32_t index() const { return index_; }
    State state() const {
        // acquire: with kLive comes the life. Pairs with the releases in begin_life() and open_this(). Without it a
        // thread could find the provider live and its life, or what the environment said, not there yet.
        return static_cast<State>(ring::StdAtomics::load(state_, std::memory_order_acquire));
    }
    int error() const { return ring::StdAtomics::load(error_, std::memory_order_relaxed); }
    // nullptr before the first span. It stays while the caller has a state in it, or is a Visit.
    Life* life() const {
        // acquire: the life's content. Pairs with the release in begin_life(). Without it a half-made one could be
        // used.
        return __atomic_load_n(&life_, __ATOMIC_ACQUIRE);
    }
    // HOT. What a start looks at before anything else, in one word.
    class Starts {
    public:
        explicit Starts(uint32_t word) : word_(word) {}
        explicit Starts(const Sampler& sampler) : word_(kAny) {
            if (sampler.ignores_parent()) word_ |= kIgnoresParent;
            if (sampler.refuses(nullptr)) word_ |= kRefusesRoots;
        }
        uint32_t word() const { return word_; }

        // False: it is off, shut down, or never was open.
        bool any() const { return word_ != 0; }
        // As Sampler::refuses().
        bool refuses(const spr_context* parent) const {
            if (parent != nullptr && (word_ & kIgnoresParent) == 0)
                return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) == 0;
            return (word_ & kRefusesRoots) != 0;
        }
        bool never_samples() const { return word_ == (kAny | kIgnoresParent | kRefusesRoots); }

    private:
        enum Bits : uint32_t { kAny = 1, kIgnoresParent = 2, kRefusesRoots = 4 };

        uint32_t word_;
    };
    Starts starts() const {
        // relaxed: a provider that is opened anew in this place at this moment is found out by prepare().
        return Starts(ring::StdAtomics::load(starts_, std::memory_order_relaxed));
    }
    TracerTable& tracers() { return tracers_; }  // for a Visit

    // HOT. The caller's state in the present life of the tracer's provider, whose segment has the tracer's scope. The
    // first time COLD. nullptr: it is off, shut down, there is no memory, or the call is nested in the making of one.
    ThreadState* thread(spr_tracer& tracer) {
        ThreadState* state = thread_local_state.states[index_];
        // acquire: the scope is in the segment. Pairs with the release in TracerTable::publish(), which says what
        // breaks. The number is of one life of one provider: equal is a state in that.
        if (state != nullptr &&
            ring::StdAtomics::load(tracer.published, std::memory_order_acquire) == state->life->number) [[likely]]
            return state;
        return prepare(tracer);
    }
    // HOT. The caller's state in the life of the handle of a recorded span; nullptr: there is none, join() may help.
    static ThreadState* thread(uint64_t handle) {
        ThreadState* state = thread_local_state.states[SpanHandle::unpack(handle).provider];
        return state != nullptr && state->life->lives(handle) ? state : nullptr;
    }
    // COLD. Makes one, where there was none. False: there was, or the life is no longer, or there is no state to have.
    static bool join(uint64_t handle);

    // The writer of a level; opened at its first use.
    static Level& level(ThreadState& state, uint32_t depth) {
        Level& level = *state.at[depth];
        if (!level.writer.is_open()) [[unlikely]]
            level.writer.open(state.life->segment, state.thread);
        return level;
    }

    // COLD, in a Visit. `outcome`: of the flush before.
    void shut_down(int outcome);
    // COLD, in a Visit.
    spr_statistics statistics() const;
    // Of the last provider in this place that was shut down.
    const FinalWord& final_word() const { return final_; }

    // Spans that were not started because there was no segment yet. Once there is one, they are in its counts.
    void count_unmade() { ring::StdAtomics::fetch_add(unmade_, uint64_t{1}, std::memory_order_relaxed); }  // a sum
    uint64_t unmade() const { return ring::StdAtomics::load(unmade_, std::memory_order_relaxed); }

    // Variables of the environment that were not understood when it opened.
    uint32_t misread() const {
        return misread_ + settings_.sampler.misread() + settings_.limits.misread + resource_.misread();
    }

    // A child must call it before anything else; a cheap test otherwise. HOT.
    static void check_fork() {
        if (ring::ForkGuard::in_doubt()) [[unlikely]]
            after_fork();
    }

private:
    friend class Visit;

    static void after_fork();
    static void thread_leaves(void*);
    static void give_back();
    static int prepare_process();

    ThreadState* prepare(spr_tracer& tracer);
    ThreadState* attach_thread();
    void clear_up(bool may_unmap);
    void note_end();
    bool begin_life();
    Life* make_life(int& ret_error);
    void publish_process_context();
    int open_this(const spr_provider_options& options);

    uint32_t state_ = kUnused;  // State; atomic
    uint32_t starts_ = 0;       // Starts; atomic
    uint32_t index_ = 0;
    int error_ = 0;  // of the last try to make the segment as well; atomic
    Life* life_ = nullptr;
    spr_provider* handle_ = nullptr;  // of the last one that was opened here; atomic
    Gate gate_;
    alignas(8) uint64_t retry_after_ = 0;  // nanoseconds of CLOCK_MONOTONIC; 0: at once
    alignas(8) uint64_t unmade_ = 0;
    uint32_t extent_limit_ = 0;
    uint32_t full_policy_ = 0;
    bool memory_at_open_ = false;
    uint64_t directory_limit_ = 0;  // bytes; 0: not said
    uint32_t misread_ = 0;          // of its own
    LifeSettings settings_{};
    FinalWord final_;
    Resource resource_;
    TracerTable tracers_;
};

}  // namespace spanring::trace

// Its address is the handle, and nothing is in it.
struct spr_provider {
    uint8_t unused;
};

namespace spanring::trace {

// The process's own, constant-initialised: usable before main() and after static destruction. Seen here so that the hot
// path reaches them without a call.
struct Process {
    static constexpr uint32_t kHandles = 4096;  // as many providers later one of these is given out again

    Provider providers[kMaxProviders];
    Provider spent;  // never opened: where tracers of those that were shut down lead
    TracerPool tracers;
    LifeTable lives;
    spr_provider handles[kHandles];
    uint32_t opened;
    ring::Clock clock;
    uint32_t fork_generation;  // one more in each child
    uint8_t instance[16];      // random; another one in each child
};
extern constinit Process process;

inline Provider& Provider::at(uint32_t index) { return process.providers[index]; }
inline ring::Clock& Provider::clock() { return process.clock; }

}  // namespace spanring::trace

// ---- lib/trace/process/life.cpp --------------------------------------------------------------------------------------

namespace spanring::trace {

using ring::StdAtomics;

namespace {

// Slots of two lives have no generation in common for long: odd, near 2^32 over the golden ratio.
constexpr uint32_t kGenerations = 0x9e3779b1;

// As many extents as the process may have in one file; too many, which is refused where it is made, where not even the
// least fit.
uint32_t extents_within(uint64_t file_size, uint32_t limit) {
    while (limit > ring::kLeastExtents && file_size < ring::segment_size(limit)) --limit;
    return limit;
}

// Seeds of a thread's random numbers. False: the system has no randomness.
bool draw(Life& life, uint64_t (&ret_seeds)[kSignalLevels][2]) {
    if (!life.is_quiet) return getrandom(ret_seeds, sizeof ret_seeds, 0) == sizeof ret_seeds;
    for (auto& seed : ret_seeds) {
        // relaxed: each caller gets another number.
        const uint64_t number = StdAtomics::fetch_add(life.drawn, uint64_t{1}, std::memory_order_relaxed) + 1;
        for (int i = 0; i < 2; ++i) {  // SplitMix64 (Steele, Lea and Flood, 2014)
            uint64_t bits = life.secret[i] + number * 0x9e3779b97f4a7c15;
            bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
            bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
            seed[i] = bits ^ bits >> 31;
        }
    }
    return true;
}

}  // namespace

Life* Life::begin(uint32_t place, uint32_t number, const LifeSettings& settings, ring::SegmentRequest request,
                  ring::Clock& clock, int& ret_error) {
    request.first_generation = number * kGenerations;
    const uint64_t file_size = ring::file_size_limit();
    request.extent_limit = extents_within(file_size, request.extent_limit);
    request.huge = file_size >= ring::segment_size(request.extent_limit, true);
    const uint64_t size = sizeof(Life) + ring::Segment::pool_bytes(request.extent_limit);
    const int when = request.whole ? MAP_POPULATE : MAP_NORESERVE;
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | when, -1, 0);
    if (memory == MAP_FAILED) {
        ret_error = -errno;
        return nullptr;
    }
    // The kernel's zeroes are the initial state of everything but the segment and its pools.
    Life* life = static_cast<Life*>(memory);
    life->size = size;
    life->is_quiet = request.whole;
    life->number = number;
    life->place = place;
    life->bits = static_cast<uint32_t>(SpanHandle{place, number, 0, 0}.of_life());
    life->users = kUser + kWriter;
    life->settings = settings;
    life->segment = ring::Segment();
    life->free_threads.reset({life});
    ret_error = 0;
    if (request.whole && getrandom(life->secret, sizeof life->secret, 0) != sizeof life->secret) ret_error = -EIO;
    if (ret_error == 0) ret_error = life->segment.open(request, clock, reinterpret_cast<uint64_t*>(life + 1));
    if (ret_error == 0) return life;
    munmap(memory, size);
    return nullptr;
}

void Life::rest(ThreadState& state) {
    state.rests = true;
    for (Level& level : state.levels)
        if (level.writer.is_open()) level.writer.leave(segment);
    // release and acquire: what each writer did, before the segment goes. Pairs with itself. Without it the last stores
    // of one could come after the segment is gone, and be missing in it.
    const uint64_t before = StdAtomics::fetch_add(users, ~kWriter + 1, std::memory_order_acq_rel);
    if (before / kWriter == 1 && !is_quiet) segment.cover();
}

void Life::leave(bool as_writer, bool may_unmap) {
    if (as_writer) {
        // acquire and release: as in rest().
        const uint64_t before = StdAtomics::fetch_add(users, ~kWriter + 1, std::memory_order_acq_rel);
        const bool others = static_cast<uint32_t>(before) != kUser;
        if (before / kWriter == 1 && others && !is_quiet) segment.cover();
    }
    // release and acquire: what each user did to the life before it goes. Pairs with itself. Without it the last one
    // could unmap what another still looks at.
    const uint64_t before = StdAtomics::fetch_add(users, ~kUser + 1, std::memory_order_acq_rel);
    if (static_cast<uint32_t>(before) != kUser || (is_quiet && !may_unmap)) return;
    process.lives.remove(this);
    end(false);
}

void Life::end(bool of_parent) {
    if (!of_parent) segment.close();
    more_threads.unmap();
    munmap(this, size);
}

ThreadState* Life::take_thread(uint32_t thread) {
    uint32_t index;
    for (;;) {
        const uint32_t limit = more_threads.limit();
        index = free_threads.pop(limit);
        if (index != ring::IndexPool<>::kNone) break;
        if (!reap() && (is_quiet || !more_threads.add(limit))) return nullptr;
    }
    ThreadState& state = this->thread(index);
    uint64_t seeds[kSignalLevels][2];
    if (!draw(*this, seeds)) {
        free_threads.push(index);
        return nullptr;
    }
    // relaxed: reap() looks whether the state was ever used; `use` publishes the rest.
    __atomic_store_n(&state.life, this, __ATOMIC_RELAXED);
    state.index = index;
    state.thread = thread;
    state.older = nullptr;
    state.rests = false;
    for (uint32_t level = 0; level < kSignalLevels; ++level) {
        state.at[level] = &state.levels[level];
        state.levels[level].writer = ring::LevelWriter();
        state.levels[level].anchor = ring::Clock::Anchor();
        state.levels[level].random.seed(seeds[level]);
    }
    state.levels[0].writer.open(segment, thread);  // the handler's level only when it is used
    StdAtomics::fetch_add(users, kUser + kWriter, std::memory_order_relaxed);  // the caller sees that it is not 0
    // release: a reaper that sees whose it is sees it complete. Pairs with the acquires in reap(). Without it a reaper
    // could give away what the state's last user had.
    StdAtomics::store(state.use, thread != kNoThread ? thread : ThreadState::kUnnamed, std::memory_order_release);
    SPR_TESTPOINT(thread_attached);
    segment.look_after_memory();
    return &state;
}

void Life::release_thread(ThreadState& state, bool in_a_call) {
    for (Level& level : state.levels) {
        if (!level.writer.is_open()) continue;
        if (in_a_call) level.writer.settle(segment);
        level.writer.leave(segment);
    }
    SPR_TESTPOINT(thread_left);
    if (!state.rests) segment.look_after_memory();
    // relaxed: the push below publishes.
    StdAtomics::store(state.use, ThreadState::kFree, std::memory_order_relaxed);
    free_threads.push(state.index);
}

bool Life::reap() {
    if (is_quiet) return false;
    const uint64_t now = ring::Clock::read(CLOCK_MONOTONIC);
    uint64_t due = StdAtomics::load(reap_after, std::memory_order_relaxed);
    if (now < due) return false;
    if (!StdAtomics::compare_exchange(reap_after, due, now + kReapPause, std::memory_order_relaxed)) return false;

    bool any = false;
    const pid_t process = getpid();
    const int error = errno;
    const uint32_t limit = more_threads.limit();
    for (uint32_t index = 0; index < limit; ++index) {
        ThreadState& state = thread(index);
        // relaxed: a guess. Never used, like all after it, or being taken for the first time right now.
        if (__atomic_load_n(&state.life, __ATOMIC_RELAXED) == nullptr) break;
        // acquire: the state of that thread. Pairs with the release in take_thread(). Without it the state's last
        // user could be settled in place of its present one.
        uint32_t user = StdAtomics::load(state.use, std::memory_order_acquire);
        if (user == ThreadState::kFree || user == ThreadState::kReaping) continue;
        if (syscall(SYS_tgkill, process, static_cast<pid_t>(user), 0) == 0 || errno != ESRCH) continue;
        // acquire: one reaper alone goes on, after everything the dead thread did: the kernel ordered its death before
        // its answer. Pairs with the release in take_thread(), of whoever took the state since the load above. What is
        // exchanged names the dead thread: a state that was released and taken again meanwhile is its new user's.
        // Without the exchange two would give away the same chunk, slots and line.
        if (!StdAtomics::compare_exchange(state.use, user, ThreadState::kReaping, std::memory_order_acquire)) continue;
        SPR_TESTPOINT(reaping);
        const uint64_t was = kUser + (state.rests ? 0 : kWriter);
        release_thread(state, true);
        StdAtomics::fetch_add(users, ~was + 1, std::memory_order_release);  // the caller is one as well
        any = true;
    }
    errno = error;
    return any;
}

}  // namespace spanring::trace

// ---- lib/trace/process/mapping_names.hpp -----------------------------------------------------------------------------

namespace spanring::trace {

// COLD, libc alone, no allocation. Whether a line of the file, which looks like /proc/PID/maps, has the name as OTEP
// 4719 wants it to be found: [anon_shmem:NAME], [anon:NAME] or /memfd:NAME, at the beginning of the line's last field.
// False also where the file cannot be read.
bool has_mapping_named(const char* maps, const char* name);

}  // namespace spanring::trace

// ---- lib/trace/base/scratch.hpp --------------------------------------------------------------------------------------

//
// Memory for one COLD call that is more than a small stack has: a signal handler's, a coroutine's, that of a thread of
// PTHREAD_STACK_MIN. Mapped for the call, so that it is nobody else's: not a thread's, a handler's or a child's.

namespace spanring::trace {

class Scratch {
public:
    // Of no bytes, it maps nothing.
    explicit Scratch(size_t size) : size_(size) {
        if (size == 0) return;
        const int before = errno;
        void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bytes_ = memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
        errno = before;
    }
    ~Scratch() {
        if (bytes_ != nullptr) munmap(bytes_, size_);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    explicit operator bool() const { return bytes_ != nullptr; }
    size_t size() const { return size_; }
    uint8_t* bytes() const { return bytes_; }
    char* text() const { return reinterpret_cast<char*>(bytes_); }

private:
    const size_t size_;
    uint8_t* bytes_ = nullptr;
};

}  // namespace spanring::trace

// ---- lib/trace/process/mapping_names.cpp -----------------------------------------------------------------------------

namespace spanring::trace {
namespace {

// `line` ends at a NUL and may have been cut after its first few hundred bytes.
bool is_named(const char* line, const char* name) {
    // Five fields without such bytes come first: addresses, rights, offset, device, inode.
    const char* const begin = strpbrk(line, "[/");
    if (begin == nullptr) return false;
    constexpr const char* kBefore[] = {"[anon_shmem:", "[anon:", "/memfd:"};
    for (const char* before : kBefore) {
        const size_t size = strlen(before);
        if (strncmp(begin, before, size) == 0 && strncmp(begin + size, name, strlen(name)) == 0) return true;
    }
    return false;
}

}  // namespace

bool has_mapping_named(const char* maps, const char* name) {
    const int file = open(maps, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    char line[256];
    size_t used = 0;
    bool found = false;
    const Scratch scratch(4096);  // as much as the kernel gives at once
    const char* const bytes = scratch.text();
    for (ssize_t size; scratch && !found && (size = read(file, scratch.bytes(), scratch.size())) > 0;)
        for (ssize_t i = 0; i < size && !found; ++i) {
            if (bytes[i] != '\n') {
                if (used < sizeof line - 1) line[used++] = bytes[i];
                continue;
            }
            line[used] = 0;
            found = is_named(line, name);
            used = 0;
        }
    close(file);
    return found;
}

}  // namespace spanring::trace

// ---- lib/trace/process/own_variables.hpp -----------------------------------------------------------------------------

//
// What the environment says of a provider itself, besides its sampler, its limits and its resource.

namespace spanring::trace {

struct OwnVariables {
    bool is_off;
    uint64_t memory;     // bytes
    uint64_t directory;  // bytes that segments of the dead may have; 0: not said
    uint32_t misread;    // variables that were not understood

    // COLD. asks_memory: the options leave it open.
    static OwnVariables read(bool asks_memory);
};

}  // namespace spanring::trace

// ---- lib/trace/process/own_variables.cpp -----------------------------------------------------------------------------

namespace spanring::trace {
namespace {

constexpr uint64_t kDefaultMemory = uint64_t{16} << 20;

// "8MiB", "8M", "8MB", "8388608". misread: one more where it is something else, here and below.
uint64_t read_bytes(const char* name, uint64_t otherwise, uint32_t& misread) {
    const Variable limit(name);
    uint64_t bytes = 0;
    if (limit.bytes(bytes) && bytes != 0) return bytes;
    misread += limit.is_set();
    return otherwise;
}

// Whether the variable is the first of the words; it may be one of the others.
template <class... Words>
bool is_first(const Variable& variable, uint32_t& misread, std::string_view first, Words... others) {
    if (variable.is(first)) return true;
    misread += variable.is_set() && !(variable.is(others) || ...);
    return false;
}

}  // namespace

OwnVariables OwnVariables::read(bool asks_memory) {
    OwnVariables result{false, kDefaultMemory, 0, 0};
    const auto says = [&](const char* name, auto... words) {
        return is_first(Variable(name), result.misread, words...);
    };
    const Variable own("SPANRING_DISABLED");
    result.is_off = own.is("1") || is_first(own, result.misread, "true", "0", "false");
    result.is_off |= says("OTEL_SDK_DISABLED", "true", "false");
    // Which exporter is the agent's business, whatever the program names; a word that none has is a mistake.
    result.is_off |= says("OTEL_TRACES_EXPORTER", "none", "otlp", "console", "logging", "zipkin", "jaeger");
    says("SPANRING_PROFILER_CONTEXT", "off", "false", "0", "on", "true", "1");  // ProcessContext asks again
    if (asks_memory) result.memory = read_bytes("SPANRING_MEMORY_LIMIT", kDefaultMemory, result.misread);
    result.directory = read_bytes("SPANRING_DIRECTORY_LIMIT", 0, result.misread);
    return result;
}

}  // namespace spanring::trace

// ---- lib/trace/process/process_context.hpp ---------------------------------------------------------------------------

//
// The process context (OTEP 4719): the resource, in a mapping of this process that a profiler finds by its name and
// reads from outside. docs/profilers.md has its layout.
//
//     not asked ──▶ making ──▶ on       published once; stays until the process ends (or the library goes)
//                     │  └───▶ off      switched off, another library's is there, or the kernel refuses: for good
//     on ──fork──▶ lost (the child)     the mapping does not come along; made anew when the child first traces
//
// One for a process, whatever number of providers it has: the resource is that of the provider which opened first.

namespace spanring::trace {

class ProcessContext {
public:
    enum State : uint32_t { kNotAsked, kMaking, kOn, kOff, kLost };

    // HOT. kOff and kOn are final, except for kOn in a child.
    static State state();
    // Whether publish() has something to do.
    static bool is_due() {
        const State seen = state();
        return seen == kNotAsked || seen == kLost;
    }

    // COLD. `resource`: the bytes of a resource.v1.Resource. The first caller publishes; others find it done.
    static void publish(const uint8_t* resource, uint32_t size);

    // The only thread of a child: the parent's mapping is not here.
    static void lose();

    // The library is unloaded: so is what it published.
    static void withdraw();

private:
    static bool is_wanted();
    static bool make(const uint8_t* resource, uint32_t size);
};

}  // namespace spanring::trace

// ---- lib/trace/process/process_context.cpp ---------------------------------------------------------------------------

namespace spanring::trace {
namespace {

using ring::StdAtomics;

// OTEP 4719, Header Structure.
struct Header {
    char signature[8];
    uint32_t version;
    uint32_t payload_size;
    uint64_t published_at;  // nanoseconds of CLOCK_BOOTTIME; 0: do not read
    uint64_t payload;       // its address in this process
};
static_assert(sizeof(Header) == 32);
constexpr char kMappingName[] = "OTEL_CTX";
constexpr uint32_t kVersion = 2;

// ProcessContext.attributes of OTEP 4947, Thread-Local Reference Data. The map of keys is an empty list: thread
// contexts have no attributes.
constexpr char kSchemaKey[] = "threadlocal.schema_version";
constexpr char kSchema[] = "tlsdesc_v1_dev";
constexpr char kKeyMapKey[] = "threadlocal.attribute_key_map";

// What older headers do not have.
constexpr unsigned kNoExecSeal = 0x0008;  // MFD_NOEXEC_SEAL, Linux 6.3
constexpr int kSetVma = 0x53564d41;       // PR_SET_VMA, PR_SET_VMA_ANON_NAME: Linux 5.17
constexpr unsigned long kSetVmaAnonName = 0;

constinit uint32_t g_state = ProcessContext::kNotAsked;
constinit Header* g_published = nullptr;  // while the state is kOn
constinit size_t g_size = 0;

uint8_t* put_field(uint8_t* to, uint32_t field, const void* bytes, uint32_t size) {
    *to++ = tag(field, kBytes);
    to = put_varint(to, size);
    memcpy(to, bytes, size);
    return to + size;
}

constexpr uint32_t field_size(uint32_t size) { return 1 + varint_size(size) + size; }

// common.v1.KeyValue as ProcessContext.attributes: key 1, value 2; `value`: an encoded AnyValue.
uint8_t* put_attribute(uint8_t* to, const char* key, uint32_t key_size, const void* value, uint32_t value_size) {
    *to++ = tag(2, kBytes);
    to = put_varint(to, field_size(key_size) + field_size(value_size));
    to = put_field(to, 1, key, key_size);
    return put_field(to, 2, value, value_size);
}

constexpr uint32_t kAttributesSize = 128;  // of both, at most
static_assert(sizeof kSchemaKey + sizeof kSchema + sizeof kKeyMapKey + 32 < kAttributesSize);

uint32_t put_payload(uint8_t* const to, const uint8_t* resource, uint32_t size) {
    uint8_t* at = put_field(to, 1, resource, size);  // ProcessContext.resource
    uint8_t schema[sizeof kSchema + 2];
    put_field(schema, 1, kSchema, sizeof kSchema - 1);  // AnyValue.string_value
    at = put_attribute(at, kSchemaKey, sizeof kSchemaKey - 1, schema, field_size(sizeof kSchema - 1));
    const uint8_t no_keys[] = {tag(5, kBytes), 0};  // AnyValue.array_value
    at = put_attribute(at, kKeyMapKey, sizeof kKeyMapKey - 1, no_keys, sizeof no_keys);
    return static_cast<uint32_t>(at - to);
}

// A private mapping of a file without a name in any folder, so that the name is seen in /proc/PID/maps on every kernel;
// an anonymous one where that is forbidden, which has a name only if the kernel gives it one.
void* map(size_t size, bool& ret_named) {
    const bool may_be_file = size <= ring::file_size_limit();
    long file =
        may_be_file ? syscall(SYS_memfd_create, kMappingName, MFD_CLOEXEC | MFD_ALLOW_SEALING | kNoExecSeal) : -1;
    if (file < 0 && may_be_file) file = syscall(SYS_memfd_create, kMappingName, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ret_named = file >= 0;
    if (file < 0) return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void* const memory = ftruncate(static_cast<int>(file), static_cast<off_t>(size)) != 0
                             ? MAP_FAILED
                             : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, static_cast<int>(file), 0);
    close(static_cast<int>(file));
    return memory;
}

}  // namespace

ProcessContext::State ProcessContext::state() {
    // relaxed: a value alone; the reader of the mapping is another process.
    return static_cast<State>(StdAtomics::load(g_state, std::memory_order_relaxed));
}

bool ProcessContext::is_wanted() {
    const Variable variable("SPANRING_PROFILER_CONTEXT");
    return !variable.is("off") && !variable.is("false") && !variable.is("0");
}

bool ProcessContext::make(const uint8_t* resource, uint32_t resource_size) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t size = (sizeof(Header) + field_size(resource_size) + kAttributesSize + page - 1) & ~(page - 1);
    bool named = false;
    void* const memory = map(size, named);
    if (memory == MAP_FAILED) return false;
    if (madvise(memory, size, MADV_DONTFORK) != 0) {
        munmap(memory, size);
        return false;
    }
    Header& header = *static_cast<Header*>(memory);
    uint8_t* const payload = static_cast<uint8_t*>(memory) + sizeof(Header);
    header.payload_size = put_payload(payload, resource, resource_size);
    header.payload = reinterpret_cast<uintptr_t>(payload);
    header.version = kVersion;
    memcpy(header.signature, kMappingName, sizeof header.signature);
    // release: publishes header and payload. Pairs with the barrier after a reader's look at the time (OTEP 4719,
    // Reading Protocol, step 4). Without it a profiler could find the time and a payload that is not there yet.
    StdAtomics::store(header.published_at, ring::Clock::read(CLOCK_BOOTTIME), std::memory_order_release);
    // Also where the mapping has a name already: a reader may wait for this very call.
    const bool renamed = prctl(kSetVma, kSetVmaAnonName, memory, size, kMappingName) == 0;
    if (!named && !renamed) {
        munmap(memory, size);  // nobody could find it
        return false;
    }
    g_published = &header;
    g_size = size;
    return true;
}

void ProcessContext::publish(const uint8_t* resource, uint32_t size) {
    uint32_t seen = state();
    // relaxed: one caller goes on; what it makes is for other processes.
    if ((seen != kNotAsked && seen != kLost) ||
        !StdAtomics::compare_exchange(g_state, seen, uint32_t{kMaking}, std::memory_order_relaxed))
        return;
    const int error = errno;
    // Two in one process are forbidden, so another library's goes first. (So does one that was just being made when
    // this process was forked off: it came along, unfinished.)
    const bool made = is_wanted() && !has_mapping_named("/proc/self/maps", kMappingName) && make(resource, size);
    StdAtomics::store(g_state, uint32_t{made ? kOn : kOff}, std::memory_order_relaxed);
    errno = error;
}

void ProcessContext::lose() {
    const State seen = state();
    if (seen == kOn || seen == kMaking) StdAtomics::store(g_state, uint32_t{kLost}, std::memory_order_relaxed);
}

void ProcessContext::withdraw() {
    if (state() != kOn) return;
    // relaxed: a word alone, for a reader that has found the mapping and not yet looked.
    StdAtomics::store(g_published->published_at, uint64_t{0}, std::memory_order_relaxed);
    munmap(g_published, g_size);
    StdAtomics::store(g_state, uint32_t{kOff}, std::memory_order_relaxed);
}

}  // namespace spanring::trace

// ---- lib/trace/process/process_facts.hpp -----------------------------------------------------------------------------

//
// What a process can find out about itself, from files that may be missing, be long, or say nonsense. COLD, libc alone,
// no allocation, no name service: what takes more than a few reads is left out. Each returns the size of the text, 0:
// not known. The paths are the tests' to change.

namespace spanring::trace {

// The target of the link /proc/self/exe.
size_t executable_path(char* ret, size_t room, const char* link = "/proc/self/exe");

// The name of the user, as the passwd file has it.
size_t user_name(uint32_t uid, char* ret, size_t room, const char* passwd = "/etc/passwd");

inline constexpr size_t kContainerIdSize = 64;
// The container that the process is in: 64 hexadecimal digits in the path of its cgroup (v1, and v2 without a cgroup
// namespace), else in the source of what the engine mounted from its folder of containers.
size_t container_id(char (&ret)[kContainerIdSize], const char* cgroup = "/proc/self/cgroup",
                    const char* mountinfo = "/proc/self/mountinfo");

}  // namespace spanring::trace

// ---- lib/trace/process/process_facts.cpp -----------------------------------------------------------------------------

namespace spanring::trace {
namespace {

constexpr size_t kMostRead = size_t{256} << 10;  // of a file

// The lines of a file, one by one; of a longer one than fits here the beginning.
class Lines {
public:
    explicit Lines(const char* path) : file_(scratch_ ? open(path, O_RDONLY | O_CLOEXEC) : -1) {}
    ~Lines() {
        if (file_ >= 0) close(file_);
    }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    // Without its newline, ended by a NUL. False: no more.
    bool next(char*& ret_line) {
        while (scratch_) {
            char* const begin = bytes_ + begin_;
            char* newline = static_cast<char*>(memchr(begin, '\n', end_ - begin_));
            if (newline == nullptr && fill()) continue;
            const bool rest_of_a_long_one = inside_;
            if (newline == nullptr && begin_ == end_) return false;
            inside_ = newline == nullptr;
            char* const line = bytes_ + begin_;
            if (newline == nullptr) newline = bytes_ + end_;
            begin_ = static_cast<size_t>(newline - bytes_) + (inside_ ? 0 : 1);
            *newline = 0;
            if (rest_of_a_long_one) continue;
            ret_line = line;
            return true;
        }
        return false;
    }

private:
    // Appends more to what is there. False: the file, the room or patience ends.
    bool fill() {
        memmove(bytes_, bytes_ + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (file_ < 0 || end_ == kRoom || read_ >= kMostRead) return false;
        const ssize_t size = read(file_, bytes_ + end_, kRoom - end_);
        if (size <= 0) return false;
        end_ += static_cast<size_t>(size);
        read_ += static_cast<size_t>(size);
        return true;
    }

    static constexpr size_t kRoom = 4096;
    const Scratch scratch_{kRoom + 1};
    char* const bytes_ = scratch_.text();
    const int file_;
    size_t begin_ = 0;
    size_t end_ = 0;
    size_t read_ = 0;
    bool inside_ = false;  // the next bytes belong to a line that was longer than the room
};

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Exactly 64 hexadecimal digits, and no more of them.
bool is_id(const char* text) {
    size_t size = 0;
    while (size <= kContainerIdSize && is_hex(text[size])) ++size;
    return size == kContainerIdSize;
}

const char* find_id(const char* text) {
    for (const char* at = text; *at != 0; ++at)
        if ((at == text || !is_hex(at[-1])) && is_id(at)) return at;
    return nullptr;
}

}  // namespace

size_t executable_path(char* ret, size_t room, const char* link) {
    const ssize_t size = readlink(link, ret, room);
    return size > 0 && static_cast<size_t>(size) < room ? static_cast<size_t>(size) : 0;  // cut: not a path
}

size_t user_name(uint32_t uid, char* ret, size_t room, const char* passwd) {
    Lines lines(passwd);
    for (char* line; lines.next(line);) {  // name:password:uid:...
        const char* const name_end = strchr(line, ':');
        const char* const password_end = name_end == nullptr ? nullptr : strchr(name_end + 1, ':');
        if (password_end == nullptr || password_end[1] < '0' || password_end[1] > '9') continue;
        char* end = nullptr;
        if (strtoul(password_end + 1, &end, 10) != uid || *end != ':') continue;
        const size_t size = static_cast<size_t>(name_end - line);
        if (size > room) return 0;
        memcpy(ret, line, size);
        return size;
    }
    return 0;
}

size_t container_id(char (&ret)[kContainerIdSize], const char* cgroup, const char* mountinfo) {
    const char* id = nullptr;
    {
        Lines lines(cgroup);
        for (char* line; id == nullptr && lines.next(line);) id = find_id(line);
        if (id != nullptr) memcpy(ret, id, sizeof ret);
    }
    if (id != nullptr) return sizeof ret;
    Lines lines(mountinfo);
    for (char* line; lines.next(line);) {
        // ".../containers/ID/hostname" of Docker, ".../overlay-containers/ID/userdata/hostname" of Podman. A
        // "sandboxes/ID" is the pod's, not the container's.
        constexpr char kFolder[] = "containers/";
        for (const char* at = strstr(line, kFolder); at != nullptr; at = strstr(at + 1, kFolder)) {
            if (!is_id(at + sizeof kFolder - 1)) continue;
            memcpy(ret, at + sizeof kFolder - 1, sizeof ret);
            return sizeof ret;
        }
    }
    return 0;
}

}  // namespace spanring::trace

// ---- lib/trace/process/statistics.hpp --------------------------------------------------------------------------------

namespace spanring::trace {

// COLD. What spans of this life came to, added to what was counted before it.
void add_statistics(const Life& life, spr_statistics& statistics);

}  // namespace spanring::trace

// ---- lib/trace/process/thread_lives.hpp ------------------------------------------------------------------------------

//
// What the calling thread has to do with lives that have ended. Its state in one keeps that mapped, and may be in use
// by the very call in whose middle a signal handler runs this: the calls of an open span leave no mark. So a state is
// first put aside, where no later call finds it. What it has of the segment is given back there and then, unless a
// start or an end is interrupted, which do leave one. The memory is let go
//
//     at once      where it cannot be a handler: spr_provider_open(), spr_provider_shutdown(), the thread's end
//     later        when the thread has begun to trace with so many others: whoever interrupts a call returns before
//                  (spanring.h, Threads, forks, signals)

namespace spanring::trace {

class ThreadLives {
public:
    static constexpr uint32_t kKept = 4;  // sweeps after the one that put it aside

    // COLD, while a state is being made (ThreadLocal::attaching). Puts aside what is in lives that have ended; lets go
    // what was put aside `kept` sweeps ago.
    static void sweep(uint32_t kept, bool may_unmap);

    // COLD. The same, where it cannot be a handler: lets go of all, now.
    static void let_go();

    // COLD. The thread ends: all of its states go. `in_a_call`: as in Life::release_thread().
    static void leave_all(bool in_a_call);
};

}  // namespace spanring::trace

// ---- lib/trace/process/unloading.hpp ---------------------------------------------------------------------------------

//
// The end of the library's code before that of its process: dlclose() of a plugin that carries the static library. (The
// shared one is linked with -z nodelete and stays.) What outlives the code, and who takes it back:
//
//     the key whose destructor runs at each thread's end     deleted here
//     segments and lives, the mapping for profilers          given back by `give_back`
//     handlers of fork()                                     the C library, when it runs the object's exit handlers
//     thread-local blocks                                    the C library; made anew in all threads at a reopening
//
// The library has no signal handler and keeps no descriptor open. That no thread is in a call when its code goes is the
// business of whoever unloads it. Nothing is unmapped at exit(), where threads may trace until the last instruction.

namespace spanring::trace {

class Unloading {
public:
    // COLD, by one thread at a time. 0 or -errno.
    static int prepare(void (*thread_ends)(void*), void (*give_back)());

    // COLD. Has thread_ends() called at the end of the calling thread.
    static void watch_thread();
};

}  // namespace spanring::trace

// ---- lib/trace/process/visit.hpp -------------------------------------------------------------------------------------

//
// A cold call that looks at a provider, or at its life without a state in it: both stay until it is over.

namespace spanring::trace {

class Visit {
public:
    explicit Visit(Provider& provider) : provider_(provider.gate_.enter() ? &provider : nullptr) {}
    // Of the provider that the handle was given for. False: it was shut down.
    explicit Visit(const spr_provider* handle) {
        Provider* const provider = Provider::of(handle);
        if (provider == nullptr || !provider->gate_.enter()) return;
        provider_ = provider;
        if (Provider::of(handle) == provider) return;
        leave();  // it was opened anew in between
        provider_ = nullptr;
    }
    ~Visit() {
        if (provider_ != nullptr) leave();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    explicit operator bool() const { return provider_ != nullptr; }
    Provider* operator->() const { return provider_; }

    // It is no signal handler, and system calls are allowed: what ends with it may be unmapped.
    void may_unmap() { may_unmap_ = true; }

private:
    void leave() {
        // A handler in the middle of the call forked: in the child nobody is inside.
        if (generation_ == process.fork_generation && provider_->gate_.leave()) provider_->clear_up(may_unmap_);
    }

    Provider* provider_ = nullptr;
    const uint32_t generation_ = process.fork_generation;
    bool may_unmap_ = false;
};

}  // namespace spanring::trace

// ---- lib/trace/process/provider.cpp ----------------------------------------------------------------------------------

namespace spanring::trace {

using ring::StdAtomics;

[[gnu::tls_model(SPR_TLS_MODEL)]] constinit thread_local ThreadLocal thread_local_state{};
constinit Process process{};

namespace {

constexpr uint64_t kRetryPause = 1'000'000'000;  // nanoseconds between two tries to make a segment
constexpr uint64_t kLeastMemory = uint64_t{512} << 10;
constexpr uint64_t kBaseMemory = uint64_t{64} << 10;  // what a segment has memory for besides its extents, rounded up

constinit uint32_t g_lives = 0;
constinit uint32_t g_prepared = 0;           // 0 no, 1 by somebody at this moment, 2 yes
constinit uint32_t g_first = kMaxProviders;  // provider that opened first: its resource is the process's

// Errors of a first span that may be gone a moment later.
bool may_pass(int error) {
    switch (-error) {
        case EMFILE:
        case ENFILE:
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case ENOMEM:
        case EAGAIN:
        case EINTR: return true;
        default: return false;
    }
}

// What service.instance.id is made of: one for each process. Zero where there is no randomness.
void draw_instance() {
    const int error = errno;
    if (syscall(SYS_getrandom, process.instance, sizeof process.instance, 0) != sizeof process.instance)
        memset(process.instance, 0, sizeof process.instance);
    errno = error;
}

// Nobody would finish a half-made segment.
class NoCancellation {
public:
    NoCancellation() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~NoCancellation() { pthread_setcancelstate(before_, nullptr); }
    NoCancellation(const NoCancellation&) = delete;
    NoCancellation& operator=(const NoCancellation&) = delete;

private:
    int before_;
};

// The handle that was given out longest ago, of those that name no place.
spr_provider* take_handle() {
    for (;;) {
        const uint32_t number = StdAtomics::fetch_add(process.opened, uint32_t{1}, std::memory_order_relaxed);
        spr_provider* const handle = &process.handles[number % Process::kHandles];
        if (Provider::of(handle) == nullptr) return handle;
    }
}

}  // namespace

int Provider::prepare_process() {
    int patience = 100'000;
    uint32_t expected = 0;
    // acquire: one caller prepares, after one that failed has put things back. Pairs with the release below. Without it
    // two could make the key at once.
    while (!StdAtomics::compare_exchange(g_prepared, expected, uint32_t{1}, std::memory_order_acquire)) {
        // acquire, since a failed exchange orders nothing: what the first caller prepared is there. Pairs with the
        // release below. Without it a second opener could use a clock that was not started yet.
        if (StdAtomics::load(g_prepared, std::memory_order_acquire) == 2) return 0;
        if (--patience == 0) return -EBUSY;  // a fork() in the middle of another thread's preparation left it at 1
        sched_yield();
        expected = 0;
    }
    int error = ring::ForkGuard::arm();
    if (error == 0) error = Unloading::prepare(thread_leaves, give_back);
    if (error == 0) error = -pthread_atfork(nullptr, nullptr, after_fork);
    if (error == 0) process.clock.start();
    if (error == 0) draw_instance();
    // release: publishes the guard, the key and the clock. Pairs with the acquires above. Without it a caller that
    // finds 2 could use them half prepared.
    StdAtomics::store(g_prepared, error == 0 ? uint32_t{2} : uint32_t{0}, std::memory_order_release);
    return error;
}

Provider* Provider::of(const spr_provider* handle) {
    for (Provider& provider : process.providers)
        // relaxed: a value alone; whoever goes on with it enters the gate.
        if (StdAtomics::load(provider.handle_, std::memory_order_relaxed) == handle) return &provider;
    return nullptr;
}

int Provider::open(const spr_provider_options& options, spr_provider*& ret_provider) {
    ThreadLives::let_go();
    for (uint32_t index = 0; index < kMaxProviders; ++index) {
        Provider& provider = at(index);
        uint32_t expected = kUnused;
        // acquire: after an opener that failed and put it back, or the last provider's end. Pairs with the releases
        // below and in clear_up(). Without it what those wrote could come after what this one writes.
        if (!StdAtomics::compare_exchange(provider.state_, expected, uint32_t{kOpening}, std::memory_order_acquire))
            continue;
        if (provider.index_ != index) provider.index_ = index;  // once: whoever came late still reads it
        const int error = provider.open_this(options);
        if (error != 0) {
            // release: this try is over before the next one. Pairs with the acquire above, which says what breaks.
            StdAtomics::store(provider.state_, uint32_t{kUnused}, std::memory_order_release);
            return error;
        }
        ret_provider = provider.handle_;
        return 0;
    }
    return -EMFILE;
}

int Provider::open_this(const spr_provider_options& options) {
    if (const int error = resource_.build(options)) return error;
    const OwnVariables variables = OwnVariables::read(options.memory_limit == 0);
    misread_ = variables.misread;
    directory_limit_ = variables.directory;
    settings_.sampler = Sampler::from_environment();
    settings_.limits = Limits::choose(options);
    settings_.full_wait = options.full_policy == SPR_FULL_WAIT ? options.full_wait_ns : 0;
    full_policy_ = options.full_policy;
    memory_at_open_ = options.memory == SPR_MEMORY_AT_OPEN;
    tracers_.open(*this, !memory_at_open_);
    uint64_t memory = options.memory_limit != 0 ? options.memory_limit : variables.memory;
    memory = memory < kLeastMemory ? kLeastMemory : memory;
    const uint64_t extents = (memory - kBaseMemory) / (ring::kGroupSize / ring::kExtentsPerGroup);
    extent_limit_ = static_cast<uint32_t>(extents < ring::kMaxExtents ? extents : ring::kMaxExtents);

    int error = 0;
    if (variables.is_off)
        error = -ECANCELED;
    else if (getauxval(AT_SECURE) != 0)
        error = -EPERM;
    else
        error = prepare_process();
    // relaxed, each of these: published with the gate and the state.
    StdAtomics::store(error_, error, std::memory_order_relaxed);
    StdAtomics::store(retry_after_, uint64_t{0}, std::memory_order_relaxed);
    StdAtomics::store(unmade_, uint64_t{0}, std::memory_order_relaxed);
    if (error == 0) StdAtomics::store(starts_, Starts(settings_.sampler).word(), std::memory_order_relaxed);
    StdAtomics::store(handle_, take_handle(), std::memory_order_relaxed);
    if (error == 0) publish_process_context();
    gate_.open();
    // release: everything above. Pairs with the acquire in state(), for a thread that got the provider by other means
    // than this call's return. Without it that thread could find limits and sampler not there yet.
    StdAtomics::store(state_, uint32_t{error == 0 ? kOpen : kOff}, std::memory_order_release);
    if (memory_at_open_ && error == 0) {
        const Visit inside(*this);
        const NoCancellation whole;
        begin_life();  // where it fails it is off, and says why
    }
    return 0;
}

void Provider::publish_process_context() {
    if (!ProcessContext::is_due()) return;
    uint32_t first = kMaxProviders;
    // relaxed: each opener has built its own resource, and any one may be the first. A child, which asks for the
    // resource of another provider, has one thread that has seen all there is.
    if (StdAtomics::compare_exchange(g_first, first, index_, std::memory_order_relaxed)) first = index_;
    if (first != index_ && ProcessContext::state() != ProcessContext::kLost) return;
    const Scratch resource(ring::kResourceSize);
    if (!resource) return;
    ProcessContext::publish(resource.bytes(), at(first).resource_.finish(process.instance, resource.bytes()));
}

Life* Provider::make_life(int& ret_error) {
    ring::SegmentRequest request{extent_limit_,           full_policy_,    &resource_,      0,
                                 resource_.schema_size(), memory_at_open_, directory_limit_};
    request.write_resource = [](const void* resource, uint8_t* to) {
        return static_cast<const Resource*>(resource)->finish(process.instance, to);
    };
    const uint32_t number = StdAtomics::fetch_add(g_lives, uint32_t{1}, std::memory_order_relaxed) + 1;
    return Life::begin(index_, number, settings_, request, process.clock, ret_error);
}

bool Provider::begin_life() {
    for (;;) {
        uint32_t seen = state();
        if (seen == kLive) return true;
        if (seen == kMaking) {  // COLD, and only while another thread makes the segment
            sched_yield();
            continue;
        }
        if (seen != kOpen) return false;
        // relaxed: at worst one try more.
        const uint64_t due = StdAtomics::load(retry_after_, std::memory_order_relaxed);
        if (due != 0 && ring::Clock::read(CLOCK_MONOTONIC) < due) return false;
        if (StdAtomics::compare_exchange(state_, seen, uint32_t{kMaking}, std::memory_order_relaxed)) break;
    }
    publish_process_context();  // in a child; done long ago elsewhere
    int error = 0;
    Life* const life = make_life(error);
    StdAtomics::store(error_, error, std::memory_order_relaxed);
    const uint32_t without_life = may_pass(error) && !memory_at_open_ ? kOpen : kOff;
    if (life == nullptr && without_life == kOff) StdAtomics::store(starts_, uint32_t{0}, std::memory_order_relaxed);
    if (life == nullptr) {
        StdAtomics::store(retry_after_, ring::Clock::read(CLOCK_MONOTONIC) + kRetryPause, std::memory_order_relaxed);
    } else if (process.lives.add(life); const uint64_t before = unmade()) {
        constexpr auto kNotStarted = static_cast<uint32_t>(ring::Counter::kNotStartedSlot);
        StdAtomics::fetch_add(life->segment.view().writer().shared_line[kNotStarted], before,
                              std::memory_order_relaxed);
        StdAtomics::fetch_add(unmade_, ~before + 1, std::memory_order_relaxed);
    }
    // release: the life's content. Pairs with the acquire in life(). Without it a thread could use a half-made one.
    __atomic_store_n(&life_, life, __ATOMIC_RELEASE);
    uint32_t making = kMaking;  // unless it was shut down meanwhile, which stays
    // release: life_ and error_. Pairs with the acquire in state(). Without it a thread could find kLive and no life.
    if (StdAtomics::compare_exchange(state_, making, uint32_t{life != nullptr ? kLive : without_life},
                                     std::memory_order_release))
        return life != nullptr;
    note_end();
    return false;
}

// A span's start, in a thread that has no state here, or one in a life that has ended, or with a tracer whose scope the
// segment has not got.
ThreadState* Provider::prepare(spr_tracer& tracer) {
    const Visit inside(*this);
    // Another one's tracer by now: the last provider in this place is known to have given it back before this one's
    // gate was opened.
    if (!inside || &of(tracer) != this) return nullptr;
    ThreadState* state = thread_local_state.states[index_];
    if (state == nullptr || state->life != life()) state = attach_thread();
    // acquire: as in thread().
    if (state != nullptr && StdAtomics::load(tracer.published, std::memory_order_acquire) != state->life->number &&
        !tracers_.publish(tracer, state->life->segment.view(), state->life->number))
        return nullptr;
    return state;
}

bool Provider::join(uint64_t handle) {
    if ((handle & SpanHandle::kRecorded) == 0) return false;
    check_fork();
    Provider& provider = at(SpanHandle::unpack(handle).provider);
    const Visit inside(provider);
    const Life* const life = inside ? provider.life() : nullptr;
    if (life == nullptr || !life->lives(handle)) return false;
    const ThreadState* const state = thread_local_state.states[provider.index_];
    return (state == nullptr || state->life != life) && provider.attach_thread() != nullptr;
}

// In a Visit.
ThreadState* Provider::attach_thread() {
    ThreadLocal& local = thread_local_state;
    if (local.attaching != 0) return nullptr;  // a signal handler, in the middle of the lines below
    const State seen = state();
    if (seen != kOpen && seen != kMaking && seen != kLive) return nullptr;
    local.attaching = 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread sees it set
    const int error = errno;
    const NoCancellation whole;
    ThreadState* result = nullptr;
    ThreadLives::sweep(ThreadLives::kKept, false);
    if (begin_life()) {
        Life& life = *this->life();
        result = life.take_thread(life.is_quiet ? Life::kNoThread : static_cast<uint32_t>(syscall(SYS_gettid)));
        if (result != nullptr) {
            Unloading::watch_thread();
            local.states[index_] = result;
        }
    }
    errno = error;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing of the above moves past the end of it
    local.attaching = 0;
    return result;
}

void Provider::thread_leaves(void*) {
    if (ring::ForkGuard::forked()) return;  // a child that never traced: its states are the parent's
    ThreadLocal& local = thread_local_state;
    const bool in_a_call = local.depth != 0;  // a longjmp, cancellation, or an exit in a handler left it up
    local.depth = 0;
    ThreadLives::leave_all(in_a_call);
}

// The child has one thread, this one. It forgets the parent's segment and keeps the rest. An interrupted call of this
// thread may return into the old life: that stays mapped and its segment's place is covered.
void Provider::after_fork() {
    if (!ring::ForkGuard::forked()) return;
    ThreadLocal& local = thread_local_state;
    for (ThreadState*& state : local.states) {
        if (state != nullptr) state->life->segment.abandon();
        state = nullptr;
    }
    for (; local.left != nullptr; local.left = local.left->older) local.left->life->segment.abandon();
    process.lives.each([](Life& life) { life.segment.abandon(); });
    for (Provider& provider : process.providers) {
        const uint32_t seen = provider.state_;
        provider.life_ = nullptr;
        provider.retry_after_ = 0;
        provider.unmade_ = 0;
        provider.final_.set(SPR_STATISTICS_INIT, provider.final_.outcome());
        const bool is_open = provider.gate_.empty();
        provider.tracers_.after_fork();
        if (seen == kLive || seen == kMaking) {
            provider.state_ = kOpen;
        } else if (seen == kOpening) {
            provider.state_ = kUnused;  // its opener was another thread
        } else if (seen == kShutDown && !is_open) {
            provider.clear_up(false);  // nobody else is there to do it
        }
    }
    local.attaching = 0;
    local.last.forget();
    ProcessContext::lose();
    ++process.fork_generation;
    draw_instance();
    ring::ForkGuard::acknowledge();
}

// A provider that is shut down before its life was there, or at the moment when it came.
void Provider::note_end() {
    Life* const current = life();
    if (current == nullptr) return;
    // relaxed: takes back; publishes nothing.
    StdAtomics::store(current->bits, uint32_t{0}, std::memory_order_relaxed);
    ring::ForkGuard::disturb();  // spans that threads have resolved are to be resolved again
}

void Provider::shut_down(int outcome) {
    uint32_t seen = state();
    while (seen != kShutDown &&
           !StdAtomics::compare_exchange(state_, seen, uint32_t{kShutDown}, std::memory_order_relaxed)) {
    }
    if (seen == kShutDown) return;
    StdAtomics::store(starts_, uint32_t{0}, std::memory_order_relaxed);  // the next start sees it
    note_end();
    final_.set(statistics(), outcome);
    gate_.close();
}

spr_statistics Provider::statistics() const {
    spr_statistics all = SPR_STATISTICS_INIT;
    all.not_started_slot = unmade();
    all.misread_variables = misread();
    if (const Life* const current = life()) add_statistics(*current, all);
    return all;
}

// By the last one inside of a closed gate, or the only thread of a child.
void Provider::clear_up(bool may_unmap) {
    Life* const ended = life();
    __atomic_store_n(&life_, static_cast<Life*>(nullptr), __ATOMIC_RELAXED);
    if (ended != nullptr) {
        // What threads hold that vanished keeps it from going. relaxed: at worst they are looked for once more.
        StdAtomics::store(ended->reap_after, uint64_t{0}, std::memory_order_relaxed);
        ended->reap();
        ended->leave(true, may_unmap);
    }
    tracers_.close(process.spent);
    // relaxed: only who opened first is asked, and by children.
    uint32_t own = index_;
    StdAtomics::compare_exchange(g_first, own, kMaxProviders, std::memory_order_relaxed);
    // release: all of it before the place is another's. Pairs with the acquire in open(), which says what breaks.
    StdAtomics::store(state_, uint32_t{kUnused}, std::memory_order_release);
}

// The code goes, and no thread is in a call. Providers are left as after a shutdown, for what may still run in this
// thread.
void Provider::give_back() {
    const bool in_child = ring::ForkGuard::forked();  // where the segments did not come along
    for (ThreadState*& state : thread_local_state.states) state = nullptr;
    thread_local_state.left = nullptr;
    thread_local_state.last.forget();
    for (Provider& provider : process.providers) {
        if (provider.state_ == kUnused) continue;
        provider.state_ = kShutDown;
        provider.starts_ = 0;
        provider.gate_.close();
        provider.life_ = nullptr;
        provider.tracers_.unmap();
    }
    process.lives.each([&](Life& life) {
        process.lives.remove(&life);
        life.end(in_child);
    });
    if (!in_child) ProcessContext::withdraw();
}

}  // namespace spanring::trace

// ---- lib/trace/base/options.hpp --------------------------------------------------------------------------------------

//
// Reads a struct of options of any age: an older caller's is shorter and reads as if the rest were zero; a newer
// caller's is longer and is taken if what is unknown here is zero.

namespace spanring::trace {

// Whether an earlier release can have had a struct of so many bytes: none ended in the middle of a member. (Every size
// but that of struct_size alone is a multiple of the alignment, and no pointer ends elsewhere.) Half a pointer would be
// followed. What is behind a later release's struct only has to be zero.
template <class Options>
constexpr bool may_be_size(size_t size) {
    return size == sizeof(uint32_t) || size > sizeof(Options) || (size != 0 && size % alignof(Options) == 0);
}

// options may be nullptr: all defaults. 0, -EINVAL (no size, or one that no release has), -E2BIG.
template <class Options>
[[gnu::noinline]] int read_options(const Options* options, Options& ret) {
    memset(&ret, 0, sizeof ret);
    ret.struct_size = sizeof ret;
    if (options == nullptr) return 0;
    const size_t size = options->struct_size;
    if (!may_be_size<Options>(size)) return -EINVAL;
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(options);
    for (size_t i = sizeof ret; i < size; ++i)
        if (bytes[i] != 0) return -E2BIG;
    memcpy(&ret, options, size < sizeof ret ? size : sizeof ret);
    return 0;
}

// How long the first release of a struct was, which stays so: sizeof() is another number as soon as a member is added.
template <class Options>
inline constexpr size_t kFirstSize = 0;
template <>
inline constexpr size_t kFirstSize<spr_propagated> = offsetof(spr_propagated, baggage) + sizeof(spr_text);
template <>
inline constexpr size_t kFirstSize<spr_carrier> = offsetof(spr_carrier, remove) + sizeof(spr_carrier::remove);
template <>
inline constexpr size_t kFirstSize<spr_environment> = offsetof(spr_environment, memory) + sizeof(spr_text);

// Checks a struct that is used where it lies, and so cannot be shorter than its first release. A member that came
// later may be looked at only where struct_size reaches past it.
template <class Options>
int check_in_place(const Options* options) {
    static_assert(kFirstSize<Options> != 0);
    const size_t size = options->struct_size;
    if (size < kFirstSize<Options> || !may_be_size<Options>(size)) return -EINVAL;
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(options);
    for (size_t i = sizeof *options; i < size; ++i)
        if (bytes[i] != 0) return -E2BIG;
    return 0;
}

// HOT where the caller is as old as this library: its own struct is returned, and `space` is not touched. nullptr: see
// ret_error.
template <class Options>
const Options* known_options(const Options* options, Options& space, int& ret_error) {
    if (options != nullptr && options->struct_size == sizeof(Options)) [[likely]]
        return options;
    ret_error = read_options(options, space);
    return ret_error == 0 ? &space : nullptr;
}

}  // namespace spanring::trace

// ---- lib/trace/process/taken_over.hpp --------------------------------------------------------------------------------

//
// Whether the agent is done with everything that this process has committed, without asking it: for a flush that may
// not wait, or that need not.

namespace spanring::trace {

// COLD: looks at every chunk. True: every span whose end came before this call is acknowledged, and in the totals.
// False: one may not be; while other threads end spans, or the agent moves a mark, it may be false for nothing.
bool everything_is_taken_over(const ring::Segment& segment);

}  // namespace spanring::trace

// ---- lib/trace/process/provider_api.cpp ------------------------------------------------------------------------------

//
// The C functions of providers and tracers.

using namespace spanring;
using ring::StdAtomics;
using trace::Provider;
using trace::Visit;

namespace {

constexpr uint64_t kFirstPause = 50'000;  // nanoseconds between two looks at the agent's answer to a flush
constexpr uint64_t kLongestPause = 2'000'000;

// Waits for the agent. 0 or -ETIMEDOUT.
int flush(trace::Life& life, uint64_t timeout_ns) {
    const ring::SegmentView segment = life.segment.view();
    life.segment.look_after_memory();
    if (trace::everything_is_taken_over(life.segment)) return 0;
    // release: every span that ended before this call is committed before the ticket. Pairs with the acquire in the
    // agent's FlushRequest::look(). Without it the agent could serve the ticket without having seen the spans. acquire:
    // after those of other callers, so that a later ticket answers for theirs as well.
    const uint64_t ticket =
        StdAtomics::fetch_add(segment.writer().flush_wanted, uint64_t{1}, std::memory_order_acq_rel) + 1;
    life.segment.wake_agent();  // after the ticket: see there
    life.segment.wake_agent_at(ring::Segment::kWaits);
    const uint64_t start = ring::Clock::read(CLOCK_MONOTONIC);
    const int error = errno;
    for (uint64_t pause = kFirstPause;; pause = pause < kLongestPause ? pause * 2 : pause) {
        // acquire: what the agent did before it answered. Pairs with the release in FlushRequest::serve(). Without
        // it the statistics could be read from before.
        if (StdAtomics::load(segment.control().flushed, std::memory_order_acquire) >= ticket) break;
        const uint64_t waited = ring::Clock::read(CLOCK_MONOTONIC) - start;
        if (waited >= timeout_ns) {
            errno = error;
            return -ETIMEDOUT;
        }
        const uint64_t left = timeout_ns - waited;
        const timespec time{0, static_cast<long>(pause < left ? pause : left)};
        nanosleep(&time, nullptr);
    }
    errno = error;
    return 0;
}

int flush(const Visit& provider, uint64_t timeout_ns) {
    trace::Life* const life = provider->life();
    return life == nullptr ? 0 : flush(*life, timeout_ns);  // nothing was ever written
}

// What is known of a provider that was shut down.
int outcome(const spr_provider* handle) {
    const Provider* const place = Provider::of(handle);
    if (place == nullptr) return -ESHUTDOWN;
    const int result = place->final_word().outcome();
    return Provider::of(handle) == place ? result : -ESHUTDOWN;
}

}  // namespace

extern "C" {

int spr_provider_open(const spr_provider_options* options, spr_provider** ret_provider) noexcept {
    if (ret_provider == nullptr) return -EINVAL;
    spr_provider_options known;
    if (const int error = trace::read_options(options, known)) return error;
    if (known.full_policy > SPR_FULL_WAIT || known.memory > SPR_MEMORY_AT_OPEN ||
        (known.resource_attribute_count != 0 && known.resource_attributes == nullptr))
        return -EINVAL;
    Provider::check_fork();
    const int before = errno;
    const int error = Provider::open(known, *ret_provider);
    errno = before;
    return error;
}

int spr_provider_state(const spr_provider* handle) noexcept {
    if (handle == nullptr) return -EINVAL;
    Provider::check_fork();
    const Visit provider(handle);
    if (!provider) return -ESHUTDOWN;
    switch (provider->state()) {
        case Provider::kLive: return 1;
        case Provider::kShutDown: return -ESHUTDOWN;
        default: return provider->error();  // why it is off; of the last try to make the segment; mostly 0
    }
}

int spr_provider_flush(spr_provider* handle, uint64_t timeout_ns) noexcept {
    if (handle == nullptr) return -EINVAL;
    Provider::check_fork();
    const Visit provider(handle);
    return provider ? flush(provider, timeout_ns) : outcome(handle);
}

int spr_provider_shutdown(spr_provider* handle, uint64_t timeout_ns) noexcept {
    if (handle == nullptr) return -EINVAL;
    Provider::check_fork();
    const int before = errno;
    int result;
    {
        Visit provider(handle);
        result = provider ? flush(provider, timeout_ns) : outcome(handle);
        if (provider) {
            provider->shut_down(result);
            provider.may_unmap();
        }
    }
    trace::ThreadLives::let_go();
    errno = before;
    return result;
}

int spr_tracer_get(spr_provider* provider, const char* name, size_t name_size, const char* version, size_t version_size,
                   const char* schema_url, size_t schema_url_size, spr_tracer** ret_tracer) noexcept {
    if (provider == nullptr || ret_tracer == nullptr) return -EINVAL;
    Provider::check_fork();
    const Visit inside(provider);
    if (!inside) return -ESHUTDOWN;
    const spr_tracer_options options = {sizeof options,  0,       name, name_size, version, version_size, schema_url,
                                        schema_url_size, nullptr, 0};
    return inside->tracers().get(options, ret_tracer);
}

int spr_tracer_get_with(spr_provider* provider, const spr_tracer_options* options, spr_tracer** ret_tracer) noexcept {
    if (provider == nullptr || ret_tracer == nullptr) return -EINVAL;
    spr_tracer_options known;
    if (const int error = trace::read_options(options, known)) return error;
    if (known.attribute_count != 0 && known.attributes == nullptr) return -EINVAL;
    Provider::check_fork();
    const Visit inside(provider);
    return inside ? inside->tracers().get(known, ret_tracer) : -ESHUTDOWN;
}

int spr_tracer_enabled(const spr_tracer* tracer) noexcept {
    if (tracer == nullptr) return 0;
    Provider::check_fork();
    Provider& provider = Provider::of(*tracer);
    const Provider::Starts starts = provider.starts();
    if (!starts.any()) return 0;
    uint64_t policy = 0;
    const trace::ThreadState* const state = trace::thread_local_state.states[provider.index()];
    // relaxed, twice: an equal number is of the life that the thread has a state in; the policy is a switch.
    if (state != nullptr && StdAtomics::load(tracer->published, std::memory_order_relaxed) == state->life->number) {
        policy = StdAtomics::load(state->life->segment.view().control().policy, std::memory_order_relaxed);
    } else {
        const Visit inside(provider);
        if (!inside || &Provider::of(*tracer) != &provider) return 0;
        if (const trace::Life* const life = provider.life())
            policy = StdAtomics::load(life->segment.view().control().policy, std::memory_order_relaxed);
    }
    if ((policy & (ring::PolicyBits::kDisabled | ring::PolicyBits::kRetired)) != 0) return 0;
    return (policy & ring::PolicyBits::kSamplingKind) != 0 || !starts.never_samples();
}

int spr_provider_statistics(const spr_provider* handle, spr_statistics* statistics) noexcept {
    if (handle == nullptr || statistics == nullptr || statistics->struct_size < sizeof(uint32_t)) return -EINVAL;
    Provider::check_fork();
    spr_statistics all = SPR_STATISTICS_INIT;
    {
        const Visit provider(handle);
        if (provider) {
            all = provider->statistics();
        } else {
            const Provider* const place = Provider::of(handle);
            if (place != nullptr) all = place->final_word().statistics();
            if (place == nullptr || Provider::of(handle) != place) return -ESHUTDOWN;
        }
    }
    const uint32_t size = statistics->struct_size;
    all.struct_size = size;
    memcpy(statistics, &all, size < sizeof all ? size : sizeof all);
    return 0;
}

}  // extern "C"

// ---- lib/trace/process/resource.cpp ----------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

constexpr uint8_t kAttributes = tag(1, kBytes);  // resource.v1.Resource.attributes

// RFC 9562, version 4.
void put_uuid(const uint8_t (&random)[16], char (&ret)[37]) {
    constexpr char kDigits[] = "0123456789abcdef";
    char* at = ret;
    for (size_t i = 0; i < sizeof random; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        const uint8_t byte = i == 6 ? (random[i] & 0x0f) | 0x40 : i == 8 ? (random[i] & 0x3f) | 0x80 : random[i];
        *at++ = kDigits[byte >> 4];
        *at++ = kDigits[byte & 15];
    }
    *at = 0;
}

spr_attribute text_attribute(const char* key, size_t key_size, const char* value, size_t value_size) {
    spr_attribute attribute = {};
    attribute.key = key;
    attribute.key_size = key_size;
    attribute.type = SPR_TYPE_STRING;
    attribute.value.string.data = value;
    attribute.value.string.size = value_size;
    return attribute;
}

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Percent-decodes and trims; returns the size, -E2BIG where it does not fit, -EINVAL where it is malformed.
int decode(const char* from, const char* end, char* to, int room) {
    while (from != end && (*from == ' ' || *from == '\t')) ++from;
    while (from != end && (end[-1] == ' ' || end[-1] == '\t')) --end;
    int size = 0;
    for (; from != end; ++from) {
        if (size == room) return -E2BIG;
        if (*from != '%') {
            to[size++] = *from;
            continue;
        }
        if (end - from < 3 || hex(from[1]) < 0 || hex(from[2]) < 0) return -EINVAL;
        to[size++] = static_cast<char>(hex(from[1]) << 4 | hex(from[2]));
        from += 2;
    }
    return size;
}

// An empty service.name is as if it were not there: the next source is asked, at last the program's name.
bool names_no_service(const Attribute& attribute) {
    return attribute.value.type == SPR_TYPE_STRING && attribute.value.inner_size == 0 &&
           std::string_view(attribute.key, attribute.key_size) == "service.name";
}

constexpr int kLongestValue = 4096;  // in the environment

// Visits each pair of the list, decoded, with an empty key where it is longer than any may be; empty elements do not
// count. False: at the first that is malformed.
template <class Visit>
bool each_pair(const char* list, const Scratch& scratch, Visit&& visit) {
    char* const value = scratch.text();
    for (const char* end; *list != 0; list = *end == ',' ? end + 1 : end) {
        end = strchrnul(list, ',');
        const std::string_view element(list, static_cast<size_t>(end - list));
        if (element.find_first_not_of(" \t") == element.npos) continue;
        const size_t equals = element.find('=');
        if (equals == element.npos) return false;
        char key[256];
        const int key_size = decode(list, list + equals, key, sizeof key);
        const int value_size = decode(list + equals + 1, end, value, kLongestValue);
        if (key_size == -E2BIG || value_size == -E2BIG) {
            visit(std::string_view(), std::string_view());
            continue;
        }
        if (key_size <= 0 || value_size < 0) return false;
        const std::string_view decoded_key(key, static_cast<size_t>(key_size)),
            decoded(value, static_cast<size_t>(value_size));
        if (!is_utf8(key, decoded_key.size()) || !is_utf8(value, decoded.size())) return false;
        visit(decoded_key, decoded);
    }
    return true;
}

}  // namespace

uint32_t Resource::find(const char* key, size_t size, uint32_t& ret_end) const {
    // bytes_ is a run of `0x0a len { 0x0a len key ... }`, written below and nowhere else.
    const auto varint = [](const uint8_t*& at) {
        uint32_t value = 0;
        for (int shift = 0;; shift += 7) {
            value |= uint32_t{*at & 0x7fu} << shift;
            if ((*at++ & 0x80) == 0) return value;
        }
    };
    for (const uint8_t* at = bytes_; at < bytes_ + size_;) {
        const uint8_t* const begin = at++;
        const uint32_t field = varint(at);
        const uint8_t* inside = at + 1;
        const uint32_t key_size = varint(inside);
        at += field;
        ret_end = static_cast<uint32_t>(at - bytes_);
        if (key_size == size && memcmp(inside, key, size) == 0) return static_cast<uint32_t>(begin - bytes_);
    }
    return size_;
}

bool Resource::has(const char* key) const {
    uint32_t end;
    return find(key, strlen(key), end) != size_;
}

bool Resource::add(const spr_attribute& from, uint32_t keep) {
    Attribute attribute;
    if (!Attribute::check(from, attribute)) return false;
    if (names_no_service(attribute)) return true;
    uint32_t end = size_;
    const uint32_t begin = find(attribute.key, attribute.key_size, end);
    if (begin < source_) return true;
    const uint32_t others = begin == size_ ? size_ : size_ - (end - begin);
    if (uint64_t{others} + attribute.field_size() + schema_size_ + keep > sizeof bytes_) return false;
    if (begin != size_) memmove(bytes_ + begin, bytes_ + end, size_ - end);
    Memory memory{bytes_ + others};
    attribute.write(memory, kAttributes);
    size_ = others + attribute.field_size();
    // A profiler reads these bytes as they are; no agent repairs them on the way.
    if (attribute.value.type == SPR_TYPE_STRING)
        repair_utf8(memory.at - attribute.value.inner_size, attribute.value.inner_size);
    return true;
}

bool Resource::add_text(const char* key, size_t key_size, const char* value, size_t value_size, uint32_t keep) {
    return add(text_attribute(key, key_size, value, value_size), keep);
}

// OTEL_RESOURCE_ATTRIBUTES: key=value,key=value, percent-encoded. One pair that is malformed discards the whole value
// (specification: resource/sdk.md, Specifying resource information via an environment variable): half of it could be
// another service's. What is well formed and does not fit loses only itself.
void Resource::add_environment(const char* list) {
    if (list == nullptr) return;
    uint32_t pairs = 0;
    const Scratch scratch(kLongestValue);
    if (!scratch || !each_pair(list, scratch, [&](std::string_view, std::string_view) { ++pairs; })) {
        dropped_ += pairs + 1;
        misread_ = true;
        return;
    }
    each_pair(list, scratch, [&](std::string_view key, std::string_view value) {
        if (!add_text(key.data(), key.size(), value.data(), value.size())) ++dropped_;
    });
}

bool Resource::add_unknown_service() {
    char name[128] = "unknown_service:";
    size_t size = strlen(name);
    const int file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    const ssize_t read_size = file < 0 ? 0 : read(file, name + size, sizeof name - size - 1);
    if (file >= 0) close(file);
    if (read_size > 1)
        size += static_cast<size_t>(read_size) - 1;  // without its newline
    else
        --size;  // without the colon
    return add_text("service.name", SPR_NUL, name, size, kReserveForLife);
}

// Semantic conventions: resource/process.md, resource/container.md. Not the command's arguments: they may be secrets.
void Resource::add_process() {
    const Scratch scratch(PATH_MAX);
    if (!scratch) return;
    char* const text = scratch.text();
    if (const size_t size = executable_path(text, scratch.size())) {
        const char* const slash = static_cast<const char*>(memrchr(text, '/', size));
        const char* const name = slash == nullptr ? text : slash + 1;
        add_text("process.executable.name", SPR_NUL, name, static_cast<size_t>(text + size - name));
        add_text("process.executable.path", SPR_NUL, text, size);
    }
    if (const size_t size = user_name(geteuid(), text, scratch.size())) add_text("process.owner", SPR_NUL, text, size);
    char id[kContainerIdSize];
    if (const size_t size = container_id(id)) add_text("container.id", SPR_NUL, id, size);
}

int Resource::build(const spr_provider_options& options) {
    size_ = source_ = dropped_ = 0;
    misread_ = false;
    const size_t schema_size = text_size(options.resource_schema_url, options.resource_schema_url_size);
    if (schema_size > kLargestSchema) return -E2BIG;
    schema_size_ = static_cast<uint32_t>(schema_size);
    if (schema_size != 0) memcpy(schema_, options.resource_schema_url, schema_size);

    bool fits = add_text("telemetry.sdk.name", SPR_NUL, "spanring", SPR_NUL) &&
                add_text("telemetry.sdk.version", SPR_NUL, spr_version(), SPR_NUL);
    if (options.service_name != nullptr) {
        const size_t size = text_size(options.service_name, options.service_name_size);
        if (size != 0) fits = fits && add_text("service.name", SPR_NUL, options.service_name, size);
    }
    begin_source();
    for (size_t i = 0; i < options.resource_attribute_count; ++i) {
        Attribute checked;
        if (!Attribute::check(options.resource_attributes[i], checked)) return -EINVAL;
        fits = fits && add(options.resource_attributes[i]);
    }
    // A binding says its own language in the options; an application's environment cannot.
    fits = fits && (has("telemetry.sdk.language") || add_text("telemetry.sdk.language", SPR_NUL, "cpp", SPR_NUL));
    if (!fits) return -E2BIG;
    begin_source();
    const char* service = getenv("OTEL_SERVICE_NAME");
    if (service != nullptr && *service != 0 && !add_text("service.name", SPR_NUL, service, SPR_NUL)) ++dropped_;
    begin_source();
    add_environment(getenv("OTEL_RESOURCE_ATTRIBUTES"));
    begin_source();
    add_process();
    if (!has("service.name")) add_unknown_service();
    return 0;
}

uint32_t Resource::finish(const uint8_t (&random)[16], uint8_t* to) const {
    memcpy(to, bytes_, size_);
    Memory memory{to + size_};
    const auto append = [&](const spr_attribute& from) {
        Attribute attribute;
        if (!has(from.key) && Attribute::check(from, attribute)) attribute.write(memory, kAttributes);
    };
    spr_attribute pid = {};
    pid.key = "process.pid";
    pid.key_size = SPR_NUL;
    pid.type = SPR_TYPE_INT64;
    pid.value.int64 = getpid();
    append(pid);
    constexpr uint8_t kNone[16] = {};
    if (memcmp(random, kNone, sizeof kNone) != 0) {
        char text[37];
        put_uuid(random, text);
        append(text_attribute("service.instance.id", SPR_NUL, text, 36));
    }
    if (dropped_ != 0) {
        memory.put_byte(tag(2, kVarint));  // resource.v1.Resource.dropped_attributes_count
        memory.at = put_varint(memory.at, dropped_);
    }
    if (schema_size_ != 0) memcpy(memory.at, schema_, schema_size_);
    return static_cast<uint32_t>(memory.at - to);
}

}  // namespace spanring::trace

// ---- lib/trace/process/sampler.cpp -----------------------------------------------------------------------------------

namespace spanring::trace {

using ring::SamplingDirective;

Sampler Sampler::parse(const char* name, const char* argument) {
    return choose(Variable::of(name), Variable::of(argument));
}

Sampler Sampler::choose(Variable name, Variable argument) {
    constexpr double kMostTracesASecond = 1e9;
    Sampler sampler;
    const bool is_said = name.is_set();
    const bool parent_based = name.take("parentbased_");
    double number = 1;
    if (name.is("always_on")) {
        sampler.own_ = {};
    } else if (name.is("always_off")) {
        sampler.own_ = SamplingDirective::ratio(0);
    } else if (name.is("traceidratio")) {
        sampler.misread_ = !argument.number(0, 1, number) && argument.is_set();
        sampler.own_ = SamplingDirective::ratio(number);
    } else if (name.is("ratelimiting") && argument.number(0, kMostTracesASecond, number)) {
        sampler.own_ = SamplingDirective::rate(number);  // not of the specification
    } else {                                             // ratelimiting without a rate as well
        sampler.misread_ = is_said;
        return sampler;
    }
    sampler.refuses_roots_ = sampler.own_ == SamplingDirective::ratio(0);
    sampler.ignores_parent_ = !parent_based;
    return sampler;
}

Sampler Sampler::from_environment() {
    return choose(Variable("OTEL_TRACES_SAMPLER"), Variable("OTEL_TRACES_SAMPLER_ARG"));
}

Sampler::Decision Sampler::decide(SamplingDirective directive, RateLimiter& limiter, uint64_t randomness,
                                  uint64_t now) const {
    const SamplingDirective rule = in_force(directive);
    switch (rule.kind) {
        case SamplingDirective::kNone: return {true, false, 0};
        case SamplingDirective::kRatio: return {randomness >= rule.threshold(), true, rule.threshold()};
        case SamplingDirective::kRate: return {limiter.admit(rule, now), false, 0};
    }
    return {true, false, 0};  // a kind that a later agent knows: as if nothing were ordered
}

}  // namespace spanring::trace

// ---- lib/trace/process/statistics.cpp --------------------------------------------------------------------------------

namespace spanring::trace {

using ring::Counter;
using ring::StdAtomics;

namespace {

uint64_t total(ring::SegmentView segment, Counter counter) {
    const uint32_t index = static_cast<uint32_t>(counter);
    const ring::WriterPage& page = segment.writer();
    uint64_t sum = StdAtomics::load(page.shared_line[index], std::memory_order_relaxed);
    // acquire: the lines are populated. Pairs with the release in Segment::counter_line(). Without it a page could be
    // touched that is not there yet.
    const uint32_t lines = StdAtomics::load(page.counter_lines, std::memory_order_acquire);
    for (uint32_t line = 0; line < lines; ++line)
        sum +=
            StdAtomics::load(segment.counter_line(line).values[index], std::memory_order_relaxed);  // exact when quiet
    return sum;
}

}  // namespace

void add_statistics(const Life& life, spr_statistics& statistics) {
    const ring::SegmentView segment = life.segment.view();
    if (!segment) return;
    statistics.started += total(segment, Counter::kStarted);
    statistics.ended += total(segment, Counter::kEnded);
    statistics.unsampled += total(segment, Counter::kUnsampled);
    statistics.not_started_slot += total(segment, Counter::kNotStartedSlot);
    statistics.not_started_nested += total(segment, Counter::kNotStartedNested);
    statistics.dropped_full += total(segment, Counter::kDroppedFull);
    statistics.dropped_too_big += total(segment, Counter::kDroppedTooBig);
    statistics.dropped_nested += total(segment, Counter::kDroppedNested);
    statistics.dropped_overwritten += total(segment, Counter::kDroppedOverwritten);
    statistics.refused_data += total(segment, Counter::kRefusedData);
    statistics.cut_texts += StdAtomics::load(life.cut_texts, std::memory_order_relaxed);
    statistics.given_back_bytes += StdAtomics::load(segment.writer().given_back, std::memory_order_relaxed);
    statistics.acknowledged += StdAtomics::load(segment.control().totals.acknowledged, std::memory_order_relaxed);
}

}  // namespace spanring::trace

// ---- lib/ring/chunk_reader.hpp ---------------------------------------------------------------------------------------

//
// The reader's side of one chunk: what is committed, whether that may be, taking it, giving it back. One thread of one
// agent. Nothing here trusts the word: it is loaded once into a local and compared with the reader's own copy of the
// last one. A word that breaks a rule is a result, never an assertion.
//
//     operation    chunk word                     with whom it may race
//     committed()  any                            the writer; only looks
//     take()       FULL -> TAKEN                  writers that overwrite (compare-exchange)
//     release()    FULL or TAKEN -> FREE          nobody: FULL is the agent's alone unless writers may overwrite, and
//                                                 then the agent frees only what it has taken

namespace spanring::ring {

enum class ChunkFault : uint8_t {
    kNone,
    kState,       // no state, or one that only the agent makes
    kLength,      // longer than the chunk
    kSpans,       // more spans than fit, or spans in a free chunk
    kShrunk,      // shorter, or fewer spans, than before
    kReopened,    // changed after it was full, or freed by somebody else
    kGeneration,  // moved without going through FREE
};

constexpr const char* describe(ChunkFault fault) {
    switch (fault) {
        case ChunkFault::kNone: return "sound";
        case ChunkFault::kState: return "a chunk is in a state that its writer cannot cause";
        case ChunkFault::kLength: return "a chunk is longer than its capacity";
        case ChunkFault::kSpans: return "a chunk counts more spans than fit into it";
        case ChunkFault::kShrunk: return "a chunk became shorter within one generation";
        case ChunkFault::kReopened: return "a finished chunk changed";
        case ChunkFault::kGeneration: return "a chunk's generation moved without the chunk being free";
    }
    return "an unknown fault";
}

// What can be said of a word without knowing the one before.
constexpr ChunkFault check_word(ChunkWord word, uint32_t capacity, bool overwrite) {
    if (static_cast<uint32_t>(word.state) > static_cast<uint32_t>(ChunkState::kEvicting)) return ChunkFault::kState;
    if (!overwrite && (word.state == ChunkState::kTaken || word.state == ChunkState::kEvicting))
        return ChunkFault::kState;
    if (word.length > capacity) return ChunkFault::kLength;
    if (uint64_t{word.spans} * kSmallestSpanRecord > word.length) return ChunkFault::kSpans;
    if (word.state == ChunkState::kFree && word.length != 0) return ChunkFault::kSpans;
    return ChunkFault::kNone;
}

// Whether the writers can have led the chunk from `last`, as the reader last saw or made it, to `now`. Several steps
// may lie between.
constexpr ChunkFault check_transition(ChunkWord last, ChunkWord now, uint32_t capacity, bool overwrite) {
    if (now == last) return ChunkFault::kNone;
    if (const ChunkFault fault = check_word(now, capacity, overwrite); fault != ChunkFault::kNone) return fault;
    // FREE and TAKEN are the agent's to make, and what it made is `last`.
    if (now.state == ChunkState::kFree) return ChunkFault::kReopened;
    if (now.state == ChunkState::kTaken || last.state == ChunkState::kTaken) return ChunkFault::kState;
    if (now.generation != last.generation) {
        if (overwrite) return ChunkFault::kNone;  // any number of rounds since
        const bool claimed =
            last.state == ChunkState::kFree && now.generation == ((last.generation + 1) & ChunkWord::kGenerationMask);
        return claimed ? ChunkFault::kNone : ChunkFault::kGeneration;
    }
    if (last.state == ChunkState::kFree) return ChunkFault::kGeneration;  // claimed without a new generation
    // A writer that evicts leaves the content whole until the generation moves; if it vanishes, the chunk is FULL
    // again.
    if (last.state == ChunkState::kFull || last.state == ChunkState::kEvicting) {
        const ChunkState other = last.state == ChunkState::kFull ? ChunkState::kEvicting : ChunkState::kFull;
        const bool whole = now == ChunkWord{other, last.generation, last.length, last.spans};
        return whole ? ChunkFault::kNone : ChunkFault::kReopened;
    }
    if (now.length < last.length || now.spans < last.spans) return ChunkFault::kShrunk;
    return ChunkFault::kNone;
}

// ---- The acknowledged mark ------------------------------------------------------------------------------------------
//
// The mark of a chunk says how much of which generation the agent is done with: a ChunkWord in state FREE. It is reset,
// before the chunk becomes FREE, to nothing of the *next* generation. So an agent that was killed between the reset and
// FREE leaves a mark that is one generation ahead of a full chunk, which says: everything of it is acknowledged, only
// FREE is missing. And a mark never says anything about a chunk of another generation.

constexpr ChunkWord mark_of(uint32_t generation, uint32_t length, uint32_t spans) {
    return {ChunkState::kFree, generation, length, spans};
}
constexpr ChunkWord reset_mark(uint32_t generation) {
    return mark_of((generation + 1) & ChunkWord::kGenerationMask, 0, 0);
}

// What of `word` is acknowledged. False: the mark is impossible (longer than the chunk).
constexpr bool acknowledged_part(ChunkWord mark, ChunkWord word, uint32_t& ret_length, uint32_t& ret_spans) {
    ret_length = ret_spans = 0;
    if (word.state == ChunkState::kFree) return true;
    if (mark.generation == word.generation) {
        ret_length = mark.length;
        ret_spans = mark.spans;
        return mark.length <= word.length && mark.spans <= word.spans;
    }
    if (is_complete(word.state) && mark == reset_mark(word.generation)) {
        ret_length = word.length;
        ret_spans = word.spans;
    }
    return true;
}

// ---- Access ---------------------------------------------------------------------------------------------------------

template <class Atomics = StdAtomics>
struct ChunkReader {
    static ChunkWord committed(const ChunkLine& line) {
        // acquire: the bytes below the length are there. Pairs with the release stores in ChunkWriter::commit(), seal()
        // and park(). Without it the agent can read a committed length over stale bytes.
        return ChunkWord::unpack(Atomics::load(line.word, std::memory_order_acquire));
    }

    // After bytes were copied out of an OPEN chunk that may since have been sealed and overwritten: whether they still
    // were those of `word`.
    static bool unchanged(ChunkLine& line, ChunkWord word) {
        // An exchange of nothing rather than a load: acq_rel puts the copy before it, and as a write it has its place
        // among the writers' (adding 0 takes nothing from them). Where it finds the old generation, the exchange that
        // begins the next one in ChunkWriter::overwrite(), and the bytes after that, come later. With a load, or
        // relaxed, it could be done before the copy and bytes of the next generation be taken for those of this one.
        return ChunkWord::unpack(Atomics::fetch_add(line.word, uint64_t{0}, std::memory_order_acq_rel)).generation ==
               word.generation;
    }

    // Overwrite mode: wins a FULL chunk against the writers. On success `word` is what it is now.
    static bool take(ChunkLine& line, ChunkWord& word) {
        uint64_t expected = word.pack();
        ChunkWord taken = word;
        taken.state = ChunkState::kTaken;
        // acquire: the bytes below the length, as in committed(). Pairs with the release in ChunkWriter::leave(), in
        // which a chunk becomes FULL; the word may have been written again since it was loaded. Without it the agent
        // could read stale bytes.
        if (!Atomics::compare_exchange(line.word, expected, taken.pack(), std::memory_order_acquire)) return false;
        word = taken;
        return true;
    }

    static ChunkWord mark(SegmentView segment, uint32_t chunk) {
        // acquire: an earlier agent's totals before its mark. Pairs with the releases in AckBook::store() and in
        // release() below. Without it a mark could be believed whose spans are in no total yet.
        return ChunkWord::unpack(Atomics::load(segment.chunk_mark(chunk), std::memory_order_acquire));
    }

    // The chunk's bytes are read and acknowledged, and nobody in the agent can still see them. Returns the new word.
    static ChunkWord release(SegmentView segment, uint32_t chunk, uint32_t generation) {
        // release: ordered before FREE. Pairs with the acquire in mark(). The other way round, an agent that is killed
        // between the two leaves a free chunk whose next content counts as acknowledged: it would be lost.
        Atomics::store(segment.chunk_mark(chunk), reset_mark(generation).pack(), std::memory_order_release);
        SPR_TESTPOINT(mark_reset);
        const ChunkWord free_word = {ChunkState::kFree, generation, 0, 0};
        // release: every read of the bytes, here or in an exporter that gave its pin back, comes before FREE. Pairs
        // with the acquire exchange in ChunkWriter::take(). Without it the next owner could overwrite what is being
        // read.
        Atomics::store(segment.chunk_line(chunk).word, free_word.pack(), std::memory_order_release);
        SPR_TESTPOINT(chunk_freed);
        // release: FREE before the count. Pairs with the acquire load in the writer's freed_mark(): a writer that sees
        // the count finds the chunk.
        Atomics::fetch_add(segment.control().freed, uint64_t{1}, std::memory_order_release);
        return free_word;
    }
};

}  // namespace spanring::ring

// ---- lib/trace/process/taken_over.cpp --------------------------------------------------------------------------------

namespace spanring::trace {

using ring::StdAtomics;

bool everything_is_taken_over(const ring::Segment& segment) {
    const ring::SegmentView view = segment.view();
    bool all = true;
    segment.each_chunk([&](uint32_t chunk) {
        // The word before the mark: a mark never goes back within a generation, and one of another says nothing.
        const ring::ChunkWord word = ring::ChunkReader<>::committed(view.chunk_line(chunk));
        uint32_t length, spans;
        if (word.spans != 0 && (!ring::acknowledged_part(ring::ChunkReader<>::mark(view, chunk), word, length, spans) ||
                                spans != word.spans))
            all = false;
    });
    if (!all) return false;
    // acquire: the totals of the marks above, which the agent stores between a mark and this. Pairs with the release in
    // AckBook::disarm(). Without it the statistics could be read from before.
    return StdAtomics::load(view.control().journal.armed, std::memory_order_acquire) == 0;
}

}  // namespace spanring::trace

// ---- lib/trace/process/thread_lives.cpp ------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

// A handler that traced meanwhile would change the lists.
class NoAttaching {
public:
    NoAttaching() : before_(thread_local_state.attaching) {
        thread_local_state.attaching = 1;
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread sees it set
    }
    ~NoAttaching() {
        std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing moves past the end of it
        thread_local_state.attaching = before_;
    }
    NoAttaching(const NoAttaching&) = delete;
    NoAttaching& operator=(const NoAttaching&) = delete;
    bool was() const { return before_ != 0; }

private:
    const uint32_t before_;
};

void give_up(ThreadState& state, bool in_a_call, bool may_unmap) {
    Life& life = *state.life;
    const bool rests = state.rests;
    life.release_thread(state, in_a_call);
    life.leave(!rests, may_unmap);
}

void put_aside(ThreadState*& state) {
    ThreadLocal& local = thread_local_state;
    ThreadState* const ended = state;
    ended->put_aside = local.sweeps;
    state = nullptr;
    local.last.forget();
    ended->older = local.left;
    std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler that forks sees the list whole
    local.left = ended;
}

}  // namespace

void ThreadLives::sweep(uint32_t kept, bool may_unmap) {
    ThreadLocal& local = thread_local_state;
    ++local.sweeps;
    for (ThreadState*& state : local.states)
        if (state != nullptr && state->life->has_ended()) put_aside(state);
    if (local.depth != 0) return;  // in the middle of a start or an end
    ThreadState** at = &local.left;
    while (*at != nullptr && local.sweeps - (*at)->put_aside < kept) {
        ThreadState& state = **at;
        if (!state.rests) state.life->rest(state);
        at = &state.older;
    }
    for (ThreadState* state = *at; state != nullptr;) {
        ThreadState& going = *state;
        *at = state = going.older;  // before it goes: a handler that forks does not find it
        std::atomic_signal_fence(std::memory_order_seq_cst);
        give_up(going, false, may_unmap);
    }
}

void ThreadLives::let_go() {
    const NoAttaching whole;
    if (!whole.was()) sweep(0, true);
}

void ThreadLives::leave_all(bool in_a_call) {
    ThreadLocal& local = thread_local_state;
    const NoAttaching whole;
    for (ThreadState*& state : local.states) {
        if (state == nullptr) continue;
        ThreadState* leaving = state;
        state = nullptr;  // a later destructor that traces begins anew, and comes here again
        give_up(*leaving, in_a_call, false);
    }
    while (ThreadState* leaving = local.left) {
        local.left = leaving->older;
        give_up(*leaving, in_a_call, false);
    }
    local.last.forget();
}

}  // namespace spanring::trace

// ---- lib/trace/base/key_hash.hpp -------------------------------------------------------------------------------------

//
// Which keys are there: as 64 bits of a filter, and as tags of sixteen bits, all compared at once. A clear bit, or no
// equal tag, proves that a key is new.
//
// Most spans that come to a slot have the keys of the one before, in the same order. So the tags that it left stay
// there: where the next one is the next key's, that is new if those before it were all found likewise, or written anew,
// for no two of them are equal. Behind one that is written comes 0, which is no key's: what lies beyond that is of
// other spans, and proves nothing.

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace spanring::trace {

// Of a key that is not empty: of its size and both its ends (client.address and server.address are of one length and
// end alike).
class KeyHash {
public:
    SPR_HOT_INLINE KeyHash(const char* key, size_t size) {
        uint64_t head = 0, tail = 0;
        if (size >= 8) [[likely]] {
            memcpy(&head, key, 8);
            memcpy(&tail, key + size - 8, 8);
        } else if (size >= 4) {  // both halves, which may overlap, with the last character on top as above
            uint32_t first, last;
            memcpy(&first, key, 4);
            memcpy(&last, key + size - 4, 4);
            tail = uint64_t{last} << 32 | first;
        } else if (size >= 2) {
            uint16_t first, last;
            memcpy(&first, key, 2);
            memcpy(&last, key + size - 2, 2);
            tail = uint64_t{last} << 48 | uint64_t{first} << 32;
        } else {
            tail = uint64_t{static_cast<uint8_t>(*key)} << 56;
        }
        // The golden ratio of 64 bits: each bit of the key reaches those above it, and tag and place in the filter are
        // the highest (Knuth, multiplicative hashing). Of keys that differ in their last two characters alone no two
        // have the same (but for the bit that all tags have). The head is turned, so that equal bytes at both ends do
        // not cancel out.
        bits_ = (((head << 23 | head >> 41) ^ tail) + size) * 0x9e3779b97f4a7c15;
    }

    // Shifts by a variable twice, so that each is one instruction where there are bt and bts.
    bool is_in(uint64_t filter) const { return (filter >> (bits_ >> 58) & 1) != 0; }
    uint64_t added_to(uint64_t filter) const { return filter | uint64_t{1} << (bits_ >> 58); }
    uint16_t tag() const { return static_cast<uint16_t>(bits_ >> 48 | 1); }  // never 0, nor even
    // added_to() for the key of that tag.
    static uint64_t tag_added_to(uint64_t filter, uint16_t tag) { return filter | uint64_t{1} << (tag >> 10); }

private:
    uint64_t bits_;
};

// The tags of a slot, from the last place down. The first place has none: what is behind the last tag.
inline constexpr uint32_t kTags = 24;

// Written where the tag was not foreseen, in one store: at no instant does what was left follow on a new one.
inline void put_tag(uint16_t* tags, size_t place, uint16_t tag) {
    const uint32_t both = uint32_t{tag} << 16;
    memcpy(tags + place - 1, &both, sizeof both);
}

// One that another key of the span has, too. It is found, but does not foresee: without its lowest bit.
inline void put_second_tag(uint16_t* tags, size_t place, uint16_t tag) { put_tag(tags, place, tag & ~1u); }

// Which of the tags are that one, a bit each.
inline uint32_t equal_tags(const uint16_t* tags, uint16_t tag) {
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi16(static_cast<int16_t>(tag)), lowest = _mm_set1_epi16(1);
    const auto equal = [&](uint32_t part) {
        const __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tags) + part);
        return _mm_cmpeq_epi16(_mm_or_si128(some, lowest), wanted);
    };
    static_assert(kTags == 3 * 8);
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal(0), equal(1)))) |
           static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal(2), _mm_setzero_si128()))) << 16;
#else
    uint32_t equal = 0;
    for (uint32_t i = 0; i < kTags; ++i) equal |= uint32_t{(tags[i] | 1u) == tag} << i;
    return equal;
#endif
}

class KeyFilter {
public:
    bool may_have(const char* key, size_t size) const { return KeyHash(key, size).is_in(bits_); }
    void add(const char* key, size_t size) { bits_ = KeyHash(key, size).added_to(bits_); }

private:
    uint64_t bits_ = 0;
};

}  // namespace spanring::trace

// ---- lib/trace/base/attribute_list.hpp -------------------------------------------------------------------------------

//
// The attributes of an event, a link or a scope: two lists of the caller read as one, without what is invalid and what
// is over the limit, and of equal keys the last value, as with a span's attributes set one by one. Nothing is
// allocated: what becomes of an attribute is found out twice, to measure and to write. Comparisons grow with count
// times what is kept, but only from the first key on that may be there twice.

namespace spanring::trace {

struct AttributeRange {
    const spr_attribute* attributes;
    size_t count;
};

class AttributeList {
public:
    AttributeList() = default;
    AttributeList(AttributeRange first, AttributeRange second, uint32_t count_limit, LengthLimit length_limit)
        : first_(whole(first)), second_(whole(second)), length_limit_(length_limit) {
        KeyFilter filter;
        uint32_t kept = 0;
        for (size_t i = 0; i < count() && size_ <= ring::kSlotDataMax; ++i) {
            Attribute attribute;
            if (!read(i, attribute)) {
                ++dropped_;
            } else if (filter.may_have(attribute.key, attribute.key_size) && find(attribute, 0, i < end_ ? i : end_)) {
                again_ = true;
            } else if (kept == count_limit) {
                if (end_ == kNoEnd) end_ = i;
                ++dropped_;
            } else {
                filter.add(attribute.key, attribute.key_size);
                ++kept;
                size_ += attribute.field_size();
            }
        }
        if (!again_) return;
        size_ = 0;
        each([&](const Attribute& attribute) { size_ += attribute.field_size(); });
    }

    uint64_t size() const { return size_; }  // bytes of all fields; over ring::kSlotDataMax it fits nowhere
    uint32_t dropped() const { return dropped_; }

    template <class Sink>
    void write(Sink& sink, uint8_t field) const {
        each([&](const Attribute& attribute) { attribute.write(sink, field); });
    }

private:
    static constexpr size_t kNoEnd = ~size_t{0};

    static AttributeRange whole(AttributeRange range) {
        return range.attributes == nullptr ? AttributeRange{nullptr, 0} : range;
    }
    size_t count() const { return first_.count + second_.count; }
    bool read(size_t i, Attribute& ret) const {
        const spr_attribute& from = i < first_.count ? first_.attributes[i] : second_.attributes[i - first_.count];
        return Attribute::check(from, ret, length_limit_);
    }
    // Whether an attribute in [begin, end) has the key.
    bool find(const Attribute& attribute, size_t begin, size_t end) const {
        for (size_t i = begin; i < end; ++i) {
            Attribute other;
            if (read(i, other) && other.key_size == attribute.key_size &&
                memcmp(other.key, attribute.key, other.key_size) == 0)
                return true;
        }
        return false;
    }
    // A key that occurs in front of end_ is kept, wherever its last value is.
    template <class Visit>
    void each(Visit&& visit) const {
        for (size_t i = 0; i < (again_ || end_ == kNoEnd ? count() : end_); ++i) {
            Attribute attribute;
            if (!read(i, attribute)) continue;
            if (again_ && ((i >= end_ && !find(attribute, 0, end_)) || find(attribute, i + 1, count()))) continue;
            visit(attribute);
        }
    }

    AttributeRange first_ = {nullptr, 0};
    AttributeRange second_ = {nullptr, 0};
    LengthLimit length_limit_;
    size_t end_ = kNoEnd;  // of the first attribute that was over the limit
    bool again_ = false;   // a key is there twice
    uint32_t dropped_ = 0;
    uint64_t size_ = 0;
};

}  // namespace spanring::trace

// ---- lib/trace/process/tracer_table.cpp ------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

using ring::StdAtomics;

constexpr uint32_t kLargestPart = 4096;  // of a scope: name, version, schema URL, attributes
constexpr int kPatience = 1000;          // yields for a tracer that another thread is making at this moment

// Of a segment, which may be a hole. False: there is no memory.
bool populate(uint8_t* bytes, uint32_t size) {
    const auto before = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(bytes) % ring::kPage);
    const uint64_t pages = (before + size + ring::kPage - 1) / ring::kPage;
    return ring::populate(bytes - before, pages * ring::kPage) == 0;
}

// FNV-1a (Fowler, Noll and Vo).
uint32_t hash_of(const uint8_t* bytes, uint32_t size) {
    uint32_t hash = 0x811c9dc5;
    for (uint32_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x01000193;
    return hash;
}

}  // namespace

spr_tracer* TracerPool::take() {
    for (;;) {
        const uint32_t limit = more_.limit();
        spr_tracer* const tracer = take(limit);
        if (tracer != nullptr || !more_.add(limit)) return tracer;
    }
}

spr_tracer* TracerPool::take(uint32_t limit) {
    for (uint32_t i = 0; i < limit; ++i) {
        spr_tracer& tracer = at(StdAtomics::fetch_add(next_, uint32_t{1}, std::memory_order_relaxed) % limit);
        uint32_t expected = 0;
        // acquire: after it was given back. Pairs with the release in give(). Without it the tracer could be spent
        // after it was filled in.
        if (StdAtomics::compare_exchange(tracer.taken, expected, uint32_t{1}, std::memory_order_acquire))
            return &tracer;
    }
    return nullptr;
}

void TracerPool::give(spr_tracer& tracer, Provider& spent) {
    // release: for a start that finds it spent nothing is to be seen; in a Provider::prepare() it pairs with the gate.
    __atomic_store_n(&tracer.provider, &spent, __ATOMIC_RELEASE);
    // release: pairs with the acquire in take(), which says what breaks.
    StdAtomics::store(tracer.taken, uint32_t{0}, std::memory_order_release);
}

void TracerTable::open(Provider& provider, bool may_map) {
    provider_ = &provider;
    may_map_ = may_map;
    used_ = ring::kScopeBytesOffset;
    for (ring::ScopeEntry& entry : entries_) entry.ready = 0;
    for (spr_tracer*& tracer : tracers_) tracer = nullptr;
}

void TracerTable::close(Provider& spent) {
    const auto give = [&](spr_tracer*& tracer) {
        if (tracer != nullptr) process.tracers.give(*tracer, spent);
        tracer = nullptr;
    };
    for (spr_tracer*& tracer : tracers_) give(tracer);
    if (more_ == nullptr) return;
    for (spr_tracer*& tracer : more().tracers) give(tracer);
    unmap();
}

void TracerTable::unmap() {
    if (more_ != nullptr) munmap(more_, sizeof(More));
    more_ = nullptr;
}

void TracerTable::after_fork() {
    const auto made = static_cast<uint32_t>(used_ >> 32);
    for (uint32_t i = 0; i < made && (i < kFirst || more_ != nullptr); ++i) {
        if (entry(i).ready != 0) continue;
        entry(i).offset = i < kFirst ? ring::kScopeBytesOffset : ring::kMoreScopeBytes;
        entry(i).scope_size = entry(i).schema_size = 0;
        entry(i).ready = 1;
    }
}

// False: whoever makes it does not go on, and it is passed over.
bool TracerTable::becomes_ready(uint32_t i) {
    for (int patience = kPatience; patience > 0; --patience) {
        // acquire: the entry and its bytes. Pairs with the release in get(). Without it half a scope could be compared.
        if (StdAtomics::load(entry(i).ready, std::memory_order_acquire) != 0) return true;
        sched_yield();
    }
    return false;
}

bool TracerTable::is(uint32_t i, const Encoded& scope) {
    const ring::ScopeEntry& entry = this->entry(i);
    return entry.scope_size == scope.scope_size && entry.schema_size == scope.schema_size &&
           memcmp(bytes(entry.offset), scope.bytes, scope.scope_size + scope.schema_size) == 0;
}

// Puts a ready entry into the table, in which all before it are; any number of threads at once do that.
void TracerTable::index(uint32_t i) {
    const ring::ScopeEntry& entry = this->entry(i);
    const auto number = static_cast<uint16_t>(i + 1);
    for (uint32_t at = hash_of(bytes(entry.offset), entry.scope_size + entry.schema_size);; ++at) {
        uint16_t there = 0;
        // release: that the entry is ready. Pairs with the acquire in find(). Without it half a scope could be
        // compared.
        if (StdAtomics::compare_exchange(more().table[at % kTableSize], there, number, std::memory_order_release) ||
            there == number)
            break;
    }
    uint32_t before = i - kFirst;
    // release: its place in the table, taken by this thread or seen. Pairs with the acquire in find(). Without it the
    // entry could be looked for in the table before it is there, and be made once more.
    StdAtomics::compare_exchange(more().indexed, before, i - kFirst + 1, std::memory_order_release);
}

// Of the first entries each is compared; of the others those of its hash, and those that nobody has put into the table
// since they were made, which is done on this occasion.
spr_tracer* TracerTable::find(const Encoded& scope, uint32_t entries) {
    for (uint32_t i = 0; i < entries && i < kFirst; ++i)
        if (becomes_ready(i) && is(i, scope)) return tracer(i);
    if (entries <= kFirst) return nullptr;
    // acquire: that so many are in the table. Pairs with the release in index(), which says what breaks.
    const uint32_t indexed = StdAtomics::load(more().indexed, std::memory_order_acquire);
    for (uint32_t at = hash_of(scope.bytes, scope.scope_size + scope.schema_size);; ++at) {
        // acquire: that the entry is ready. Pairs with the release in index(), which says what breaks.
        const uint16_t number = StdAtomics::load(more().table[at % kTableSize], std::memory_order_acquire);
        if (number == 0) break;
        if (is(number - 1u, scope)) return tracer(number - 1u);
    }
    bool all_before = true;
    for (uint32_t i = kFirst + indexed; i < entries; ++i) {
        const bool ready = becomes_ready(i);
        all_before = all_before && ready;
        if (all_before) index(i);
        if (ready && is(i, scope)) return tracer(i);
    }
    return nullptr;
}

int TracerTable::get(const spr_tracer_options& options, spr_tracer** ret_tracer) {
    const size_t name_size = text_size(options.name, options.name_size);
    const size_t version_size = text_size(options.version, options.version_size);
    const size_t schema_url_size = text_size(options.schema_url, options.schema_url_size);
    const AttributeList attributes({nullptr, 0}, {options.attributes, options.attribute_count}, ~uint32_t{0},
                                   LengthLimit{});
    if (name_size > kLargestPart || version_size > kLargestPart || schema_url_size > kLargestPart ||
        attributes.size() > kLargestPart)
        return -ENOSPC;
    if (attributes.dropped() != 0) return -EINVAL;

    // common.v1.InstrumentationScope: name 1, version 2, attributes 3; ScopeSpans: scope 1, schema_url 3.
    constexpr size_t kHeads = 32;
    const size_t room = kHeads + name_size + version_size + attributes.size() + schema_url_size;
    uint8_t small[512];
    const Scratch large(room <= sizeof small ? 0 : room);
    uint8_t* const encoded = room <= sizeof small ? small : large.bytes();
    if (encoded == nullptr) return -ENOMEM;
    const auto put_text = [](uint8_t* to, uint8_t field, const char* text, size_t size) {
        if (size == 0) return to;
        *to++ = field;
        to = put_varint(to, size);
        memcpy(to, text, size);
        return to + size;
    };
    const auto field_size = [](size_t size) {
        return size == 0 ? 0 : 1 + varint_size(size) + static_cast<uint32_t>(size);
    };
    uint8_t* end = encoded;
    *end++ = tag(1, kBytes);
    end = put_varint(end, field_size(name_size) + field_size(version_size) + attributes.size());
    end = put_text(end, tag(1, kBytes), options.name, name_size);
    end = put_text(end, tag(2, kBytes), options.version, version_size);
    Memory memory{end};
    attributes.write(memory, tag(3, kBytes));
    end = memory.at;
    const uint32_t scope_size = static_cast<uint32_t>(end - encoded);
    end = put_text(end, tag(3, kBytes), options.schema_url, schema_url_size);
    const uint32_t size = static_cast<uint32_t>(end - encoded);

    // acquire: `more_`, where it is used. Pairs with the release below. Without it find() could look for what is not to
    // be seen yet. It orders what it reads entry by entry.
    uint64_t used = StdAtomics::load(used_, std::memory_order_acquire);
    uint32_t index;
    uint32_t offset;
    spr_tracer* tracer = nullptr;
    for (;;) {
        index = static_cast<uint32_t>(used >> 32);
        offset = static_cast<uint32_t>(used);
        spr_tracer* const there = find({encoded, scope_size, size - scope_size}, index);
        if (!ring::is_scope_place(offset, size) && offset < ring::kMoreScopeBytes) offset = ring::kMoreScopeBytes;
        bool fits = index < ring::kScopeEntries && ring::is_scope_place(offset, size);
        if (index >= kFirst || offset >= ring::kMoreScopeBytes)
            fits = fits && (there != nullptr || (may_map_ && map_once(more_, sizeof(More))));
        if (there == nullptr && fits && tracer == nullptr) tracer = process.tracers.take();
        if (there != nullptr || !fits || tracer == nullptr) {
            if (tracer != nullptr) process.tracers.give(*tracer, process.spent);
            if (there == nullptr) return -ENOSPC;
            *ret_tracer = there;
            return 0;
        }
        // release: as above.
        if (StdAtomics::compare_exchange(used_, used, uint64_t{index + 1} << 32 | (offset + size),
                                         std::memory_order_release))
            break;
        used = StdAtomics::load(used_, std::memory_order_acquire);  // as above
    }
    memcpy(bytes(offset), encoded, size);
    ring::ScopeEntry& entry = this->entry(index);
    entry.offset = offset;
    entry.scope_size = scope_size;
    entry.schema_size = size - scope_size;
    this->tracer(index) = tracer;
    // relaxed, before the provider: whoever has an older handle of the same tracer may be looking.
    StdAtomics::store(tracer->published, uint32_t{0}, std::memory_order_relaxed);
    StdAtomics::store(tracer->scope, index + 1, std::memory_order_relaxed);
    // release: scope and provider. Pairs with the acquire in the start of a span, for a thread that got the tracer by
    // other means than this call's return. Without it the provider could be found before it was opened.
    __atomic_store_n(&tracer->provider, provider_, __ATOMIC_RELEASE);
    // release: publishes entry, bytes and tracer. Pairs with the acquires in find(). Without it half a scope could be
    // compared, and a tracer handed out that is not filled in.
    StdAtomics::store(entry.ready, uint32_t{1}, std::memory_order_release);
    *ret_tracer = tracer;
    return 0;
}

bool TracerTable::publish(spr_tracer& tracer, ring::SegmentView segment, uint32_t life) {
    const uint32_t index = tracer.scope - 1;
    const ring::ScopeEntry& from = entry(index);
    ring::ScopeEntry& to = segment.scope(index);
    const uint32_t size = from.scope_size + from.schema_size;
    if (index >= kFirst && !populate(reinterpret_cast<uint8_t*>(&to), sizeof to)) return false;
    if (from.offset >= ring::kMoreScopeBytes && !populate(segment.scope_bytes(from.offset), size)) return false;
    // relaxed, single bytes and words: threads that publish at once store the same; the release below orders each
    // one's.
    uint8_t* const place = segment.scope_bytes(from.offset);
    const uint8_t* const own = bytes(from.offset);
    for (uint32_t i = 0; i < size; ++i) StdAtomics::store(place[i], own[i], std::memory_order_relaxed);
    StdAtomics::store(to.offset, from.offset, std::memory_order_relaxed);
    StdAtomics::store(to.scope_size, from.scope_size, std::memory_order_relaxed);
    StdAtomics::store(to.schema_size, from.schema_size, std::memory_order_relaxed);
    // release: publishes the entry and its bytes. Pairs with the acquire of `ready` in the agent's ScopeReader. Without
    // it the agent could find a span whose scope is not there yet.
    StdAtomics::store(to.ready, uint32_t{1}, std::memory_order_release);
    ring::WriterPage& page = segment.writer();
    uint32_t scopes = StdAtomics::load(page.scopes, std::memory_order_relaxed);  // informational; ready decides
    while (scopes < index + 1 &&
           !StdAtomics::compare_exchange(page.scopes, scopes, index + 1, std::memory_order_relaxed)) {
    }
    // A number for whoever looks: the end of them, or all of the first region and how far the other is used.
    const uint32_t end = from.offset + size - ring::kScopeBytesOffset;
    uint32_t seen = StdAtomics::load(page.scope_bytes, std::memory_order_relaxed);
    while (seen < end && !StdAtomics::compare_exchange(page.scope_bytes, seen, end, std::memory_order_relaxed)) {
    }
    // release: a thread that finds it published may commit spans of this scope. Pairs with the acquire in the start of
    // a span. Without it the agent could find such a span before the scope.
    StdAtomics::store(tracer.published, life, std::memory_order_release);
    return true;
}

}  // namespace spanring::trace

// ---- lib/trace/process/unloading.cpp ---------------------------------------------------------------------------------

//
// How an unloading is told from exit(). Both run the object's destructor functions and its exit handlers, in another
// order:
//
//     dlclose()    destructor functions, then exit handlers
//     exit()       exit handlers, then destructor functions
//
// An exit handler that is registered as the object is loaded is the last of it: static objects of a plugin, which may
// trace in their destructors or join a thread that does, have come to their end before.

namespace spanring::trace {
namespace {

using ring::StdAtomics;

constinit pthread_key_t g_key = 0;
constinit uint32_t g_has_key = 0;  // atomic
void (*g_give_back)() = nullptr;
constinit bool g_at_exit = false;    // the exit handler has run, in exit()
constinit bool g_unloading = false;  // a destructor function has run

void delete_key() {
    // relaxed: a thread that is just being watched goes on with a key that is not there, which the C library refuses.
    if (StdAtomics::load(g_has_key, std::memory_order_relaxed) == 0) return;
    StdAtomics::store(g_has_key, uint32_t{0}, std::memory_order_relaxed);
    pthread_key_delete(g_key);
}

void handle_exit() {
    g_at_exit = !g_unloading;
    if (g_at_exit || g_give_back == nullptr) return;
    delete_key();
    g_give_back();
}

// 101: before the constructors that a program may have, so that the handler runs after theirs.
[[gnu::constructor(101)]] void load() { atexit(handle_exit); }

[[gnu::destructor]] void unload() {
    g_unloading = true;
    // The end of exit(), or a dlclose() in another's exit handler: then the code goes, and so must the key.
    if (g_at_exit) delete_key();
}

}  // namespace

int Unloading::prepare(void (*thread_ends)(void*), void (*give_back)()) {
    if (StdAtomics::load(g_has_key, std::memory_order_relaxed) != 0) return 0;  // what came after it failed
    if (const int error = pthread_key_create(&g_key, thread_ends)) return -error;
    g_give_back = give_back;
    StdAtomics::store(g_has_key, uint32_t{1}, std::memory_order_relaxed);  // published with what the caller prepares
    return 0;
}

void Unloading::watch_thread() {
    if (StdAtomics::load(g_has_key, std::memory_order_relaxed) != 0) pthread_setspecific(g_key, &g_key);  // not null
}

}  // namespace spanring::trace

// ---- lib/trace/propagation/header_text.hpp ---------------------------------------------------------------------------

//
// Reading header values: what tracestate, baggage and lists in environment variables have in common. Views into memory
// of the caller; nothing here can throw.

namespace spanring::trace {

// A caller's pointer and length. Without a pointer it is empty.
inline std::string_view view_of(const char* text, size_t size) { return {text, text_size(text, size)}; }

inline std::string_view view_of(const spr_text& text) { return {text.data, text.data != nullptr ? text.size : 0}; }

// RFC 9110, section 5.6.3.
inline bool is_optional_space(char c) { return c == ' ' || c == '\t'; }

inline std::string_view trim(std::string_view text) {
    while (!text.empty() && is_optional_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_optional_space(text.back())) text.remove_suffix(1);
    return text;
}

inline std::string_view between(const char* begin, const char* end) {
    return {begin, static_cast<size_t>(end - begin)};
}

// Where c is in the text; the text's end if it is not in it.
inline const char* find(std::string_view text, char c) {
    const char* end = text.data() + text.size();
    const void* found = text.empty() ? nullptr : memchr(text.data(), c, text.size());
    return found != nullptr ? static_cast<const char*>(found) : end;
}

// What is before the separator; the rest is what is after it. The last piece leaves a rest without data, so that
// `while (rest.data() != nullptr)` sees every piece, empty ones too.
inline std::string_view take_piece(std::string_view& rest, char separator) {
    const char* const end = rest.data() + rest.size();
    const char* const at = find(rest, separator);
    const std::string_view piece = between(rest.data(), at);
    rest = at == end ? std::string_view() : between(at + 1, end);
    return piece;
}

// Walks over the pieces of a list from a place on that the caller keeps between two calls.
class Pieces {
public:
    Pieces(std::string_view list, char separator, size_t& cursor)
        : list_(list), separator_(separator), cursor_(cursor) {}

    bool next() {
        if (cursor_ >= list_.size()) return false;
        std::string_view rest = between(list_.data() + cursor_, list_.data() + list_.size());
        piece_ = take_piece(rest, separator_);
        cursor_ = rest.data() != nullptr ? static_cast<size_t>(rest.data() - list_.data()) : list_.size();
        return true;
    }
    std::string_view piece() const { return piece_; }

private:
    std::string_view list_, piece_;
    const char separator_;
    size_t& cursor_;
};

// Members of a comma-separated list; empty ones do not count.
inline size_t count_members(std::string_view list) {
    size_t count = 0;
    while (list.data() != nullptr) count += !trim(take_piece(list, ',')).empty();
    return count;
}

// The next member of a list that is well formed, from *cursor on: 1, 0 at the end, or -EINVAL.
template <class Member>
int next_member(std::string_view list, char separator, size_t* cursor, spr_member* ret_member) {
    if (cursor == nullptr || ret_member == nullptr) return -EINVAL;
    Pieces pieces(list, separator, *cursor);
    Member member;
    while (pieces.next()) {
        if (!Member::parse(pieces.piece(), member)) continue;
        *ret_member = {member.key.data(), member.key.size(), member.value.data(), member.value.size(), nullptr, 0};
        if constexpr (Member::kHasProperties) {
            ret_member->properties = member.properties.data();
            ret_member->properties_size = member.properties.size();
        }
        return 1;
    }
    return 0;
}

}  // namespace spanring::trace

// ---- lib/trace/propagation/context.hpp -------------------------------------------------------------------------------

namespace spanring::trace {

// Specification: trace/api.md, IsValid: both ids are not zero.
inline bool is_valid(const spr_context& context) {
    uint64_t trace[2], span;
    memcpy(trace, context.trace_id, sizeof trace);
    memcpy(&span, context.span_id, sizeof span);
    return (trace[0] | trace[1]) != 0 && span != 0;
}

// A context that came from another process; ids as they lie in memory.
inline void set_remote(spr_context& context, const uint64_t (&trace)[2], uint64_t span, uint64_t flags) {
    static_assert(offsetof(spr_context, trace_flags) == 24 && offsetof(spr_context, is_remote) == 25);
    const uint64_t words[] = {trace[0], trace[1], span, flags | 1 << 8};
    static_assert(sizeof words == sizeof context);
    memcpy(&context, words, sizeof words);
}

inline bool is_same_trace(const spr_context& a, const spr_context& b) {
    return memcmp(a.trace_id, b.trace_id, sizeof a.trace_id) == 0;
}

// What spr_token::reserved holds: the address of what spr_context_attach_with() attached here or further out, which is
// handed on from token to token, so that attaching a context costs one word more and finding out that nothing is there
// one load; and in the bits that an address leaves free what is said of spans.
struct TokenBits {
    static constexpr uint64_t kSpan = 1;             // the token is an spr_span_token's; not handed on
    static constexpr uint64_t kKeepsTraceState = 2;  // a span that keeps one is attached here or further out
    static constexpr uint64_t kAddress = ~uint64_t{3};
    static_assert(alignof(spr_propagated) >= 4);
};

// HOT. Whether a span that starts under it may inherit a trace state.
inline bool may_inherit(const spr_token* top) { return top != nullptr && (top->reserved & ~TokenBits::kSpan) != 0; }

// It is the caller's, and stays until its detach.
inline const spr_propagated* attached_to(const spr_token* token) {
    return token == nullptr
               ? nullptr
               : reinterpret_cast<const spr_propagated*>(static_cast<uintptr_t>(token->reserved & TokenBits::kAddress));
}

// What is attached, if its trace state is that of spans with this parent; nullptr: nothing is, or it is not.
inline const spr_propagated* attached_to_trace(const spr_token* token, const spr_context& parent) {
    const spr_propagated* attached = attached_to(token);
    return attached != nullptr && is_same_trace(attached->context, parent) ? attached : nullptr;
}
inline std::string_view attached_trace_state(const spr_token* token, const spr_context& parent) {
    const spr_propagated* attached = attached_to_trace(token, parent);
    return attached != nullptr ? view_of(attached->trace_state) : std::string_view();
}

}  // namespace spanring::trace

// ---- lib/trace/propagation/attached_span.hpp -------------------------------------------------------------------------

//
// Spans that are attached to this thread, among the tokens of contexts; and the trace state that a span keeps, which is
// in its slot and nowhere else.

namespace spanring::trace {

// Of the context that is attached: the span of the innermost token with its ids. nullptr: only a context is attached.
const spr_span* attached_span(const spr_token* top);

// Where kept trace states are copied to. What is longer loses its last members.
using TraceStateRoom = char[SPR_TRACESTATE_SIZE];

// HOT. What the span was started with; empty where there was none, or the span is no longer open.
std::string_view kept_trace_state(const spr_span& span, TraceStateRoom& room);

// HOT. That of the innermost attached span of the trace that keeps one.
std::string_view kept_trace_state(const spr_token* top, const spr_context& of_trace, TraceStateRoom& room);

}  // namespace spanring::trace

// ---- lib/ring/slot_data.hpp ------------------------------------------------------------------------------------------

//
// The data of an open span: a byte string in one piece, in the slot or in one of its blocks. SlotData finds it,
// SlotWriter appends to it. Used by whoever holds the span; nothing here is shared between threads.
//
//     grow         take a larger block | its number in the slot | copy | append | word: place and length
//
// A block stays with its slot until the span has ended, and beyond that in the hands of the thread that keeps the slot
// for its next span: who still writes into a smaller one, against the rules, harms no other span.

namespace spanring::ring {

// Where the data lies, by a word of the slot. nullptr: nowhere any more (the span has ended, against the rules).
inline uint8_t* data_of(SegmentView view, Slot& slot, SlotWord word) {
    if (word.place == 0) [[likely]]
        return slot.data;
    if (word.place > kBlockClasses) [[unlikely]]
        return view.huge((word.place - kBlockClasses - 1) % kHugeBlocks);
    const uint32_t block = slot.blocks[(word.place - 1) % kBlockClasses];
    return block == 0 ? nullptr : view.block(block - 1);
}

class SlotWriter {
public:
    SlotWriter(Segment& segment, Slot& slot, SlotWord word)
        : segment_(segment), slot_(slot), word_(word), data_(data_of(segment.view(), slot, word)) {}

    uint32_t position() const { return word_.length; }

    // Makes room for that many more bytes. False: the span's maximum, or no block is free; nothing changed for the
    // reader.
    bool reserve(uint32_t bytes) {
        if (bytes > kSlotDataMax - word_.length || data_ == nullptr) return false;
        return word_.length + bytes <= data_capacity(word_.place) || grow(word_.length + bytes);
    }

    // Where the next bytes go, in one piece, as many as are reserved; then advance().
    uint8_t* next() const { return data_ + word_.length; }
    void advance(uint32_t bytes) { word_.length += bytes; }

    void put(const void* bytes, uint32_t size) {
        if (size != 0) memcpy(next(), bytes, size);  // of nothing, too
        advance(size);
    }
    void put_byte(uint8_t byte) {
        *next() = byte;
        advance(1);
    }

    // Everything written so far becomes part of the open span.
    void publish() {
        word_.state = SlotState::kOpen;
        // release: the bytes before the length, and a larger block's number and bytes before the place that names it,
        // for whoever reads the slot after this process died. SIGKILL lands between two instructions, so program order
        // is what counts. Pairs with the acquire in Recovery::settle_slot(). Without it the compiler could store a
        // length before its bytes.
        StdAtomics::store(slot_.word, word_.pack(), std::memory_order_release);
        SPR_TESTPOINT(field_published);
    }

private:
    [[gnu::noinline]] bool grow(uint32_t size) {
        for (uint32_t place = word_.place + 1; place <= kBlockClasses; ++place) {
            if (data_capacity(place) < size) continue;
            uint32_t& block = slot_.blocks[place - 1];
            if (block == 0 || block == kHugeMark) {  // none that an earlier span left
                const uint32_t taken = segment_.take_block(place);
                if (taken == Segment::kNone) continue;  // a larger one will do
                // relaxed: published with the word that names it.
                StdAtomics::store(block, taken + 1, std::memory_order_relaxed);
            }
            SPR_TESTPOINT(block_taken);
            move(segment_.view().block(block - 1), place);
            return true;
        }
        const uint32_t huge =
            size > data_capacity(kBlockClasses) ? segment_.take_huge_block(slot_, size) : Segment::kNone;
        if (huge == Segment::kNone) return false;
        SPR_TESTPOINT(huge_block_taken);
        move(segment_.view().huge(huge), huge + kBlockClasses + 1);
        return true;
    }

    [[gnu::always_inline]] void move(uint8_t* data, uint32_t place) {
        memcpy(data, data_, word_.length);
        data_ = data;
        word_.place = place;
        SPR_TESTPOINT(data_copied);
    }

    Segment& segment_;
    Slot& slot_;
    SlotWord word_;
    uint8_t* data_;
};

}  // namespace spanring::ring

// ---- lib/trace/propagation/context_tail.hpp --------------------------------------------------------------------------

//
// The last eight bytes of an spr_context as one number, so that a start writes them at once: flags, whether it is
// remote, and in `sampling` the rejection threshold by which its trace was sampled, which its trace state tells the
// others:
//
//     bits  0-7   trace flags
//           8-15  is_remote
//          16     a threshold is known
//          17     the span keeps a trace state: of this span alone, its children have bits of their own
//          20-63  the threshold, its upper 44 of 56 bits (RejectionThreshold::kDigits says that the rest is zero)

namespace spanring::trace {

struct ContextTail {
    static constexpr uint64_t kKnown = uint64_t{1} << 16;
    static constexpr uint64_t kKeepsTraceState = uint64_t{1} << 17;
    static constexpr uint64_t kSampling = ~uint64_t{0xffff} & ~kKeepsTraceState;  // what a child takes over
    static_assert(offsetof(spr_context, trace_flags) == 24 && offsetof(spr_context, sampling) == 26 &&
                  sizeof(spr_context) == 32);
    static_assert(4 * ring::RejectionThreshold::kDigits == 44);

    static uint64_t read(const spr_context& context) {
        uint64_t tail;
        memcpy(&tail, reinterpret_cast<const uint8_t*>(&context) + offsetof(spr_context, trace_flags), sizeof tail);
        return tail;
    }
    static void write(spr_context& context, uint64_t tail) {
        memcpy(reinterpret_cast<uint8_t*>(&context) + offsetof(spr_context, trace_flags), &tail, sizeof tail);
    }

    static constexpr uint64_t of_threshold(uint64_t threshold) { return kKnown | threshold >> 12 << 20; }
    static constexpr bool has_threshold(uint64_t tail) { return (tail & kKnown) != 0; }
    static constexpr uint64_t threshold(uint64_t tail) { return tail >> 20 << 12; }
};
static_assert(ContextTail::threshold(ContextTail::of_threshold(ring::RejectionThreshold::of(0.3))) ==
              ring::RejectionThreshold::of(0.3));

}  // namespace spanring::trace

// ---- lib/trace/propagation/thread_context.hpp ------------------------------------------------------------------------

//
// The thread context (OTEP 4947): a thread-local pointer, otel_thread_ctx_v1, at a record of the innermost attached
// context, for a profiler that stops the thread and looks. docs/profilers.md has the layout.
//
// A record lies in the token of its context, is complete before the pointer can name it, and is never changed
// afterwards. So one store of a pointer moves from one to the other, and a look between any two instructions finds the
// old one, none, or the new one. A signal handler in between leaves the pointer as it found it, since it detaches what
// it attached.

namespace spanring::trace {

class ThreadContext {
public:
    // What ThreadLocal::context_slot says when it is not an address.
    static constexpr uintptr_t kUnknown = 0;  // to be found
    static constexpr uintptr_t kOff = 1;      // for good

    // HOT. Makes the token, whose context is there, the innermost one.
    static void push(spr_token& token) {
        const uintptr_t slot = thread_local_state.context_slot;
        if (slot != kOff) write(token);
        std::atomic_signal_fence(std::memory_order_release);  // a handler and a profiler find the token complete
        thread_local_state.top = &token;
        if (slot == kOff) return;
        if (slot == kUnknown) [[unlikely]]
            return find();
        show(slot, token.record);
    }
    // HOT. Makes `innermost` that again; nullptr: there is none any more.
    static void pop_to(spr_token* innermost) {
        thread_local_state.top = innermost;
        const uintptr_t slot = thread_local_state.context_slot;
        if (slot == kOff) return;
        if (slot == kUnknown) [[unlikely]]
            return find();
        show(slot, innermost != nullptr ? innermost->record : nullptr);
    }

private:
    // The record's bytes 24 to 27 as they lie in memory: valid, trace flags, and no attributes (two bytes).
    static constexpr uint64_t kValid = 1;
    static_assert(sizeof spr_token::record == 32);

    static void write(spr_token& token) {
        const spr_context& context = token.context;
        uint64_t* const record = token.record;
        if (!is_valid(context)) [[unlikely]] {
            record[0] = record[1] = record[2] = 0;  // "none active"; never one id without the other
            record[3] = kValid;
            return;
        }
        memcpy(record, context.trace_id, 16);
        memcpy(record + 2, context.span_id, 8);
        record[3] = kValid | uint64_t{context.trace_flags} << 8;
    }

    static void show(uintptr_t slot, const uint64_t* record) {
        // Not before `top` is moved: what a handler's detach in between shows is what `top` says.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        // relaxed: who looks has stopped this thread.
        __atomic_store_n(reinterpret_cast<const void**>(slot), record, __ATOMIC_RELAXED);
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a detached token's memory is its owner's only now
    }

    // Once for a thread, and again while it is not known: until the process context is there, or is not going to be.
    // Shows the innermost.
    static void find();
};

}  // namespace spanring::trace

// ---- lib/trace/propagation/attached_span.cpp -------------------------------------------------------------------------

namespace spanring::trace {
namespace {

using ring::StdAtomics;

// Fields of opentelemetry.proto.trace.v1.Span, as they lie in a slot.
constexpr uint8_t kTraceStateTag = tag(3, kBytes);
constexpr uint8_t kStartTimeTag = tag(7, kFixed64);

const spr_span& span_of(const spr_token& token) { return reinterpret_cast<const spr_span_token&>(token).span; }

bool is_same_span(const spr_context& a, const spr_context& b) {
    return is_same_trace(a, b) && memcmp(a.span_id, b.span_id, sizeof a.span_id) == 0;
}

// The first part of a list that ends between two members.
std::string_view whole_members(std::string_view list, size_t size) {
    if (size <= list.size()) return {list.data(), size};
    size_t end = list.size();
    while (end != 0 && list[end - 1] != ',') --end;
    return {list.data(), end == 0 ? 0 : end - 1};
}

ring::Slot* open_slot(uint64_t handle, const ThreadState& thread) {
    const SpanHandle place = SpanHandle::unpack(handle);
    const Life& life = *thread.life;
    if (!life.lives(handle) || !life.segment.has_slot(place.slot)) return nullptr;
    ring::Slot& slot = life.segment.view().slot(place.slot);
    // acquire: the generation after the word. Pairs with the release in LevelWriter::publish_start(). The other way
    // round a spent handle could reach the span that reuses the slot, as OpenSpan::is_open() says.
    const uint64_t word = StdAtomics::load(slot.word, std::memory_order_acquire);
    return StdAtomics::load(slot.generation, std::memory_order_relaxed) == place.generation &&
                   ring::SlotWord::unpack(word).state == ring::SlotState::kOpen
               ? &slot
               : nullptr;
}

}  // namespace

const spr_span* attached_span(const spr_token* top) {
    for (const spr_token* at = top; at != nullptr && is_same_span(at->context, top->context); at = at->previous)
        if ((at->reserved & TokenBits::kSpan) != 0) return &span_of(*at);
    return nullptr;
}

std::string_view kept_trace_state(const spr_span& span, TraceStateRoom& room) {
    if ((ContextTail::read(span.context) & ContextTail::kKeepsTraceState) == 0 ||
        (span.handle & SpanHandle::kRecorded) == 0 || ring::ForkGuard::in_doubt())
        return {};
    const ThreadState* thread = Provider::thread(span.handle);
    if (thread == nullptr && Provider::join(span.handle)) thread = Provider::thread(span.handle);
    ring::Slot* const slot = thread != nullptr ? open_slot(span.handle, *thread) : nullptr;
    if (slot == nullptr) return {};
    const auto word = ring::SlotWord::unpack(StdAtomics::load(slot->word, std::memory_order_relaxed));
    const uint8_t* const data = ring::data_of(thread->life->segment.view(), *slot, word);
    const uint32_t end = data == nullptr ? 0 : word.length;
    uint32_t position = 0;
    while (position < end) {
        const uint8_t field = data[position++];
        uint32_t size = 8;
        if (field != kStartTimeTag) {
            size = 0;
            for (int shift = 0; shift < 32 && position < end; shift += 7) {
                const uint8_t byte = data[position++];
                size |= uint32_t{byte & 0x7fu} << shift;
                if ((byte & 0x80) == 0) break;
            }
        }
        if (size > end - position) break;
        if (field == kTraceStateTag) {
            const uint32_t copied = size < sizeof room ? size : static_cast<uint32_t>(sizeof room);
            memcpy(room, data + position, copied);
            // A span that another thread ended meanwhile, against the rules, has none.
            return open_slot(span.handle, *thread) == slot ? whole_members({room, copied}, size) : std::string_view();
        }
        position += size;
    }
    return {};
}

std::string_view kept_trace_state(const spr_token* top, const spr_context& of_trace, TraceStateRoom& room) {
    if (top == nullptr || (top->reserved & TokenBits::kKeepsTraceState) == 0) return {};
    for (const spr_token* at = top; at != nullptr; at = at->previous) {
        if ((at->reserved & TokenBits::kSpan) != 0 && is_same_trace(at->context, of_trace)) {
            const std::string_view kept = kept_trace_state(span_of(*at), room);
            if (!kept.empty()) return kept;
        }
        // What was attached with a trace state of its own inside of the span replaces the span's.
        const spr_propagated* const attached = attached_to(at);
        if (attached != attached_to(at->previous) && is_same_trace(attached->context, of_trace) &&
            !view_of(attached->trace_state).empty())
            return {};
    }
    return {};
}

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_attach(const spr_span* span, spr_span_token* token) noexcept {
    if (span == nullptr || token == nullptr) return -EINVAL;
    const spr_token* const top = thread_local_state.top;
    uint64_t handed_on = top != nullptr ? top->reserved & ~TokenBits::kSpan : 0;
    if ((ContextTail::read(span->context) & ContextTail::kKeepsTraceState) != 0)
        handed_on |= TokenBits::kKeepsTraceState;
    token->span = *span;
    token->token.context = span->context;
    token->token.previous = thread_local_state.top;
    token->token.reserved = handed_on | TokenBits::kSpan;
    ThreadContext::push(token->token);
    return 0;
}

int spr_span_current(spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    const spr_token* const top = thread_local_state.top;
    const spr_span* const attached = attached_span(top);
    *ret_span = attached != nullptr ? *attached : spr_span{0, top != nullptr ? top->context : spr_context{}};
    return attached != nullptr;
}

int spr_span_trace_state(const spr_span* span, spr_text* ret_trace_state) noexcept {
    if (span == nullptr || ret_trace_state == nullptr ||
        (ret_trace_state->data == nullptr && ret_trace_state->capacity != 0))
        return -EINVAL;
    TraceStateRoom room;
    const std::string_view kept = kept_trace_state(*span, room);
    if (kept.size() > ret_trace_state->capacity) return -ENOSPC;
    if (!kept.empty()) memcpy(ret_trace_state->data, kept.data(), kept.size());
    ret_trace_state->size = kept.size();
    return !kept.empty();
}

}  // extern "C"

// ---- lib/trace/base/hex.hpp ------------------------------------------------------------------------------------------

//
// Lower-case hexadecimal, eight digits at a time in one register: what ids are made of in every header.

namespace spanring::trace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first digit is taken for the lowest byte");

inline constexpr uint64_t kEachByte = 0x0101010101010101;

// A value below 16 in each byte, as digits: '0' + value, and for 10 and above 39 more, which leads to 'a'.
inline uint64_t hex_digits(uint64_t values) {
    const uint64_t letters = ((values + kEachByte * 6) >> 4) & kEachByte;
    return values + kEachByte * '0' + letters * 39;
}

// Size is a number of bytes, twice as many digits. Returns the end.
template <size_t Size>
[[gnu::always_inline]] inline char* put_hex(char* to, const uint8_t* from) {
    if constexpr (Size % 4 == 0) {
        for (size_t i = 0; i < Size; i += 4) {
            uint32_t bytes;
            memcpy(&bytes, from + i, sizeof bytes);
            // One byte to each sixteen bits, then its high half in front of its low one.
            uint64_t spread = (uint64_t{bytes} | uint64_t{bytes} << 16) & 0x0000ffff0000ffff;
            spread = (spread | spread << 8) & 0x00ff00ff00ff00ff;
            const uint64_t digits = hex_digits((spread >> 4 | spread << 8) & 0x0f0f0f0f0f0f0f0f);
            memcpy(to + 2 * i, &digits, sizeof digits);
        }
    } else {
        static_assert(Size == 1);
        const uint64_t digits = hex_digits(uint64_t{*from} >> 4 | (uint64_t{*from} & 15) << 8);
        memcpy(to, &digits, 2);
    }
    return to + 2 * Size;
}

// Without vectors sixteen digits are 1.5 KB of code (32-bit x86), and a header has three times as many.
#if defined(__SSE2__) || defined(__ARM_NEON)
#define SPR_SIXTEEN_DIGITS gnu::always_inline
#else
#define SPR_SIXTEEN_DIGITS gnu::noinline
#endif

// What was read, and whether it was what it ought to be. Sixteen digits at a time in a vector of the compiler's (SSE2,
// NEON, or plain words where there is neither); all stays in registers until it is known to be good.
class HexReader {
public:
    // Sixteen digits are eight bytes, in the order of memory.
    [[SPR_SIXTEEN_DIGITS]] uint64_t eight(const char* from) {
        Digits digits;
        memcpy(&digits, from, sizeof digits);
        const Digits letters = reinterpret_cast<Digits>(reinterpret_cast<Signed>(digits) >= 'a');
        const Digits values = digits - '0' - (letters & 39);
        // A letter is 10 or more and nothing else is; none is 16 or more. Compared with their sign, which SSE2 can do;
        // what is negative then is 16 or more.
        wrong_ |= (reinterpret_cast<Digits>(reinterpret_cast<Signed>(values) >= 10) ^ letters) | (values & 0xf0);
        const Words halves = reinterpret_cast<Words>(values);
        const Words bytes = (halves << 4 | halves >> 8) & 0xff;
        return reinterpret_cast<uint64_t>(__builtin_convertvector(bytes, Bytes));
    }
    // Two digits.
    [[gnu::always_inline]] uint64_t one(const char* from) {
        const int high = value_of(from[0]), low = value_of(from[1]);
        bad_ |= high | low;
        return static_cast<uint64_t>((high << 4 | low) & 0xff);
    }
    // Everything was lower-case hexadecimal.
    [[gnu::always_inline]] bool good() const {
        uint64_t halves[2];
        memcpy(halves, &wrong_, sizeof halves);
        return (halves[0] | halves[1]) == 0 && bad_ >= 0;
    }

private:
    typedef uint8_t Digits __attribute__((vector_size(16)));
    typedef int8_t Signed __attribute__((vector_size(16)));
    typedef uint16_t Words __attribute__((vector_size(16)));
    typedef uint8_t Bytes __attribute__((vector_size(8)));

    static int value_of(char c) {
        if (c >= '0' && c <= '9') return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    }

    Digits wrong_ = {};
    int bad_ = 0;
};

}  // namespace spanring::trace

// ---- lib/trace/propagation/b3.cpp ------------------------------------------------------------------------------------

//
// B3, in one header or several (github.com/openzipkin/b3-propagation; OpenTelemetry specification,
// context/api-propagators.md, B3 Requirements).

namespace spanring::trace {
namespace {

enum class Sampling { kDefer, kDeny, kAccept, kDebug, kMalformed };

// A parsed context, before it is given out.
struct B3 {
    uint64_t trace[2] = {0, 0};
    uint64_t span = 0;
    Sampling sampling = Sampling::kDefer;

    // 16 or 32 digits, and 16. False: malformed.
    bool set_ids(std::string_view trace_id, std::string_view span_id) {
        if ((trace_id.size() != 16 && trace_id.size() != 32) || span_id.size() != 16) return false;
        HexReader hex;
        if (trace_id.size() == 32) trace[0] = hex.eight(trace_id.data());
        trace[1] = hex.eight(trace_id.data() + trace_id.size() - 16);
        span = hex.eight(span_id.data());
        return hex.good() && (trace[0] | trace[1]) != 0 && span != 0;
    }

    // What the functions of the header return.
    int give(bool has_ids, spr_context& ret_context, uint32_t* ret_flags) const {
        const bool sampled = sampling == Sampling::kAccept || sampling == Sampling::kDebug;
        set_remote(ret_context, trace, span, sampled ? SPR_TRACE_FLAG_SAMPLED : 0);  // without ids they are zero
        if (ret_flags != nullptr) *ret_flags = sampling == Sampling::kDebug ? SPR_PROPAGATED_DEBUG : 0;
        return has_ids;
    }
};

Sampling sampling_of(std::string_view text) {
    if (text.size() != 1) return Sampling::kMalformed;
    switch (text[0]) {
        case '0': return Sampling::kDeny;
        case '1': return Sampling::kAccept;
        case 'd': return Sampling::kDebug;
        default: return Sampling::kMalformed;
    }
}

// x-b3-sampled: early tracers wrote words.
Sampling sampled_of(std::string_view text) {
    if (text == "1" || text == "true") return Sampling::kAccept;
    if (text == "0" || text == "false") return Sampling::kDeny;
    return Sampling::kMalformed;
}

bool is_span_id(std::string_view text) {
    if (text.size() != 16) return false;
    HexReader hex;
    hex.eight(text.data());
    return hex.good();
}

char sampling_digit(const spr_context& context, uint32_t flags) {
    if ((flags & SPR_PROPAGATED_DEBUG) != 0) return 'd';
    return (context.trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0 ? '1' : '0';
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_b3_inject(const spr_context* context, uint32_t flags, char ret_header[SPR_B3_SIZE]) noexcept {
    if (context == nullptr || ret_header == nullptr || !is_valid(*context)) return -EINVAL;
    char* at = put_hex<16>(ret_header, context->trace_id);
    *at = '-';
    at = put_hex<8>(at + 1, context->span_id);
    *at++ = '-';
    *at++ = sampling_digit(*context, flags);
    *at = 0;
    return 0;
}

int spr_b3multi_inject(const spr_context* context, uint32_t flags, spr_b3_headers* ret_headers) noexcept {
    if (context == nullptr || ret_headers == nullptr || !is_valid(*context)) return -EINVAL;
    *put_hex<16>(ret_headers->trace_id, context->trace_id) = 0;
    *put_hex<8>(ret_headers->span_id, context->span_id) = 0;
    // Debug implies that the trace is sampled, and stands alone.
    const char digit = sampling_digit(*context, flags);
    ret_headers->sampled[0] = digit == 'd' ? '\0' : digit;
    ret_headers->flags[0] = digit == 'd' ? '1' : '\0';
    ret_headers->sampled[1] = ret_headers->flags[1] = 0;
    return 0;
}

int spr_b3_extract(const char* header, size_t header_size, spr_context* ret_context, uint32_t* ret_flags) noexcept {
    if (header == nullptr || ret_context == nullptr) return -EINVAL;
    std::string_view rest = trim(view_of(header, header_size));
    B3 b3;
    const std::string_view first = take_piece(rest, '-');
    if (rest.data() == nullptr) {  // one piece: a decision alone
        b3.sampling = sampling_of(first);
        return b3.sampling != Sampling::kMalformed ? b3.give(false, *ret_context, ret_flags) : -EBADMSG;
    }
    if (!b3.set_ids(first, take_piece(rest, '-'))) return -EBADMSG;
    if (rest.data() != nullptr) b3.sampling = sampling_of(take_piece(rest, '-'));
    if (b3.sampling == Sampling::kMalformed) return -EBADMSG;
    if (rest.data() != nullptr && !is_span_id(rest)) return -EBADMSG;  // the parent's
    return b3.give(true, *ret_context, ret_flags);
}

int spr_b3multi_extract(const char* trace_id, size_t trace_id_size, const char* span_id, size_t span_id_size,
                        const char* sampled, size_t sampled_size, const char* flags, size_t flags_size,
                        spr_context* ret_context, uint32_t* ret_flags) noexcept {
    if (ret_context == nullptr) return -EINVAL;
    B3 b3;
    if (sampled != nullptr) b3.sampling = sampled_of(trim(view_of(sampled, sampled_size)));
    if (b3.sampling == Sampling::kMalformed) return -EBADMSG;
    if (flags != nullptr && trim(view_of(flags, flags_size)) == "1") b3.sampling = Sampling::kDebug;
    const bool has_ids = trace_id != nullptr || span_id != nullptr;
    const std::string_view trace = trim(view_of(trace_id, trace_id_size)), span = trim(view_of(span_id, span_id_size));
    if (has_ids && !b3.set_ids(trace, span)) return -EBADMSG;
    if (!has_ids && b3.sampling == Sampling::kDefer) return -EBADMSG;  // nothing at all
    return b3.give(has_ids, *ret_context, ret_flags);
}

}  // extern "C"

// ---- lib/trace/propagation/list_text.hpp -----------------------------------------------------------------------------

//
// A comma-separated list in memory of the caller, changed in place: a trace state, baggage. Never beyond the capacity.

namespace spanring::trace {

class ListText {
public:
    explicit ListText(spr_text& text) : text_(text) {}

    // For functions that write.
    static bool writable(const spr_text* text) {
        return text != nullptr && text->size <= text->capacity && (text->data != nullptr || text->capacity == 0);
    }

    std::string_view view() const { return {text_.data, text_.size}; }
    size_t capacity() const { return text_.capacity; }
    size_t room() const { return text_.capacity - text_.size; }
    void clear() { text_.size = 0; }

    // Bytes that a further member takes.
    size_t needed(size_t member_size) const { return member_size + (text_.size != 0); }

    // Makes room for a member after the last one or in front of the first; the caller has seen that there is room.
    char* grow_back(size_t member_size) {
        if (text_.size != 0) text_.data[text_.size++] = ',';
        char* at = text_.data + text_.size;
        text_.size += member_size;
        return at;
    }
    char* grow_front(size_t member_size) {
        if (text_.size != 0) {
            memmove(text_.data + member_size + 1, text_.data, text_.size);
            text_.data[member_size] = ',';
            ++text_.size;
        }
        text_.size += member_size;
        return text_.data;
    }

    // Bytes of a piece, which take_piece() gave, and of one of its commas, if it has any.
    size_t erased_size(std::string_view piece) const { return piece.size() + (piece.size() < text_.size); }

    // Removes it with one of its commas.
    void erase(std::string_view piece) {
        size_t begin = static_cast<size_t>(piece.data() - text_.data);
        size_t end = begin + piece.size();
        if (end < text_.size)
            ++end;
        else if (begin > 0)
            --begin;
        memmove(text_.data + begin, text_.data + end, text_.size - end);
        text_.size -= end - begin;
    }

private:
    spr_text& text_;
};

inline char* put(char* to, std::string_view text) {
    if (!text.empty()) memcpy(to, text.data(), text.size());
    return to + text.size();
}

}  // namespace spanring::trace

// ---- lib/trace/propagation/baggage.hpp -------------------------------------------------------------------------------

//
// W3C baggage in memory of the caller, kept as the value of its header: without spaces, each key once.

namespace spanring::trace {

struct BaggageMember {
    static constexpr bool kHasProperties = true;

    std::string_view piece;  // as it stands between two commas
    std::string_view key;
    std::string_view value;       // percent-encoded
    std::string_view properties;  // after the first semicolon

    // False: malformed. The piece is not empty.
    static bool parse(std::string_view piece, BaggageMember& ret);
};

// Collects the members of one or more headers. The first good one replaces what was there before, if that is asked for.
class Baggage {
public:
    explicit Baggage(spr_text& text) : list_(text), members_(count_members(list_.view())) {}

    void replace() { replace_ = true; }

    // Returns how many members were left out.
    int add(std::string_view header);

private:
    bool put(const BaggageMember& member);

    ListText list_;
    size_t members_;
    bool replace_ = false;
};

}  // namespace spanring::trace

// ---- lib/trace/propagation/percent.hpp -------------------------------------------------------------------------------

//
// Percent-encoding of baggage values (RFC 3986, section 2.1; W3C Baggage, section 3.3.1).

namespace spanring::trace {

// W3C Baggage: baggage-octet. The percent sign is one of them, but never stands for itself.
inline bool is_baggage_octet(char c) { return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\'; }

size_t percent_encoded_size(std::string_view text);
char* percent_encode(char* to, std::string_view text);  // returns the end

// The decoded text, each byte sequence that is not UTF-8 replaced by U+FFFD; a percent sign without two digits stands
// for itself. Of baggage octets no more bytes than there were; a stray byte, which takes three, is not one. False: more
// than room.
bool percent_decode(std::string_view encoded, char* to, size_t room, size_t& ret_size);

}  // namespace spanring::trace

// ---- lib/trace/propagation/baggage.cpp -------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

// RFC 7230, section 3.2.6.
bool is_token(std::string_view text) {
    for (const char c : text) {
        const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == nullptr)) return false;
    }
    return !text.empty();
}

bool is_baggage_value(std::string_view text) {
    for (const char c : text)
        if (!is_baggage_octet(c)) return false;
    return true;
}

struct Pair {
    static constexpr bool kHasProperties = false;

    std::string_view key;
    std::string_view value;  // without data: none

    static bool parse(std::string_view text, Pair& ret) {
        const char* const equals = find(text, '=');
        const char* const end = text.data() + text.size();
        ret.key = trim(between(text.data(), equals));
        ret.value = equals == end ? std::string_view() : trim(between(equals + 1, end));
        return is_token(ret.key) && is_baggage_value(ret.value);
    }
    bool has_value() const { return value.data() != nullptr; }
    size_t size() const { return key.size() + (has_value() ? 1 + value.size() : 0); }
    char* write(char* to) const {
        to = put(to, key);
        if (!has_value()) return to;
        *to++ = '=';
        return put(to, value);
    }
};

bool parse_properties(std::string_view properties) {
    Pair pair;
    while (properties.data() != nullptr)
        if (!Pair::parse(take_piece(properties, ';'), pair)) return false;
    return true;
}

// What they take without spaces, each with its semicolon in front.
size_t size_of_properties(std::string_view properties) {
    size_t size = 0;
    Pair pair;
    while (properties.data() != nullptr) {
        Pair::parse(take_piece(properties, ';'), pair);
        size += 1 + pair.size();
    }
    return size;
}

void write_properties(char* to, std::string_view properties) {
    Pair pair;
    while (properties.data() != nullptr) {
        Pair::parse(take_piece(properties, ';'), pair);
        *to++ = ';';
        to = pair.write(to);
    }
}

// Looks at keys alone until one is the wanted one: a header is as long as its sender likes.
bool find_member(std::string_view list, std::string_view key, BaggageMember& ret) {
    while (list.data() != nullptr) {
        const std::string_view piece = take_piece(list, ',');
        if (trim(between(piece.data(), find(piece, '='))) == key && BaggageMember::parse(piece, ret)) return true;
    }
    return false;
}

// Makes room for a member of that size after the others, in place of the one with its key. nullptr: there is none, and
// nothing has changed. io_members are those of the list.
char* make_room(ListText& list, std::string_view key, size_t size, size_t& io_members) {
    BaggageMember old;
    bool found = find_member(list.view(), key, old);
    const size_t kept = list.view().size() - (found ? list.erased_size(old.piece) : 0);
    const size_t after = kept + (kept != 0) + size;
    if (after > list.capacity() || after > SPR_BAGGAGE_SIZE) return nullptr;
    if (!found && io_members >= SPR_BAGGAGE_MEMBERS) return nullptr;
    ++io_members;
    for (; found; found = find_member(list.view(), key, old), --io_members) list.erase(old.piece);
    return list.grow_back(size);
}

}  // namespace

bool BaggageMember::parse(std::string_view piece, BaggageMember& ret) {
    std::string_view rest = piece;
    Pair pair;
    if (!Pair::parse(take_piece(rest, ';'), pair) || !pair.has_value() || !parse_properties(rest)) return false;
    ret = {piece, pair.key, pair.value, rest};
    return true;
}

bool Baggage::put(const BaggageMember& member) {
    const Pair pair{member.key, member.value};
    char* at = make_room(list_, member.key, pair.size() + size_of_properties(member.properties), members_);
    if (at == nullptr) return false;
    write_properties(pair.write(at), member.properties);
    return true;
}

int Baggage::add(std::string_view header) {
    int left_out = 0;
    while (header.data() != nullptr) {
        const std::string_view piece = take_piece(header, ',');
        if (trim(piece).empty()) continue;
        BaggageMember member;
        const bool good = BaggageMember::parse(piece, member);
        if (good && replace_) {
            list_.clear();
            members_ = 0;
            replace_ = false;
        }
        if (!good || !put(member)) ++left_out;
    }
    return left_out;
}

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_baggage_extract(const char* header, size_t header_size, spr_text* baggage) noexcept {
    return ListText::writable(baggage) ? Baggage(*baggage).add(view_of(header, header_size)) : -EINVAL;
}

int spr_baggage_next(const char* baggage, size_t baggage_size, size_t* cursor, spr_member* ret_member) noexcept {
    return next_member<BaggageMember>(view_of(baggage, baggage_size), ',', cursor, ret_member);
}

int spr_baggage_next_property(const char* properties, size_t properties_size, size_t* cursor,
                              spr_member* ret_member) noexcept {
    return next_member<Pair>(view_of(properties, properties_size), ';', cursor, ret_member);
}

int spr_baggage_decode(const char* value, size_t value_size, spr_text* ret_value) noexcept {
    if (ret_value == nullptr || (ret_value->data == nullptr && ret_value->capacity != 0)) return -EINVAL;
    const std::string_view encoded = view_of(value, value_size);
    return percent_decode(encoded, ret_value->data, ret_value->capacity, ret_value->size) ? 0 : -ENOSPC;
}

int spr_baggage_get(const char* baggage, size_t baggage_size, const char* key, size_t key_size,
                    spr_text* ret_value) noexcept {
    if (key == nullptr || ret_value == nullptr) return -EINVAL;
    BaggageMember member;
    if (!find_member(view_of(baggage, baggage_size), view_of(key, key_size), member)) return 0;
    const int error = spr_baggage_decode(member.value.data(), member.value.size(), ret_value);
    return error < 0 ? error : 1;
}

int spr_baggage_set(spr_text* baggage, const char* key, size_t key_size, const char* value, size_t value_size,
                    const char* properties, size_t properties_size) noexcept {
    if (!ListText::writable(baggage)) return -EINVAL;
    const std::string_view name = view_of(key, key_size), text = view_of(value, value_size);
    std::string_view extra = view_of(properties, properties_size);
    if (extra.empty()) extra = {};
    if (!is_token(name) || !is_utf8(text.data(), text.size()) || !parse_properties(extra)) return -EINVAL;
    ListText list(*baggage);
    size_t members = count_members(list.view());
    char* at = make_room(list, name, name.size() + 1 + percent_encoded_size(text) + size_of_properties(extra), members);
    if (at == nullptr) return -ENOSPC;
    at = put(at, name);
    *at++ = '=';
    write_properties(percent_encode(at, text), extra);
    return 0;
}

int spr_baggage_remove(spr_text* baggage, const char* key, size_t key_size) noexcept {
    if (!ListText::writable(baggage) || key == nullptr) return -EINVAL;
    ListText list(*baggage);
    BaggageMember member;
    bool found = false;
    for (; find_member(list.view(), view_of(key, key_size), member); found = true) list.erase(member.piece);
    return found;
}

}  // extern "C"

// ---- lib/trace/propagation/context.cpp -------------------------------------------------------------------------------

//
// The context attached to a thread: a stack of tokens that lie in the callers' frames, the innermost first.

using namespace spanring::trace;

namespace {

int attach(const spr_context& context, uint64_t propagated, spr_token* token) {
    token->context = context;
    token->previous = thread_local_state.top;
    token->reserved = propagated;
    ThreadContext::push(*token);
    return 0;
}

// With everything that was attached later.
[[gnu::noinline]] int detach_from_the_middle(const spr_token& token) {
    for (const spr_token* at = thread_local_state.top; at != nullptr; at = at->previous)
        if (at == &token) {
            ThreadContext::pop_to(token.previous);
            return 1;
        }
    return -EINVAL;
}

spr_text read_only(const spr_text& text) { return {text.data, text.data != nullptr ? text.size : 0, 0}; }

}  // namespace

extern "C" {

int spr_trace_id_hex(const spr_context* context, char ret_hex[SPR_TRACE_ID_HEX_SIZE]) noexcept {
    static_assert(SPR_TRACE_ID_HEX_SIZE == 2 * sizeof context->trace_id + 1);
    if (context == nullptr || ret_hex == nullptr) return -EINVAL;
    *put_hex<sizeof context->trace_id>(ret_hex, context->trace_id) = 0;
    return 0;
}

int spr_span_id_hex(const spr_context* context, char ret_hex[SPR_SPAN_ID_HEX_SIZE]) noexcept {
    static_assert(SPR_SPAN_ID_HEX_SIZE == 2 * sizeof context->span_id + 1);
    if (context == nullptr || ret_hex == nullptr) return -EINVAL;
    *put_hex<sizeof context->span_id>(ret_hex, context->span_id) = 0;
    return 0;
}

int spr_context_current(spr_context* ret_context) noexcept {
    if (ret_context == nullptr) return -EINVAL;
    const spr_token* top = thread_local_state.top;
    if (top == nullptr) {
        memset(ret_context, 0, sizeof *ret_context);
        return 0;
    }
    *ret_context = top->context;
    return 1;
}

int spr_context_attach(const spr_context* context, spr_token* token) noexcept {
    if (context == nullptr || token == nullptr) return -EINVAL;
    const spr_token* top = thread_local_state.top;
    return attach(*context, top != nullptr ? top->reserved & ~TokenBits::kSpan : 0, token);
}

int spr_context_attach_with(const spr_propagated* propagated, spr_token* token) noexcept {
    if (propagated == nullptr || token == nullptr) return -EINVAL;
    const int error = check_in_place(propagated);
    if (error != 0) return error;
    const spr_token* top = thread_local_state.top;
    const uint64_t of_spans = top != nullptr ? top->reserved & TokenBits::kKeepsTraceState : 0;
    return attach(propagated->context, reinterpret_cast<uintptr_t>(propagated) | of_spans, token);
}

int spr_context_current_with(spr_propagated* ret_propagated) noexcept {
    if (ret_propagated == nullptr || ret_propagated->struct_size < kFirstSize<spr_propagated>) return -EINVAL;
    const uint32_t struct_size = ret_propagated->struct_size;
    memset(ret_propagated, 0, struct_size < sizeof *ret_propagated ? struct_size : sizeof *ret_propagated);
    ret_propagated->struct_size = struct_size;
    const spr_token* top = thread_local_state.top;
    if (top == nullptr) return 0;
    ret_propagated->context = top->context;
    if (const spr_propagated* attached = attached_to(top)) ret_propagated->baggage = read_only(attached->baggage);
    if (const spr_propagated* attached = attached_to_trace(top, top->context)) {
        ret_propagated->trace_state = read_only(attached->trace_state);
        ret_propagated->flags = attached->flags;
    }
    return is_valid(top->context);
}

int spr_context_detach(spr_token* token) noexcept {
    if (token == nullptr) return -EINVAL;
    if (token != thread_local_state.top) [[unlikely]]
        return detach_from_the_middle(*token);
    ThreadContext::pop_to(token->previous);
    return 0;
}

}  // extern "C"

// ---- lib/trace/propagation/environment.cpp ---------------------------------------------------------------------------

//
// The environment as a carrier (OpenTelemetry specification, context/env-carriers.md). It knows no format: values are
// opaque here.

namespace spanring::trace {
namespace {

// The name of a variable, of a key: specification, Key Name Normalization.
class Name {
public:
    Name(const char* key, size_t size) {
        if (size >= kMost) return;
        if (size == 0 || (*key >= '0' && *key <= '9')) text_[size_++] = '_';
        for (size_t i = 0; i < size; ++i) text_[size_++] = normal(key[i]);
    }

    bool fits() const { return size_ != 0; }
    std::string_view view() const { return {text_, size_}; }

    // The value, where the variable has this name.
    const char* value_in(const char* variable) const {
        return strncmp(variable, text_, size_) == 0 && variable[size_] == '=' ? variable + size_ + 1 : nullptr;
    }

private:
    static constexpr size_t kMost = 64;

    static char normal(char c) {
        if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 'A');
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
    }

    char text_[kMost + 1];
    size_t size_ = 0;
};

// The place of a variable, or of the NULL after the last one.
char** find_variable(char** variables, const Name& name) {
    while (*variables != nullptr && name.value_in(*variables) == nullptr) ++variables;
    return variables;
}

int get(void* user, const char* key, size_t key_size, size_t index, const char** ret_value, size_t* ret_value_size) {
    const spr_environment& environment = *static_cast<const spr_environment*>(user);
    const Name name(key, key_size);
    if (!name.fits()) return -ENAMETOOLONG;
    char** const variables = environment.variables != nullptr ? environment.variables : environ;
    if (variables == nullptr || index != 0) return 0;
    char** const found = find_variable(variables, name);
    if (*found == nullptr) return 0;
    *ret_value = name.value_in(*found);
    *ret_value_size = strlen(*ret_value);
    return 1;
}

bool writable(const spr_environment& environment) {
    return environment.variables != nullptr && environment.capacity != 0;
}

int set(void* user, const char* key, size_t key_size, const char* value, size_t value_size) {
    spr_environment& environment = *static_cast<spr_environment*>(user);
    if (!writable(environment)) return -EROFS;
    const Name name(key, key_size);
    if (!name.fits()) return -ENAMETOOLONG;
    char** const place = find_variable(environment.variables, name);
    spr_text& memory = environment.memory;
    const size_t size = name.view().size() + 1 + value_size + 1;
    if (memory.data == nullptr || memory.size > memory.capacity || size > memory.capacity - memory.size) return -ENOSPC;
    if (*place == nullptr) {
        const size_t used = static_cast<size_t>(place - environment.variables);
        if (used + 2 > environment.capacity) return -ENOSPC;
        place[1] = nullptr;
    }
    char* at = memory.data + memory.size;
    *place = at;
    memcpy(at, name.view().data(), name.view().size());
    at += name.view().size();
    *at++ = '=';
    if (value_size != 0) memcpy(at, value, value_size);
    at[value_size] = 0;
    memory.size += size;
    return 0;
}

int remove(void* user, const char* key, size_t key_size) {
    spr_environment& environment = *static_cast<spr_environment*>(user);
    if (!writable(environment)) return -EROFS;
    const Name name(key, key_size);
    if (!name.fits()) return -ENAMETOOLONG;
    char** place = environment.variables;
    while (*(place = find_variable(place, name)) != nullptr)
        for (char** at = place; *at != nullptr; ++at) *at = at[1];
    return 0;
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_environment_carrier(spr_environment* environment, spr_carrier* ret_carrier) noexcept {
    if (environment == nullptr || ret_carrier == nullptr) return -EINVAL;
    const int error = check_in_place(environment);
    if (error != 0) return error;
    // What *ret_carrier has room for is not said: a caller of the first release has no more than that.
    const spr_carrier carrier = {kFirstSize<spr_carrier>, 0, environment, get, set, remove};
    memcpy(ret_carrier, &carrier, kFirstSize<spr_carrier>);
    return 0;
}

}  // extern "C"

// ---- lib/trace/propagation/percent.cpp -------------------------------------------------------------------------------

namespace spanring::trace {
namespace {

constexpr char kHexadecimal[] = "0123456789ABCDEF";
constexpr char kReplacement[] = "\xef\xbf\xbd";

bool stands_for_itself(char c) { return is_baggage_octet(c) && c != '%'; }

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// One decoded byte at a time.
class Octets {
public:
    explicit Octets(std::string_view encoded) : rest_(encoded) {}

    bool at_end() const { return rest_.empty(); }
    uint8_t peek() const {
        return static_cast<uint8_t>(escaped() ? hex_value(rest_[1]) << 4 | hex_value(rest_[2]) : rest_[0]);
    }
    void skip() { rest_.remove_prefix(escaped() ? 3 : 1); }

private:
    bool escaped() const {
        return rest_[0] == '%' && rest_.size() >= 3 && hex_value(rest_[1]) >= 0 && hex_value(rest_[2]) >= 0;
    }

    std::string_view rest_;
};

// Bytes that must follow a first one, and between what the second must lie (RFC 3629, section 4). low > high: it is no
// first byte at all.
struct Lead {
    int more;
    int low, high;
};

Lead lead_of(uint8_t byte) {
    if (byte < 0x80) return {0, 0, 0};
    if (byte >= 0xc2 && byte <= 0xdf) return {1, 0x80, 0xbf};
    if (byte >= 0xe0 && byte <= 0xef) return {2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    if (byte >= 0xf0 && byte <= 0xf4) return {3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
    return {0, 1, 0};
}

}  // namespace

size_t percent_encoded_size(std::string_view text) {
    size_t size = text.size();
    for (const char c : text) size += stands_for_itself(c) ? 0 : 2;
    return size;
}

char* percent_encode(char* to, std::string_view text) {
    for (const char c : text) {
        if (stands_for_itself(c)) {
            *to++ = c;
            continue;
        }
        *to++ = '%';
        *to++ = kHexadecimal[static_cast<uint8_t>(c) >> 4];
        *to++ = kHexadecimal[static_cast<uint8_t>(c) & 15];
    }
    return to;
}

bool percent_decode(std::string_view encoded, char* to, size_t room, size_t& ret_size) {
    size_t size = 0;
    for (Octets octets(encoded); !octets.at_end();) {
        char sequence[4] = {static_cast<char>(octets.peek())};
        Lead lead = lead_of(octets.peek());
        octets.skip();
        size_t length = 1;
        bool good = lead.low <= lead.high;
        for (; good && lead.more > 0; --lead.more) {
            if (octets.at_end() || octets.peek() < lead.low || octets.peek() > lead.high) {
                good = false;  // what came so far is one replacement; this byte begins anew
                break;
            }
            sequence[length++] = static_cast<char>(octets.peek());
            octets.skip();
            lead.low = 0x80;
            lead.high = 0xbf;
        }
        const std::string_view piece = good ? std::string_view(sequence, length) : std::string_view(kReplacement, 3);
        if (piece.size() > room - size) return false;
        memcpy(to + size, piece.data(), piece.size());
        size += piece.size();
    }
    ret_size = size;
    return true;
}

}  // namespace spanring::trace

// ---- lib/trace/propagation/carrier.hpp -------------------------------------------------------------------------------

//
// A caller's carrier, checked. Keys end with a NUL.

namespace spanring::trace {

class Carrier {
public:
    explicit Carrier(const spr_carrier& carrier) : carrier_(carrier) {}

    static int check(const spr_carrier* carrier) { return carrier == nullptr ? -EINVAL : check_in_place(carrier); }

    // 1, 0: no such value, negative: the carrier gave up.
    int get(std::string_view key, size_t index, std::string_view& ret_value) const {
        const char* value = nullptr;
        size_t size = 0;
        const int found = carrier_.get(carrier_.user, key.data(), key.size(), index, &value, &size);
        if (found <= 0) return found;
        ret_value = value != nullptr ? view_of(value, size) : std::string_view("");
        return 1;
    }
    int set(std::string_view key, std::string_view value) const {
        const int error = carrier_.set(carrier_.user, key.data(), key.size(), value.data(), value.size());
        return error < 0 ? error : 0;
    }
    int remove(std::string_view key) const {
        const int error = carrier_.remove != nullptr ? carrier_.remove(carrier_.user, key.data(), key.size()) : 0;
        return error < 0 ? error : 0;
    }
    // What is empty is not sent.
    int set_or_remove(std::string_view key, std::string_view value) const {
        return value.empty() ? remove(key) : set(key, value);
    }

private:
    const spr_carrier& carrier_;
};

}  // namespace spanring::trace

// ---- lib/trace/propagation/propagators.hpp ---------------------------------------------------------------------------

//
// Which formats this process speaks, in their order: one word, so that a reader never sees half of a choice.

namespace spanring::trace {

enum class Propagator : uint8_t { kNone, kTraceContext, kBaggage, kB3, kB3Multi };
inline constexpr uint32_t kPropagators = 4;

class Propagators {
public:
    // A list as in OTEL_PROPAGATORS; each name once, unknown ones counted and left out.
    static Propagators of(std::string_view names, int& ret_unknown);
    static Propagators from_environment(int& ret_unknown);

    // Of the process: those that were chosen, else the environment's, read at the first call.
    static Propagators current();
    static void choose(Propagators propagators);

    // kNone after the last one.
    Propagator at(uint32_t index) const {
        return index < kPropagators ? static_cast<Propagator>(bits_ >> (kBits * index) & kMask) : Propagator::kNone;
    }

private:
    static constexpr uint32_t kBits = 4, kMask = 15;
    static constexpr uint32_t kChosen = 1u << 31;  // tells no propagators from no choice

    explicit Propagators(uint32_t bits) : bits_(bits) {}
    void add(Propagator propagator);

    uint32_t bits_;
};

}  // namespace spanring::trace

// ---- lib/trace/propagation/sampled_trace_state.hpp -------------------------------------------------------------------

//
// The trace state of a span, or of a request that leaves: what came from the parent, with how the trace was sampled put
// in as the sub-key `th` of the member `ot` (specification: trace/tracestate-handling.md,
// tracestate-probability-sampling.md).

namespace spanring::trace {

class SampledTraceState {
public:
    // HOT where the tail has no threshold: then it is the text itself. Where it does not fit into SPR_TRACESTATE_SIZE
    // bytes and SPR_TRACESTATE_MEMBERS members, the last give way.
    SampledTraceState(std::string_view text, uint64_t tail) : view_(text) {
        if (ContextTail::has_threshold(tail)) [[unlikely]]
            compose(ContextTail::threshold(tail));
    }
    SampledTraceState(const SampledTraceState&) = delete;
    SampledTraceState& operator=(const SampledTraceState&) = delete;

    std::string_view view() const { return view_; }

    // The explicit randomness of a trace, sub-key `rv`: 56 bits. False: it has none.
    static bool randomness(std::string_view text, uint64_t& ret_bits);

private:
    [[gnu::noinline]] void compose(uint64_t threshold);

    std::string_view view_;
    char buffer_[SPR_TRACESTATE_SIZE];
};

}  // namespace spanring::trace

// ---- lib/trace/propagation/trace_state.hpp ---------------------------------------------------------------------------

//
// A W3C tracestate (Trace Context level 2, section 3.3) in memory of the caller. The grammar of keys is that of level
// 2, which takes every key of level 1.

namespace spanring::trace {

struct TraceStateMember {
    static constexpr bool kHasProperties = false;

    std::string_view piece;  // as it stands between two commas
    std::string_view key;
    std::string_view value;

    // False: malformed. The piece is not empty.
    static bool parse(std::string_view piece, TraceStateMember& ret);

    size_t size() const { return key.size() + 1 + value.size(); }
    void write(char* to) const;
};

// Collects the members of one or more headers.
class TraceState {
public:
    explicit TraceState(spr_text& text);  // goes on with what is there

    // False: malformed or too many; it is empty then, and nothing further counts.
    bool add(std::string_view header);

    // Members that had no room.
    int left_out() const { return left_out_; }

    // Puts a member in front, which fits; the caller has removed one of the same key. Returns how many gave way.
    int put_front(const TraceStateMember& member);

    // Bytes of a member which W3C Trace Context lets go first.
    static constexpr size_t kLarge = 128;

private:
    bool drop_last(size_t larger_than);
    void append(const TraceStateMember& member);

    ListText list_;
    size_t members_;  // of all headers
    int left_out_ = 0;
    bool full_ = false;  // one that is not large was left out: so are all after it
};

// False: no such member.
bool find_trace_state_member(std::string_view list, std::string_view key, TraceStateMember& ret);

}  // namespace spanring::trace

// ---- lib/trace/propagation/propagation.cpp ---------------------------------------------------------------------------

//
// What goes with a request, between a carrier and spr_propagated, by the propagators of the process. Formats are parsed
// and written elsewhere; here is who asks for which key, and what holds where several values came.

namespace spanring::trace {
namespace {

constexpr std::string_view kTraceparent = "traceparent", kTracestate = "tracestate", kBaggage = "baggage", kB3 = "b3";
constexpr std::string_view kB3Keys[] = {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"};
constexpr size_t kMostHeaders = 64;  // of one key: bounds a carrier that has no end

// Calls for each value of a key, until it says false. 0 or the carrier's error.
template <class Function>
int for_each_value(const Carrier& carrier, std::string_view key, Function function) {
    std::string_view value;
    for (size_t index = 0; index < kMostHeaders; ++index) {
        const int found = carrier.get(key, index, value);
        if (found <= 0) return found;
        if (!function(value)) break;
    }
    return 0;
}

// Each of these: 1: found a context. 0: none, and *io_propagated is as it was. Negative: the carrier's error.

int extract_trace_context(const Carrier& carrier, spr_propagated& io_propagated) {
    std::string_view value;
    spr_context context;
    int found = carrier.get(kTraceparent, 0, value);
    if (found <= 0) return found;
    if (spr_traceparent_extract(value.data(), value.size(), &context) < 0) return 0;
    found = carrier.get(kTraceparent, 1, value);
    if (found != 0) return found < 0 ? found : 0;  // sent twice: neither counts
    io_propagated.context = context;
    io_propagated.flags &= ~uint32_t{SPR_PROPAGATED_DEBUG};
    io_propagated.trace_state.size = 0;
    if (io_propagated.trace_state.capacity == 0) return 1;
    TraceState state(io_propagated.trace_state);
    const int error = for_each_value(carrier, kTracestate, [&](std::string_view header) { return state.add(header); });
    return error < 0 ? error : 1;
}

int extract_baggage(const Carrier& carrier, spr_propagated& io_propagated) {
    if (io_propagated.baggage.capacity == 0) return 0;
    Baggage baggage(io_propagated.baggage);
    baggage.replace();
    return for_each_value(carrier, kBaggage, [&](std::string_view header) {
        baggage.add(header);
        return true;
    });
}

int take_b3(const spr_context& context, uint32_t flags, spr_propagated& io_propagated) {
    io_propagated.context = context;
    io_propagated.flags = (io_propagated.flags & ~uint32_t{SPR_PROPAGATED_DEBUG}) | flags;
    io_propagated.trace_state.size = 0;
    return 1;
}

// The single header goes first, whichever is written.
int extract_b3(const Carrier& carrier, spr_propagated& io_propagated) {
    spr_context context;
    uint32_t flags;
    std::string_view value;
    int found = carrier.get(kB3, 0, value);
    if (found < 0) return found;
    if (found == 1) {
        const int parsed = spr_b3_extract(value.data(), value.size(), &context, &flags);
        if (parsed >= 0) return parsed == 1 ? take_b3(context, flags, io_propagated) : 0;
    }
    // A value holds until the next callback: so each is copied. What is longer than these is malformed.
    char texts[std::size(kB3Keys)][33];
    std::string_view values[std::size(kB3Keys)];
    for (size_t i = 0; i < std::size(kB3Keys); ++i) {
        found = carrier.get(kB3Keys[i], 0, value);
        if (found < 0) return found;
        if (found == 0) continue;
        value = trim(value);
        const size_t size = value.size() < sizeof texts[i] ? value.size() : sizeof texts[i];
        put(texts[i], {value.data(), size});
        values[i] = {texts[i], size};
    }
    const auto& [trace_id, span_id, sampled, debug] = values;
    const int parsed =
        spr_b3multi_extract(trace_id.data(), trace_id.size(), span_id.data(), span_id.size(), sampled.data(),
                            sampled.size(), debug.data(), debug.size(), &context, &flags);
    return parsed == 1 ? take_b3(context, flags, io_propagated) : 0;
}

// What is said, ready to be written; its texts are not the carrier's.
struct Outgoing {
    const spr_context* context;  // nullptr: none that is valid
    uint32_t flags;
    std::string_view trace_state;
    std::string_view baggage;
};

int inject_trace_context(const Outgoing& out, const Carrier& carrier) {
    char header[SPR_TRACEPARENT_SIZE];
    if (out.context == nullptr || spr_traceparent_inject(out.context, header) != 0) {
        const int error = carrier.remove(kTraceparent);
        return error != 0 ? error : carrier.remove(kTracestate);
    }
    if (const int error = carrier.set(kTraceparent, {header, sizeof header - 1})) return error;
    const SampledTraceState trace_state(out.trace_state, ContextTail::read(*out.context));
    return carrier.set_or_remove(kTracestate, trace_state.view());
}

int inject_b3(const Outgoing& out, const Carrier& carrier) {
    char header[SPR_B3_SIZE];
    if (out.context == nullptr || spr_b3_inject(out.context, out.flags, header) != 0) return carrier.remove(kB3);
    return carrier.set(kB3, header);
}

int inject_b3_multi(const Outgoing& out, const Carrier& carrier) {
    spr_b3_headers headers = {};
    if (out.context != nullptr) spr_b3multi_inject(out.context, out.flags, &headers);
    const std::string_view values[] = {headers.trace_id, headers.span_id, headers.sampled, headers.flags};
    for (size_t i = 0; i < std::size(kB3Keys); ++i)
        if (const int error = carrier.set_or_remove(kB3Keys[i], values[i])) return error;
    return 0;
}

int inject(const Outgoing& out, const Carrier& carrier) {
    const Propagators propagators = Propagators::current();
    for (uint32_t i = 0;; ++i) {
        int error = 0;
        switch (propagators.at(i)) {
            case Propagator::kNone: return 0;
            case Propagator::kTraceContext: error = inject_trace_context(out, carrier); break;
            case Propagator::kBaggage: error = carrier.set_or_remove(kBaggage, out.baggage); break;
            case Propagator::kB3: error = inject_b3(out, carrier); break;
            case Propagator::kB3Multi: error = inject_b3_multi(out, carrier); break;
        }
        if (error != 0) return error;
    }
}

int check_writer(const spr_carrier* carrier) {
    const int error = Carrier::check(carrier);
    return error != 0 ? error : carrier->set == nullptr ? -EINVAL : 0;
}

// A context, with what is attached to this thread. `kept`: its own trace state.
int inject_with_attached(const spr_context* context, std::string_view kept, const spr_carrier* carrier) {
    const spr_token* const top = thread_local_state.top;
    Outgoing out = {context != nullptr && is_valid(*context) ? context : nullptr, 0, kept, {}};
    if (const spr_propagated* attached = attached_to(top)) out.baggage = view_of(attached->baggage);
    TraceStateRoom room;
    if (out.context != nullptr) {
        if (kept.empty()) out.trace_state = kept_trace_state(top, *context, room);
        if (const spr_propagated* attached = attached_to_trace(top, *context)) {
            if (out.trace_state.empty()) out.trace_state = view_of(attached->trace_state);
            out.flags = attached->flags;
        }
    }
    return inject(out, Carrier(*carrier));
}

// Keys of a propagator, in the order in which they are written; without data after the last one.
std::string_view field_of(Propagator propagator, size_t index) {
    switch (propagator) {
        case Propagator::kTraceContext:
            return index == 0 ? kTraceparent : index == 1 ? kTracestate : std::string_view();
        case Propagator::kBaggage: return index == 0 ? kBaggage : std::string_view();
        case Propagator::kB3: return index == 0 ? kB3 : std::string_view();
        case Propagator::kB3Multi: return index < std::size(kB3Keys) ? kB3Keys[index] : std::string_view();
        default: return {};
    }
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_extract(const spr_carrier* carrier, spr_propagated* propagated) noexcept {
    int error = Carrier::check(carrier);
    if (error == 0 && (carrier->get == nullptr || propagated == nullptr)) error = -EINVAL;
    if (error == 0) error = check_in_place(propagated);
    if (error != 0) return error;
    if (!ListText::writable(&propagated->trace_state) || !ListText::writable(&propagated->baggage)) return -EINVAL;
    const Carrier checked(*carrier);
    const Propagators propagators = Propagators::current();
    int found = 0;
    for (uint32_t i = 0;; ++i) {
        int result = 0;
        switch (propagators.at(i)) {
            case Propagator::kNone: return found;
            case Propagator::kTraceContext: result = extract_trace_context(checked, *propagated); break;
            case Propagator::kBaggage: result = extract_baggage(checked, *propagated); break;
            case Propagator::kB3:
            case Propagator::kB3Multi: result = extract_b3(checked, *propagated); break;
        }
        if (result < 0) return result;
        found |= result;
    }
}

int spr_inject(const spr_context* context, const spr_carrier* carrier) noexcept {
    if (const int error = check_writer(carrier)) return error;
    const spr_token* top = thread_local_state.top;
    if (context == nullptr && top != nullptr) context = &top->context;
    return inject_with_attached(context, {}, carrier);
}

int spr_span_inject(const spr_span* span, const spr_carrier* carrier) noexcept {
    if (span == nullptr) return -EINVAL;
    if (const int error = check_writer(carrier)) return error;
    TraceStateRoom room;
    return inject_with_attached(&span->context, kept_trace_state(*span, room), carrier);
}

int spr_inject_with(const spr_propagated* propagated, const spr_carrier* carrier) noexcept {
    if (propagated == nullptr) return -EINVAL;
    int error = check_writer(carrier);
    if (error == 0) error = check_in_place(propagated);
    if (error != 0) return error;
    const spr_context* context = is_valid(propagated->context) ? &propagated->context : nullptr;
    const std::string_view trace_state = view_of(propagated->trace_state), baggage = view_of(propagated->baggage);
    return inject({context, propagated->flags, trace_state, baggage}, Carrier(*carrier));
}

const char* spr_propagation_field(size_t index) noexcept {
    const Propagators propagators = Propagators::current();
    for (uint32_t i = 0; propagators.at(i) != Propagator::kNone; ++i)
        for (size_t field = 0; field_of(propagators.at(i), field).data() != nullptr; ++field)
            if (index-- == 0) return field_of(propagators.at(i), field).data();
    return nullptr;
}

}  // extern "C"

// ---- lib/trace/propagation/propagators.cpp ---------------------------------------------------------------------------

namespace spanring::trace {
namespace {

constinit std::atomic<uint32_t> chosen{0};

constexpr struct {
    std::string_view name;
    Propagator propagator;
} kNames[] = {{"tracecontext", Propagator::kTraceContext},
              {"baggage", Propagator::kBaggage},
              {"b3", Propagator::kB3},
              {"b3multi", Propagator::kB3Multi},
              {"none", Propagator::kNone}};

}  // namespace

void Propagators::add(Propagator propagator) {
    uint32_t count = 0;
    for (; at(count) != Propagator::kNone; ++count)
        if (at(count) == propagator) return;
    bits_ |= static_cast<uint32_t>(propagator) << (kBits * count);
}

Propagators Propagators::of(std::string_view names, int& ret_unknown) {
    Propagators propagators(kChosen);
    ret_unknown = 0;
    while (names.data() != nullptr) {
        const std::string_view name = trim(take_piece(names, ','));
        if (name.empty()) continue;
        bool known = false;
        for (const auto& candidate : kNames)
            if (same_word(candidate.name, name)) {
                known = true;
                if (candidate.propagator != Propagator::kNone) propagators.add(candidate.propagator);
            }
        ret_unknown += !known;
    }
    return propagators;
}

Propagators Propagators::from_environment(int& ret_unknown) {
    // Not what a set-user-id program's caller says.
    const Variable names = Variable::of(secure_getenv("OTEL_PROPAGATORS"));
    return of(names.is_set() ? names.text() : "tracecontext,baggage", ret_unknown);
}

Propagators Propagators::current() {
    // relaxed: the word stands for itself. Two threads that read the environment at once find the same.
    const uint32_t bits = chosen.load(std::memory_order_relaxed);
    if (bits != 0) return Propagators(bits);
    int unknown;
    const Propagators propagators = from_environment(unknown);
    choose(propagators);
    return propagators;
}

void Propagators::choose(Propagators propagators) {
    chosen.store(propagators.bits_, std::memory_order_relaxed);  // as above
}

}  // namespace spanring::trace

extern "C" {

int spr_propagators_set(const char* names, size_t names_size) noexcept {
    using namespace spanring::trace;
    int unknown = 0;
    Propagators::choose(names == nullptr ? Propagators::from_environment(unknown)
                                         : Propagators::of(view_of(names, names_size), unknown));
    return unknown;
}

}  // extern "C"

// ---- lib/trace/propagation/sampled_trace_state.cpp -------------------------------------------------------------------

namespace spanring::trace {
namespace {

constexpr std::string_view kOt = "ot=", kThreshold = "th:", kRandomness = "rv:";

// `prefix` taken off `text`, where it begins with it. (substr(), and starts_with() by it, can throw, and below -O2
// needs the C++ runtime for that.)
bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (text.size() < prefix.size() || memcmp(text.data(), prefix.data(), prefix.size()) != 0) return false;
    text.remove_prefix(prefix.size());
    return true;
}
bool has_prefix(std::string_view text, std::string_view prefix) { return take_prefix(text, prefix); }

// Sub-keys of the member `ot`; empty where there is none.
std::string_view find_ot(std::string_view list) {
    while (list.data() != nullptr) {
        std::string_view member = trim(take_piece(list, ','));
        if (take_prefix(member, kOt)) return member;
    }
    return {};
}

}  // namespace

void SampledTraceState::compose(uint64_t threshold) {
    char* at = put(put(buffer_, kOt), kThreshold);
    at += ring::RejectionThreshold::write(at, threshold);
    const auto fits = [&](std::string_view text) {
        return text.size() + 1 <= static_cast<size_t>(buffer_ + sizeof buffer_ - at);
    };
    for (std::string_view ot = find_ot(view_); ot.data() != nullptr;) {
        const std::string_view sub = trim(take_piece(ot, ';'));
        if (sub.empty() || has_prefix(sub, kThreshold) || !fits(sub)) continue;
        *at++ = ';';
        at = put(at, sub);
    }
    uint32_t members = 1;
    for (std::string_view list = view_; list.data() != nullptr && members < SPR_TRACESTATE_MEMBERS;) {
        const std::string_view member = trim(take_piece(list, ','));
        if (member.empty() || has_prefix(member, kOt)) continue;
        if (!fits(member)) break;
        *at++ = ',';
        at = put(at, member);
        ++members;
    }
    view_ = between(buffer_, at);
}

bool SampledTraceState::randomness(std::string_view text, uint64_t& ret_bits) {
    constexpr size_t kDigits = 14;
    for (std::string_view ot = find_ot(text); ot.data() != nullptr;) {
        std::string_view sub = trim(take_piece(ot, ';'));
        if (!take_prefix(sub, kRandomness)) continue;
        if (sub.size() != kDigits) return false;
        uint64_t bits = 0;
        for (const char c : sub) {
            const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0) return false;
            bits = bits << 4 | static_cast<uint64_t>(digit);
        }
        ret_bits = bits;
        return true;
    }
    return false;
}

}  // namespace spanring::trace

// ---- lib/trace/propagation/thread_context.cpp ------------------------------------------------------------------------

//
// This file alone is compiled for TLS descriptors, and nothing else names the variable: a reader finds its place by the
// relocation that the one access below leaves in the library.

extern "C" {
__attribute__((visibility("default"),
               tls_model("global-dynamic"))) constinit thread_local const void* otel_thread_ctx_v1 = nullptr;
}

namespace spanring::trace {

[[gnu::noinline]] void ThreadContext::find() {
    uintptr_t slot = kUnknown;
    switch (ProcessContext::state()) {
        case ProcessContext::kNotAsked:
        case ProcessContext::kMaking: return;
        case ProcessContext::kOff: slot = kOff; break;
        // Also in a child that has not published: its thread's contexts are its own already.
        case ProcessContext::kLost:
        case ProcessContext::kOn: slot = reinterpret_cast<uintptr_t>(&otel_thread_ctx_v1); break;
    }
    thread_local_state.context_slot = slot;
    const spr_token* const innermost = thread_local_state.top;
    if (slot != kOff) show(slot, innermost != nullptr ? innermost->record : nullptr);
}

}  // namespace spanring::trace

// ---- lib/trace/propagation/trace_state.cpp ---------------------------------------------------------------------------

namespace spanring::trace {
namespace {

constexpr size_t kMaxPart = 256;  // characters of a key, and of a value

bool is_key(std::string_view key) {
    if (key.empty() || key.size() > kMaxPart) return false;
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (!alphanumeric(key.front())) return false;
    for (const char c : key)
        if (!alphanumeric(c) && c != '_' && c != '-' && c != '*' && c != '/' && c != '@') return false;
    return true;
}

bool is_value(std::string_view value) {
    if (value.empty() || value.size() > kMaxPart || value.back() == ' ') return false;
    for (const char c : value)
        if (c < 0x20 || c > 0x7e || c == ',' || c == '=') return false;
    return true;
}

}  // namespace

TraceState::TraceState(spr_text& text) : list_(text), members_(count_members(list_.view())) {}

bool TraceStateMember::parse(std::string_view piece, TraceStateMember& ret) {
    const std::string_view member = trim(piece);
    const char* const equals = find(member, '=');
    const char* const end = member.data() + member.size();
    if (equals == end) return false;
    ret = {piece, between(member.data(), equals), between(equals + 1, end)};
    return is_key(ret.key) && is_value(ret.value);
}

void TraceStateMember::write(char* to) const {
    to = put(to, key);
    *to++ = '=';
    put(to, value);
}

bool find_trace_state_member(std::string_view list, std::string_view key, TraceStateMember& ret) {
    while (list.data() != nullptr)
        if (TraceStateMember::parse(take_piece(list, ','), ret) && ret.key == key) return true;
    return false;
}

bool TraceState::drop_last(size_t larger_than) {
    std::string_view found;
    for (std::string_view list = list_.view(); list.data() != nullptr;) {
        const std::string_view piece = take_piece(list, ',');
        if (piece.size() > larger_than) found = piece;
    }
    if (found.empty()) return false;
    list_.erase(found);
    return true;
}

void TraceState::append(const TraceStateMember& member) {
    const auto fits = [&] { return list_.needed(member.size()) <= list_.room(); };
    while (!full_ && !fits() && member.size() <= kLarge && drop_last(kLarge)) ++left_out_;
    if (full_ || !fits()) {
        full_ |= member.size() <= kLarge;
        ++left_out_;
        return;
    }
    member.write(list_.grow_back(member.size()));
}

bool TraceState::add(std::string_view header) {
    while (header.data() != nullptr) {
        const std::string_view piece = take_piece(header, ',');
        if (trim(piece).empty()) continue;
        TraceStateMember member, same;
        if (++members_ > SPR_TRACESTATE_MEMBERS || !TraceStateMember::parse(piece, member)) {
            list_.clear();
            return false;
        }
        if (!find_trace_state_member(list_.view(), member.key, same)) append(member);
    }
    return true;
}

int TraceState::put_front(const TraceStateMember& member) {
    int gave_way = 0;
    while (count_members(list_.view()) >= SPR_TRACESTATE_MEMBERS && drop_last(0)) ++gave_way;
    while (list_.needed(member.size()) > list_.room() && (drop_last(kLarge) || drop_last(0))) ++gave_way;
    member.write(list_.grow_front(member.size()));
    return gave_way;
}

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_tracestate_extract(const char* header, size_t header_size, spr_text* trace_state) noexcept {
    if (!ListText::writable(trace_state)) return -EINVAL;
    TraceState state(*trace_state);
    return state.add(view_of(header, header_size)) ? state.left_out() : -EBADMSG;
}

int spr_tracestate_next(const char* trace_state, size_t trace_state_size, size_t* cursor,
                        spr_member* ret_member) noexcept {
    return next_member<TraceStateMember>(view_of(trace_state, trace_state_size), ',', cursor, ret_member);
}

int spr_tracestate_get(const char* trace_state, size_t trace_state_size, const char* key, size_t key_size,
                       const char** ret_value, size_t* ret_value_size) noexcept {
    if (key == nullptr || ret_value == nullptr || ret_value_size == nullptr) return -EINVAL;
    TraceStateMember member;
    if (!find_trace_state_member(view_of(trace_state, trace_state_size), view_of(key, key_size), member)) return 0;
    *ret_value = member.value.data();
    *ret_value_size = member.value.size();
    return 1;
}

int spr_tracestate_set(spr_text* trace_state, const char* key, size_t key_size, const char* value,
                       size_t value_size) noexcept {
    if (!ListText::writable(trace_state)) return -EINVAL;
    const TraceStateMember member{{}, view_of(key, key_size), view_of(value, value_size)};
    if (!is_key(member.key) || !is_value(member.value)) return -EINVAL;
    if (member.size() > trace_state->capacity) return -ENOSPC;
    spr_tracestate_remove(trace_state, key, key_size);
    return TraceState(*trace_state).put_front(member);
}

int spr_tracestate_remove(spr_text* trace_state, const char* key, size_t key_size) noexcept {
    if (!ListText::writable(trace_state) || key == nullptr) return -EINVAL;
    TraceStateMember member;
    bool found = false;
    while (find_trace_state_member({trace_state->data, trace_state->size}, view_of(key, key_size), member)) {
        ListText(*trace_state).erase(member.piece);
        found = true;
    }
    return found;
}

}  // extern "C"

// ---- lib/trace/propagation/traceparent.cpp ---------------------------------------------------------------------------

//
// W3C Trace Context (level 2), section 3.2: version "-" trace-id "-" parent-id "-" trace-flags, lower-case hex. A
// higher version may carry more after a further "-".

namespace spanring::trace {
namespace {

constexpr size_t kSize = 55;
static_assert(SPR_TRACEPARENT_SIZE == kSize + 1);

bool parse(const char* header, size_t size, spr_context& ret_context) {
    if (size < kSize) return false;
    HexReader hex;
    const uint64_t version = hex.one(header);
    const uint64_t trace[2] = {hex.eight(header + 3), hex.eight(header + 19)};
    const uint64_t span = hex.eight(header + 36);
    const uint64_t flags = hex.one(header + 53);
    if (!hex.good() || header[2] != '-' || header[35] != '-' || header[52] != '-' || version == 0xff ||
        (size != kSize && (version == 0 || header[kSize] != '-')) || (trace[0] | trace[1]) == 0 || span == 0)
        return false;
    set_remote(ret_context, trace, span, flags & (SPR_TRACE_FLAG_SAMPLED | SPR_TRACE_FLAG_RANDOM));
    return true;
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_traceparent_inject(const spr_context* context, char ret_header[SPR_TRACEPARENT_SIZE]) noexcept {
    if (context == nullptr || ret_header == nullptr || !is_valid(*context)) return -EINVAL;
    const uint8_t flags = context->trace_flags & (SPR_TRACE_FLAG_SAMPLED | SPR_TRACE_FLAG_RANDOM);
    char* at = ret_header;
    memcpy(at, "00-", 3);
    at = put_hex<16>(at + 3, context->trace_id);
    *at = '-';
    at = put_hex<8>(at + 1, context->span_id);
    *at = '-';
    at = put_hex<1>(at + 1, &flags);
    *at = 0;
    return 0;
}

int spr_traceparent_extract(const char* header, size_t header_size, spr_context* ret_context) noexcept {
    if (header == nullptr || ret_context == nullptr) return -EINVAL;
    if (header_size == SPR_NUL) header_size = strlen(header);
    if (parse(header, header_size, *ret_context)) [[likely]]
        return 0;
    const std::string_view trimmed = trim({header, header_size});
    return trimmed.size() != header_size && parse(trimmed.data(), trimmed.size(), *ret_context) ? 0 : -EBADMSG;
}

}  // extern "C"

// ---- lib/trace/process/entry.hpp -------------------------------------------------------------------------------------

namespace spanring::trace {

// One call at its signal level. A handler that interrupts it runs one level up, on other state.
class Entry {
public:
    Entry() : depth_(thread_local_state.depth) {
        thread_local_state.depth = depth_ + 1;
        std::atomic_signal_fence(std::memory_order_seq_cst);  // a handler on this thread sees the level taken
    }
    ~Entry() {
        std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing of the call moves past its end
        thread_local_state.depth = depth_;
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    bool too_deep() const { return depth_ >= kSignalLevels; }
    uint32_t depth() const { return depth_; }

private:
    const uint32_t depth_;
};

// Counts where no writer may be used: nested too deep, or without a thread's state.
inline void count_shared(Life& life, ring::Counter counter) {
    // relaxed: a sum.
    ring::StdAtomics::fetch_add(life.segment.view().writer().shared_line[static_cast<uint32_t>(counter)], uint64_t{1},
                                std::memory_order_relaxed);
}

}  // namespace spanring::trace

// ---- lib/trace/base/plain_attributes.hpp -----------------------------------------------------------------------------

//
// Attributes as nearly all are, written in one pass where they will lie: of different keys in short ASCII, with bools,
// numbers or texts that are kept whole and whose sizes are said, so that each length takes at most two bytes and what
// they take together is known without a look at a text, or a call. What it does not take, AttributeList and Attribute
// do, and byte for byte alike what it takes. The caller's memory must not change meanwhile.

namespace spanring::trace {

// Of an attribute whose lengths take one byte each, so that a head is four: tag, length, tag, length. By sums, since no
// part reaches into the next; `rest`: what follows the key.
constexpr uint32_t short_field_head(uint8_t field_tag, uint32_t key, uint32_t rest) {
    return key * 0x01000100 + (rest << 8) + (uint32_t{field_tag} | uint32_t{tag(1, kBytes)} << 16);
}
constexpr uint32_t short_text_head(uint32_t text) {
    return text * 0x01000100 + (uint32_t{tag(2, kBytes)} | 2u << 8 | uint32_t{tag(SPR_TYPE_STRING, kBytes)} << 16);
}

class PlainAttribute {
public:
    static constexpr size_t kMostText = 8192;
    static constexpr uint32_t kOther = ~uint32_t{0};

    explicit PlainAttribute(const spr_attribute& from) : from_(from) {}

    // How many bytes it takes at most; kOther: it is of another kind.
    [[gnu::always_inline]] uint32_t most(size_t longest_text) const {
        // Around a key and a text: four tags, a length of one byte, three of two. Of a number with six of those:
        // eleven.
        constexpr uint32_t kAround = 11, kNumber = 17;
        if (from_.key == nullptr || from_.key_size - 1 >= kShortText) return kOther;
        if (from_.type == SPR_TYPE_STRING) [[likely]] {
            const size_t size = from_.value.string.size;
            if (size > longest_text || (from_.value.string.data == nullptr && size != 0)) return kOther;
            return static_cast<uint32_t>(from_.key_size + size) + kAround;
        }
        if (from_.type - SPR_TYPE_BOOL > SPR_TYPE_DOUBLE - SPR_TYPE_BOOL) return kOther;
        return static_cast<uint32_t>(from_.key_size) + kNumber;
    }

    KeyHash hash() const { return {from_.key, from_.key_size}; }

    // Of one that most() takes. What write() would say, before anything is done for it.
    bool has_ascii_key() const {
        uint8_t copy[kShortText];
        return copy_short(copy, from_.key, from_.key_size) == 0;
    }

    // The end; nullptr: the key is not ASCII.
    [[gnu::always_inline]] uint8_t* write(uint8_t* to, uint8_t field_tag) const {
        if (from_.type == SPR_TYPE_STRING && from_.value.string.size <= kShortPair - from_.key_size) [[likely]]
            return write_short(to, field_tag);
        return write_any(to, field_tag);
    }

private:
    static_assert(kShortText < kShortPair && kShortPair + 6 < 128);
    [[gnu::always_inline]] uint8_t* write_short(uint8_t* to, uint8_t field_tag) const {
        const auto key = static_cast<uint32_t>(from_.key_size), text = static_cast<uint32_t>(from_.value.string.size);
        put_fixed32(to, short_field_head(field_tag, key, text + 6));
        if (copy_short(to + 4, from_.key, key) != 0) return nullptr;
        to += 4 + key;
        put_fixed32(to, short_text_head(text));
        copy_value(to + 4, from_.value.string.data, text);
        return to + 4 + text;
    }

    [[gnu::always_inline]] uint8_t* write_any(uint8_t* to, uint8_t field_tag) const {
        const auto key = static_cast<uint32_t>(from_.key_size);
        const uint32_t value = value_size();
        *to = field_tag;
        to = put_short_length(to + 1, 2 + key + 1 + short_length_size(value) + value);
        to[0] = tag(1, kBytes);
        to[1] = static_cast<uint8_t>(key);
        if (copy_short(to + 2, from_.key, key) != 0) return nullptr;
        to += 2 + key;
        *to = tag(2, kBytes);
        to = put_short_length(to + 1, value);
        switch (from_.type) {
            case SPR_TYPE_STRING:
                *to = tag(SPR_TYPE_STRING, kBytes);
                to = put_short_length(to + 1, static_cast<uint32_t>(from_.value.string.size));
                memcpy(to, from_.value.string.data, from_.value.string.size);
                return to + from_.value.string.size;
            case SPR_TYPE_BOOL:
                to[0] = tag(SPR_TYPE_BOOL, kVarint);
                to[1] = from_.value.boolean != 0;
                return to + 2;
            case SPR_TYPE_INT64:
                *to = tag(SPR_TYPE_INT64, kVarint);
                return put_varint(to + 1, static_cast<uint64_t>(from_.value.int64));
            default:
                *to = tag(SPR_TYPE_DOUBLE, kFixed64);
                memcpy(to + 1, &from_.value.float64, 8);
                return to + 9;
        }
    }

    uint32_t value_size() const {
        const auto text = static_cast<uint32_t>(from_.value.string.size);
        switch (from_.type) {
            case SPR_TYPE_STRING: return 1 + short_length_size(text) + text;
            case SPR_TYPE_BOOL: return 2;
            case SPR_TYPE_INT64: return 1 + varint_size(static_cast<uint64_t>(from_.value.int64));
            default: return 9;
        }
    }

    const spr_attribute& from_;
};

// Those of an event or a link.
class PlainAttributes {
public:
    static constexpr size_t kMost = 8;
    static constexpr uint32_t kOther = PlainAttribute::kOther;

    PlainAttributes(const spr_attribute* attributes, size_t count)
        : attributes_(attributes), count_(attributes == nullptr ? 0 : count) {}

    // As PlainAttribute::most(); `limit`: how many there may be.
    [[gnu::always_inline]] uint32_t most(size_t longest_text, uint32_t limit) const {
        if (count_ > kMost || count_ > limit) return kOther;
        uint32_t sum = 0;
        for (size_t i = 0; i < count_; ++i) {
            const uint32_t one = PlainAttribute(attributes_[i]).most(longest_text);
            if (one == kOther) return kOther;
            sum += one;
        }
        return sum;
    }

    // The end; nullptr: keys that may be equal, or not ASCII.
    [[gnu::always_inline]] uint8_t* write(uint8_t* to, uint8_t field_tag) const {
        uint64_t filter = 0;
        for (size_t i = 0; i < count_; ++i) {
            const PlainAttribute attribute(attributes_[i]);
            const KeyHash hash = attribute.hash();
            if (hash.is_in(filter)) return nullptr;
            filter = hash.added_to(filter);
            to = attribute.write(to, field_tag);
            if (to == nullptr) return nullptr;
        }
        return to;
    }

private:
    const spr_attribute* attributes_;
    size_t count_;
};

// A few attributes with their sizes found out.
class MeasuredAttributes {
public:
    // False: there are too many.
    bool add(const spr_attribute* attributes, size_t count) {
        if (attributes == nullptr) return true;
        if (count > PlainAttributes::kMost - count_) return false;
        for (size_t i = 0; i < count; ++i) {
            spr_attribute& one = attributes_[count_++] = attributes[i];
            one.key_size = text_size(one.key, one.key_size);
            if (one.type == SPR_TYPE_STRING)
                one.value.string.size = text_size(one.value.string.data, one.value.string.size);
        }
        return true;
    }

    const spr_attribute* data() const { return attributes_; }
    size_t count() const { return count_; }

private:
    size_t count_ = 0;
    spr_attribute attributes_[PlainAttributes::kMost];
};

}  // namespace spanring::trace

// ---- lib/trace/span/open_span.hpp ------------------------------------------------------------------------------------

//
// An open span that a handle named: its slot, found and checked. Fields are appended as the OTLP bytes that they will
// be.

namespace spanring::trace {

class OpenSpan {
public:
    // HOT. Whether it is the span that the thread started last, still open. False: find() knows more.
    static bool last(const spr_span* span, OpenSpan& ret);
    // HOT. Any span. False: why_not() says why.
    static bool find(const spr_span* span, OpenSpan& ret);
    // HOT. Where any span is, without a look at its slot: is_open() is to follow. False: as above.
    static bool locate(const spr_span* span, OpenSpan& ret);
    bool is_open(const spr_span& span) const { return is_open(*slot_, span.handle); }
    // COLD. The same without a state of the thread's, in a Visit of the life's provider.
    static bool find_in(Life& life, const spr_span& span, OpenSpan& ret);
    // 0: the span is not recorded. Negative: -EINVAL (NULL), -ESTALE (ended, another life, shut down, the parent's),
    // -EBUSY (the thread can have no state in its life). Apart from find(), so that the hot functions end in a jump and
    // save no registers for a call.
    static int why_not(const spr_span* span);

    // HOT. Asks for the cache lines of its slot at once. Of many that are open none may be in a cache, and how many
    // lines the end reads it knows from the first of them.
    [[gnu::always_inline]] void prefetch() const {
        constexpr uint32_t kLines = 12;  // 576 bytes of data
        for (uint32_t line = 0; line < kLines; ++line)
            __builtin_prefetch(reinterpret_cast<const uint8_t*>(slot_) + line * 64);
    }

    // For a span that is being started: its slot is filled, but not published yet.
    OpenSpan() = default;
    OpenSpan(ThreadState& state, ring::Slot& slot, uint32_t index) : OpenSpan(*state.life, &state, slot, index) {}

    Life& life() const { return *life_; }
    // The caller's, in the span's life.
    ThreadState& thread() const { return *state_; }
    ring::Segment& segment() const { return life_->segment; }
    ring::Slot& slot() const { return *slot_; }
    uint32_t index() const { return index_; }
    uint64_t packed_word() const { return ring::StdAtomics::load(slot_->word, std::memory_order_relaxed); }
    ring::SlotWord word() const { return ring::SlotWord::unpack(packed_word()); }

    bool is_in_slot() const { return word().place == 0; }

    // Where set_short() may write: in the slot alone, which is found with the least work, or also in a block.
    enum class Place { kSlot, kBlock };

    // Of what sizes set_short() takes.
    static bool is_short(size_t key_size) { return key_size - 1 <= kShortText - 1; }
    static bool are_short(size_t key_size, size_t text_size) {
        // In one look, whatever the key's size is: none is longer.
        return (text_size <= kShortPair - kShortText || text_size <= kShortPair - key_size) && is_short(key_size);
    }

    // HOT. The attribute that nearly all are: ASCII key and text short, key new, room in one piece. False: it is not of
    // that kind, set() decides; nothing changed. Always inline: as a call it makes those who would call nothing else
    // save their registers, which costs what is unsampled or off most.
    template <Place kPlace = Place::kSlot>
    bool set_short(const char* key, size_t key_size, const char* text, size_t text_size) {
        return are_short(key_size, text_size) && append<kPlace>(key, key_size, text, text_size);
    }
    template <Place kPlace = Place::kSlot>
    bool set_short(const char* key, size_t key_size, uint32_t type, uint64_t bits) {  // bool, int64, double
        return is_short(key_size) && append<kPlace>(key, key_size, type, bits);
    }
    // The same where the sizes are known to be such.
    template <Place kPlace = Place::kSlot>
    bool append(const char* key, size_t key_size, const char* text, size_t text_size);
    template <Place kPlace = Place::kSlot>
    bool append(const char* key, size_t key_size, uint32_t type, uint64_t bits);

    // HOT as well. One that PlainAttribute takes, its sizes found out; false as above.
    bool set_plain(const spr_attribute& attribute);

    // What was left out of the span before it came here.
    void add_dropped(uint32_t attributes, uint32_t events, uint32_t links);
    // Each: 0, or -EINVAL, -EDQUOT, -ENOBUFS; what is refused is counted in the slot.
    int set(const spr_attribute& attribute);
    // `first`: attributes in front of the event's own, which win.
    int add(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first = nullptr,
            size_t first_count = 0);
    int add(const spr_link& link);
    int set_name(const char* name, size_t size);
    int set_trace_state(const char* text, size_t size);
    // 1: nothing changed (OK is final, UNSET is ignored).
    int set_status(int code, const char* message, size_t size);

    // HOT where nothing is superseded. Bytes of data that are not superseded, and a copy of them, by a word that was
    // loaded once: what others do to the span meanwhile, against the rules, makes nobody read or write elsewhere. The
    // general way works on a copy of this object, so that the hot one can keep it in registers.
    uint32_t live_size(uint64_t word) const {
        return slot_->superseded == 0 ? ring::SlotWord::unpack(word).length : OpenSpan(*this).live_size_of_rest(word);
    }
    // HOT. Whether that is all of it, it lies in the slot, which has no blocks that go with its end, and nothing was
    // refused. In one look: each is rare.
    bool is_plain() const {
        const ring::Slot& slot = *slot_;
        uint64_t refused, blocks;
        static_assert(offsetof(ring::Slot, dropped_links) == offsetof(ring::Slot, dropped_events) + 4);
        memcpy(&refused, reinterpret_cast<const uint8_t*>(&slot) + offsetof(ring::Slot, dropped_events),
               sizeof refused);
        memcpy(&blocks, &slot.blocks[ring::kBlockClasses - 2], sizeof blocks);
        return (refused | blocks | slot.dropped_attributes | slot.superseded) == 0;
    }
    void copy_live(uint64_t word, uint8_t* to, uint32_t size) const {
        if (static_cast<uint32_t>(word) == size) [[likely]]  // all of it, and its place is 0, in one look
            memcpy(to, slot_->data, size);
        else
            OpenSpan(*this).copy_rest(word, to, size);
    }

private:
    OpenSpan(Life& life, ThreadState* state, ring::Slot& slot, uint32_t index)
        : life_(&life), state_(state), slot_(&slot), index_(index) {}

    static bool is_open(const ring::Slot& slot, uint64_t handle);
    static constexpr uint8_t kAttributeField = tag(9, kBytes);
    size_t tags_left() const;
    bool is_tagged(uint16_t tag, size_t tags_left) const;
    bool may_have(KeyHash key);
    void count_key(KeyHash key);
    void count_tagged();

    template <Place kPlace, bool kExact, class PutValue>
    bool append_short(const char* key, size_t key_size, size_t text, PutValue&& put_value);
    template <Place kPlace>
    uint8_t* place(uint64_t word, size_t size) const;
    uint32_t live_size_of_rest(uint64_t word) const;
    void copy_rest(uint64_t word, uint8_t* to, uint32_t size) const;
    bool add_plain(const spr_event& event, uint64_t now_unix_nano);
    bool add_plain(const spr_link& link);
    bool add_measured(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first, size_t first_count);
    bool add_measured(const spr_link& link);
    int add_any(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first, size_t first_count);
    int add_any(const spr_link& link);
    bool grow_for(const PlainAttribute& attribute, uint32_t most, KeyHash hash);
    void publish(uint64_t word, uint32_t bytes);
    void supersede(uint32_t position);
    bool find_key(const char* key, uint32_t size, uint32_t& ret_position) const;
    template <class Visit>
    void each_field(ring::SlotWord word, Visit&& visit) const;

    Life* life_ = nullptr;
    ThreadState* state_ = nullptr;
    ring::Slot* slot_ = nullptr;
    uint32_t index_ = 0;
};

SPR_HOT_INLINE bool OpenSpan::last(const spr_span* span, OpenSpan& ret) {
    const LastSpan& last = thread_local_state.last;
    if (span == nullptr) [[unlikely]]
        return false;
    ring::Slot* const slot = last.slot;
    Life* const life = last.life;
    ThreadState* const state = last.state;
    // All that is used before what it is of: a handler may make a span of its own the last one in between, whose slot
    // can be of the same generation.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (span->handle != last.handle || last.stamp != ring::ForkGuard::stamp()) [[unlikely]]
        return false;
    if (!is_open(*slot, span->handle)) [[unlikely]]
        return false;
    ret = OpenSpan(*life, state, *slot, SpanHandle::unpack(span->handle).slot);
    return true;
}

inline bool OpenSpan::is_open(const ring::Slot& slot, uint64_t handle) {
    // acquire: the generation after the word. Pairs with the release in LevelWriter::publish_start(). The other way
    // round a spent handle could pass the test on the old generation and the word of the span that reuses the slot.
    // (Handing an open span over between threads is ordered by the caller: spanring.h, convention on threads.)
    const uint64_t word = ring::StdAtomics::load(slot.word, std::memory_order_acquire);
    // relaxed: ordered by the acquire above.
    return ring::StdAtomics::load(slot.generation, std::memory_order_relaxed) ==
               SpanHandle::unpack(handle).generation &&
           ring::SlotWord::unpack(word).state == ring::SlotState::kOpen;
}

inline bool OpenSpan::find(const spr_span* span, OpenSpan& ret) {
    OpenSpan found;
    if (!locate(span, found) || !found.is_open(*span)) [[unlikely]]
        return false;
    ret = found;
    return true;
}

inline bool OpenSpan::locate(const spr_span* span, OpenSpan& ret) {
    if (span == nullptr || ring::ForkGuard::in_doubt() || (span->handle & SpanHandle::kRecorded) == 0) [[unlikely]]
        return false;
    ThreadState* const state = Provider::thread(span->handle);
    if (state == nullptr) [[unlikely]]
        return false;
    const SpanHandle handle = SpanHandle::unpack(span->handle);
    ring::Segment& segment = state->life->segment;
    if (!segment.has_slot(handle.slot)) [[unlikely]]
        return false;
    ret = OpenSpan(*state, segment.view().slot(handle.slot), handle.slot);
    return true;
}

// One attribute more, one tag less, in one addition.
[[gnu::always_inline]] inline void OpenSpan::count_tagged() {
    static_assert(offsetof(ring::Slot, tags_left) == offsetof(ring::Slot, attributes) + 2);
    uint32_t both;
    memcpy(&both, reinterpret_cast<uint8_t*>(slot_) + offsetof(ring::Slot, attributes), sizeof both);
    both += 1 - (1u << 16);
    memcpy(reinterpret_cast<uint8_t*>(slot_) + offsetof(ring::Slot, attributes), &both, sizeof both);
}

// How many more attributes may have a tag, which is also the place of the next one. Loaded once: a handler in between
// may make this thread leave a life that has ended, and zeroes come in its place (Life::rest). None where it was
// counted twice, by a handler or against the rules.
[[gnu::always_inline]] inline size_t OpenSpan::tags_left() const {
    const size_t left = __atomic_load_n(&slot_->tags_left, __ATOMIC_RELAXED);
    return left - 1 < kTags - 1 ? left : 0;
}

// Whether one of the span's keys has that tag.
[[gnu::always_inline]] inline bool OpenSpan::is_tagged(uint16_t tag, size_t tags_left) const {
    static_assert(kTags == ring::kKeyTags);
    // Its own place is still to be taken, so what lies there or below is not the span's. (A bit scan, where a shift
    // would want a register of its own.)
    return 31 - static_cast<size_t>(__builtin_clz(equal_tags(slot_->key_tags, tag) | 1)) > tags_left;
}

// Where so many more bytes have room; nullptr: they do not, or not yet.
template <OpenSpan::Place kPlace>
[[gnu::always_inline]] inline uint8_t* OpenSpan::place(uint64_t word, size_t size) const {
    if (static_cast<uint32_t>(word) + size <= ring::kSlotInlineData) [[likely]]  // and its place is 0, in one look
        return slot_->data + static_cast<uint32_t>(word);
    if constexpr (kPlace != Place::kBlock) return nullptr;
    const auto now = ring::SlotWord::unpack(word);
    if (now.length + size > ring::data_capacity(now.place)) return nullptr;
    uint8_t* const data = ring::data_of(segment().view(), *slot_, now);
    if (data == nullptr) return nullptr;
    SPR_HOT_PATH(kInBlock);
    return data + now.length;
}

static_assert(kShortPair + 6 < 128);
// Every length is below 128, one byte, so the heads can be written once the ends are known:
//     0x4a len { 0x0a len key, 0x12 len AnyValue }
// put_value writes what follows the key, a head and `text` bytes, at most or exactly, and returns its end. What is
// needed last comes last: the place, after the hash of the key is where it belongs, so that the whole keeps no register
// of its caller's.
template <OpenSpan::Place kPlace, bool kExact, class PutValue>
[[gnu::always_inline]] inline bool OpenSpan::append_short(const char* key, size_t key_size, size_t text,
                                                          PutValue&& put_value) {
    ring::Slot& slot = *slot_;
    if (key == nullptr) [[unlikely]]
        return false;
    const size_t tags_left = this->tags_left();
    if (tags_left == 0) [[unlikely]]
        return false;
    const uint16_t tag = KeyHash(key, key_size).tag();
    if (slot.key_tags[tags_left] != tag) [[unlikely]] {
        if (is_tagged(tag, tags_left)) return false;
        put_tag(slot.key_tags, tags_left, tag);  // ahead of the field: where there is none in the end it is not counted
        SPR_HOT_PATH(kTagged);
    } else {
        SPR_HOT_PATH(kForeseen);
    }
    // Loaded once, too: in what a handler has added meanwhile there is no room that was looked for before.
    const uint64_t word =
        ring::StdAtomics::load(slot.word, std::memory_order_relaxed);  // this thread's own, or ordered by find()
    uint8_t* const field = place<kPlace>(word, key_size + text + 8);
    if (field == nullptr) [[unlikely]]
        return false;
    if (copy_short(field + 4, key, key_size) != 0) [[unlikely]]
        return false;
    uint8_t* const value = field + 4 + key_size;
    const uint8_t* const end = put_value(value);
    const auto size = static_cast<uint32_t>(kExact ? text : static_cast<size_t>(end - value - 4));
    put_fixed32(field, short_field_head(kAttributeField, static_cast<uint32_t>(key_size), size + 6));
    // The place stays, and so does the state: OPEN. In the slot the length is what was looked for, or it follows from
    // the end alone; from the slot's own address, which is in a register anyway.
    constexpr uint64_t kEmpty = ring::SlotWord{ring::SlotState::kOpen, 0, 0}.pack();
    uint64_t longer;
    if constexpr (kPlace == Place::kBlock)
        longer = ring::SlotWord::longer(word, static_cast<uint32_t>(end - field));
    else if constexpr (kExact)
        longer = kEmpty | (static_cast<uint32_t>(word) + (key_size + text + 8));
    else
        longer = kEmpty - offsetof(ring::Slot, data) + static_cast<uint64_t>(end - reinterpret_cast<uint8_t*>(&slot));
    // release: the bytes before the length that makes them part of the span, as in SlotWriter::publish().
    ring::StdAtomics::store(slot.word, longer, std::memory_order_release);
    SPR_TESTPOINT(field_published);
    count_tagged();
    return true;
}

template <OpenSpan::Place kPlace>
[[gnu::always_inline]] inline bool OpenSpan::append(const char* key, size_t key_size, const char* text,
                                                    size_t text_size) {
    if (text == nullptr) [[unlikely]]  // of no bytes as well
        return false;
    return append_short<kPlace, true>(key, key_size, text_size, [=](uint8_t* to) {
        put_fixed32(to, short_text_head(static_cast<uint32_t>(text_size)));
        copy_value(to + 4, text, text_size);  // a value that is not UTF-8 is repaired by the agent
        return to + 4 + text_size;
    });
}

template <OpenSpan::Place kPlace>
[[gnu::always_inline]] inline bool OpenSpan::append(const char* key, size_t key_size, uint32_t type, uint64_t bits) {
    return append_short<kPlace, false>(key, key_size, 9, [=](uint8_t* to) {
        to[0] = tag(2, kBytes);
        uint8_t* end;
        if (type == SPR_TYPE_DOUBLE) {
            to[2] = tag(4, kFixed64);
            end = put_fixed64(to + 3, bits);
        } else {
            to[2] = tag(type == SPR_TYPE_BOOL ? 2 : 3, kVarint);
            end = put_varint(to + 3, bits);
        }
        to[1] = static_cast<uint8_t>(end - to - 2);
        return end;
    });
}

}  // namespace spanring::trace

// ---- lib/trace/span/calls.hpp ----------------------------------------------------------------------------------------

//
// What the C functions of a span have in common.

namespace spanring::trace {

// HOT where nothing is sampled: known without looking any further.
inline bool is_unrecorded(const spr_span* span) { return span != nullptr && span->handle == 0; }

// COLD. A call that did not find its span: once more, if the thread had no state in the span's life and has one now. In
// place of why_not(), and in its form: a jump.
template <auto kCall, class... Arguments>
[[gnu::noinline]] auto once_more(const spr_span* span, Arguments... arguments) {
    return span != nullptr && Provider::join(span->handle) ? kCall(span, arguments...) : OpenSpan::why_not(span);
}

// HOT. An attribute of a list, where it is a short one. By value, so that the caller's span stays in registers.
template <OpenSpan::Place kPlace = OpenSpan::Place::kSlot>
[[gnu::always_inline]] inline bool set_short(OpenSpan span, const spr_attribute& attribute) {
    if (attribute.type == SPR_TYPE_STRING)
        return span.set_short<kPlace>(attribute.key, attribute.key_size, attribute.value.string.data,
                                      attribute.value.string.size);
    uint64_t bits;
    memcpy(&bits, &attribute.value, sizeof bits);
    if (attribute.type == SPR_TYPE_BOOL) bits = bits != 0;
    return attribute.type - SPR_TYPE_BOOL <= SPR_TYPE_DOUBLE - SPR_TYPE_BOOL &&
           span.set_short<kPlace>(attribute.key, attribute.key_size, attribute.type, bits);
}

// Any attribute, its texts' sizes still to be found out. 0 or what OpenSpan::set() says.
int set_any(OpenSpan span, const spr_attribute& attribute);

// Counts what a call could not add. COLD: only on a refusal. Returns the error.
int count_refusal(OpenSpan span, int error);

inline int refused(OpenSpan span, int error) { return error >= 0 ? error : count_refusal(span, error); }

// Sets a list of attributes; returns how many were refused.
[[gnu::always_inline]] inline int set_all(OpenSpan span, const spr_attribute* attributes, size_t count) {
    int refusals = 0;
    for (size_t i = 0; i < count; ++i)
        if (set_short(span, attributes[i]))
            SPR_HOT_PATH(kList);
        else if (refused(span, set_any(span, attributes[i])) != 0)
            ++refusals;
    return refusals;
}

}  // namespace spanring::trace

// ---- lib/trace/span/clock.hpp ----------------------------------------------------------------------------------------

namespace spanring::trace {

inline constexpr uint64_t kNoTicks = 0;  // Slot::start_ticks: the start was given, by another clock

// The present, in the span's own time: its start and what passed since; the wall clock where the start was given.
[[gnu::always_inline]] inline uint64_t now_of(const ring::Slot& slot) {
    if (slot.start_ticks == kNoTicks) [[unlikely]]
        return ring::Clock::read(CLOCK_REALTIME);
    const uint64_t ticks = Provider::clock().ticks() - slot.start_ticks;
    return slot.start_unix_nano + (static_cast<int64_t>(ticks) > 0 ? Provider::clock().duration(ticks) : 0);
}

}  // namespace spanring::trace

// ---- lib/trace/span/data.cpp -----------------------------------------------------------------------------------------

//
// What is said about a span between its start and its end.

namespace spanring::trace {

[[gnu::noinline]] int set_any(OpenSpan span, const spr_attribute& attribute) {
    spr_attribute measured = attribute;
    measured.key_size = text_size(attribute.key, attribute.key_size);
    if (attribute.type == SPR_TYPE_STRING)
        measured.value.string.size = text_size(attribute.value.string.data, attribute.value.string.size);
    return set_short<OpenSpan::Place::kBlock>(span, measured) || span.set_plain(measured) ? 0 : span.set(measured);
}

[[gnu::noinline]] int count_refusal(OpenSpan span, int error) {
    Entry entry;
    if (!entry.too_deep())
        Provider::level(span.thread(), entry.depth()).writer.count(ring::Counter::kRefusedData);
    else
        count_shared(span.life(), ring::Counter::kRefusedData);
    return error;
}

namespace {

// A span that has outgrown its slot, and the general way for what OpenSpan::set_short() does not take.
[[gnu::noinline]] int set_any_string(OpenSpan open, const char* key, size_t key_size, const char* value,
                                     size_t value_size) {
    if (open.set_short<OpenSpan::Place::kBlock>(key, key_size, value, value_size)) return 0;
    spr_attribute attribute{key, key_size, SPR_TYPE_STRING, 0, {}};
    attribute.value.string = {value, value_size};
    if (open.set_plain(attribute)) return 0;
    return refused(open, open.set(attribute));
}

[[gnu::noinline]] int set_any_scalar(OpenSpan open, const char* key, size_t key_size, uint32_t type, uint64_t bits) {
    if (open.set_short<OpenSpan::Place::kBlock>(key, key_size, type, bits)) return 0;
    spr_attribute attribute{key, key_size, type, 0, {}};
    memcpy(&attribute.value, &bits, sizeof bits);
    return refused(open, open.set(attribute));
}

// Another span than the last is that from here on: more is said of it, most often. Apart, so that who names the last
// one saves no register for it. False: it is not open, or a handler's.
[[gnu::noinline]] bool go_back(const spr_span* span) {
    const uint64_t stamp = ring::ForkGuard::stamp();
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return false;
    const Entry entry;
    if (entry.depth() != 0) return false;
    SPR_HOT_PATH(kGoneBack);
    thread_local_state.last.set(span->handle, open.thread(), open.slot(), stamp);
    return true;
}

int set_scalar(const spr_span* span, const char* key, size_t key_size, uint32_t type, uint64_t bits);

// Of a span that is not the thread's last.
[[gnu::noinline]] int set_string_of_other(const spr_span* span, const char* key, size_t key_size, const char* value,
                                          size_t value_size) {
    if (go_back(span)) return spr_span_set_string(span, key, key_size, value, value_size);
    OpenSpan open;
    if (!OpenSpan::find(span, open)) [[unlikely]]
        return once_more<set_string_of_other>(span, key, key_size, value, value_size);
    return set_any_string(open, key, text_size(key, key_size), value, text_size(value, value_size));
}

[[gnu::noinline]] int set_measured_string(const spr_span* span, const char* key, size_t key_size, const char* value,
                                          size_t value_size) {
    OpenSpan open;
    if (!OpenSpan::last(span, open)) [[unlikely]]
        return set_string_of_other(span, key, key_size, value, value_size);
    return set_any_string(open, key, key_size, value, value_size);
}

// HOT as well: lengths that are still to be found out. Apart, so that what needs none of it saves no register for the
// calls.
[[gnu::noinline]] int set_string(const spr_span* span, const char* key, size_t key_size, const char* value,
                                 size_t value_size) {
    if (key_size != SPR_NUL && value_size != SPR_NUL) [[unlikely]]
        return set_measured_string(span, key, key_size, value, value_size);
    SPR_HOT_PATH(kTextToItsEnd);
    return spr_span_set_string(span, key, text_size(key, key_size), value, text_size(value, value_size));
}

[[gnu::noinline]] int set_scalar_of_other(const spr_span* span, const char* key, size_t key_size, uint32_t type,
                                          uint64_t bits) {
    if (go_back(span)) return set_scalar(span, key, key_size, type, bits);
    OpenSpan open;
    if (!OpenSpan::find(span, open)) [[unlikely]]
        return once_more<set_scalar_of_other>(span, key, key_size, type, bits);
    return set_any_scalar(open, key, text_size(key, key_size), type, bits);
}

[[gnu::noinline]] int set_scalar(const spr_span* span, const char* key, size_t key_size, uint32_t type, uint64_t bits) {
    key_size = text_size(key, key_size);
    OpenSpan open;
    if (!OpenSpan::last(span, open)) [[unlikely]]
        return set_scalar_of_other(span, key, key_size, type, bits);
    if (open.set_short(key, key_size, type, bits)) [[likely]]
        return 0;
    return set_any_scalar(open, key, key_size, type, bits);
}

[[gnu::always_inline]] inline int set_last_scalar(const spr_span* span, const char* key, size_t key_size, uint32_t type,
                                                  uint64_t bits) {
    OpenSpan open;
    if (OpenSpan::is_short(key_size) && OpenSpan::last(span, open)) [[likely]] {
        const spr_span* const volatile kept = span;  // as in spr_span_set_string()
        if (open.append(key, key_size, type, bits)) [[likely]] {
            SPR_HOT_PATH(kNumberInSlot);
            return 0;
        }
        return set_scalar(kept, key, key_size, type, bits);
    }
    return is_unrecorded(span) ? 0 : set_scalar(span, key, key_size, type, bits);
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_set_string(const spr_span* span, const char* key, size_t key_size, const char* value,
                        size_t value_size) noexcept {
    OpenSpan open;  // the sizes first: one that is to be found out needs nothing of the rest
    if (OpenSpan::are_short(key_size, value_size) && OpenSpan::last(span, open)) [[likely]] {
        // In memory, where it is if it is needed once more: a register for it would be one that has to be saved.
        const spr_span* const volatile kept = span;
        if (open.append(key, key_size, value, value_size)) [[likely]] {
            SPR_HOT_PATH(kTextInSlot);
            return 0;
        }
        return set_string(kept, key, key_size, value, value_size);
    }
    return is_unrecorded(span) ? 0 : set_string(span, key, key_size, value, value_size);
}

int spr_span_set_bool(const spr_span* span, const char* key, size_t key_size, int value) noexcept {
    return set_last_scalar(span, key, key_size, SPR_TYPE_BOOL, value != 0);
}

int spr_span_set_int64(const spr_span* span, const char* key, size_t key_size, int64_t value) noexcept {
    return set_last_scalar(span, key, key_size, SPR_TYPE_INT64, static_cast<uint64_t>(value));
}

int spr_span_set_double(const spr_span* span, const char* key, size_t key_size, double value) noexcept {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return set_last_scalar(span, key, key_size, SPR_TYPE_DOUBLE, bits);
}

int spr_span_set_attributes(const spr_span* span, const spr_attribute* attributes, size_t attribute_count) noexcept {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open))
        return once_more<spr_span_set_attributes>(span, attributes, attribute_count);
    if (attributes == nullptr && attribute_count != 0) return -EINVAL;
    return set_all(open, attributes, attribute_count);
}

int spr_span_add_event(const spr_span* span, const spr_event* event) noexcept {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) return once_more<spr_span_add_event>(span, event);
    if (event == nullptr) return -EINVAL;
    return refused(open, open.add(*event, event->time_ns != 0 ? 0 : now_of(open.slot())));
}

int spr_span_add_link(const spr_span* span, const spr_link* link) noexcept {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) return once_more<spr_span_add_link>(span, link);
    if (link == nullptr) return -EINVAL;
    return refused(open, open.add(*link));
}

int spr_span_record_exception(const spr_span* span, const spr_exception* exception) noexcept {
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return once_more<spr_span_record_exception>(span, exception);
    spr_exception space;
    int error = 0;
    const spr_exception* known = known_options(exception, space, error);
    if (known == nullptr) return error;
    if (known->type == nullptr && known->message == nullptr) return -EINVAL;
    if (known->attribute_count != 0 && known->attributes == nullptr) return -EINVAL;
    // Semantic conventions: exceptions/exceptions-spans.md.
    spr_attribute said[3];
    size_t count = 0;
    const auto say = [&](const char* key, const char* text, size_t size) {
        if (text == nullptr) return;
        said[count] = {key, SPR_NUL, SPR_TYPE_STRING, 0, {}};
        said[count++].value.string = {text, size};
    };
    say("exception.type", known->type, known->type_size);
    say("exception.message", known->message, known->message_size);
    say("exception.stacktrace", known->stacktrace, known->stacktrace_size);
    const spr_event event = {"exception",
                             SPR_NUL,
                             known->time_ns != 0 ? known->time_ns : now_of(open.slot()),
                             known->attributes,
                             known->attribute_count,
                             0,
                             0};
    return refused(open, open.add(event, event.time_ns, said, count));
}

int spr_span_set_status(const spr_span* span, int code, const char* message, size_t message_size) noexcept {
    OpenSpan open;
    return !OpenSpan::find(span, open) ? once_more<spr_span_set_status>(span, code, message, message_size)
                                       : open.set_status(code, message, message_size);
}

int spr_span_set_name(const spr_span* span, const char* name, size_t name_size) noexcept {
    OpenSpan open;
    return !OpenSpan::find(span, open) ? once_more<spr_span_set_name>(span, name, name_size)
                                       : open.set_name(name, name_size);
}

int spr_span_set_kind(const spr_span* span, int kind) noexcept {
    OpenSpan open;
    if (!OpenSpan::find(span, open)) return once_more<spr_span_set_kind>(span, kind);
    if (kind < SPR_KIND_INTERNAL || kind > SPR_KIND_CONSUMER) return -EINVAL;
    open.slot().kind = static_cast<uint8_t>(kind);
    return 0;
}

int spr_span_is_recording(const spr_span* span) noexcept {
    OpenSpan open;
    return OpenSpan::find(span, open) || once_more<spr_span_is_recording>(span) == 1;
}

}  // extern "C"

// ---- lib/trace/span/tail.hpp -----------------------------------------------------------------------------------------

namespace spanring::trace {

// What a span carries after its data: end time, kind, flags, counts of what was refused (rarely any).
struct Tail {
    explicit Tail(const ring::Slot& slot)
        : slot(slot), refused((slot.dropped_attributes | slot.dropped_events | slot.dropped_links) != 0) {}

    // What is never left out: of a span of which nothing was refused, all.
    static constexpr uint32_t kLeast = 9 + 2 + 6;
    static constexpr uint32_t kMost = kLeast + 3 * 6;

    uint32_t size() const {
        uint32_t size = kLeast;
        if (refused) [[unlikely]]
            for (const uint32_t count : {slot.dropped_attributes, slot.dropped_events, slot.dropped_links})
                if (count != 0) size += 1 + varint_size(count);
        return size;
    }
    // The first kLeast bytes.
    [[gnu::always_inline]] static uint8_t* write_least(uint8_t* at, const ring::Slot& slot, uint64_t end_unix_nano) {
        *at = tag(8, kFixed64);
        at = put_fixed64(at + 1, end_unix_nano);
        // Kind; field 16, fixed32, whose tag takes two bytes: SpanFlags, where 0x100 says that 0x200 (the parent is
        // remote) is known.
        constexpr uint64_t kTags = tag(6, kVarint) | 0x85u << 16 | 0x01u << 24;
        const uint32_t flags = slot.trace_flags | 0x100u | (slot.parent_flags & 2u) << 8;
        return put_fixed64(at, kTags | uint64_t{slot.kind} << 8 | uint64_t{flags} << 32);
    }
    void write(uint8_t* at, uint64_t end_unix_nano) const {
        at = write_least(at, slot, end_unix_nano);
        if (!refused) [[likely]]
            return;
        const auto put_count = [&](uint32_t field, uint32_t count) {
            if (count == 0) return;
            *at++ = tag(field, kVarint);
            at = put_varint(at, count);
        };
        put_count(10, slot.dropped_attributes);
        put_count(12, slot.dropped_events);
        put_count(14, slot.dropped_links);
    }

    const ring::Slot& slot;
    const bool refused;
};

}  // namespace spanring::trace

// ---- lib/trace/span/chosen_start.hpp ---------------------------------------------------------------------------------

//
// A start that is told its ids, or whether to record: by spr_start_options, or because the span was measured elsewhere.

namespace spanring::trace {

struct ChosenStart : spr_start_options {
    // A whole span's: its context, if it has one, is complete and valid, with flags; the span ends at once.
    bool whole = false;
};

}  // namespace spanring::trace

// ---- lib/trace/span/whole_span.hpp -----------------------------------------------------------------------------------

//
// The halves of spr_span_record().

namespace spanring::trace {

// What spr_span_start_with() returns.
int start_whole(spr_tracer* tracer, const char* name, size_t name_size, const ChosenStart& start_options,
                spr_span* ret_span);
// What spr_span_end_with() returns, of options that were checked.
int end_whole(OpenSpan span, const spr_end_options& options);

}  // namespace spanring::trace

// ---- lib/trace/span/end.cpp ------------------------------------------------------------------------------------------

//
// Ends. The hot path, in order: which span, room in the chunk, one copy, one commit.

namespace spanring::trace {
namespace {

using ring::Counter;
using ring::Slot;
using ring::SlotState;
using ring::SlotWord;
using ring::StdAtomics;

constexpr uint64_t kFullPause = 50'000;  // nanoseconds between two looks at a full ring, when the application waits

// Drops a span without a writer. A kill in the middle of this, and only of this, leaves the counters one short: what is
// counted by read-modify-writes of several threads has no intent to be corrected by.
[[gnu::noinline]] void drop_without_writer(OpenSpan span) {
    Slot& slot = span.slot();
    const SlotWord word = span.word();
    // relaxed: published with the state. Atomic for LevelWriter::settle(), which looks at slots of living threads as
    // well.
    StdAtomics::store(slot.intent_line, ring::LevelWriter::kSharedLine, std::memory_order_relaxed);
    // release: the line before the state that makes recovery look at it. Pairs with the acquire in
    // Recovery::settle_slot() and in LevelWriter::settle(). Without it the drop could be settled in the line of the
    // slot's last user.
    StdAtomics::store(slot.word, SlotWord{SlotState::kDropping, word.place, word.length}.pack(),
                      std::memory_order_release);
    count_shared(span.life(), Counter::kDroppedNested);
    count_shared(span.life(), Counter::kEnded);
    // release: the counts before the slot is free. Pairs with the acquire in Recovery::settle_slot(). Without it
    // recovery could find the slot free and the end uncounted.
    StdAtomics::store(slot.word, uint64_t{0}, std::memory_order_release);
    span.segment().give_slot(span.index());
}

bool wait_for_room(Life& life, Level& level, uint32_t bytes) {
    const uint64_t deadline = ring::Clock::read(CLOCK_MONOTONIC) + life.settings.full_wait;
    const int error = errno;
    bool room = false;
    while (!room && ring::Clock::read(CLOCK_MONOTONIC) < deadline) {
        const timespec pause{0, kFullPause};
        nanosleep(&pause, nullptr);
        room = level.writer.make_room(life.segment, bytes);
    }
    errno = error;
    return room;
}

constexpr uint32_t kMostHead = 3;  // of a record that is no larger than a slot
constexpr uint32_t kMostInChunk = ring::kJumboChunk - ring::kScopeRecordSize;

// There was no room. 1: there is, after all, or after a while. 0: the span waits in its slot. Or it is dropped and
// counted.
[[gnu::noinline]] int find_room(OpenSpan span, Level& level, uint32_t record, uint64_t end_unix_nano) {
    Life& life = span.life();
    if ((life.reap() && level.writer.make_room(span.segment(), record)) ||
        (life.settings.full_wait != 0 && wait_for_room(life, level, record)))
        return 1;
    if (level.writer.publish_wait(span.segment(), span.slot(), span.word(), end_unix_nano)) return 0;
    level.writer.publish_drop(span.segment(), span.slot(), span.index(), span.word(), Counter::kDroppedFull);
    return -ENOBUFS;
}

// A span of which less is left than it had has more room kept than it needs, which is looked for only when asked for.
bool has_kept_room(OpenSpan span, Level& level) {
    const uint32_t place = span.word().place;
    constexpr uint32_t kBesideData = ring::kSpareForEnd - ring::kScopeRecordSize;
    return place > ring::kBlockClasses &&
           level.writer.make_room(span.segment(), ring::data_capacity(place) + kBesideData);
}

// COLD. One that no chunk has room for gets a place of its own, which nothing comes into after it.
[[gnu::noinline]] int end_huge(OpenSpan span, Level& level, uint64_t end_unix_nano) {
    ring::Segment& segment = span.segment();
    Slot& slot = span.slot();
    const Tail tail(slot);
    const uint64_t word = span.packed_word();
    const uint32_t data_size = span.live_size(word);
    const uint32_t body = data_size + tail.size();
    const uint32_t record = 1 + varint_size(body) + body;
    // What a huge place holds open, one holds finished: no span is too big at its end.
    static_assert(Tail::kMost + 1 + 4 + ring::kScopeRecordSize <= ring::kSpareForEnd);
    if (!level.writer.make_room(segment, record) && !has_kept_room(span, level)) {
        const int found = find_room(span, level, record, end_unix_nano);
        if (found <= 0) return found;
    }
    uint8_t* at = level.writer.place(slot.scope);
    *at++ = ring::kSpanRecord;
    at = put_varint(at, body);
    span.copy_live(word, at, data_size);
    tail.write(at + data_size, end_unix_nano);
    SPR_TESTPOINT(huge_copied);
    level.writer.publish_end(segment, slot, span.index(), span.word(), record);
    level.writer.seal(segment);
    return 0;
}

[[gnu::always_inline]] inline int end(OpenSpan span, uint64_t end_time_ns) {
    Entry entry;
    if (entry.too_deep()) [[unlikely]] {
        // No writer may be used here: shared counters and the pools, which take calls at any signal level.
        drop_without_writer(span);
        return -EBUSY;
    }
    ring::Segment& segment = span.segment();
    Slot& slot = span.slot();
    Level& level = Provider::level(span.thread(), entry.depth());

    uint64_t end_unix_nano = end_time_ns != 0 ? end_time_ns : now_of(slot);
    if (end_unix_nano < slot.start_unix_nano) end_unix_nano = slot.start_unix_nano;

    const Tail tail(slot);
    const uint64_t word = span.packed_word();
    const uint32_t data_size = span.live_size(word);
    const uint32_t body = data_size + tail.size();
    const bool is_short = body < kShortLength;
    const uint32_t record = 1 + (is_short ? short_length_size(body) : varint_size(body)) + body;
    if (!is_short && record > kMostInChunk) [[unlikely]]
        return end_huge(span, level, end_unix_nano);
    if (!level.writer.make_room(segment, record)) [[unlikely]] {
        const int found = find_room(span, level, record, end_unix_nano);
        if (found <= 0) return found;
    }
    SPR_HOT_PATH(kEndElsewhere);
    uint8_t* at = level.writer.place(slot.scope);
    *at++ = ring::kSpanRecord;
    at = is_short ? put_short_length(at, body) : put_varint(at, body);
    span.copy_live(word, at, data_size);
    tail.write(at + data_size, end_unix_nano);
    level.writer.publish_end(segment, slot, span.index(), span.word(), record);  // again: kept over no call
    return 0;
}

// COLD. An end that did not find its span: once_more(), but a span that is open ends all the same where the thread can
// have no state in its life.
template <auto kEnd, class... Arguments>
[[gnu::noinline]] int end_once_more(const spr_span* span, Arguments... arguments) {
    if (span == nullptr) return -EINVAL;
    if (Provider::join(span->handle)) return kEnd(span, arguments...);
    const int reason = OpenSpan::why_not(span);
    if (reason != -EBUSY) return reason;
    Provider& provider = Provider::at(SpanHandle::unpack(span->handle).provider);
    const Visit inside(provider);
    Life* const life = inside ? provider.life() : nullptr;
    OpenSpan open;
    if (life == nullptr || !life->lives(span->handle) || !OpenSpan::find_in(*life, *span, open)) return -ESTALE;
    drop_without_writer(open);
    return -EBUSY;
}

[[gnu::noinline]] int end_any(const spr_span* span) {
    OpenSpan open;
    if (!OpenSpan::last(span, open)) {
        if (!OpenSpan::find(span, open)) [[unlikely]]
            return end_once_more<end_any>(span);
    }
    return end(open, 0);
}

// Copies at most kLittleData bytes in pieces of 64, the last one whole as well: what is beyond `size` there is read,
// and overwritten. No loop: a span has its ids and its name, so the first piece is never in vain.
constexpr uint32_t kPiece = 64;
constexpr uint32_t kLittleData = 192;
static_assert(kLittleData == 3 * kPiece && kLittleData <= ring::kSlotInlineData);
[[gnu::always_inline]] inline void copy_pieces(uint8_t* to, const uint8_t* from, uint32_t size) {
    copy_sixteens<kPiece>(to, from);
    if (size <= kPiece) return;
    copy_sixteens<kPiece>(to + kPiece, from + kPiece);
    if (size <= 2 * kPiece) return;
    copy_sixteens<kPiece>(to + 2 * kPiece, from + 2 * kPiece);
}

// kLittle: of the span that the thread started last, which has little data. kLarger: it has more. kOther: of another
// one than that, of many that are open most often.
enum class QuickEnd { kLittle, kLarger, kOther };

// HOT. What nearly all ends are: of a span in its slot, with room in the chunk, no handler running. As
// start_recorded(): where it will not do it, it has changed nothing. Of little data it calls nothing. What was written
// just now and is read in other pieces is waited for until it is out of the processor's way, and so is all that comes
// behind it: of more data the fewest stores count, which the C library has.
template <QuickEnd kEnd>
[[gnu::always_inline]] inline int end_quickly(const spr_span* span, const OpenSpan& open) {
    if (!open.is_plain() || thread_local_state.depth != 0) [[unlikely]]
        return end_any(span);
    thread_local_state.depth = 1;  // an Entry, by hand
    std::atomic_signal_fence(std::memory_order_seq_cst);
    Level& level = *open.thread().at[0];
    Slot& slot = open.slot();
    const ring::Clock& clock = Provider::clock();
    const uint64_t word = open.packed_word();
    const auto data_size = static_cast<uint32_t>(word);  // and its place is 0, in one look
    const uint64_t begin = slot.start_ticks;
    const uint64_t ticks = (clock.has_counter() ? clock.ticks() : 0) - begin;
    const bool is_measured = kEnd == QuickEnd::kOther ? clock.covers(ticks) : clock.is_measured(ticks);
    uint8_t* at = nullptr;
    constexpr uint32_t kMostData = kEnd == QuickEnd::kLittle ? kLittleData : ring::kSlotInlineData;
    if (begin != kNoTicks && is_measured && data_size <= kMostData &&
        (kEnd == QuickEnd::kOther || level.writer.may_keep_slot())) [[likely]]
        at = level.writer.place_of_same(slot.scope, kMostHead + data_size + kPiece + Tail::kLeast);
    if (at == nullptr) [[unlikely]] {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        thread_local_state.depth = 0;
        return end_any(span);
    }
    if constexpr (kEnd == QuickEnd::kLittle)
        SPR_HOT_PATH(kEndLittle);
    else if constexpr (kEnd == QuickEnd::kLarger)
        SPR_HOT_PATH(kEndLarger);
    else
        SPR_HOT_PATH(kEndOther);
    const uint64_t end_unix_nano =
        slot.start_unix_nano + (kEnd == QuickEnd::kOther ? clock.nanoseconds(ticks) : clock.soon(ticks));
    const uint32_t body = data_size + Tail::kLeast;
    uint8_t* const record = at;
    *at = ring::kSpanRecord;
    at = put_short_length(at + 1, body);
    if constexpr (kEnd == QuickEnd::kLittle)
        copy_pieces(at, slot.data, data_size);
    else
        memcpy(at, slot.data, data_size);
    at = Tail::write_least(at + data_size, slot, end_unix_nano);
    const ring::HeldSlot held = {&slot, open.index()};
    const auto bytes = static_cast<uint32_t>(at - record);
    if constexpr (kEnd == QuickEnd::kOther)
        level.writer.publish_end_of_other(open.segment(), held, word, bytes);
    else
        level.writer.publish_end_of_same(held, word, bytes);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    thread_local_state.depth = 0;
    return 0;
}

[[gnu::noinline]] int end_larger(const spr_span* span, ThreadState* state, Slot* slot, uint32_t index) {
    return end_quickly<QuickEnd::kLarger>(span, OpenSpan(*state, *slot, index));
}

// HOT as well. Its slot is found without a look into it, and all of it is asked for before the first.
[[gnu::noinline]] int end_other(const spr_span* span) {
    OpenSpan open;
    if (!OpenSpan::locate(span, open)) [[unlikely]]
        return end_any(span);
    open.prefetch();
    if (!open.is_open(*span)) [[unlikely]]
        return end_any(span);
    return end_quickly<QuickEnd::kOther>(span, open);
}

[[gnu::noinline]] int end_recorded(const spr_span* span) {
    OpenSpan open;
    if (!OpenSpan::last(span, open)) [[unlikely]]
        return end_other(span);
    if (static_cast<uint32_t>(open.packed_word()) > kLittleData)
        return end_larger(span, &open.thread(), &open.slot(), open.index());
    return end_quickly<QuickEnd::kLittle>(span, open);
}

// What is said of a span at its end, apart from its attributes.
[[gnu::noinline]] void add_last(OpenSpan span, const spr_end_options& options) {
    if (options.name != nullptr) refused(span, span.set_name(options.name, options.name_size));
    for (size_t i = 0; i < options.event_count; ++i)
        refused(span, span.add(options.events[i], options.events[i].time_ns != 0 ? 0 : now_of(span.slot())));
    // A message that is refused takes no status with it.
    if (options.status != SPR_STATUS_UNSET &&
        refused(span, span.set_status(options.status, options.status_message, options.status_message_size)) < 0)
        span.set_status(options.status, nullptr, 0);
}

int end_with(OpenSpan span, const spr_end_options& options) {
    set_all(span, options.attributes, options.attribute_count);
    if (options.name != nullptr || options.event_count != 0 || options.status != SPR_STATUS_UNSET)
        add_last(span, options);
    return end(span, options.end_time_ns);
}

}  // namespace

int end_whole(OpenSpan span, const spr_end_options& options) { return end_with(span, options); }

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_end(const spr_span* span) noexcept { return is_unrecorded(span) ? 0 : end_recorded(span); }

int spr_span_end_with(const spr_span* span, const spr_end_options* options) noexcept {
    spr_end_options space;
    int error = 0;
    const spr_end_options* known = known_options(options, space, error);
    if (known == nullptr) return error;
    if (known->status > SPR_STATUS_ERROR || (known->attribute_count != 0 && known->attributes == nullptr) ||
        (known->event_count != 0 && known->events == nullptr))
        return -EINVAL;
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open))
        return end_once_more<spr_span_end_with>(span, options);
    return end_with(open, *known);
}

}  // extern "C"

// ---- lib/trace/span/text_cut.hpp -------------------------------------------------------------------------------------

//
// What does not fit into its span because of its texts: they are cut, the longest first, until it does. A text that is
// cut says more than one that is lost.

namespace spanring::trace {

// Finds the longest texts with which something fits, reserves room for it and counts it as cut. measure(bytes) gives
// its size with no text of more than so many bytes, and was called last with those that fit. False: it does not fit,
// however short. COLD: only after a reserve() that failed.
template <class Measure>
[[gnu::noinline]] bool reserve_cut(Life& life, ring::SlotWriter& writer, Measure&& measure) {
    // Left for what is set afterwards: a status, a few attributes. The less there is, the less.
    constexpr uint32_t kKeptBack = 1024;
    for (uint32_t kept_back = kKeptBack;; kept_back /= 4) {
        const auto fits = [&](uint32_t bytes) {
            const uint64_t size = uint64_t{measure(bytes)} + kept_back;
            return size <= ring::kSlotDataMax && writer.reserve(static_cast<uint32_t>(size));
        };
        uint32_t fitting = 1, too_many = ring::kSlotDataMax;
        if (!fits(fitting)) {
            if (kept_back == 0) return false;
            continue;
        }
        while (too_many - fitting > 1) {
            const uint32_t middle = fitting + (too_many - fitting) / 2;
            (fits(middle) ? fitting : too_many) = middle;
        }
        measure(fitting);
        life.count_cut_text();
        return true;
    }
}

}  // namespace spanring::trace

// ---- lib/trace/span/open_span.cpp ------------------------------------------------------------------------------------

namespace spanring::trace {

using ring::Slot;
using ring::SlotState;
using ring::SlotWord;
using ring::SlotWriter;
using ring::StdAtomics;

namespace {

// Fields of opentelemetry.proto.trace.v1.Span that lie in a slot. All have tags of one byte.
constexpr uint8_t kTraceState = tag(3, kBytes);
constexpr uint8_t kName = tag(5, kBytes);
constexpr uint8_t kStatus = tag(15, kBytes);
constexpr uint8_t kStartTime = tag(7, kFixed64);

// A length of at most four bytes' worth, before `end`. False: there is none.
bool read_length(const uint8_t*& at, const uint8_t* end, uint32_t& ret_length) {
    ret_length = 0;
    for (int shift = 0; shift < 28 && at < end; shift += 7) {
        const uint8_t byte = *at++;
        ret_length |= uint32_t{byte & 0x7fu} << shift;
        if ((byte & 0x80) == 0) return true;
    }
    return false;
}

}  // namespace

int OpenSpan::why_not(const spr_span* span) {
    if (span == nullptr) return -EINVAL;
    Provider::check_fork();
    if ((span->handle & SpanHandle::kRecorded) == 0) return span->handle == 0 ? 0 : -ESTALE;
    Provider& provider = Provider::at(SpanHandle::unpack(span->handle).provider);
    const Visit inside(provider);
    Life* const life = inside ? provider.life() : nullptr;
    OpenSpan open;
    const bool is_open = life != nullptr && life->lives(span->handle) && find_in(*life, *span, open);
    return is_open && Provider::thread(span->handle) == nullptr ? -EBUSY : -ESTALE;
}

bool OpenSpan::find_in(Life& life, const spr_span& span, OpenSpan& ret) {
    const uint32_t index = SpanHandle::unpack(span.handle).slot;
    if (!life.segment.has_slot(index)) return false;
    Slot& slot = life.segment.view().slot(index);
    if (!is_open(slot, span.handle)) return false;
    ret = OpenSpan(life, nullptr, slot, index);
    return true;
}

// Each whole field. All are whole unless the span was used by several threads at once, against the rules.
template <class Visit>
void OpenSpan::each_field(SlotWord word, Visit&& visit) const {
    const uint8_t* at = ring::data_of(segment().view(), *slot_, word);
    if (at == nullptr) return;
    const uint8_t* const end = at + word.length;
    while (at < end) {
        const uint8_t* const begin = at;
        const uint8_t field = *at++;
        uint32_t size = 8;
        if (field != kStartTime && !read_length(at, end, size)) return;
        if (size > static_cast<size_t>(end - at)) return;
        if (!visit(field, begin, at, at + size)) return;
        at += size;
    }
}

void OpenSpan::supersede(uint32_t position) {
    const SlotWord word = this->word();
    uint8_t* const data = ring::data_of(segment().view(), *slot_, word);
    if (data == nullptr || position >= word.length) return;  // against the rules
    data[position] = ring::kSuperseded;
    ++slot_->superseded;
}

// Whether the span may have an attribute of that key. As long as all have tags these decide. Then the filter does, into
// which they come first, where there are any.
bool OpenSpan::may_have(KeyHash key) {
    const size_t tags_left = this->tags_left();
    if (tags_left != 0) return slot_->key_tags[tags_left] != key.tag() && is_tagged(key.tag(), tags_left);
    if (slot_->key_filter == 0) {
        const uint32_t tagged = slot_->attributes == 0 ? 0 : life_->settings.limits.short_attributes;
        for (uint32_t place = tagged; place != 0; --place)
            slot_->key_filter = KeyHash::tag_added_to(slot_->key_filter, slot_->key_tags[place]);
    }
    return key.is_in(slot_->key_filter);
}

void OpenSpan::count_key(KeyHash key) {
    const size_t tags_left = this->tags_left();
    if (tags_left == 0) {
        slot_->key_filter = key.added_to(slot_->key_filter);
        ++slot_->attributes;
        return;
    }
    if (slot_->key_tags[tags_left] != key.tag()) {
        if (is_tagged(key.tag(), tags_left))
            put_second_tag(slot_->key_tags, tags_left, key.tag());
        else
            put_tag(slot_->key_tags, tags_left, key.tag());
    }
    count_tagged();
}

bool OpenSpan::find_key(const char* key, uint32_t size, uint32_t& ret_position) const {
    bool found = false;
    uint32_t position = 0;
    each_field(word(), [&](uint8_t field, const uint8_t* begin, const uint8_t* body, const uint8_t* end) {
        ret_position = position;
        position += static_cast<uint32_t>(end - begin);
        if (field != kAttributeField || body == end) return true;
        ++body;  // tag of the key
        uint32_t key_size;
        if (!read_length(body, end, key_size) || key_size != size || size > static_cast<size_t>(end - body) ||
            memcmp(body, key, size) != 0)
            return true;
        found = true;
        return false;
    });
    return found;
}

bool OpenSpan::set_plain(const spr_attribute& from) {
    const PlainAttribute attribute(from);
    const uint32_t limit = life_->settings.limits.value_length;
    const uint32_t most = attribute.most(limit < PlainAttribute::kMostText ? limit : PlainAttribute::kMostText);
    if (tags_left() == 0 || most == PlainAttribute::kOther) return false;
    const KeyHash hash = attribute.hash();
    if (may_have(hash)) return false;
    const uint64_t word = packed_word();
    uint8_t* const field = place<Place::kBlock>(word, most);
    if (field == nullptr) return grow_for(attribute, most, hash);
    uint8_t* const end = attribute.write(field, kAttributeField);
    if (end == nullptr) return false;
    SPR_HOT_PATH(kPlain);
    publish(word, static_cast<uint32_t>(end - field));
    count_key(hash);
    return true;
}

// In a larger block, if there is one. None is taken in vain: a huge one stays taken, and set() would take another.
bool OpenSpan::grow_for(const PlainAttribute& attribute, uint32_t most, KeyHash hash) {
    SlotWriter writer(segment(), *slot_, word());
    if (!attribute.has_ascii_key() || !writer.reserve(most)) return false;
    uint8_t* const end = attribute.write(writer.next(), kAttributeField);
    if (end == nullptr) return false;  // its key has changed meanwhile, against the rules
    SPR_HOT_PATH(kGrown);
    writer.advance(static_cast<uint32_t>(end - writer.next()));
    writer.publish();
    count_key(hash);
    return true;
}

int OpenSpan::set(const spr_attribute& from) {
    Attribute attribute;
    if (!Attribute::check(from, attribute, {life_->settings.limits.value_length})) {
        ++slot_->dropped_attributes;
        return -EINVAL;
    }
    const KeyHash hash(attribute.key, attribute.key_size);
    uint32_t old = 0;
    const bool replaces = may_have(hash) && find_key(attribute.key, attribute.key_size, old);
    if (!replaces && slot_->attributes >= life_->settings.limits.attributes) {
        ++slot_->dropped_attributes;
        return -EDQUOT;
    }
    SlotWriter writer(segment(), *slot_, word());
    const auto measure = [&](uint32_t bytes) {
        Attribute::check(from, attribute, {life_->settings.limits.value_length, bytes});
        return attribute.field_size();
    };
    if (!writer.reserve(attribute.field_size()) && !reserve_cut(*life_, writer, measure)) {
        ++slot_->dropped_attributes;
        return -ENOBUFS;
    }
    attribute.write(writer, kAttributeField);
    writer.publish();
    // The new value is published before the old one goes: a kill in between leaves both, and recovery keeps the last.
    if (replaces)
        supersede(old);
    else
        count_key(hash);
    return 0;
}

int OpenSpan::set_name(const char* name, size_t given_size) {
    const size_t whole = text_size(name, given_size);
    if (whole > PTRDIFF_MAX) return -EINVAL;
    uint32_t size;
    const auto measure = [&](uint32_t bytes) {
        size = LengthLimit{kNoLengthLimit, bytes}.of_text(name, whole);
        return 1 + varint_size(size) + size;
    };
    SlotWriter writer(segment(), *slot_, word());
    if (!writer.reserve(measure(kMaxText)) && !reserve_cut(*life_, writer, measure)) return -ENOBUFS;
    const uint32_t position = writer.position();
    uint8_t head[8];
    head[0] = kName;
    uint8_t* end = put_varint(head + 1, size);
    writer.put(head, static_cast<uint32_t>(end - head));
    writer.put(name, size);
    writer.publish();
    if (slot_->name != 0) supersede(slot_->name);
    slot_->name = position;
    return 0;
}

int OpenSpan::set_trace_state(const char* text, size_t given_size) {
    const size_t size = text_size(text, given_size);
    if (size == 0) return 0;
    if (size > kMaxText || !is_utf8(text, size)) return -EINVAL;
    SlotWriter writer(segment(), *slot_, word());
    if (!writer.reserve(static_cast<uint32_t>(1 + varint_size(size) + size))) return -ENOBUFS;
    uint8_t head[8];
    head[0] = kTraceState;
    uint8_t* end = put_varint(head + 1, size);
    writer.put(head, static_cast<uint32_t>(end - head));
    writer.put(text, static_cast<uint32_t>(size));
    writer.publish();
    return 0;
}

int OpenSpan::set_status(int code, const char* message, size_t given_size) {
    if (code != SPR_STATUS_UNSET && code != SPR_STATUS_OK && code != SPR_STATUS_ERROR) return -EINVAL;
    const size_t whole = code == SPR_STATUS_ERROR ? text_size(message, given_size) : 0;
    if (whole > PTRDIFF_MAX) return -EINVAL;
    if (code == SPR_STATUS_UNSET || slot_->status_code == SPR_STATUS_OK) return 1;
    // Status: message 2, code 3. Written once in the end: a message field that occurs twice would be merged.
    uint32_t size, inside;
    const auto measure = [&](uint32_t bytes) {
        size = LengthLimit{kNoLengthLimit, bytes}.of_text(message, whole);
        inside = (size == 0 ? 0 : 1 + varint_size(size) + size) + 2;
        return 1 + varint_size(inside) + inside;
    };
    SlotWriter writer(segment(), *slot_, word());
    if (!writer.reserve(measure(kMaxText)) && !reserve_cut(*life_, writer, measure)) return -ENOBUFS;
    const uint32_t position = writer.position();
    uint8_t head[16];
    head[0] = kStatus;
    uint8_t* end = put_varint(head + 1, inside);
    *end++ = tag(3, kVarint);
    *end++ = static_cast<uint8_t>(code);
    if (size != 0) {
        *end++ = tag(2, kBytes);
        end = put_varint(end, size);
    }
    writer.put(head, static_cast<uint32_t>(end - head));
    if (size != 0) writer.put(message, size);
    writer.publish();
    if (slot_->status != 0) supersede(slot_->status);
    slot_->status = position;
    slot_->status_code = static_cast<uint8_t>(code);
    return 0;
}

uint32_t OpenSpan::live_size_of_rest(uint64_t word) const {
    uint32_t size = 0;
    each_field(SlotWord::unpack(word), [&](uint8_t field, const uint8_t* begin, const uint8_t*, const uint8_t* end) {
        if (field != ring::kSuperseded) size += static_cast<uint32_t>(end - begin);
        return true;
    });
    return size;
}

void OpenSpan::copy_rest(uint64_t packed, uint8_t* to, uint32_t size) const {
    const SlotWord word = SlotWord::unpack(packed);
    const uint8_t* const data = ring::data_of(segment().view(), *slot_, word);
    if (size == word.length && data != nullptr) {
        memcpy(to, data, size);
        return;
    }
    each_field(word, [&](uint8_t field, const uint8_t* begin, const uint8_t*, const uint8_t* end) {
        if (field == ring::kSuperseded) return true;
        const auto bytes = static_cast<uint32_t>(end - begin);
        if (bytes > size) return false;
        memcpy(to, begin, bytes);
        to += bytes;
        size -= bytes;
        return true;
    });
    memset(to, 0, size);  // none, unless against the rules: no span then, and the agent says so
}

}  // namespace spanring::trace

// ---- lib/trace/span/open_span_lists.cpp ------------------------------------------------------------------------------

//
// Events and links of an open span: one field each, of a size that is known before its bytes are written.

namespace spanring::trace {

using ring::SlotWriter;

namespace {

// Fields of opentelemetry.proto.trace.v1.Span.
constexpr uint8_t kEvent = tag(11, kBytes);
constexpr uint8_t kLink = tag(13, kBytes);

uint64_t text_field_size(size_t size) { return size == 0 ? 0 : 1 + varint_size(size) + size; }
uint64_t count_field_size(uint64_t count) { return count == 0 ? 0 : 1 + varint_size(count); }

void put_text(SlotWriter& writer, uint32_t field, const char* text, size_t size) {
    if (size == 0) return;
    uint8_t head[16];
    head[0] = tag(field, kBytes);
    writer.put(head, static_cast<uint32_t>(put_varint(head + 1, size) - head));
    writer.put(text, static_cast<uint32_t>(size));
}

void put_count(SlotWriter& writer, uint32_t field, uint64_t count) {
    if (count == 0) return;
    uint8_t bytes[16];
    bytes[0] = tag(field, kVarint);
    writer.put(bytes, static_cast<uint32_t>(put_varint(bytes + 1, count) - bytes));
}

// Room for a field, whole or with its texts cut; measure() as in reserve_cut(). False: there is none.
template <class Measure>
bool reserve(Life& life, SlotWriter& writer, Measure&& measure) {
    const uint64_t size = measure(kMaxText);
    if (size <= ring::kSlotDataMax && writer.reserve(static_cast<uint32_t>(size))) return true;
    return reserve_cut(life, writer, measure);
}

// LinkFlags as SpanFlags: 0x100 says that 0x200 (the context is remote) is known.
uint32_t flags_of(const spr_context& context) {
    return uint32_t{context.trace_flags} | 0x100 | (context.is_remote != 0 ? 0x200 : 0);
}

uint8_t* put_ids(uint8_t* to, const spr_context& context) {
    to[0] = tag(1, kBytes);
    to[1] = 16;
    memcpy(to + 2, context.trace_id, 16);
    to[18] = tag(2, kBytes);
    to[19] = 8;
    memcpy(to + 20, context.span_id, 8);
    return to + 28;
}

constexpr size_t kMostPlainName = 1024;

// Of those that are kept whole, and written in one pass.
size_t longest_text(const Limits& limits) {
    return limits.value_length < PlainAttribute::kMostText ? limits.value_length : PlainAttribute::kMostText;
}

// The place of a field of at most `most` bytes, behind its tag and length: of a length that may take two bytes. What
// takes one after all, moves.
uint8_t* body_of(uint8_t* field, uint32_t most) { return field + (most < 0x80 ? 2 : 3); }
uint32_t put_head(uint8_t* field, uint8_t field_tag, uint8_t* body, uint8_t* end) {
    const auto size = static_cast<uint32_t>(end - body);
    field[0] = field_tag;
    uint8_t* const after = put_short_length(field + 1, size);
    if (after != body) memmove(after, body, size);
    return static_cast<uint32_t>(after - field) + size;
}

// What the caller had to leave out and what is left out here; the field has 32 bits.
uint32_t sum(uint32_t before, uint32_t now) { return before > ~now ? ~uint32_t{0} : before + now; }

}  // namespace

void OpenSpan::add_dropped(uint32_t attributes, uint32_t events, uint32_t links) {
    slot_->dropped_attributes = sum(slot_->dropped_attributes, attributes);
    slot_->dropped_events = sum(slot_->dropped_events, events);
    slot_->dropped_links = sum(slot_->dropped_links, links);
}

// What was written in one piece behind the data is part of the span from now on.
void OpenSpan::publish(uint64_t word, uint32_t bytes) {
    // release: the bytes before the length that makes them part of the span, as in SlotWriter::publish().
    ring::StdAtomics::store(slot_->word, ring::SlotWord::longer(word, bytes), std::memory_order_release);
    SPR_TESTPOINT(written_in_one_pass);
}

bool OpenSpan::add_plain(const spr_event& event, uint64_t now_unix_nano) {
    const Limits& limits = life_->settings.limits;
    const PlainAttributes attributes(event.attributes, event.attribute_count);
    const size_t name_size = event.name_size;
    if (name_size > kMostPlainName || (event.name == nullptr && name_size != 0) || event.dropped_attributes != 0 ||
        slot_->events >= limits.events)
        return false;
    const uint32_t more = attributes.most(longest_text(limits), limits.event_attributes);
    const uint32_t most = 9 + 3 + static_cast<uint32_t>(name_size) + more;
    if (more == PlainAttributes::kOther || most >= kShortLength) return false;
    const uint64_t word = packed_word();
    uint8_t* const field = place<Place::kBlock>(word, most + 3);
    if (field == nullptr) return false;
    uint8_t* const body = body_of(field, most);
    *body = tag(1, kFixed64);
    uint8_t* end = put_fixed64(body + 1, event.time_ns != 0 ? event.time_ns : now_unix_nano);
    if (name_size != 0) {
        *end = tag(2, kBytes);
        end = put_short_length(end + 1, static_cast<uint32_t>(name_size));
        if (name_size <= kShortText)
            copy_short(end, event.name, name_size);
        else
            memcpy(end, event.name, name_size);
        end += name_size;
    }
    end = attributes.write(end, tag(3, kBytes));
    if (end == nullptr) return false;
    SPR_HOT_PATH(kEvent);
    publish(word, put_head(field, kEvent, body, end));
    ++slot_->events;
    return true;
}

// The same, where sizes are still to be found out, or the attributes are two lists.
[[gnu::noinline]] bool OpenSpan::add_measured(const spr_event& event, uint64_t now_unix_nano,
                                              const spr_attribute* first, size_t first_count) {
    MeasuredAttributes attributes;
    if (!attributes.add(first, first_count) || !attributes.add(event.attributes, event.attribute_count)) return false;
    spr_event measured = event;
    measured.name_size = text_size(event.name, event.name_size);
    measured.attributes = attributes.data();
    measured.attribute_count = attributes.count();
    return add_plain(measured, now_unix_nano);
}

int OpenSpan::add(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first, size_t first_count) {
    return (first_count == 0 && add_plain(event, now_unix_nano)) ||
                   add_measured(event, now_unix_nano, first, first_count)
               ? 0
               : add_any(event, now_unix_nano, first, first_count);
}

int OpenSpan::add_any(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first, size_t first_count) {
    const Limits& limits = life_->settings.limits;
    const size_t whole_name = text_size(event.name, event.name_size);
    int error = 0;
    if (whole_name > PTRDIFF_MAX)
        error = -EINVAL;
    else if (slot_->events >= limits.events)
        error = -EDQUOT;
    if (error != 0) {
        ++slot_->dropped_events;
        return error;
    }
    // Span.Event: time_unix_nano 1, name 2, attributes 3, dropped_attributes_count 4.
    AttributeList list;
    uint32_t name_size, dropped;
    uint64_t size;
    const auto measure = [&](uint32_t bytes) {
        list = AttributeList({first, first_count}, {event.attributes, event.attribute_count}, limits.event_attributes,
                             {limits.value_length, bytes});
        name_size = LengthLimit{kNoLengthLimit, bytes}.of_text(event.name, whole_name);
        dropped = sum(event.dropped_attributes, list.dropped());
        size = 9 + text_field_size(name_size) + list.size() + count_field_size(dropped);
        return 1 + varint_size(size) + size;
    };
    SlotWriter writer(segment(), *slot_, word());
    if (!reserve(*life_, writer, measure)) {
        ++slot_->dropped_events;
        return -ENOBUFS;
    }
    uint8_t head[24];
    head[0] = kEvent;
    uint8_t* end = put_varint(head + 1, size);
    *end++ = tag(1, kFixed64);
    end = put_fixed64(end, event.time_ns != 0 ? event.time_ns : now_unix_nano);
    writer.put(head, static_cast<uint32_t>(end - head));
    put_text(writer, 2, event.name, name_size);
    list.write(writer, tag(3, kBytes));
    put_count(writer, 4, dropped);
    writer.publish();
    ++slot_->events;
    return 0;
}

bool OpenSpan::add_plain(const spr_link& link) {
    const Limits& limits = life_->settings.limits;
    const PlainAttributes attributes(link.attributes, link.attribute_count);
    if (!is_valid(link.context) || (link.trace_state != nullptr && link.trace_state_size != 0) ||
        link.dropped_attributes != 0 || slot_->links >= limits.links)
        return false;
    const uint32_t more = attributes.most(longest_text(limits), limits.link_attributes);
    const uint32_t most = 28 + 5 + more;
    if (more == PlainAttributes::kOther || most >= kShortLength) return false;
    const uint64_t word = packed_word();
    uint8_t* const field = place<Place::kBlock>(word, most + 3);
    if (field == nullptr) return false;
    uint8_t* const body = body_of(field, most);
    uint8_t* const end = attributes.write(put_ids(body, link.context), tag(4, kBytes));
    if (end == nullptr) return false;
    end[0] = tag(6, kFixed32);
    SPR_HOT_PATH(kLink);
    publish(word, put_head(field, kLink, body, put_fixed32(end + 1, flags_of(link.context))));
    ++slot_->links;
    return true;
}

[[gnu::noinline]] bool OpenSpan::add_measured(const spr_link& link) {
    MeasuredAttributes attributes;
    if (!attributes.add(link.attributes, link.attribute_count)) return false;
    spr_link measured = link;
    measured.trace_state_size = text_size(link.trace_state, link.trace_state_size);
    measured.attributes = attributes.data();
    measured.attribute_count = attributes.count();
    return add_plain(measured);
}

int OpenSpan::add(const spr_link& link) { return add_plain(link) || add_measured(link) ? 0 : add_any(link); }

int OpenSpan::add_any(const spr_link& link) {
    const Limits& limits = life_->settings.limits;
    const size_t state_size = text_size(link.trace_state, link.trace_state_size);
    int error = 0;
    // Specification: trace/api.md, Link: one to an empty context is recorded where it says something else.
    const bool says_something =
        is_valid(link.context) || state_size != 0 || (link.attributes != nullptr && link.attribute_count != 0);
    if (!says_something || state_size > kMaxText || !is_utf8(link.trace_state, state_size))
        error = -EINVAL;
    else if (slot_->links >= limits.links)
        error = -EDQUOT;
    if (error != 0) {
        ++slot_->dropped_links;
        return error;
    }
    // Span.Link: trace_id 1, span_id 2, trace_state 3, attributes 4, dropped_attributes_count 5, flags 6.
    AttributeList list;
    uint32_t dropped;
    uint64_t size;
    const auto measure = [&](uint32_t bytes) {
        list = AttributeList({nullptr, 0}, {link.attributes, link.attribute_count}, limits.link_attributes,
                             {limits.value_length, bytes});
        dropped = sum(link.dropped_attributes, list.dropped());
        size = 18 + 10 + text_field_size(state_size) + list.size() + count_field_size(dropped) + 5;
        return 1 + varint_size(size) + size;
    };
    SlotWriter writer(segment(), *slot_, word());
    if (!reserve(*life_, writer, measure)) {
        ++slot_->dropped_links;
        return -ENOBUFS;
    }
    uint8_t head[48];
    head[0] = kLink;
    uint8_t* end = put_varint(head + 1, size);
    end = put_ids(end, link.context);
    writer.put(head, static_cast<uint32_t>(end - head));
    put_text(writer, 3, link.trace_state, state_size);
    list.write(writer, tag(4, kBytes));
    put_count(writer, 5, dropped);
    head[0] = tag(6, kFixed32);
    end = put_fixed32(head + 1, flags_of(link.context));
    writer.put(head, static_cast<uint32_t>(end - head));
    writer.publish();
    ++slot_->links;
    return 0;
}

}  // namespace spanring::trace

// ---- lib/trace/span/new_span.hpp -------------------------------------------------------------------------------------

//
// What a start writes: the ids, the slot, and the first bytes of the span.

namespace spanring::trace {

// The ids of a span as numbers, which stay in registers.
struct Ids {
    uint64_t trace[2];
    uint64_t span;

    [[gnu::always_inline]] void write(spr_context& ret_context, uint64_t tail) const {
        // One by one: as a loop they would be written twice, and read in larger pieces in between.
        uint8_t* at = put_fixed64(reinterpret_cast<uint8_t*>(&ret_context), trace[0]);
        at = put_fixed64(at, trace[1]);
        at = put_fixed64(at, span);
        put_fixed64(at, tail);
    }
    static Ids of(const spr_context& context) {
        Ids ids;
        memcpy(ids.trace, context.trace_id, sizeof ids.trace);
        memcpy(&ids.span, context.span_id, sizeof ids.span);
        return ids;
    }
};

// Bytes of a new span: trace id, span id, parent, start time. Returns their number; at most 47.
[[gnu::always_inline]] inline uint32_t write_identity(uint8_t* to, Ids ids, const spr_context* parent, uint64_t start) {
    uint8_t* at = to;
    *at++ = tag(1, kBytes);
    *at++ = 16;
    at = put_fixed64(at, ids.trace[0]);
    at = put_fixed64(at, ids.trace[1]);
    *at++ = tag(2, kBytes);
    *at++ = 8;
    at = put_fixed64(at, ids.span);
    if (parent != nullptr) {
        *at++ = tag(4, kBytes);
        *at++ = 8;
        memcpy(at, parent->span_id, 8);
        at += 8;
    }
    *at++ = tag(7, kFixed64);
    return static_cast<uint32_t>(put_fixed64(at, start) - to);
}

[[gnu::noinline]] inline uint32_t write_any_name(uint8_t* to, const char* name, size_t given_size) {
    const size_t size = text_size(name, given_size);
    if (size > ring::kSlotInlineData - 64) return 0;
    to[0] = tag(5, kBytes);
    uint8_t* const text = put_varint(to + 1, size);
    if (size != 0) memcpy(text, name, size);
    return static_cast<uint32_t>(text + size - to);
}

// The name as a field where it fits into the slot itself, as nearly all do. Returns its bytes; 0: it does not fit. One
// that is not UTF-8 is repaired by the agent, as every text is.
[[gnu::always_inline]] inline uint32_t write_name(uint8_t* to, const char* name, size_t size) {
    if (size <= kShortText && name != nullptr) [[likely]] {
        to[0] = tag(5, kBytes);
        to[1] = static_cast<uint8_t>(size);
        copy_short(to + 2, name, size);
        return static_cast<uint32_t>(2 + size);
    }
    return write_any_name(to, name, size);
}

// The ids of a new span.
[[gnu::always_inline]] inline Ids make_ids(Random& random, const spr_context* parent) {
    Ids ids;
    if (parent != nullptr)
        memcpy(ids.trace, parent->trace_id, sizeof ids.trace);
    else
        random.trace_id(ids.trace);
    ids.span = random.span_id();
    return ids;
}

// What a new span's slot says, but for the times and its data. Returns its generation.
[[gnu::always_inline]] inline uint32_t fill(ring::Slot& slot, const spr_tracer& tracer, const ThreadState& thread,
                                            uint8_t kind, uint64_t tail, const spr_context* parent) {
    const uint32_t generation = slot.generation + 1;
    // relaxed: published with the word, by publish_start(). Pairs with the acquire in OpenSpan::find().
    ring::StdAtomics::store(slot.generation, generation, std::memory_order_relaxed);
    slot.scope =
        ring::StdAtomics::load(tracer.scope, std::memory_order_relaxed);  // as `published`, which came after it
    slot.thread = thread.thread;
    slot.dropped_attributes = 0;
    memset(reinterpret_cast<uint8_t*>(&slot) + offsetof(ring::Slot, dropped_events), 0,
           8);  // with dropped_links: is_plain()
    slot.status = 0;
    slot.kind = kind != 0 ? kind : SPR_KIND_INTERNAL;
    slot.status_code = SPR_STATUS_UNSET;
    slot.trace_flags = static_cast<uint8_t>(tail);
    slot.parent_flags = static_cast<uint8_t>(parent == nullptr ? 0 : parent->is_remote != 0 ? 3 : 1);
    slot.attributes = 0;
    slot.tags_left = thread.life->settings.limits.short_attributes;
    slot.events = slot.links = slot.superseded = slot.reserved = 0;
    slot.key_filter = 0;
    return generation;
}

}  // namespace spanring::trace

// ---- lib/trace/span/start.cpp ----------------------------------------------------------------------------------------

//
// Starts. The hot path, in order: which thread, which context, is it sampled, a slot, its bytes.

namespace spanring::trace {
namespace {

using ring::Counter;
using ring::Slot;
using ring::SlotState;
using ring::SlotWord;
using ring::StdAtomics;

constexpr uint64_t kRecordsNothing = ring::PolicyBits::kDisabled | ring::PolicyBits::kRetired;

void pass_through(const spr_context* parent, spr_span* ret_span) {
    ret_span->handle = 0;
    if (parent != nullptr)
        ret_span->context = *parent;
    else
        memset(&ret_span->context, 0, sizeof ret_span->context);
}

// What is known about the parent before the start.
const spr_context* choose_parent(const spr_start_options& options, const spr_token* top) {
    switch (options.parent_mode) {
        case SPR_PARENT_CURRENT: return top != nullptr ? &top->context : nullptr;
        case SPR_PARENT_EXPLICIT:
            return options.parent != nullptr && is_valid(*options.parent) ? options.parent : nullptr;
        default: return nullptr;
    }
}

// What the first publication of a span had no room for. Refusals are counted. Whether it keeps a trace state that
// spans below it and requests take over.
[[gnu::noinline]] bool add_rest(OpenSpan span, Level& level, uint64_t tail, const char* name, size_t name_size,
                                const spr_start_options& options) {
    uint32_t refused = 0;
    if (span.slot().name == 0 && span.set_name(name, name_size) != 0) ++refused;
    const std::string_view given = view_of(options.trace_state, options.trace_state_size);
    const SampledTraceState state(given, tail);
    const bool kept = !state.view().empty() && span.set_trace_state(state.view().data(), state.view().size()) == 0;
    if (!kept && !state.view().empty()) ++refused;
    for (size_t i = 0; i < options.attribute_count; ++i)
        if (!set_short(span, options.attributes[i]) && set_any(span, options.attributes[i]) != 0) ++refused;
    for (size_t i = 0; i < options.link_count; ++i)
        if (span.add(options.links[i]) != 0) ++refused;
    if (refused != 0) level.writer.count(Counter::kRefusedData, refused);
    return kept && !given.empty();
}

// A provider that is off or shut down, in a child as in its parent. HOT where it is off.
[[gnu::always_inline]] inline int start_off(const Provider& provider, const spr_context* parent, spr_span* ret_span) {
    SPR_HOT_PATH(kStartOff);
    pass_through(parent, ret_span);
    return provider.state() == Provider::kOff ? provider.error() : -ESHUTDOWN;
}

int refuse_start(const spr_tracer& tracer, const spr_context* parent, spr_span* ret_span) {
    Provider& provider = Provider::of(tracer);
    if (!provider.starts().any()) return start_off(provider, parent, ret_span);
    pass_through(parent, ret_span);
    const Visit inside(provider);
    if (!inside) return -ESHUTDOWN;
    if (Life* const life = provider.life()) {
        count_shared(*life, Counter::kNotStartedNested);
    } else if (const int error = provider.error(); error != 0) {
        provider.count_unmade();
        return error;
    }
    return -EBUSY;
}

// The context of a new span except for its tail. Returns that, as it is where the parent is followed, but for the
// sampled flag: never remote.
[[gnu::always_inline]] inline uint64_t make_ids(Random& random, const spr_context* parent, spr_context& ret_context) {
    uint64_t tail = SPR_TRACE_FLAG_RANDOM;
    if (parent != nullptr) {
        memcpy(ret_context.trace_id, parent->trace_id, sizeof ret_context.trace_id);
        tail = ContextTail::read(*parent) & (ContextTail::kSampling | SPR_TRACE_FLAG_RANDOM);
    } else {
        uint64_t id[2];
        random.trace_id(id);
        memcpy(ret_context.trace_id, id, sizeof id);
    }
    const uint64_t id = random.span_id();
    memcpy(ret_context.span_id, &id, sizeof id);
    return tail;
}

// A span that will be recorded wakes the agent, where it sleeps. Ahead of the span's end, which cannot look any more.
bool wake_agent_for(Life& life, uint64_t policy) {
    if ((policy & ring::PolicyBits::kAsleep) != 0) life.segment.wake_agent();
    return true;
}

// What a policy other than 0 says to a span that the caller wants recorded.
[[gnu::noinline]] bool admits(Life& life, uint64_t policy) {
    return (policy & kRecordsNothing) == 0 && wake_agent_for(life, policy);
}

// Whether the span is sampled, where that takes a thought: a directive is in force, or the sampler looks at more than
// the parent. The tail has the threshold afterwards, if there is one.
[[gnu::noinline]] bool decide(Life& life, Level& level, uint64_t policy, const spr_context* parent,
                              const spr_context& context, const spr_start_options& options, uint64_t& tail) {
    const uint64_t followed = tail;
    tail &= ~ContextTail::kSampling;
    if ((policy & kRecordsNothing) != 0) return false;
    const Sampler& sampler = life.settings.sampler;
    if (sampler.follows(parent)) {
        tail = followed;
        return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0 && wake_agent_for(life, policy);
    }
    const auto directive = ring::SamplingDirective::unpack(policy);
    ring::Clock& clock = Provider::clock();
    const uint64_t now = sampler.needs_time(directive) ? clock.unix_nano(level.anchor, clock.ticks()) : 0;
    uint64_t randomness = Sampler::randomness(context.trace_id);
    SampledTraceState::randomness(view_of(options.trace_state, options.trace_state_size), randomness);
    const Sampler::Decision decision = sampler.decide(directive, life.rate_limiter, randomness, now);
    if (decision.sampled && decision.has_threshold) tail |= ContextTail::of_threshold(decision.threshold);
    return decision.sampled && wake_agent_for(life, policy);
}

[[gnu::always_inline]] inline int unsampled(Level& level, spr_context& context, uint64_t tail, spr_span* ret_span) {
    ContextTail::write(context, tail & SPR_TRACE_FLAG_RANDOM);
    ret_span->handle = 0;
    ret_span->context = context;
    level.writer.count_unsampled();
    return 0;
}

uint64_t policy_of(const ThreadState& thread) {
    // relaxed: a switch; the next start sees it.
    return StdAtomics::load(thread.life->segment.view().control().policy, std::memory_order_relaxed);
}

// kPlain: the options are the defaults, which the compiler then knows. kWith: they leave ids and the decision open.
// kChosen: they are a ChosenStart.
enum class StartCall { kPlain, kWith, kChosen };
constexpr spr_start_options kDefaults = SPR_START_OPTIONS_INIT;
template <StartCall kCall>
using OptionsOf = std::conditional_t<kCall == StartCall::kChosen, ChosenStart, spr_start_options>;

template <StartCall kCall>
bool is_whole([[maybe_unused]] const OptionsOf<kCall>& options) {
    if constexpr (kCall == StartCall::kChosen) return options.whole;
    return false;
}

bool has_trace_id(const spr_context& context) { return !is_same_trace(context, spr_context{}); }
bool has_span_id(const spr_context& context) {
    constexpr uint8_t kNone[sizeof context.span_id] = {};
    return memcmp(context.span_id, kNone, sizeof kNone) != 0;
}

bool is_of_another_trace(const spr_context* own, const spr_context* parent) {
    return own != nullptr && parent != nullptr && has_trace_id(*own) && !is_same_trace(*own, *parent);
}

// make_ids(), where ids are said.
uint64_t choose_ids(Random& random, const spr_context* parent, const ChosenStart& options, spr_context& ret_context) {
    uint64_t tail = make_ids(random, parent, ret_context);
    if (options.context == nullptr) return tail;
    const spr_context& own = *options.context;
    if (options.whole) {
        ret_context = own;
        return ContextTail::read(own) & (ContextTail::kSampling | 0xff);
    }
    if (parent == nullptr && has_trace_id(own)) {
        memcpy(ret_context.trace_id, own.trace_id, sizeof own.trace_id);
        tail = own.trace_flags & SPR_TRACE_FLAG_RANDOM;
    }
    if (has_span_id(own)) memcpy(ret_context.span_id, own.span_id, sizeof own.span_id);
    return tail;
}

// Whether the span is sampled, by the caller's word. A probability goes with it only where the parent's goes on.
bool decide_by_word(Life& life, const spr_start_options& options, bool whole, uint64_t policy,
                    const spr_context* parent, uint64_t& tail) {
    const bool follows = whole || (parent != nullptr && (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0);
    if (!follows) tail &= ~ContextTail::kSampling;
    return options.sampling == SPR_SAMPLING_RECORD && (policy == 0 || admits(life, policy));
}

template <StartCall kCall>
[[gnu::noinline]] int start_any(spr_tracer* tracer, const char* name, size_t name_size, const spr_context* parent,
                                spr_span* ret_span, const OptionsOf<kCall>& given) {
    const spr_start_options& options = kCall == StartCall::kPlain ? kDefaults : given;
    Provider::check_fork();
    ThreadState* const thread = Provider::of(*tracer).thread(*tracer);
    Entry entry;
    if (thread == nullptr || entry.too_deep()) [[unlikely]]
        return refuse_start(*tracer, parent, ret_span);
    Life& life = *thread->life;
    ring::Segment& segment = life.segment;
    Level& level = Provider::level(*thread, entry.depth());

    spr_context context;
    const uint64_t policy = policy_of(*thread);
    uint64_t tail;
    if constexpr (kCall == StartCall::kChosen)
        tail = choose_ids(level.random, parent, given, context);
    else
        tail = make_ids(level.random, parent, context);
    const bool is_said = kCall == StartCall::kChosen && options.sampling != SPR_SAMPLING_ASK;
    const bool sampled = is_said
                             ? decide_by_word(life, options, is_whole<kCall>(given), policy, parent, tail)
                             : (policy == 0 && life.settings.sampler.accepts(parent, tail & ContextTail::kSampling)) ||
                                   decide(life, level, policy, parent, context, options, tail);
    if (!sampled) [[unlikely]]
        return unsampled(level, context, tail, ret_span);
    tail |= SPR_TRACE_FLAG_SAMPLED;
    ContextTail::write(context, tail);

    ring::HeldSlot held = level.writer.take_slot(segment);
    if (!held && life.reap()) held = level.writer.take_slot(segment);
    if (!held) [[unlikely]] {
        level.writer.count(Counter::kNotStartedSlot);
        pass_through(parent, ret_span);
        return -ENOBUFS;
    }
    Slot& slot = *held.slot;
    ring::Clock& clock = Provider::clock();
    if (options.start_time_ns == 0) [[likely]] {
        slot.start_ticks = clock.ticks();
        slot.start_unix_nano = clock.unix_nano(level.anchor, slot.start_ticks);
    } else {
        slot.start_ticks = kNoTicks;  // it began at another time than this: a later "now" does not count from here
        slot.start_unix_nano = options.start_time_ns;
    }
    fill(slot, *tracer, *thread, options.kind, tail, parent);
    uint32_t length = write_identity(slot.data, Ids::of(context), parent, slot.start_unix_nano);

    // A name that fits is part of the first publication; a longer one follows.
    const uint32_t name_bytes = write_name(slot.data + length, name, name_size);
    slot.name = name_bytes != 0 ? length : 0;
    length += name_bytes;
    level.writer.publish_start(slot, SlotWord{SlotState::kOpen, 0, length});
    if constexpr (kCall == StartCall::kChosen) SPR_HOT_PATH(kStartWithContext);

    ret_span->handle = life.handle(held.index, slot.generation);
    ret_span->context = context;
    // A whole span ends at once; the one that the thread is in goes on.
    if (!is_whole<kCall>(given) && entry.depth() == 0)
        thread_local_state.last.set(ret_span->handle, *thread, slot, ring::ForkGuard::stamp());
    if (name_bytes == 0 || ContextTail::has_threshold(tail) || options.trace_state != nullptr ||
        options.attribute_count != 0 || options.link_count != 0) [[unlikely]] {
        const bool keeps = add_rest(OpenSpan(*thread, slot, held.index), level, tail, name, name_size, options);
        if (keeps && !is_whole<kCall>(given))
            ContextTail::write(ret_span->context, tail | ContextTail::kKeepsTraceState);
    }
    return 1;
}

// What comes with a span that has just been started: add_rest(), for whoever has left all else behind.
[[gnu::noinline]] int add_given(const spr_span* span, const spr_start_options& options) {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) return 1;  // a handler shut the provider down
    SPR_HOT_PATH(kStartGiven);
    set_all(open, options.attributes, options.attribute_count);
    for (size_t i = 0; i < options.link_count; ++i) refused(open, open.add(options.links[i]));
    return 1;
}

// HOT. What nearly all starts are: nothing is made first, the sampler need not think, no handler runs. It calls
// nothing, so that it saves few registers, and where it finds out that it will not do it has changed nothing:
// start_any() begins anew.
template <StartCall kCall>
[[gnu::noinline]] int start_recorded(spr_tracer* tracer, const char* name, size_t name_size, const spr_context* parent,
                                     spr_span* ret_span, const OptionsOf<kCall>& given) {
    const spr_start_options& options = kCall == StartCall::kPlain ? kDefaults : given;
    ThreadState* const thread = thread_local_state.states[Provider::of(*tracer).index()];
    // acquire: as in Provider::thread().
    if (ring::ForkGuard::in_doubt() || thread == nullptr ||
        StdAtomics::load(tracer->published, std::memory_order_acquire) != thread->life->number || name == nullptr ||
        thread_local_state.depth != 0) [[unlikely]]
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    if (options.start_time_ns != 0 || options.trace_state != nullptr) [[unlikely]]
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    uint64_t tail = parent == nullptr ? SPR_TRACE_FLAG_RANDOM : ContextTail::read(*parent);
    if (policy_of(*thread) != 0 || (tail & ContextTail::kSampling) != 0 ||
        !thread->life->settings.sampler.accepts(parent, 0)) [[unlikely]]
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    tail = (tail & SPR_TRACE_FLAG_RANDOM) | SPR_TRACE_FLAG_SAMPLED;

    // An Entry, by hand: nothing is left to do after a call. What it has for itself is looked at inside.
    thread_local_state.depth = 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const Life& life = *thread->life;
    Level& level = *thread->at[0];
    const ring::Clock& clock = Provider::clock();
    const uint64_t ticks = clock.has_counter() ? clock.ticks() : 0;
    if (!level.writer.has_kept_slot() || !ring::Clock::is_fresh(level.anchor, ticks)) [[unlikely]] {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        thread_local_state.depth = 0;
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    }
    if (parent == nullptr)
        SPR_HOT_PATH(kStartRoot);
    else
        SPR_HOT_PATH(kStartBelow);
    const ring::HeldSlot held = level.writer.take_kept_slot();
    Slot& slot = *held.slot;
    const uint64_t start = level.anchor.unix_nano + clock.soon(ticks - level.anchor.ticks);
    slot.start_ticks = ticks;
    slot.start_unix_nano = start;
    const Ids ids = make_ids(level.random, parent);
    const uint32_t generation = fill(slot, *tracer, *thread, options.kind, tail, parent);
    uint32_t length = write_identity(slot.data, ids, parent, start);
    slot.name = length;
    length += write_name(slot.data + length, name, name_size);
    level.writer.publish_start(slot, SlotWord{SlotState::kOpen, 0, length});

    const uint64_t handle = life.handle(held.index, generation);
    ret_span->handle = handle;
    ids.write(ret_span->context, tail);
    thread_local_state.last.set(handle, *thread, slot, ring::ForkGuard::stamp());
    std::atomic_signal_fence(std::memory_order_seq_cst);
    thread_local_state.depth = 0;
    return (options.attribute_count | options.link_count) == 0 ? 1 : add_given(ret_span, options);
}

// HOT as well: a name whose length is still to be found out. Or one that is long.
template <StartCall kCall>
[[gnu::noinline]] int start_to_its_end(spr_tracer* tracer, const char* name, size_t name_size,
                                       const spr_context* parent, spr_span* ret_span, const OptionsOf<kCall>& given) {
    if (name_size != SPR_NUL || name == nullptr || (name_size = strlen(name)) > kShortText) [[unlikely]]
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    SPR_HOT_PATH(kStartToItsEnd);
    return start_recorded<kCall>(tracer, name, name_size, parent, ret_span, given);
}

// Under a context that was attached with a trace state: the span's, if it is of that trace and brings none. (A whole
// span says its own.)
template <StartCall kCall>
[[gnu::noinline]] int start_inheriting(spr_tracer* tracer, const char* name, size_t name_size,
                                       const spr_context* parent, spr_span* ret_span, const OptionsOf<kCall>& given) {
    OptionsOf<kCall> options = given;
    TraceStateRoom room;
    if (parent != nullptr && view_of(given.trace_state, given.trace_state_size).empty()) {
        std::string_view inherited = kept_trace_state(thread_local_state.top, *parent, room);
        if (inherited.empty()) inherited = attached_trace_state(thread_local_state.top, *parent);
        options.trace_state = inherited.data();
        options.trace_state_size = inherited.size();
    }
    return start_any<kCall>(tracer, name, name_size, parent, ret_span, options);
}

// Whether the agent's directive overrules a sampler that refuses.
bool is_overruled(const ThreadState& thread, const spr_context* parent) {
    return (policy_of(thread) & ring::PolicyBits::kSamplingKind) != 0 && !thread.life->settings.sampler.follows(parent);
}

// Ends up unsampled as well, where the thread's state or its writer must be made first.
[[gnu::noinline]] int start_first_unsampled(spr_tracer* tracer, const char* name, size_t name_size,
                                            const spr_context* parent, spr_span* ret_span,
                                            const spr_start_options& options) {
    Provider::check_fork();
    ThreadState* const thread = Provider::of(*tracer).thread(*tracer);
    if (thread != nullptr && is_overruled(*thread, parent))
        return start_inheriting<StartCall::kWith>(tracer, name, name_size, parent, ret_span, options);
    Entry entry;
    if (thread == nullptr || entry.too_deep()) return refuse_start(*tracer, parent, ret_span);
    Level& level = Provider::level(*thread, entry.depth());
    spr_context context;
    return unsampled(level, context, make_ids(level.random, parent, context), ret_span);
}

// HOT. The sampler refused before there was a trace id, and no handler runs. Apart from start_any() because it needs so
// much less: it calls nothing and returns, so that no register is saved. A writer with a line is open.
template <StartCall kCall>
[[gnu::noinline]] int start_unsampled(spr_tracer* tracer, const char* name, size_t name_size, const spr_context* parent,
                                      spr_span* ret_span, const OptionsOf<kCall>& given) {
    const spr_start_options& options = kCall == StartCall::kPlain ? kDefaults : given;
    const ThreadState* thread = thread_local_state.states[Provider::of(*tracer).index()];
    // acquire: as in Provider::thread().
    if (ring::ForkGuard::in_doubt() || thread == nullptr ||
        StdAtomics::load(tracer->published, std::memory_order_acquire) != thread->life->number ||
        thread_local_state.depth != 0 || is_overruled(*thread, parent)) [[unlikely]]
        return start_first_unsampled(tracer, name, name_size, parent, ret_span, options);
    Level& level = *thread->at[0];
    thread_local_state.depth = 1;  // an Entry, by hand
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (!level.writer.has_line()) [[unlikely]] {
        thread_local_state.depth = 0;
        return start_first_unsampled(tracer, name, name_size, parent, ret_span, options);
    }
    SPR_HOT_PATH(kStartUnsampled);
    const uint64_t tail = make_ids(level.random, parent, ret_span->context);
    ContextTail::write(ret_span->context, tail & SPR_TRACE_FLAG_RANDOM);
    ret_span->handle = 0;
    level.writer.count_unsampled_in_line();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    thread_local_state.depth = 0;
    return 0;
}

int refuse(int error, spr_span* ret_span) {
    *ret_span = spr_span{};
    return error;
}

// What can be decided with nothing saved and nothing called.
template <StartCall kCall>
[[gnu::always_inline]] inline int start(spr_tracer* tracer, const char* name, size_t name_size,
                                        const OptionsOf<kCall>& options, spr_span* ret_span) {
    const spr_token* const top = thread_local_state.top;
    const spr_context* parent = choose_parent(options, top);
    if (parent != nullptr && !is_valid(*parent)) parent = nullptr;
    if constexpr (kCall == StartCall::kChosen)
        if (!options.whole && is_of_another_trace(options.context, parent)) return refuse(-EINVAL, ret_span);
    const Provider& provider = Provider::of(*tracer);
    const Provider::Starts starts = provider.starts();
    if (!starts.any()) [[unlikely]]
        return start_off(provider, parent, ret_span);
    if constexpr (kCall != StartCall::kChosen)
        if (starts.refuses(parent)) return start_unsampled<kCall>(tracer, name, name_size, parent, ret_span, options);
    constexpr StartCall kInheriting = kCall == StartCall::kPlain ? StartCall::kWith : kCall;  // it gets a trace state
    if (!is_whole<kCall>(options) && parent != nullptr && may_inherit(top)) [[unlikely]]
        return start_inheriting<kInheriting>(tracer, name, name_size, parent, ret_span, options);
    if constexpr (kCall == StartCall::kChosen)
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, options);
    else if (name_size > kShortText) [[unlikely]]
        return start_to_its_end<kCall>(tracer, name, name_size, parent, ret_span, options);
    else
        return start_recorded<kCall>(tracer, name, name_size, parent, ret_span, options);
}

// COLD. Options of another release, or none. Apart: those of this one take no room on the stack.
[[gnu::noinline]] int start_with_others(spr_tracer* tracer, const char* name, size_t name_size,
                                        const spr_start_options* options, spr_span* ret_span) {
    spr_start_options known;
    if (const int error = read_options(options, known); error != 0) return refuse(error, ret_span);
    known.struct_size = sizeof known;
    return spr_span_start_with(tracer, name, name_size, &known, ret_span);
}

[[gnu::noinline]] int start_chosen(spr_tracer* tracer, const char* name, size_t name_size,
                                   const spr_start_options& options, spr_span* ret_span) {
    ChosenStart chosen;
    static_cast<spr_start_options&>(chosen) = options;
    return start<StartCall::kChosen>(tracer, name, name_size, chosen, ret_span);
}

}  // namespace

int start_whole(spr_tracer* tracer, const char* name, size_t name_size, const ChosenStart& start_options,
                spr_span* ret_span) {
    return start<StartCall::kChosen>(tracer, name, name_size, start_options, ret_span);
}

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_start(spr_tracer* tracer, const char* name, size_t name_size, spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    if (tracer == nullptr) [[unlikely]]
        return refuse(-EINVAL, ret_span);
    return start<StartCall::kPlain>(tracer, name, name_size, kDefaults, ret_span);
}

int spr_span_start_with(spr_tracer* tracer, const char* name, size_t name_size, const spr_start_options* options,
                        spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    if (tracer == nullptr) [[unlikely]]
        return refuse(-EINVAL, ret_span);
    if (options == nullptr || options->struct_size != sizeof *options) [[unlikely]]
        return start_with_others(tracer, name, name_size, options, ret_span);
    if (options->kind > SPR_KIND_CONSUMER || options->parent_mode > SPR_PARENT_ROOT ||
        options->sampling > SPR_SAMPLING_DROP || (options->attribute_count != 0 && options->attributes == nullptr) ||
        (options->link_count != 0 && options->links == nullptr)) [[unlikely]]
        return refuse(-EINVAL, ret_span);
    if (options->context != nullptr || options->sampling != SPR_SAMPLING_ASK) [[unlikely]]
        return start_chosen(tracer, name, name_size, *options, ret_span);
    return start<StartCall::kWith>(tracer, name, name_size, *options, ret_span);
}

}  // extern "C"

// ---- lib/trace/span/whole_span.cpp -----------------------------------------------------------------------------------

//
// A span that was measured elsewhere: started and ended in one call. A kill in its middle leaves an unfinished span
// with what was copied until then.

using namespace spanring::trace;

namespace {

bool is_complete(const spr_whole_span& span) {
    return span.kind <= SPR_KIND_CONSUMER && span.status <= SPR_STATUS_ERROR &&
           (span.attribute_count == 0 || span.attributes != nullptr) &&
           (span.event_count == 0 || span.events != nullptr) && (span.link_count == 0 || span.links != nullptr) &&
           (span.context == nullptr || is_valid(*span.context));
}

}  // namespace

extern "C" {

int spr_span_record(spr_tracer* tracer, const spr_whole_span* span, spr_context* ret_context) noexcept {
    spr_whole_span space;
    int error = 0;
    const spr_whole_span* known = known_options(span, space, error);
    if (tracer == nullptr || span == nullptr) return -EINVAL;
    if (known == nullptr) return error;
    if (!is_complete(*known)) return -EINVAL;

    ChosenStart start;
    static_cast<spr_start_options&>(start) = SPR_START_OPTIONS_INIT;
    start.whole = true;
    start.kind = known->kind;
    start.parent_mode = SPR_PARENT_EXPLICIT;
    start.parent = known->parent;
    start.start_time_ns = known->start_time_ns;
    start.attributes = known->attributes;
    start.attribute_count = known->attribute_count;
    start.links = known->links;
    start.link_count = known->link_count;
    start.trace_state = known->trace_state;
    start.trace_state_size = known->trace_state_size;
    start.context = known->context;
    if (known->context != nullptr)  // it was decided where the span was measured
        start.sampling =
            (known->context->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0 ? SPR_SAMPLING_RECORD : SPR_SAMPLING_DROP;
    spr_span handle;
    const int started = start_whole(tracer, known->name, known->name_size, start, &handle);
    if (ret_context != nullptr) *ret_context = handle.context;
    OpenSpan open;
    if (started != 1 || !OpenSpan::find(&handle, open)) return started == 1 ? -ESHUTDOWN : started;

    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.status = known->status;
    end.end_time_ns = known->end_time_ns;
    end.status_message = known->status_message;
    end.status_message_size = known->status_message_size;
    end.events = known->events;
    end.event_count = known->event_count;
    open.add_dropped(known->dropped_attributes, known->dropped_events, known->dropped_links);
    const int ended = end_whole(open, end);
    return ended == 0 ? 1 : ended;
}

}  // extern "C"

#pragma GCC visibility pop

#else  // another system: nothing is recorded

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "spanring.h"

// ---- lib/elsewhere/library.cpp ---------------------------------------------------------------------------------------

//
// The functions of spanring.h where there is no such shared memory (another system than Linux): as where tracing is
// off. A provider opens, its spans do nothing and pass their parent's context on, what is attached to a thread is
// current there; headers are neither read nor written. Only tools/amalgamate takes it, and only what the C and C++
// standards have is in it.

struct spr_provider {
    int unused;
};
struct spr_tracer {
    int unused;
};

namespace {

spr_provider only_provider = {0};
spr_tracer only_tracer = {0};

// The innermost token that is attached to this thread. Its `reserved` is the address of what spr_context_attach_with()
// attached, or that of the token around it.
thread_local spr_token* top = nullptr;

spr_context current() { return top != nullptr ? top->context : spr_context{}; }

int attach(const spr_context& context, uint64_t propagated, spr_token* token) {
    *token = spr_token{};
    token->context = context;
    token->previous = top;
    token->reserved = propagated;
    top = token;
    return 0;
}

int hex(const uint8_t* bytes, size_t count, char* digits) {
    for (size_t i = 0; i < count; ++i) {
        digits[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        digits[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    digits[2 * count] = 0;
    return 0;
}

// What a span, or a text, of which nothing is kept returns.
int nothing(const void* of) { return of != nullptr ? 0 : -EINVAL; }

// What a function returns that would have to write something.
int unable(const void* of) { return of != nullptr ? -ENOTSUP : -EINVAL; }

}  // namespace

extern "C" {

int spr_provider_open(const spr_provider_options*, spr_provider** ret_provider) noexcept {
    if (ret_provider == nullptr) return -EINVAL;
    *ret_provider = &only_provider;
    return 0;
}

int spr_provider_state(const spr_provider* provider) noexcept { return unable(provider); }

int spr_provider_flush(spr_provider* provider, uint64_t) noexcept { return nothing(provider); }

int spr_provider_shutdown(spr_provider* provider, uint64_t) noexcept { return nothing(provider); }

int spr_provider_statistics(const spr_provider* provider, spr_statistics* statistics) noexcept {
    if (provider == nullptr || statistics == nullptr || statistics->struct_size < sizeof statistics->struct_size)
        return -EINVAL;
    const uint32_t size = statistics->struct_size;
    memset(statistics, 0, size < sizeof *statistics ? size : sizeof *statistics);
    statistics->struct_size = size;
    return 0;
}

int spr_tracer_get(spr_provider* provider, const char*, size_t, const char*, size_t, const char*, size_t,
                   spr_tracer** ret_tracer) noexcept {
    if (provider == nullptr || ret_tracer == nullptr) return -EINVAL;
    *ret_tracer = &only_tracer;
    return 0;
}

int spr_tracer_get_with(spr_provider* provider, const spr_tracer_options*, spr_tracer** ret_tracer) noexcept {
    return spr_tracer_get(provider, nullptr, 0, nullptr, 0, nullptr, 0, ret_tracer);
}

int spr_tracer_enabled(const spr_tracer*) noexcept { return 0; }

int spr_span_start(spr_tracer* tracer, const char* name, size_t name_size, spr_span* ret_span) noexcept {
    return spr_span_start_with(tracer, name, name_size, nullptr, ret_span);
}

int spr_span_start_with(spr_tracer* tracer, const char*, size_t, const spr_start_options* options,
                        spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    *ret_span = spr_span{};
    const uint8_t parent = options != nullptr ? options->parent_mode : SPR_PARENT_CURRENT;
    if (parent == SPR_PARENT_CURRENT) ret_span->context = current();
    if (parent == SPR_PARENT_EXPLICIT && options->parent != nullptr) ret_span->context = *options->parent;
    return tracer != nullptr ? -ECANCELED : -EINVAL;
}

int spr_span_set_string(const spr_span* span, const char*, size_t, const char*, size_t) noexcept {
    return nothing(span);
}

int spr_span_set_bool(const spr_span* span, const char*, size_t, int) noexcept { return nothing(span); }

int spr_span_set_int64(const spr_span* span, const char*, size_t, int64_t) noexcept { return nothing(span); }

int spr_span_set_double(const spr_span* span, const char*, size_t, double) noexcept { return nothing(span); }

int spr_span_set_attributes(const spr_span* span, const spr_attribute*, size_t) noexcept { return nothing(span); }

int spr_span_add_event(const spr_span* span, const spr_event*) noexcept { return nothing(span); }

int spr_span_add_link(const spr_span* span, const spr_link*) noexcept { return nothing(span); }

int spr_span_record_exception(const spr_span* span, const spr_exception*) noexcept { return nothing(span); }

int spr_span_set_status(const spr_span* span, int, const char*, size_t) noexcept { return nothing(span); }

int spr_span_set_name(const spr_span* span, const char*, size_t) noexcept { return nothing(span); }

int spr_span_set_kind(const spr_span* span, int) noexcept { return nothing(span); }

int spr_span_is_recording(const spr_span*) noexcept { return 0; }

int spr_span_end(const spr_span* span) noexcept { return nothing(span); }

int spr_span_end_with(const spr_span* span, const spr_end_options*) noexcept { return nothing(span); }

int spr_span_record(spr_tracer* tracer, const spr_whole_span* span, spr_context* ret_context) noexcept {
    if (tracer == nullptr || span == nullptr) return -EINVAL;
    if (ret_context != nullptr) *ret_context = span->parent != nullptr ? *span->parent : spr_context{};
    return -ECANCELED;
}

int spr_trace_id_hex(const spr_context* context, char ret_hex[SPR_TRACE_ID_HEX_SIZE]) noexcept {
    return context != nullptr && ret_hex != nullptr ? hex(context->trace_id, sizeof context->trace_id, ret_hex)
                                                    : -EINVAL;
}

int spr_span_id_hex(const spr_context* context, char ret_hex[SPR_SPAN_ID_HEX_SIZE]) noexcept {
    return context != nullptr && ret_hex != nullptr ? hex(context->span_id, sizeof context->span_id, ret_hex) : -EINVAL;
}

int spr_context_current(spr_context* ret_context) noexcept {
    if (ret_context == nullptr) return -EINVAL;
    *ret_context = current();
    return top != nullptr;
}

int spr_context_attach(const spr_context* context, spr_token* token) noexcept {
    if (context == nullptr || token == nullptr) return -EINVAL;
    return attach(*context, top != nullptr ? top->reserved : 0, token);
}

int spr_context_attach_with(const spr_propagated* propagated, spr_token* token) noexcept {
    if (propagated == nullptr || token == nullptr) return -EINVAL;
    return attach(propagated->context, reinterpret_cast<uintptr_t>(propagated), token);
}

int spr_context_detach(spr_token* token) noexcept {
    if (token == nullptr) return -EINVAL;
    for (const spr_token* one = top; one != nullptr; one = one->previous) {
        if (one != token) continue;
        const int others = top != token;
        top = token->previous;
        return others;
    }
    return -EINVAL;
}

int spr_context_current_with(spr_propagated* ret_propagated) noexcept {
    if (ret_propagated == nullptr || ret_propagated->struct_size < sizeof *ret_propagated) return -EINVAL;
    const uint32_t size = ret_propagated->struct_size;
    *ret_propagated = spr_propagated{};
    ret_propagated->struct_size = size;
    ret_propagated->context = current();
    if (top == nullptr) return 0;
    if (const auto* attached = reinterpret_cast<const spr_propagated*>(static_cast<uintptr_t>(top->reserved))) {
        ret_propagated->baggage = {attached->baggage.data, attached->baggage.size, 0};
        if (memcmp(attached->context.trace_id, top->context.trace_id, sizeof top->context.trace_id) == 0) {
            ret_propagated->flags = attached->flags;
            ret_propagated->trace_state = {attached->trace_state.data, attached->trace_state.size, 0};
        }
    }
    return 1;
}

int spr_span_attach(const spr_span* span, spr_span_token* token) noexcept {
    return span != nullptr && token != nullptr ? spr_context_attach(&span->context, &token->token) : -EINVAL;
}

int spr_span_current(spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    *ret_span = spr_span{};
    ret_span->context = current();
    return 0;
}

int spr_span_trace_state(const spr_span* span, spr_text* ret_trace_state) noexcept {
    if (span == nullptr || ret_trace_state == nullptr) return -EINVAL;
    ret_trace_state->size = 0;
    return 0;
}

int spr_extract(const spr_carrier* carrier, spr_propagated* propagated) noexcept {
    return propagated != nullptr ? nothing(carrier) : -EINVAL;
}

int spr_inject(const spr_context*, const spr_carrier* carrier) noexcept { return nothing(carrier); }

int spr_span_inject(const spr_span* span, const spr_carrier* carrier) noexcept {
    return span != nullptr ? nothing(carrier) : -EINVAL;
}

int spr_inject_with(const spr_propagated* propagated, const spr_carrier* carrier) noexcept {
    return propagated != nullptr ? nothing(carrier) : -EINVAL;
}

int spr_propagators_set(const char*, size_t) noexcept { return 0; }

const char* spr_propagation_field(size_t) noexcept { return nullptr; }

int spr_environment_carrier(spr_environment* environment, spr_carrier* ret_carrier) noexcept {
    return ret_carrier != nullptr ? unable(environment) : -EINVAL;
}

int spr_traceparent_inject(const spr_context* context, char ret_header[SPR_TRACEPARENT_SIZE]) noexcept {
    return ret_header != nullptr ? unable(context) : -EINVAL;
}

int spr_traceparent_extract(const char*, size_t, spr_context* ret_context) noexcept { return unable(ret_context); }

int spr_tracestate_extract(const char*, size_t, spr_text* trace_state) noexcept { return nothing(trace_state); }

int spr_tracestate_next(const char*, size_t, size_t* cursor, spr_member* ret_member) noexcept {
    return ret_member != nullptr ? nothing(cursor) : -EINVAL;
}

int spr_tracestate_get(const char*, size_t, const char*, size_t, const char** ret_value,
                       size_t* ret_value_size) noexcept {
    return ret_value_size != nullptr ? nothing(ret_value) : -EINVAL;
}

int spr_tracestate_set(spr_text* trace_state, const char*, size_t, const char*, size_t) noexcept {
    return unable(trace_state);
}

int spr_tracestate_remove(spr_text* trace_state, const char*, size_t) noexcept { return nothing(trace_state); }

int spr_baggage_extract(const char*, size_t, spr_text* baggage) noexcept { return nothing(baggage); }

int spr_baggage_next(const char*, size_t, size_t* cursor, spr_member* ret_member) noexcept {
    return ret_member != nullptr ? nothing(cursor) : -EINVAL;
}

int spr_baggage_next_property(const char*, size_t, size_t* cursor, spr_member* ret_member) noexcept {
    return ret_member != nullptr ? nothing(cursor) : -EINVAL;
}

int spr_baggage_decode(const char*, size_t, spr_text* ret_value) noexcept { return unable(ret_value); }

int spr_baggage_get(const char*, size_t, const char*, size_t, spr_text* ret_value) noexcept {
    return nothing(ret_value);
}

int spr_baggage_set(spr_text* baggage, const char*, size_t, const char*, size_t, const char*, size_t) noexcept {
    return unable(baggage);
}

int spr_baggage_remove(spr_text* baggage, const char*, size_t) noexcept { return nothing(baggage); }

int spr_b3_inject(const spr_context* context, uint32_t, char ret_header[SPR_B3_SIZE]) noexcept {
    return ret_header != nullptr ? unable(context) : -EINVAL;
}

int spr_b3multi_inject(const spr_context* context, uint32_t, spr_b3_headers* ret_headers) noexcept {
    return ret_headers != nullptr ? unable(context) : -EINVAL;
}

int spr_b3_extract(const char*, size_t, spr_context* ret_context, uint32_t*) noexcept { return unable(ret_context); }

int spr_b3multi_extract(const char*, size_t, const char*, size_t, const char*, size_t, const char*, size_t,
                        spr_context* ret_context, uint32_t*) noexcept {
    return unable(ret_context);
}

const char* spr_strerror(int error) noexcept {
    switch (error < 0 ? -error : error) {
        case 0: return "Success";
        case EINVAL: return "Invalid argument";
        case ECANCELED: return "Tracing is off";
        case ENOTSUP: return "spanring does not run on this system";
        default: return "Unknown error";
    }
}

#define SPR_AS_TEXT(number) #number
#define SPR_VERSION_TEXT(major, minor, patch) SPR_AS_TEXT(major) "." SPR_AS_TEXT(minor) "." SPR_AS_TEXT(patch)

const char* spr_version(void) noexcept {
    return SPR_VERSION_TEXT(SPR_VERSION_MAJOR, SPR_VERSION_MINOR, SPR_VERSION_PATCH);
}

}  // extern "C"

#endif
