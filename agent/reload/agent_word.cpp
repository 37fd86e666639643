// SPDX-License-Identifier: Apache-2.0
#include "reload/agent_word.hpp"

#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/quantity.hpp"
#include "base/wall_clock.hpp"
#include "config/config.hpp"
#include "decide/decision_counters.hpp"
#include "decide/live_rules.hpp"
#include "decide/policies.hpp"
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

uint64_t exported_by(const ExporterStatus& status) { return status.exported + status.spool_exported; }
uint64_t dropped_by(const ExporterStatus& status) { return status.dropped + status.spool_dropped; }

// "agent.yaml:3:7": the file.
std::string layer_of(const std::string& origin) {
    const auto number_before = [&](size_t end) {
        size_t begin = end;
        while (begin != 0 && origin[begin - 1] >= '0' && origin[begin - 1] <= '9') --begin;
        return begin != end && begin != 0 && origin[begin - 1] == ':' ? begin - 1 : end;
    };
    const size_t line = number_before(origin.size());
    return origin.substr(0, number_before(line));
}

// FNV-1a, of 64 bits: for comparisons, not against anybody.
std::string digest_of(const std::string& text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    return fmt::format("{:016x}", hash);
}

}  // namespace

ExporterReporter::ExporterReporter(VisitExporters exporters, std::string state_directory)
    : exporters_(std::move(exporters)), directory_(std::move(state_directory)) {
    report(0);
}

void ExporterReporter::report(uint64_t drained_spans) {
    const auto looked = std::chrono::steady_clock::now();
    drained_.look(drained_spans, looked);
    ExporterReports reports{::getpid(), {}};
    std::set<std::string> there;
    exporters_([&](const Exporter& exporter) {
        there.insert(exporter.name());
        const ExporterStatus status = exporter.status();
        Seen& seen = seen_[exporter.name()];
        ExporterCourse& course = seen.course;
        course.look(status, unix_nano());
        seen.exported.look(exported_by(status), looked);
        remind(exporter, status, seen, unix_nano());
        reports.all.push_back({exporter.name(), state_name(course.state()), course.since_unix_nano(),
                               course.last_error().substr(0, ExporterReports::kMostError),
                               course.last_error_unix_nano(), status.queued_spans, status.queued_bytes,
                               status.queue_limit, status.spool_bytes, status.spool_limit});
    });
    std::erase_if(seen_, [&](const auto& each) { return !there.contains(each.first); });
    if (reports == written_) return;
    const std::string problem = reports.write_in(directory_);
    if (!problem.empty()) spdlog::debug("the command is not told of exporters: {}", problem);
    written_ = std::move(reports);
}

void ExporterReporter::remind(const Exporter& exporter, const ExporterStatus& status, Seen& seen, uint64_t now) const {
    const uint64_t since = status.paused ? 0 : status.unhealthy_since_unix_nano;
    if (!seen.reminder.due(since, now)) return;
    const auto away = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds(now - since));
    const char* const items = items_of(exporter);
    spdlog::warn("exporter {}: has taken no {} for {}; {} {} ({}) wait in memory, {} in its spool; "
                 "{} were dropped since the agent's start; last error: {}",
                 exporter.name(), items, format_duration(away), status.queued_spans, items,
                 format_size(status.queued_bytes), format_size(status.spool_bytes), dropped_by(status),
                 foreign(status.last_error));
}

void name_exporters(const Config& config, Notice& notice) {
    notice.exporters.clear();
    notice.stores.clear();
    for (const ExporterConfig& exporter : config.exporters) {
        notice.exporters.push_back(exporter.id);
        if (exporter.type == ExporterType::kStore) notice.stores.push_back(exporter.store.path);
    }
}

