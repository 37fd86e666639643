// SPDX-License-Identifier: Apache-2.0
//
// An open span that a handle named: its slot, found and checked. Fields are appended as the OTLP bytes that they will
// be.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <errno.h>

#include "ring/slot_data.hpp"
#include "spanring/spanring.h"
#include "trace/base/hot_path.hpp"
#include "trace/base/key_hash.hpp"
#include "trace/base/plain_attributes.hpp"
#include "trace/base/short_text.hpp"
#include "trace/base/span_handle.hpp"
#include "trace/base/wire.hpp"
#include "trace/process/provider.hpp"

namespace spanring::trace {

class OpenSpan {
public:
    // HOT. Whether it is the span that the thread started last, still open. False: find() knows more.
    static bool last(const spr_span* span, OpenSpan& ret);
    // HOT. Any span. False: why_not() says why.
    static bool find(const spr_span* span, OpenSpan& ret);
    // HOT. Where any span is, without a look at its slot: is_open() is to follow. False: as above.
    static bool locate(const spr_span* span, OpenSpan& ret);
    bool is_open(const spr_span& span) const { return is_open(*slot_, span.handle); }
    // COLD. The same without a state of the thread's, in a Visit of the life's provider.
    static bool find_in(Life& life, const spr_span& span, OpenSpan& ret);
    // 0: the span is not recorded. Negative: -EINVAL (NULL), -ESTALE (ended, another life, shut down, the parent's),
    // -EBUSY (the thread can have no state in its life). Apart from find(), so that the hot functions end in a jump and
    // save no registers for a call.
    static int why_not(const spr_span* span);

    // HOT. Asks for the cache lines of its slot at once. Of many that are open none may be in a cache, and how many
    // lines the end reads it knows from the first of them.
    [[gnu::always_inline]] void prefetch() const {
        constexpr uint32_t kLines = 12;  // 576 bytes of data
        for (uint32_t line = 0; line < kLines; ++line)
            __builtin_prefetch(reinterpret_cast<const uint8_t*>(slot_) + line * 64);
    }

    // For a span that is being started: its slot is filled, but not published yet.
    OpenSpan() = default;
    OpenSpan(ThreadState& state, ring::Slot& slot, uint32_t index) : OpenSpan(*state.life, &state, slot, index) {}

    Life& life() const { return *life_; }
    // The caller's, in the span's life.
    ThreadState& thread() const { return *state_; }
    ring::Segment& segment() const { return life_->segment; }
    ring::Slot& slot() const { return *slot_; }
    uint32_t index() const { return index_; }
    uint64_t packed_word() const { return ring::StdAtomics::load(slot_->word, std::memory_order_relaxed); }
    ring::SlotWord word() const { return ring::SlotWord::unpack(packed_word()); }

    bool is_in_slot() const { return word().place == 0; }

    // Where set_short() may write: in the slot alone, which is found with the least work, or also in a block.
    enum class Place { kSlot, kBlock };

    // Of what sizes set_short() takes.
    static bool is_short(size_t key_size) { return key_size - 1 <= kShortText - 1; }
    static bool are_short(size_t key_size, size_t text_size) {
        // In one look, whatever the key's size is: none is longer.
        return (text_size <= kShortPair - kShortText || text_size <= kShortPair - key_size) && is_short(key_size);
    }

    // HOT. The attribute that nearly all are: ASCII key and text short, key new, room in one piece. False: it is not of
    // that kind, set() decides; nothing changed. Always inline: as a call it makes those who would call nothing else
    // save their registers, which costs what is unsampled or off most.
    template <Place kPlace = Place::kSlot>
    bool set_short(const char* key, size_t key_size, const char* text, size_t text_size) {
        return are_short(key_size, text_size) && append<kPlace>(key, key_size, text, text_size);
    }
    template <Place kPlace = Place::kSlot>
    bool set_short(const char* key, size_t key_size, uint32_t type, uint64_t bits) {  // bool, int64, double
        return is_short(key_size) && append<kPlace>(key, key_size, type, bits);
    }
    // The same where the sizes are known to be such.
    template <Place kPlace = Place::kSlot>
    bool append(const char* key, size_t key_size, const char* text, size_t text_size);
    template <Place kPlace = Place::kSlot>
    bool append(const char* key, size_t key_size, uint32_t type, uint64_t bits);

