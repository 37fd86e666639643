// SPDX-License-Identifier: Apache-2.0
//
// The processors of the pipeline: a chain for each thread that takes spans in, and the sums over these.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "processors/processor_options.hpp"

namespace spanring::agent {

class ProcessorChain;

// What a processor did, since the start.
struct ProcessorFigures {
    uint64_t changed = 0;   // spans
    uint64_t filtered = 0;  // spans
    uint64_t redacted = 0;  // values and keys, of whatever
};

class Processors {
public:
    explicit Processors(std::vector<ProcessorOptions> options);
    ~Processors();

    // For one thread. All of them before the first one is asked for figures.
    ProcessorChain& add_chain();

    struct Row {
        std::string id;
        ProcessorFigures figures;
    };
    std::vector<Row> figures() const;  // any thread

private:
    const std::vector<ProcessorOptions> options_;
    std::vector<std::unique_ptr<ProcessorChain>> chains_;
};

}  // namespace spanring::agent
