// SPDX-License-Identifier: Apache-2.0
//
// The rules that are set while the agent runs: follows their file, and hands out those that stand. A file that is wrong
// changes nothing.
//
// Header bill: std::function and shared_ptr; drain and receive include it in one .cpp each.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/mutex.hpp"
#include "decide/rule_slots.hpp"
#include "sampling/live_rules_file.hpp"

namespace spanring::agent {

struct TailSamplingOptions;

class LiveRules {
public:
    static constexpr char kSlotsName[] = "rule_slots.json";

    // How long what a rule has marked, or decided, is around once that is gone.
    static std::chrono::milliseconds rest(const TailSamplingOptions& options);

    // `slots`: how many there are. `rest`: as rest() has it. `name`: is told of every
    // rule before it stands.
    LiveRules(const std::string& state_directory, size_t slots, std::chrono::milliseconds rest,
              std::function<void(const std::string& name)> name);

    // ---- One thread ----

    // Takes over what the file says now; what is expired goes.
    void follow(uint64_t unix_nano);
    // Why what the file says does not stand; empty: it does.
    const std::string& problem() const { return problem_; }

    // ---- Any thread ----

    // acquire: pairs with the release in publish(). Without it, who sees that there are others might get the ones
    // before, and take them for the new ones; the mutex of rules() orders the rest.
    uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
    std::shared_ptr<const LiveRuleSet> rules() const {
        const MutexLock lock(mutex_);
        return rules_;
    }

private:
    bool take(std::vector<LiveRule> rules, uint64_t unix_nano);
    void publish(std::shared_ptr<LiveRuleSet> rules);
    void tell(const LiveRuleSet& before, const LiveRuleSet& now) const;
    void fail(const std::string& problem);

    const LiveRulesFile file_;
    const std::string slots_file_;
    const size_t slots_;
    const uint64_t rest_;
    const std::function<void(const std::string& name)> name_;
    std::string text_;  // that was taken over
    std::string problem_;
    mutable Mutex mutex_;
    std::shared_ptr<const LiveRuleSet> rules_ SPR_GUARDED_BY(mutex_);
    std::atomic<uint64_t> generation_{0};
};

}  // namespace spanring::agent
