// SPDX-License-Identifier: Apache-2.0
// spanring 0.2.0: libspanring-test-kit, in one file. Made by tools/amalgamate from the sources of that version;
// spanring_test_kit.h, which belongs to it, says how it is used.

#if defined(__linux__) && !defined(SPR_ELSEWHERE)

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "spanring_test_kit.cpp needs C++17 or later"
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

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <new>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>

// Nothing of it is seen from outside but what spanring_test_kit.h declares.
#pragma GCC visibility push(hidden)

#include "spanring_test_kit.h"

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

// ---- lib/test_kit/mapped_segment.hpp ---------------------------------------------------------------------------------

//
// A segment of the private directory, mapped: what it holds is read beside its process, as an agent would, and its
// finished spans can be acknowledged. No agent works on it, so nothing but its own process changes it meanwhile.

namespace spanring::test_kit {

class MappedSegment {
public:
    MappedSegment() = default;
    ~MappedSegment();
    MappedSegment(const MappedSegment&) = delete;
    MappedSegment& operator=(const MappedSegment&) = delete;

    // Errors: -EBADMSG (no segment, or of another layout), or of the system.
    int open(int directory, const char* name);

    ring::SegmentView view() const { return {base_, header_.extent_limit}; }
    const ring::Header& header() const { return header_; }
    uint32_t extents() const;
    bool has_huge(uint32_t place) const;
    bool process_lives() const;
    uint64_t lost() const;  // spans of it that were neither recorded nor not wanted

    // Everything that has ended is done with; full chunks are free again.
    void acknowledge() const;

private:
    void acknowledge_slots(uint32_t extent) const;
    void acknowledge_chunk(uint32_t chunk) const;

    int file_ = -1;
    uint8_t* base_ = nullptr;
    ring::Header header_{};
};

}  // namespace spanring::test_kit

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

// ---- lib/ring/counter_sums.hpp ---------------------------------------------------------------------------------------

//
// The counters of a process, summed over its lines. Exact when the process is quiet or dead and recovered; otherwise
// each counter is some value that it had, and ended is read before started so that ended <= started.

