// SPDX-License-Identifier: Apache-2.0
#include "otlp/request_runs.hpp"

#include <memory>
#include <string>
#include <utility>

#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using Bytes = std::span<const uint8_t>;
using wire::Field;
using wire::tags::bytes;

// Calls take(field, the field with its tag) for each; false where one is malformed, or take() says so.
template <class Take>
bool each_whole_field(Bytes message, Take take) {
    wire::Cursor cursor(message);
    const uint8_t* begin = cursor.at;
    for (Field field; wire::next(cursor, field); begin = cursor.at) {
        if (!take(field, Bytes(begin, cursor.at))) return false;
    }
    return cursor.done();
}

void append(std::string& to, Bytes more) { to.append(reinterpret_cast<const char*>(more.data()), more.size()); }

// One of ResourceSpans.scope_spans.
bool read_scope(Bytes message, const std::shared_ptr<const Producer>& producer, Signal signal, std::vector<Run>& runs) {
    const auto scope = std::make_shared<Scope>();
    const size_t first = runs.size();
    return each_whole_field(message, [&](const Field& field, Bytes whole) {
        switch (field.tag()) {
            case bytes(1): append(scope->scope, whole); return true;
            case bytes(3): append(scope->schema_url, whole); return true;
            case bytes(2): break;
            default: return false;
        }
        const std::optional<uint32_t> items = signal == Signal::kTraces ? 1 : items_in(signal, field.bytes);
        if (!items) return false;
        if (runs.size() == first || runs.back().bytes.data() + runs.back().bytes.size() != whole.data()) {
            runs.push_back({producer, scope, whole, *items});
        } else {
            runs.back().bytes = {runs.back().bytes.data(), runs.back().bytes.size() + whole.size()};
            runs.back().spans += *items;
        }
        return true;
    });
}

}  // namespace

std::optional<std::vector<Run>> runs_of(Bytes request, Signal signal) {
    std::vector<Run> runs;
    const bool sound = each_whole_field(request, [&](const Field& resource_spans, Bytes) {
        if (resource_spans.tag() != bytes(1)) return false;
        const auto producer = std::make_shared<Producer>();
        return each_whole_field(resource_spans.bytes, [&](const Field& field, Bytes whole) {
            if (field.tag() == bytes(2)) return read_scope(field.bytes, producer, signal, runs);
            append(producer->resource, whole);
            return field.tag() == bytes(1) || field.tag() == bytes(3);
        });
    });
    if (!sound) return std::nullopt;
    return runs;
}

}  // namespace spanring::agent
