// SPDX-License-Identifier: Apache-2.0
//
// The spans that are measured, through the public header alone, each with what a request says. What a shape weighs is
// counted where it arrives, by the sink. A shape is a span, and `nested` a pair; the names of its figures are its own,
// those of the variant in which strings end at their NUL have ".nul" after it.
#pragma once

#include <spanring/spanring.h>

#include <string_view>

#include "requests.hpp"
#include "worker.hpp"

namespace bench {

using Shape = void (*)(spr_tracer*, const Request&);

// How a string is given to the library. All of them end at a NUL: literals and std::string do.
struct WithLength {
    static size_t size(std::string_view text) { return text.size(); }
};
struct UntilNul {
    static size_t size(std::string_view) { return SPR_NUL; }
};

template <class Text>
class Shapes {
public:
    static void bare(spr_tracer* tracer, const Request& request) {
        const spr_span span = start(tracer, request.name);
        spr_span_end(&span);
    }

    // Two strings and an integer: what the floors and all peers are measured with.
    static void three(spr_tracer* tracer, const Request& request) {
        const spr_span span = start(tracer, request.name);
        set_three(span, request);
        spr_span_end(&span);
    }

    static void ten(spr_tracer* tracer, const Request& request) {
        const spr_span span = start(tracer, request.name);
        set_three(span, request);
        set(span, "server.address", request.server);
        set(span, "server.port", request.port);
        set(span, "network.protocol.version", request.protocol);
        set(span, "client.address", request.client);
        set(span, "user_agent.original", request.short_agent);
        set(span, "cart.total", request.total);
        set(span, "cart.gift", request.rows % 2 == 0);
        spr_span_end(&span);
    }

    // 805 bytes in twenty attributes: the size that public benchmarks of agents use.
    static void twenty(spr_tracer* tracer, const Request& request) { headers<20>(tracer, request); }

    template <size_t kCount>
    static void headers(spr_tracer* tracer, const Request& request) {
        static constexpr std::string_view keys[] = {
            "request.header.01", "request.header.02", "request.header.03", "request.header.04", "request.header.05",
            "request.header.06", "request.header.07", "request.header.08", "request.header.09", "request.header.10",
            "request.header.11", "request.header.12", "request.header.13", "request.header.14", "request.header.15",
            "request.header.16", "request.header.17", "request.header.18", "request.header.19", "request.header.20"};
        const spr_span span = start(tracer, request.name);
        for (size_t i = 0; i < kCount; ++i) set(span, keys[i], request.headers[i]);
        spr_span_end(&span);
    }

    // Three attributes, two events with an attribute each, one link.
    static void rich(spr_tracer* tracer, const Request& request) {
        spr_link link{};
        link.context = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, {1, 2, 3, 4, 5, 6, 7, 8}, 1, 1, {}};
        link.context.span_id[0] = static_cast<uint8_t>(request.rows);
        spr_start_options options = SPR_START_OPTIONS_INIT;
        options.links = &link;
        options.link_count = 1;
        spr_span span;
        spr_span_start_with(tracer, request.name.data(), Text::size(request.name), &options, &span);
        set_three(span, request);
        add_event(span, "cache miss", request);
        add_event(span, "cache fill", request);
        spr_span_end(&span);
    }

    // A server's span by the semantic conventions for HTTP.
    static spr_span start_http(spr_tracer* tracer, const Request& request) {
        const spr_span span = start(tracer, request.route_name, SPR_KIND_SERVER);
        set(span, "http.request.method", request.method);
        set(span, "url.path", request.long_path);
        set(span, "url.query", request.query);
        set(span, "url.scheme", "https");
        set(span, "http.route", request.route);
        set(span, "server.address", request.server);
        set(span, "server.port", request.port);
        set(span, "client.address", request.client);
        set(span, "network.peer.port", request.peer_port);
        set(span, "network.protocol.version", request.protocol);
        set(span, "user_agent.original", request.agent);
        set(span, "http.response.status_code", request.status);
        return span;
    }
    static void http(spr_tracer* tracer, const Request& request) {
        const spr_span span = start_http(tracer, request);
        spr_span_end(&span);
    }

