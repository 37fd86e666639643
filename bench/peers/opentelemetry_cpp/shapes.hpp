// SPDX-License-Identifier: Apache-2.0
//
// The spans of bench/shape.hpp by the OpenTelemetry API for C++, with an explicit parent. Attributes go in with the
// start, which a sampler could see, where they are known then.
#pragma once

#include <opentelemetry/trace/span.h>
#include <opentelemetry/trace/span_startoptions.h>
#include <opentelemetry/trace/tracer.h>

#include <array>
#include <string_view>

#include "requests.hpp"

namespace peer {

namespace trace = opentelemetry::trace;
using Attribute = std::pair<opentelemetry::nostd::string_view, opentelemetry::common::AttributeValue>;
using Attributes = opentelemetry::nostd::span<const Attribute>;
using Shape = void (*)(trace::Tracer&, const trace::SpanContext& parent, const bench::Request&);

class Shapes {
public:
    static void bare(trace::Tracer& tracer, const trace::SpanContext& parent, const bench::Request& request) {
        start(tracer, parent, request.name, {})->End();
    }

    static void three(trace::Tracer& tracer, const trace::SpanContext& parent, const bench::Request& request) {
        const auto three = three_of(request);
        start(tracer, parent, request.name, {three.data(), three.size()})->End();
    }

    static void ten(trace::Tracer& tracer, const trace::SpanContext& parent, const bench::Request& request) {
        const Attribute attributes[] = {{"http.request.method", view(request.method)},
                                        {"url.path", view(request.path)},
                                        {"http.response.status_code", request.status},
                                        {"server.address", view(request.server)},
                                        {"server.port", request.port},
                                        {"network.protocol.version", view(request.protocol)},
                                        {"client.address", view(request.client)},
                                        {"user_agent.original", view(request.short_agent)},
                                        {"cart.total", request.total},
                                        {"cart.gift", request.rows % 2 == 0}};
        start(tracer, parent, request.name, attributes)->End();
    }

    static void twenty(trace::Tracer& tracer, const trace::SpanContext& parent, const bench::Request& request) {
        static constexpr std::string_view keys[] = {
            "request.header.01", "request.header.02", "request.header.03", "request.header.04", "request.header.05",
            "request.header.06", "request.header.07", "request.header.08", "request.header.09", "request.header.10",
            "request.header.11", "request.header.12", "request.header.13", "request.header.14", "request.header.15",
            "request.header.16", "request.header.17", "request.header.18", "request.header.19", "request.header.20"};
        Attribute attributes[std::size(keys)];
        for (size_t i = 0; i < std::size(keys); ++i) attributes[i] = {view(keys[i]), view(request.headers[i])};
        start(tracer, parent, request.name, attributes)->End();
    }

    static void rich(trace::Tracer& tracer, const trace::SpanContext& parent, const bench::Request& request) {
        static constexpr uint8_t trace_id[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
        const uint8_t span_id[] = {static_cast<uint8_t>(request.rows), 2, 3, 4, 5, 6, 7, 8};
        const trace::SpanContext other(trace::TraceId(trace_id), trace::SpanId(span_id), trace::TraceFlags(1), true);
        const std::pair<trace::SpanContext, Attributes> links[] = {{other, {}}};
        const auto three = three_of(request);
        const auto span = tracer.StartSpan(
            view(request.name), Attributes(three.data(), three.size()),
            opentelemetry::nostd::span<const std::pair<trace::SpanContext, Attributes>>(links), options(parent));
        const Attribute attribute[] = {{"cache.key", view(request.cache_key)}};
        span->AddEvent("cache miss", Attributes(attribute));
        span->AddEvent("cache fill", Attributes(attribute));
        span->End();
    }

    static void http(trace::Tracer& tracer, const trace::SpanContext& parent, const bench::Request& request) {
        const Attribute attributes[] = {{"http.request.method", view(request.method)},
                                        {"url.path", view(request.long_path)},
                                        {"url.query", view(request.query)},
                                        {"url.scheme", "https"},
                                        {"http.route", view(request.route)},
                                        {"server.address", view(request.server)},
                                        {"server.port", request.port},
                                        {"client.address", view(request.client)},
                                        {"network.peer.port", request.peer_port},
                                        {"network.protocol.version", view(request.protocol)},
                                        {"user_agent.original", view(request.agent)},
                                        {"http.response.status_code", request.status}};
        start(tracer, parent, request.route_name, attributes, trace::SpanKind::kServer)->End();
    }

    static void db(trace::Tracer& tracer, const trace::SpanContext& parent, const bench::Request& request) {
        const Attribute attributes[] = {{"db.system.name", "postgresql"},
                                        {"db.namespace", "shop"},
                                        {"db.collection.name", view(request.table)},
                                        {"db.operation.name", view(request.operation)},
                                        {"db.query.text", view(request.statement)},
                                        {"server.address", view(request.server)},
                                        {"server.port", request.port},
                                        {"db.response.returned_rows", request.rows}};
        start(tracer, parent, request.operation, attributes, trace::SpanKind::kClient)->End();
    }

    static void nested(trace::Tracer& tracer, const trace::SpanContext& parent, const bench::Request& request) {
        const auto outer = start(tracer, parent, request.name, {});
        three(tracer, outer->GetContext(), request);
        for (const auto& [key, value] : three_of(request)) outer->SetAttribute(key, value);
        outer->End();
    }

private:
    static opentelemetry::nostd::string_view view(std::string_view text) { return {text.data(), text.size()}; }

    static std::array<Attribute, 3> three_of(const bench::Request& request) {
        return {{{"http.request.method", view(request.method)},
                 {"url.path", view(request.path)},
                 {"http.response.status_code", request.status}}};
    }
    static trace::StartSpanOptions options(const trace::SpanContext& parent,
                                           trace::SpanKind kind = trace::SpanKind::kInternal) {
        trace::StartSpanOptions options;
        options.parent = parent;
        options.kind = kind;
        return options;
    }
    static opentelemetry::nostd::shared_ptr<trace::Span> start(trace::Tracer& tracer, const trace::SpanContext& parent,
                                                               std::string_view name, Attributes attributes,
                                                               trace::SpanKind kind = trace::SpanKind::kInternal) {
        return tracer.StartSpan(view(name), attributes, options(parent, kind));
    }
};

inline Shape find_shape(std::string_view name) {
    static const std::map<std::string_view, Shape> shapes{
        {"bare", Shapes::bare}, {"three", Shapes::three}, {"ten", Shapes::ten}, {"twenty", Shapes::twenty},
        {"rich", Shapes::rich}, {"http", Shapes::http},   {"db", Shapes::db},   {"nested", Shapes::nested}};
    const auto found = shapes.find(name);
    if (found == shapes.end()) bench::fail("no shape is called '" + std::string(name) + "'");
    return found->second;
}

}  // namespace peer
