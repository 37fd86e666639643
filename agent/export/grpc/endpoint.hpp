// SPDX-License-Identifier: Apache-2.0
//
// Where a gRPC exporter sends to. Forms: host:port, http://host[:port], https://host[:port], unix:path,
// unix:///absolute/path, unix-abstract:name, and of gRPC's own targets dns:host[:port], dns:///host[:port],
// dns://server/host[:port], ipv4:address[:port] and ipv6:address, several of these separated by commas. An IPv6 address
// is in brackets. The port is 4317 where there is none.
#pragma once

#include <string>
#include <string_view>

namespace spanring::agent {

struct Endpoint {
    std::string host;  // without brackets; empty: unix
    std::string port;
    std::string path;  // of the unix socket; it begins with a zero byte where its name is abstract
    std::string own;   // the target, where the form is one of gRPC's own; host and port are those of the first address
    bool tls = false;

    bool unix_socket() const { return host.empty(); }
    std::string authority() const;  // "host:port", brackets where needed; "localhost" for unix
    std::string target() const;     // as gRPC wants it
};

// `insecure` decides where there is no scheme. Throws std::invalid_argument that says what is wrong with which text.
Endpoint parse_endpoint(std::string_view text, bool insecure);

}  // namespace spanring::agent
