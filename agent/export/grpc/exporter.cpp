// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/exporter.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "export/fallback_transport.hpp"
#include "export/grpc/transport.hpp"

namespace spanring::agent {

namespace {

std::unique_ptr<Transport> make_transport(const std::string& name, const OtlpGrpcOptions& options) {
    if (options.fallback.endpoints.empty()) return std::make_unique<GrpcTransport>(options);
    std::vector<std::unique_ptr<Transport>> endpoints;
    endpoints.push_back(std::make_unique<GrpcTransport>(options));
    for (const std::string& endpoint : options.fallback.endpoints) {
        OtlpGrpcOptions other = options;
        other.endpoint = endpoint;
        endpoints.push_back(std::make_unique<GrpcTransport>(other));
    }
    return std::make_unique<FallbackTransport>(name, std::move(endpoints), options.fallback.retry_interval);
}

}  // namespace

OtlpGrpcExporter::OtlpGrpcExporter(std::string name, uint32_t index, bool required, const OtlpGrpcOptions& options,
                                   Ledger* ledger, OnZeroCopyFailure on_zero_copy_failure)
    : OtlpExporter(
          name, index, required, options, [name, options] { return make_transport(name, options); }, ledger,
          std::move(on_zero_copy_failure)) {}

}  // namespace spanring::agent
