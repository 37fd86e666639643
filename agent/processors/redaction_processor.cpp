// SPDX-License-Identifier: Apache-2.0
#include "processors/redaction_processor.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/character.hpp"
#include "base/option.hpp"

namespace spanring::agent {
namespace {

constexpr std::string_view kMask = "****";
constexpr int kDeepest = 32;  // of lists in lists; a deeper one is masked

bool is_in_one(const std::vector<Pattern>& patterns, std::string_view text) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const Pattern& pattern) { return pattern.is_in(text); });
}

EncodedBytes encoded_text(std::string_view text, Scratch& scratch) {
    const size_t size = 1 + wire::varint_size(text.size()) + text.size();
    uint8_t* const value = scratch.allocate(size);
    *value = wire::tags::bytes(1);
    uint8_t* const at = wire::put_varint(value + 1, text.size());
    std::copy(text.begin(), text.end(), at);
    return {value, size};
}

}  // namespace

std::vector<Option> describe(RedactionOptions& options) {
    return {
        {"allow_all_keys", option::boolean(options.allow_all_keys), "`false`: attributes of other keys are removed"},
        {"allowed_keys", TextList{options.allowed_keys, "list of names of attributes"},
         "that stay; `service.name` has to be among them to stay"},
        {"ignored_keys", TextList{options.ignored_keys, "list of names of attributes"},
         "that stay as they are, whatever is in them"},
        {"blocked_key_patterns", TextList{options.blocked_key_patterns, "list of regular expressions"},
         "keys whose values are masked whole"},
        {"blocked_values", TextList{options.blocked_values, "list of regular expressions"}, "what is masked in values"},
        {"allowed_values", TextList{options.allowed_values, "list of regular expressions"},
         "values that stay, blocked or not"},
    };
}

std::string wrong_redaction(const RedactionOptions& options) {
    for (const auto* patterns : {&options.blocked_key_patterns, &options.blocked_values, &options.allowed_values}) {
        if (std::string wrong = wrong_patterns(*patterns); !wrong.empty()) return wrong;
    }
    return {};
}

RedactionProcessor::RedactionProcessor(const RedactionOptions& options)
    : allow_all_keys_(options.allow_all_keys),
      allowed_keys_(options.allowed_keys, MatchType::kStrict),
      ignored_keys_(options.ignored_keys, MatchType::kStrict),
      blocked_keys_(options.blocked_key_patterns, MatchType::kRegexp) {
    for (const std::string& pattern : options.blocked_values) blocked_values_.emplace_back(pattern);
    for (const std::string& pattern : options.allowed_values) allowed_values_.emplace_back(pattern);
}

void RedactionProcessor::add_interest(SpanInterest& interest) const {
    interest.attributes.add_all();
    interest.events = true;
}

bool RedactionProcessor::take_span(SpanEdit& span, const ResourceMarks&, size_t) {
    redact(span);
    span.edit_parts([this](MessageEdit& part) { redact(part); });
    return true;
}

void RedactionProcessor::redact(MessageEdit& message) {
    for (Attribute& attribute : message.attributes()) {
        if (!attribute.there() || ignored_keys_.has(attribute.key)) continue;
        if (!allow_all_keys_ && !allowed_keys_.has(attribute.key)) {
            message.remove(attribute);
            ++redacted_;
        } else if (!blocked_keys_.empty() && blocked_keys_.has(attribute.key)) {
            message.set(attribute, encoded_text(kMask, message.scratch()));
            ++redacted_;
        } else if (!blocked_values_.empty() || !blocked_keys_.empty()) {
            mask(message, attribute);
        }
    }
}

void RedactionProcessor::mask(MessageEdit& message, Attribute& attribute) {
    if (!has_blocked(attribute.value)) return;
    const ValueView value = view_value(attribute.value);
    std::string text(kMask);
    if (value.kind == ValueKind::kText) {
        text = value.text();
        for (const Pattern& pattern : blocked_values_) pattern.replace_all(text, std::string(kMask));
        if (!is_utf8(text)) text = kMask;  // a pattern may match half a character
    }
    message.set(attribute, encoded_text(text, message.scratch()));
    ++redacted_;
}

// A list or a map with something in it is masked as a whole.
bool RedactionProcessor::has_blocked(EncodedBytes of) {
    struct Walk {
        RedactionProcessor& self;
        bool found = false;

        void look(EncodedBytes encoded, int depth) {
            if (found) return;
            const ValueView value = view_value(encoded);
            if (value.kind == ValueKind::kText || value.kind == ValueKind::kBytes)
                found = self.has_blocked(value.text());
            if (value.kind != ValueKind::kList && value.kind != ValueKind::kMap) return;
            if (depth == kDeepest) found = true;
            const bool is_map = value.kind == ValueKind::kMap;
            wire::each_field(value.inside, [&](const wire::Field& field) {
                if (field.tag() == wire::tags::bytes(1))
                    is_map ? look_at_pair(field.bytes, depth + 1) : look(field.bytes, depth + 1);
            });
        }
        void look_at_pair(EncodedBytes pair, int depth) {
            wire::each_field(pair, [&](const wire::Field& field) {
                if (field.tag() == wire::tags::bytes(1))
                    found = found || (!self.blocked_keys_.empty() && self.blocked_keys_.has(field.text()));
                if (field.tag() == wire::tags::bytes(2)) look(field.bytes, depth);
            });
        }
    };
    Walk walk{*this};
    walk.look(of, 0);
    return walk.found;
}

bool RedactionProcessor::has_blocked(std::string_view text) {
    return is_in_one(blocked_values_, text) && !is_in_one(allowed_values_, text);
}

}  // namespace spanring::agent
