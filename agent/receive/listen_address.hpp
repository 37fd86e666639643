// SPDX-License-Identifier: Apache-2.0
//
// Where a receiver listens: HOST:PORT, [IPV6]:PORT, or unix:PATH.
#pragma once

#include <cstdint>
#include <string>

namespace spanring::agent {

struct ListenAddress {
    std::string host;  // a name or an address; IPv6 without brackets
    uint16_t port = 0;
    std::string path;  // of a unix socket: then host and port are not used

    bool is_unix() const { return !path.empty(); }
    bool is_loopback() const;  // by what it is called; no name is looked up
    std::string text() const;  // as it may be given back
    bool operator==(const ListenAddress&) const = default;
};

// Throws std::invalid_argument that says what is wrong with the text.
ListenAddress parse_listen_address(const std::string& text);

}  // namespace spanring::agent
