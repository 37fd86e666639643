// SPDX-License-Identifier: Apache-2.0
//
// The certificates and the key that an exporter's options name, as they are at present.
#pragma once

#include <string>
#include <vector>

#include "export/otlp_options.hpp"

namespace spanring::agent {

struct TlsFiles {
    std::string ca, cert, key;  // PEM; empty: not named
};

// Those that are named and cannot be read.
std::vector<OptionFault> tls_faults(const OtlpOptions& options);

// Throws std::runtime_error that names the file, std::invalid_argument where one is set without its other half.
TlsFiles read_tls_files(const OtlpOptions& options);

}  // namespace spanring::agent
