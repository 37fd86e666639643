// SPDX-License-Identifier: Apache-2.0
//
// Spans whose traces are not decided: copies of them, by trace, in the order in which traces were last heard of and in
// that of their first spans. None of them is acknowledged, so all of them are in their segments as well.
//
// Header bill: it holds copies of spans by the thousand; decision_rounds.hpp alone includes it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>
#include <vector>

#include "batch/batch.hpp"
#include "decide/trace_key.hpp"
#include "decide/trace_state.hpp"

namespace spanring::agent {

struct UndecidedSpan {
    Receipt receipt;
    uint32_t scope = 0;
    uint32_t size = 0;  // of its record
    bool era = false;   // FoundSpan's
};

struct UndecidedTrace {
    using Time = std::chrono::steady_clock::time_point;

    TraceKey key;
    TraceState state;
    Time first{};                      // a span of it came
    Time last{};                       // ... or it was named by an open one
    uint64_t open_in_round = 0;        // the last one in which it was
    std::vector<UndecidedSpan> spans;  // in the order in which they came
    std::vector<uint8_t> bytes;        // their records, one after the other
    std::list<UndecidedTrace*>::iterator place_by_age{};

    size_t memory() const { return sizeof *this + bytes.capacity() + spans.capacity() * sizeof(UndecidedSpan); }
};

class UndecidedSpans {
public:
    using Time = UndecidedTrace::Time;
    using Traces = std::list<UndecidedTrace>;

    // The trace, which was heard of now; a new one where it is not here.
    UndecidedTrace& hear_of(const TraceKey& key, Time now) {
        auto [found, is_new] = places_.try_emplace(key);
        if (is_new) {
            found->second = by_silence_.emplace(by_silence_.end());
            UndecidedTrace& trace = *found->second;
            trace.key = key;
            trace.first = now;
            trace.place_by_age = by_age_.insert(by_age_.end(), &trace);
            memory_ += trace.memory();
        } else {
            by_silence_.splice(by_silence_.end(), by_silence_, found->second);
        }
        found->second->last = now;
        return *found->second;
    }
    // Likewise, and nothing where it is not here.
    UndecidedTrace* hear_if_known(const TraceKey& key, Time now) {
        return places_.contains(key) ? &hear_of(key, now) : nullptr;
    }

    void add(UndecidedTrace& trace, const UndecidedSpan& span, std::span<const uint8_t> record) {
        memory_ -= trace.memory();
        trace.spans.push_back(span);
        trace.bytes.insert(trace.bytes.end(), record.begin(), record.end());
        memory_ += trace.memory();
        ++spans_;
    }

    // The one that was not heard of for longest, and the one that is here for longest. Null: there is none.
    UndecidedTrace* most_silent() { return by_silence_.empty() ? nullptr : &by_silence_.front(); }
    UndecidedTrace* oldest() { return by_age_.empty() ? nullptr : by_age_.front(); }
    const UndecidedTrace* most_silent() const { return by_silence_.empty() ? nullptr : &by_silence_.front(); }
    const UndecidedTrace* oldest() const { return by_age_.empty() ? nullptr : by_age_.front(); }
    // From the oldest on. `visit` says whether to go on; it may take what it is given.
    template <class Visit>
    void each_by_age(Visit&& visit) {
        for (auto at = by_age_.begin(); at != by_age_.end();) {
            UndecidedTrace& trace = **at++;
            if (!visit(trace)) return;
        }
    }

    // It is somebody else's then.
    Traces take(UndecidedTrace& trace) {
        memory_ -= trace.memory();
        spans_ -= trace.spans.size();
        by_age_.erase(trace.place_by_age);
        const auto place = places_.find(trace.key);
        Traces taken;
        taken.splice(taken.end(), by_silence_, place->second);
        places_.erase(place);
        return taken;
    }

    size_t traces() const { return by_silence_.size(); }
    size_t spans() const { return spans_; }
    size_t memory() const { return memory_; }

private:
    Traces by_silence_;
    std::list<UndecidedTrace*> by_age_;
    std::unordered_map<TraceKey, Traces::iterator, TraceKeyHash> places_;
    size_t spans_ = 0;
    size_t memory_ = 0;
};

}  // namespace spanring::agent
