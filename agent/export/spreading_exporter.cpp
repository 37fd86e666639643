// SPDX-License-Identifier: Apache-2.0
#include "export/spreading_exporter.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "export/open_batches.hpp"
#include "export/otlp_options.hpp"
#include "export/otlp_sender.hpp"
#include "export/shipment.hpp"
#include "export/spool_collector.hpp"
#include "export/transport.hpp"

namespace spanring::agent {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLeastSpool = uint64_t{1} << 20;

// For people, and unlike any other's.
std::string directory_name(const std::string& endpoint) {
    uint32_t hash = 0x811c9dc5;
    std::string text;
    for (const char c : endpoint) {
        hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
        if (plain || (!text.empty() && text.back() != '-')) text += plain ? c : '-';
    }
    return fmt::format("{}-{:08x}", text.substr(0, 64), hash);
}

bool has_spool_files(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().extension() == ".spool") return true;
    return false;
}

uint64_t bytes_in(const fs::path& directory) {
    uint64_t bytes = 0;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
        if (const auto size = entry->path().extension() == ".spool" ? entry->file_size(error) : 0; !error)
            bytes += size;
    return bytes;
}

// As directory_name() makes them: what else is there may be another exporter's spool.
bool is_directory_name(const std::string& name) {
    const size_t hash = name.rfind('-') + 1;
    return hash != 0 && name.size() == hash + 8 && name.find_first_not_of("0123456789abcdef", hash) == name.npos;
}

// Those of endpoints, or of what was one.
std::vector<fs::path> shares_in(const fs::path& directory) {
    std::vector<fs::path> shares;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        const fs::path path = entry->path();
        if (is_directory_name(path.filename()) && entry->is_directory(error) && has_spool_files(path))
            shares.push_back(path);
    }
    return shares;
}

// What it may use, each of so many.
OtlpOptions share_of(const OtlpOptions& options, size_t endpoints) {
    OtlpOptions share = options;
    share.queue_bytes = std::max<uint64_t>(options.queue_bytes / endpoints, 1);
    share.in_flight_bytes = std::max<uint64_t>(options.in_flight_bytes / endpoints, 1);
    share.spool.max_bytes = std::max(options.spool.max_bytes / endpoints, kLeastSpool);
    share.spool.file_bytes = std::min(options.spool.file_bytes, share.spool.max_bytes);
    share.spreading.endpoints.clear();
    const auto part = [&](auto rate) { return rate == 0 ? rate : std::max<decltype(rate)>(rate / endpoints, 1); };
    share.rate_limit = {static_cast<uint32_t>(part(uint64_t{options.rate_limit.requests_per_second})),
                        part(options.rate_limit.bytes_per_second)};
    return share;
}

// Seen from one endpoint, where its share goes: to itself, and while it is away to those after it, if it may.
std::vector<std::string> order_from(const std::vector<std::string>& endpoints, size_t first, bool to_others) {
    std::vector<std::string> order = endpoints;
    std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(first), order.end());
    if (!to_others) order.resize(1);
    return order;
}

// `memory`: what the runs refer to.
std::shared_ptr<Batch> part_of(const Batch& batch, std::shared_ptr<const void> memory, std::vector<Run> runs) {
    auto part = std::make_shared<Batch>();
    part->plan = std::move(memory);
    part->runs = std::move(runs);
    part->partial = batch.partial;
    part->opened = batch.opened;
    for (const Run& run : part->runs) {
        part->spans += run.spans;
        part->bytes += run.bytes.size();
    }
    // Of what the whole holds beyond its runs, each has its part.
    if (batch.bytes != 0)
        part->memory = static_cast<size_t>(static_cast<double>(batch.held()) * static_cast<double>(part->bytes) /
                                           static_cast<double>(batch.bytes));
    return part;
}

