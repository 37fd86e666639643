// SPDX-License-Identifier: Apache-2.0
//
// Spans whose traces are not decided: copies of them, by trace, in the order in which traces were last heard of and in
// that of their first spans. Most of it is in no cache of the processor: what is not needed is not touched. None of
// them is acknowledged, so all of them are in their segments as well. Of spans that lie elsewhere it knows how many
// there are, and whose parcel they are in; of those in files, which entries are theirs.
//
// Header bill: it holds copies of spans by the thousand; decision_rounds.hpp alone includes it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <vector>

#include "batch/batch.hpp"
#include "decide/trace_key.hpp"
#include "decide/trace_state.hpp"
#include "decide/undecided_files.hpp"
#include "drain/span_pool.hpp"
#include "drain/trace_index.hpp"

namespace spanring::agent {

// Its record stands after it. It begins where a line of the cache does, and is in no other one: of what is dropped
// nothing else is looked at again.
struct UndecidedSpan {
    UndecidedSpan* next = nullptr;  // of its trace: the one that came before
    uint64_t number = 0;            // in the order in which all of them came
    uint64_t source = 0;            // its receipt's, as what follows
    uint32_t chunk = 0;
    uint32_t generation = 0;
    uint32_t begin = 0;
    uint32_t end = 0;
    bool unfinished = false;
    bool waited = false;
    bool era = false;        // FoundSpan's
    bool leaves = false;     // for a file
    uint8_t by_chance = 0;   // Decision's, once its trace is decided
    uint8_t dropped_by = 0;  // likewise, the place of its rule, and one; 0: it is kept
    uint32_t scope = 0;
    uint32_t size = 0;  // of its record

    Receipt receipt() const { return {source, chunk, generation, begin, end, 1, 0, 0, unfinished, waited}; }
    std::span<const uint8_t> record() const { return {reinterpret_cast<const uint8_t*>(this + 1), size}; }
};
static_assert(sizeof(UndecidedSpan) <= 64);

// From the newest of a trace on. `visit` may let go of what it is given.
template <class Visit>
void each_span_of(UndecidedSpan* newest, Visit&& visit) {
    while (newest != nullptr) {
        UndecidedSpan& span = *newest;
        newest = newest->next;
        visit(span);
    }
}

// Of the trace, in a parcel: its spans lie elsewhere (decide/decision_desk.hpp).
struct UndecidedPart {
    UndecidedPart* next = nullptr;
    uint64_t parcel = 0;
    uint32_t spans = 0;
};

struct FullTrace;

// What is known of it. Where spans of it are here, or parts, it is a FullTrace.
struct alignas(64) UndecidedTrace {
    using Time = std::chrono::steady_clock::time_point;
    template <class Trace>
    struct PlaceOf {
        Trace* before = nullptr;
        Trace* after = nullptr;
    };
    using Place = PlaceOf<UndecidedTrace>;

    TraceKey key;
    TraceState state;
    Time first{};  // a span of it came
    Time last{};   // ... or it was named by an open one
    Place by_silence;
    Place by_age;
    uint32_t open_in_round = 0;              // the last one in which it was
    uint32_t filed = UndecidedFiles::kNone;  // the first of its entries in files
    bool is_full = false;
    bool in_rings = false;  // some of its spans lie in segments, and may leave them

    FullTrace* full();
    const FullTrace* full() const;
    template <class Visit>
    void each_part(Visit&& visit) const;
    template <class Visit>
    void each_span(Visit&& visit) const;
};
static_assert(sizeof(UndecidedTrace) <= 128, "they wait by the ten thousand");

struct FullTrace : UndecidedTrace {
    using Place = PlaceOf<FullTrace>;

    UndecidedSpan* newest = nullptr;  // and from it on to the oldest
    size_t memory = 0;                // that they take
    uint32_t spans = 0;               // of these
    UndecidedPart* parts = nullptr;   // in no order
    Time in_rings_since{};
    Place by_rings;
};

inline FullTrace* UndecidedTrace::full() { return is_full ? static_cast<FullTrace*>(this) : nullptr; }
inline const FullTrace* UndecidedTrace::full() const { return is_full ? static_cast<const FullTrace*>(this) : nullptr; }

template <class Visit>
void UndecidedTrace::each_part(Visit&& visit) const {
    for (UndecidedPart* at = is_full ? full()->parts : nullptr; at != nullptr;) {
        UndecidedPart* const part = at;
        at = at->next;
        visit(*part);
    }
}

template <class Visit>
void UndecidedTrace::each_span(Visit&& visit) const {
    each_span_of(is_full ? full()->newest : nullptr, visit);
}

class UndecidedSpans {
public:
    using Time = UndecidedTrace::Time;