    // A client's span by the semantic conventions for databases.
    static void db(spr_tracer* tracer, const Request& request) {
        const spr_span span = start(tracer, request.operation, SPR_KIND_CLIENT);
        set(span, "db.system.name", "postgresql");
        set(span, "db.namespace", "shop");
        set(span, "db.collection.name", request.table);
        set(span, "db.operation.name", request.operation);
        set(span, "db.query.text", request.statement);
        set(span, "server.address", request.server);
        set(span, "server.port", request.port);
        set(span, "db.response.returned_rows", request.rows);
        spr_span_end(&span);
    }

    // A parent, a child inside of it, and what the parent learns after that. Three attributes each.
    static void nested(spr_tracer* tracer, const Request& request) {
        const spr_span parent = start(tracer, request.name);
        spr_token token;
        spr_context_attach(&parent.context, &token);
        three(tracer, request);
        spr_context_detach(&token);
        set_three(parent, request);
        spr_span_end(&parent);
    }

protected:
    static spr_span start(spr_tracer* tracer, std::string_view name) {
        spr_span span;
        spr_span_start(tracer, name.data(), Text::size(name), &span);
        return span;
    }
    static spr_span start(spr_tracer* tracer, std::string_view name, uint8_t kind) {
        spr_start_options options = SPR_START_OPTIONS_INIT;
        options.kind = kind;
        spr_span span;
        spr_span_start_with(tracer, name.data(), Text::size(name), &options, &span);
        return span;
    }
    static void set_three(const spr_span& span, const Request& request) {
        set(span, "http.request.method", request.method);
        set(span, "url.path", request.path);
        set(span, "http.response.status_code", request.status);
    }
    static void add_event(const spr_span& span, std::string_view name, const Request& request) {
        spr_attribute attribute{};
        attribute.key = "cache.key";
        attribute.key_size = Text::size("cache.key");
        attribute.type = SPR_TYPE_STRING;
        attribute.value.string = {request.cache_key.data(), Text::size(request.cache_key)};
        const spr_event event{name.data(), Text::size(name), 0, &attribute, 1, 0, 0};
        spr_span_add_event(&span, &event);
    }

    static void set(const spr_span& span, std::string_view key, std::string_view value) {
        spr_span_set_string(&span, key.data(), Text::size(key), value.data(), Text::size(value));
    }
    static void set(const spr_span& span, std::string_view key, const std::string& value) {
        set(span, key, std::string_view(value));
    }
    static void set(const spr_span& span, std::string_view key, const char* value) {
        set(span, key, std::string_view(value));
    }
    static void set(const spr_span& span, std::string_view key, int64_t value) {
        spr_span_set_int64(&span, key.data(), Text::size(key), value);
    }
    static void set(const spr_span& span, std::string_view key, double value) {
        spr_span_set_double(&span, key.data(), Text::size(key), value);
    }
    static void set(const spr_span& span, std::string_view key, bool value) {
        spr_span_set_bool(&span, key.data(), Text::size(key), value);
    }
};

template <class Text>
Shape find_shape(std::string_view name) {
    using Of = Shapes<Text>;
    static const std::map<std::string_view, Shape> shapes{
        {"bare", Of::bare}, {"three", Of::three}, {"ten", Of::ten}, {"twenty", Of::twenty},
        {"rich", Of::rich}, {"http", Of::http},   {"db", Of::db},   {"nested", Of::nested}};
    const auto found = shapes.find(name);
    return found == shapes.end() ? nullptr : found->second;
}

inline Shape find_shape(std::string_view name) {
    constexpr std::string_view nul = ".nul";
    const Shape shape = name.ends_with(nul) ? find_shape<UntilNul>(name.substr(0, name.size() - nul.size()))
                                            : find_shape<WithLength>(name);
    if (shape == nullptr) fail("no shape is called '" + std::string(name) + "'");
    return shape;
}

}  // namespace bench