void add(ExporterStatus& sum, const ExporterStatus& one) {
    for (const auto member :
         {&ExporterStatus::exported,        &ExporterStatus::rejected,          &ExporterStatus::spooled,
          &ExporterStatus::spool_exported,  &ExporterStatus::spool_rejected,    &ExporterStatus::spool_dropped,
          &ExporterStatus::dropped,         &ExporterStatus::partial,           &ExporterStatus::queued_spans,
          &ExporterStatus::queued_bytes,    &ExporterStatus::queue_limit,       &ExporterStatus::spool_bytes,
          &ExporterStatus::spool_limit,     &ExporterStatus::attempts_accepted, &ExporterStatus::attempts_rejected,
          &ExporterStatus::attempts_failed, &ExporterStatus::rate_limited,      &ExporterStatus::restarts,
          &ExporterStatus::unauthorized,    &ExporterStatus::tokens_obtained,   &ExporterStatus::tokens_failed})
        sum.*member += one.*member;
    for (size_t i = 0; i < sum.lanes.size(); ++i) {
        for (const auto member : {&LaneStatus::sorted, &LaneStatus::exported, &LaneStatus::rejected,
                                  &LaneStatus::dropped, &LaneStatus::spool_bytes})
            sum.lanes[i].*member += one.lanes[i].*member;
    }
    sum.has_lanes = sum.has_lanes || one.has_lanes;
    sum.shows_identity = sum.shows_identity || one.shows_identity;
    sum.paused = sum.paused || one.paused;
    if (one.last_error_unix_nano > sum.last_error_unix_nano) {
        sum.last_error = one.last_error;
        sum.last_error_unix_nano = one.last_error_unix_nano;
    }
}

// The state that is worst for spans: of one endpoint alone is told beside it.
void add_health(ExporterStatus& sum, const ExporterStatus& one) {
    const auto rank = [](CircuitState state) {
        return state == CircuitState::kOpen ? 2 : state == CircuitState::kProbing;
    };
    if (sum.circuit == CircuitState::kNone || rank(one.circuit) > rank(sum.circuit)) sum.circuit = one.circuit;
    if (one.healthy) return;
    if (sum.healthy || one.unhealthy_since_unix_nano < sum.unhealthy_since_unix_nano)
        sum.unhealthy_since_unix_nano = one.unhealthy_since_unix_nano;
    sum.healthy = false;
}

}  // namespace

bool has_spool_shares(const std::string& directory) { return !shares_in(directory).empty(); }

SpreadingExporter::SpreadingExporter(std::string name, uint32_t index, bool required, const OtlpOptions& options,
                                     const MakeTransport& make_transport, Ledger* ledger)
    : Exporter(std::move(name), index, required),
      endpoints_(options.spreading.endpoints),
      shares_(endpoints_, options.signal),
      ledger_(std::make_unique<SpoolCollector>(this->name(), ledger)),
      books_(std::make_unique<DeliveryBooks>(this->name(), ledger_.get(), nullptr)),
      open_(std::make_unique<OpenBatches>()) {
    const fs::path directory = options.spool.directory;
    OtlpOptions share = share_of(options, endpoints_.size());
    std::vector<fs::path> own;
    for (size_t i = 0; i < endpoints_.size(); ++i) {
        own.push_back(directory / directory_name(endpoints_[i]));
        share.spool.directory = own.back().string();
        if (const uint64_t held = options.spool.enabled ? bytes_in(own.back()) : 0; held > share.spool.max_bytes) {
            spdlog::warn(
                "exporter {}: the spool for {} has {}, more than its share of spool.max_bytes ({}, one of {}): "
                "the oldest of it is dropped",
                this->name(), shown_url(endpoints_[i]), format_size(held), format_size(share.spool.max_bytes),
                endpoints_.size());
        }
        add_sender(share, order_from(endpoints_, i, options.spreading.to_others), make_transport);
    }
    if (!options.spool.enabled) return;
    // What endpoints left that are not there any more, or an exporter of one endpoint: to whoever takes it.
    std::vector<fs::path> left;
    if (has_spool_files(directory)) left.push_back(directory);
    for (const fs::path& each : shares_in(directory))
        if (std::find(own.begin(), own.end(), each) == own.end()) left.push_back(each);
    for (const fs::path& each : left) {
        spdlog::info("exporter {}: what is in {} goes to its endpoints", this->name(), each.string());
        share.spool = options.spool;  // it may be as large as that allowed
        share.spool.directory = each.string();
        add_sender(share, endpoints_, make_transport);
    }
    lost_ = ledger_->settle(directory.string(), senders_.size());
    if (lost_ != 0) {
        spdlog::error(
            "exporter {}: {} spans that were in its spools are not there any more; they are booked as dropped",
            this->name(), lost_);
    }
}

void SpreadingExporter::add_sender(const OtlpOptions& options, std::vector<std::string> endpoints,
                                   const MakeTransport& make_transport) {
    OtlpSender::Hooks hooks;
    hooks.closed = [this](const std::shared_ptr<Batch>& part, uint64_t, Resolution resolution) {
        closed(part, resolution);
    };
    hooks.zero_copy_failed = [](const InstanceId&) {};  // it is not used
    hooks.measured_too = books_.get();
    const std::string name = this->name() + "[" + shown_url(endpoints.front()) + "]";
    senders_.push_back(std::make_unique<OtlpSender>(
        name, options, [make_transport, endpoints = std::move(endpoints)] { return make_transport(endpoints); },
        ledger_.get(), std::move(hooks)));
}

