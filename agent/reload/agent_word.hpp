// SPDX-License-Identifier: Apache-2.0
//
// What a running agent says of itself in its state directory, for the command: made of its exporters and its drain. The
// agent's main thread.
//
// Header bill: an exporter and three functions; main.cpp and its own .cpp alone include it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/recent_rate.hpp"
#include "base/reminder.hpp"
#include "batch/exporter.hpp"
#include "batch/exporter_course.hpp"
#include "presence/exporter_report.hpp"

namespace spanring::agent {

class DecisionCounters;
class LiveRules;
struct Config;
struct LoadedConfig;
struct DrainStatus;
struct Notice;
struct PolicyOptions;
struct StatusReport;

// How the exporters fare, written when it has changed; and the log is reminded of those that take nothing.
class ExporterReporter {
public:
    ExporterReporter(VisitExporters exporters, std::string state_directory);

    // To be called once a second.
    void report(uint64_t drained_spans);

    // As they were at the last look; the rest of the report stays.
    void describe(const DrainStatus& drain, StatusReport& report) const;

private:
    struct Seen {
        ExporterCourse course;
        RecentRate exported;
        Reminder reminder;
    };

    void remind(const Exporter& exporter, const ExporterStatus& status, Seen& seen, uint64_t now) const;

    const VisitExporters exporters_;
    const std::string directory_;
    std::map<std::string, Seen> seen_;
    RecentRate drained_;
    ExporterReports written_;
};

// Which ones there are, and where the stores among them lie.
void name_exporters(const Config& config, Notice& notice);

// What waits for a decision.
void describe(const DecisionCounters& decisions, StatusReport& report);

// By which rules, those that stand first: what was set while it runs.
void describe(const DecisionCounters& decisions, const std::vector<PolicyOptions>& policies, const LiveRules& rules,
              StatusReport& report);

// What is in effect, and where it came from.
void describe(const LoadedConfig& loaded, StatusReport& report);

}  // namespace spanring::agent
