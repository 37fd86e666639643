// SPDX-License-Identifier: Apache-2.0
#include "command/page/gate.hpp"

#include <algorithm>
#include <utility>

#include <arpa/inet.h>

#include "base/text.hpp"

namespace spanring::agent {
namespace {

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 &&
           std::all_of(text.begin(), text.end(), [](char byte) { return byte >= '0' && byte <= '9'; });
}

// Without its port. Nothing: it is no host.
std::optional<std::string> name_of(std::string_view host) {
    const size_t end = host.starts_with('[') ? host.find(']') : host.find(':');
    const bool bracket = host.starts_with('[');
    if (bracket && end == std::string_view::npos) return std::nullopt;
    const std::string_view name = bracket ? host.substr(1, end - 1) : host.substr(0, end);
    std::string_view rest = bracket ? host.substr(end + 1) : host.substr(std::min(name.size(), host.size()));
    if (!rest.empty() && (!rest.starts_with(':') || !is_port(rest.substr(1)))) return std::nullopt;
    if (name.empty()) return std::nullopt;
    return lower(name);
}

}  // namespace

Gate::Gate(std::string scheme, std::vector<std::string> names, bool anywhere)
    : scheme_(std::move(scheme)), names_(std::move(names)), anywhere_(anywhere) {}

// An address cannot be made to lead elsewhere, a name can.
bool Gate::is_own(std::string_view host) const {
    const std::optional<std::string> name = name_of(host);
    if (!name) return false;
    if (*name == "localhost" || std::find(names_.begin(), names_.end(), *name) != names_.end()) return true;
    in_addr four{};
    if (::inet_pton(AF_INET, name->c_str(), &four) == 1) return anywhere_ || ntohl(four.s_addr) >> 24 == 127;
    in6_addr six{};
    if (::inet_pton(AF_INET6, name->c_str(), &six) == 1) return anywhere_ || IN6_IS_ADDR_LOOPBACK(&six);
    return false;
}

std::optional<Refusal> Gate::refuses(const RequestHead& head, bool document) const {
    if (head.method != "GET" && head.method != "HEAD") return Refusal{405, "there is only GET, and HEAD"};
    if (head.twice) return Refusal{400, "a field that says where the request comes from is there twice"};
    if (!is_own(head.host)) return Refusal{421, "this server has another name"};
    if (head.origin && lower(*head.origin) != scheme_ + "://" + lower(head.host))
        return Refusal{403, "another site asks"};
    if (!head.fetch_site || *head.fetch_site == "same-origin" || *head.fetch_site == "none") return std::nullopt;
    const bool leads_here = head.fetch_mode == "navigate" && head.fetch_destination == "document";
    if (document && leads_here) return std::nullopt;
    return Refusal{403, "another site asks"};
}

}  // namespace spanring::agent
