// SPDX-License-Identifier: Apache-2.0
#include "ring/segment.hpp"

#include <errno.h>
#include <sys/mman.h>

#include "ring/testpoint.hpp"

namespace spanring::ring {
namespace {

constexpr uint64_t kGrowthPause = 100'000'000;  // nanoseconds between two tries at a full tmpfs

constexpr uint32_t kPlaces[] = {kSmallChunksPerExtent, kLargeChunksPerExtent, kJumboChunksPerExtent};
constexpr uint32_t kFirstPlace[] = {0, kSmallChunksPerExtent, kSmallChunksPerExtent + kLargeChunksPerExtent};

}  // namespace

int Segment::open(const SegmentRequest& request, Clock& clock, uint32_t* pool_memory) {
    SegmentFile file;
    if (const int error = create_segment(request, file)) return error;
    size_ = file.size;
    extent_limit_ = request.extent_limit;
    overwrite_ = request.full_policy == 1;
    clock_ = &clock;
    slots_.reset(pool_memory);
    blocks_.reset(pool_memory + uint64_t{request.extent_limit} * kSlotsPerExtent);
    lines_.reset(pool_memory + uint64_t{request.extent_limit} * (kSlotsPerExtent + kBlocksPerExtent));
    for (uint32_t& hint : hints_) hint = 0;
    parked_ = adopted_ = 0;
    grow_after_ = 0;
    view_ = SegmentView(file.base);
    return 0;
}

void Segment::abandon() {
    if (view_) cover_hole(view_.base(), size_);
    view_ = SegmentView();
}

void Segment::close() {
    if (view_) munmap(view_.base(), size_);
    view_ = SegmentView();
}

bool Segment::grow(uint32_t seen) {
    WriterPage& page = view_.writer();
    if (seen < StdAtomics::load(page.extents, std::memory_order_relaxed)) return true;  // somebody else was faster
    if (seen >= extent_limit_) return false;
    const uint64_t now = clock_->ticks();
    const uint64_t pause = StdAtomics::load(grow_after_, std::memory_order_relaxed);
    if (pause != 0 && now < pause) return false;
    // Two threads may populate the same extent; that is harmless, and one of them counts it.
    if (populate(view_.extent(seen), kExtentSize) != 0) {
        uint64_t wait = kGrowthPause;
        if (const uint64_t tick = clock_->nanoseconds(1000)) wait = kGrowthPause / tick * 1000;
        StdAtomics::store(grow_after_, now + wait, std::memory_order_relaxed);
        return false;
    }
    SPR_TESTPOINT(extent_populated);
    uint32_t expected = seen;
    // release: publishes that the extent is populated. Pairs with the acquire in extents() and in the agent's
    // HeldSegment::update_extents(). Without it another thread, or the agent, could touch it too early.
    StdAtomics::compare_exchange(page.extents, expected, seen + 1, std::memory_order_release);
    SPR_TESTPOINT(extent_counted);
    return true;
}

bool Segment::search(ChunkWriter<>& writer, Size size, ChunkState state, uint32_t owner) {
    const uint32_t kind = static_cast<uint32_t>(size);
    const uint32_t count = extents() * kPlaces[kind];
    uint32_t at = StdAtomics::load(hints_[kind], std::memory_order_relaxed);  // relaxed: a hint
    for (uint32_t i = 0; i < count; ++i, ++at) {
        if (at >= count) at = 0;
        const uint32_t chunk = at / kPlaces[kind] * kChunksPerExtent + kFirstPlace[kind] + at % kPlaces[kind];
        ChunkLine& line = view_.chunk_line(chunk);
        uint8_t* bytes = view_.chunk_bytes(chunk);
        const bool got = state == ChunkState::kFree ? writer.claim(chunk, line, bytes, chunk_capacity(chunk), owner)
                                                    : writer.adopt(chunk, line, bytes, chunk_capacity(chunk), owner);
        if (got) {
            StdAtomics::store(hints_[kind], at + 1, std::memory_order_relaxed);
            return true;
        }
    }
    return false;
}

bool Segment::adopt_parked(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner) {
    if (StdAtomics::load(parked_, std::memory_order_relaxed) == StdAtomics::load(adopted_, std::memory_order_relaxed))
        return false;  // a guess: the words decide
    for (const Size size : {Size::kLarge, Size::kSmall, Size::kJumbo})
        if (search(writer, size, ChunkState::kParked, owner)) {
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
        const uint32_t count = extents() * kChunksPerExtent;
        for (uint32_t chunk = 0; chunk < count; ++chunk) {
            const ChunkLine& line = view_.chunk_line(chunk);
            const ChunkWord word = ChunkWord::unpack(StdAtomics::load(line.word, std::memory_order_relaxed));
            const uint64_t sequence = StdAtomics::load(line.sequence, std::memory_order_relaxed);
            if (word.state == ChunkState::kFull && chunk_capacity(chunk) >= bytes && sequence < lowest) {
                lowest = sequence;
                oldest = chunk;
            }
        }
        if (oldest == kNone) return false;
        if (writer.overwrite(oldest, view_.chunk_line(oldest), view_.chunk_mark(oldest), view_.chunk_bytes(oldest),
                             chunk_capacity(oldest), owner, loss))
            return true;
    }
    return false;
}

bool Segment::attach_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss) {
    loss.spans = 0;
    for (;;) {
        const uint32_t seen = extents();
        // What a leaving thread parked comes first: it is warm, and half empty chunks would otherwise pile up.
        if (bytes <= kSmallChunk / 2 && adopt_parked(writer, bytes, owner)) return true;
        if (first && bytes <= kSmallChunk && search(writer, Size::kSmall, ChunkState::kFree, owner)) return true;
        if (bytes <= kLargeChunk && search(writer, Size::kLarge, ChunkState::kFree, owner)) return true;
        if (search(writer, Size::kJumbo, ChunkState::kFree, owner)) return true;
        // For a larger span only now: one in which it does not fit is sealed, so that the agent can free it. Chunks
        // that nobody adopts would use up the ring for good.
        if (adopt_parked(writer, bytes, owner)) return true;
        if (grow(seen)) continue;
        if (bytes <= kSmallChunk && search(writer, Size::kSmall, ChunkState::kFree, owner)) return true;
        return overwrite_ && overwrite_oldest(writer, bytes, owner, loss);
    }
}

uint32_t Segment::take_slot() {
    for (;;) {
        const uint32_t seen = extents();
        if (const uint32_t slot = slots_.pop(seen * kSlotsPerExtent); slot != kNone || !grow(seen)) return slot;
    }
}

uint32_t Segment::take_block() {
    for (;;) {
        const uint32_t seen = extents();
        if (const uint32_t block = blocks_.pop(seen * kBlocksPerExtent); block != kNone || !grow(seen)) return block;
    }
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
