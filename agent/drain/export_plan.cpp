// SPDX-License-Identifier: Apache-2.0
#include "drain/export_plan.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "batch/exporter.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

std::vector<ExporterRow> required_rows(const std::vector<Exporter*>& exporters) {
    std::vector<ExporterRow> rows;
    for (const Exporter* exporter : exporters) {
        if (exporter->index() >= ring::kExporterRows) {
            throw std::runtime_error("exporter " + exporter->name() + ": at most " +
                                     std::to_string(ring::kExporterRows) + " exporters can be counted");
        }
        if (!exporter->required()) continue;
        const uint64_t hash = exporter_hash(exporter->name());
        if (std::any_of(rows.begin(), rows.end(), [&](const ExporterRow& row) { return row.hash == hash; }))
            throw std::runtime_error("exporter " + exporter->name() + ": its name cannot be told from another's");
        rows.push_back({exporter->index(), hash});
    }
    return rows;
}

std::shared_ptr<const ExportPlan> make_plan(std::vector<Exporter*> exporters, const BatchLimits& limits) {
    ExportPlan plan;
    plan.required = plan.rows = required_rows(exporters);
    plan.exporters = std::move(exporters);
    plan.limits = limits;
    return std::make_shared<const ExportPlan>(std::move(plan));
}

}  // namespace spanring::agent
