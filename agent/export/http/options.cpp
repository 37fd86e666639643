// SPDX-License-Identifier: Apache-2.0
#include "export/http/options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/option.hpp"
#include "base/text.hpp"
#include "export/compression_levels.hpp"
#include "export/http/endpoint.hpp"

namespace spanring::agent {
namespace {

using namespace option;

void check_endpoint(const std::string& text) { parse_http_endpoint(text, {}); }
template <Signal kSignal>
void check_whole_endpoint(const std::string& text) {
    if (!text.empty()) parse_http_endpoint({}, text, kSignal);
}

std::vector<Option> describe_tls(OtlpHttpOptions& otlp) {
    std::vector<Option> tls = describe_tls_files(otlp);
    append(tls, {
                    {"insecure", boolean(otlp.insecure),
                     "without effect: the scheme decides, and true with `https://` is a mistake"},
                    {"insecure_skip_verify", boolean(otlp.insecure_skip_verify), "trust any server"},
                    {"min_version", choice(otlp.min_version, {"1.0", "1.1", "1.2", "1.3"}),
                     "oldest version of TLS that is accepted"},
                });
    return tls;
}

bool is_token(std::string_view text) {  // RFC 9110, 5.6.2
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

// Empty, or why it cannot be sent. The value is a secret.
std::string fault_of(const std::string& key, const std::string& value) {
    static constexpr std::array<std::string_view, 7> kOwn = {
        "content-type", "content-encoding", "content-length", "transfer-encoding", "connection", "expect", "upgrade"};
    if (!is_token(key)) return "\"" + shown_name(key) + "\" is not a legal name of an HTTP header";
    if (std::find(kOwn.begin(), kOwn.end(), lower(key)) != kOwn.end())
        return "\"" + key + "\" is set by the exporter itself";
    const bool legal =
        std::none_of(value.begin(), value.end(), [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; });
    return legal ? "" : "the value of \"" + key + "\" contains characters that a header must not contain";
}

}  // namespace

std::vector<OptionFault> header_faults(const OtlpHttpOptions& otlp) {
    std::vector<OptionFault> faults;
    for (const auto& [key, value] : otlp.headers) {
        if (const std::string what = fault_of(key, value); !what.empty()) faults.push_back({"headers", what});
    }
    return faults;
}

std::vector<Option> describe(OtlpHttpOptions& otlp) {
    using enum OtlpHttpOptions::Encoding;
    std::vector<Option> options = {
        {"endpoint", text(otlp.endpoint, "URL", check_endpoint),
         "`http://...` or `https://...`, to which `/v1/traces` is appended, or the path of logs or of metrics; or "
         "`unix:path`"},
        {"traces_endpoint", text(otlp.traces_endpoint, "URL", check_whole_endpoint<Signal::kTraces>),
         "the whole URL, in place of endpoint"},
        {"logs_endpoint", text(otlp.logs_endpoint, "URL", check_whole_endpoint<Signal::kLogs>), "likewise, for logs"},
        {"metrics_endpoint", text(otlp.metrics_endpoint, "URL", check_whole_endpoint<Signal::kMetrics>),
         "likewise, for metrics"},
        {"encoding", choice(otlp.encoding, {{"proto", kProto}, {"json", kJson}}), "how requests are encoded"},
        {"tls", Group{describe_tls(otlp)}},
        {"compression", choice(otlp.compression, {"none", "gzip", "zstd"}), "how requests are compressed"},
        {"compression_params",
         Group{{{"level", count(otlp.compression_level, 1, kMostZstd), "gzip: at most " + std::to_string(kMostGzip)}}}},
        {"max_conns_per_host", count(otlp.max_conns_per_host, 0, 1000), "0: one for each of num_consumers"},
        {"idle_conn_timeout", duration(otlp.idle_conn_timeout, milliseconds(1000)),
         "an idle connection is closed after this time"},
    };
    options[0].in_effect = otlp.traces_endpoint.empty() || otlp.endpoint != OtlpHttpOptions().endpoint;
    append(options, describe_delivery(otlp));
    return options;
}

}  // namespace spanring::agent
