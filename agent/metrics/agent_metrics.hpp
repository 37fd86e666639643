// SPDX-License-Identifier: Apache-2.0
//
// The page of the agent's own metrics, made when somebody asks for it. docs/agent.md lists them.
//
// Spans are counted where `spanring ps` and `spanring audit` count them: segments and ledger, read as these
// commands read them, so the numbers are the same, and neither the drain thread nor the ledger's writer waits. What a
// process has no part in (queues, attempts, passes) comes from the status of exporters and drain. Nothing is counted
// here. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accounts/process_accounts.hpp"
#include "drain/drain_status.hpp"
#include "batch/exporter.hpp"
#include "metrics/exposition.hpp"
#include "metrics/process_series.hpp"

namespace spanring::agent {

struct MetricsSources {
    std::vector<std::string> directories;
    std::string ledger_file;
    std::vector<const Exporter*> exporters;
    std::function<DrainStatus()> drain;  // all of them live as long as the metrics
};

class AgentMetrics {
public:
    // Throws std::runtime_error: the ledger cannot be read.
    explicit AgentMetrics(MetricsSources sources);

    // Throws std::runtime_error: the ledger cannot be read any more.
    // A page that took long to make is shown again until ten times that time has passed: a client that asks all the time
    // costs a tenth of a core at most.
    std::string page();

private:
    using Clock = std::chrono::steady_clock;

    const MetricsSources sources_;
    const std::unique_ptr<Ledger> ledger_;
    ProcessSeries series_;
    ShownCounters shown_;
    std::string page_;
    Clock::time_point next_{};
};

// The parts of a page.
void add_spans(Exposition& page, const ProcessAccount& total);
void add_processes(Exposition& page, const Survey& survey, const ProcessSeries::Split& split);
// An exporter that no process has a row of yet: all that there is waits for it, or was acknowledged without it.
void add_missing_exporter(ProcessAccount& total, const std::vector<ProcessAccount>& processes,
                          const std::string& name);
void add_exporter_accounts(Exposition& page, const ProcessAccount& total);
void add_exporter_status(Exposition& page, const Exporter& exporter);
void add_drain(Exposition& page, const DrainStatus& status);

}  // namespace spanring::agent
