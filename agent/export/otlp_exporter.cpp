// SPDX-License-Identifier: Apache-2.0
#include "export/otlp_exporter.hpp"

#include <exception>
#include <utility>

#include "export/open_batches.hpp"
#include "export/otlp_options.hpp"
#include "export/otlp_sender.hpp"
#include "export/transport.hpp"

namespace spanring::agent {

OtlpExporter::OtlpExporter(std::string name, uint32_t index, bool required, const OtlpOptions& options,
                           const MakeTransport& make_transport, Ledger* ledger, OnZeroCopyFailure on_zero_copy_failure)
    : Exporter(std::move(name), index, required), open_(std::make_unique<OpenBatches>()) {
    OtlpSender::Hooks hooks;
    hooks.closed = [this](const std::shared_ptr<Batch>& batch, uint64_t sequence, Resolution resolution) {
        resolve(batch, resolution);
        open_->close(sequence);
    };
    hooks.zero_copy_failed = [tell = std::move(on_zero_copy_failure)](const InstanceId& instance) {
        if (tell) tell(instance);
    };
    sender_ = std::make_unique<OtlpSender>(this->name(), options, make_transport, ledger, std::move(hooks));
}

OtlpExporter::~OtlpExporter() = default;

void OtlpExporter::submit(std::shared_ptr<Batch> batch) {
    const uint64_t sequence = open_->open();
    try {
        sender_->push(std::move(batch), sequence);
    } catch (const std::exception&) {  // it is not this one's
        open_->close(sequence);
        throw;
    }
}

uint64_t OtlpExporter::leaves_in_rings() const { return sender_->leaves_in_rings(); }

bool OtlpExporter::flush(std::chrono::steady_clock::time_point deadline) { return open_->wait(deadline); }

void OtlpExporter::shutdown(std::chrono::steady_clock::time_point deadline) { sender_->stop(deadline); }

bool OtlpExporter::pause(bool paused) {
    sender_->pause(paused);
    return true;
}

ExporterStatus OtlpExporter::status() const { return sender_->status(); }
std::optional<ExportMeasures> OtlpExporter::measures() const { return sender_->measures(); }

}  // namespace spanring::agent
