// SPDX-License-Identifier: Apache-2.0
//
// What logs and metrics have beside traces: for each signal that a pipeline takes its own exporters, and a ledger in a
// folder of the state directory, so that what was answered survives a kill as it does of spans.
//
// Header bill: running exporters and the configuration; main.cpp and its own .cpp include it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "receive/receive_service.hpp"
#include "reload/running_exporters.hpp"

namespace spanring::agent {

class Ledger;

class RunningSignals {
public:
    using Clock = std::chrono::steady_clock;
    using Make = std::function<std::unique_ptr<Exporter>(const ExporterConfig&, uint32_t index, Ledger&)>;
    using Follow = std::function<void(Signal signal, const std::shared_ptr<const ExportPlan>& plan)>;

    explicit RunningSignals(Make make) : make_(std::move(make)) {}

    // ---- One thread ----

    // Once. Throws what `make` throws, and what a ledger does that cannot be opened.
    void start(const Config& config);

    std::vector<ReceiveService::Other> inputs() const;

    // Those of another configuration with the same pipelines, as RunningExporters::change(). Empty, or why not.
    std::string change(const Config& wanted, const Follow& follow);

    void follow_pauses(const std::string& state_directory);

    // Nothing is submitted any more. What was is resolved, or stays for the next agent.
    void shutdown(Clock::time_point deadline);
    // After the last answer is booked.
    void end_well();

    // ---- Any thread ----

    void visit(const std::function<void(const Exporter&)>& visitor) const;
    void visit(Signal signal, const std::function<void(const Exporter&)>& visitor) const;
    bool empty() const { return all_.empty(); }

private:
    struct Running {
        Signal signal;
        bool open;  // for what comes by OTLP
        std::unique_ptr<Ledger> ledger;
        std::unique_ptr<RunningExporters> exporters;
    };

    const Make make_;
    std::vector<Running> all_;
};

}  // namespace spanring::agent