namespace spanring::ring {

using CounterSums = std::array<uint64_t, static_cast<size_t>(Counter::kCount)>;

template <class Atomics = StdAtomics>
CounterSums sum_counters(SegmentView segment) {
    // acquire: the pages of the counted lines are populated. Pairs with the release in Segment::counter_line(). Without
    // it a page could be touched that is not there yet.
    const uint32_t counted = Atomics::load(segment.writer().counter_lines, std::memory_order_acquire);
    const uint32_t lines = counted < kCounterLines ? counted : kCounterLines;
    CounterSums sums{};
    for (size_t reverse = sums.size(); reverse-- > 0;) {
        // started last. acquire: keeps the order of the rounds. It has no partner among the writers, whose stores are
        // relaxed: that ended <= started is certain where stores keep their order (x86), and usual elsewhere. Without
        // it the compiler could turn the rounds around.
        for (uint32_t line = 0; line < lines; ++line) {
            sums[reverse] += Atomics::load(segment.counter_line(line).values[reverse], std::memory_order_acquire);
        }
        sums[reverse] += Atomics::load(segment.writer().shared_line[reverse], std::memory_order_acquire);
    }
    return sums;
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

// ---- lib/test_kit/mapped_segment.cpp ---------------------------------------------------------------------------------

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

// ---- lib/test_kit/private_directory.hpp ------------------------------------------------------------------------------

//
// A runtime directory of this process's own, in which no agent looks. It goes when the process exits; a process that
// does not come to that (it is killed, or its language ends it by _exit()) leaves it to the next one that makes one:
// its lock is gone, which children hold as well.

namespace spanring::test_kit {

class PrivateDirectory {
public:
    // Makes it, once. Errors: -EBUSY (a segment of this process is somewhere else already), or of the system.
    static int begin();

    // Removes it before that. There is no other one afterwards.
    static void end();

    // Open for reading, until the process ends; -EPERM before begin(), -ENOENT after end().
    static int descriptor();
};

}  // namespace spanring::test_kit

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

// ---- lib/test_kit/segment_name.hpp -----------------------------------------------------------------------------------

//
// Whether a file's name is a segment's. Inline, and not ring/runtime_directory.cpp: the kit and the library, each as
// one file (tools/amalgamate), go into one program.

namespace spanring::test_kit {

inline bool is_segment_name(const char* name, size_t size) {
    constexpr size_t kDigits = 32;
    if (size != ring::kSegmentNameSize - 1 || memcmp(name + kDigits, ".spr", 4) != 0) return false;
    for (size_t i = 0; i < kDigits; ++i) {
        const char digit = name[i];
        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'))) return false;
    }
    return true;
}

}  // namespace spanring::test_kit

// ---- lib/test_kit/private_directory.cpp ------------------------------------------------------------------------------

namespace spanring::test_kit {
namespace {

constexpr char kPrefix[] = "spanring-kit-";
constexpr time_t kYoung = 60;  // seconds: until then it may have been made, and not be locked yet

char path_[ring::kRuntimePathSize];
constexpr int kNotBegun = -EPERM;
constexpr int kEnded = -ENOENT;
int descriptor_ = kNotBegun;
pid_t owner_ = 0;

const char* place() {
    if (access("/dev/shm", W_OK) == 0) return "/dev/shm";
    const char* const named = getenv("TMPDIR");
    return named != nullptr && named[0] == '/' ? named : "/tmp";
}

// Files alone: nothing else is ever in it.
void empty(int directory) {
    const int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* const listing = again < 0 ? nullptr : fdopendir(again);
    if (listing == nullptr) return;
    while (const dirent* const entry = readdir(listing)) unlinkat(directory, entry->d_name, 0);
    closedir(listing);
}

void remove_own() {
    if (getpid() != owner_ || descriptor_ < 0) return;  // a child that exits; end()
    empty(descriptor_);
    rmdir(path_);
}

void remove_if_left(int parent, const char* name) {
    const int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0) return;
    struct stat status;
    const bool old =
        fstat(directory, &status) == 0 && status.st_uid == geteuid() && time(nullptr) - status.st_ctime > kYoung;
    if (old && flock(directory, LOCK_EX | LOCK_NB) == 0) {
        empty(directory);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
    close(directory);
}

void remove_what_was_left(const char* parent) {
    DIR* const listing = opendir(parent);
    if (listing == nullptr) return;
    while (const dirent* const entry = readdir(listing)) {
        if (strncmp(entry->d_name, kPrefix, sizeof kPrefix - 1) == 0) remove_if_left(dirfd(listing), entry->d_name);
    }
    closedir(listing);
}

// Whether a line of /proc/self/maps is of a segment; of one whose file is removed, too.
bool names_segment(const char* line) {
    const char* const slash = strrchr(line, '/');
    return slash != nullptr && is_segment_name(slash + 1, strcspn(slash + 1, " \n"));
}

bool has_segment() {
    FILE* const maps = fopen("/proc/self/maps", "re");
    if (maps == nullptr) return false;
    char* line = nullptr;
    size_t room = 0;
    bool found = false;
    while (!found && getline(&line, &room, maps) > 0) found = names_segment(line);
    free(line);
    fclose(maps);
    return found;
}

}  // namespace

int PrivateDirectory::begin() {
    if (descriptor_ != kNotBegun) return descriptor_ >= 0 ? 0 : descriptor_;
    if (has_segment()) return -EBUSY;
    const char* const parent = place();
    remove_what_was_left(parent);
    const int length = snprintf(path_, sizeof path_, "%s/%sXXXXXX", parent, kPrefix);
    if (length < 0 || static_cast<size_t>(length) >= sizeof path_) return -ENAMETOOLONG;
    if (mkdtemp(path_) == nullptr) return -errno;
    const int directory = open(path_, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || flock(directory, LOCK_EX | LOCK_NB) < 0 || setenv("SPANRING_DIR", path_, 1) < 0) {
        const int error = errno;
        rmdir(path_);
        if (directory >= 0) close(directory);
        return -error;
    }
    descriptor_ = directory;
    owner_ = getpid();
    atexit(remove_own);
    return 0;
}

void PrivateDirectory::end() {
    if (descriptor_ < 0) return;
    remove_own();
    close(descriptor_);
    descriptor_ = kEnded;
}

int PrivateDirectory::descriptor() { return descriptor_; }

}  // namespace spanring::test_kit

// ---- lib/test_kit/arena.hpp ------------------------------------------------------------------------------------------

//
// The memory of one reading: taken piece by piece, zeroed, and given back as a whole. Once memory was refused every
// piece is, and failed() says so: who decodes looks once, at the end.

namespace spanring::test_kit {

class Arena {
public:
    Arena() = default;
    ~Arena() {
        while (blocks_ != nullptr) {
            Block* const next = blocks_->next;
            free(blocks_);
            blocks_ = next;
        }
    }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    bool failed() const { return failed_; }

    // nullptr where there are none, or no memory.
    template <class T>
    T* array(size_t count) {
        return static_cast<T*>(take(count * sizeof(T)));
    }

    // A copy with a NUL behind it; never nullptr.
    const char* text(const void* bytes, size_t size) {
        auto* const copy = static_cast<char*>(take(size + 1));
        if (copy == nullptr) return "";
        if (size != 0) memcpy(copy, bytes, size);
        return copy;
    }

private:
    struct alignas(16) Block {
        Block* next;
    };
    static constexpr size_t kBlock = size_t{64} << 10;

    void* take(size_t size) {
        if (size == 0 || failed_) return nullptr;
        size = (size + 15) & ~size_t{15};
        if (size > left_) {
            const size_t room = size > kBlock ? size : kBlock;
            auto* const block = static_cast<Block*>(calloc(1, sizeof(Block) + room));
            failed_ = block == nullptr;
            if (failed_) return nullptr;
            block->next = blocks_;
            blocks_ = block;
            at_ = reinterpret_cast<uint8_t*>(block + 1);
            left_ = room;
        }
        void* const piece = at_;
        at_ += size;
        left_ -= size;
        return piece;
    }

    Block* blocks_ = nullptr;
    uint8_t* at_ = nullptr;
    size_t left_ = 0;
    bool failed_ = false;
};

}  // namespace spanring::test_kit

// ---- lib/test_kit/growing_list.hpp -----------------------------------------------------------------------------------

//
// A list of plain structs that grows, without a C++ runtime.

namespace spanring::test_kit {

template <class T>
class GrowingList {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    GrowingList() = default;
    ~GrowingList() { free(items_); }
    GrowingList(const GrowingList&) = delete;
    GrowingList& operator=(const GrowingList&) = delete;

    size_t count() const { return count_; }
    T* begin() const { return items_; }
    T* end() const { return items_ + count_; }
    T& operator[](size_t index) const { return items_[index]; }

    // A zeroed one at the end; nullptr: no memory.
    T* add() {
        if (count_ == room_ && !reserve(room_ == 0 ? 64 : 2 * room_)) return nullptr;
        T* const item = items_ + count_++;
        memset(static_cast<void*>(item), 0, sizeof *item);
        return item;
    }
    void drop_last() { --count_; }

    // That many, whatever they are. False: no memory.
    bool resize(size_t count) {
        if (count > room_ && !reserve(count)) return false;
        count_ = count;
        return true;
    }

private:
    bool reserve(size_t room) {
        auto* const items = static_cast<T*>(realloc(static_cast<void*>(items_), room * sizeof(T)));
        if (items == nullptr) return false;
        items_ = items;
        room_ = room;
        return true;
    }

    T* items_ = nullptr;
    size_t count_ = 0;
    size_t room_ = 0;
};

}  // namespace spanring::test_kit

// ---- lib/test_kit/field_walk.hpp -------------------------------------------------------------------------------------

//
// The fields of a protobuf message, as the library writes them. What a slot holds may have superseded fields, which are
// passed over.

namespace spanring::test_kit {

struct Bytes {
    const uint8_t* at = nullptr;
    size_t size = 0;
};

struct Field {
    uint32_t number = 0;
    uint64_t value = 0;  // of a number
    Bytes bytes;         // of anything else
};

class FieldWalk {
public:
    explicit FieldWalk(Bytes message) : at_(message.at), end_(message.at + message.size) {}

    // False: that was the last one, or there is something wrong with the next.
    bool next(Field& ret_field) {
        while (at_ != end_) {
            const bool superseded = *at_ == ring::kSuperseded;
            uint64_t tag = 0, length = 0;
            if (!varint(tag)) return fail();
            ret_field = {static_cast<uint32_t>(tag >> 3), 0, {}};
            switch (tag & 7) {
                case 0:
                    if (!varint(ret_field.value)) return fail();
                    break;
                case 1:
                    if (!fixed(ret_field.value, 8)) return fail();
                    break;
                case 5:
                    if (!fixed(ret_field.value, 4)) return fail();
                    break;
                case 2:
                case 7:
                    if (((tag & 7) == 7 && !superseded) || !varint(length) || length > left()) return fail();
                    ret_field.bytes = {at_, static_cast<size_t>(length)};
                    at_ += length;
                    break;
                default: return fail();
            }
            if (!superseded) return true;
        }
        return false;
    }
    bool sound() const { return sound_; }

private:
    size_t left() const { return static_cast<size_t>(end_ - at_); }
    bool fail() { return sound_ = false; }

    bool varint(uint64_t& ret) {
        ret = 0;
        for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
            const uint8_t byte = *at_++;
            ret |= uint64_t{byte & 0x7fu} << shift;
            if (byte < 0x80) return true;
        }
        return false;
    }
    bool fixed(uint64_t& ret, size_t size) {
        if (left() < size) return false;
        memcpy(&ret, at_, size);  // little-endian, as the layout is
        at_ += size;
        return true;
    }

    const uint8_t* at_;
    const uint8_t* end_;
    bool sound_ = true;
};

// How many fields of that number the message has.
inline size_t count_fields(Bytes message, uint32_t number) {
    FieldWalk walk(message);
    Field field;
    size_t count = 0;
    while (walk.next(field)) count += field.number == number;
    return count;
}

}  // namespace spanring::test_kit

// ---- lib/test_kit/span_decoder.hpp -----------------------------------------------------------------------------------

//
// OTLP bytes as the structs of the test kit, in memory of the arena. Each: false where the bytes are no such message;
// then what was decoded of it is of no use.

namespace spanring::test_kit {

class SpanDecoder {
public:
    explicit SpanDecoder(Arena& arena) : arena_(arena) {}