void ExporterReporter::describe(const DrainStatus& drain, StatusReport& report) const {
    report.processes = drain.serving;
    report.quarantined = drain.quarantined;
    report.refused_files = drain.refused;
    report.unanswered_batches = drain.outstanding;
    report.drained_per_second = drained_.per_second();
    const HealthReport health = readiness(exporters_);
    report.problems = health.problems();
    report.notes.clear();
    for (const HealthFinding& finding : health.findings)
        if (!finding.wrong) report.notes.push_back(finding.text);
    report.exporters.clear();
    exporters_([&](const Exporter& exporter) {
        const ExporterStatus status = exporter.status();
        StatusReport::Exporter row;
        row.name = exporter.name();
        row.required = exporter.required();
        row.healthy = status.healthy;
        row.paused = status.paused;
        row.last_error = status.last_error;
        row.last_error_unix_nano = status.last_error_unix_nano;
        row.circuit = name_of(status.circuit);
        row.exported = exported_by(status);
        row.rejected = status.rejected + status.spool_rejected;
        row.dropped = dropped_by(status);
        row.queued_spans = status.queued_spans;
        row.queued_bytes = status.queued_bytes;
        row.spool_bytes = status.spool_bytes;
        row.spool_limit = status.spool_limit;
        for (const EndpointStatus& each : status.endpoints)
            row.endpoints.push_back({each.peer, each.in_use, each.in_flight, each.accepted, each.failed});
        if (status.tap)
            for (const TapStatus::Subscription& each : status.tap->subscriptions)
                row.subscriptions.push_back(
                    {each.event, each.subscribers, each.published, each.missed, each.unpublished});
        row.concurrency = {status.concurrency.value, status.concurrency.raised, status.concurrency.lowered};
        row.request_bytes = {status.request_bytes.value, status.request_bytes.raised, status.request_bytes.lowered};
        for (const Priority priority : kPriorities) {
            const LaneStatus& lane = status.lanes[static_cast<size_t>(priority)];
            if (status.has_lanes)
                row.lanes.push_back(
                    {name_of(priority), lane.sorted, lane.exported, lane.rejected, lane.dropped, lane.spool_bytes});
        }
        if (const auto seen = seen_.find(exporter.name()); seen != seen_.end()) {
            row.state = state_name(seen->second.course.state());
            row.since_unix_nano = seen->second.course.since_unix_nano();
            row.exported_per_second = seen->second.exported.per_second();
        }
        report.exporters.push_back(std::move(row));
    });
}

void describe(const DecisionCounters& decisions, StatusReport& report) {
    StatusReport::Undecided& undecided = report.undecided.emplace();
    undecided.traces = decisions.undecided_traces.get();
    undecided.oldest_unix_nano = decisions.undecided_oldest.get();
    undecided.ring_spans = decisions.undecided_ring_spans.get();
    undecided.ring_bytes = decisions.undecided_ring_bytes.get();
    undecided.slot_spans = decisions.undecided_slot_spans.get();
    undecided.filed_spans = decisions.filed_spans.get();
    undecided.filed_bytes = decisions.filed_bytes.get();
    undecided.unclaimed_spans = decisions.unclaimed_spans.get();
    undecided.received_spans = decisions.received_spans.get();
    undecided.memory_bytes = decisions.undecided_bytes.get();
    undecided.filed_memory_bytes = decisions.filed_memory.get();
    for (size_t i = 0; i < static_cast<size_t>(EarlyCause::kCount); ++i) {
        const EarlyCause cause{static_cast<uint8_t>(i)};
        undecided.early[name_of(cause)] = decisions.early(cause).get();
    }
}

void describe(const DecisionCounters& decisions, const std::vector<PolicyOptions>& policies, const LiveRules& rules,
              StatusReport& report) {
    const std::vector<std::string> names = decisions.names();
    const auto count = [&](size_t place, StatusReport::Rule& row) {
        if (names[place] != row.name) return;  // nothing was decided by it yet
        const DecisionCounters::Rule& counted = decisions.rule(place);
        row.traces_kept = counted.traces_kept.get();
        row.traces_dropped = counted.traces_dropped.get();
        row.spans_kept = counted.spans_kept.get();
        row.spans_sampled_out = counted.spans_sampled_out.get();
        row.late_errors = counted.late_errors.get();
    };
    report.rules.clear();
    const std::shared_ptr<const LiveRuleSet> set = rules.rules();
    for (const LiveRuleSet::Standing& standing : set->rules) {
        StatusReport::Rule row;
        row.name = standing.rule.name;
        row.live = true;
        row.conditions = standing.rule.conditions();
        row.effect = standing.rule.effect();
        row.until_unix_nano = standing.rule.until_unix_nano;
        count(decisions.first_slot() + standing.slot, row);
        report.rules.push_back(std::move(row));
    }
    for (size_t place = 0; place < decisions.first_slot(); ++place) {
        StatusReport::Rule row;
        row.name = names[place];
        if (place < policies.size()) row.effect = name_of(policies[place].type);
        count(place, row);
        report.rules.push_back(std::move(row));
    }
    report.rules_problem = rules.problem();
}

void describe(const LoadedConfig& loaded, StatusReport& report) {
    report.effective = print_config_with_origins(loaded);
    report.digest = digest_of(print_config(loaded.config));
    std::map<std::string, uint64_t> layers;
    for (const auto& [path, origin] : loaded.origins) ++layers[layer_of(origin)];
    report.layers.clear();
    for (const auto& [name, values] : layers) report.layers.push_back({name, values});
}

}  // namespace spanring::agent
