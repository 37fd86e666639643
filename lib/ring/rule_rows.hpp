// SPDX-License-Identifier: Apache-2.0
//
// What each rule of the agents' took of a segment's spans: rows at the end of the control region, and the journal's
// copy of them (ack_book.hpp). A row stays its rule's for as long as there is the segment, whatever agents are told
// later; the last row is for all rules that found no other. Agents alone write and read it.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

inline constexpr uint32_t kRuleRows = 56;
inline constexpr uint64_t kOtherRules = 1;  // in the place of a hash: of the last row

// Absolute, monotone.
struct alignas(8) RuleTotals {
    uint64_t rule;         // hash of its name; 0: row unused
    uint64_t sampled_out;  // spans of traces that it decided against
    uint64_t late;         // of these, those with an error that came after the decision

    bool operator==(const RuleTotals&) const = default;
};
static_assert(sizeof(RuleTotals) == 24);

struct alignas(8) RuleArea {
    RuleTotals rows[kRuleRows];
    RuleTotals noted[kRuleRows];  // the journal's: the same, but within a step
};
static_assert(sizeof(RuleArea) == 2688);

inline constexpr uint64_t kRulesOffset = kControlOffset + 5376;
static_assert(kControlOffset + sizeof(Control) <= kRulesOffset && kRulesOffset + sizeof(RuleArea) <= kWriterOffset);

inline RuleArea& rule_area(SegmentView view) { return *reinterpret_cast<RuleArea*>(view.base() + kRulesOffset); }

// A row that changes.
struct RuleChange {
    uint32_t row = 0;
    RuleTotals totals{};
};

}  // namespace spanring::ring
