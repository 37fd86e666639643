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
#include "decide/live_rules.hpp"
#include "decide/policies.hpp"
#include "receive/request_reader.hpp"

namespace spanring::agent {

class BallotReader {
public:
    static constexpr size_t kMostKnown = RequestReader::kMostKnown;

    // Throws std::invalid_argument, as faults_of() would have said.
    // `rules`: those that are set while the agent runs, which outlive this; null: there are none.
    BallotReader(const std::vector<PolicyOptions>& policies, const LiveRules* rules)
        : policies_(policies), rules_(rules) {}

    // Of sound spans: of each trace one.
    std::vector<Ballot> read(const std::vector<Run>& runs);

    // Of a decision: its rule's id, and what its spans are to say.
    uint64_t rule_of(const Decision& decision) {
        follow();
        return policies_.id_of(decision.rule);
    }
    Chance chance_of(const Decision& decision) {
        follow();
        return policies_.chance_of(decision);
    }

private:
    struct KnownProducer {
        std::shared_ptr<const Producer> producer;  // held, so that no other can have its address
        ProducerMarks marks;
    };

    // Who decides may know them already.
    void follow() {
        if (rules_ == nullptr || rules_->generation() == policies_.generation()) return;
        policies_.follow(rules_->rules());
        known_.clear();
    }
    const ProducerMarks& marks_of(const std::shared_ptr<const Producer>& producer);

    Policies policies_;
    const LiveRules* const rules_;
    std::unordered_map<const Producer*, KnownProducer> known_;
};

}  // namespace spanring::agent
