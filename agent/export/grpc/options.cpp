// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/options.hpp"

#include <algorithm>
#include <string_view>

#include "base/option.hpp"
#include "base/text.hpp"
#include "export/grpc/endpoint.hpp"

namespace spanring::agent {
namespace {

// gRPC's rules, without gRPC: the configuration is read where nobody links it.
bool is_key(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

bool is_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Empty, or why it cannot be sent. The value is a secret.
std::string fault_of(const std::string& key, const std::string& value) {
    if (!is_key(key))
        return "\"" + shown_name(key) + "\" is not a legal gRPC metadata key (lower-case letters, digits, - _ .)";
    if (!key.ends_with("-bin") && !is_value(value))
        return "the value of \"" + key + "\" contains characters that a header must not contain";
    return {};
}

}  // namespace

std::vector<OptionFault> header_faults(const OtlpGrpcOptions& otlp) {
    std::vector<OptionFault> faults;
    for (const auto& [key, value] : otlp.headers) {
        if (const std::string what = fault_of(key, value); !what.empty()) faults.push_back({"headers", what});
    }
    return faults;
}

std::vector<Option> describe(OtlpGrpcOptions& otlp) {
    using namespace option;
    std::vector<Option> tls = {
        {"insecure", boolean(otlp.insecure), "plaintext where the endpoint has no scheme"},
    };
    append(tls, describe_tls_files(otlp));
    append(tls, {
                    {"insecure_skip_verify", boolean(otlp.insecure_skip_verify), "trust any server"},
                    // What gRPC's library accepts, which cannot be told otherwise.
                    {"min_version", only("1.2"), "oldest version of TLS that is accepted"},
                });
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