    // HOT as well. One that PlainAttribute takes, its sizes found out; false as above.
    bool set_plain(const spr_attribute& attribute);

    // What was left out of the span before it came here.
    void add_dropped(uint32_t attributes, uint32_t events, uint32_t links);
    // Each: 0, or -EINVAL, -EDQUOT, -ENOBUFS; what is refused is counted in the slot.
    int set(const spr_attribute& attribute);
    // `first`: attributes in front of the event's own, which win.
    int add(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first = nullptr,
            size_t first_count = 0);
    int add(const spr_link& link);
    int set_name(const char* name, size_t size);
    int set_trace_state(const char* text, size_t size);
    // 1: nothing changed (OK is final, UNSET is ignored).
    int set_status(int code, const char* message, size_t size);

    // HOT where nothing is superseded. Bytes of data that are not superseded, and a copy of them, by a word that was
    // loaded once: what others do to the span meanwhile, against the rules, makes nobody read or write elsewhere. The
    // general way works on a copy of this object, so that the hot one can keep it in registers.
    uint32_t live_size(uint64_t word) const {
        return slot_->superseded == 0 ? ring::SlotWord::unpack(word).length : OpenSpan(*this).live_size_of_rest(word);
    }
    // HOT. Whether that is all of it, it lies in the slot, which has no blocks that go with its end, and nothing was
    // refused. In one look: each is rare.
    bool is_plain() const {
        const ring::Slot& slot = *slot_;
        uint64_t refused, blocks;
        static_assert(offsetof(ring::Slot, dropped_links) == offsetof(ring::Slot, dropped_events) + 4);
        memcpy(&refused, reinterpret_cast<const uint8_t*>(&slot) + offsetof(ring::Slot, dropped_events),
               sizeof refused);
        memcpy(&blocks, &slot.blocks[ring::kBlockClasses - 2], sizeof blocks);
        return (refused | blocks | slot.dropped_attributes | slot.superseded) == 0;
    }
    void copy_live(uint64_t word, uint8_t* to, uint32_t size) const {
        if (static_cast<uint32_t>(word) == size) [[likely]]  // all of it, and its place is 0, in one look
            memcpy(to, slot_->data, size);
        else
            OpenSpan(*this).copy_rest(word, to, size);
    }

private:
    OpenSpan(Life& life, ThreadState* state, ring::Slot& slot, uint32_t index)
        : life_(&life), state_(state), slot_(&slot), index_(index) {}

    static bool is_open(const ring::Slot& slot, uint64_t handle);
    static constexpr uint8_t kAttributeField = tag(9, kBytes);
    size_t tags_left() const;
    bool is_tagged(uint16_t tag, size_t tags_left) const;
    bool may_have(KeyHash key);
    void count_key(KeyHash key);
    void count_tagged();

    template <Place kPlace, bool kExact, class PutValue>
    bool append_short(const char* key, size_t key_size, size_t text, PutValue&& put_value);
    template <Place kPlace>
    uint8_t* place(uint64_t word, size_t size) const;
    uint32_t live_size_of_rest(uint64_t word) const;
    void copy_rest(uint64_t word, uint8_t* to, uint32_t size) const;
    bool add_plain(const spr_event& event, uint64_t now_unix_nano);
    bool add_plain(const spr_link& link);
    bool add_measured(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first, size_t first_count);
    bool add_measured(const spr_link& link);
    int add_any(const spr_event& event, uint64_t now_unix_nano, const spr_attribute* first, size_t first_count);
    int add_any(const spr_link& link);
    bool grow_for(const PlainAttribute& attribute, uint32_t most, KeyHash hash);
    void publish(uint64_t word, uint32_t bytes);
    void supersede(uint32_t position);
    bool find_key(const char* key, uint32_t size, uint32_t& ret_position) const;
    template <class Visit>
    void each_field(ring::SlotWord word, Visit&& visit) const;

