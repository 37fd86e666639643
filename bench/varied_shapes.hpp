// SPDX-License-Identifier: Apache-2.0
//
// Spans as a host with ten applications has them, and such as are all equally long beside them. By themselves: what is
// measured instruction by instruction is a program without them, whose optimizer counts all there is.
#pragma once

#include "shape.hpp"

namespace bench {

class VariedShapes : Shapes<WithLength> {
public:
    // As many bytes as a span of varied() has on average, and each span as long as the next.
    static void even(spr_tracer* tracer, const Request& request) { headers<12>(tracer, request); }

    // What an application has: three kinds of spans, each with 8 to 15 attributes of its own choice, in its own order.
    template <uint32_t kApplication>
    static void varied(spr_tracer* tracer, const Request& request) {
        const uint32_t kind = 3 * kApplication + static_cast<uint32_t>(request.peer_port % 3);
        const spr_span span = start(tracer, request.route_name, kind % 2 == 0 ? SPR_KIND_SERVER : SPR_KIND_CLIENT);
        const uint32_t count = 8 + kind % 8;
        for (uint32_t i = 0; i < count; ++i) set_known(span, request, (7 * kind + 3 * i) % kKnown);
        spr_span_end(&span);
    }

    // Null: none is called so.
    static Shape find(std::string_view name) {
        static const std::map<std::string_view, Shape> shapes{
            {"even", even},         {"varied0", varied<0>}, {"varied1", varied<1>}, {"varied2", varied<2>},
            {"varied3", varied<3>}, {"varied4", varied<4>}, {"varied5", varied<5>}, {"varied6", varied<6>},
            {"varied7", varied<7>}, {"varied8", varied<8>}, {"varied9", varied<9>}};
        const auto found = shapes.find(name);
        return found == shapes.end() ? nullptr : found->second;
    }

private:
    static constexpr uint32_t kKnown = 22;  // attributes, coprime to the steps by which `varied` chooses them
    static void set_known(const spr_span& span, const Request& request, uint32_t number) {
        switch (number) {
            case 0: return set(span, "http.request.method", request.method);
            case 1: return set(span, "url.path", request.long_path);
            case 2: return set(span, "url.query", request.query);
            case 3: return set(span, "url.scheme", "https");
            case 4: return set(span, "http.route", request.route);
            case 5: return set(span, "server.address", request.server);
            case 6: return set(span, "server.port", request.port);
            case 7: return set(span, "client.address", request.client);
            case 8: return set(span, "network.peer.port", request.peer_port);
            case 9: return set(span, "network.protocol.version", request.protocol);
            case 10: return set(span, "user_agent.original", request.agent);
            case 11: return set(span, "http.response.status_code", request.status);
            case 12: return set(span, "db.system.name", "postgresql");
            case 13: return set(span, "db.collection.name", request.table);
            case 14: return set(span, "db.operation.name", request.operation);
            case 15: return set(span, "db.response.returned_rows", request.rows);
            case 16: return set(span, "cache.key", request.cache_key);
            case 17: return set(span, "cart.total", request.total);
            case 18: return set(span, "cart.gift", request.rows % 2 == 0);
            case 19: return set(span, "http.request.header.traceparent", request.headers[0]);
            case 20: return set(span, "messaging.destination.name", request.route);
            default: return set(span, "messaging.message.id", request.headers[1]);
        }
    }
};

}  // namespace bench
