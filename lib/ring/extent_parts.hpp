// SPDX-License-Identifier: Apache-2.0
//
// Which parts of the process's extents are free: one word an extent, with its kind, in memory private to the process.
// Slots and blocks are taken and given here; of extents of chunks it knows the kind alone, their words in shared memory
// say the rest. Any thread, any signal level; never waits.
//
//     operation    take      give      turn      hold
//     take         free      free      free      free      (free: no synchronisation by the caller)
//     give         free      own part  own part  free
//     turn         free      own part  free      free
//     hold         free      free      free      free
//
//     unused ---- turn() ----> turning ---- finish_turn() ----> unused, of a kind
//     closed -----------^         +-------- close() ----------> closed: nobody looks into it
//
//     closed, of chunks ---- begin_lending() ---> lending ----- lend() -----------> lent: huge places have its memory
//     lent ----------------- take_back() -----------^ +-------- close(), finish_turn() ---> as before
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/extent_word.hpp"

namespace spanring::ring {

template <class Atomics = StdAtomics>
class ExtentParts {
public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    // One word for each extent that there will ever be, zeroed, outliving this.
    void reset(uint64_t* words) { words_ = words; }

    // kNone: nobody's, it is being turned, closed, or lent. `even_lent`: of one that is lent, or about to be, the kind
    // that it had, for it may still hold chunks that are used.
    ExtentKind kind(uint32_t extent, bool even_lent = false) const {
        // acquire: the extent is populated, and its slots are whole. Pairs with the releases in begin() and
        // finish_turn(). Without it a thread could touch pages that are not there yet (SIGBUS on a full tmpfs).
        const uint64_t word = Atomics::load(words_[extent], std::memory_order_acquire);
        return even_lent && word >> kKindShift == kLent ? kind_beside(word) : kind_of(word);
    }

    // HOT. Whether it is of that kind now.
    bool is(uint32_t extent, ExtentKind kind) const {
        // acquire: as in kind().
        return Atomics::load(words_[extent], std::memory_order_acquire) >> kKindShift == static_cast<uint64_t>(kind);
    }

    // Whether it holds slots or blocks of which none is in use.
    bool is_unused(uint32_t extent) const {
        const uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // a guess: turn() decides
        return word == unused(kind_of(word)) && word >> kKindShift != 0 && !holds_chunks(kind_of(word));
    }

    // Whether it is closed; as one of that kind.
    bool is_closed(uint32_t extent) const {
        return Atomics::load(words_[extent], std::memory_order_relaxed) >> kKindShift == kClosed;  // a guess, as above
    }
    bool is_closed(uint32_t extent, ExtentKind kind) const {
        return Atomics::load(words_[extent], std::memory_order_relaxed) >> kClosedKindShift ==
               closed(kind, 0) >> kClosedKindShift;  // a guess, as above
    }
    // Of one that is closed: `when`, as close() was told.
    uint32_t closed_when(uint32_t extent) const {
        return static_cast<uint32_t>(Atomics::load(words_[extent], std::memory_order_relaxed));  // as above
    }

    // Of one that is lent, or about to be, or no more: what it is beside that. kNone: it is not.
    ExtentKind lent_kind(uint32_t extent) const {
        const uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // a guess: take_back() decides
        return word >> kKindShift == kLent ? kind_beside(word) : ExtentKind::kNone;
    }
    // Whether somebody lends it or takes it back just now, or vanished in the middle.
    bool is_busy(uint32_t extent) const {
        const uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // a guess, as above
        return word >> kKindShift == kLent && (word & kBusy) != 0;
    }

    // The extent was taken for a kind; again by anybody who sees that. Who holds it goes on doing so.
    void begin(uint32_t extent, ExtentKind kind) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // the exchange decides
        // release: that the extent is populated. Pairs with the acquire in kind() and take().
        while (word >> kKindShift == 0 &&
               !Atomics::compare_exchange(words_[extent], word, word | unused(kind), std::memory_order_release))
            continue;
    }

