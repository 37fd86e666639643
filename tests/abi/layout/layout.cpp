// SPDX-License-Identifier: Apache-2.0
//
// Prints the shared-memory layout as the compiler sees it: "name offset size" for each region, struct, field and group
// of bits, "name value" for each constant. Its output is compared with that of a 32-bit build and with the tables of
// docs/shared-memory.md (compare.py).
#include <bit>
#include <cstdio>
#include <type_traits>

#include "ring/chunk_word.hpp"
#include "ring/extent_word.hpp"
#include "ring/layout.hpp"
#include "ring/rule_rows.hpp"

using namespace spanring::ring;

namespace {

unsigned long long wide(uint64_t value) { return value; }

void place(const char* name, uint64_t offset, uint64_t size) {
    printf("%s %llu %llu\n", name, wide(offset), wide(size));
}
void constant(const char* name, uint64_t value) { printf("%s %llu\n", name, wide(value)); }

// Where a member of an unpacked word lies in the packed one: from the largest value that comes out of it.
template <class Word, class T>
void bits(const char* name, T Word::*member) {
    Word word{};
    word.*member = Word::unpack(~uint64_t{0}).*member;
    const uint64_t mask = word.pack();
    place(name, static_cast<uint64_t>(std::countr_zero(mask)), static_cast<uint64_t>(std::popcount(mask)));
}

// What every struct of the layout must be on every architecture.
template <class T>
constexpr bool shared = (std::is_standard_layout_v<T> && std::is_trivially_copyable_v<T> && alignof(T) <= 8);
template <class T>
constexpr bool aligned(size_t offset) {
    return offset % (sizeof(T) < 8 ? sizeof(T) : 8) == 0 && std::is_unsigned_v<T>;
}

#define REGION(name, offset, size) place("region." name, offset, size)
#define CONSTANT(name) constant("constant." #name, name)
#define STATE(type, name) constant(#type "." #name, static_cast<uint64_t>(type::name))
#define STRUCT(type)                                                          \
    static_assert(shared<type>, #type " is not the same for every compiler"); \
    place(#type, 0, sizeof(type))
#define FIELD(type, field)                                                                          \
    static_assert(aligned<std::remove_all_extents_t<decltype(type::field)>>(offsetof(type, field)), \
                  #type "." #field " must be an aligned unsigned integer of explicit size");        \
    place(#type "." #field, offsetof(type, field), sizeof(type::field))
#define MEMBER(type, field) place(#type "." #field, offsetof(type, field), sizeof(type::field)) /* a struct inside */
#define BITS(type, field) bits("bits." #type "." #field, &type::field)

void regions() {
    REGION("header", kHeaderOffset, kControlOffset - kHeaderOffset);
    REGION("control", kControlOffset, kWriterOffset - kControlOffset);
    REGION("writer", kWriterOffset, kResourceOffset - kWriterOffset);
    REGION("resource", kResourceOffset, kResourceSize);
    REGION("scopes", kScopesOffset, kScopesSize);
    REGION("more_scopes", kMoreScopesOffset, kMoreScopesSize);
    REGION("counters", kCountersOffset, kCountersSize);
    REGION("extent_words", kExtentWordsOffset, kExtentWordsSize);
    REGION("huge_lines", kHugeLinesOffset, kHugePlaces * sizeof(ChunkLine));
    REGION("huge_words", kHugeWordsOffset, kHugePlaces * sizeof(uint64_t));
    REGION("huge_marks", kHugeMarksOffset, kGroupsOffset - kHugeMarksOffset);
    REGION("groups", kGroupsOffset, kGroupSize);
    REGION("group.marks", kMarksOffset, kLinesOffset - kMarksOffset);
    REGION("group.lines", kLinesOffset, kGroupHeadSize - kLinesOffset);
    REGION("group.extents", kGroupHeadSize, kExtentSize);
}

void constants() {
    CONSTANT(kMagic);
    CONSTANT(kLayoutMajor);
    CONSTANT(kLayoutMinor);
    CONSTANT(kByteOrder);
    CONSTANT(kKnownIncompatible);
    CONSTANT(kRingsBell);
    CONSTANT(kRestoresMemory);
    CONSTANT(kRingsAtMark);
    CONSTANT(kReady);
    CONSTANT(kMaxExtents);
    CONSTANT(kExtentsPerGroup);
    CONSTANT(kExtentSize);
    CONSTANT(kCounterLines);
    CONSTANT(kCounterLineSize);
    CONSTANT(kScopeEntries);
    CONSTANT(kScopeBytesOffset);
    CONSTANT(kFirstScopes);
    CONSTANT(kMoreScopeBytesOffset);
    CONSTANT(kSlotSize);
    CONSTANT(kSlotsPerExtent);
    CONSTANT(kBlockClasses);
    CONSTANT(kKeyTags);
    CONSTANT(kSlotInlineData);
    CONSTANT(kSlotDataMax);
    CONSTANT(kSpareForEnd);
    CONSTANT(kHugePlaces);
    CONSTANT(kFirstHuge);
    CONSTANT(kHugeMark);
    CONSTANT(kInSlot);
    CONSTANT(kBlockUnit);
    CONSTANT(kBlockNumbers);
    CONSTANT(kSlotNumbers);
    CONSTANT(kSmallChunk);
    CONSTANT(kLargeChunk);
    CONSTANT(kJumboChunk);
    CONSTANT(kChunksPerExtent);
    CONSTANT(kSpanRecord);
    CONSTANT(kControlRecord);
    CONSTANT(kControlScope);
    CONSTANT(kScopeRecordSize);
    CONSTANT(kSuperseded);
    CONSTANT(kSmallestSpanRecord);
    CONSTANT(kExporterRows);
    CONSTANT(kRuleRows);
    CONSTANT(kRulesOffset);
    CONSTANT(kOtherRules);
    constant("constant.PolicyBits.kDisabled", PolicyBits::kDisabled);
    constant("constant.PolicyBits.kRetired", PolicyBits::kRetired);
    constant("constant.PolicyBits.kAsleep", PolicyBits::kAsleep);
    constant("constant.PolicyBits.kSamplingShift", PolicyBits::kSamplingShift);
    constant("constant.PolicyBits.kSamplingKind", PolicyBits::kSamplingKind);
    constant("constant.PolicyBits.kValueShift", PolicyBits::kValueShift);
}

void states() {
    STATE(ExtentKind, kNone);
    STATE(ExtentKind, kSlots);
    STATE(ExtentKind, kBlocks2K);
    STATE(ExtentKind, kBlocks4K);
    STATE(ExtentKind, kBlocks16K);
    STATE(ExtentKind, kBlocks64K);
    STATE(ExtentKind, kSmallChunks);
    STATE(ExtentKind, kLargeChunks);
    STATE(ExtentKind, kJumboChunks);
    STATE(ExtentKind, kHugeBlock);
    STATE(ExtentKind, kHugeChunk);
    STATE(ChunkState, kFree);
    STATE(ChunkState, kOpen);
    STATE(ChunkState, kParked);
    STATE(ChunkState, kFull);
    STATE(ChunkState, kTaken);
    STATE(ChunkState, kEvicting);
    STATE(SlotState, kFree);
    STATE(SlotState, kOpen);
    STATE(SlotState, kEnding);
    STATE(SlotState, kDropping);
    STATE(SlotState, kWaiting);
    STATE(SlotState, kDone);
    STATE(ExtentMemory, kWhole);
    STATE(ExtentMemory, kGiving);
    STATE(ExtentMemory, kEmpty);
    STATE(ExtentMemory, kUnused);
    STATE(Counter, kStarted);
    STATE(Counter, kEnded);
    STATE(Counter, kUnsampled);
    STATE(Counter, kNotStartedSlot);
    STATE(Counter, kNotStartedNested);
    STATE(Counter, kDroppedFull);
    STATE(Counter, kDroppedTooBig);
    STATE(Counter, kDroppedNested);
    STATE(Counter, kDroppedOverwritten);
    STATE(Counter, kRefusedData);
    STATE(Counter, kRemovedSegments);
    STATE(Counter, kRemovedSpans);
    STATE(Counter, kCount);
    BITS(ChunkWord, length);
    BITS(ChunkWord, spans);
    BITS(ChunkWord, generation);
    BITS(ChunkWord, state);
    BITS(SlotWord, length);
    BITS(SlotWord, place);
    BITS(SlotWord, state);
    BITS(ExtentWord, kind);
    BITS(ExtentWord, memory);
    BITS(ExtentWord, gives);
}

void header() {
    STRUCT(Header);
    FIELD(Header, magic);
    FIELD(Header, layout_major);
    FIELD(Header, layout_minor);
    FIELD(Header, header_size);
    FIELD(Header, byte_order);
    FIELD(Header, pointer_bits);
    FIELD(Header, compatible);
    FIELD(Header, incompatible);
    FIELD(Header, segment_size);
    FIELD(Header, extent_limit);
    FIELD(Header, full_policy);
    FIELD(Header, instance_id);
    FIELD(Header, created_unix_nano);
    FIELD(Header, pid);
    FIELD(Header, resource_size);
    FIELD(Header, program);
    FIELD(Header, huge_places);
    FIELD(Header, reserved_word);
    FIELD(Header, reserved);
    FIELD(Header, schema_size);
    FIELD(Header, ready);
}

void control() {
    STRUCT(ExporterTotals);
    FIELD(ExporterTotals, exporter);
    FIELD(ExporterTotals, exported);
    FIELD(ExporterTotals, rejected);
    FIELD(ExporterTotals, spooled);
    FIELD(ExporterTotals, dropped_invalid);
    FIELD(ExporterTotals, dropped_spool);
    FIELD(ExporterTotals, elsewhere);
    FIELD(ExporterTotals, sampled_out);
    FIELD(ExporterTotals, filtered);
    FIELD(ExporterTotals, reserved);
    STRUCT(Totals);
    FIELD(Totals, acknowledged);
    FIELD(Totals, unfinished);
    FIELD(Totals, reserved);
    MEMBER(Totals, exporters);
    STRUCT(RuleTotals);
    FIELD(RuleTotals, rule);
    FIELD(RuleTotals, sampled_out);
    FIELD(RuleTotals, late);
    STRUCT(RuleArea);
    MEMBER(RuleArea, rows);
    MEMBER(RuleArea, noted);
    STRUCT(AckJournal);
    FIELD(AckJournal, armed);
    FIELD(AckJournal, index);
    FIELD(AckJournal, mark);
    MEMBER(AckJournal, totals);
    STRUCT(Control);
    FIELD(Control, policy);
    FIELD(Control, attachments);
    FIELD(Control, freed);
    FIELD(Control, flushed);
    FIELD(Control, bell_mark);
    FIELD(Control, done);
    FIELD(Control, reserved);
    MEMBER(Control, totals);
    MEMBER(Control, journal);
}

void writer() {
    STRUCT(WriterPage);
    FIELD(WriterPage, extents);
    FIELD(WriterPage, counter_lines);
    FIELD(WriterPage, scopes);
    FIELD(WriterPage, scope_bytes);
    FIELD(WriterPage, flush_wanted);
    FIELD(WriterPage, waits);
    FIELD(WriterPage, claims);
    FIELD(WriterPage, turned);
    FIELD(WriterPage, given_back);
    FIELD(WriterPage, huge);
    FIELD(WriterPage, shared_line);
    STRUCT(CounterLine);
    FIELD(CounterLine, values);
    STRUCT(ScopeEntry);
    FIELD(ScopeEntry, offset);
    FIELD(ScopeEntry, scope_size);
    FIELD(ScopeEntry, schema_size);
    FIELD(ScopeEntry, ready);
}

void extent() {
    STRUCT(ChunkLine);
    FIELD(ChunkLine, word);
    FIELD(ChunkLine, sequence);
    FIELD(ChunkLine, owner);
    FIELD(ChunkLine, loss_line);
    FIELD(ChunkLine, loss);
    FIELD(ChunkLine, loss_generation);
    FIELD(ChunkLine, reserved_word);
    FIELD(ChunkLine, reserved);
    STRUCT(Slot);
    FIELD(Slot, word);
    FIELD(Slot, generation);
    FIELD(Slot, line);
    FIELD(Slot, started);
    FIELD(Slot, start_unix_nano);
    FIELD(Slot, start_ticks);
    FIELD(Slot, scope);
    FIELD(Slot, thread);
    FIELD(Slot, intent_chunk);
    FIELD(Slot, intent_line);
    FIELD(Slot, intent_word);
    FIELD(Slot, intent_ended);
    FIELD(Slot, intent_dropped);
    FIELD(Slot, intent_cause);
    FIELD(Slot, dropped_attributes);
    FIELD(Slot, dropped_events);
    FIELD(Slot, dropped_links);
    FIELD(Slot, name);
    FIELD(Slot, status);
    FIELD(Slot, kind);
    FIELD(Slot, status_code);
    FIELD(Slot, trace_flags);
    FIELD(Slot, parent_flags);
    FIELD(Slot, attributes);
    FIELD(Slot, tags_left);
    FIELD(Slot, events);
    FIELD(Slot, links);
    FIELD(Slot, superseded);
    FIELD(Slot, reserved);
    FIELD(Slot, key_filter);
    FIELD(Slot, blocks);
    FIELD(Slot, key_tags);
    FIELD(Slot, data);
}

}  // namespace

int main() {
    regions();
    constants();
    states();
    header();
    control();
    writer();
    extent();
}
