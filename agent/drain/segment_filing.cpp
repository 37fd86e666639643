// SPDX-License-Identifier: Apache-2.0
//
// The part of a segment whose spans wait for their decision in files.
//
//     written to a file | mark moved, nothing booked | decided | answered | booking noted in the file | booked | done
//
// Of one that waited in a slot, in place of the mark: the slot is the process's again.
//
// Killed before the mark moves: the segment has the span, and what is in the file is given up. Killed between the note
// and the booking: `acknowledged` says that it was not booked. So nothing is lost and nothing is booked twice; what was
// sent and not booked is sent again.
#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "drain/attached_segment.hpp"
#include "ring/layout.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

using ring::ChunkReader;
using ring::ChunkWord;

void AttachedSegment::file(const UndecidedSpan& span, uint32_t entry) {
    waits_no_more(span);  // and no flush waits for it: the next agent has it
    const Receipt receipt = span.receipt();
    if (filed_.files()[entry].is_new) {
        filed_.files()[entry].is_new = false;
        filed_.begin();
    }
    if (receipt.waited) return filed_slots_.push_back({receipt.chunk, receipt.generation, entry});
    cursors_[receipt.chunk].low.complete(WaitingPiece{receipt.begin, receipt.end, receipt.spans, entry});
    if (filed_chunks_.empty() || filed_chunks_.back() != receipt.chunk) filed_chunks_.push_back(receipt.chunk);
}

void AttachedSegment::all_filed() {
    std::sort(filed_chunks_.begin(), filed_chunks_.end());
    filed_chunks_.erase(std::unique(filed_chunks_.begin(), filed_chunks_.end()), filed_chunks_.end());
    for (const uint32_t chunk : std::exchange(filed_chunks_, {})) {
        ChunkCursor& cursor = cursors_[chunk];
        cursors_.look_again(chunk);
        if (may_book(cursor) && cursor.low.ready()) book(chunk, cursor);
    }
    for (const FiledSlot& slot : std::exchange(filed_slots_, {})) {
        held_.book.close_waiting_slot(slot.slot, slot.generation, accounts_.totals(), accounts_.take_rule_changes());
        waiting_slots_.forget(slot.slot);
        if (filed_.passed(slot.entry, 1)) book_filed(slot.entry);
    }
}

void AttachedSegment::keep_filed(Batcher& batcher, uint32_t entry, const std::vector<FiledSpan>& spans,
                                 uint8_t by_chance) {
    for (const FiledSpan& span : spans) cutter_.add_filed(batcher, batcher.shared(), span, entry, by_chance);
}

void AttachedSegment::sample_out_filed(uint32_t entry, const RuleShare& rule) {
    Completion piece;
    piece.spans = piece.sampled_out = filed_.files()[entry].spans;
    piece.rules = RuleShare{rule.rule, piece.spans, rule.late};
    answer_filed(entry, std::move(piece));
}

void AttachedSegment::lose_filed(uint32_t entry) {
    Completion piece;
    piece.spans = filed_.files()[entry].spans;
    for (Resolution& resolution : piece.resolutions) resolution.outcome = Outcome::kDroppedQueue;
    answer_filed(entry, std::move(piece));
}

void AttachedSegment::answer_filed(uint32_t entry, Completion piece) {
    if (!quarantined_.empty()) filed_.files()[entry].unpassed = 0;  // no mark moves any more
    if (filed_.answered(entry, std::move(piece))) book_filed(entry);
}

void AttachedSegment::book_filed(uint32_t entry) {
    const std::vector<Completion> pieces = filed_.take(entry);
    filed_.files().note_booking(entry, accounts_.totals().acknowledged + filed_.files()[entry].spans);
    SPR_TESTPOINT(booking_noted);
    for (const Completion& piece : pieces) accounts_.book(piece);
    if (quarantined_.empty()) store_totals();
    SPR_TESTPOINT(entry_booked);
    filed_.end(entry);
}

// The journal stores totals together with a mark: any, as it is.
void AttachedSegment::store_totals() {
    if (!any_chunk_) held_.extents.each_chunk([this](uint32_t chunk) { any_chunk_ = any_chunk_.value_or(chunk); });
    if (!any_chunk_) return;
    held_.book.move_mark(*any_chunk_, ChunkReader<>::mark(view(), *any_chunk_), accounts_.totals(),
                         accounts_.take_rule_changes());
}

