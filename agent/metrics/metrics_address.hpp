// SPDX-License-Identifier: Apache-2.0
//
// Where the agent's own metrics are served: HOST:PORT, [IPV6]:PORT, or a port alone. Without a host it is the
// loopback address: what the page says of processes is not public unless somebody decides so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace spanring::agent {

struct Option;

struct MetricsAddress {
    std::string host = "127.0.0.1";  // a name or an address; IPv6 without brackets
    uint16_t port = 0;               // 0: the kernel chooses

    std::string text() const;  // as it may be given back
    bool operator==(const MetricsAddress&) const = default;
};

// Where else they are sent to, by OTLP.
struct MetricsReader {
    enum class Protocol : uint8_t { kGrpc, kHttp };

    MetricsAddress pull;  // of one that is asked; or else:
    uint32_t interval_ms = 60'000;
    Protocol protocol = Protocol::kHttp;
    std::string endpoint;  // empty: it is one that is asked

    bool operator==(const MetricsReader&) const = default;
};

// Throw std::invalid_argument that says what is wrong with the text.
MetricsAddress parse_metrics_address(const std::string& text);
void check_metrics_host(const std::string& host);

// The Collector's list of readers, as far as it says where to be scraped; its older `address` is the short form.
std::vector<Option> describe(std::optional<MetricsAddress>& address, std::vector<MetricsReader>& readers);
// After they were read: one that is asked is the address, the others stay.
void sort_out(std::optional<MetricsAddress>& address, std::vector<MetricsReader>& readers);

}  // namespace spanring::agent
