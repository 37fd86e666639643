// SPDX-License-Identifier: Apache-2.0
//
// Spans that were sampled out, by the rules that decided against their traces. Usually that is one rule.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace spanring::agent {

// Of its name, whatever place it has in a configuration. Never 0, and no number that stands for something else.
inline uint64_t rule_hash(std::string_view name) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : name) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
    constexpr uint64_t kFirst = 16;
    return hash < kFirst ? hash + kFirst : hash;
}

struct RuleShare {
    uint64_t rule = 0;  // 0: none
    uint32_t sampled_out = 0;
    uint32_t late = 0;  // of these, those with an error that came after the decision

    bool operator==(const RuleShare&) const = default;
};

class RuleShares {
public:
    RuleShares() = default;
    RuleShares(RuleShare share) : first_(share) {}  // NOLINT(google-explicit-constructor)

    void add(const RuleShare& more) {
        if (more.rule == 0) return;
        if (first_.rule == 0) first_.rule = more.rule;
        RuleShare* same = &first_;
        if (first_.rule != more.rule) {
            const auto place = std::find_if(others_.begin(), others_.end(),
                                            [&](const RuleShare& one) { return one.rule == more.rule; });
            if (place == others_.end()) return others_.push_back(more);
            same = &*place;
        }
        same->sampled_out += more.sampled_out;
        same->late += more.late;
    }
    void add(const RuleShares& more) {
        more.each([this](const RuleShare& share) { add(share); });
    }

    template <class Visit>
    void each(Visit&& visit) const {
        if (first_.rule == 0) return;
        visit(first_);
        for (const RuleShare& share : others_) visit(share);
    }
    bool empty() const { return first_.rule == 0; }

private:
    RuleShare first_;
    std::vector<RuleShare> others_;
};

}  // namespace spanring::agent