// Whether the span is its file's: its mark has passed it, or its chunk or slot has been used again since.
bool AttachedSegment::has_handed_over(const FiledSpan& span) {
    if (span.is_of_slot()) {
        held_.extents.look_for_slots(view());
        if (!held_.extents.has_slot(span.chunk)) return true;
        const ring::Slot& slot = view().slot(span.chunk);
        // acquire: the generation after the word. Pairs with the release in LevelWriter::publish_wait(). The other way
        // round a span that waits there by now could be taken for this one.
        const uint64_t word = ring::StdAtomics::load(slot.word, std::memory_order_acquire);
        return ring::SlotWord::unpack(word).state != ring::SlotState::kWaiting ||
               // relaxed: after the acquire
               ring::StdAtomics::load(slot.generation, std::memory_order_relaxed) != span.generation;
    }
    if (!held_.extents.has_chunk(span.chunk)) return true;
    const ChunkWord word = ChunkReader<>::committed(view().chunk_line(span.chunk));
    if (word.state == ring::ChunkState::kFree || word.generation != span.generation) return true;
    uint32_t length = 0, spans = 0;
    return !acknowledged_part(ChunkReader<>::mark(view(), span.chunk), word, length, spans) || length >= span.end;
}

bool AttachedSegment::take_in(const UndecidedFiles::Claimed& claimed, std::vector<FiledSpan>& ret_spans) {
    UndecidedFiles& files = filed_.files();
    const uint32_t entry = claimed.entry;
    if (claimed.booking != 0 && accounts_.totals().acknowledged >= claimed.booking) {
        files.done(entry);
        return false;
    }
    if (!files.read(entry, ret_spans)) {  // which of them it still has it says when all else is booked
        misses_spans_ = true;
        files.done(entry);
        return false;
    }
    // The agent that noted it had all answers, and was killed before it booked them: they are sent once more. What is
    // taken back lies where it was read, so a file system that writes in place needs no room for it, however full the
    // disk is. Where it fails all the same no span is lost: book_filed() writes over it, and only a kill before that,
    // once others have brought the totals there, has the next agent take the entry for booked.
    if (claimed.booking != 0) files.note_booking(entry, 0);
    std::vector<uint32_t> held;
    std::vector<FiledSpan> handed_over;
    for (uint32_t i = 0; i < ret_spans.size(); ++i)  // once each: a hostile process could say something else next
        has_handed_over(ret_spans[i]) ? handed_over.push_back(ret_spans[i]) : held.push_back(i);
    if (!held.empty()) {
        files.give_up(entry, held);
        SPR_TESTPOINT(spans_given_up);
        ret_spans = std::move(handed_over);
    }
    if (ret_spans.empty()) {
        files.done(entry);
        return false;
    }
    filed_.begin();
    return true;
}

// Of the dead, what was committed and is neither in it nor in a file.
void AttachedSegment::book_missing() {
    if (!quarantined_.empty() || left_behind_ || !burial_.complete() || !quiet()) return;
    if (!std::exchange(misses_spans_, false)) return;
    sums_ = ring::sum_counters(view());
    uint64_t booked = accounts_.totals().acknowledged;
    for (const ring::Counter counter :
         {ring::Counter::kDroppedFull, ring::Counter::kDroppedNested, ring::Counter::kDroppedOverwritten})
        booked += sums_[static_cast<size_t>(counter)];
    const uint64_t ended = sums_[static_cast<size_t>(ring::Counter::kEnded)];
    if (ended <= booked) return;
    Completion piece;
    piece.spans = static_cast<uint32_t>(ended - booked);
    for (Resolution& resolution : piece.resolutions) resolution.outcome = Outcome::kDroppedQueue;
    accounts_.book(piece);
    store_totals();
    spdlog::error(
        "{}: {} undecided spans of it were in a file that is damaged or forgotten; they are booked as dropped",
        held_.name, piece.spans);
}

}  // namespace spanring::agent
