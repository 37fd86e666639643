// SPDX-License-Identifier: Apache-2.0
#include "receive/listen_address.hpp"

#include <stdexcept>

#include "base/quantity.hpp"
#include "base/unix_address.hpp"

namespace spanring::agent {

std::string ListenAddress::text() const {
    if (is_unix()) return "unix:" + path;
    return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool ListenAddress::is_loopback() const {
    return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
           (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

ListenAddress parse_listen_address(const std::string& text) {
    const auto wrong = [&](const std::string& why) {
        return std::invalid_argument("'" + text + "' is not an address to listen on: " + why +
                                     " (such as 127.0.0.1:4318, [::1]:4318, unix:/run/user/1000/otlp.sock)");
    };
    ListenAddress address;
    if (text.starts_with("unix:")) {
        address.path = text.substr(5);
        while (address.path.starts_with("//")) address.path.erase(0, 1);  // unix:///path
        if (!address.path.starts_with("/")) throw wrong("the path of a socket must be absolute");
        if (address.path.size() > kLongestUnixPath) throw wrong("the path is too long");
        return address;
    }
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos) throw wrong("it has no port");
    address.host = text.substr(0, colon);
    if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']') {
        address.host = address.host.substr(1, address.host.size() - 2);
    } else if (address.host.find(':') != std::string::npos) {
        throw wrong("an IPv6 address needs brackets");
    }
    if (address.host.empty()) throw wrong("every address of this host is 0.0.0.0 or ::");
    const auto port = parse_unsigned(text.substr(colon + 1));
    if (!port || *port > 65535) throw wrong("'" + text.substr(colon + 1) + "' is not a port");
    address.port = static_cast<uint16_t>(*port);
    return address;
}

}  // namespace spanring::agent
