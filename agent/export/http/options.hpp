// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "export/otlp_options.hpp"

namespace spanring::agent {

// `endpoint`: http://host[:port][/path] or https://..., to which /v1/traces is appended.
// `compression`: none, gzip, zstd.
struct OtlpHttpOptions : OtlpOptions {
    OtlpHttpOptions() { endpoint = "http://localhost:4318"; }

    std::string traces_endpoint;             // where it is set: the whole URL, in place of `endpoint`
    uint32_t compression_level = 0;          // 0: the compression's own, 1 for both
    uint32_t max_conns_per_host = 0;         // 0: one for each concurrent request
    std::chrono::milliseconds idle_conn_timeout{90000};
    bool insecure_skip_verify = false;
    std::string min_version = "1.2";         // of TLS: 1.0, 1.1, 1.2, 1.3
};

inline constexpr uint32_t kMostGzip = 9;
inline constexpr uint32_t kMostZstd = 19;  // beyond it a context takes more than 100 MB

}  // namespace spanring::agent
