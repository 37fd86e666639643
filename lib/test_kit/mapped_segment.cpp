// SPDX-License-Identifier: Apache-2.0
#include "test_kit/mapped_segment.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring/chunk_reader.hpp"
#include "ring/counter_sums.hpp"
#include "ring/extent_word.hpp"
#include "spanring/spanring.h"

namespace spanring::test_kit {

using ring::ChunkReader;
using ring::ChunkState;
using ring::ChunkWord;
using ring::Counter;
using ring::StdAtomics;

MappedSegment::~MappedSegment() {
    if (base_ != nullptr) munmap(base_, static_cast<size_t>(header_.segment_size));
    if (file_ >= 0) close(file_);
}

int MappedSegment::open(int directory, const char* name) {
    file_ = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (file_ < 0 || fstat(file_, &status) < 0) return -errno;
    ring::Header header{};
    const ssize_t got = pread(file_, &header, sizeof header, ring::kHeaderOffset);
    if (got < 0) return -errno;
    const bool sound = static_cast<size_t>(got) == sizeof header && header.magic == ring::kMagic &&
                       header.layout_major == ring::kLayoutMajor && header.ready == ring::kReady &&
                       header.extent_limit != 0 && header.extent_limit <= ring::kMaxExtents &&
                       (header.huge_places == 0 || header.huge_places == ring::kHugePlaces) &&
                       header.segment_size == ring::segment_size(header.extent_limit, header.huge_places != 0) &&
                       header.segment_size == static_cast<uint64_t>(status.st_size) &&
                       header.resource_size <= ring::kResourceSize &&
                       header.schema_size <= ring::kResourceSize - header.resource_size;
    if (!sound) return -EBADMSG;
    void* const mapping =
        mmap(nullptr, static_cast<size_t>(header.segment_size), PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (mapping == MAP_FAILED) return -errno;
    base_ = static_cast<uint8_t*>(mapping);
    header_ = header;
    return 0;
}

uint32_t MappedSegment::extents() const {
    // acquire: the words of those that are counted. Pairs with the release in Segment::take_extent(). Without it one of
    // them could be found unused, and what it holds be missed.
    const uint32_t counted = StdAtomics::load(view().writer().extents, std::memory_order_acquire);
    return counted < header_.extent_limit ? counted : header_.extent_limit;
}

// Its lock on the first byte goes with it.
bool MappedSegment::process_lives() const {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    return fcntl(file_, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

uint64_t MappedSegment::lost() const {
    const ring::CounterSums sums = ring::sum_counters(view());
    uint64_t lost = 0;
    for (const Counter cause : {Counter::kNotStartedSlot, Counter::kNotStartedNested, Counter::kDroppedFull,
                                Counter::kDroppedTooBig, Counter::kDroppedNested, Counter::kDroppedOverwritten})
        lost += sums[static_cast<size_t>(cause)];
    return lost;
}

void MappedSegment::acknowledge() const {
    for (uint32_t extent = 0; extent < extents(); ++extent) {
        // acquire: as for the count.
        const uint64_t word = StdAtomics::load(view().extent_word(extent), std::memory_order_acquire);
        const auto [kind, memory, gives] = ring::ExtentWord::unpack(word);
        if (kind == ring::ExtentKind::kSlots && memory == ring::ExtentMemory::kWhole) acknowledge_slots(extent);
        if (!ring::holds_chunks(kind)) continue;
        for (uint32_t place = 0; place < ring::parts_of(kind); ++place)
            acknowledge_chunk(extent * ring::kChunksPerExtent + place);
    }
    for (uint32_t place = ring::kHugeBlocks; place < ring::kHugePlaces; ++place)
        if (has_huge(place)) acknowledge_chunk((ring::kFirstHuge + place) * ring::kChunksPerExtent);
}

// Those of spans that have ended and wait there.
void MappedSegment::acknowledge_slots(uint32_t extent) const {
    for (uint32_t place = 0; place < ring::kSlotsPerExtent; ++place) {
        uint64_t& word = view().slot(extent * ring::kSlotNumbers + place).word;
        uint64_t seen = StdAtomics::load(word, std::memory_order_relaxed);  // the exchange decides
        if (ring::SlotWord::unpack(seen).state != ring::SlotState::kWaiting) continue;
        // release: what was read of the span. Pairs with the acquire in Segment::take_done(). Without it bytes of the
        // slot's next user could be taken for its.
        const uint64_t done = ring::SlotWord{ring::SlotState::kDone, 0, 0}.pack();
        if (!StdAtomics::compare_exchange(word, seen, done, std::memory_order_release)) continue;
        // release: as in AckBook::finish_wait().
        StdAtomics::fetch_add(view().control().done, uint64_t{1}, std::memory_order_release);
    }
}

bool MappedSegment::has_huge(uint32_t place) const {
    // acquire: the place's word and line. Pairs with the release in Segment::begin_huge(). Without it a place could be
    // looked at that is none yet.
    return header_.huge_places != 0 &&
           (StdAtomics::load(view().writer().huge, std::memory_order_acquire) >> place & 1) != 0;
}

void MappedSegment::acknowledge_chunk(uint32_t chunk) const {
    ring::ChunkLine& line = view().chunk_line(chunk);
    ChunkWord word = ChunkReader<>::committed(line);
    if (word.state == ChunkState::kFull) {
        const bool contended = header_.full_policy == SPR_FULL_OVERWRITE_OLDEST;
        if (contended && !ChunkReader<>::take(line, word)) return;  // a writer was first: it is overwritten
        ChunkReader<>::release(view(), chunk, word.generation);
    } else if (word.state == ChunkState::kOpen || word.state == ChunkState::kParked) {
        // relaxed: nobody but this kit reads it, and a process that asks what was acknowledged wants a number.
        StdAtomics::store(view().chunk_mark(chunk), ring::mark_of(word.generation, word.length, word.spans).pack(),
                          std::memory_order_relaxed);
    }
}

}  // namespace spanring::test_kit
