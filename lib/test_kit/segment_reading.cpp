// SPDX-License-Identifier: Apache-2.0
#include "test_kit/segment_reading.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

#include "ring/chunk_reader.hpp"
#include "ring/settlement.hpp"

namespace spanring::test_kit {

using ring::ChunkReader;
using ring::ChunkState;
using ring::ChunkWord;
using ring::ExtentKind;
using ring::ExtentWord;
using ring::SlotState;
using ring::SlotWord;
using ring::StdAtomics;

namespace {

constexpr int kAttempts = 100;  // to find an open span as it was at one instant, while its thread sets more and more

// One that ends is open until its chunk says otherwise.
bool is_open(SlotWord word) { return word.state == SlotState::kOpen || word.state == SlotState::kEnding; }
// One that waits has ended, and is nowhere else; one that is on its way there has ended, too.
bool holds_span(SlotWord word) { return is_open(word) || word.state == SlotState::kWaiting; }

// What was read before comes before what is read next. (TSan knows no fences; gcc says so with -Werror.)
void keep_order() {
#ifndef __SANITIZE_THREAD__
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

// What is inside of `tag len bytes`.
bool inside(Bytes bytes, Bytes& ret) {
    FieldWalk walk(bytes);
    Field field;
    const bool there = walk.next(field);
    ret = field.bytes;
    return there && field.bytes.at + field.bytes.size == bytes.at + bytes.size;
}

}  // namespace

int SegmentReading::read() {
    int result = read_resource();
    const uint32_t extents = segment_.extents();
    for (uint32_t extent = 0; extent < extents && result == 0; ++extent) {
        if (holds(extent, ExtentKind::kSlots)) result = read_slots(extent);
    }
    // Of the extents that are there by now: a span that has ended meanwhile may be in a new one.
    for (uint32_t extent = 0; extent < segment_.extents() && result == 0; ++extent) {
        for (const ExtentKind kind : {ExtentKind::kSmallChunks, ExtentKind::kLargeChunks, ExtentKind::kJumboChunks})
            if (result == 0 && holds(extent, kind)) result = read_chunks(extent, kind);
    }
    for (uint32_t place = ring::kHugeBlocks; place < ring::kHugePlaces && result == 0; ++place) {
        if (segment_.has_huge(place))
            result = read_chunk((ring::kFirstHuge + place) * ring::kChunksPerExtent, ring::huge_size(place));
    }
    return arena_.failed() ? -ENOMEM : result;
}

bool SegmentReading::holds(uint32_t extent, ExtentKind kind) const {
    // acquire: what the extent holds is of this kind. Pairs with the releases in Segment::take_extent() and
    // turn_extent(). Without it parts of another kind could be looked for in it.
    const uint64_t word = StdAtomics::load(segment_.view().extent_word(extent), std::memory_order_acquire);
    const ExtentWord now = ExtentWord::unpack(word);
    // Slots and blocks that nobody uses have no memory sooner or later, and a look would make some.
    return now.kind == kind && (ring::holds_chunks(kind) || now.memory == ring::ExtentMemory::kWhole);
}

int SegmentReading::read_resource() {
    resource_ = arena_.array<spr_test_resource>(1);
    if (resource_ == nullptr) return -ENOMEM;
    const ring::Header& header = segment_.header();
    const uint8_t* const bytes = segment_.view().resource();
    resource_->schema_url = arena_.text(bytes + header.resource_size, header.schema_size);
    resource_->schema_url_size = header.schema_size;
    return decoder_.resource({bytes, header.resource_size}, *resource_) ? 0 : -EBADMSG;
}

int SegmentReading::read_slots(uint32_t extent) {
    for (uint32_t place = 0; place < ring::kSlotsPerExtent; ++place) {
        const int result = read_slot(extent, extent * ring::kSlotNumbers + place);
        if (result < 0) return result;
    }
    return 0;
}

int SegmentReading::read_slot(uint32_t extent, uint32_t slot) {
    for (int i = 0; i < kAttempts; ++i) {
        // acquire: its data. Pairs with the release in SlotWriter::publish(). Without it stale bytes could be decoded.
        const uint64_t packed = StdAtomics::load(segment_.view().slot(slot).word, std::memory_order_acquire);
        if (!holds_span(SlotWord::unpack(packed))) return 0;
        if (copy_slot(extent, slot)) return add({bytes_.begin(), bytes_.count()}, slot_.scope, &slot_);
    }
    return 0;
}

// The slot and its data as they were at one instant: word and generation are the same before and after.
bool SegmentReading::copy_slot(uint32_t extent, uint32_t slot) {
    const ring::Slot& original = segment_.view().slot(slot);
    memcpy(static_cast<void*>(&slot_), &original, sizeof slot_);
    const SlotWord word = SlotWord::unpack(slot_.word);
    if (!holds_span(word) || !ring::fits_place(word) || !bytes_.resize(word.length)) return false;
    const uint8_t* data = slot_.data;
    if (word.place > ring::kBlockClasses) {
        const uint32_t place = word.place - ring::kBlockClasses - 1;
        if (!segment_.has_huge(place)) return false;
        data = segment_.view().huge(place);
    } else if (word.place != 0) {
        const uint32_t block = slot_.blocks[word.place - 1] - 1;
        if (block / ring::kBlockNumbers >= segment_.extents()) return false;
        data = segment_.view().block(block);
    }
    if (word.length != 0) memcpy(bytes_.begin(), data, word.length);
    keep_order();  // the copies come before the looks
    // relaxed: ordered by that.
    return StdAtomics::load(original.word, std::memory_order_relaxed) == slot_.word &&
           StdAtomics::load(original.generation, std::memory_order_relaxed) == slot_.generation &&
           holds(extent, ExtentKind::kSlots);
}

int SegmentReading::read_chunks(uint32_t extent, ExtentKind kind) {
    for (uint32_t place = 0; place < ring::parts_of(kind); ++place) {
        const int result = read_chunk(extent * ring::kChunksPerExtent + place, ring::part_size(kind));
        if (result < 0) return result;
    }
    return 0;
}

int SegmentReading::read_chunk(uint32_t chunk, uint32_t capacity) {
    ring::ChunkLine& line = segment_.view().chunk_line(chunk);
    const ChunkWord word = ChunkReader<>::committed(line);
    if (word.state == ChunkState::kFree) return 0;
    uint32_t acknowledged = 0, acknowledged_spans = 0;
    if (word.length > capacity ||
        !ring::acknowledged_part(ChunkReader<>::mark(segment_.view(), chunk), word, acknowledged, acknowledged_spans))
        return -EBADMSG;
    if (!bytes_.resize(word.length)) return -ENOMEM;
    if (word.length != 0) memcpy(bytes_.begin(), segment_.view().chunk_bytes(chunk, capacity), word.length);
    if (!ChunkReader<>::unchanged(line, word)) return 0;  // overwritten: counted as lost
    return read_records({bytes_.begin(), bytes_.count()}, acknowledged);
}

// Those from there on: what is before has been cleared.
int SegmentReading::read_records(Bytes chunk, uint32_t from) {
    const uint8_t* const end = chunk.at + chunk.size;
    uint32_t scope = 0;
    for (const uint8_t* at = chunk.at; at != end;) {
        if (*at == ring::kControlRecord) {
            if (end - at < static_cast<ptrdiff_t>(ring::kScopeRecordSize) || at[1] != ring::kControlScope)
                return -EBADMSG;
            memcpy(&scope, at + 2, sizeof scope);
            at += ring::kScopeRecordSize;
            continue;
        }
        FieldWalk walk({at, static_cast<size_t>(end - at)});
        Field record;
        if (*at != ring::kSpanRecord || !walk.next(record)) return -EBADMSG;
        if (at >= chunk.at + from) {
            const int result = add(record.bytes, scope, nullptr);
            if (result < 0) return result;
        }
        at = record.bytes.at + record.bytes.size;
    }
    return 0;
}

// nullptr: there is none of that number, or no memory.
const spr_test_scope* SegmentReading::scope(uint32_t number) {
    if (number > ring::kScopeEntries) return nullptr;
    if (scopes_ == nullptr) scopes_ = arena_.array<spr_test_scope*>(ring::kScopeEntries + 1);
    if (scopes_ == nullptr) return nullptr;
    spr_test_scope*& known = scopes_[number];
    if (known != nullptr) return known;
    known = arena_.array<spr_test_scope>(1);
    if (known == nullptr) return nullptr;
    known->name = known->version = known->schema_url = "";
    if (number == 0) return known;
    const ring::ScopeEntry& entry = segment_.view().scope(number - 1);
    // acquire: the entry and its bytes. Pairs with the release of `ready` in the library's TracerTable. Without it a
    // scope could be read half-written.
    if (StdAtomics::load(entry.ready, std::memory_order_acquire) != 1) return nullptr;
    if (!ring::is_scope_place(entry.offset, uint64_t{entry.scope_size} + entry.schema_size)) return nullptr;
    const uint8_t* const bytes = segment_.view().scope_bytes(entry.offset);
    Bytes message, url;
    if (!inside({bytes, entry.scope_size}, message) || !decoder_.scope(message, *known)) return nullptr;
    if (entry.schema_size == 0) return known;
    if (!inside({bytes + entry.scope_size, entry.schema_size}, url)) return nullptr;
    known->schema_url = arena_.text(url.at, url.size);
    known->schema_url_size = url.size;
    return known;
}

// `open`: its slot, which knows what is written as it ends; also of one that waits there.
int SegmentReading::add(Bytes message, uint32_t scope_number, const ring::Slot* open) {
    spr_test_span* const span = spans_.add();
    const spr_test_scope* const of = scope(scope_number);
    if (span == nullptr || arena_.failed()) return -ENOMEM;
    const bool sound = open != nullptr ? decoder_.open_span(message, *span) : decoder_.span(message, *span);
    if (of == nullptr || !sound) return -EBADMSG;
    span->scope = of;
    span->resource = resource_;
    span->pid = segment_.header().pid;
    if (open == nullptr) return 0;
    const SlotWord word = SlotWord::unpack(open->word);
    const bool ends_here = word.state == SlotState::kEnding && open->intent_chunk == ring::kInSlot;
    span->is_open = is_open(word) && !ends_here ? 1 : 0;
    if (span->is_open == 0) span->end_time_ns = open->intent_word;
    span->kind = open->kind;
    span->context.trace_flags = open->trace_flags;
    span->parent_is_remote = (open->parent_flags & 2) != 0;
    span->dropped_attributes = open->dropped_attributes;
    span->dropped_events = open->dropped_events;
    span->dropped_links = open->dropped_links;
    return 0;
}

}  // namespace spanring::test_kit
