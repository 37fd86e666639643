// SPDX-License-Identifier: Apache-2.0
//
// `processors.tail_sampling`: which traces are kept, decided when they are over. Keys that the Collector's processor of
// that name has mean the same here.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "processors/processor_options.hpp"

namespace spanring::agent {

enum class PolicyType : uint8_t {
    kAlwaysSample,
    kNever,
    kStatusCode,
    kUnfinished,
    kLatency,
    kStringAttribute,
    kNumericAttribute,
    kBooleanAttribute,
    kName,
    kService,
    kRateLimiting,
    kProbabilistic,
    kFairRate,
    kFollow,
    kCondition,
    kAnd,
    kNot,
    kDrop,
    kComposite,
};

// Who shares a rate.
enum class Sharers : uint8_t { kServices, kOperations };

// By which chance traces are kept.
enum class ChanceMode : uint8_t { kHashSeed, kEqualizing };

// Texts of which one must be met.
struct TextPolicyOptions {
    std::string key;  // of an attribute; names and services have none
    std::vector<std::string> values;
    bool enabled_regex_matching = false;

    bool operator==(const TextPolicyOptions&) const = default;
};

// What a part of `composite` gets of its rate.
struct RateAllocation {
    std::string policy;
    uint32_t percent = 0;  // 0: an equal share

    bool operator==(const RateAllocation&) const = default;
};

// Of the options those of its type count.
struct PolicyOptions {
    std::string name;
    PolicyType type = PolicyType::kAlwaysSample;
    std::vector<std::string> status_codes;
    uint32_t threshold_ms = 0;
    uint32_t upper_threshold_ms = 0;  // 0: none
    double above_quantile = 0;        // of the durations of its operation; 0: none
    TextPolicyOptions string_attribute;
    TextPolicyOptions span_name;
    TextPolicyOptions service;
    std::string numeric_key;
    double min_value = 0;
    double max_value = 0;
    std::string boolean_key;
    bool boolean_value = true;
    uint32_t spans_per_second = 0;
    uint32_t traces_per_second = 0;
    Sharers among = Sharers::kServices;
    double sampling_percentage = 0;
    ChanceMode chance = ChanceMode::kHashSeed;
    std::string hash_salt = "default-hash-seed";
    ConditionErrors error_mode = ConditionErrors::kIgnore;
    std::vector<std::string> conditions;
    std::vector<PolicyOptions> parts;  // of `and`, `not`, `drop` and `composite`
    uint32_t max_total_spans_per_second = 0;
    std::vector<std::string> policy_order;
    std::vector<RateAllocation> rates;

    bool operator==(const PolicyOptions&) const = default;
};

struct TailSamplingOptions {
    static constexpr size_t kMostPolicies = 64;

    bool enabled = false;
    std::chrono::milliseconds linger{200};            // nothing came for so long, and no open span is of the trace
    std::chrono::milliseconds decision_wait{30'000};  // from a trace's first span on, at most
    uint32_t num_traces = 50'000;                     // that wait for a decision, at most
    uint64_t memory = uint64_t{64} << 20;             // bytes that their spans take, at most
    std::chrono::milliseconds ring_linger{500};       // a span is in its segment so long at most, then in a file
    uint64_t files_max_bytes = uint64_t{1} << 30;     // that undecided spans take in files, at most
    bool files_packed = false;                        // by zstd
    uint32_t sampled_cache_size = 200'000;
    uint32_t non_sampled_cache_size = 500'000;
    std::chrono::milliseconds decisions_kept{600'000};
    std::vector<PolicyOptions> policies;

    bool operator==(const TailSamplingOptions&) const = default;
};

std::vector<Option> describe(TailSamplingOptions& options);

// What is wrong with its values together; empty: nothing.
std::vector<std::string> faults_of(const TailSamplingOptions& options);

}  // namespace spanring::agent
