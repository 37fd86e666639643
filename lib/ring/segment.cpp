// SPDX-License-Identifier: Apache-2.0
#include "ring/segment.hpp"

#include <errno.h>
#include <sys/mman.h>

#include "ring/testpoint.hpp"

namespace spanring::ring {
namespace {

constexpr uint64_t kGrowthPause = 100'000'000;  // nanoseconds between two tries at a full tmpfs

constexpr ExtentKind kChunkKinds[] = {ExtentKind::kLargeChunks, ExtentKind::kJumboChunks, ExtentKind::kSmallChunks};

// The least that is kept for a kind, of so many extents: what one kind fills up is no reason to refuse another. They
// are large because an extent keeps its kind: what comes first must not take all that comes later.
constexpr uint32_t least_share(ExtentKind kind, uint32_t limit) {
    if (limit < kExtentKinds) return 0;
    uint32_t share = 0;
    switch (kind) {
        case ExtentKind::kSlots:
        case ExtentKind::kBlocks: share = limit / 8; break;
        case ExtentKind::kSmallChunks: share = limit / 64; break;
        case ExtentKind::kLargeChunks: share = (limit - 4) / 2; break;
        case ExtentKind::kJumboChunks: share = limit / 32; break;
        case ExtentKind::kNone: return 0;
    }
    return share != 0 ? share : 1;
}

}  // namespace

int Segment::open(const SegmentRequest& request, Clock& clock, uint32_t* pool_memory) {
    SegmentFile file;
    if (const int error = create_segment(request, file)) return error;
    size_ = file.size;
    extent_limit_ = request.extent_limit;
    populated_ = file.extents;
    overwrite_ = request.full_policy == 1;
    clock_ = &clock;
    slots_.reset(pool_memory);
    blocks_.reset(pool_memory += uint64_t{extent_limit_} * kSlotsPerExtent);
    lines_.reset(pool_memory += uint64_t{extent_limit_} * kBlocksPerExtent);
    handed_out_ = pool_memory + kCounterLines;
    for (uint32_t& hint : hints_) hint = 0;
    writers_ = 0;
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

// Whether enough is left for the other kinds if the next extent is of this one. Exact, because the words of extents
// that are taken stay: who decided on fewer of them does not win the next.
bool Segment::leaves_shares(ExtentKind kind, uint32_t taken) const {
    uint32_t have[kExtentKinds] = {};
    for (uint32_t extent = 0; extent < taken; ++extent) ++have[static_cast<uint32_t>(this->kind(extent))];
    uint32_t kept = 0;
    for (uint32_t other = 1; other < kExtentKinds; ++other) {
        const uint32_t least = least_share(static_cast<ExtentKind>(other), extent_limit_);
        if (other != static_cast<uint32_t>(kind) && have[other] < least) kept += least - have[other];
    }
    return extent_limit_ - taken > kept;
}

// Two threads may populate the same extent; that is harmless, and one of them takes it. False: not now.
bool Segment::populate_next(uint32_t extent) {
    if (extent < populated_) return true;
    const uint64_t now = clock_->ticks();
    const uint64_t pause = StdAtomics::load(grow_after_, std::memory_order_relaxed);
    if (pause != 0 && now < pause) return false;
    if (populate_extent(view_, extent) != 0) {
        uint64_t wait = kGrowthPause;
        if (const uint64_t tick = clock_->nanoseconds(1000)) wait = kGrowthPause / tick * 1000;
        StdAtomics::store(grow_after_, now + wait, std::memory_order_relaxed);
        return false;
    }
    SPR_TESTPOINT(extent_populated);
    return true;
}

// `seen`: how many extents there were when no part of this kind was free. True: there is another one, of whatever kind;
// search again.
bool Segment::take_extent(ExtentKind kind, uint32_t seen) {
    WriterPage& page = view_.writer();
    if (seen < StdAtomics::load(page.extents, std::memory_order_relaxed)) return true;  // somebody else was faster
    const uint32_t limit = kind != ExtentKind::kSlots || extent_limit_ < kSlotExtents ? extent_limit_ : kSlotExtents;
    if (seen >= limit || !leaves_shares(kind, seen) || !populate_next(seen)) return false;
    uint64_t none = 0;
    // release: publishes that the extent is populated. Pairs with the acquire in kind() and in the agent's ExtentMap.
    // Without it another thread, or the agent, could touch it too early.
    StdAtomics::compare_exchange(view_.extent_word(seen), none, ExtentWord{kind}.pack(), std::memory_order_release);
    SPR_TESTPOINT(extent_taken);
    uint32_t expected = seen;
    // By whoever comes first, so that nobody waits for a thread that vanished in between. release: the word, which this
    // thread has written or seen, before the count. Pairs with the acquire in extents() and in the agent's ExtentMap.
    // Without it an extent could be counted whose word is not there.
    StdAtomics::compare_exchange(page.extents, expected, seen + 1, std::memory_order_release);
    SPR_TESTPOINT(extent_counted);
    return true;
}

uint32_t Segment::take_part(IndexPool<>& pool, ExtentKind kind) {
    const uint32_t parts = parts_of(kind);
    for (;;) {
        const uint32_t seen = extents();
        if (const uint32_t part = pool.pop(0); part != kNone) return part;
        // None was given back: one that was never used.
        uint32_t& hint = hints_[static_cast<uint32_t>(kind)];
        uint32_t at = StdAtomics::load(hint, std::memory_order_relaxed);  // relaxed: a hint
        for (uint32_t i = 0; i < seen; ++i, ++at) {
            if (at >= seen) at = 0;
            if (this->kind(at) != kind) continue;
            uint32_t given = StdAtomics::load(handed_out_[at], std::memory_order_relaxed);  // the number alone matters
            while (given < parts) {
                if (!StdAtomics::compare_exchange(handed_out_[at], given, given + 1, std::memory_order_relaxed))
                    continue;
                StdAtomics::store(hint, at, std::memory_order_relaxed);
                return at * parts + given;
            }
        }
        if (!take_extent(kind, seen)) return kNone;
    }
}

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
            const bool got = state == ChunkState::kFree ? writer.claim(chunk, line, bytes, capacity, owner)
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

// No open chunk is larger than a quarter of the memory divided by the writers, where what comes into it allows that.
ExtentKind Segment::usual_chunks(uint32_t bytes, bool first) const {
    if (bytes > kLargeChunk) return ExtentKind::kJumboChunks;
    if (bytes > kSmallChunk) return ExtentKind::kLargeChunks;
    const uint64_t quarter = extent_limit_ * kExtentSize / 4;
    const uint64_t writers = StdAtomics::load(writers_, std::memory_order_relaxed);  // a number
    return first || quarter < writers * kLargeChunk ? ExtentKind::kSmallChunks : ExtentKind::kLargeChunks;
}

bool Segment::find_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss) {
    const ExtentKind usual = usual_chunks(bytes, first);
    const auto is_other = [&](ExtentKind kind) { return kind != usual && part_size(kind) >= bytes; };
    for (;;) {
        const uint32_t seen = extents();
        // What a leaving thread parked comes first: it is warm, and half empty chunks would otherwise pile up.
        if (bytes <= kSmallChunk / 2 && adopt_parked(writer, bytes, owner)) return true;
        if (search(writer, usual, ChunkState::kFree, owner)) return true;
        // For a larger span only now: one in which it does not fit is sealed, so that the agent can free it. Chunks
        // that nobody adopts would use up the ring for good.
        if (adopt_parked(writer, bytes, owner)) return true;
        bool more = take_extent(usual, seen);
        for (const ExtentKind kind : kChunkKinds)
            if (!more && is_other(kind) && search(writer, kind, ChunkState::kFree, owner)) return true;
        for (const ExtentKind kind : kChunkKinds) more = more || (is_other(kind) && take_extent(kind, seen));
        if (!more) return overwrite_ && overwrite_oldest(writer, bytes, owner, loss);
    }
}

bool Segment::attach_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss) {
    loss.spans = 0;
    if (!find_chunk(writer, bytes, first, owner, loss)) return false;
    // relaxed: it says when to look, not what there is to see; whoever looks a moment too early looks again.
    StdAtomics::fetch_add(view_.writer().claims, uint64_t{1}, std::memory_order_relaxed);
    return true;
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