    // A part of the kind: its place among the extent's. kNone: it has none that is free, or is not of this kind.
    uint32_t take(uint32_t extent, ExtentKind kind) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // the exchange decides
        while (word >> kKindShift == static_cast<uint64_t>(kind) && (word & kFree) != 0) {
            const auto place = static_cast<uint32_t>(__builtin_ctzll(word));
            // acquire: what the part's last user did with it, and what made the extent one of this kind. Pairs with the
            // releases in give(), begin() and finish_turn(). Without it the next user's stores could come first.
            if (Atomics::compare_exchange(words_[extent], word, word & (word - 1), std::memory_order_acquire))
                return place;
        }
        return kNone;
    }

    // At most so many more parts of the kind: their places, a bit each.
    uint64_t take_some(uint32_t extent, ExtentKind kind, uint32_t most) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // the exchange decides
        while (word >> kKindShift == static_cast<uint64_t>(kind) && (word & kFree) != 0) {
            uint64_t rest = word;
            for (uint32_t i = 0; i < most && (rest & kFree) != 0; ++i) rest &= rest - 1;
            // acquire: as in take().
            if (Atomics::compare_exchange(words_[extent], word, rest, std::memory_order_acquire)) return word ^ rest;
        }
        return 0;
    }

    // True: no part of the extent is in use now.
    bool give(uint32_t extent, uint32_t place) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);
        const uint64_t bit = uint64_t{1} << place;
        // release: what the caller did to the part. Pairs with the acquires in take(), take_some() and turn(). Without
        // it the next user could see it half returned.
        while (!Atomics::compare_exchange(words_[extent], word, word | bit, std::memory_order_release)) continue;
        return (word | bit) == unused(kind_of(word));
    }

    // Keeps an extent of that kind what it is, used or not, until let_go(). False: it is of another kind.
    bool hold(uint32_t extent, ExtentKind kind) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);  // the exchange decides
        while (kind_of(word) == kind) {
            if (is_held_for_good(word)) return true;
            // acquire: what made the extent one of this kind. Pairs with the releases in begin() and finish_turn().
            // Without it the holder could see what the extent was before.
            if (Atomics::compare_exchange(words_[extent], word, word + kHolder, std::memory_order_acquire)) return true;
        }
        return false;
    }
    // The same of one that nobody has taken, whatever it becomes. False: somebody has.
    bool hold_untaken(uint32_t extent) {
        for (;;) {
            // acquire: that the extent is populated, where somebody has. Pairs with the release in begin(). Without it
            // one could be counted that is not there to whoever counts it.
            uint64_t word = Atomics::load(words_[extent], std::memory_order_acquire);
            if (word >> kKindShift != 0) return false;
            if (is_held_for_good(word)) return true;
            // relaxed: nothing was done to it yet.
            if (Atomics::compare_exchange(words_[extent], word, word + kHolder, std::memory_order_relaxed)) return true;
        }
    }
    // True: no part of the extent is in use now.
    bool let_go(uint32_t extent) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);
        do {
            if (is_held_for_good(word)) return false;
            // release: what the holder looked at. Pairs with the acquire in turn(). Without it the holder could see
            // what the extent becomes.
        } while (!Atomics::compare_exchange(words_[extent], word, word - kHolder, std::memory_order_release));
        return word - kHolder == unused(kind_of(word));
    }

    // An extent that is_unused() or is_closed() becomes the caller's, who closes it, or makes it one of another kind or
    // of its own again. False: somebody was faster.
    bool turn(uint32_t extent) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);
        const ExtentKind kind = kind_of(word);
        const bool is_unused = word == unused(kind) && kind != ExtentKind::kNone && !holds_chunks(kind);
        // acquire: what the parts' last users and holders did, and who closed it. Pairs with the releases in give(),
        // let_go() and close(). Without it a late store of theirs could land in what the extent becomes.
        return (is_unused || word >> kKindShift == kClosed) &&
               Atomics::compare_exchange(words_[extent], word, kTurning, std::memory_order_acquire);
    }
    void finish_turn(uint32_t extent, ExtentKind kind) {
        // release: what the caller made of the extent. Pairs with the acquires in kind() and take(). Without it a slot
        // could be used before its word is free.
        Atomics::store(words_[extent], unused(kind), std::memory_order_release);
    }

    // `when`: any number.
    void close(uint32_t extent, ExtentKind kind, uint32_t when) {
        // release: that its word says so. Pairs with the acquire in turn(). Without it the next one could take it for
        // whole that an agent has given back.
        Atomics::store(words_[extent], closed(kind, when), std::memory_order_release);
    }

    // An extent of chunks that nobody holds, or one that is closed, becomes the caller's, who gives its memory to huge
    // places, or thinks better of it. ret_kind: what it is. False: it is neither, or somebody was faster.
    bool begin_lending(uint32_t extent, ExtentKind& ret_kind) {
        uint64_t word = Atomics::load(words_[extent], std::memory_order_relaxed);
        const bool is_closed = word >> kKindShift == kClosed;
        ret_kind = is_closed ? kind_beside(word) : kind_of(word);
        // acquire: what its holders did, and who closed it. Pairs with the releases in let_go(), begin(), finish_turn()
        // and close(). Without it one that another thread has just made whole could be taken for empty.
        return (is_closed || (holds_chunks(ret_kind) && word == unused(ret_kind))) &&
               Atomics::compare_exchange(words_[extent], word, lent(ret_kind) | kBusy, std::memory_order_acquire);
    }
    void lend(uint32_t extent, ExtentKind kind) {
        // release: that it has no memory, and that this is counted. Pairs with the acquire in take_back(). Without it
        // the next one could populate it before that.
        Atomics::store(words_[extent], lent(kind), std::memory_order_release);
    }
    // One that is lent becomes the caller's. False: it is not, or somebody was faster.
    bool take_back(uint32_t extent, ExtentKind kind) {
        uint64_t word = lent(kind);
        // acquire: as in lend(), with which it pairs.
        return Atomics::load(words_[extent], std::memory_order_relaxed) == word &&
               Atomics::compare_exchange(words_[extent], word, word | kBusy, std::memory_order_acquire);
    }