    bool span(Bytes message, spr_test_span& ret);
    // What a slot holds. Of a key that is there twice the later one counts: a process that was killed as it set one
    // again leaves both.
    bool open_span(Bytes fields, spr_test_span& ret);
    bool scope(Bytes message, spr_test_scope& ret);
    bool resource(Bytes message, spr_test_resource& ret);

private:
    bool attributes(Bytes message, uint32_t number, const spr_attribute*& ret, size_t& ret_count);
    bool attribute(Bytes message, uint32_t depth, spr_attribute& ret);
    bool value(Bytes message, uint32_t depth, uint32_t& ret_type, spr_any& ret);
    bool array(Bytes message, uint32_t depth, spr_any& ret);
    bool key_values(Bytes message, uint32_t depth, spr_any& ret);
    bool event(Bytes message, spr_event& ret);
    bool link(Bytes message, spr_link& ret);
    bool status(Bytes message, spr_test_span& ret);

    void text(Bytes bytes, const char*& ret, size_t& ret_size) {
        ret = arena_.text(bytes.at, bytes.size);
        ret_size = bytes.size;
    }

    Arena& arena_;
};

}  // namespace spanring::test_kit

// ---- lib/test_kit/segment_reading.hpp --------------------------------------------------------------------------------

//
// The spans of one segment, decoded, at the end of a list. Those that are open come first, then those that have ended:
// one that ends between the two looks is there twice, and never not at all.

namespace spanring::test_kit {

class SegmentReading {
public:
    SegmentReading(const MappedSegment& segment, Arena& arena, GrowingList<spr_test_span>& spans)
        : segment_(segment), arena_(arena), decoder_(arena), spans_(spans) {}