    UndecidedSpans() = default;
    UndecidedSpans(const UndecidedSpans&) = delete;
    UndecidedSpans& operator=(const UndecidedSpans&) = delete;
    ~UndecidedSpans() {
        while (UndecidedTrace* const trace = oldest())
            each_span_of(take(*trace, [](auto&) {}), [this](UndecidedSpan& span) { let_go(span); });
    }

    UndecidedTrace* find(const TraceKey& key) const { return places_.find(key); }
    // It is not here. `owner`: TraceOwners'.
    UndecidedTrace& begin(const TraceKey& key, Time now, uint16_t owner = 0) {
        auto* const trace = new (pool_.take(sizeof(FullTrace))) FullTrace();
        trace->is_full = true;
        trace->key = key;
        trace->first = trace->last = now;
        trace->state.owner = owner;
        if (owners_.size() <= owner) owners_.resize(owner + size_t{1});
        ++owners_[owner].traces;
        charge(*trace, SpanPool::rounded(sizeof *trace));
        places_.add(*trace);
        by_silence_.append(*trace);
        owners_[owner].by_age.append(*trace);
        return *trace;
    }
    void hear_of(UndecidedTrace& trace, Time now) {
        if (trace.last == now) return;
        trace.last = now;
        by_silence_.remove(trace);
        by_silence_.append(trace);
    }

    // Of a trace that was just heard of, which may lie elsewhere afterwards. `receipt`: of one span, and it was sound.
    void add(UndecidedTrace& of, const Receipt& receipt, uint32_t scope, bool era, std::span<const uint8_t> record) {
        FullTrace& trace = filled(of);
        if (!trace.in_rings) {
            trace.in_rings = true;
            trace.in_rings_since = trace.last;
            by_rings_.append(trace);
        }
        // Written where it is to be: a copy of what was just written in parts waits until all of that is in the cache.
        auto* const added = new (pool_.take(room_for(record.size()))) UndecidedSpan;
        added->number = ++numbers_;
        added->source = receipt.source;
        added->chunk = receipt.chunk;
        added->generation = receipt.generation;
        added->begin = receipt.begin;
        added->end = receipt.end;
        added->unfinished = receipt.unfinished;
        added->waited = receipt.waited;
        added->era = era;
        added->scope = scope;
        added->size = static_cast<uint32_t>(record.size());
        std::memcpy(added + 1, record.data(), record.size());
        added->next = trace.newest;
        trace.newest = added;
        trace.memory += memory_of(*added);
        charge(trace, memory_of(*added));
        ++trace.spans;
        ++spans_;
    }

    // Likewise.
    void add_part(UndecidedTrace& of, uint64_t parcel, uint32_t spans) {
        FullTrace& trace = filled(of);
        trace.parts = new (pool_.take(sizeof(UndecidedPart))) UndecidedPart{trace.parts, parcel, spans};
        charge(trace, SpanPool::rounded(sizeof(UndecidedPart)));
        spans_elsewhere_ += spans;
    }

    // ---- What leaves its segments

    // The one whose spans are there for longest. Null: there is none.
    FullTrace* longest_in_rings() { return by_rings_.first; }
    const FullTrace* longest_in_rings() const { return by_rings_.first; }
    // What stays is to stay.
    void out_of_rings(FullTrace& trace) {
        trace.in_rings = false;
        by_rings_.remove(trace);
    }
    // As if its spans had been there since then, which is long ago.
    void hasten_out_of_rings(FullTrace& trace, Time since) {
        if (!trace.in_rings || trace.in_rings_since <= since) return;
        trace.in_rings_since = since;
        by_rings_.remove(trace);
        by_rings_.prepend(trace);
    }
    // As if it had not been.
    void back_in_rings(FullTrace& trace) {
        if (trace.in_rings) return;
        trace.in_rings = true;
        by_rings_.prepend(trace);
    }
    // Those that are marked to leave: they are somebody else's, who gets them, until let_go().
    template <class Visit>
    void take_leaving(FullTrace& trace, Visit&& visit) {
        for (UndecidedSpan** place = &trace.newest; *place != nullptr;) {
            UndecidedSpan& span = **place;
            if (!span.leaves) {
                place = &span.next;
                continue;
            }
            *place = span.next;
            trace.memory -= memory_of(span);
            discharge(trace, memory_of(span));
            --trace.spans;
            --spans_;
            visit(span);
        }
    }

