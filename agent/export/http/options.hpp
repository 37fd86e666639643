// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "export/otlp_options.hpp"

namespace spanring::agent {

struct OtlpHttpOptions : OtlpOptions {
    OtlpHttpOptions() { endpoint = "http://localhost:4318"; }

    enum class Encoding : uint8_t { kProto, kJson };

    std::string traces_endpoint;                  // where it is set: the whole URL, in place of `endpoint`
    std::string logs_endpoint, metrics_endpoint;  // likewise, in pipelines of logs and of metrics
    Encoding encoding = Encoding::kProto;
    uint32_t compression_level = 1;
    uint32_t max_conns_per_host = 0;  // 0: one for each concurrent request
    std::chrono::milliseconds idle_conn_timeout{90000};
    bool insecure = false;  // the Collector's, for an endpoint without a scheme; here each has one
    bool insecure_skip_verify = false;
    std::string min_version = "1.2";  // of TLS: 1.0, 1.1, 1.2, 1.3

    bool https() const { return (traces_endpoint.empty() ? endpoint : traces_endpoint).starts_with("https:"); }
    bool operator==(const OtlpHttpOptions&) const = default;
};

std::vector<Option> describe(OtlpHttpOptions& otlp);
std::vector<OptionFault> header_faults(const OtlpHttpOptions& otlp);

}  // namespace spanring::agent