SpreadingExporter::~SpreadingExporter() = default;

void SpreadingExporter::submit(std::shared_ptr<Batch> batch) {
    auto whole = std::make_shared<Whole>();
    whole->batch = batch;
    Parts parts;
    // Where another exporter sends from the mapping: its process may write and truncate it meanwhile.
    if (batch->pin != nullptr) whole->own = copy_runs(batch->runs);
    std::vector<std::vector<Run>> shares = shares_.split(whole->own ? whole->own->runs : batch->runs);
    for (size_t i = 0; i < shares.size(); ++i)
        if (!shares[i].empty()) parts.emplace_back(i, part_of(*batch, whole, std::move(shares[i])));
    whole->parts.add(parts.size());
    register_parts(whole, parts);
    if (parts.empty()) return close(*whole);  // nothing of it can be read
    for (const auto& [endpoint, part] : parts) {
        try {
            senders_[endpoint]->push(part, whole->sequence);
        } catch (const std::exception& error) {  // no memory; others may have theirs by now
            spdlog::error("exporter {}: {}", name(), error.what());
            closed(part, {Outcome::kDroppedQueue, 0});
        }
    }
}

// All of them or, without memory, none: then nobody has anything of the batch.
void SpreadingExporter::register_parts(const std::shared_ptr<Whole>& whole, const Parts& parts) {
    whole->sequence = open_->open();
    try {
        const MutexLock lock(mutex_);
        for (const auto& [endpoint, part] : parts) wholes_.emplace(part.get(), whole);
    } catch (const std::exception&) {
        {
            const MutexLock lock(mutex_);
            for (const auto& [endpoint, part] : parts) wholes_.erase(part.get());
        }
        open_->close(whole->sequence);
        throw;
    }
}

// On the thread of whoever answered.
void SpreadingExporter::closed(const std::shared_ptr<Batch>& part, Resolution resolution) {
    std::shared_ptr<Whole> whole;
    {
        const MutexLock lock(mutex_);
        const auto found = wholes_.find(part.get());
        whole = found->second;
        wholes_.erase(found);
        if (!whole->parts.close(shares_of(part->runs), std::nullopt, part->spans, resolution)) return;
    }
    close(*whole);
}

void SpreadingExporter::close(const Whole& whole) {
    const Resolution resolution = whole.parts.resolution(whole.batch->spans);
    if (resolution.outcome == Outcome::kSpooled) {
        for (const BatchParts::Ended& ended : whole.parts.beside_spool(*whole.batch))
            books_->book_spooled(ended.shares, ended.exported, ended.rejected, ended.dropped + ended.left);
    }
    resolve(whole.batch, resolution);
    open_->close(whole.sequence);
}

bool SpreadingExporter::flush(std::chrono::steady_clock::time_point deadline) { return open_->wait(deadline); }

void SpreadingExporter::shutdown(std::chrono::steady_clock::time_point deadline) {
    for (const auto& sender : senders_) sender->begin_stop(deadline);
    for (const auto& sender : senders_) sender->stop(deadline);
}

ExporterStatus SpreadingExporter::status() const {
    ExporterStatus sum;
    sum.spool_dropped = lost_;
    std::map<std::string, EndpointStatus> by_peer;
    for (size_t i = 0; i < senders_.size(); ++i) {
        const ExporterStatus one = senders_[i]->status();
        add(sum, one);
        add_health(sum, one);
        for (const EndpointStatus& each : one.endpoints) {
            EndpointStatus& endpoint = by_peer[each.peer];
            endpoint.in_flight += each.in_flight;
            endpoint.accepted += each.accepted;
            endpoint.failed += each.failed;
        }
        // The first is its own: where that is not in use, or nothing is sent, it is away.
        if (i >= endpoints_.size() || one.endpoints.empty()) continue;
        sum.endpoints.push_back({one.endpoints.front().peer});
        sum.endpoints.back().in_use = one.endpoints.front().in_use && one.healthy;
    }
    for (EndpointStatus& endpoint : sum.endpoints) {
        const EndpointStatus& of_all = by_peer[endpoint.peer];
        endpoint.in_flight = of_all.in_flight;
        endpoint.accepted = of_all.accepted;
        endpoint.failed = of_all.failed;
    }
    return sum;
}

std::optional<ExportMeasures> SpreadingExporter::measures() const { return books_->measures(); }

bool SpreadingExporter::pause(bool paused) {
    for (const auto& sender : senders_) sender->pause(paused);
    return true;
}

}  // namespace spanring::agent
