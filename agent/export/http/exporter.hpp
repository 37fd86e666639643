// SPDX-License-Identifier: Apache-2.0
//
// OTLP over HTTP: protobuf in POST requests, compressed or not, retries and spool by OTLP's rules.
#pragma once

#include <algorithm>

#include "export/http/transport.hpp"
#include "export/otlp_exporter.hpp"
#include "export/http/options.hpp"

namespace spanring::agent {

class OtlpHttpExporter final : public OtlpExporter {
public:
    // `ledger` may be null. Start-up only: throws std::runtime_error or std::invalid_argument with what is wrong with
    // the options (an endpoint that does not parse, a file that cannot be read, a spool that another agent uses).
    OtlpHttpExporter(std::string name, uint32_t index, bool required, const OtlpHttpOptions& options, Ledger* ledger)
        : OtlpExporter(std::move(name), index, required, bounded(options), std::make_unique<HttpTransport>(options),
                       ledger, {}) {}

private:
    // A request takes a connection of its own, so the bound of one is that of the other.
    static OtlpOptions bounded(OtlpHttpOptions options) {
        if (options.max_conns_per_host != 0) {
            options.in_flight = std::min(options.in_flight, options.max_conns_per_host);
        }
        return options;
    }
};

}  // namespace spanring::agent
