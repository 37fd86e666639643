// SPDX-License-Identifier: Apache-2.0
//
// OTLP over gRPC: raw bytes in a generic unary call, retries and spool by OTLP's rules. A shell around its sender,
// which has the thread; this one counts batches in and out, for flush().
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>

#include "export/exporter.hpp"
#include "export/otlp_grpc_options.hpp"

namespace spanring::agent {

class Ledger;
class OtlpSender;

class OtlpGrpcExporter final : public Exporter {
public:
    // Told on a thread of the exporter's: zero copy failed for this process, it goes back to copy mode.
    using OnZeroCopyFailure = std::function<void(const InstanceId& instance)>;

    // `ledger` may be null. Start-up only: throws std::runtime_error or std::invalid_argument with what is wrong with
    // the options (an endpoint that does not parse, a file that cannot be read, a spool that another agent uses).
    OtlpGrpcExporter(std::string name, uint32_t index, bool required, const OtlpGrpcOptions& options, Ledger* ledger,
                     OnZeroCopyFailure on_zero_copy_failure = {});
    ~OtlpGrpcExporter() override;

    void submit(std::shared_ptr<Batch> batch) override;
    bool flush(std::chrono::steady_clock::time_point deadline) override;
    void shutdown(std::chrono::steady_clock::time_point deadline) override;
    ExporterStatus status() const override;

private:
    void resolved(const std::shared_ptr<Batch>& batch, uint64_t order, Resolution resolution);

    std::mutex mutex_;
    std::condition_variable done_;
    uint64_t next_order_ = 0;          // guarded
    std::set<uint64_t> unresolved_;    // guarded
    std::unique_ptr<OtlpSender> sender_;
};

}  // namespace spanring::agent
