// SPDX-License-Identifier: Apache-2.0
//
// What processors make of a request that came: spans that stay as they are stay where they are, changed ones go into
// memory of the request's own, and what is left out is in no run. Producers and scopes are remembered for the requests
// that have the same. One thread.
//
// Header bill: it remembers producers and scopes; receiver.hpp alone includes it.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "batch/batch.hpp"
#include "processors/processor_chain.hpp"
#include "receive/request_reader.hpp"

namespace spanring::agent {

class ProcessedSpans {
public:
    static constexpr size_t kMostKnown = RequestReader::kMostKnown;

    // Null: nothing is changed.
    explicit ProcessedSpans(ProcessorChain* processors) : processors_(processors) {}

    void take(ReceivedSpans& spans);

private:
    struct KnownProducer {
        std::shared_ptr<const Producer> from;
        ProcessedProducer processed;
    };
    struct KnownScope {
        std::shared_ptr<const Scope> from;
        std::shared_ptr<const Scope> processed;
    };

    // The original is held with it, so that no other can have its address.
    const ProcessedProducer& producer(const std::shared_ptr<const Producer>& from);
    const std::shared_ptr<const Scope>& scope(const std::shared_ptr<const Scope>& from);
    uint32_t take_run(const Run& run, ReceivedSpans& spans, std::vector<Run>& runs);
    uint8_t* allocate(ReceivedSpans& spans, size_t size);

    ProcessorChain* const processors_;
    std::unordered_map<const Producer*, KnownProducer> producers_;
    std::unordered_map<const Scope*, KnownScope> scopes_;
    uint8_t* free_ = nullptr;  // rest of the request's last buffer
    size_t room_ = 0;
};

}  // namespace spanring::agent
