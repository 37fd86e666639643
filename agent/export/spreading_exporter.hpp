// SPDX-License-Identifier: Apache-2.0
//
// An exporter with several endpoints, each of which gets all spans of its share of the traces. Every endpoint has a
// sender of its own, with queue, spool, circuit and thread, so that one that is slow or away delays no other; what is
// meant for one that is away goes to the next ones by that sender's transport, or waits, as the options say.
//
// A batch is cut by trace id on the thread that submits it, referring to the batch's memory, and has one outcome, once
// all of its parts have theirs.
//
// Header bill: an exporter with its senders; spreading_exporter.cpp and the two ways of OTLP include it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "batch/exporter.hpp"
#include "export/batch_parts.hpp"
#include "export/private_runs.hpp"
#include "export/trace_shares.hpp"

namespace spanring::agent {

class DeliveryBooks;
class Ledger;
class OpenBatches;
class OtlpSender;
class SpoolCollector;
class Transport;
struct OtlpOptions;

// Whether one with several endpoints left something for some of them in that directory of spools: an exporter of one
// endpoint is then one of several for as long as it has not sent it.
bool has_spool_shares(const std::string& directory);

class SpreadingExporter final : public Exporter {
public:
    // Makes the transport to endpoints, the most wanted first: never none.
    using MakeTransport = std::function<std::unique_ptr<Transport>(const std::vector<std::string>& endpoints)>;

    // As OtlpExporter; `options.spreading` has at least one endpoint.
    SpreadingExporter(std::string name, uint32_t index, bool required, const OtlpOptions& options,
                      const MakeTransport& make_transport, Ledger* ledger);
    ~SpreadingExporter() override;

    void submit(std::shared_ptr<Batch> batch) override;
    bool flush(std::chrono::steady_clock::time_point deadline) override;
    void shutdown(std::chrono::steady_clock::time_point deadline) override;
    ExporterStatus status() const override;
    std::optional<ExportMeasures> measures() const override;
    bool pause(bool paused) override;

private:
    struct Whole {
        std::shared_ptr<Batch> batch;
        std::optional<PrivateRuns> own;  // a copy, where the batch refers to memory that a process can still write
        uint64_t sequence = 0;
        BatchParts parts;
    };

    void add_sender(const OtlpOptions& options, std::vector<std::string> endpoints,
                    const MakeTransport& make_transport);
    using Parts = std::vector<std::pair<size_t, std::shared_ptr<Batch>>>;  // each with its endpoint
    void register_parts(const std::shared_ptr<Whole>& whole, const Parts& parts);
    void closed(const std::shared_ptr<Batch>& part, Resolution resolution);
    void close(const Whole& whole);

    const std::vector<std::string> endpoints_;
    const TraceShares shares_;
    const std::unique_ptr<SpoolCollector> ledger_;
    const std::unique_ptr<DeliveryBooks> books_;  // measures, and rows in the ledger; all else is in the senders'
    const std::unique_ptr<OpenBatches> open_;     // for flush()
    uint64_t lost_ = 0;                           // spans that had been in the spools, at the start

    mutable Mutex mutex_;
    std::map<const Batch*, std::shared_ptr<Whole>> wholes_ SPR_GUARDED_BY(mutex_);  // by part

    // By endpoint; then those that deliver what endpoints left that are not there any more.
    std::vector<std::unique_ptr<OtlpSender>> senders_;
};

}  // namespace spanring::agent
