// SPDX-License-Identifier: Apache-2.0
//
// What a user says by keys, of all layers. They are the Collector's for what exists here; docs/agent.md lists them.
//
// Header bill: config.hpp, which it fills.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace spanring::agent {

struct ConfigSource;

// What it says; where it is silent, the values that were there before it.
struct FileConfig {
    Config base;                          // in: defaults; out: with the file's directories, batch, log level
    OtlpGrpcOptions otlp;                 // in: what every OTLP exporter starts from ...
    OtlpHttpOptions http;                 // ... by the way it goes
    std::vector<ExporterConfig> defined;  // out: under `exporters`, in the file's order
    bool has_pipeline = false;            // out: the file says which exporters, `base.pipeline` has their names;
                                          // those of connectors, too
};

void read_document(const ConfigValue& root, ConfigSource& source, FileConfig& config);

}  // namespace spanring::agent
