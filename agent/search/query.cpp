// SPDX-License-Identifier: Apache-2.0
#include "search/query.hpp"

#include <algorithm>

#include "otlp/span_decoder.hpp"

namespace spanring::agent::search {
namespace {

// Calls take(key, value) for each pair of the span until it answers true; returns that answer.
template <class Take>
bool any_pair(const DecodedResource& resource, const DecodedScope& scope, const DecodedSpan& span, Take take) {
    const auto any_of = [&](const Attributes& attributes) {
        return std::any_of(attributes.begin(), attributes.end(),
                           [&](const auto& each) { return take(std::string_view(each.first), each.second.text); });
    };
    if (any_of(span.attributes) || any_of(resource.attributes)) return true;
    if (!span.status_message.empty() && take(kMessageKey, span.status_message)) return true;
    if (!scope.name.empty() && take(kScopeKey, scope.name)) return true;
    return std::any_of(span.events.begin(), span.events.end(), [&](const DecodedEvent& event) {
        return take(kEventKey, event.name) || any_of(event.attributes);
    });
}

bool holds(const Word& word, const DecodedResource& resource, const DecodedScope& scope, const DecodedSpan& span) {
    switch (word.subject) {
        case Subject::kService: return word.accepts(resource.service_name);
        case Subject::kName: return word.accepts(span.name);
        case Subject::kKind: return word.accepts(kind_name(span.kind));
        case Subject::kStatus: return word.accepts(status_name(span.status_code));
        case Subject::kDuration:
            return word.accepts_duration(std::max(span.end_unix_nano, span.start_unix_nano) - span.start_unix_nano);
        case Subject::kText:
            if (word.accepts(span.name) || word.accepts(resource.service_name)) return true;
            return any_pair(resource, scope, span,
                            [&](std::string_view, const std::string& value) { return word.accepts(value); });
        case Subject::kPair: break;
    }
    return any_pair(resource, scope, span, [&](std::string_view key, const std::string& value) {
        return word.names(key) && word.accepts(value);
    });
}

}  // namespace

bool Query::finds(const DecodedResource& resource, const DecodedScope& scope, const DecodedSpan& span) const {
    return std::all_of(words.begin(), words.end(),
                       [&](const Word& word) { return holds(word, resource, scope, span) != word.negated; });
}

bool parse_query(std::span<const std::string> words, Query& ret_query, std::string& ret_problem) {
    Query query;
    for (const std::string& word : words) {
        if (!parse_word(word, query.words.emplace_back(), ret_problem)) return false;
    }
    ret_query = std::move(query);
    return true;
}

}  // namespace spanring::agent::search
