// SPDX-License-Identifier: Apache-2.0
#include "otlp/json.hpp"

#include <bit>
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "otlp/span_decoder.hpp"
#include "otlp/span_validator.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;
using Bytes = std::span<const uint8_t>;
using wire::each_field;
using wire::Field;
using namespace wire::tags;

Json number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return value;
}

Json key_value(Bytes body, uint32_t depth);

// `depth`: nothing is deeper than the validator lets through, so recursion is bounded for any bytes.
Json any_value(Bytes body, uint32_t depth) {
    Json value = Json::object();
    if (depth > kMaxDepth) return value;
    const auto members = [&](const Field& field, auto member) {
        Json list = Json::object();
        list["values"] = Json::array();
        each_field(field.bytes, [&](const Field& each) {
            if (each.tag() == bytes(1)) list["values"].push_back(member(each.bytes, depth + 1));
        });
        return list;
    };
    const auto choose = [&](const char* name, Json chosen) {
        value = Json::object();  // the last one wins
        value[name] = std::move(chosen);
    };
    each_field(body, [&](const Field& field) {
        switch (field.tag()) {  // a oneof: its default value is there where the field is
            case bytes(1): choose("stringValue", field.text()); break;
            case varint(2): choose("boolValue", field.value != 0); break;
            case varint(3): choose("intValue", std::to_string(static_cast<int64_t>(field.value))); break;
            case fixed64(4): choose("doubleValue", number(std::bit_cast<double>(field.value))); break;
            case bytes(5): choose("arrayValue", members(field, any_value)); break;
            case bytes(6): choose("kvlistValue", members(field, key_value)); break;
            case bytes(7): choose("bytesValue", to_base64(field.bytes)); break;
            default: break;
        }
    });
    return value;
}

Json key_value(Bytes body, uint32_t depth) {
    Json pair = Json::object();
    pair["key"] = "";
    each_field(body, [&](const Field& field) {
        if (field.tag() == bytes(1)) pair["key"] = field.text();
        if (field.tag() == bytes(2)) pair["value"] = any_value(field.bytes, depth);
    });
    return pair;
}

// The kinds of fields that messages have.
void set_id(Json& object, const char* name, const Field& field) {
    if (!field.bytes.empty()) object[name] = to_hex(field.bytes);
}
void set_text(Json& object, const char* name, const Field& field) {
    if (!field.bytes.empty()) object[name] = field.text();
}
void set_number(Json& object, const char* name, const Field& field) {
    if (const auto value = static_cast<uint32_t>(field.value); value != 0) object[name] = value;
}
void set_time(Json& object, const char* name, const Field& field) {
    if (field.value != 0) object[name] = std::to_string(field.value);
}
void add_attribute(Json& object, const Field& field) { object["attributes"].push_back(key_value(field.bytes, 1)); }

Json event(Bytes body) {
    Json object = Json::object();
    each_field(body, [&](const Field& field) {
        switch (field.tag()) {
            case fixed64(1): set_time(object, "timeUnixNano", field); break;
            case bytes(2): set_text(object, "name", field); break;
            case bytes(3): add_attribute(object, field); break;
            case varint(4): set_number(object, "droppedAttributesCount", field); break;
            default: break;
        }
    });
    return object;
}

Json link(Bytes body) {
    Json object = Json::object();
    each_field(body, [&](const Field& field) {
        switch (field.tag()) {
            case bytes(1): set_id(object, "traceId", field); break;
            case bytes(2): set_id(object, "spanId", field); break;
            case bytes(3): set_text(object, "traceState", field); break;
            case bytes(4): add_attribute(object, field); break;
            case varint(5): set_number(object, "droppedAttributesCount", field); break;
            case fixed32(6): set_number(object, "flags", field); break;
            default: break;
        }
    });
    return object;
}

Json status(Bytes body) {
    Json object = Json::object();
    each_field(body, [&](const Field& field) {
        if (field.tag() == bytes(2)) set_text(object, "message", field);
        if (field.tag() == varint(3)) set_number(object, "code", field);
    });
    return object;
}

Json scope_spans(Bytes body) {
    Json object = Json::object();
    each_field(body, [&](const Field& field) {
        switch (field.tag()) {
            case bytes(1): object["scope"] = otlp_json_of_scope(field.bytes); break;
            case bytes(2): object["spans"].push_back(otlp_json_of_span(field.bytes)); break;
            case bytes(3): set_text(object, "schemaUrl", field); break;
            default: break;
        }
    });
    return object;
}

Json resource_spans(Bytes body) {
    Json object = Json::object();
    each_field(body, [&](const Field& field) {
        switch (field.tag()) {
            case bytes(1): object["resource"] = otlp_json_of_resource(field.bytes); break;
            case bytes(2): object["scopeSpans"].push_back(scope_spans(field.bytes)); break;
            case bytes(3): set_text(object, "schemaUrl", field); break;
            default: break;
        }
    });
    return object;
}

}  // namespace

std::string otlp_json_of_request(Bytes request) {
    Json whole = Json::object();
    each_field(request, [&](const Field& field) {
        if (field.tag() == bytes(1)) whole["resourceSpans"].push_back(resource_spans(field.bytes));
    });
    return whole.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json otlp_json_of_span(Bytes span) {
    Json object = Json::object();
    each_field(span, [&](const Field& field) {
        switch (field.tag()) {
            case bytes(1): set_id(object, "traceId", field); break;
            case bytes(2): set_id(object, "spanId", field); break;
            case bytes(3): set_text(object, "traceState", field); break;
            case bytes(4): set_id(object, "parentSpanId", field); break;
            case bytes(5): set_text(object, "name", field); break;
            case varint(6): set_number(object, "kind", field); break;
            case fixed64(7): set_time(object, "startTimeUnixNano", field); break;
            case fixed64(8): set_time(object, "endTimeUnixNano", field); break;
            case bytes(9): add_attribute(object, field); break;
            case varint(10): set_number(object, "droppedAttributesCount", field); break;
            case bytes(11): object["events"].push_back(event(field.bytes)); break;
            case varint(12): set_number(object, "droppedEventsCount", field); break;
            case bytes(13): object["links"].push_back(link(field.bytes)); break;
            case varint(14): set_number(object, "droppedLinksCount", field); break;
            case bytes(15): object["status"] = status(field.bytes); break;
            case fixed32(16): set_number(object, "flags", field); break;
            default: break;
        }
    });
    return object;
}

Json otlp_json_of_resource(Bytes resource) {
    Json object = Json::object();
    each_field(resource, [&](const Field& field) {
        if (field.tag() == bytes(1)) add_attribute(object, field);
        if (field.tag() == varint(2)) set_number(object, "droppedAttributesCount", field);
    });
    return object;
}

Json otlp_json_of_scope(Bytes scope) {
    Json object = Json::object();
    each_field(scope, [&](const Field& field) {
        switch (field.tag()) {
            case bytes(1): set_text(object, "name", field); break;
            case bytes(2): set_text(object, "version", field); break;
            case bytes(3): add_attribute(object, field); break;
            case varint(4): set_number(object, "droppedAttributesCount", field); break;
            default: break;
        }
    });
    return object;
}

}  // namespace spanring::agent