    // Errors: -EBADMSG, -ENOMEM.
    int read();

private:
    // An extent of that kind, by now.
    bool holds(uint32_t extent, ring::ExtentKind kind) const;
    int read_resource();
    int read_slots(uint32_t extent);
    int read_slot(uint32_t extent, uint32_t slot);
    bool copy_slot(uint32_t extent, uint32_t slot);
    int read_chunks(uint32_t extent, ring::ExtentKind kind);
    int read_chunk(uint32_t chunk, uint32_t capacity);
    int read_records(Bytes chunk, uint32_t from);
    const spr_test_scope* scope(uint32_t number);
    int add(Bytes message, uint32_t scope, const ring::Slot* open);

    const MappedSegment& segment_;
    Arena& arena_;
    SpanDecoder decoder_;
    GrowingList<spr_test_span>& spans_;
    spr_test_resource* resource_ = nullptr;
    spr_test_scope** scopes_ = nullptr;  // of each number that there may be; nullptr: of none yet
    GrowingList<uint8_t> bytes_;         // of the chunk, or of the slot's data, that is looked at
    ring::Slot slot_{};
};

}  // namespace spanring::test_kit

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

// ---- lib/test_kit/segment_reading.cpp --------------------------------------------------------------------------------

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

// ---- lib/test_kit/span_decoder.cpp -----------------------------------------------------------------------------------

namespace spanring::test_kit {
namespace {

constexpr uint32_t kDeepest = 2 * SPR_VALUE_DEPTH;  // no library writes one that is
constexpr uint32_t kParentIsRemote = 0x200;         // in Span.flags

template <size_t N>
bool take_id(Bytes bytes, uint8_t (&ret)[N]) {
    if (bytes.size != 0 && bytes.size != N) return false;
    if (bytes.size != 0) memcpy(ret, bytes.at, N);
    return true;
}

bool same_key(const spr_attribute& a, const spr_attribute& b) {
    return a.key_size == b.key_size && memcmp(a.key, b.key, a.key_size) == 0;
}

// Each key once, with its last value.
size_t keep_last(spr_attribute* attributes, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
        bool again = false;
        for (size_t later = i + 1; later < count && !again; ++later) again = same_key(attributes[i], attributes[later]);
        if (!again) attributes[kept++] = attributes[i];
    }
    return kept;
}

}  // namespace

bool SpanDecoder::span(Bytes message, spr_test_span& ret) {
    ret.name = ret.trace_state = ret.status_message = "";
    auto* const events = arena_.array<spr_event>(count_fields(message, 11));
    auto* const links = arena_.array<spr_link>(count_fields(message, 13));
    ret.events = events;
    ret.links = links;
    bool sound = attributes(message, 9, ret.attributes, ret.attribute_count);
    FieldWalk walk(message);
    Field field;
    while (sound && !arena_.failed() && walk.next(field)) {
        switch (field.number) {
            case 1: sound = take_id(field.bytes, ret.context.trace_id); break;
            case 2: sound = take_id(field.bytes, ret.context.span_id); break;
            case 3: text(field.bytes, ret.trace_state, ret.trace_state_size); break;
            case 4: sound = take_id(field.bytes, ret.parent_span_id); break;
            case 5: text(field.bytes, ret.name, ret.name_size); break;
            case 6: ret.kind = static_cast<uint8_t>(field.value); break;
            case 7: ret.start_time_ns = field.value; break;
            case 8: ret.end_time_ns = field.value; break;
            case 10: ret.dropped_attributes = static_cast<uint32_t>(field.value); break;
            case 11: sound = event(field.bytes, events[ret.event_count++]); break;
            case 12: ret.dropped_events = static_cast<uint32_t>(field.value); break;
            case 13: sound = link(field.bytes, links[ret.link_count++]); break;
            case 14: ret.dropped_links = static_cast<uint32_t>(field.value); break;
            case 15: sound = status(field.bytes, ret); break;
            case 16:
                ret.context.trace_flags = static_cast<uint8_t>(field.value);
                ret.parent_is_remote = (field.value & kParentIsRemote) != 0;
                break;
            default: break;
        }
    }
    return sound && walk.sound();
}

bool SpanDecoder::open_span(Bytes fields, spr_test_span& ret) {
    if (!span(fields, ret)) return false;
    ret.attribute_count = keep_last(const_cast<spr_attribute*>(ret.attributes), ret.attribute_count);
    return true;
}

bool SpanDecoder::scope(Bytes message, spr_test_scope& ret) {
    FieldWalk walk(message);
    Field field;
    while (walk.next(field)) {
        if (field.number == 1) text(field.bytes, ret.name, ret.name_size);
        if (field.number == 2) text(field.bytes, ret.version, ret.version_size);
    }
    return walk.sound() && attributes(message, 3, ret.attributes, ret.attribute_count);
}

bool SpanDecoder::resource(Bytes message, spr_test_resource& ret) {
    return attributes(message, 1, ret.attributes, ret.attribute_count);
}

bool SpanDecoder::attributes(Bytes message, uint32_t number, const spr_attribute*& ret, size_t& ret_count) {
    auto* const all = arena_.array<spr_attribute>(count_fields(message, number));
    size_t count = 0;
    FieldWalk walk(message);
    Field field;
    while (!arena_.failed() && walk.next(field)) {
        if (field.number == number && !attribute(field.bytes, 0, all[count++])) return false;
    }
    ret = all;
    ret_count = count;
    return walk.sound();
}

bool SpanDecoder::attribute(Bytes message, uint32_t depth, spr_attribute& ret) {
    ret.key = "";
    ret.type = SPR_TYPE_EMPTY;
    FieldWalk walk(message);
    Field field;
    while (walk.next(field)) {
        if (field.number == 1) text(field.bytes, ret.key, ret.key_size);
        if (field.number == 2 && !value(field.bytes, depth, ret.type, ret.value)) return false;
    }
    return walk.sound();
}

bool SpanDecoder::value(Bytes message, uint32_t depth, uint32_t& ret_type, spr_any& ret) {
    if (depth > kDeepest) return false;
    FieldWalk walk(message);
    Field field;
    ret_type = SPR_TYPE_EMPTY;
    while (walk.next(field)) {
        bool sound = true;
        ret_type = field.number;  // the numbers of AnyValue are those of the types
        switch (field.number) {
            case SPR_TYPE_STRING: text(field.bytes, ret.string.data, ret.string.size); break;
            case SPR_TYPE_BOOL: ret.boolean = field.value != 0; break;
            case SPR_TYPE_INT64: ret.int64 = static_cast<int64_t>(field.value); break;
            case SPR_TYPE_DOUBLE: memcpy(&ret.float64, &field.value, sizeof ret.float64); break;
            case SPR_TYPE_ARRAY: sound = array(field.bytes, depth + 1, ret); break;
            case SPR_TYPE_KEY_VALUES: sound = key_values(field.bytes, depth + 1, ret); break;
            case SPR_TYPE_BYTES:
                ret.bytes.data = arena_.text(field.bytes.at, field.bytes.size);
                ret.bytes.size = field.bytes.size;
                break;
            default: ret_type = SPR_TYPE_EMPTY;
        }
        if (!sound) return false;
    }
    return walk.sound();
}

bool SpanDecoder::array(Bytes message, uint32_t depth, spr_any& ret) {
    auto* const values = arena_.array<spr_value>(count_fields(message, 1));
    size_t count = 0;
    FieldWalk walk(message);
    Field field;
    while (!arena_.failed() && walk.next(field)) {
        if (field.number != 1) continue;
        if (!value(field.bytes, depth, values[count].type, values[count].value)) return false;
        ++count;
    }
    ret.array.values = values;
    ret.array.count = count;
    return walk.sound();
}

bool SpanDecoder::key_values(Bytes message, uint32_t depth, spr_any& ret) {
    auto* const pairs = arena_.array<spr_attribute>(count_fields(message, 1));
    size_t count = 0;
    FieldWalk walk(message);
    Field field;
    while (!arena_.failed() && walk.next(field)) {
        if (field.number == 1 && !attribute(field.bytes, depth, pairs[count++])) return false;
    }
    ret.key_values.pairs = pairs;
    ret.key_values.count = count;
    return walk.sound();
}

bool SpanDecoder::event(Bytes message, spr_event& ret) {
    ret.name = "";
    FieldWalk walk(message);
    Field field;
    while (walk.next(field)) {
        if (field.number == 1) ret.time_ns = field.value;
        if (field.number == 2) text(field.bytes, ret.name, ret.name_size);
        if (field.number == 4) ret.dropped_attributes = static_cast<uint32_t>(field.value);
    }
    return walk.sound() && attributes(message, 3, ret.attributes, ret.attribute_count);
}

bool SpanDecoder::link(Bytes message, spr_link& ret) {
    ret.trace_state = "";
    bool sound = true;
    FieldWalk walk(message);
    Field field;
    while (sound && walk.next(field)) {
        switch (field.number) {
            case 1: sound = take_id(field.bytes, ret.context.trace_id); break;
            case 2: sound = take_id(field.bytes, ret.context.span_id); break;
            case 3: text(field.bytes, ret.trace_state, ret.trace_state_size); break;
            case 5: ret.dropped_attributes = static_cast<uint32_t>(field.value); break;
            case 6:
                ret.context.trace_flags = static_cast<uint8_t>(field.value);
                ret.context.is_remote = (field.value & kParentIsRemote) != 0;
                break;
            default: break;
        }
    }
    return sound && walk.sound() && attributes(message, 4, ret.attributes, ret.attribute_count);
}

bool SpanDecoder::status(Bytes message, spr_test_span& ret) {
    FieldWalk walk(message);
    Field field;
    ret.status = SPR_STATUS_UNSET;
    ret.status_message = "";
    ret.status_message_size = 0;
    while (walk.next(field)) {
        if (field.number == 2) text(field.bytes, ret.status_message, ret.status_message_size);
        if (field.number == 3) ret.status = static_cast<uint8_t>(field.value);
    }
    return walk.sound();
}

}  // namespace spanring::test_kit

