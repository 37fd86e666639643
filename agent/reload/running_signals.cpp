// SPDX-License-Identifier: Apache-2.0
#include "reload/running_signals.hpp"

#include <utility>

#include "base/state_file.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {
namespace {

// Each request goes by itself, whatever it has.
BatchLimits limits_of(const Config& config) { return {0, config.batch.send_batch_max_bytes, config.batch.timeout}; }

}  // namespace

void RunningSignals::start(const Config& config) {
    for (const Signal signal : kOtherSignals) {
        if (!config.pipeline_of(signal).enabled) continue;
        const std::string folder = directory_of(config, signal);
        make_state_directory(folder);
        make_state_directory(folder + "/spool");
        Running running{signal, has_receiver(config.pipeline_of(signal), "otlp"), Ledger::open(folder + "/ledger.db"),
                        nullptr};
        const auto make = [this, ledger = running.ledger.get()](const ExporterConfig& exporter, uint32_t index) {
            return make_(exporter, index, *ledger);
        };
        running.exporters = std::make_unique<RunningExporters>(make);
        running.exporters->follow_pauses(config.state_directory);
        running.exporters->start(exporters_of(config, signal), limits_of(config));
        all_.push_back(std::move(running));
    }
}

std::vector<ReceiveService::Other> RunningSignals::inputs() const {
    std::vector<ReceiveService::Other> inputs;
    for (const Running& each : all_)
        inputs.push_back({each.signal, each.exporters->plan(), each.ledger.get(), each.open});
    return inputs;
}

std::string RunningSignals::change(const Config& wanted, const Follow& follow) {
    for (const Running& each : all_) {
        const auto tell = [&](const std::shared_ptr<const ExportPlan>& plan) { follow(each.signal, plan); };
        RunningExporters::Change change =
            each.exporters->change(exporters_of(wanted, each.signal), limits_of(wanted), tell, wanted.shutdown_timeout);
        if (!change.problem.empty()) return std::move(change.problem);
    }
    return {};
}

void RunningSignals::follow_pauses(const std::string& state_directory) {
    for (const Running& each : all_) each.exporters->follow_pauses(state_directory);
}

void RunningSignals::shutdown(Clock::time_point deadline) {
    for (const Running& each : all_)
        for (Exporter* const exporter : each.exporters->plan()->exporters) exporter->shutdown(deadline);
}

void RunningSignals::end_well() {
    for (const Running& each : all_) each.ledger->end_well();
}

void RunningSignals::visit(const std::function<void(const Exporter&)>& visitor) const {
    for (const Running& each : all_) each.exporters->visit(visitor);
}

void RunningSignals::visit(Signal signal, const std::function<void(const Exporter&)>& visitor) const {
    for (const Running& each : all_)
        if (each.signal == signal) each.exporters->visit(visitor);
}

}  // namespace spanring::agent
