// SPDX-License-Identifier: Apache-2.0
//
// Whose spans a request has, as attributes of their resources say and headers of the request repeat: so that a backend
// that keeps tenants apart is never sent those of two in one request. One thread.
//
// Header bill: shipments and the options of an exporter; the sender includes it.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "batch/batch.hpp"
#include "export/otlp_options.hpp"
#include "export/request_headers.hpp"
#include "export/shipment.hpp"

namespace spanring::agent {

class Tenants {
public:
    // None: there are no tenants.
    explicit Tenants(std::vector<HeaderFrom> headers_from, Signal signal = Signal::kTraces)
        : headers_from_(std::move(headers_from)), signal_(signal) {}

    Signal signal() const { return signal_; }  // what their requests are of

    bool asked_for() const { return !headers_from_.empty(); }
    bool are_several(std::span<const Run> runs);
    // Parts of at most `max_bytes`, as split() makes them, each of one tenant, in the order in which tenants first
    // appear.
    std::vector<std::vector<Run>> split(std::span<const Run> runs, size_t max_bytes);

    struct Look {
        bool several = false;
        RequestHeaders headers;  // where it is one; what its resource does not have is not sent
    };
    Look look(const Shipment& shipment);

private:
    std::vector<std::vector<Run>> apart(std::span<const Run> runs);
    struct Known {
        std::weak_ptr<const Producer> producer;  // the same one still, where the address is
        RequestHeaders headers;
    };

    const RequestHeaders& headers_of(const std::shared_ptr<const Producer>& producer);

    const std::vector<HeaderFrom> headers_from_;
    const Signal signal_;
    std::map<const Producer*, Known> known_;
};

// A text of anybody's as the value of a header of HTTP and gRPC: what may not stand there, blanks and '%' are %XX, and
// there are at most kMostHeaderValue bytes of it. Texts that differ stay different up to there.
inline constexpr size_t kMostHeaderValue = 1024;
std::string header_value(const std::string& text);

}  // namespace spanring::agent
