// SPDX-License-Identifier: Apache-2.0
#include "export/http/exporter.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "export/fallback_transport.hpp"
#include "export/http/transport.hpp"

namespace spanring::agent {

namespace {

// A request takes a connection of its own, so the bound of one is that of the other.
OtlpOptions bounded(OtlpHttpOptions options) {
    if (options.max_conns_per_host != 0) options.in_flight = std::min(options.in_flight, options.max_conns_per_host);
    return options;
}

std::unique_ptr<Transport> make_transport(const std::string& name, const OtlpHttpOptions& options) {
    if (options.fallback.endpoints.empty()) return std::make_unique<HttpTransport>(options);
    std::vector<std::unique_ptr<Transport>> endpoints;
    endpoints.push_back(std::make_unique<HttpTransport>(options));
    for (const std::string& endpoint : options.fallback.endpoints) {
        OtlpHttpOptions other = options;
        other.endpoint = endpoint;
        other.traces_endpoint.clear();
        endpoints.push_back(std::make_unique<HttpTransport>(other));
    }
    return std::make_unique<FallbackTransport>(name, std::move(endpoints), options.fallback.retry_interval);
}

}  // namespace

OtlpHttpExporter::OtlpHttpExporter(std::string name, uint32_t index, bool required, const OtlpHttpOptions& options,
                                   Ledger* ledger)
    : OtlpExporter(name, index, required, bounded(options), [name, options] { return make_transport(name, options); },
                   ledger, {}) {}

}  // namespace spanring::agent
