// SPDX-License-Identifier: Apache-2.0
//
// Where spans that lie elsewhere get the decisions of their traces. Who has them hands in, parcel by parcel, what
// policies need to know of each trace, and keeps the spans; the thread that decides answers for each trace of a parcel
// once, after the decision is on disk. Numbers of parcels rise, and are used once.
//
// Any thread, but for what says otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "decide/decision.hpp"
#include "decide/trace_key.hpp"
#include "decide/trace_state.hpp"

namespace spanring::agent {

// What a parcel has of a trace.
struct Ballot {
    TraceKey trace;
    TraceState state;
    uint32_t errors = 0;  // spans with one
};

struct ParcelPaper {
    uint64_t parcel = 0;
    std::vector<Ballot> ballots;  // of each trace one
};

struct TraceVerdict {
    uint64_t parcel = 0;
    TraceKey trace;
    Decision decision;
    bool late = false;  // it came after the decision
};

class DecisionDesk {
public:
    struct Letters {
        std::vector<ParcelPaper> papers;
        uint64_t hurried = 0;  // the traces of parcels up to this one are to be decided now
    };

    // Who is woken; an empty function: nobody, from when this returns.
    void wake_decider(std::function<void()> wake) {
        const MutexLock lock(mutex_);
        decider_ = std::move(wake);
    }
    void wake_asker(std::function<void()> wake) {
        const MutexLock lock(mutex_);
        asker_ = std::move(wake);
    }

    // ---- Who has the spans ----

    void hand_in(ParcelPaper paper) {
        const MutexLock lock(mutex_);
        letters_.papers.push_back(std::move(paper));
        if (letters_.papers.size() == 1 && decider_) decider_();  // who was woken for the first takes them all
    }
    void hurry(uint64_t parcel) {
        const MutexLock lock(mutex_);
        letters_.hurried = parcel;
        if (decider_) decider_();
    }
    std::vector<TraceVerdict> take_verdicts() {
        const MutexLock lock(mutex_);
        return std::exchange(verdicts_, {});
    }

    // ---- Who decides ----

    Letters take() {
        const MutexLock lock(mutex_);
        return std::exchange(letters_, {});
    }
    void announce(const std::vector<TraceVerdict>& verdicts) {
        const MutexLock lock(mutex_);
        const bool first = verdicts_.empty();
        verdicts_.insert(verdicts_.end(), verdicts.begin(), verdicts.end());
        if (first && asker_) asker_();
    }

private:
    Mutex mutex_;
    Letters letters_ SPR_GUARDED_BY(mutex_);
    std::vector<TraceVerdict> verdicts_ SPR_GUARDED_BY(mutex_);
    std::function<void()> decider_ SPR_GUARDED_BY(mutex_);
    std::function<void()> asker_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
