// SPDX-License-Identifier: Apache-2.0
#include "export/http/options.hpp"

#include "base/option.hpp"
#include "export/http/endpoint.hpp"

namespace spanring::agent {
namespace {

using namespace option;

void check_endpoint(const std::string& text) { parse_http_endpoint(text, {}); }
void check_traces_endpoint(const std::string& text) {
    if (!text.empty()) parse_http_endpoint({}, text);
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

}  // namespace

std::vector<Option> describe(OtlpHttpOptions& otlp) {
    std::vector<Option> options = {
        {"endpoint", text(otlp.endpoint, "URL", check_endpoint),
         "`http://...` or `https://...`, to which `/v1/traces` is appended; or `unix:path`"},
        {"traces_endpoint", text(otlp.traces_endpoint, "URL", check_traces_endpoint),
         "the whole URL, in place of endpoint"},
        {"encoding", only("proto"), "how requests are encoded"},
        {"tls", Group{describe_tls(otlp)}},
        {"compression", choice(otlp.compression, {"none", "gzip", "zstd"}), "how requests are compressed"},
        {"compression_params",
         Group{{{"level", count(otlp.compression_level, 1, kMostZstd), "gzip: at most " + std::to_string(kMostGzip)}}}},
        {"max_conns_per_host", count(otlp.max_conns_per_host, 0, 1000), "0: one for each of num_consumers"},
        {"idle_conn_timeout", duration(otlp.idle_conn_timeout, milliseconds(1000)),
         "an idle connection is closed after this time"},
    };
    options[0].in_effect = otlp.traces_endpoint.empty();
    append(options, describe_delivery(otlp));
    return options;
}

}  // namespace spanring::agent
