// SPDX-License-Identifier: Apache-2.0
//
// The standard OTEL_EXPORTER_OTLP_* variables (the _TRACES_ form of each wins) and OTEL_BSP_*. What does not parse is
// ignored with a warning, as the OpenTelemetry specification asks.
//
// Header bill: config.hpp, whose parts it fills.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace spanring::agent {

struct OtelEnvironment {
    OtlpGrpcOptions otlp;  // defaults, with what the variables say
    OtlpHttpOptions http;
    ExporterType protocol = ExporterType::kOtlpGrpc;
    std::string endpoint_variable;  // the one that speaks; empty: none is set
    // Those that were applied, by the key of an exporter: "headers", "tls.ca_file".
    std::map<std::string, std::string> variables_of_grpc, variables_of_http;
    BatchConfig batch;                                      // defaults, with what OTEL_BSP_* say
    std::map<std::string, std::string> variables_of_batch;  // those that were applied, by the key: "timeout"
    std::string log_level;                                  // OTEL_LOG_LEVEL; empty: not set
};

OtelEnvironment read_otel_environment(const Environment& environment, std::vector<std::string>& warnings);

}  // namespace spanring::agent
