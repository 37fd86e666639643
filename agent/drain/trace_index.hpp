// SPDX-License-Identifier: Apache-2.0
//
// Traces by their keys, which they hold themselves: eight bytes a place, of which three quarters are in use at most.
// A place has a part of the key's hash and the address, so a trace is only touched where that part is the same, and
// none is when places move. What does not find its own place free goes into the next one, and moves back when that is
// free. One thread.
//
// Traces lie at multiples of kAlignment, at addresses of 48 bits, as those of programs are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/huge_pages.hpp"
#include "decide/trace_key.hpp"

namespace spanring::agent {

// `Trace` has a `key`.
template <class Trace>
class TraceIndex {
public:
    static constexpr size_t kAlignment = 64;

    // Null: it is not here.
    Trace* find(const TraceKey& key) const {
        if (size_ == 0) return nullptr;
        const uint64_t hash = hash_of(key);
        for (size_t at = home(hash);; at = next(at)) {
            const uint64_t place = places_[at];
            if (place == 0) return nullptr;
            if (place >> kAddressBits == hash && trace_of(place)->key == key) return trace_of(place);
        }
    }

    // None with its key is here.
    void add(Trace& trace) {
        if (4 * (size_ + 1) > 3 * places_.size()) grow();
        put(place_of(hash_of(trace.key), trace));
        ++size_;
    }

    // It is here.
    void remove(const Trace& trace) {
        size_t hole = home(hash_of(trace.key));
        while (trace_of(places_[hole]) != &trace) hole = next(hole);
        --size_;
        // Whatever follows without a gap, and would not be found past it.
        for (size_t at = next(hole); places_[at] != 0; at = next(at)) {
            const size_t from_home = distance(home(places_[at] >> kAddressBits), at);
            if (from_home < distance(hole, at)) continue;
            places_[hole] = places_[at];
            hole = at;
        }
        places_[hole] = 0;
    }

    // It is at `to` from now on, where its key is as well.
    void move(const Trace& trace, Trace& to) {
        const uint64_t hash = hash_of(to.key);
        size_t at = home(hash);
        while (trace_of(places_[at]) != &trace) at = next(at);
        places_[at] = place_of(hash, to);
    }

    // Asked for soon, and after that: so that they are in the processor's cache by then. `touch` gets what may be the
    // first one, to be brought and not read. Inline: by what GCC sees of it, it does nothing.
    // Returns whether that is here, as far as is known.
    template <class Touch>
    [[gnu::always_inline]] bool expect(const TraceKey& soon, const TraceKey& later, Touch&& touch) const {
        if (size_ == 0) return false;
        const uint64_t hash = hash_of(soon);
        bool found = false;
        for (size_t at = home(hash); places_[at] != 0; at = next(at)) {
            if (places_[at] >> kAddressBits != hash) continue;
            touch(trace_of(places_[at]));
            found = true;
            break;
        }
        __builtin_prefetch(&places_[home(hash_of(later))]);
        return found;
    }

    [[gnu::always_inline]] void expect(const TraceKey& soon) const {
        if (size_ != 0) __builtin_prefetch(&places_[home(hash_of(soon))], 1);
    }

    size_t size() const { return size_; }
    size_t memory() const { return places_.capacity() * sizeof(uint64_t); }

private:
    static constexpr size_t kFirst = 64;
    static constexpr int kAddressBits = 42;  // in steps of kAlignment
    static constexpr int kHashBits = 64 - kAddressBits;

    uint64_t hash_of(const TraceKey& key) const { return hash_(key) & ((uint64_t{1} << kHashBits) - 1); }
    // Of more places than there are hashes, every so many are nobody's own.
    size_t home(uint64_t hash) const {
        return bits_ <= kHashBits ? hash & (places_.size() - 1) : static_cast<size_t>(hash << (bits_ - kHashBits));
    }
    size_t next(size_t at) const { return (at + 1) & (places_.size() - 1); }
    size_t distance(size_t from, size_t to) const { return (to - from) & (places_.size() - 1); }
    static uint64_t place_of(uint64_t hash, Trace& trace) {
        return hash << kAddressBits | reinterpret_cast<uintptr_t>(&trace) / kAlignment;
    }
    static Trace* trace_of(uint64_t place) {
        constexpr uint64_t kAddress = (uint64_t{1} << kAddressBits) - 1;
        return reinterpret_cast<Trace*>(static_cast<uintptr_t>((place & kAddress) * kAlignment));
    }

    void put(uint64_t place) {
        size_t at = home(place >> kAddressBits);
        while (places_[at] != 0) at = next(at);
        places_[at] = place;
    }
    void grow() {
        std::vector<uint64_t, HugePageAllocator<uint64_t>> old(places_.empty() ? kFirst : 2 * places_.size());
        old.swap(places_);
        bits_ = __builtin_ctzll(places_.size());
        for (const uint64_t place : old) {
            if (place != 0) put(place);
        }
    }

    const TraceKeyHash hash_{};
    std::vector<uint64_t, HugePageAllocator<uint64_t>> places_;  // a power of two, or none; 0: nobody's
    int bits_ = 0;                                               // of a place
    size_t size_ = 0;
};

}  // namespace spanring::agent
