// SPDX-License-Identifier: Apache-2.0
//
// What policies need to know of spans that came, trace by trace. One thread.
//
// Header bill: policies.hpp; receiver.hpp alone includes it.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "batch/batch.hpp"
#include "decide/decision_desk.hpp"
#include "decide/policies.hpp"
#include "receive/request_reader.hpp"

namespace spanring::agent {

class BallotReader {
public:
    static constexpr size_t kMostKnown = RequestReader::kMostKnown;

    // Throws std::invalid_argument, as faults_of() would have said.
    explicit BallotReader(const std::vector<PolicyOptions>& policies) : policies_(policies) {}

    // Of sound spans: of each trace one.
    std::vector<Ballot> read(const std::vector<Run>& runs);

    const std::vector<uint64_t>& rule_ids() const { return policies_.ids(); }
    Chance chance_of(const Decision& decision) const { return policies_.chance_of(decision); }

private:
    struct KnownProducer {
        std::shared_ptr<const Producer> producer;  // held, so that no other can have its address
        ProducerMarks marks;
    };

    const ProducerMarks& marks_of(const std::shared_ptr<const Producer>& producer);

    Policies policies_;
    std::unordered_map<const Producer*, KnownProducer> known_;
};

}  // namespace spanring::agent
