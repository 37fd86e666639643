// SPDX-License-Identifier: Apache-2.0
//
// The processors as the configuration names them ("attributes", "filter/health"), and their keys: the Collector's, as
// far as they make sense here.
//
// A wrong_...() says what is wrong with values together; empty: nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace spanring::agent {

struct GroupList;
struct Option;

// ---- Which spans ----

enum class MatchType : uint8_t { kStrict, kRegexp };

// What a value in a configuration is taken for; kAuto: for what YAML would take it.
enum class ConfiguredType : uint8_t { kAuto, kText, kInteger, kDouble, kBool };

struct AttributeMatch {
    std::string key;
    std::string value;  // empty: any value
    ConfiguredType type = ConfiguredType::kAuto;

    bool operator==(const AttributeMatch&) const = default;
};

struct SpanMatchOptions {
    MatchType match_type = MatchType::kStrict;
    std::vector<std::string> services;
    std::vector<std::string> names;
    std::vector<std::string> kinds;     // "server"
    std::vector<std::string> statuses;  // "error"
    std::vector<AttributeMatch> attributes;
    std::chrono::milliseconds min_duration{0};  // 0: any
    std::chrono::milliseconds max_duration{0};  // 0: any

    bool empty() const { return *this == SpanMatchOptions{match_type, {}, {}, {}, {}, {}, {}, {}}; }
    bool operator==(const SpanMatchOptions&) const = default;
};

std::vector<Option> describe(SpanMatchOptions& match);

std::string wrong_match(const SpanMatchOptions& match);

// ---- What is done to attributes ----

struct AttributeAction {
    std::string key;
    std::string action;  // the name of an ActionType; the Collector has no default
    std::string value;
    bool has_value = false;
    ConfiguredType value_type = ConfiguredType::kAuto;
    std::string from_attribute;
    std::string pattern;

    bool operator==(const AttributeAction&) const = default;
};

GroupList actions_list(std::vector<AttributeAction>& actions);
std::string wrong_action(const AttributeAction& action);

// ---- Processors ----

struct AttributesOptions {
    std::vector<AttributeAction> actions;
    SpanMatchOptions include;  // empty: all
    SpanMatchOptions exclude;  // empty: none

    bool operator==(const AttributesOptions&) const = default;
};

struct ResourceOptions {
    std::vector<AttributeAction> actions;

    bool operator==(const ResourceOptions&) const = default;
};

// What is done where a condition fails. kIgnore: the next one is asked; the Collector's `silent` differs in its log.
enum class ConditionErrors : uint8_t { kIgnore, kSilent, kPropagate };

struct FilterOptions {
    std::vector<SpanMatchOptions> spans;  // what agrees with one of them is left out
    ConditionErrors error_mode = ConditionErrors::kIgnore;
    std::vector<std::string> conditions;  // likewise; in OTTL

    bool operator==(const FilterOptions&) const = default;
};

struct RedactionOptions {
    bool allow_all_keys = false;
    std::vector<std::string> allowed_keys;
    std::vector<std::string> ignored_keys;
    std::vector<std::string> blocked_key_patterns;
    std::vector<std::string> blocked_values;
    std::vector<std::string> allowed_values;

    bool operator==(const RedactionOptions&) const = default;
};

std::string wrong_redaction(const RedactionOptions& options);

struct Rename {
    std::string pattern;
    std::string replacement;

    bool operator==(const Rename&) const = default;
};

std::string wrong_rename(const Rename& rename);

struct TransformOptions {
    std::vector<Rename> span_names;  // one after the other

    bool operator==(const TransformOptions&) const = default;
};

struct LimitsOptions {
    uint32_t attribute_count_limit = 0;         // 0: any
    uint32_t attribute_value_length_limit = 0;  // likewise

    bool operator==(const LimitsOptions&) const = default;
};

enum class SamplerMode : uint8_t { kHashSeed, kEqualizing, kProportional };

struct ProbabilisticSamplerOptions {
    double sampling_percentage = 0;
    SamplerMode mode = SamplerMode::kHashSeed;
    uint32_t hash_seed = 0;
    uint32_t sampling_precision = 4;
    bool fail_closed = true;

    bool operator==(const ProbabilisticSamplerOptions&) const = default;
};

std::vector<Option> describe(AttributesOptions& options);
std::vector<Option> describe(ResourceOptions& options);
std::vector<Option> describe(FilterOptions& options);
std::vector<Option> describe(RedactionOptions& options);
std::vector<Option> describe(TransformOptions& options);
std::vector<Option> describe(LimitsOptions& options);
std::vector<Option> describe(ProbabilisticSamplerOptions& options);

enum class ProcessorType : uint8_t {
    kAttributes,
    kResource,
    kFilter,
    kRedaction,
    kTransform,
    kLimits,
    kProbabilisticSampler
};

// Of the options those of its type count.
struct ProcessorOptions {
    std::string id;
    ProcessorType type = ProcessorType::kAttributes;
    AttributesOptions attributes;
    ResourceOptions resource;
    FilterOptions filter;
    RedactionOptions redaction;
    TransformOptions transform;
    LimitsOptions limits;
    ProbabilisticSamplerOptions probabilistic_sampler;

    bool operator==(const ProcessorOptions&) const = default;
};

std::vector<Option> describe(ProcessorOptions& options);

// What is wrong with its values together; empty: nothing.
std::vector<std::string> faults_of(const ProcessorOptions& options);

const char* type_name(ProcessorType type);
std::optional<ProcessorType> processor_type(const std::string& name);
std::vector<std::string> processor_type_names();

}  // namespace spanring::agent
