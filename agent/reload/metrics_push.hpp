// SPDX-License-Identifier: Apache-2.0
//
// The metrics that are sent and not asked for: the agent's own, by exporters that readers of the configuration name,
// and what connectors measure, into the pipeline of metrics.
//
// Header bill: std::function, exporters and the configuration; main.cpp and its own .cpp include it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "metrics/agent_metrics.hpp"
#include "metrics/periodic_metrics.hpp"

namespace spanring::agent {

class MetricsPush {
public:
    using Clock = std::chrono::steady_clock;
    using Make = std::function<std::unique_ptr<Exporter>(const ExporterConfig& config, uint32_t index)>;
    using Take = std::function<void(const std::string& request)>;

    // `sources`: of the agent's own; `make`: as at the start, throws what is wrong; `take`: of the pipeline of metrics.
    MetricsPush(const Config& config, const MetricsSources& sources, const Make& make, Take take);

    static bool wanted(const Config& config) {
        return !config.metrics_readers.empty() || pushes(config, kSpanMetrics) || pushes(config, kServiceGraph);
    }

    // For the last time; then it is waited for what is on its way, a second at most.
    void stop(Clock::time_point deadline);

private:
    const MetricsWindow start_;
    AgentMetrics metrics_;
    std::vector<std::unique_ptr<Exporter>> exporters_;
    std::unique_ptr<PeriodicMetrics> periodic_;
};

}  // namespace spanring::agent