    Life* life_ = nullptr;
    ThreadState* state_ = nullptr;
    ring::Slot* slot_ = nullptr;
    uint32_t index_ = 0;
};

SPR_HOT_INLINE bool OpenSpan::last(const spr_span* span, OpenSpan& ret) {
    const LastSpan& last = thread_local_state.last;
    if (span == nullptr) [[unlikely]]
        return false;
    ring::Slot* const slot = last.slot;
    Life* const life = last.life;
    ThreadState* const state = last.state;
    // All that is used before what it is of: a handler may make a span of its own the last one in between, whose slot
    // can be of the same generation.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (span->handle != last.handle || last.stamp != ring::ForkGuard::stamp()) [[unlikely]]
        return false;
    if (!is_open(*slot, span->handle)) [[unlikely]]
        return false;
    ret = OpenSpan(*life, state, *slot, SpanHandle::unpack(span->handle).slot);
    return true;
}

inline bool OpenSpan::is_open(const ring::Slot& slot, uint64_t handle) {
    // acquire: the generation after the word. Pairs with the release in LevelWriter::publish_start(). The other way
    // round a spent handle could pass the test on the old generation and the word of the span that reuses the slot.
    // (Handing an open span over between threads is ordered by the caller: spanring.h, convention on threads.)
    const uint64_t word = ring::StdAtomics::load(slot.word, std::memory_order_acquire);
    // relaxed: ordered by the acquire above.
    return ring::StdAtomics::load(slot.generation, std::memory_order_relaxed) ==
               SpanHandle::unpack(handle).generation &&
           ring::SlotWord::unpack(word).state == ring::SlotState::kOpen;
}

inline bool OpenSpan::find(const spr_span* span, OpenSpan& ret) {
    OpenSpan found;
    if (!locate(span, found) || !found.is_open(*span)) [[unlikely]]
        return false;
    ret = found;
    return true;
}

inline bool OpenSpan::locate(const spr_span* span, OpenSpan& ret) {
    if (span == nullptr || ring::ForkGuard::in_doubt() || (span->handle & SpanHandle::kRecorded) == 0) [[unlikely]]
        return false;
    ThreadState* const state = Provider::thread(span->handle);
    if (state == nullptr) [[unlikely]]
        return false;
    const SpanHandle handle = SpanHandle::unpack(span->handle);
    ring::Segment& segment = state->life->segment;
    if (!segment.has_slot(handle.slot)) [[unlikely]]
        return false;
    ret = OpenSpan(*state, segment.view().slot(handle.slot), handle.slot);
    return true;
}

// One attribute more, one tag less, in one addition.
[[gnu::always_inline]] inline void OpenSpan::count_tagged() {
    static_assert(offsetof(ring::Slot, tags_left) == offsetof(ring::Slot, attributes) + 2);
    uint32_t both;
    memcpy(&both, reinterpret_cast<uint8_t*>(slot_) + offsetof(ring::Slot, attributes), sizeof both);
    both += 1 - (1u << 16);
    memcpy(reinterpret_cast<uint8_t*>(slot_) + offsetof(ring::Slot, attributes), &both, sizeof both);
}

// How many more attributes may have a tag, which is also the place of the next one. Loaded once: a handler in between
// may make this thread leave a life that has ended, and zeroes come in its place (Life::rest). None where it was
// counted twice, by a handler or against the rules.
[[gnu::always_inline]] inline size_t OpenSpan::tags_left() const {
    const size_t left = __atomic_load_n(&slot_->tags_left, __ATOMIC_RELAXED);
    return left - 1 < kTags - 1 ? left : 0;
}

// Whether one of the span's keys has that tag.
[[gnu::always_inline]] inline bool OpenSpan::is_tagged(uint16_t tag, size_t tags_left) const {
    static_assert(kTags == ring::kKeyTags);
    // Its own place is still to be taken, so what lies there or below is not the span's. (A bit scan, where a shift
    // would want a register of its own.)
    return 31 - static_cast<size_t>(__builtin_clz(equal_tags(slot_->key_tags, tag) | 1)) > tags_left;
}

// Where so many more bytes have room; nullptr: they do not, or not yet.
template <OpenSpan::Place kPlace>
[[gnu::always_inline]] inline uint8_t* OpenSpan::place(uint64_t word, size_t size) const {
    if (static_cast<uint32_t>(word) + size <= ring::kSlotInlineData) [[likely]]  // and its place is 0, in one look
        return slot_->data + static_cast<uint32_t>(word);
    if constexpr (kPlace != Place::kBlock) return nullptr;
    const auto now = ring::SlotWord::unpack(word);
    if (now.length + size > ring::data_capacity(now.place)) return nullptr;
    uint8_t* const data = ring::data_of(segment().view(), *slot_, now);
    if (data == nullptr) return nullptr;
    SPR_HOT_PATH(kInBlock);
    return data + now.length;
}

static_assert(kShortPair + 6 < 128);
// Every length is below 128, one byte, so the heads can be written once the ends are known:
//     0x4a len { 0x0a len key, 0x12 len AnyValue }
// put_value writes what follows the key, a head and `text` bytes, at most or exactly, and returns its end. What is
// needed last comes last: the place, after the hash of the key is where it belongs, so that the whole keeps no register
// of its caller's.
template <OpenSpan::Place kPlace, bool kExact, class PutValue>
[[gnu::always_inline]] inline bool OpenSpan::append_short(const char* key, size_t key_size, size_t text,
                                                          PutValue&& put_value) {
    ring::Slot& slot = *slot_;
    if (key == nullptr) [[unlikely]]
        return false;
    const size_t tags_left = this->tags_left();
    if (tags_left == 0) [[unlikely]]
        return false;
    const uint16_t tag = KeyHash(key, key_size).tag();
    if (slot.key_tags[tags_left] != tag) [[unlikely]] {
        if (is_tagged(tag, tags_left)) return false;
        put_tag(slot.key_tags, tags_left, tag);  // ahead of the field: where there is none in the end it is not counted
        SPR_HOT_PATH(kTagged);
    } else {
        SPR_HOT_PATH(kForeseen);
    }
    // Loaded once, too: in what a handler has added meanwhile there is no room that was looked for before.
    const uint64_t word =
        ring::StdAtomics::load(slot.word, std::memory_order_relaxed);  // this thread's own, or ordered by find()
    uint8_t* const field = place<kPlace>(word, key_size + text + 8);
    if (field == nullptr) [[unlikely]]
        return false;
    if (copy_short(field + 4, key, key_size) != 0) [[unlikely]]
        return false;
    uint8_t* const value = field + 4 + key_size;
    const uint8_t* const end = put_value(value);
    const auto size = static_cast<uint32_t>(kExact ? text : static_cast<size_t>(end - value - 4));
    put_fixed32(field, short_field_head(kAttributeField, static_cast<uint32_t>(key_size), size + 6));
    // The place stays, and so does the state: OPEN. In the slot the length is what was looked for, or it follows from
    // the end alone; from the slot's own address, which is in a register anyway.
    constexpr uint64_t kEmpty = ring::SlotWord{ring::SlotState::kOpen, 0, 0}.pack();
    uint64_t longer;
    if constexpr (kPlace == Place::kBlock)
        longer = ring::SlotWord::longer(word, static_cast<uint32_t>(end - field));
    else if constexpr (kExact)
        longer = kEmpty | (static_cast<uint32_t>(word) + (key_size + text + 8));
    else
        longer = kEmpty - offsetof(ring::Slot, data) + static_cast<uint64_t>(end - reinterpret_cast<uint8_t*>(&slot));
    // release: the bytes before the length that makes them part of the span, as in SlotWriter::publish().
    ring::StdAtomics::store(slot.word, longer, std::memory_order_release);
    SPR_TESTPOINT(field_published);
    count_tagged();
    return true;
}

template <OpenSpan::Place kPlace>
[[gnu::always_inline]] inline bool OpenSpan::append(const char* key, size_t key_size, const char* text,
                                                    size_t text_size) {
    if (text == nullptr) [[unlikely]]  // of no bytes as well
        return false;
    return append_short<kPlace, true>(key, key_size, text_size, [=](uint8_t* to) {
        put_fixed32(to, short_text_head(static_cast<uint32_t>(text_size)));
        copy_value(to + 4, text, text_size);  // a value that is not UTF-8 is repaired by the agent
        return to + 4 + text_size;
    });
}

template <OpenSpan::Place kPlace>
[[gnu::always_inline]] inline bool OpenSpan::append(const char* key, size_t key_size, uint32_t type, uint64_t bits) {
    return append_short<kPlace, false>(key, key_size, 9, [=](uint8_t* to) {
        to[0] = tag(2, kBytes);
        uint8_t* end;
        if (type == SPR_TYPE_DOUBLE) {
            to[2] = tag(4, kFixed64);
            end = put_fixed64(to + 3, bits);
        } else {
            to[2] = tag(type == SPR_TYPE_BOOL ? 2 : 3, kVarint);
            end = put_varint(to + 3, bits);
        }
        to[1] = static_cast<uint8_t>(end - to - 2);
        return end;
    });
}

}  // namespace spanring::trace
