// SPDX-License-Identifier: Apache-2.0
#include "export/otlp_grpc_exporter.hpp"

#include "export/otlp_sender.hpp"

namespace spanring::agent {

OtlpGrpcExporter::OtlpGrpcExporter(std::string name, uint32_t index, bool required, const OtlpGrpcOptions& options,
                                   Ledger* ledger, OnZeroCopyFailure on_zero_copy_failure)
    : Exporter(std::move(name), index, required) {
    OtlpSender::Hooks hooks;
    hooks.resolved = [this](const std::shared_ptr<Batch>& batch, uint64_t order, Resolution resolution) {
        resolved(batch, order, resolution);
    };
    hooks.zero_copy_failed = [tell = std::move(on_zero_copy_failure)](const InstanceId& instance) {
        if (tell) tell(instance);
    };
    sender_ = std::make_unique<OtlpSender>(this->name(), options, ledger, std::move(hooks));
}

OtlpGrpcExporter::~OtlpGrpcExporter() = default;

void OtlpGrpcExporter::submit(std::shared_ptr<Batch> batch) {
    uint64_t order = 0;
    {
        std::lock_guard lock(mutex_);
        order = next_order_++;
        unresolved_.insert(order);
    }
    sender_->push(std::move(batch), order);
}

bool OtlpGrpcExporter::flush(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    const uint64_t end = next_order_;
    return done_.wait_until(lock, deadline, [&] { return unresolved_.empty() || *unresolved_.begin() >= end; });
}

void OtlpGrpcExporter::shutdown(std::chrono::steady_clock::time_point deadline) { sender_->stop(deadline); }

ExporterStatus OtlpGrpcExporter::status() const { return sender_->status(); }

void OtlpGrpcExporter::resolved(const std::shared_ptr<Batch>& batch, uint64_t order, Resolution resolution) {
    resolve(batch, resolution);
    {
        std::lock_guard lock(mutex_);
        unresolved_.erase(order);
    }
    done_.notify_all();
}

}  // namespace spanring::agent
