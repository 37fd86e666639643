// SPDX-License-Identifier: Apache-2.0
#include "export/http/exporter.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "export/fallback_transport.hpp"
#include "export/http/transport.hpp"
#include "export/spreading_exporter.hpp"

namespace spanring::agent {

namespace {

// A request takes a connection of its own, so the bound of one is that of the other.
OtlpOptions bounded(OtlpHttpOptions options) {
    if (options.max_conns_per_host != 0) options.in_flight = std::min(options.in_flight, options.max_conns_per_host);
    return options;
}

OtlpHttpOptions with_endpoint(OtlpHttpOptions options, const std::string& endpoint) {
    options.endpoint = endpoint;
    options.traces_endpoint.clear();
    options.logs_endpoint.clear();
    options.metrics_endpoint.clear();
    return options;
}

std::unique_ptr<Transport> to_all(const std::string& name, const std::vector<OtlpHttpOptions>& endpoints,
                                  std::chrono::milliseconds retry_interval) {
    std::vector<std::unique_ptr<Transport>> transports;
    for (const OtlpHttpOptions& each : endpoints) transports.push_back(std::make_unique<HttpTransport>(each));
    return std::make_unique<FallbackTransport>(name, std::move(transports), retry_interval);
}

std::unique_ptr<Transport> make_transport(const std::string& name, const OtlpHttpOptions& options) {
    if (options.fallback.endpoints.empty()) return std::make_unique<HttpTransport>(options);
    std::vector<OtlpHttpOptions> endpoints = {options};
    for (const std::string& endpoint : options.fallback.endpoints)
        endpoints.push_back(with_endpoint(options, endpoint));
    return to_all(name, endpoints, options.fallback.retry_interval);
}

}  // namespace

OtlpHttpExporter::OtlpHttpExporter(std::string name, uint32_t index, bool required, const OtlpHttpOptions& options,
                                   Ledger* ledger)
    : OtlpExporter(name, index, required, bounded(options), [name, options] { return make_transport(name, options); },
                   ledger, {}) {}

std::unique_ptr<Exporter> make_otlp_http_exporter(std::string name, uint32_t index, bool required,
                                                  const OtlpHttpOptions& options, Ledger* ledger) {
    if (options.spreading.endpoints.empty() && !(options.spool.enabled && has_spool_shares(options.spool.directory)))
        return std::make_unique<OtlpHttpExporter>(std::move(name), index, required, options, ledger);
    if (options.spreading.endpoints.empty()) {
        OtlpOptions one = bounded(options);
        one.spreading.endpoints = {options.endpoint};
        const auto make = [name, options](const std::vector<std::string>&) { return make_transport(name, options); };
        return std::make_unique<SpreadingExporter>(name, index, required, one, make, ledger);
    }
    const auto make = [name, options](const std::vector<std::string>& order) {
        std::vector<OtlpHttpOptions> endpoints;
        for (const std::string& endpoint : order) endpoints.push_back(with_endpoint(options, endpoint));
        return to_all(name, endpoints, options.spreading.retry_interval);
    };
    return std::make_unique<SpreadingExporter>(std::move(name), index, required, bounded(options), make, ledger);
}

}  // namespace spanring::agent