// ---- lib/test_kit/test_kit.cpp ---------------------------------------------------------------------------------------

//
// The functions of the header: the segments of the private directory, one after the other.

namespace spanring::test_kit {
namespace {

// What the caller gets, and what it is in the memory of.
struct Reading {
    spr_test_spans spans{};
    Arena arena;
    GrowingList<spr_test_span> list;
};

uint64_t lost_before_ = 0;  // spr_test_clear()

// visit(segment, name) until it fails. A segment that goes meanwhile, with a process that has ended, is passed over.
template <class Visit>
int each_segment(Visit visit) {
    const int directory = PrivateDirectory::descriptor();
    if (directory < 0) return directory;
    const int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* const listing = again < 0 ? nullptr : fdopendir(again);
    if (listing == nullptr) return -errno;
    int result = 0;
    while (const dirent* const entry = result == 0 ? readdir(listing) : nullptr) {
        if (!is_segment_name(entry->d_name, strlen(entry->d_name))) continue;
        MappedSegment segment;
        result = segment.open(directory, entry->d_name);
        if (result == 0) result = visit(segment, entry->d_name);
        if (result == -ENOENT) result = 0;
    }
    closedir(listing);
    return result;
}

bool is_wanted(const MappedSegment& segment, int whose) {
    return whose == SPR_TEST_OF_ALL || segment.header().pid == static_cast<uint32_t>(getpid());
}

int by_time(const void* left, const void* right) {
    const auto& a = *static_cast<const spr_test_span*>(left);
    const auto& b = *static_cast<const spr_test_span*>(right);
    if (a.is_open != b.is_open) return a.is_open != 0 ? 1 : -1;
    const uint64_t a_time = a.is_open != 0 ? a.start_time_ns : a.end_time_ns;
    const uint64_t b_time = b.is_open != 0 ? b.start_time_ns : b.end_time_ns;
    if (a_time != b_time) return a_time < b_time ? -1 : 1;
    return a.reserved < b.reserved ? -1 : 1;  // as they were found
}

bool same_span(const spr_test_span& a, const spr_test_span& b) {
    return memcmp(a.context.trace_id, b.context.trace_id, sizeof a.context.trace_id) == 0 &&
           memcmp(a.context.span_id, b.context.span_id, sizeof a.context.span_id) == 0;
}

// Sorts them, and leaves out as open what has ended since it was looked at. Both are few, or one of them is.
void settle(GrowingList<spr_test_span>& spans) {
    for (size_t i = 0; i < spans.count(); ++i) spans[i].reserved = static_cast<uint32_t>(i);
    qsort(spans.begin(), spans.count(), sizeof(spr_test_span), by_time);
    size_t ended = 0;
    while (ended < spans.count() && spans[ended].is_open == 0) ++ended;
    size_t kept = ended;
    for (size_t open = ended; open < spans.count(); ++open) {
        bool has_ended = false;
        for (size_t i = ended; i-- > 0 && spans[i].end_time_ns >= spans[open].start_time_ns && !has_ended;)
            has_ended = same_span(spans[i], spans[open]);
        if (!has_ended) spans[kept++] = spans[open];
    }
    while (spans.count() > kept) spans.drop_last();
    for (spr_test_span& span : spans) span.reserved = 0;
}

int read_all(int whose, Reading& reading) {
    uint64_t lost = 0;
    const int result = each_segment([&](const MappedSegment& segment, const char*) {
        if (!is_wanted(segment, whose)) return 0;
        lost += segment.lost();
        return SegmentReading(segment, reading.arena, reading.list).read();
    });
    if (result < 0) return result;
    settle(reading.list);
    reading.spans = {reading.list.begin(), reading.list.count(), lost > lost_before_ ? lost - lost_before_ : 0};
    return 0;
}

void drop(Reading* reading) {
    reading->~Reading();
    free(reading);
}

size_t size_of(const char* text, size_t size) { return size == SPR_NUL ? strlen(text) : size; }

}  // namespace
}  // namespace spanring::test_kit

