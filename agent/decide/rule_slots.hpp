// SPDX-License-Identifier: Apache-2.0
//
// The places of rules that are set while the agent runs. One that says something else than before has another slot, so
// that what waits with the marks of a slot, and what was decided by one, means the same until it is over; a slot is
// given to another rule only after that. They are known to the next agent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sampling/live_rule.hpp"

namespace spanring::agent {

// Each has two bits of TraceState::marks, of those that the policies of the configuration leave.
inline constexpr size_t kRuleSlots = 32;
constexpr size_t rule_slots_beside(size_t policies) { return policies < 64 ? (64 - policies) / 2 : 0; }

struct RuleSlot {
    std::string name;  // empty: it was never used
    std::string meaning;
    std::optional<uint64_t> threshold;  // where it keeps traces by chance (otlp/sampling_state.hpp)
    uint64_t free_since = 0;            // Unix nanoseconds; 0: a rule has it

    bool operator==(const RuleSlot&) const = default;
};
using RuleSlots = std::array<RuleSlot, kRuleSlots>;

// The rules that stand at a time, in the order in which they are asked.
struct LiveRuleSet {
    struct Standing {
        LiveRule rule;
        size_t slot = 0;
    };

    uint64_t generation = 0;
    std::vector<Standing> rules;
    RuleSlots slots;
};

// The slot of each rule, of the first `count`, or nothing where there are not enough that were free for `rest`
// (nanoseconds).
std::optional<std::vector<size_t>> assign_slots(const std::vector<LiveRule>& rules, RuleSlots& slots,
                                                uint64_t unix_nano, uint64_t rest, size_t count);

// What a file has of them. read_slots(): what is no such text has none.
std::string text_of_slots(const RuleSlots& slots);
RuleSlots read_slots(const std::string& text);

}  // namespace spanring::agent
