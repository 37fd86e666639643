// SPDX-License-Identifier: Apache-2.0
//
// The spans that are measured, through the public header alone. What a shape weighs is counted where it arrives, by the
// sink.
#pragma once

#include <spanring/spanring.h>

#include <string_view>

#include "worker.hpp"

namespace bench {

using Shape = void (*)(spr_tracer*);

inline void set(const spr_span& span, std::string_view key, std::string_view value) {
    spr_span_set_string(&span, key.data(), key.size(), value.data(), value.size());
}
inline void set(const spr_span& span, std::string_view key, int64_t value) {
    spr_span_set_int64(&span, key.data(), key.size(), value);
}
inline spr_span start(spr_tracer* tracer, std::string_view name = "GET /api/orders") {
    spr_span span;
    spr_span_start(tracer, name.data(), name.size(), &span);
    return span;
}

inline void bare(spr_tracer* tracer) {
    const spr_span span = start(tracer);
    spr_span_end(&span);
}

// Two strings and an integer: what the issue, the floors and all peers are measured with.
inline void three(spr_tracer* tracer) {
    const spr_span span = start(tracer);
    set(span, "http.request.method", "GET");
    set(span, "url.path", "/api/orders/1234567");
    set(span, "http.response.status_code", 200);
    spr_span_end(&span);
}

inline void ten(spr_tracer* tracer) {
    const spr_span span = start(tracer);
    set(span, "http.request.method", "GET");
    set(span, "url.path", "/api/orders/1234567");
    set(span, "http.response.status_code", 200);
    set(span, "server.address", "shop.example.com");
    set(span, "server.port", 443);
    set(span, "network.protocol.version", "1.1");
    set(span, "client.address", "192.0.2.17");
    set(span, "user_agent.original", "curl/8.5.0");
    spr_span_set_double(&span, "cart.total", 10, 129.95);
    spr_span_set_bool(&span, "cart.gift", 9, 1);
    spr_span_end(&span);
}

// 805 bytes in twenty attributes: the size that public benchmarks of agents use.
inline void twenty(spr_tracer* tracer) {
    static constexpr std::string_view keys[] = {
        "request.header.01", "request.header.02", "request.header.03", "request.header.04", "request.header.05",
        "request.header.06", "request.header.07", "request.header.08", "request.header.09", "request.header.10",
        "request.header.11", "request.header.12", "request.header.13", "request.header.14", "request.header.15",
        "request.header.16", "request.header.17", "request.header.18", "request.header.19", "request.header.20"};
    const spr_span span = start(tracer, "GET /api/orders/");
    for (const std::string_view key : keys) set(span, key, "value-abcde");
    spr_span_end(&span);
}

// Three attributes, two events with an attribute each, one link.
inline void rich(spr_tracer* tracer) {
    static const spr_context other{
        {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, {1, 2, 3, 4, 5, 6, 7, 8}, 1, 1, {}};
    static const spr_link link = [] {
        spr_link made{};
        made.context = other;
        return made;
    }();
    static const spr_attribute attribute = [] {
        spr_attribute made{};
        made.key = "cache.key";
        made.key_size = 9;
        made.type = SPR_TYPE_STRING;
        made.value.string = {"basket:12345", 12};
        return made;
    }();
    static const spr_event event{"cache miss", 10, 0, &attribute, 1, 0, 0};
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.links = &link;
    options.link_count = 1;
    spr_span span;
    spr_span_start_with(tracer, "GET /api/orders", 15, &options, &span);
    set(span, "http.request.method", "GET");
    set(span, "url.path", "/api/orders/1234567");
    set(span, "http.response.status_code", 200);
    spr_span_add_event(&span, &event);
    spr_span_add_event(&span, &event);
    spr_span_end(&span);
}

inline Shape find_shape(const std::string& name) {
    const std::map<std::string, Shape> shapes{
        {"bare", bare}, {"three", three}, {"ten", ten}, {"twenty", twenty}, {"rich", rich}};
    const auto found = shapes.find(name);
    if (found == shapes.end()) fail("no shape is called '" + name + "'");
    return found->second;
}

}  // namespace bench
