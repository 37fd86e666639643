// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "batch/zero_copy.hpp"
#include "export/otlp_options.hpp"

namespace spanring::agent {

// `endpoint`: host:port, or http://host:port, https://host:port; `compression`: none, gzip.
struct OtlpGrpcOptions : OtlpOptions {
    OtlpGrpcOptions() { endpoint = "localhost:4317"; }

    bool insecure = false;  // plaintext where the endpoint has no scheme
    ZeroCopy zero_copy = ZeroCopy::kOff;
};

}  // namespace spanring::agent
