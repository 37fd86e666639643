// SPDX-License-Identifier: Apache-2.0
//
// To whom batches go, and in whose rows their answers are booked. Immutable; the drain's threads and the receiver's
// follow the newest. A batch holds the plan that it was submitted by: while one of it lives, its indexes are taken,
// for answers are found by them (Batch::resolutions).
//
// Header bill: it has the limits of a batch, which are the batcher's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "drain/batcher.hpp"
#include "drain/segment_accounts.hpp"

namespace spanring::agent {

struct ExportPlan {
    uint64_t number = 0;                // rises from plan to plan
    std::vector<Exporter*> exporters;   // get every batch; never used once all threads follow the next plan
    std::vector<ExporterRow> required;  // of these, those whose answer counts
    std::vector<ExporterRow> rows;      // and those before, of which an answer may still come
    BatchLimits limits;
};

// The rows of those whose answer counts. Throws std::runtime_error: too many of them, or names that look the same.
std::vector<ExporterRow> required_rows(const std::vector<Exporter*>& exporters);

// The plan of exporters that never change.
std::shared_ptr<const ExportPlan> make_plan(std::vector<Exporter*> exporters, const BatchLimits& limits);

}  // namespace spanring::agent
