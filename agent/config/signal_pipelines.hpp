// SPDX-License-Identifier: Apache-2.0
//
// Which exporters pipelines of logs and metrics have. While a configuration is checked they stand among those of
// traces; what is wrong with one is told once.
//
// Header bill: config.hpp; what loads a configuration includes it.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace spanring::agent {

// Puts those that no pipeline of traces has behind the others. `defined`: all that the file has.
void add_signal_exporters(const std::vector<ExporterConfig>& defined, Config& config);
// And takes them out again, `traces` being how many there were; those that pipelines of both kinds have are copied.
void take_signal_exporters(size_t traces, const Origins& origins, std::vector<std::string>& problems, Config& config);

}  // namespace spanring::agent
