// SPDX-License-Identifier: Apache-2.0
#include "command/traces/trace_otlp.hpp"

#include <map>
#include <set>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "command/json_text.hpp"
#include "otlp/json.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;
using Bytes = std::span<const uint8_t>;
using wire::each_field;
using wire::Field;
using namespace wire::tags;

std::string copy_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// What a ResourceSpans or a ScopeSpans has beside what is in it: field 1, and the schema's URL.
struct Around {
    std::string message, schema_url;

    auto operator<=>(const Around&) const = default;
};

Around around(Bytes message) {
    Around found;
    each_field(message, [&](const Field& field) {
        if (field.tag() == bytes(1)) found.message = copy_of(field.bytes);
        if (field.tag() == bytes(3)) found.schema_url = field.text();
    });
    return found;
}

class Collected {
public:
    explicit Collected(const TraceId& trace) : trace_(copy_of(trace)) {}

    void add_request(Bytes request) {
        each_field(request, [&](const Field& resource_spans) {
            if (resource_spans.tag() != bytes(1)) return;
            const Around resource = around(resource_spans.bytes);
            each_field(resource_spans.bytes, [&](const Field& scope_spans) {
                if (scope_spans.tag() == bytes(2)) add_scope(resource, scope_spans.bytes);
            });
        });
    }

    Json json() const {
        Json list = Json::array();
        for (const auto& [resource, scopes] : resources_) {
            Json of_resource = {{"resource", Json::parse(otlp_json_of_resource(bytes_of(resource.message)))}};
            for (const auto& [scope, spans] : scopes) {
                Json of_scope = {{"scope", Json::parse(otlp_json_of_scope(bytes_of(scope.message)))}, {"spans", spans}};
                if (!scope.schema_url.empty()) of_scope["schemaUrl"] = scope.schema_url;
                of_resource["scopeSpans"].push_back(std::move(of_scope));
            }
            if (!resource.schema_url.empty()) of_resource["schemaUrl"] = resource.schema_url;
            list.push_back(std::move(of_resource));
        }
        return {{"resourceSpans", std::move(list)}};
    }

private:
    void add_scope(const Around& resource, Bytes scope_spans) {
        const Around scope = around(scope_spans);
        each_field(scope_spans, [&](const Field& span) {
            if (span.tag() != bytes(2)) return;
            std::string_view trace, id;
            each_field(span.bytes, [&](const Field& field) {
                if (field.tag() == bytes(1)) trace = field.text();
                if (field.tag() == bytes(2)) id = field.text();
            });
            // Delivery is at least once; and what ended comes before what it was until then.
            if (trace != trace_ || !seen_.insert(std::string(id)).second) return;
            resources_[resource][scope].push_back(Json::parse(otlp_json_of_span(span.bytes)));
        });
    }

    const std::string trace_;
    std::set<std::string> seen_;
    std::map<Around, std::map<Around, std::vector<Json>>> resources_;
};

}  // namespace

std::string otlp_json_of_trace(StoreReader& store, const TraceId& trace) {
    Collected collected(trace);
    store.each_request(trace, [&](Bytes request, bool) { collected.add_request(request); });
    return json_text(collected.json()) + "\n";
}

}  // namespace spanring::agent
