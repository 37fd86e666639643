// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/service_graph.hpp"

#include <cstring>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>

#include "otlp/wire.hpp"
#include "span_metrics/bucket_list.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kBeyondTheLimit = 0;

// Places in what tells a series from the others. What it counts is its kind; its status is whether requests failed.
enum : size_t { kClientName, kServerName, kConnectionType, kDimensions };

constexpr char kMessagingSystem[] = "messaging_system";
constexpr char kDatabase[] = "database";

EdgeStore::Key key_of(const uint8_t* trace_id, const uint8_t* span_id) {
    EdgeStore::Key key{};
    std::memcpy(key.data(), trace_id, 16);
    if (span_id != nullptr) std::memcpy(key.data() + 2, span_id, 8);
    return key;
}

// The text of an encoded value that is a string; else empty.
std::string_view text_of(EncodedValue value) {
    std::string_view text;
    wire::each_field(value, [&](const wire::Field& field) {
        if (field.tag() == wire::tags::bytes(1)) text = field.text();
    });
    return text;
}

std::span<const uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

uint64_t sum(const std::vector<uint64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), uint64_t{0}); }

void add_up(std::vector<uint64_t>& to, const std::vector<uint64_t>& counts) {
    if (to.size() < counts.size()) to.resize(counts.size());
    for (size_t i = 0; i < counts.size(); ++i) to[i] += counts[i];
}

}  // namespace

uint64_t MeasuredEdge::requests() const { return sum(client_counts); }

ServiceGraph::ServiceGraph(ServiceGraphOptions options)
    : options_(std::move(options)),
      buckets_(DurationBuckets::explicit_at(bounds_of(options_.buckets))),
      store_(options_.items, options_.time_to_live),
      services_(1) {}

uint32_t ServiceGraph::service(std::string_view name) {
    const MutexLock lock(mutex_);
    return service_locked(name);
}

uint32_t ServiceGraph::service_locked(std::string_view name) {
    name = SeriesKey::cut(name);
    const auto known = services_by_name_.find(name);
    if (known != services_by_name_.end()) return known->second;
    if (services_by_name_.size() >= options_.services) return kBeyondTheLimit;
    services_.emplace_back(name);
    return services_by_name_.emplace(name, static_cast<uint32_t>(services_.size() - 1)).first->second;
}

void ServiceGraph::add(uint32_t service, const SpanOutline& span, EncodedValue database,
                       EdgeStore::Clock::time_point now) {
    const bool client = span.kind == kClient || span.kind == kProducer;
    const EdgeStore::Key key = key_of(span.trace_id, client ? span.span_id : span.parent_span_id);
    const MutexLock lock(mutex_);
    EdgeStore::Edge* edge = store_.at(key, now);
    if (edge == nullptr) {
        expire_locked(now);
        edge = store_.at(key, now);
    }
    if (edge == nullptr) {
        dropped_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a number of its own
        return;
    }
    EdgeStore::Side& side = client ? edge->client : edge->server;
    if (side.seen) give_up(*edge);  // taken in a second time, or one of several that have the same parent
    side = {service, true, span.nanoseconds()};
    edge->failed = edge->failed || span.status == kStatusError;
    edge->messaging = edge->messaging || span.kind == kProducer || span.kind == kConsumer;
    const char* type = edge->messaging ? kMessagingSystem : "";
    if (const std::string_view name = client ? text_of(database) : std::string_view(); !name.empty()) {
        edge->server = {service_locked(name), true, span.nanoseconds()};
        type = kDatabase;
    }
    if (!edge->client.seen || !edge->server.seen) return;
    complete(*edge, type);
    store_.remove(*edge);
}

void ServiceGraph::expire(EdgeStore::Clock::time_point now) {
    const MutexLock lock(mutex_);
    expire_locked(now);
}

void ServiceGraph::expire_locked(EdgeStore::Clock::time_point now) {
    while (EdgeStore::Edge* const edge = store_.expired(now)) {
        give_up(*edge);
        store_.remove(*edge);
    }
}

void ServiceGraph::complete(const EdgeStore::Edge& edge, const char* type) {
    const uint64_t client = edge.client.nanoseconds, server = edge.server.nanoseconds;
    series_of(edge, type, What::kClientTime).add(buckets_.index(client), client);
    series_of(edge, type, What::kServerTime).add(buckets_.index(server), server);
}

// One side of it was seen.
void ServiceGraph::give_up(const EdgeStore::Edge& edge) {
    series_of(edge, edge.messaging ? kMessagingSystem : "", What::kUnpaired).add(0, 0);
}

Series& ServiceGraph::series_of(const EdgeStore::Edge& edge, const char* type, What what) {
    const bool failed = edge.failed && what != What::kUnpaired;
    key_.begin(edge.client.service, static_cast<uint32_t>(what), failed, bytes_of(type));
    const auto* const server = reinterpret_cast<const uint8_t*>(&edge.server.service);
    key_.add({server, sizeof edge.server.service});
    const uint64_t hash = table_.hash(key_);
    if (Series* const known = table_.find(key_, hash)) return *known;
    const auto beyond = [](const EdgeStore::Side& side) { return side.seen && side.service == kBeyondTheLimit; };
    if (beyond(edge.client) || beyond(edge.server) || table_.size() >= options_.series) return overflow(what);
    SeriesIdentity identity;
    identity.dimensions.resize(kDimensions);
    identity.dimensions[kClientName] = services_[edge.client.service];
    identity.dimensions[kServerName] = services_[edge.server.service];
    identity.dimensions[kConnectionType] = type;
    identity.kind = static_cast<uint32_t>(what);
    identity.status = failed ? 1 : 0;
    return table_.add(key_, hash, std::move(identity), 0);
}

Series& ServiceGraph::overflow(What what) {
    Series*& series = overflow_[static_cast<size_t>(what)];
    if (series == nullptr) {
        SeriesIdentity identity;
        identity.overflow = true;
        identity.kind = static_cast<uint32_t>(what);
        series = &table_.add_apart(std::move(identity), 0);
    }
    return *series;
}

size_t ServiceGraph::waiting() const {
    const MutexLock lock(mutex_);
    return store_.size();
}

std::map<GraphEdge, MeasuredEdge> ServiceGraph::measured() const {
    std::map<GraphEdge, MeasuredEdge> all;
    table_.each([&](const Series& series) {
        const SeriesIdentity& identity = series.identity();
        GraphEdge edge;
        edge.overflow = identity.overflow;
        if (!edge.overflow) {
            edge.client = *identity.dimensions[kClientName];
            edge.server = *identity.dimensions[kServerName];
            edge.connection_type = *identity.dimensions[kConnectionType];
        }
        MeasuredEdge& measured = all[std::move(edge)];
        std::vector<uint64_t> counts;
        double nanoseconds = 0;
        std::vector<Exemplar> none;
        series.add_to(counts, nanoseconds, none);
        switch (static_cast<What>(identity.kind)) {
            case What::kClientTime:
                add_up(measured.client_counts, counts);
                measured.client_nanoseconds += nanoseconds;
                if (identity.status != 0) measured.failed += sum(counts);
                break;
            case What::kServerTime:
                add_up(measured.server_counts, counts);
                measured.server_nanoseconds += nanoseconds;
                break;
            case What::kUnpaired: measured.unpaired += sum(counts);
        }
    });
    return all;
}

}  // namespace spanring::agent