using namespace spanring::test_kit;

int spr_test_begin() noexcept { return PrivateDirectory::begin(); }

int spr_test_read(int whose, const spr_test_spans** ret_spans) noexcept {
    if (ret_spans == nullptr || (whose != SPR_TEST_OF_PROCESS && whose != SPR_TEST_OF_ALL)) return -EINVAL;
    void* const memory = malloc(sizeof(Reading));
    if (memory == nullptr) return -ENOMEM;
    auto* const reading = new (memory) Reading;
    const int result = read_all(whose, *reading);
    if (result < 0) {
        drop(reading);
        return result;
    }
    *ret_spans = &reading->spans;
    return 0;
}

void spr_test_free(const spr_test_spans* spans) noexcept {
    if (spans != nullptr) drop(reinterpret_cast<Reading*>(const_cast<spr_test_spans*>(spans)));  // its first member
}

int spr_test_clear() noexcept {
    uint64_t lost = 0;
    const int result = each_segment([&](const MappedSegment& segment, const char* name) {
        if (!segment.process_lives()) return unlinkat(PrivateDirectory::descriptor(), name, 0) < 0 ? -errno : 0;
        if (is_wanted(segment, SPR_TEST_OF_PROCESS)) lost += segment.lost();
        segment.acknowledge();
        return 0;
    });
    if (result == 0) lost_before_ = lost;
    return result;
}

