// SPDX-License-Identifier: Apache-2.0
#include "processors/processors.hpp"

#include <utility>

#include "processors/processor_chain.hpp"

namespace spanring::agent {

Processors::Processors(std::vector<ProcessorOptions> options) : options_(std::move(options)) {}

Processors::~Processors() = default;

ProcessorChain& Processors::add_chain() { return *chains_.emplace_back(std::make_unique<ProcessorChain>(options_)); }

std::vector<Processors::Row> Processors::figures() const {
    std::vector<Row> rows;
    for (size_t i = 0; i < options_.size(); ++i) {
        Row& row = rows.emplace_back();
        row.id = options_[i].id;
        for (const auto& chain : chains_) {
            const ProcessorFigures figures = chain->figures(i);
            row.figures.changed += figures.changed;
            row.figures.filtered += figures.filtered;
            row.figures.redacted += figures.redacted;
        }
    }
    return rows;
}

}  // namespace spanring::agent
