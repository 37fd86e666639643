// SPDX-License-Identifier: Apache-2.0
#include "export/unix_endpoint.hpp"

#include <stdexcept>

#include "base/text.hpp"
#include "base/unix_address.hpp"

namespace spanring::agent {

namespace {

[[noreturn]] void fail(std::string_view endpoint, const std::string& what) {
    throw std::invalid_argument("endpoint \"" + std::string(endpoint) + "\": " + what);
}

}  // namespace

std::optional<std::string> parse_unix_path(std::string_view endpoint) {
    constexpr std::string_view kPath = "unix:", kAbstract = "unix-abstract:";
    std::string path;
    if (lower(endpoint.substr(0, kAbstract.size())) == kAbstract) {
        path.assign(1, '\0').append(endpoint.substr(kAbstract.size()));
        if (path.size() == 1) fail(endpoint, "the name of the socket is missing");
    } else if (lower(endpoint.substr(0, kPath.size())) == kPath) {
        path = endpoint.substr(kPath.size());
        if (path.starts_with("//")) {
            path.erase(0, 2);
            if (!path.starts_with('/')) fail(endpoint, "the path after \"unix://\" is not absolute");
        }
        if (path.empty()) fail(endpoint, "the path of the socket is missing");
    } else {
        return std::nullopt;
    }
    if (path.size() > kLongestUnixPath) {
        fail(endpoint, "the path of the socket is longer than " + std::to_string(kLongestUnixPath) + " bytes");
    }
    return path;
}

}  // namespace spanring::agent
