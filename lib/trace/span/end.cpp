// SPDX-License-Identifier: Apache-2.0
//
// Ends. The hot path, in order: which span, room in the chunk, one copy, one commit.
#include <errno.h>
#include <string.h>
#include <time.h>

#include "ring/testpoint.hpp"
#include "trace/base/hot_path.hpp"
#include "trace/base/options.hpp"
#include "trace/base/short_text.hpp"
#include "trace/process/entry.hpp"
#include "trace/process/visit.hpp"
#include "trace/span/calls.hpp"
#include "trace/span/clock.hpp"
#include "trace/span/tail.hpp"
#include "trace/span/whole_span.hpp"

namespace spanring::trace {
namespace {

using ring::Counter;
using ring::Slot;
using ring::SlotState;
using ring::SlotWord;
using ring::StdAtomics;

constexpr uint64_t kFullPause = 50'000;  // nanoseconds between two looks at a full ring, when the application waits

// Drops a span without a writer. A kill in the middle of this, and only of this, leaves the counters one short: what is
// counted by read-modify-writes of several threads has no intent to be corrected by.
[[gnu::noinline]] void drop_without_writer(OpenSpan span) {
    Slot& slot = span.slot();
    const SlotWord word = span.word();
    // relaxed: published with the state. Atomic for LevelWriter::settle(), which looks at slots of living threads as
    // well.
    StdAtomics::store(slot.intent_line, ring::LevelWriter::kSharedLine, std::memory_order_relaxed);
    // release: the line before the state that makes recovery look at it. Pairs with the acquire in
    // Recovery::settle_slot() and in LevelWriter::settle(). Without it the drop could be settled in the line of the
    // slot's last user.
    StdAtomics::store(slot.word, SlotWord{SlotState::kDropping, word.place, word.length}.pack(),
                      std::memory_order_release);
    count_shared(span.life(), Counter::kDroppedNested);
    count_shared(span.life(), Counter::kEnded);
    // release: the counts before the slot is free. Pairs with the acquire in Recovery::settle_slot(). Without it
    // recovery could find the slot free and the end uncounted.
    StdAtomics::store(slot.word, uint64_t{0}, std::memory_order_release);
    span.segment().give_slot(span.index());
}

bool wait_for_room(Life& life, Level& level, uint32_t bytes) {
    const uint64_t deadline = ring::Clock::read(CLOCK_MONOTONIC) + life.settings.full_wait;
    const int error = errno;
    bool room = false;
    while (!room && ring::Clock::read(CLOCK_MONOTONIC) < deadline) {
        const timespec pause{0, kFullPause};
        nanosleep(&pause, nullptr);
        room = level.writer.make_room(life.segment, bytes);
    }
    errno = error;
    return room;
}

constexpr uint32_t kMostHead = 3;  // of a record that is no larger than a slot
constexpr uint32_t kMostInChunk = ring::kJumboChunk - ring::kScopeRecordSize;

// There was no room. 1: there is, after all, or after a while. 0: the span waits in its slot. Or it is dropped and
// counted.
[[gnu::noinline]] int find_room(OpenSpan span, Level& level, uint32_t record, uint64_t end_unix_nano) {
    Life& life = span.life();
    if ((life.reap() && level.writer.make_room(span.segment(), record)) ||
        (life.settings.full_wait != 0 && wait_for_room(life, level, record)))
        return 1;
    if (level.writer.publish_wait(span.segment(), span.slot(), span.word(), end_unix_nano)) return 0;
    level.writer.publish_drop(span.segment(), span.slot(), span.index(), span.word(), Counter::kDroppedFull);
    return -ENOBUFS;
}

// A span of which less is left than it had has more room kept than it needs, which is looked for only when asked for.
bool has_kept_room(OpenSpan span, Level& level) {
    const uint32_t place = span.word().place;
    constexpr uint32_t kBesideData = ring::kSpareForEnd - ring::kScopeRecordSize;
    return place > ring::kBlockClasses &&
           level.writer.make_room(span.segment(), ring::data_capacity(place) + kBesideData);
}

// COLD. One that no chunk has room for gets a place of its own, which nothing comes into after it.
[[gnu::noinline]] int end_huge(OpenSpan span, Level& level, uint64_t end_unix_nano) {
    ring::Segment& segment = span.segment();
    Slot& slot = span.slot();
    const Tail tail(slot);
    const uint64_t word = span.packed_word();
    const uint32_t data_size = span.live_size(word);
    const uint32_t body = data_size + tail.size();
    const uint32_t record = 1 + varint_size(body) + body;
    // What a huge place holds open, one holds finished: no span is too big at its end.
    static_assert(Tail::kMost + 1 + 4 + ring::kScopeRecordSize <= ring::kSpareForEnd);
    if (!level.writer.make_room(segment, record) && !has_kept_room(span, level)) {
        const int found = find_room(span, level, record, end_unix_nano);
        if (found <= 0) return found;
    }
    uint8_t* at = level.writer.place(slot.scope);
    *at++ = ring::kSpanRecord;
    at = put_varint(at, body);
    span.copy_live(word, at, data_size);
    tail.write(at + data_size, end_unix_nano);
    SPR_TESTPOINT(huge_copied);
    level.writer.publish_end(segment, slot, span.index(), span.word(), record);
    level.writer.seal(segment);
    return 0;
}

[[gnu::always_inline]] inline int end(OpenSpan span, uint64_t end_time_ns) {
    Entry entry;
    if (entry.too_deep()) [[unlikely]] {
        // No writer may be used here: shared counters and the pools, which take calls at any signal level.
        drop_without_writer(span);
        return -EBUSY;
    }
    ring::Segment& segment = span.segment();
    Slot& slot = span.slot();
    Level& level = Provider::level(span.thread(), entry.depth());

    uint64_t end_unix_nano = end_time_ns != 0 ? end_time_ns : now_of(slot);
    if (end_unix_nano < slot.start_unix_nano) end_unix_nano = slot.start_unix_nano;

    const Tail tail(slot);
    const uint64_t word = span.packed_word();
    const uint32_t data_size = span.live_size(word);
    const uint32_t body = data_size + tail.size();
    const bool is_short = body < kShortLength;
    const uint32_t record = 1 + (is_short ? short_length_size(body) : varint_size(body)) + body;
    if (!is_short && record > kMostInChunk) [[unlikely]]
        return end_huge(span, level, end_unix_nano);
    if (!level.writer.make_room(segment, record)) [[unlikely]] {
        const int found = find_room(span, level, record, end_unix_nano);
        if (found <= 0) return found;
    }
    SPR_HOT_PATH(kEndElsewhere);
    uint8_t* at = level.writer.place(slot.scope);
    *at++ = ring::kSpanRecord;
    at = is_short ? put_short_length(at, body) : put_varint(at, body);
    span.copy_live(word, at, data_size);
    tail.write(at + data_size, end_unix_nano);
    level.writer.publish_end(segment, slot, span.index(), span.word(), record);  // again: kept over no call
    return 0;
}

// COLD. An end that did not find its span: once_more(), but a span that is open ends all the same where the thread can
// have no state in its life.
template <auto kEnd, class... Arguments>
[[gnu::noinline]] int end_once_more(const spr_span* span, Arguments... arguments) {
    if (span == nullptr) return -EINVAL;
    if (Provider::join(span->handle)) return kEnd(span, arguments...);
    const int reason = OpenSpan::why_not(span);
    if (reason != -EBUSY) return reason;
    Provider& provider = Provider::at(SpanHandle::unpack(span->handle).provider);
    const Visit inside(provider);
    Life* const life = inside ? provider.life() : nullptr;
    OpenSpan open;
    if (life == nullptr || !life->lives(span->handle) || !OpenSpan::find_in(*life, *span, open)) return -ESTALE;
    drop_without_writer(open);
    return -EBUSY;
}

[[gnu::noinline]] int end_any(const spr_span* span) {
    OpenSpan open;
    if (!OpenSpan::last(span, open)) {
        if (!OpenSpan::find(span, open)) [[unlikely]]
            return end_once_more<end_any>(span);
    }
    return end(open, 0);
}

// Copies at most kLittleData bytes in pieces of 64, the last one whole as well: what is beyond `size` there is read,
// and overwritten. No loop: a span has its ids and its name, so the first piece is never in vain.
constexpr uint32_t kPiece = 64;
constexpr uint32_t kLittleData = 192;
static_assert(kLittleData == 3 * kPiece && kLittleData <= ring::kSlotInlineData);
[[gnu::always_inline]] inline void copy_pieces(uint8_t* to, const uint8_t* from, uint32_t size) {
    copy_sixteens<kPiece>(to, from);
    if (size <= kPiece) return;
    copy_sixteens<kPiece>(to + kPiece, from + kPiece);
    if (size <= 2 * kPiece) return;
    copy_sixteens<kPiece>(to + 2 * kPiece, from + 2 * kPiece);
}

// kLittle: of the span that the thread started last, which has little data. kLarger: it has more. kOther: of another
// one than that, of many that are open most often.
enum class QuickEnd { kLittle, kLarger, kOther };

// HOT. What nearly all ends are: of a span in its slot, with room in the chunk, no handler running. As
// start_recorded(): where it will not do it, it has changed nothing. Of little data it calls nothing. What was written
// just now and is read in other pieces is waited for until it is out of the processor's way, and so is all that comes
// behind it: of more data the fewest stores count, which the C library has.
template <QuickEnd kEnd>
[[gnu::always_inline]] inline int end_quickly(const spr_span* span, const OpenSpan& open) {
    if (!open.is_plain() || thread_local_state.depth != 0) [[unlikely]]
        return end_any(span);
    thread_local_state.depth = 1;  // an Entry, by hand
    std::atomic_signal_fence(std::memory_order_seq_cst);
    Level& level = *open.thread().at[0];
    Slot& slot = open.slot();
    const ring::Clock& clock = Provider::clock();
    const uint64_t word = open.packed_word();
    const auto data_size = static_cast<uint32_t>(word);  // and its place is 0, in one look
    const uint64_t begin = slot.start_ticks;
    const uint64_t ticks = (clock.has_counter() ? clock.ticks() : 0) - begin;
    const bool is_measured = kEnd == QuickEnd::kOther ? clock.covers(ticks) : clock.is_measured(ticks);
    uint8_t* at = nullptr;
    constexpr uint32_t kMostData = kEnd == QuickEnd::kLittle ? kLittleData : ring::kSlotInlineData;
    if (begin != kNoTicks && is_measured && data_size <= kMostData &&
        (kEnd == QuickEnd::kOther || level.writer.may_keep_slot())) [[likely]]
        at = level.writer.place_of_same(slot.scope, kMostHead + data_size + kPiece + Tail::kLeast);
    if (at == nullptr) [[unlikely]] {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        thread_local_state.depth = 0;
        return end_any(span);
    }
    if constexpr (kEnd == QuickEnd::kLittle)
        SPR_HOT_PATH(kEndLittle);
    else if constexpr (kEnd == QuickEnd::kLarger)
        SPR_HOT_PATH(kEndLarger);
    else
        SPR_HOT_PATH(kEndOther);
    const uint64_t end_unix_nano =
        slot.start_unix_nano + (kEnd == QuickEnd::kOther ? clock.nanoseconds(ticks) : clock.soon(ticks));
    const uint32_t body = data_size + Tail::kLeast;
    uint8_t* const record = at;
    *at = ring::kSpanRecord;
    at = put_short_length(at + 1, body);
    if constexpr (kEnd == QuickEnd::kLittle)
        copy_pieces(at, slot.data, data_size);
    else
        memcpy(at, slot.data, data_size);
    at = Tail::write_least(at + data_size, slot, end_unix_nano);
    const ring::HeldSlot held = {&slot, open.index()};
    const auto bytes = static_cast<uint32_t>(at - record);
    if constexpr (kEnd == QuickEnd::kOther)
        level.writer.publish_end_of_other(open.segment(), held, word, bytes);
    else
        level.writer.publish_end_of_same(held, word, bytes);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    thread_local_state.depth = 0;
    return 0;
}

[[gnu::noinline]] int end_larger(const spr_span* span, ThreadState* state, Slot* slot, uint32_t index) {
    return end_quickly<QuickEnd::kLarger>(span, OpenSpan(*state, *slot, index));
}

// HOT as well. Its slot is found without a look into it, and all of it is asked for before the first.
[[gnu::noinline]] int end_other(const spr_span* span) {
    OpenSpan open;
    if (!OpenSpan::locate(span, open)) [[unlikely]]
        return end_any(span);
    open.prefetch();
    if (!open.is_open(*span)) [[unlikely]]
        return end_any(span);
    return end_quickly<QuickEnd::kOther>(span, open);
}

[[gnu::noinline]] int end_recorded(const spr_span* span) {
    OpenSpan open;
    if (!OpenSpan::last(span, open)) [[unlikely]]
        return end_other(span);
    if (static_cast<uint32_t>(open.packed_word()) > kLittleData)
        return end_larger(span, &open.thread(), &open.slot(), open.index());
    return end_quickly<QuickEnd::kLittle>(span, open);
}

// What is said of a span at its end, apart from its attributes.
[[gnu::noinline]] void add_last(OpenSpan span, const spr_end_options& options) {
    if (options.name != nullptr) refused(span, span.set_name(options.name, options.name_size));
    for (size_t i = 0; i < options.event_count; ++i)
        refused(span, span.add(options.events[i], options.events[i].time_ns != 0 ? 0 : now_of(span.slot())));
    // A message that is refused takes no status with it.
    if (options.status != SPR_STATUS_UNSET &&
        refused(span, span.set_status(options.status, options.status_message, options.status_message_size)) < 0)
        span.set_status(options.status, nullptr, 0);
}

int end_with(OpenSpan span, const spr_end_options& options) {
    set_all(span, options.attributes, options.attribute_count);
    if (options.name != nullptr || options.event_count != 0 || options.status != SPR_STATUS_UNSET)
        add_last(span, options);
    return end(span, options.end_time_ns);
}

}  // namespace

int end_whole(OpenSpan span, const spr_end_options& options) { return end_with(span, options); }

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_end(const spr_span* span) noexcept { return is_unrecorded(span) ? 0 : end_recorded(span); }

int spr_span_end_with(const spr_span* span, const spr_end_options* options) noexcept {
    spr_end_options space;
    int error = 0;
    const spr_end_options* known = known_options(options, space, error);
    if (known == nullptr) return error;
    if (known->status > SPR_STATUS_ERROR || (known->attribute_count != 0 && known->attributes == nullptr) ||
        (known->event_count != 0 && known->events == nullptr))
        return -EINVAL;
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open))
        return end_once_more<spr_span_end_with>(span, options);
    return end_with(open, *known);
}

}  // extern "C"