    // It takes less where nothing of it is here, and lies elsewhere afterwards.
    void shrink(UndecidedTrace& trace) {
        FullTrace* const full = trace.full();
        if (full == nullptr || full->newest != nullptr || full->parts != nullptr || full->in_rings) return;
        move(trace, *new (pool_.take(sizeof(UndecidedTrace))) UndecidedTrace(trace)).is_full = false;
    }

    // Soon asked for, both, the second one later: so that they are in the processor's cache by then.
    // Returns whether the first one may be here.
    [[gnu::always_inline]] bool expect(const TraceKey& soon, const TraceKey& later) {
        return places_.expect(soon, later, [](const UndecidedTrace* trace) { bring(trace); });
    }
    // Likewise of what is taken soon, which was brought, and of what is taken after that.
    [[gnu::always_inline]] void expect_to_take(const UndecidedTrace& soon) const {
        places_.expect(soon.key);
        bring(soon.by_silence.after);
    }

    // The one that was not heard of for longest, and the one that is here for longest. Null: there is none.
    UndecidedTrace* most_silent() { return by_silence_.first; }
    const UndecidedTrace* most_silent() const { return by_silence_.first; }
    UndecidedTrace* oldest() const {
        UndecidedTrace* found = nullptr;
        for (const Owner& owner : owners_) found = older(found, owner.by_age.first);
        return found;
    }
    // Of that owner.
    UndecidedTrace* oldest_of(uint16_t owner) const {
        return owner < owners_.size() ? owners_[owner].by_age.first : nullptr;
    }
    // Of the owner who has most of it. There is a trace.
    UndecidedTrace* oldest_of_most_traces() const { return oldest_of_most(&Owner::traces); }
    UndecidedTrace* oldest_of_most_memory() const { return oldest_of_most(&Owner::memory); }
    // From the oldest on. `visit` says whether to go on; it may take what it is given.
    template <class Visit>
    void each_by_age(Visit&& visit) {
        std::vector<UndecidedTrace*> next;  // of each owner
        for (const Owner& owner : owners_)
            if (owner.by_age.first != nullptr) next.push_back(owner.by_age.first);
        while (!next.empty()) {
            auto oldest = next.begin();
            for (auto at = next.begin(); at != next.end(); ++at)
                if (older(*oldest, *at) != *oldest) oldest = at;
            UndecidedTrace& trace = **oldest;
            if (trace.by_age.after != nullptr)
                *oldest = trace.by_age.after;
            else
                next.erase(oldest);
            if (!visit(trace)) return;
        }
    }

    // Returns its newest span: they are somebody else's from then on, until let_go(). `visit_part` gets its parts,
    // which go with the call.
    template <class VisitPart>
    UndecidedSpan* take(UndecidedTrace& trace, VisitPart&& visit_part) {
        Owner& owner = owner_of(trace);
        by_silence_.remove(trace);
        owner.by_age.remove(trace);
        places_.remove(trace);
        --owner.traces;
        UndecidedSpan* newest = nullptr;
        if (FullTrace* const full = trace.full(); full != nullptr) {
            if (full->in_rings) out_of_rings(*full);
            discharge(trace, full->memory);
            spans_ -= full->spans;
            newest = full->newest;
        }
        trace.each_part([&](UndecidedPart& part) {
            discharge(trace, SpanPool::rounded(sizeof part));
            spans_elsewhere_ -= part.spans;
            visit_part(part);
            pool_.give(&part, sizeof part);
        });
        give(trace);
        return newest;
    }
    void let_go(UndecidedSpan& span) { pool_.give(&span, room_for(span.size)); }

    // In each pass.
    void give_back_unused(Time now) { pool_.give_back_unused(now); }

    size_t traces() const { return places_.size(); }
    size_t spans() const { return spans_; }
    size_t spans_elsewhere() const { return spans_elsewhere_; }  // of parts
    size_t memory() const { return memory_; }                    // of what was not taken
    // Whether what is here lies so far apart that it keeps more than twice `most` from going, and a slab of each size.
    bool is_sparse(size_t most) const { return pool_.held() > 2 * most + SpanPool::kClasses * SpanPool::kSlab; }

private:
    template <class Trace, UndecidedTrace::PlaceOf<Trace> Trace::*kPlace>
    struct Order {
        Trace* first = nullptr;
        Trace* last = nullptr;

