// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>

#include "base/text.hpp"
#include "base/unix_address.hpp"
#include "export/unix_endpoint.hpp"

namespace spanring::agent {

namespace {

constexpr std::string_view kDefaultPort = "4317";

[[noreturn]] void fail(std::string_view text, const std::string& what) {
    throw std::invalid_argument("endpoint \"" + shown_url(text) + "\": " + what);
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

// host, host:port, [address], [address]:port
Endpoint parse_authority(std::string_view text, std::string_view authority) {
    // Before anything of it is shown.
    if (authority.find('@') != std::string_view::npos) fail(text, "user and password belong in headers");
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
    check_host(text, host, brackets);
    endpoint.host = host;
    if (!rest.empty()) {
        rest.remove_prefix(1);
        check_port(text, rest);
        endpoint.port = rest;
    }
    return endpoint;
}

// dns:, ipv4:, ipv6: of gRPC's own targets; `rest` is what follows.
Endpoint parse_own(std::string_view text, std::string_view scheme, std::string_view rest) {
    std::string before(scheme);
    if (scheme == "dns:" && rest.starts_with("//")) {  // the name server, mostly none
        const size_t slash = rest.find('/', 2);
        if (slash == std::string_view::npos) fail(text, "the host after \"dns://server/\" is missing");
        before += rest.substr(0, slash + 1);
        rest.remove_prefix(slash + 1);
    }
    Endpoint endpoint;
    for (size_t comma = 0; comma != std::string_view::npos; rest.remove_prefix(std::min(comma + 1, rest.size()))) {
        comma = scheme == "dns:" ? std::string_view::npos : rest.find(',');
        const Endpoint each = parse_authority(text, rest.substr(0, comma));
        if (endpoint.own.empty()) {
            endpoint = each;
            endpoint.own = before + each.authority();
        } else {
            endpoint.own += "," + each.authority();
        }
        if (comma == std::string_view::npos) break;
    }
    return endpoint;
}

}  // namespace

std::string Endpoint::authority() const {
    if (unix_socket()) return "localhost";
    return (is_address6(host) ? "[" + host + "]" : host) + ":" + port;
}

std::string Endpoint::target() const {
    if (!own.empty()) return own;
    if (!unix_socket()) return authority();
    return path.starts_with('\0') ? shown_unix_path(path) : "unix:" + path;
}

Endpoint parse_endpoint(std::string_view text, bool insecure) {
    if (text.empty()) fail(text, "it is empty");
    if (text.find_first_of(" \t\r\n") != std::string_view::npos) fail(text, "it contains white space");
    if (std::optional<std::string> path = parse_unix_path(text)) {
        Endpoint endpoint;
        endpoint.path = *std::move(path);
        return endpoint;
    }
    for (const std::string_view own : {"dns:", "ipv4:", "ipv6:"}) {
        // A host may be called dns.
        const std::string_view rest = text.substr(std::min(own.size(), text.size()));
        const bool port = own == "dns:" && !rest.empty() && rest.find_first_not_of("0123456789") == rest.npos;
        if (port || lower(text.substr(0, own.size())) != own) continue;
        Endpoint endpoint = parse_own(text, own, rest);
        endpoint.tls = !insecure;
        return endpoint;
    }

    std::string scheme;
    std::string_view rest = text;
    if (const size_t at = text.find("://"); at != std::string_view::npos) {
        scheme = lower(text.substr(0, at));
        rest = text.substr(at + 3);
        if (scheme != "http" && scheme != "https") {
            fail(text, "the scheme \"" + scheme + "\" is not one of http, https, unix, unix-abstract, dns, ipv4, ipv6");
        }
    }
    const size_t tail = rest.find_first_of("/?#");
    if (tail != std::string_view::npos && rest.substr(tail) != "/") {
        fail(text, "\"" + shown_url(rest.substr(tail)) + "\" follows the port; OTLP over gRPC has no path");
    }
    Endpoint endpoint = parse_authority(text, rest.substr(0, tail));
    endpoint.tls = scheme.empty() ? !insecure : scheme == "https";
    return endpoint;
}

}  // namespace spanring::agent
