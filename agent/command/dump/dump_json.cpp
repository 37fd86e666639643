// SPDX-License-Identifier: Apache-2.0
#include "command/dump/dump_json.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "command/json_text.hpp"
#include "otlp/json.hpp"
#include "otlp/wire.hpp"
#include "ring/unfinished_span.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kSpansOfALine = 512;

// OTLP has no open spans: one is given the end that the table of open spans assumes, and says that it is not a real
// one.
Json span_json(const SegmentDump& dump, const DumpedSpan& dumped) {
    Json span = Json::parse(otlp_json_of_span(dumped.body));
    if (!dumped.open) return span;
    const bool alive = dump.numbers.alive;
    if (alive && span.contains("status") && span["status"].value("message", "") == ring::kUnfinishedMessage)
        span.erase("status");
    Json thread = Json::object();
    thread["key"] = "thread.id";
    thread["value"]["intValue"] = std::to_string(dumped.thread);
    const bool known = std::any_of(span["attributes"].begin(), span["attributes"].end(),
                                   [](const Json& attribute) { return attribute.value("key", "") == "thread.id"; });
    if (!known) span["attributes"].push_back(std::move(thread));
    return span;
}

}  // namespace

std::string dump_json_lines(const SegmentDump& dump, const DumpSelection& selection) {
    std::string lines;
    if (!dump.understood) return lines;
    const std::vector<const DumpedSpan*> spans = selection.of(dump);
    const Json resource = Json::parse(otlp_json_of_resource(wire::body_of(dump.numbers.producer->resource)));
    for (size_t begin = 0; begin < spans.size(); begin += kSpansOfALine) {
        Json scopes = Json::array();
        std::map<const Scope*, size_t> places;
        for (size_t i = begin; i < std::min(spans.size(), begin + kSpansOfALine); ++i) {
            const Scope* scope = spans[i]->scope.get();
            const auto [place, fresh] = places.try_emplace(scope, scopes.size());
            if (fresh) {
                Json group = Json::object();
                group["scope"] = Json::parse(otlp_json_of_scope(wire::body_of(scope->scope)));
                group["spans"] = Json::array();
                if (const auto url = wire::body_of(scope->schema_url); !url.empty())
                    group["schemaUrl"] = std::string(reinterpret_cast<const char*>(url.data()), url.size());
                scopes.push_back(std::move(group));
            }
            scopes[place->second]["spans"].push_back(span_json(dump, *spans[i]));
        }
        Json request = Json::object();
        Json group = Json::object();
        group["resource"] = resource;
        group["scopeSpans"] = std::move(scopes);
        request["resourceSpans"] = Json::array();
        request["resourceSpans"].push_back(std::move(group));
        lines += json_text(request) + "\n";
    }
    return lines;
}

}  // namespace spanring::agent
