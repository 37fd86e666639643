// SPDX-License-Identifier: Apache-2.0
#include "export/tap/span_filter.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "otlp/sorted_runs.hpp"
#include "otlp/span_decoder.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

using search::Subject;
using search::Word;
using wire::tags::bytes;
using wire::tags::fixed64;
using wire::tags::varint;

uint32_t code_in(std::span<const uint8_t> status) {
    uint32_t code = 0;
    wire::each_field(status, [&](const wire::Field& field) {
        if (field.tag() == varint(3)) code = static_cast<uint32_t>(field.value);
    });
    return code;
}

bool holds_of_service(const std::vector<Word>& words, const std::string& service) {
    return std::all_of(words.begin(), words.end(),
                       [&](const Word& word) { return word.accepts(service) != word.negated; });
}

}  // namespace

SpanFilter::SpanFilter(const std::vector<std::string>& words) {
    search::Query query;
    std::string problem;
    search::parse_query(words, query, problem);
    for (Word& word : query.words) {
        switch (word.subject) {
            case Subject::kService: of_service_.push_back(std::move(word)); break;
            case Subject::kName:
            case Subject::kKind:
            case Subject::kStatus:
            case Subject::kDuration: quick_.push_back(std::move(word)); break;
            default: rest_.words.push_back(std::move(word)); break;
        }
    }
}

bool SpanFilter::quickly(std::span<const uint8_t> span) const {
    if (quick_.empty()) return true;
    uint64_t start = 0, end = 0;
    uint32_t kind = 0, code = 0;
    std::string_view name;
    wire::each_field(span, [&](const wire::Field& field) {
        switch (field.tag()) {
            case bytes(5): name = field.text(); break;
            case varint(6): kind = static_cast<uint32_t>(field.value); break;
            case fixed64(7): start = field.value; break;
            case fixed64(8): end = field.value; break;
            case bytes(15): code = code_in(field.bytes); break;
            default: break;
        }
    });
    const auto accepts = [&](const Word& word) {
        switch (word.subject) {
            case Subject::kName: return word.accepts(name);
            case Subject::kKind: return word.accepts(kind_name(kind));
            case Subject::kStatus: return word.accepts(status_name(code));
            default: return word.accepts_duration(std::max(end, start) - start);
        }
    };
    return std::all_of(quick_.begin(), quick_.end(), [&](const Word& word) { return accepts(word) != word.negated; });
}

std::vector<Run> SpanFilter::select(std::span<const Run> runs) const {
    std::vector<Run> selected;
    const Producer* producer = nullptr;
    const Scope* scope = nullptr;
    DecodedResource resource;
    DecodedScope decoded_scope;
    bool service = true;
    for (const Run& run : runs) {
        if (run.producer.get() != producer && (!of_service_.empty() || !rest_.empty())) {
            producer = run.producer.get();
            resource = {};
            decode_resource(wire::body_of(producer->resource), resource);
            service = holds_of_service(of_service_, resource.service_name);
        }
        if (!service) continue;
        if (run.scope.get() != scope && !rest_.empty()) {
            scope = run.scope.get();
            decoded_scope = {};
            decode_scope(wire::body_of(scope->scope), decoded_scope);
        }
        wire::Cursor cursor(run.bytes);
        const uint8_t* begin = cursor.at;
        for (wire::Field span; wire::next(cursor, span); begin = cursor.at) {
            if (!quickly(span.bytes)) continue;
            if (!rest_.empty()) {
                DecodedSpan decoded;
                if (!decode_span(span.bytes, decoded) || !rest_.finds(resource, decoded_scope, decoded)) continue;
            }
            append_span(selected, run, {begin, cursor.at});
        }
    }
    return selected;
}

}  // namespace spanring::agent
