// SPDX-License-Identifier: Apache-2.0
//
// Where an HTTP exporter sends to: the whole URL out of `endpoint` or `traces_endpoint`. A URL without a port means the
// port of its scheme, as everywhere. A path goes out as it stands, also one with "..". `endpoint` may also be a unix
// socket, in the forms that gRPC has for it: unix:path, unix:///absolute/path, unix-abstract:name.
#pragma once

#include <string>
#include <string_view>

#include "otlp/signal.hpp"

namespace spanring::agent {

struct HttpEndpoint {
    std::string url;
    bool tls = false;
    bool loopback = false;  // of this host, so never by a proxy
    std::string socket;     // path of a unix socket; it begins with a zero byte where its name is abstract
};

// `whole`, which is `traces_endpoint`, `logs_endpoint` or `metrics_endpoint`, is taken as it is; where it is empty,
// /v1/traces (or /v1/logs, /v1/metrics) is appended to `endpoint`, which must not end in it. Throws
// std::invalid_argument that says what is wrong with which text.
HttpEndpoint parse_http_endpoint(std::string_view endpoint, std::string_view whole, Signal signal = Signal::kTraces);

}  // namespace spanring::agent
