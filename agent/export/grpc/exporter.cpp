// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/exporter.hpp"

#include <memory>
#include <utility>

#include "export/grpc/transport.hpp"

namespace spanring::agent {

OtlpGrpcExporter::OtlpGrpcExporter(std::string name, uint32_t index, bool required, const OtlpGrpcOptions& options,
                                   Ledger* ledger, OnZeroCopyFailure on_zero_copy_failure)
    : OtlpExporter(
          std::move(name), index, required, options, [options] { return std::make_unique<GrpcTransport>(options); },
          ledger, std::move(on_zero_copy_failure)) {}

}  // namespace spanring::agent
