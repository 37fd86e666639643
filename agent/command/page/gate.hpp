// SPDX-License-Identifier: Apache-2.0
//
// Which requests are answered at all, by what their heads say. A browser sends anything that any site asks it to, to
// any address, with the cookies of that address. So it has to be this page that asks (Sec-Fetch-Site, Origin), and it
// has to have come here by this server's own name: another name that leads here is another site's (DNS rebinding).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spanring::agent {

// What was said, each only where it was said once; `twice` names a field that was not.
struct RequestHead {
    std::string_view method;
    std::string_view host;
    std::optional<std::string_view> origin;
    std::optional<std::string_view> fetch_site;
    std::optional<std::string_view> fetch_mode;
    std::optional<std::string_view> fetch_destination;
    bool twice = false;
};

struct Refusal {
    unsigned status = 0;
    const char* why = "";
};

class Gate {
public:
    // `scheme`: of the origin of its own pages. `names`: hosts that it is reached by, beside loopback's own.
    // `anywhere`: it listens elsewhere than on loopback, and any address of an interface may be what it is reached by.
    Gate(std::string scheme, std::vector<std::string> names, bool anywhere);

    // Nothing: it passes. `document`: it asks for a page, to which another site may lead: nothing of it can be seen or
    // touched from there, and it brings no cookie along.
    std::optional<Refusal> refuses(const RequestHead& head, bool document) const;

    bool is_own(std::string_view host) const;  // with or without a port

private:
    const std::string scheme_;
    const std::vector<std::string> names_;
    const bool anywhere_;
};

}  // namespace spanring::agent
