// SPDX-License-Identifier: Apache-2.0
//
// The shared memory of one process, byte for byte: what docs/shared-memory.md draws, as structs.
//
// Invariants: explicitly-sized types only; every 64-bit field 8-aligned on every architecture; zeroed memory means
// "free, empty, none"; reserved bytes are written zero and ignored when read. The geometry is part of the layout
// version: a reader computes every place from these constants, an index and the kind of an extent, never from a pointer
// or offset found in the segment.
#pragma once

#include <cstddef>
#include <cstdint>

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
