// SPDX-License-Identifier: Apache-2.0
#include "metrics/health.hpp"

#include <chrono>

#include "base/quantity.hpp"
#include "base/stuck_threads.hpp"
#include "batch/exporter.hpp"

namespace spanring::agent {
namespace {

// The longest piece of work that is none the less progress: a disk that is slow, a pass over a thousand full rings.
constexpr std::chrono::seconds kStuck{30};

bool nearly_full(const ExporterStatus& status) {
    return status.spool_limit != 0 && status.spool_bytes >= status.spool_limit - status.spool_limit / 10;
}

}  // namespace

std::vector<std::string> not_alive() {
    std::vector<std::string> problems;
    for (const StuckThread& thread : stuck_threads(kStuck)) problems.push_back("thread " + describe(thread));
    return problems;
}

std::vector<std::string> not_ready(const VisitExporters& exporters) {
    std::vector<std::string> problems = not_alive();
    exporters([&](const Exporter& exporter) {
        if (!exporter.required()) return;
        const ExporterStatus status = exporter.status();
        if (!status.healthy) {
            problems.push_back("exporter " + exporter.name() + ": spans are not taken; the log says why");
        }
        if (nearly_full(status)) {
            problems.push_back("exporter " + exporter.name() + ": the spool holds " + format_size(status.spool_bytes) +
                               " of " + format_size(status.spool_limit));
        }
    });
    return problems;
}

}  // namespace spanring::agent