        void append(Trace& trace) {
            (trace.*kPlace) = {last, nullptr};
            (last != nullptr ? (last->*kPlace).after : first) = &trace;
            last = &trace;
        }
        void prepend(Trace& trace) {
            (trace.*kPlace) = {nullptr, first};
            (first != nullptr ? (first->*kPlace).before : last) = &trace;
            first = &trace;
        }
        void remove(Trace& trace) { link((trace.*kPlace).before, (trace.*kPlace).after); }
        // `trace` is where another one was, of which it is a copy.
        void take_place(Trace& trace) {
            const auto place = trace.*kPlace;
            (place.before != nullptr ? (place.before->*kPlace).after : first) = &trace;
            (place.after != nullptr ? (place.after->*kPlace).before : last) = &trace;
        }

    private:
        void link(Trace* before, Trace* after) {
            (before != nullptr ? (before->*kPlace).after : first) = after;
            (after != nullptr ? (after->*kPlace).before : last) = before;
        }
    };

    struct Owner {
        Order<UndecidedTrace, &UndecidedTrace::by_age> by_age;
        size_t traces = 0;
        size_t memory = 0;
    };

    [[gnu::always_inline]] static void bring(const UndecidedTrace* trace) {
        for (size_t at = 0; at < sizeof(FullTrace); at += 64)
            __builtin_prefetch(reinterpret_cast<const char*>(trace) + at, 1);
    }
    FullTrace& filled(UndecidedTrace& trace) {
        if (FullTrace* const full = trace.full(); full != nullptr) return *full;
        auto& full = *new (pool_.take(sizeof(FullTrace))) FullTrace{trace, nullptr, 0, 0, nullptr, {}, {}};
        move(trace, full).is_full = true;
        return full;
    }
    // `to` is its copy.
    UndecidedTrace& move(UndecidedTrace& trace, UndecidedTrace& to) {
        by_silence_.take_place(to);
        owner_of(trace).by_age.take_place(to);
        places_.move(trace, to);
        charge(trace, SpanPool::rounded(trace.is_full ? sizeof(UndecidedTrace) : sizeof(FullTrace)));
        give(trace);
        return to;
    }
    void give(UndecidedTrace& trace) {
        const size_t size = trace.is_full ? sizeof(FullTrace) : sizeof(UndecidedTrace);
        discharge(trace, SpanPool::rounded(size));
        pool_.give(&trace, size);
    }
    Owner& owner_of(const UndecidedTrace& trace) { return owners_[trace.state.owner]; }
    void charge(const UndecidedTrace& trace, size_t bytes) {
        owner_of(trace).memory += bytes;
        memory_ += bytes;
    }
    void discharge(const UndecidedTrace& trace, size_t bytes) {
        owner_of(trace).memory -= bytes;
        memory_ -= bytes;
    }
    // Of two, of which either may be none: the one that came first.
    static UndecidedTrace* older(UndecidedTrace* one, UndecidedTrace* other) {
        if (one == nullptr || other == nullptr) return one == nullptr ? other : one;
        return other->first < one->first ? other : one;
    }
    // Whoever has memory has traces.
    UndecidedTrace* oldest_of_most(size_t Owner::*what) const {
        return std::max_element(owners_.begin(), owners_.end(),
                                [what](const Owner& one, const Owner& other) { return one.*what < other.*what; })
            ->by_age.first;
    }
    static size_t room_for(size_t record) {
        constexpr size_t kLine = 64;
        return (sizeof(UndecidedSpan) + record + kLine - 1) / kLine * kLine;
    }
    static size_t memory_of(const UndecidedSpan& span) { return SpanPool::rounded(room_for(span.size)); }

    SpanPool pool_;
    TraceIndex<UndecidedTrace> places_;
    Order<UndecidedTrace, &UndecidedTrace::by_silence> by_silence_;
    std::vector<Owner> owners_;  // by place
    Order<FullTrace, &FullTrace::by_rings> by_rings_;
    size_t spans_ = 0;
    size_t spans_elsewhere_ = 0;
    size_t memory_ = 0;
    uint64_t numbers_ = 0;
};

}  // namespace spanring::agent
