// SPDX-License-Identifier: Apache-2.0
//
// What rules sampled out of a segment's spans, or a sender's, over all agents: a row for each rule, bounded. A rule
// that finds none any more, because earlier configurations had so many others, is counted with all such in the last
// row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "decide/rule_shares.hpp"
#include "ring/rule_rows.hpp"

namespace spanring::agent {

class RuleAccounts {
public:
    RuleAccounts() = default;
    // As earlier agents left them; the first unused row ends them.
    explicit RuleAccounts(std::span<const ring::RuleTotals> rows) {
        for (const ring::RuleTotals& row : rows) {
            if (row.rule == 0 || rows_.size() == ring::kRuleRows) break;
            rows_.push_back(row);
        }
    }

    void book(const RuleShares& shares) {
        shares.each([this](const RuleShare& share) { add({share.rule, share.sampled_out, share.late}); });
    }
    void add(const ring::RuleTotals& more) {
        const uint32_t place = row_of(more.rule);
        ring::RuleTotals& row = rows_[place];
        row.sampled_out += more.sampled_out;
        row.late += more.late;
        const auto known =
            std::find_if(changes_.begin(), changes_.end(), [&](const auto& change) { return change.row == place; });
        if (known != changes_.end())
            known->totals = row;
        else
            changes_.push_back({place, row});
    }

    // Rows that changed since the last call. Good until the next one.
    std::span<const ring::RuleChange> take_changes() {
        taken_.clear();
        std::swap(taken_, changes_);
        return taken_;
    }

    const std::vector<ring::RuleTotals>& rows() const { return rows_; }

private:
    uint32_t row_of(uint64_t rule) {
        const auto known = std::find_if(rows_.begin(), rows_.end(), [&](const auto& row) { return row.rule == rule; });
        if (known != rows_.end()) return static_cast<uint32_t>(known - rows_.begin());
        if (rows_.size() == ring::kRuleRows) return ring::kRuleRows - 1;
        rows_.push_back({rows_.size() == ring::kRuleRows - 1 ? ring::kOtherRules : rule, 0, 0});
        return static_cast<uint32_t>(rows_.size() - 1);
    }

    std::vector<ring::RuleTotals> rows_;
    std::vector<ring::RuleChange> changes_, taken_;
};

}  // namespace spanring::agent
