// SPDX-License-Identifier: Apache-2.0
//
// What became of a segment's spans, for each required exporter: the agent's own copy of the totals, which the AckBook
// stores into the segment. An unfinished span that was handed out is booked in the exporters' rows like any other, and
// in Totals::unfinished. What is booked while an exporter is not configured counts as `elsewhere` in its row, before it
// was first configured too, and what an exporter that goes while the agent runs did not get done. So for each row,
// whatever agents and exporters came and went,
//
//     acknowledged + unfinished = exported + rejected + spooled + dropped_invalid + dropped_spool + filtered +
//                                 sampled_out + elsewhere
//
// The rules' rows are of the segment, not of an exporter: together they are the `sampled_out` of one that was there
// from the beginning.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "drain/low_water.hpp"
#include "drain/rule_accounts.hpp"
#include "ring/layout.hpp"

namespace spanring::agent {

// A required exporter.
struct ExporterRow {
    uint32_t index = 0;  // Exporter::index()
    uint64_t hash = 0;   // of its name
};

class SegmentAccounts {
public:
    // `totals`: as earlier agents left them. An exporter finds the row of its name again; a new one takes an unused
    // row, or that of an exporter which is not configured any more. `rules`, likewise.
    SegmentAccounts(const ring::Totals& totals, const std::vector<ExporterRow>& exporters,
                    std::span<const ring::RuleTotals> rules = {});

    // From now on these. Of those before, each that may still answer is among them.
    void count_for(const std::vector<ExporterRow>& exporters) {
        RuleAccounts rules = std::exchange(rules_, {});
        *this = SegmentAccounts(totals_, exporters);
        rules_ = std::move(rules);
    }

    void book(const Completion& piece);  // committed spans, now below a mark
    void book_unfinished(const Completion& span);

    const ring::Totals& totals() const { return totals_; }
    const std::vector<ring::RuleTotals>& rules() const { return rules_.rows(); }
    // See RuleAccounts.
    std::span<const ring::RuleChange> take_rule_changes() { return rules_.take_changes(); }

private:
    void book_rows(const Completion& piece);

    ring::Totals totals_;
    std::vector<ExporterRow> exporters_;
    std::array<uint32_t, ring::kExporterRows> rows_{};  // by place in exporters_
    uint32_t rows_in_use_ = 0;                          // all beyond them are unused
    RuleAccounts rules_;
};

}  // namespace spanring::agent
