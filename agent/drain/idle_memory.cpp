// SPDX-License-Identifier: Apache-2.0
#include "drain/idle_memory.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include "ring/extent_giver.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

// Of tmpfs, all in all. A small process is left alone: what comes and goes would cost it more than it is worth.
constexpr uint64_t kMayKeep = 1u << 20;

// What open spans need is not said when it ends: whoever looks finds it, this often.
constexpr std::chrono::seconds kLookPause{1};

// Each is a system call that unmaps a piece of the process: some 20 us here, and an interrupt on each of its cores.
constexpr uint32_t kGivesInALook = 32;

bool punch(int file, uint64_t offset, uint64_t size) {
    int error;
    do
        error = fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                          static_cast<off_t>(size));
    while (error != 0 && errno == EINTR);
    return error == 0;
}

// The chunks of the extent at that offset, which are named by a bit each, run by run. Returns those that are punched.
uint32_t punch_chunks(int file, uint64_t extent, uint32_t chunk_size, uint32_t places) {
    uint32_t punched = 0;
    while (places != 0) {
        const int first = std::countr_zero(places);
        const int count = std::countr_one(places >> first);
        const uint32_t run = ((uint32_t{1} << count) - 1) << first;
        const uint64_t offset = extent + static_cast<uint64_t>(first) * chunk_size;
        if (punch(file, offset, static_cast<uint64_t>(count) * chunk_size)) punched |= run;
        places &= ~run;
    }
    return punched;
}

}  // namespace

void IdleMemory::finish_giving() {
    if (!held_.restores_memory()) return;
    held_.extents.each_downwards([this](uint32_t extent) {
        // Whoever has the agent's lock alone writes that it is GIVING, and the last one is gone.
        if (word(extent).memory == ring::ExtentMemory::kGiving) give(extent);
        return true;
    });
}

bool IdleMemory::give_back(Clock::time_point now, Clock::duration after) {
    if (after == Clock::duration::zero() || now < next_ || !held_.restores_memory()) return false;
    next_ = now + std::min<Clock::duration>(after, kLookPause);
    uint32_t given = 0;
    // What a small load needs next is among the first, and goes last.
    held_.extents.each_downwards([&](uint32_t extent) {
        Clock::time_point& used = since(extent);
        if (held_.extents.chunks_in(extent) == 0 && !is_unused_as_before(extent)) used = {};
        if (used == Clock::time_point()) used = now;
        if (now - used < after) {
            next_ = std::min(next_, used + after);
            return true;
        }
        if (held_.extents.chunks_in(extent) != 0 && !has_idle_chunk(extent)) {
            used = now;
            return true;
        }
        if (holds_little()) return false;
        give(extent);
        return ++given != kGivesInALook;
    });
    if (given != kGivesInALook) return false;
    next_ = now;
    return true;
}

ring::ExtentWord IdleMemory::word(uint32_t extent) const {
    // relaxed: a guess, or the exchange of it decides.
    return ring::ExtentWord::unpack(
        ring::StdAtomics::load(held_.view().extent_word(extent), std::memory_order_relaxed));
}

// Whether an extent of slots or blocks is unused, and was so at the last look, without having been used in between.
bool IdleMemory::is_unused_as_before(uint32_t extent) {
    const uint32_t row = ring::ExtentMap::row(extent);
    if (row >= unused_.size()) unused_.resize(held_.extents.rows());
    const ring::ExtentWord now = word(extent);
    if (now.memory != ring::ExtentMemory::kUnused || ring::holds_chunks(now.kind)) return false;
    return std::exchange(unused_[row], now.gives) == now.gives;
}

bool IdleMemory::holds_little() const {
    struct stat status;
    return fstat(held_.file.get(), &status) != 0 || 512 * static_cast<uint64_t>(status.st_blocks) <= kMayKeep;
}

bool IdleMemory::has_idle_chunk(uint32_t extent) const {
    for (uint32_t place = 0; place < held_.extents.chunks_in(extent); ++place) {
        const uint32_t chunk = extent * ring::kChunksPerExtent + place;
        if (held_.extents.has_memory(chunk) && cursors_.rests_free(held_.view(), chunk)) return true;
    }
    return false;
}

void IdleMemory::give(uint32_t extent) {
    if (held_.extents.chunks_in(extent) == 0) return give_unused(extent);
    const uint64_t before = held_.extents.bytes_without_memory();
    give_chunks(extent);
    given_ += held_.extents.bytes_without_memory() - before;
}

void IdleMemory::give_chunks(uint32_t extent) {
    const ring::ExtentKind kind = held_.extents.kind(extent);
    ring::ExtentGiver<> giver(held_.view());
    const uint32_t places =
        giver.take(extent, kind, [this](uint32_t chunk, ring::ChunkWord word) { cursors_.moved(chunk, word); });
    if (places == 0) return;
    const uint32_t punched =
        punch_chunks(held_.file.get(), held_.extents.offset_of(extent), ring::part_size(extent, kind), places);
    SPR_TESTPOINT(extent_punched);
    giver.finish(extent, kind, punched != 0);
    held_.extents.memory_went(extent, punched);
}

void IdleMemory::give_unused(uint32_t extent) {
    ring::ExtentGiver<> giver(held_.view());
    const ring::ExtentWord now = word(extent);
    // What is unused since the look is not given: a call on a span that has ended may be looking at its slot.
    const uint32_t row = ring::ExtentMap::row(extent);
    if (now.memory == ring::ExtentMemory::kUnused && (row >= unused_.size() || unused_[row] != now.gives)) return;
    if (!giver.take_unused(extent, now)) return;
    const bool punched = punch(held_.file.get(), held_.extents.offset_of(extent), ring::size_of(extent));
    SPR_TESTPOINT(unused_punched);
    giver.finish_unused(extent);
    if (!punched) return;
    held_.extents.memory_went(extent, ring::ExtentMap::kAll);
    given_ += ring::size_of(extent);  // also where it had gone before: that the process has taken it back nobody says
}

}  // namespace spanring::agent
