// SPDX-License-Identifier: Apache-2.0
#include "processors/span_match.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/option.hpp"
#include "base/text.hpp"
#include "processors/configured_types.hpp"

namespace spanring::agent {
namespace {

using namespace option;

// By their numbers in OTLP.
const std::vector<std::string> kKindNames = {"unspecified", "internal", "server", "client", "producer", "consumer"};
const std::vector<std::string> kStatusNames = {"unset", "ok", "error"};

constexpr size_t kMostAttributes = 16;

// "server", and as the Collector has it, "SPAN_KIND_SERVER".
std::optional<uint32_t> number_of(const std::vector<std::string>& names, std::string text, const char* prefix) {
    text = lower(text);
    if (text.starts_with(prefix)) text = text.substr(std::string(prefix).size());
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<uint32_t>(found - names.begin());
}

TextList list_of(std::vector<std::string>& value, const std::vector<std::string>& names, const char* prefix,
                 const char* values) {
    return {value, values, [&names, prefix](const std::vector<std::string>& texts) -> std::string {
                for (const std::string& text : texts) {
                    if (!number_of(names, text, prefix)) return "'" + text + "' is not one of: " + join(names);
                }
                return {};
            }};
}

uint32_t bits_of(const std::vector<std::string>& texts, const std::vector<std::string>& names, const char* prefix) {
    uint32_t bits = 0;
    for (const std::string& text : texts) bits |= uint32_t{1} << number_of(names, text, prefix).value();
    return bits;
}

constexpr char kKindPrefix[] = "span_kind_";
constexpr char kStatusPrefix[] = "status_code_";

std::vector<Option> describe(AttributeMatch& attribute) {
    return {
        {"key", text(attribute.key, "name of an attribute"), "that it must have", "must be given"},
        {"value", text(attribute.value, "text, number, true or false; a pattern with `regexp`"), "none: any value"},
        {"value_type", choice(attribute.type, kConfiguredTypes), "what `value` is; `auto`: as YAML takes it"},
    };
}

uint64_t nanoseconds(std::chrono::milliseconds time) { return static_cast<uint64_t>(time.count()) * 1'000'000; }

}  // namespace

std::vector<Option> describe(SpanMatchOptions& match) {
    const auto add = [&match] { return describe(match.attributes.emplace_back()); };
    const auto items = [&match] {
        std::vector<std::vector<Option>> items;
        for (AttributeMatch& attribute : match.attributes) items.push_back(describe(attribute));
        return items;
    };
    return {
        {"match_type", choice(match.match_type, {{"strict", MatchType::kStrict}, {"regexp", MatchType::kRegexp}}),
         "how services, names and values of attributes are meant"},
        {"services", TextList{match.services, "list of texts"}, "`service.name` of the resource"},
        {"span_names", TextList{match.names, "list of texts"}, "names of spans"},
        {"span_kinds", list_of(match.kinds, kKindNames, kKindPrefix, "list of kinds, such as server"),
         "kinds of spans"},
        {"status_codes", list_of(match.statuses, kStatusNames, kStatusPrefix, "list of unset, ok, error"),
         "codes of the status"},
        {"attributes", GroupList{add, kMostAttributes, "key", items}},
        {"min_duration", duration(match.min_duration, milliseconds(0)), "not shorter; 0s: any"},
        {"max_duration", duration(match.max_duration, milliseconds(0)), "not longer; 0s: any"},
    };
}

std::string wrong_match(const SpanMatchOptions& match) {
    if (match.empty()) return "says nothing that a span could agree with";
    try {
        SpanMatch{match};
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

SpanMatch::SpanMatch(const SpanMatchOptions& options)
    : services_(options.services, options.match_type),
      names_(options.names, options.match_type),
      kinds_(bits_of(options.kinds, kKindNames, kKindPrefix)),
      statuses_(bits_of(options.statuses, kStatusNames, kStatusPrefix)),
      least_(nanoseconds(options.min_duration)),
      most_(nanoseconds(options.max_duration)) {
    for (const AttributeMatch& attribute : options.attributes) {
        WantedAttribute wanted{attribute.key, attribute.value.empty(), {}, {}};
        if (options.match_type == MatchType::kRegexp && !wanted.any) {
            wanted.pattern.emplace(std::vector<std::string>{attribute.value}, MatchType::kRegexp);
        } else if (!wanted.any) {
            const auto value = encode_as(attribute.type, attribute.value);
            if (!value) throw std::invalid_argument("'" + attribute.value + "' is not of its value_type");
            wanted.value = *value;
        }
        attributes_.push_back(std::move(wanted));
    }
}

void SpanMatch::add_interest(SpanInterest& interest) const {
    for (const WantedAttribute& attribute : attributes_) interest.attributes.add(attribute.key);
}

bool SpanMatch::has(SpanEdit& span, WantedAttribute& wanted) {
    const Attribute* const attribute = span.find(wanted.key);
    if (attribute == nullptr) return false;
    if (wanted.any) return true;
    if (!wanted.pattern) return same_value(attribute->value, bytes_of(wanted.value));
    const ValueView value = view_value(attribute->value);
    return value.kind == ValueKind::kText && wanted.pattern->has(value.text());
}

bool SpanMatch::holds(SpanEdit& span) {
    if (!agrees(span)) return false;
    for (WantedAttribute& attribute : attributes_) {
        if (!has(span, attribute)) return false;
    }
    return true;
}

}  // namespace spanring::agent
