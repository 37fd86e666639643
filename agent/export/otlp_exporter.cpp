// SPDX-License-Identifier: Apache-2.0
#include "export/otlp_exporter.hpp"

#include "export/otlp_sender.hpp"
#include "export/transport.hpp"

namespace spanring::agent {

OtlpExporter::OtlpExporter(std::string name, uint32_t index, bool required, const OtlpOptions& options,
                           std::unique_ptr<Transport> transport, Ledger* ledger,
                           OnZeroCopyFailure on_zero_copy_failure)
    : Exporter(std::move(name), index, required) {
    OtlpSender::Hooks hooks;
    hooks.closed = [this](const std::shared_ptr<Batch>& batch, uint64_t sequence, Resolution resolution) {
        closed(batch, sequence, resolution);
    };
    hooks.zero_copy_failed = [tell = std::move(on_zero_copy_failure)](const InstanceId& instance) {
        if (tell) tell(instance);
    };
    sender_ = std::make_unique<OtlpSender>(this->name(), options, std::move(transport), ledger, std::move(hooks));
}

OtlpExporter::~OtlpExporter() = default;

void OtlpExporter::submit(std::shared_ptr<Batch> batch) {
    uint64_t sequence = 0;
    {
        std::lock_guard lock(mutex_);
        sequence = next_sequence_++;
        unresolved_.insert(sequence);
    }
    sender_->push(std::move(batch), sequence);
}

bool OtlpExporter::flush(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    const uint64_t end = next_sequence_;
    return done_.wait_until(lock, deadline, [&] { return unresolved_.empty() || *unresolved_.begin() >= end; });
}

void OtlpExporter::shutdown(std::chrono::steady_clock::time_point deadline) { sender_->stop(deadline); }

ExporterStatus OtlpExporter::status() const { return sender_->status(); }

void OtlpExporter::closed(const std::shared_ptr<Batch>& batch, uint64_t sequence, Resolution resolution) {
    resolve(batch, resolution);
    {
        std::lock_guard lock(mutex_);
        unresolved_.erase(sequence);
    }
    done_.notify_all();
}

}  // namespace spanring::agent
