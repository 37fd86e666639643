// SPDX-License-Identifier: Apache-2.0
//
// What OTLP exporters are whichever way their requests go: a shell around the sender, which has the thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "batch/exporter.hpp"

namespace spanring::agent {

class Ledger;
class OpenBatches;
class OtlpSender;
class Transport;
struct OtlpOptions;

class OtlpExporter : public Exporter {
public:
    // Told on a thread of the exporter's: zero copy failed for this process, it goes back to copy mode.
    using OnZeroCopyFailure = std::function<void(const InstanceId& instance)>;

    ~OtlpExporter() override;

    void submit(std::shared_ptr<Batch> batch) override;
    uint64_t leaves_in_rings() const override;
    bool flush(std::chrono::steady_clock::time_point deadline) override;
    void shutdown(std::chrono::steady_clock::time_point deadline) override;
    ExporterStatus status() const override;
    std::optional<ExportMeasures> measures() const override;
    bool pause(bool paused) override;

protected:
    // `ledger` may be null. Start-up only: throws std::runtime_error or std::invalid_argument with what is wrong with
    // the options (a time-out of nothing, a spool that another agent uses).
    OtlpExporter(std::string name, uint32_t index, bool required, const OtlpOptions& options,
                 const std::function<std::unique_ptr<Transport>()>& make_transport, Ledger* ledger,
                 OnZeroCopyFailure on_zero_copy_failure);

private:
    const std::unique_ptr<OpenBatches> open_;  // for flush()
    std::unique_ptr<OtlpSender> sender_;
};

}  // namespace spanring::agent
