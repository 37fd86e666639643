// SPDX-License-Identifier: Apache-2.0
#include "ring/segment_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ring/atomics.hpp"
#include "ring/directory_bound.hpp"
#include "ring/extent_word.hpp"
#include "ring/file_size_limit.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/testpoint.hpp"

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
