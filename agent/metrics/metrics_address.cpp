// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics_address.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include <arpa/inet.h>

#include "base/option.hpp"
#include "base/quantity.hpp"

namespace spanring::agent {
namespace {

bool is_ipv6(const std::string& host) {
    in6_addr address;
    return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Digits and dots alone are meant as an address, and no name ends in a number (RFC 1123, 2.1).
bool is_ipv4_or_name(const std::string& host) {
    const auto all = [&](auto allowed) { return std::all_of(host.begin(), host.end(), allowed); };
    if (all([](unsigned char c) { return std::isdigit(c) || c == '.'; })) {
        in_addr address;
        return inet_pton(AF_INET, host.c_str(), &address) == 1;
    }
    return all([](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-' || c == '_'; });
}

}  // namespace

std::string MetricsAddress::text() const {
    return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

void check_metrics_host(const std::string& host) {
    if (host.empty()) throw std::invalid_argument("is empty; every address of this host is 0.0.0.0 or ::");
    if (!is_ipv6(host) && !is_ipv4_or_name(host)) {
        throw std::invalid_argument("'" + host + "' is not a name or address of a host");
    }
}

MetricsAddress parse_metrics_address(const std::string& text) {
    const auto wrong = [&](const std::string& why) {
        return std::invalid_argument("'" + text + "' is not an address to listen on: " + why +
                                     " (such as 127.0.0.1:8888, [::1]:8888, 8888)");
    };
    MetricsAddress address;
    std::string port = text;
    if (const size_t colon = text.rfind(':'); colon != std::string::npos) {
        port = text.substr(colon + 1);
        std::string host = text.substr(0, colon);
        if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
            host = host.substr(1, host.size() - 2);
            if (!is_ipv6(host)) throw wrong("'" + host + "' is not an IPv6 address");
        } else if (host.find(':') != std::string::npos) {
            throw wrong("an IPv6 address needs brackets");
        } else if (!host.empty() && !is_ipv4_or_name(host)) {
            throw wrong("'" + host + "' is not a name or address of a host");
        }
        if (!host.empty()) address.host = host;
    }
    const auto number = parse_unsigned(port);
    if (!number || *number > 65535) throw wrong("'" + port + "' is not a port");
    address.port = static_cast<uint16_t>(*number);
    return address;
}

namespace {

std::vector<Option> describe_periodic(MetricsReader& reader) {
    using enum MetricsReader::Protocol;
    std::vector<Option> otlp = {
        {"protocol", option::choice(reader.protocol, {{"grpc", kGrpc}, {"http/protobuf", kHttp}}), "of OTLP"},
        {"endpoint", option::text(reader.endpoint, "URL"),
         "where the agent's own metrics are sent; `/v1/metrics` is appended with HTTP", "must be given"},
    };
    return {
        {"interval", option::count(reader.interval_ms, 100, 86'400'000), "milliseconds from one time to the next"},
        {"exporter", Group{{{"otlp", Group{otlp}}}}},
    };
}

std::vector<Option> describe_reader(MetricsReader& reader) {
    std::vector<Option> prometheus = {
        {"host", option::text(reader.pull.host, "name or address", check_metrics_host), "as in address"},
        {"port", option::port(reader.pull.port), "0: chosen by the kernel", "must be given"},
    };
    return {
        {"pull", Group{{{"exporter", Group{{{"prometheus", Group{prometheus}}}}}}}, {}, {}, reader.endpoint.empty()},
        {"periodic", Group{describe_periodic(reader)}}};
}

constexpr size_t kMostReaders = 4;

}  // namespace

void sort_out(std::optional<MetricsAddress>& address, std::vector<MetricsReader>& readers) {
    const auto is_asked = [](const MetricsReader& reader) { return reader.endpoint.empty(); };
    const auto asked = std::find_if(readers.begin(), readers.end(), is_asked);
    if (asked != readers.end()) address = asked->pull;
    std::erase_if(readers, is_asked);
}

std::vector<Option> describe(std::optional<MetricsAddress>& address, std::vector<MetricsReader>& readers) {
    const auto set = [&address](const std::string& text) -> std::string {
        try {
            address = text.empty() ? std::nullopt : std::optional(parse_metrics_address(text));
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return {};
    };
    const Scalar short_form = {
        "a string", "HOST:PORT or PORT", set, [&address] { return address ? address->text() : ""; }, {}, true};
    const auto add = [&readers] { return describe_reader(readers.emplace_back()); };
    const auto items = [&readers] {
        std::vector<std::vector<Option>> items;
        for (MetricsReader& reader : readers) items.push_back(describe_reader(reader));
        return items;
    };
    return {
        {"address", short_form, "where the agent's own metrics are served; a port alone is a port of 127.0.0.1", "off"},
        {"readers", GroupList{add, kMostReaders, nullptr, items}, {}, {}, !readers.empty()},
    };
}

}  // namespace spanring::agent
