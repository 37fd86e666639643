// SPDX-License-Identifier: Apache-2.0
#include "export/http/exporter.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "export/http/transport.hpp"

namespace spanring::agent {

namespace {

// A request takes a connection of its own, so the bound of one is that of the other.
OtlpOptions bounded(OtlpHttpOptions options) {
    if (options.max_conns_per_host != 0) options.in_flight = std::min(options.in_flight, options.max_conns_per_host);
    return options;
}

}  // namespace

OtlpHttpExporter::OtlpHttpExporter(std::string name, uint32_t index, bool required, const OtlpHttpOptions& options,
                                   Ledger* ledger)
    : OtlpExporter(std::move(name), index, required, bounded(options),
                   [options] { return std::make_unique<HttpTransport>(options); }, ledger, {}) {}

}  // namespace spanring::agent
