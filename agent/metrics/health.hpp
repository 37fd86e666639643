// SPDX-License-Identifier: Apache-2.0
//
// Whether the agent is well, for who restarts it (alive) and who relies on it (ready). What is wrong is said in
// sentences that name no backend: everybody on this host may ask.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "batch/exporter.hpp"

namespace spanring::agent {

struct HealthFinding {
    std::string component;         // "exporter otlp_grpc", "thread drain/0"
    const char* reason;            // "stuck", "away", "spool_nearly_full", "paused", "not_accepting", "not_written"
    std::string text;              // "exporter otlp_grpc: is paused"
    bool wrong = true;             // false: to be known, and no fault
    uint64_t since_unix_nano = 0;  // 0: not known
};

struct HealthReport {
    std::vector<HealthFinding> findings;

    bool good() const;
    std::vector<std::string> problems() const;  // the texts of what is wrong
    std::string text() const;                   // a line each; "ok" before what is no fault where nothing is wrong
    std::string json() const;
};

// Threads that are stuck. A restart helps, and loses no span.
HealthReport liveness();

// These, and exporters whose backend takes no spans, or whose spool is nearly full; what of the agent stands in
// trouble. A restart does not help.
HealthReport readiness(const VisitExporters& exporters);

// What an exporter sends: "spans", "log records", "data points".
const char* items_of(const Exporter& exporter);

}  // namespace spanring::agent
