// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/options.hpp"

#include "base/option.hpp"
#include "export/grpc/endpoint.hpp"

namespace spanring::agent {

std::vector<Option> describe(OtlpGrpcOptions& otlp) {
    using namespace option;
    std::vector<Option> tls = {
        {"insecure", boolean(otlp.insecure), "plaintext where the endpoint has no scheme"},
    };
    append(tls, describe_tls_files(otlp));
    std::vector<Option> options = {
        {"endpoint", text(otlp.endpoint, "URL or address", [](const std::string& text) { parse_endpoint(text, true); }),
         "`host:port`, `http://host[:port]`, `https://host[:port]`, `unix:path`, or another target of gRPC's"},
        {"tls", Group{tls}},
        {"compression", choice(otlp.compression, {"none", "gzip"}), "how requests are compressed"},
    };
    append(options, describe_delivery(otlp));
    options.push_back({"zero_copy",
                       choice(otlp.zero_copy, {{"off", ZeroCopy::kOff}, {"same_user", ZeroCopy::kSameUser}}),
                       "send from the processes' own memory; only in plaintext and without compression"});
    return options;
}

}  // namespace spanring::agent
