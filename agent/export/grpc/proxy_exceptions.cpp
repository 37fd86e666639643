// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/proxy_exceptions.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"

namespace spanring::agent {

namespace {

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t";
    const size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_this_host(std::string_view host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

// A port of its own is cut off, and so are the brackets of an IPv6 address.
std::string_view take_port(std::string_view entry, std::string_view& ret_port) {
    const size_t colon = entry.rfind(':');
    const bool brackets = entry.starts_with('[');
    const bool one_colon = std::count(entry.begin(), entry.end(), ':') == 1;
    if (colon != std::string_view::npos && (one_colon || (brackets && entry[colon - 1] == ']'))) {
        ret_port = entry.substr(colon + 1);
        entry = entry.substr(0, colon);
    }
    if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
    return entry;
}

}  // namespace

bool is_reached_directly(const std::string& host, const std::string& port, std::string_view exceptions) {
    const std::string name = lower(host);
    if (is_this_host(name)) return true;
    while (!exceptions.empty()) {
        const size_t comma = std::min(exceptions.find(','), exceptions.size());
        const std::string entry = lower(trim(exceptions.substr(0, comma)));
        exceptions.remove_prefix(std::min(comma + 1, exceptions.size()));
        if (entry == "*") return true;
        std::string_view entry_port;
        std::string_view domain = take_port(entry, entry_port);
        if (domain.starts_with('.')) domain.remove_prefix(1);
        if (domain.empty() || (!entry_port.empty() && entry_port != port)) continue;
        if (name == domain) return true;
        if (name.size() > domain.size() && name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.') {
            return true;
        }
    }
    return false;
}

std::string proxy_exceptions() {
    for (const char* variable : {"no_grpc_proxy", "no_proxy", "NO_PROXY"}) {
        if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return value;
    }
    return {};
}

}  // namespace spanring::agent
