// SPDX-License-Identifier: Apache-2.0
//
// What a running agent says of its exporters, in a file of its state directory: for who looks at them (`spanring top`,
// the page). It is written when something has changed, at most once a second, and lost with the host: nobody waits for
// the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace spanring::agent {

struct RunningAgent;

struct ExporterReport {
    std::string name;
    std::string state;  // "ok", "retrying", "refused"
    uint64_t since_unix_nano = 0;
    std::string last_error;             // its backend chose it: to be made inert
    uint64_t last_error_unix_nano = 0;  // 0: nothing went wrong
    uint64_t queued_spans = 0, queued_bytes = 0;
    uint64_t queue_limit = 0;  // bytes; 0: not known
    uint64_t spool_bytes = 0, spool_limit = 0;

    bool operator==(const ExporterReport&) const = default;
};

struct ExporterReports {
    static constexpr char kName[] = "exporters.json";
    static constexpr size_t kMostBytes = 256 << 10;
    static constexpr size_t kMostError = 1000;  // bytes

    pid_t pid = 0;  // the agent's, as it knows itself
    std::vector<ExporterReport> all;

    std::string text() const;  // JSON
    static std::optional<ExporterReports> parse(std::string_view text);

    // Whoever reads finds the whole of this or of what was there before. Empty, or why it cannot be written: then
    // nothing is there.
    std::string write_in(const std::string& state_directory) const;

    bool operator==(const ExporterReports&) const = default;
};

// None where it says nothing. An agent begins with it before it serves anybody, so what is there is its own.
std::vector<ExporterReport> exporter_reports_of(const RunningAgent& agent);

}  // namespace spanring::agent
