// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "batch/zero_copy.hpp"
#include "export/otlp_options.hpp"

namespace spanring::agent {

struct OtlpGrpcOptions : OtlpOptions {
    OtlpGrpcOptions() { endpoint = "http://localhost:4317"; }

    bool insecure = false;  // plaintext where the endpoint has no scheme
    bool insecure_skip_verify = false;
    ZeroCopy zero_copy = ZeroCopy::kOff;

    bool operator==(const OtlpGrpcOptions&) const = default;
};

std::vector<Option> describe(OtlpGrpcOptions& otlp);
std::vector<OptionFault> header_faults(const OtlpGrpcOptions& otlp);

}  // namespace spanring::agent
