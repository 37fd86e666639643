// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/exporter.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "export/fallback_transport.hpp"
#include "export/grpc/transport.hpp"
#include "export/spreading_exporter.hpp"

namespace spanring::agent {

namespace {

OtlpGrpcOptions with_endpoint(OtlpGrpcOptions options, const std::string& endpoint) {
    options.endpoint = endpoint;
    return options;
}

std::unique_ptr<Transport> to_all(const std::string& name, const std::vector<OtlpGrpcOptions>& endpoints,
                                  std::chrono::milliseconds retry_interval) {
    std::vector<std::unique_ptr<Transport>> transports;
    for (const OtlpGrpcOptions& each : endpoints) transports.push_back(std::make_unique<GrpcTransport>(each));
    return std::make_unique<FallbackTransport>(name, std::move(transports), retry_interval);
}

std::unique_ptr<Transport> make_transport(const std::string& name, const OtlpGrpcOptions& options) {
    if (options.fallback.endpoints.empty()) return std::make_unique<GrpcTransport>(options);
    std::vector<OtlpGrpcOptions> endpoints = {options};
    for (const std::string& endpoint : options.fallback.endpoints)
        endpoints.push_back(with_endpoint(options, endpoint));
    return to_all(name, endpoints, options.fallback.retry_interval);
}

}  // namespace

OtlpGrpcExporter::OtlpGrpcExporter(std::string name, uint32_t index, bool required, const OtlpGrpcOptions& options,
                                   Ledger* ledger, OnZeroCopyFailure on_zero_copy_failure)
    : OtlpExporter(
          name, index, required, options, [name, options] { return make_transport(name, options); }, ledger,
          std::move(on_zero_copy_failure)) {}

std::unique_ptr<Exporter> make_otlp_grpc_exporter(std::string name, uint32_t index, bool required,
                                                  const OtlpGrpcOptions& options, Ledger* ledger,
                                                  OtlpExporter::OnZeroCopyFailure on_zero_copy_failure) {
    if (options.spreading.endpoints.empty() && !(options.spool.enabled && has_spool_shares(options.spool.directory)))
        return std::make_unique<OtlpGrpcExporter>(std::move(name), index, required, options, ledger,
                                                  std::move(on_zero_copy_failure));
    if (options.spreading.endpoints.empty()) {
        OtlpGrpcOptions one = options;
        one.spreading.endpoints = {options.endpoint};
        const auto make = [name, options](const std::vector<std::string>&) { return make_transport(name, options); };
        return std::make_unique<SpreadingExporter>(name, index, required, one, make, ledger);
    }
    const auto make = [name, options](const std::vector<std::string>& order) {
        std::vector<OtlpGrpcOptions> endpoints;
        for (const std::string& endpoint : order) endpoints.push_back(with_endpoint(options, endpoint));
        return to_all(name, endpoints, options.spreading.retry_interval);
    };
    return std::make_unique<SpreadingExporter>(std::move(name), index, required, options, make, ledger);
}

}  // namespace spanring::agent