void spr_test_end() noexcept { PrivateDirectory::end(); }

const spr_test_span* spr_test_find(const spr_test_spans* spans, const char* name, size_t name_size) noexcept {
    if (spans == nullptr || name == nullptr) return nullptr;
    const size_t size = size_of(name, name_size);
    for (size_t i = 0; i < spans->count; ++i) {
        const spr_test_span& span = spans->spans[i];
        if (span.name_size == size && memcmp(span.name, name, size) == 0) return &span;
    }
    return nullptr;
}

const spr_attribute* spr_test_attribute(const spr_attribute* attributes, size_t attribute_count, const char* key,
                                        size_t key_size) noexcept {
    if (attributes == nullptr || key == nullptr) return nullptr;
    const size_t size = size_of(key, key_size);
    for (size_t i = 0; i < attribute_count; ++i) {
        if (attributes[i].key_size == size && memcmp(attributes[i].key, key, size) == 0) return &attributes[i];
    }
    return nullptr;
}

#pragma GCC visibility pop

#else  // another system: nothing is recorded

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "spanring_test_kit.h"

// ---- lib/elsewhere/test_kit.cpp --------------------------------------------------------------------------------------

//
// The functions of test_kit.h where the library does not run: there is nothing to read. See library.cpp.

namespace {

bool is_same(const char* have, size_t have_size, const char* wanted, size_t wanted_size) {
    const size_t size = wanted_size == SPR_NUL ? strlen(wanted) : wanted_size;
    return have_size == size && (size == 0 || memcmp(have, wanted, size) == 0);
}

}  // namespace

extern "C" {

int spr_test_begin() noexcept { return -ENOTSUP; }

int spr_test_read(int, const spr_test_spans** ret_spans) noexcept { return ret_spans != nullptr ? -ENOTSUP : -EINVAL; }

void spr_test_free(const spr_test_spans*) noexcept {}

int spr_test_clear() noexcept { return -ENOTSUP; }

void spr_test_end() noexcept {}

const spr_test_span* spr_test_find(const spr_test_spans* spans, const char* name, size_t name_size) noexcept {
    if (spans == nullptr || name == nullptr) return nullptr;
    for (size_t i = 0; i < spans->count; ++i) {
        const spr_test_span& span = spans->spans[i];
        if (is_same(span.name, span.name_size, name, name_size)) return &span;
    }
    return nullptr;
}

const spr_attribute* spr_test_attribute(const spr_attribute* attributes, size_t attribute_count, const char* key,
                                        size_t key_size) noexcept {
    if (attributes == nullptr || key == nullptr) return nullptr;
    for (size_t i = 0; i < attribute_count; ++i) {
        if (is_same(attributes[i].key, attributes[i].key_size, key, key_size)) return &attributes[i];
    }
    return nullptr;
}

}  // extern "C"

#endif
