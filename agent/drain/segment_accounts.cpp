// SPDX-License-Identifier: Apache-2.0
#include "drain/segment_accounts.hpp"

#include <algorithm>

namespace spanring::agent {

SegmentAccounts::SegmentAccounts(const ring::Totals& totals, const std::vector<ExporterRow>& exporters,
                                 std::span<const ring::RuleTotals> rules)
    : totals_(totals), exporters_(exporters), rules_(rules) {
    std::array<bool, ring::kExporterRows> taken{};
    const auto claim = [&](size_t place, auto suits) {
        for (uint32_t row = 0; row < ring::kExporterRows; ++row) {
            if (taken[row] || !suits(totals_.exporters[row].exporter)) continue;
            taken[row] = true;
            rows_[place] = row;
            return true;
        }
        return false;
    };
    std::vector<size_t> new_ones;
    for (size_t i = 0; i < exporters_.size(); ++i) {
        if (!claim(i, [&](uint64_t name) { return name == exporters_[i].hash; })) new_ones.push_back(i);
    }
    for (const size_t i : new_ones) {
        if (!claim(i, [](uint64_t name) { return name == 0; })) claim(i, [](uint64_t) { return true; });
        totals_.exporters[rows_[i]] = {};
        totals_.exporters[rows_[i]].exporter = exporters_[i].hash;
        totals_.exporters[rows_[i]].elsewhere = totals_.acknowledged + totals_.unfinished;
    }
    rows_in_use_ = ring::kExporterRows;
    while (rows_in_use_ != 0 && totals_.exporters[rows_in_use_ - 1].exporter == 0) --rows_in_use_;
}

void SegmentAccounts::book(const Completion& piece) {
    totals_.acknowledged += piece.spans;
    book_rows(piece);
}

void SegmentAccounts::book_unfinished(const Completion& span) {
    totals_.unfinished += span.spans;
    book_rows(span);
}

void SegmentAccounts::book_rows(const Completion& piece) {
    rules_.book(piece.rules);
    const uint64_t valid = piece.spans - piece.invalid - piece.filtered - piece.sampled_out;
    for (uint32_t row = 0; row < rows_in_use_; ++row) {
        const auto used = rows_.begin() + static_cast<std::ptrdiff_t>(exporters_.size());
        if (totals_.exporters[row].exporter == 0 || std::find(rows_.begin(), used, row) != used) continue;
        totals_.exporters[row].elsewhere += piece.spans;
    }
    for (size_t i = 0; i < exporters_.size(); ++i) {
        ring::ExporterTotals& row = totals_.exporters[rows_[i]];
        const Resolution& resolution = piece.resolutions[exporters_[i].index];
        if (resolution.outcome == Outcome::kPending && valid != 0) {  // it had no part in it
            row.elsewhere += piece.spans;
            continue;
        }
        row.dropped_invalid += piece.invalid;
        row.filtered += piece.filtered;
        row.sampled_out += piece.sampled_out;
        switch (resolution.outcome) {
            case Outcome::kExported: {
                const uint64_t rejected = std::min(resolution.rejected, valid);
                row.exported += valid - rejected;
                row.rejected += rejected;
                break;
            }
            case Outcome::kRejected: row.rejected += valid; break;
            case Outcome::kSpooled: row.spooled += valid; break;
            case Outcome::kDroppedQueue: row.dropped_spool += valid; break;
            case Outcome::kLeftBehind: break;  // never booked: it stays in the segment
            case Outcome::kPending: break;     // nothing valid was sent
        }
    }
}

}  // namespace spanring::agent
