// SPDX-License-Identifier: Apache-2.0
//
// OTLP over HTTP: protobuf in POST requests, compressed or not, retries and spool by OTLP's rules.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "export/otlp_exporter.hpp"

namespace spanring::agent {

struct OtlpHttpOptions;

class OtlpHttpExporter final : public OtlpExporter {
public:
    // `ledger` may be null. Start-up only: throws std::runtime_error or std::invalid_argument with what is wrong with
    // the options (an endpoint that does not parse, a file that cannot be read, a spool that another agent uses).
    OtlpHttpExporter(std::string name, uint32_t index, bool required, const OtlpHttpOptions& options, Ledger* ledger);
};

// The same, or with `spreading` one for all of its endpoints.
std::unique_ptr<Exporter> make_otlp_http_exporter(std::string name, uint32_t index, bool required,
                                                  const OtlpHttpOptions& options, Ledger* ledger);

}  // namespace spanring::agent
