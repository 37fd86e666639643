// SPDX-License-Identifier: Apache-2.0
#include "reload/agent_word.hpp"

#include <unistd.h>

#include <utility>

#include <spdlog/spdlog.h>

#include "base/wall_clock.hpp"
#include "config/config.hpp"
#include "drain/drain_status.hpp"
#include "metrics/health.hpp"
#include "presence/notice.hpp"
#include "presence/status_report.hpp"

namespace spanring::agent {
namespace {

const char* state_name(ExporterCourse::State state) {
    switch (state) {
        case ExporterCourse::State::kOk: return "ok";
        case ExporterCourse::State::kPaused: return "paused";
        case ExporterCourse::State::kRetrying: return "retrying";
        case ExporterCourse::State::kRefused: return "refused";
    }
    return "?";
}

}  // namespace

ExporterReporter::ExporterReporter(VisitExporters exporters, std::function<uint64_t(const std::string&)> queue_limit,
                                   std::string state_directory)
    : exporters_(std::move(exporters)), queue_limit_(std::move(queue_limit)), directory_(std::move(state_directory)) {
    report();
}

void ExporterReporter::report() {
    ExporterReports reports{::getpid(), {}};
    exporters_([&](const Exporter& exporter) {
        const ExporterStatus status = exporter.status();
        ExporterCourse& course = seen_[exporter.name()];
        course.look(status, unix_nano());
        reports.all.push_back({exporter.name(), state_name(course.state()), course.since_unix_nano(),
                               course.last_error().substr(0, ExporterReports::kMostError),
                               course.last_error_unix_nano(), status.queued_spans, status.queued_bytes,
                               queue_limit_(exporter.name()), status.spool_bytes, status.spool_limit});
    });
    if (reports == written_) return;
    const std::string problem = reports.write_in(directory_);
    if (!problem.empty()) spdlog::debug("the command is not told of exporters: {}", problem);
    written_ = std::move(reports);
}

uint64_t queue_limit_of(const Config& config, const std::string& exporter) {
    for (const ExporterConfig& each : config.exporters)
        if (each.id == exporter) return each.queue_bytes().value_or(0);
    return 0;
}

void name_exporters(const Config& config, Notice& notice) {
    notice.exporters.clear();
    notice.stores.clear();
    for (const ExporterConfig& exporter : config.exporters) {
        notice.exporters.push_back(exporter.id);
        if (exporter.type == ExporterType::kStore) notice.stores.push_back(exporter.store.path);
    }
}

void describe(const VisitExporters& exporters, const DrainStatus& drain, StatusReport& report) {
    report.processes = drain.serving;
    report.quarantined = drain.quarantined;
    report.refused_files = drain.refused;
    report.unanswered_batches = drain.outstanding;
    report.problems = not_ready(exporters);
    report.exporters.clear();
    exporters([&](const Exporter& exporter) {
        const ExporterStatus status = exporter.status();
        report.exporters.push_back({exporter.name(), exporter.required(), status.healthy, status.last_error,
                                    status.exported + status.spool_exported, status.rejected + status.spool_rejected,
                                    status.dropped + status.spool_dropped, status.queued_spans, status.queued_bytes,
                                    status.spool_bytes, status.spool_limit, status.paused});
    });
}

}  // namespace spanring::agent
