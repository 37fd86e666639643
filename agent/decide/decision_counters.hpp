// SPDX-License-Identifier: Apache-2.0
//
// What tail sampling did since the agent's start, by rule, and what waits now. One thread counts, anybody reads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "decide/rule_slots.hpp"

namespace spanring::agent {

// Why a trace was decided before it was over.
enum class EarlyCause : uint8_t { kDecisionWait, kNumTraces, kMemory, kRing, kQueue, kFiles, kCount };

constexpr const char* name_of(EarlyCause cause) {
    constexpr const char* kNames[] = {"decision_wait", "num_traces", "memory", "ring", "queue", "files"};
    return kNames[static_cast<size_t>(cause)];
}

class DecisionCounters {
public:
    // relaxed everywhere: numbers by themselves, of which nobody concludes anything else.
    class Counter {
    public:
        void add(uint64_t more) { set(get() + more); }
        void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
        uint64_t get() const { return value_.load(std::memory_order_relaxed); }

    private:
        std::atomic<uint64_t> value_{0};
    };

    struct Rule {
        Counter traces_kept;
        Counter traces_dropped;
        Counter spans_kept;
        Counter spans_sampled_out;
        Counter late_errors;  // of spans that came after their trace was dropped
    };

    // `rules`: their names. Behind them are the slots of those that come while the agent runs.
    explicit DecisionCounters(std::vector<std::string> rules)
        : first_slot_(rules.size()), names_(std::move(rules)), rules_(new Rule[first_slot_ + kRuleSlots]) {
        names_.resize(first_slot_ + kRuleSlots);
    }

    // By their places. Empty: of a slot that was never used.
    std::vector<std::string> names() const {
        const MutexLock lock(mutex_);
        return names_;
    }
    size_t first_slot() const { return first_slot_; }
    // Who counts. One that had another name begins anew.
    void name_slot(size_t slot, const std::string& name) {
        const MutexLock lock(mutex_);
        std::string& known = names_[first_slot_ + slot];
        if (known == name) return;
        known = name;
        Rule& rule = rules_[first_slot_ + slot];
        for (Counter* const counter :
             {&rule.traces_kept, &rule.traces_dropped, &rule.spans_kept, &rule.spans_sampled_out, &rule.late_errors})
            counter->set(0);
    }
    Rule& rule(size_t place) { return rules_[place]; }
    const Rule& rule(size_t place) const { return rules_[place]; }
    Counter& early(EarlyCause cause) { return early_[static_cast<size_t>(cause)]; }
    const Counter& early(EarlyCause cause) const { return early_[static_cast<size_t>(cause)]; }

    Counter rounds;
    Counter open_unseen;  // looks at open spans that ended before all were seen
    // Gauges.
    Counter undecided_traces;
    Counter undecided_spans;
    Counter undecided_bytes;
    Counter undecided_oldest;      // when the first span of one came, Unix nanoseconds; 0: there is none
    Counter undecided_ring_spans;  // of the undecided ones, those in segments
    Counter undecided_ring_bytes;  // of them there
    Counter undecided_slot_spans;  // and of them those that have ended and wait in their slots
    Counter received_spans;        // of the undecided ones, those in requests
    Counter filed_spans;           // likewise, in files
    Counter unclaimed_spans;       // of these, those whose segments have not come; they are of no trace
    Counter filed_bytes;           // of them there
    Counter filed_memory;          // what the agent keeps in its memory of these
    Counter file_bytes;            // of all files, with what is decided and not answered for
    Counter remembered;

private:
    const size_t first_slot_;
    mutable Mutex mutex_;
    std::vector<std::string> names_ SPR_GUARDED_BY(mutex_);
    const std::unique_ptr<Rule[]> rules_;
    std::array<Counter, static_cast<size_t>(EarlyCause::kCount)> early_;
};

}  // namespace spanring::agent
