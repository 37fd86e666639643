// SPDX-License-Identifier: Apache-2.0
#include "command/traces/trace_json.hpp"

#include <nlohmann/json.hpp>

#include "command/attributes_json.hpp"
#include "command/json_text.hpp"

namespace spanring::agent {
using Json = nlohmann::ordered_json;

Json span_json(const TreeSpan& node) {
    const DecodedSpan& span = node.span();
    const DecodedScope& scope = *node.stored.scope;
    Json object;
    object["span_id"] = to_hex(span.span_id);
    object["parent_span_id"] = span.root() ? "" : to_hex(span.parent_span_id);
    object["depth"] = node.depth;
    object["name"] = span.name;
    object["service"] = node.service();
    object["kind"] = kind_name(span.kind);
    object["start_unix_nano"] = span.start_unix_nano;
    object["end_unix_nano"] = span.end_unix_nano;
    object["duration_nano"] = node.end() - node.start();
    object["status"] = status_name(span.status_code);
    object["status_message"] = span.status_message;
    object["unfinished"] = node.unfinished;
    object["partial"] = node.partial;
    object["parent_missing"] = node.parent_missing;
    object["alike"] = node.alike;
    object["alike_nano"] = node.alike > 1 ? node.alike_nano : node.end() - node.start();
    object["hidden"] = node.hidden;
    object["critical"] = node.critical;
    object["critical_nano"] = node.critical_nano;
    object["trace_state"] = span.trace_state;
    object["attributes"] = attributes_json(span.attributes);
    object["events"] = Json::array();
    for (const DecodedEvent& event : span.events) {
        object["events"].push_back({{"time_unix_nano", event.time_unix_nano},
                                    {"name", event.name},
                                    {"attributes", attributes_json(event.attributes)}});
    }
    object["links"] = Json::array();
    for (const DecodedLink& link : span.links) {
        object["links"].push_back({{"trace_id", to_hex(link.trace_id)},
                                   {"span_id", to_hex(link.span_id)},
                                   {"attributes", attributes_json(link.attributes)}});
    }
    object["dropped"] = {
        {"attributes", span.dropped_attributes}, {"events", span.dropped_events}, {"links", span.dropped_links}};
    object["scope"] = {{"name", scope.name}, {"version", scope.version}};
    object["resource"] = attributes_json(node.stored.resource->attributes);
    return object;
}

std::string trace_json(const TraceTree& tree) {
    Json object;
    object["trace_id"] = to_hex(tree.trace_id);
    object["start_unix_nano"] = tree.start;
    object["duration_nano"] = tree.end - tree.start;
    object["duplicates"] = tree.duplicates;
    object["services"] = tree.services();
    object["spans"] = Json::array();
    for (const TreeSpan& span : tree.spans) object["spans"].push_back(span_json(span));
    return json_text(object) + "\n";
}

}  // namespace spanring::agent
