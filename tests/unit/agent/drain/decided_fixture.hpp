// SPDX-License-Identifier: Apache-2.0
//
// A drain that has traces decided: spans of segments made by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "decide/decision_counters.hpp"
#include "decide/decision_desk.hpp"
#include "decide/policies.hpp"
#include "processors/processor_chain.hpp"
#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {

using std::chrono::milliseconds;
using test::Bytes;

inline constexpr uint32_t kChunk = test::kFirstLarge;
inline constexpr uint8_t kError = 2;

// A span of that trace, started and, where it has an end, ended.
inline Bytes started(uint64_t trace, uint64_t number, const std::string& name) {
    Bytes span = test::span_start(number, name);
    const uint64_t id[2] = {0x1122334455667788, trace};
    std::memcpy(span.data() + 2, id, sizeof id);
    return span;
}
inline Bytes ended(uint64_t trace, uint64_t number, const std::string& name = "work", uint8_t status = 0) {
    Bytes span = started(trace, number, name);
    test::put_fixed64(span, 0x41, 2000 + number);
    if (status != 0) span.insert(span.end(), {0x7a, 2, 0x18, status});
    return span;
}

inline PolicyOptions named(const std::string& name) {
    PolicyOptions policy;
    policy.name = "named";
    policy.type = PolicyType::kName;
    policy.span_name.values = {name};
    return policy;
}
inline PolicyOptions errors() {
    PolicyOptions policy;
    policy.name = "errors";
    policy.type = PolicyType::kStatusCode;
    policy.status_codes = {"ERROR"};
    return policy;
}
inline PolicyOptions all_by_chance() {
    PolicyOptions policy;
    policy.name = "chance";
    policy.type = PolicyType::kProbabilistic;
    policy.sampling_percentage = 100;
    policy.chance = ChanceMode::kEqualizing;
    return policy;
}
inline PolicyOptions of_type(PolicyType type) {
    PolicyOptions policy;
    policy.name = "of_type";
    policy.type = type;
    return policy;
}

class DecidedDrainTest : public DrainTest {
protected:
    DecidedDrainTest() {
        sampling_.enabled = true;
        sampling_.linger = milliseconds(1);
    }

    void start_with(std::vector<PolicyOptions> policies, std::chrono::microseconds pace = {}) {
        sampling_.policies = std::move(policies);
        counters_ = std::make_unique<DecisionCounters>(Policies(sampling_.policies).names());
        DrainOptions with = options();
        with.tail_sampling = sampling_;
        with.decisions = counters_.get();
        with.state_directory = state_directory_;
        with.desk = desk_.get();
        with.pace.shortest = with.pace.busy = with.pace.idle = pace;
        if (chain_ != nullptr) with.processors = {chain_.get()};
        start(with);
    }
    void append(FileImage& image, const Bytes& span) {
        image->append(kChunk, test::record_of(span), 1);
        image->count();
    }
    void pass_until_decided(uint64_t spans) {
        pass_until([&] {
            uint64_t decided = 0;
            for (size_t i = 0; i < counters_->names().size(); ++i)
                decided += counters_->rule(i).spans_kept.get() + counters_->rule(i).spans_sampled_out.get();
            return decided == spans;
        });
    }
    // Three looks at all open spans, and three decisions.
    void pass_rounds() {
        const uint64_t before = counters_->rounds.get();
        pass_until([&] { return counters_->rounds.get() >= before + 3; });
    }
    ring::ExporterTotals finish(FileImage& image) {
        image.die();
        pass_until([&] { return !directory.has(image.name()); });
        return ledger.of(image.instance()).agent.exporters[0];
    }
    std::vector<uint64_t> numbers() const {
        std::vector<uint64_t> numbers = exporter.numbers();
        std::sort(numbers.begin(), numbers.end());
        return numbers;
    }
    // Of the spans that were sent, those that say by which chance.
    size_t with_chance() const {
        return static_cast<size_t>(std::count_if(exporter.spans.begin(), exporter.spans.end(), [](const auto& span) {
            return std::string(span.bytes.begin(), span.bytes.end()).find("ot=th:0") != std::string::npos;
        }));
    }
    size_t place_of(const std::string& rule) const {
        const auto& names = counters_->names();
        return static_cast<size_t>(std::find(names.begin(), names.end(), rule) - names.begin());
    }
    const DecisionCounters::Rule& rule(const std::string& name) const { return counters_->rule(place_of(name)); }

    TailSamplingOptions sampling_;
    std::string state_directory_;  // empty: what waits stays in its segment
    std::unique_ptr<DecisionCounters> counters_;
    std::unique_ptr<ProcessorChain> chain_;
    std::unique_ptr<DecisionDesk> desk_;
};

}  // namespace spanring::agent
