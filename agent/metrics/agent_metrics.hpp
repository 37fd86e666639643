// SPDX-License-Identifier: Apache-2.0
//
// The page of the agent's own metrics, made when somebody asks for it. docs/agent.md lists them.
//
// Spans are counted where `spanring ps` and `spanring audit` count them: segments and ledger, read as these
// commands read them, so the numbers are the same, and neither the drain thread nor the ledger's writer waits. What a
// process has no part in (queues, attempts, passes) comes from the status of exporters and drain. Nothing is counted
// here. One thread.
//
// Header bill: sources are functions, exporters among them; main.cpp and its own .cpp include it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/exporter.hpp"
#include "metrics/exposition.hpp"
#include "metrics/otlp_metrics.hpp"
#include "otlp/signal.hpp"

namespace spanring::agent {

class DecisionCounters;
class Ledger;
class ProcessSeries;
class Processors;
class SpanMetrics;
struct DrainStatus;
struct ReceiverStatus;

struct MetricsSources {
    std::vector<std::string> directories;
    std::string ledger_file;
    VisitExporters exporters;
    std::function<DrainStatus()> drain;
    std::function<ReceiverStatus()> receiver{};  // empty: there is none
    struct OfSignal {
        Signal signal = Signal::kLogs;
        VisitExporters exporters;
        std::function<std::optional<ReceiverStatus>()> receiver;
    };
    std::vector<OfSignal> signals{};              // beside traces
    const SpanMetrics* span_metrics = nullptr;    // may be null ...
    const Processors* processors = nullptr;       // ... as may this ...
    const DecisionCounters* decisions = nullptr;  // ... and this; all of them live as long as the metrics
};

class AgentMetrics {
public:
    // Throws std::runtime_error: the ledger cannot be read.
    explicit AgentMetrics(MetricsSources sources);
    ~AgentMetrics();

    // Throws std::runtime_error: the ledger cannot be read any more.
    // A page that took long to make is shown again until ten times that time has passed: a client that asks all the
    // time costs a tenth of a core at most.
    std::string page(ExpositionFormat format);

    // The same as a request of OTLP, but for what is measured of spans. Made anew each time.
    std::string otlp(const MetricsWindow& window);

    const VisitExporters& exporters() const { return sources_.exporters; }

private:
    using Clock = std::chrono::steady_clock;

    const MetricsSources sources_;
    const std::unique_ptr<Ledger> ledger_;
    const std::unique_ptr<ProcessSeries> series_;
    void make_page();

    ShownCounters shown_;
    Exposition page_;
    Clock::time_point next_{};
};

}  // namespace spanring::agent
