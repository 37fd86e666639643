// SPDX-License-Identifier: Apache-2.0
//
// What a running agent says of itself in its state directory, for the command: made of its exporters and its drain. The
// agent's main thread.
//
// Header bill: an exporter and two functions; main.cpp and its own .cpp alone include it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "batch/exporter.hpp"
#include "batch/exporter_course.hpp"
#include "presence/exporter_report.hpp"

namespace spanring::agent {

struct Config;
struct DrainStatus;
struct Notice;
struct StatusReport;

// How the exporters fare, written when it has changed.
class ExporterReporter {
public:
    // `queue_limit`: of the exporter of that name, in bytes; 0: not known.
    ExporterReporter(VisitExporters exporters, std::function<uint64_t(const std::string&)> queue_limit,
                     std::string state_directory);

    void report();

private:
    const VisitExporters exporters_;
    const std::function<uint64_t(const std::string&)> queue_limit_;
    const std::string directory_;
    std::map<std::string, ExporterCourse> seen_;
    ExporterReports written_;
};

// Which ones there are, and where the stores among them lie.
void name_exporters(const Config& config, Notice& notice);

uint64_t queue_limit_of(const Config& config, const std::string& exporter);

// Exporters, drain and problems as they are now; the rest of the report stays.
void describe(const VisitExporters& exporters, const DrainStatus& drain, StatusReport& report);

}  // namespace spanring::agent