private:
    // Bits: 0-52 a free part each, 53-59 how many hold it, 60-63 kind. Of one that is closed: 0-31 when, 32-59 kind.
    // Of one that is lent: 0 somebody is at it, 32-59 kind.
    static constexpr uint32_t kHolderShift = 53;
    static constexpr uint32_t kKindShift = 60;
    static constexpr uint64_t kFree = (uint64_t{1} << kHolderShift) - 1;
    static constexpr uint64_t kHolder = uint64_t{1} << kHolderShift;
    static constexpr uint64_t kHolders = (uint64_t{1} << kKindShift) - kHolder;
    static constexpr uint32_t kClosedKindShift = 32;
    static constexpr uint64_t kClosedKinds = (uint64_t{1} << (kKindShift - kClosedKindShift)) - 1;
    static constexpr uint64_t kBusy = 1;
    static constexpr uint64_t kLent = 13;    // as a kind
    static constexpr uint64_t kClosed = 14;  // likewise
    static constexpr uint64_t kTurning = uint64_t{15} << kKindShift;
    static_assert(kSlotsPerExtent <= kHolderShift && kBlockNumbers <= kHolderShift && kExtentKinds <= kLent);

    // By more than can be counted, some of which have vanished.
    static constexpr bool is_held_for_good(uint64_t word) { return (word & kHolders) == kHolders; }

    static constexpr ExtentKind kind_of(uint64_t word) {
        return word >> kKindShift >= kLent ? ExtentKind::kNone : static_cast<ExtentKind>(word >> kKindShift);
    }
    static constexpr ExtentKind kind_beside(uint64_t word) {  // of one that is closed, or lent
        return static_cast<ExtentKind>(word >> kClosedKindShift & kClosedKinds);
    }
    static constexpr uint64_t closed(ExtentKind kind, uint32_t when) {
        return kClosed << kKindShift | static_cast<uint64_t>(kind) << kClosedKindShift | when;
    }
    static constexpr uint64_t lent(ExtentKind kind) {
        return kLent << kKindShift | static_cast<uint64_t>(kind) << kClosedKindShift;
    }
    static constexpr uint64_t unused(ExtentKind kind) {
        const uint64_t free = holds_chunks(kind) ? 0 : (uint64_t{1} << parts_of(kind)) - 1;
        return static_cast<uint64_t>(kind) << kKindShift | free;
    }

    uint64_t* words_ = nullptr;
};

}  // namespace spanring::ring
