// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <stdexcept>

#include "base/text.hpp"

namespace spanring::agent {

namespace {

constexpr std::string_view kDefaultPort = "4317";
constexpr size_t kLongestUnixPath = 107;  // sockaddr_un

[[noreturn]] void fail(std::string_view text, const std::string& what) {
    throw std::invalid_argument("endpoint \"" + std::string(text) + "\": " + what);
}

bool ascii_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_address6(std::string_view host) { return host.find(':') != std::string_view::npos; }

void check_port(std::string_view text, std::string_view port) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty()) fail(text, "the port after \":\" is missing");
    if (error != std::errc{} || end != port.data() + port.size()) {
        fail(text, "the port \"" + std::string(port) + "\" is not a number");
    }
    if (number == 0 || number > 65535) fail(text, "the port " + std::string(port) + " is not in the range 1 to 65535");
}

void check_host(std::string_view text, std::string_view host, bool brackets) {
    if (host.empty()) fail(text, "the host is missing");
    const auto legal = [&](char c) {
        return ascii_alnum(c) || c == '.' || c == '-' || c == '_' || (brackets && (c == ':' || c == '%'));
    };
    const auto bad = std::find_if_not(host.begin(), host.end(), legal);
    if (bad != host.end()) fail(text, "the host contains an invalid character: '" + std::string(1, *bad) + "'");
}

Endpoint parse_unix(std::string_view text, std::string_view path) {
    if (path.starts_with("//")) {
        path.remove_prefix(2);
        if (!path.starts_with('/')) fail(text, "the path after \"unix://\" is not absolute");
    }
    if (path.empty()) fail(text, "the path of the socket is missing");
    if (path.size() > kLongestUnixPath) {
        fail(text, "the path of the socket is longer than " + std::to_string(kLongestUnixPath) + " bytes");
    }
    Endpoint endpoint;
    endpoint.path = path;
    return endpoint;
}

// host, host:port, [address], [address]:port
Endpoint parse_authority(std::string_view text, std::string_view authority) {
    Endpoint endpoint;
    endpoint.port = kDefaultPort;
    const bool brackets = authority.starts_with('[');
    std::string_view host, rest;
    if (brackets) {
        const size_t close = authority.find(']');
        if (close == std::string_view::npos) fail(text, "the bracket after the IPv6 address is missing");
        host = authority.substr(1, close - 1);
        rest = authority.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') fail(text, "what follows \"]\" is not a port");
    } else {
        if (std::count(authority.begin(), authority.end(), ':') > 1) {
            fail(text, "an IPv6 address must be in brackets, as in [::1]:4317");
        }
        host = authority.substr(0, authority.find(':'));
        rest = authority.substr(host.size());
    }
    if (host.find('@') != std::string_view::npos) fail(text, "user and password belong in headers");
    check_host(text, host, brackets);
    endpoint.host = host;
    if (!rest.empty()) {
        rest.remove_prefix(1);
        check_port(text, rest);
        endpoint.port = rest;
    }
    return endpoint;
}

}  // namespace

std::string Endpoint::authority() const {
    if (unix_socket()) return "localhost";
    return (is_address6(host) ? "[" + host + "]" : host) + ":" + port;
}

std::string Endpoint::target() const { return unix_socket() ? "unix:" + path : authority(); }

Endpoint parse_endpoint(std::string_view text, bool insecure) {
    if (text.empty()) fail(text, "it is empty");
    if (text.find_first_of(" \t\r\n") != std::string_view::npos) fail(text, "it contains white space");
    if (lower(text.substr(0, 5)) == "unix:") return parse_unix(text, text.substr(5));

    std::string scheme;
    std::string_view rest = text;
    if (const size_t at = text.find("://"); at != std::string_view::npos) {
        scheme = lower(text.substr(0, at));
        rest = text.substr(at + 3);
        if (scheme != "http" && scheme != "https") {
            fail(text, "the scheme \"" + scheme + "\" is not one of http, https, unix");
        }
    }
    const size_t tail = rest.find_first_of("/?#");
    if (tail != std::string_view::npos && rest.substr(tail) != "/") {
        fail(text, "\"" + std::string(rest.substr(tail)) + "\" follows the port; OTLP over gRPC has no path");
    }
    Endpoint endpoint = parse_authority(text, rest.substr(0, tail));
    endpoint.tls = scheme.empty() ? !insecure : scheme == "https";
    return endpoint;
}

}  // namespace spanring::agent
