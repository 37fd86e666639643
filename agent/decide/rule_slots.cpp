// SPDX-License-Identifier: Apache-2.0
#include "decide/rule_slots.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "decide/probabilistic_policy.hpp"

namespace spanring::agent {
namespace {

// Of the first `count`; kRuleSlots: none.
size_t slot_with(const RuleSlots& slots, size_t count, const std::string& meaning) {
    for (size_t i = 0; i < count; ++i)
        if (!slots[i].name.empty() && slots[i].meaning == meaning) return i;
    return kRuleSlots;
}

// One that was never used before one that was, and of these the one that is free for longest.
size_t free_slot(const RuleSlots& slots, size_t count, uint64_t unix_nano, uint64_t rest) {
    size_t best = kRuleSlots;
    for (size_t i = 0; i < count; ++i) {
        if (slots[i].name.empty()) return i;
        const bool rested = slots[i].free_since != 0 && slots[i].free_since + rest <= unix_nano;
        if (rested && (best == kRuleSlots || slots[i].free_since < slots[best].free_since)) best = i;
    }
    return best;
}

}  // namespace

std::optional<std::vector<size_t>> assign_slots(const std::vector<LiveRule>& rules, RuleSlots& slots,
                                                uint64_t unix_nano, uint64_t rest, size_t count) {
    RuleSlots changed = slots;
    for (RuleSlot& slot : changed) {
        if (slot.name.empty()) continue;
        const bool stands = std::any_of(rules.begin(), rules.end(),
                                        [&](const LiveRule& rule) { return rule.meaning() == slot.meaning; });
        if (stands)
            slot.free_since = 0;
        else if (slot.free_since == 0)
            slot.free_since = unix_nano;
    }
    std::vector<size_t> assigned;
    for (const LiveRule& rule : rules) {
        const std::string meaning = rule.meaning();
        size_t slot = slot_with(changed, count, meaning);
        if (slot == kRuleSlots) {
            slot = free_slot(changed, count, unix_nano, rest);
            if (slot == kRuleSlots) return std::nullopt;
            changed[slot] = {rule.name, meaning, {}, 0};
            if (rule.action == RuleAction::kProbability)
                changed[slot].threshold = ProbabilisticPolicy::threshold_for(rule.value);
        }
        assigned.push_back(slot);
    }
    slots = std::move(changed);
    return assigned;
}

std::string text_of_slots(const RuleSlots& slots) {
    auto document = nlohmann::ordered_json::array();
    for (const RuleSlot& slot : slots) {
        nlohmann::ordered_json row;
        row["name"] = slot.name;
        row["meaning"] = slot.meaning;
        if (slot.threshold) row["threshold"] = *slot.threshold;
        row["free_since"] = slot.free_since;
        document.push_back(std::move(row));
    }
    return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

RuleSlots read_slots(const std::string& text) {
    RuleSlots slots;
    try {
        const auto document = nlohmann::json::parse(text);
        for (size_t i = 0; i < kRuleSlots; ++i) {
            const auto& row = document.at(i);
            row.at("name").get_to(slots[i].name);
            row.at("meaning").get_to(slots[i].meaning);
            row.at("free_since").get_to(slots[i].free_since);
            if (row.contains("threshold")) slots[i].threshold = row["threshold"].get<uint64_t>();
        }
    } catch (const nlohmann::json::exception&) {
        return {};
    }
    return slots;
}

}  // namespace spanring::agent
