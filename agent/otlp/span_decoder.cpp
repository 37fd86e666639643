// SPDX-License-Identifier: Apache-2.0
#include "otlp/span_decoder.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "otlp/span_validator.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using wire::Cursor;
using wire::Field;
using namespace wire::tags;
using Bytes = std::span<const uint8_t>;

// Calls take(field) for each field until it answers false.
template <class Take>
bool each_field(Bytes body, Take take) {
    Cursor cursor(body);
    Field field;
    while (wire::next(cursor, field)) {
        if (!take(field)) return false;
    }
    return cursor.done();
}

template <size_t N>
bool take_id(Bytes bytes, std::array<uint8_t, N>& id) {
    if (bytes.empty()) {
        id = {};
    } else if (bytes.size() == N) {
        std::copy(bytes.begin(), bytes.end(), id.begin());
    } else {
        return false;
    }
    return true;
}

std::string quoted(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                    out += "\\u00";
                    out += kHex[c >> 4];
                    out += kHex[c & 15];
                } else {
                    out += c;
                }
        }
    }
    return out += '"';
}

// Shortest form that reads back the same; always recognisable as a double.
std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    std::string out(buffer, end);
    if (out.find_first_of(".e") == std::string::npos) out += ".0";
    return out;
}

bool decode_value(Bytes body, uint32_t depth, Value& value);

bool decode_key_value(Bytes body, uint32_t depth, Attributes& attributes) {
    std::pair<std::string, Value> attribute;
    const bool sound = each_field(body, [&](const Field& field) {
        if (field.tag() == bytes(1)) attribute.first = field.text();
        return field.tag() != bytes(2) || decode_value(field.bytes, depth, attribute.second);
    });
    attributes.push_back(std::move(attribute));
    return sound;
}

bool decode_list(Bytes body, uint32_t depth, std::string& out) {
    const bool sound = each_field(body, [&](const Field& field) {
        if (field.tag() != bytes(1)) return true;
        Value value;
        const bool sound = decode_value(field.bytes, depth, value);
        out += out.empty() ? "[" : ",";
        out += value.json();
        return sound;
    });
    out += out.empty() ? "[]" : "]";
    return sound;
}

bool decode_value(Bytes body, uint32_t depth, Value& value) {
    if (depth > kMaxDepth) return false;
    return each_field(body, [&](const Field& field) {
        bool sound = true;
        switch (field.tag()) {
            case bytes(1): value = {ValueType::kString, std::string(field.text())}; break;
            case varint(2): value = {ValueType::kBool, field.value != 0 ? "true" : "false"}; break;
            case varint(3): value = {ValueType::kInt, std::to_string(static_cast<int64_t>(field.value))}; break;
            case fixed64(4): value = {ValueType::kDouble, number(std::bit_cast<double>(field.value))}; break;
            case bytes(5):
                value = {ValueType::kArray, {}};
                sound = decode_list(field.bytes, depth + 1, value.text);
                break;
            case bytes(6): {
                Attributes members;
                sound = each_field(field.bytes, [&](const Field& member) {
                    return member.tag() != bytes(1) || decode_key_value(member.bytes, depth + 1, members);
                });
                value = {ValueType::kKeyValues, to_json(members)};
                break;
            }
            case bytes(7): value = {ValueType::kBytes, to_base64(field.bytes)}; break;
            default: break;
        }
        return sound;
    });
}

bool decode_event(Bytes body, DecodedEvent& event) {
    return each_field(body, [&](const Field& field) {
        switch (field.tag()) {
            case fixed64(1): event.time_unix_nano = field.value; break;
            case bytes(2): event.name = field.text(); break;
            case bytes(3): return decode_key_value(field.bytes, 1, event.attributes);
            case varint(4): event.dropped_attributes = static_cast<uint32_t>(field.value); break;
            default: break;
        }
        return true;
    });
}

bool decode_link(Bytes body, DecodedLink& link) {
    return each_field(body, [&](const Field& field) {
        switch (field.tag()) {
            case bytes(1): return take_id(field.bytes, link.trace_id);
            case bytes(2): return take_id(field.bytes, link.span_id);
            case bytes(3): link.trace_state = field.text(); break;
            case bytes(4): return decode_key_value(field.bytes, 1, link.attributes);
            case varint(5): link.dropped_attributes = static_cast<uint32_t>(field.value); break;
            case fixed32(6): link.flags = static_cast<uint32_t>(field.value); break;
            default: break;
        }
        return true;
    });
}

bool decode_status(Bytes body, DecodedSpan& span) {
    return each_field(body, [&](const Field& field) {
        if (field.tag() == bytes(2)) span.status_message = field.text();
        if (field.tag() == varint(3)) span.status_code = static_cast<uint32_t>(field.value);
        return true;
    });
}

bool visit_scope_spans(Bytes body, const DecodedResource& resource, const SpanVisitor& visit) {
    DecodedScope scope;  // may come after its spans, so it is read first
    const bool sound = each_field(body, [&](const Field& field) {
        if (field.tag() == bytes(3)) scope.schema_url = field.text();
        return field.tag() != bytes(1) || decode_scope(field.bytes, scope);
    });
    if (!sound) return false;
    return each_field(body, [&](const Field& field) {
        if (field.tag() == bytes(2)) visit(resource, scope, field.bytes);
        return true;
    });
}

bool visit_resource_spans(Bytes body, const SpanVisitor& visit) {
    DecodedResource resource;
    const bool sound = each_field(body, [&](const Field& field) {
        if (field.tag() == bytes(3)) resource.schema_url = field.text();
        return field.tag() != bytes(1) || decode_resource(field.bytes, resource);
    });
    if (!sound) return false;
    return each_field(body, [&](const Field& field) {
        return field.tag() != bytes(2) || visit_scope_spans(field.bytes, resource, visit);
    });
}

}  // namespace

std::string Value::json() const {
    switch (type) {
        case ValueType::kNone: return "null";
        case ValueType::kString:
        case ValueType::kBytes: return quoted(text);
        case ValueType::kDouble: return std::isalpha(static_cast<unsigned char>(text.back())) ? quoted(text) : text;
        default: return text;
    }
}

const Value* find(const Attributes& attributes, std::string_view key) {
    const auto at = std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.first == key; });
    return at == attributes.end() ? nullptr : &at->second;
}

bool decode_span(Bytes body, DecodedSpan& span) {
    return each_field(body, [&](const Field& field) {
        switch (field.tag()) {
            case bytes(1): return take_id(field.bytes, span.trace_id);
            case bytes(2): return take_id(field.bytes, span.span_id);
            case bytes(3): span.trace_state = field.text(); break;
            case bytes(4): return take_id(field.bytes, span.parent_span_id);
            case bytes(5): span.name = field.text(); break;
            case varint(6): span.kind = static_cast<uint32_t>(field.value); break;
            case fixed64(7): span.start_unix_nano = field.value; break;
            case fixed64(8): span.end_unix_nano = field.value; break;
            case bytes(9): return decode_key_value(field.bytes, 1, span.attributes);
            case varint(10): span.dropped_attributes = static_cast<uint32_t>(field.value); break;
            case bytes(11): return decode_event(field.bytes, span.events.emplace_back());
            case varint(12): span.dropped_events = static_cast<uint32_t>(field.value); break;
            case bytes(13): return decode_link(field.bytes, span.links.emplace_back());
            case varint(14): span.dropped_links = static_cast<uint32_t>(field.value); break;
            case bytes(15): return decode_status(field.bytes, span);
            case fixed32(16): span.flags = static_cast<uint32_t>(field.value); break;
            default: break;
        }
        return true;
    });
}

bool decode_resource(Bytes body, DecodedResource& resource) {
    const bool sound = each_field(body, [&](const Field& field) {
        return field.tag() != bytes(1) || decode_key_value(field.bytes, 1, resource.attributes);
    });
    if (const Value* service = find(resource.attributes, "service.name")) resource.service_name = service->text;
    return sound;
}

bool decode_scope(Bytes body, DecodedScope& scope) {
    return each_field(body, [&](const Field& field) {
        switch (field.tag()) {
            case bytes(1): scope.name = field.text(); break;
            case bytes(2): scope.version = field.text(); break;
            case bytes(3): return decode_key_value(field.bytes, 1, scope.attributes);
            default: break;
        }
        return true;
    });
}

bool visit_spans(Bytes request, const SpanVisitor& visit) {
    return each_field(request, [&](const Field& field) {
        return field.tag() != bytes(1) || visit_resource_spans(field.bytes, visit);
    });
}

std::string to_hex(Bytes bytes) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const uint8_t byte : bytes) {
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
    return out;
}

std::string to_base64(Bytes bytes) {
    static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t left = bytes.size() - i;
        const uint32_t word = uint32_t{bytes[i]} << 16 | (left > 1 ? uint32_t{bytes[i + 1]} << 8 : 0) |
                              (left > 2 ? uint32_t{bytes[i + 2]} : 0);
        out += kAlphabet[word >> 18];
        out += kAlphabet[word >> 12 & 63];
        out += left > 1 ? kAlphabet[word >> 6 & 63] : '=';
        out += left > 2 ? kAlphabet[word & 63] : '=';
    }
    return out;
}

const char* kind_name(uint32_t kind) {
    static constexpr const char* kNames[] = {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"};
    return kind < std::size(kNames) ? kNames[kind] : kNames[0];
}

const char* status_name(uint32_t code) {
    static constexpr const char* kNames[] = {"Unset", "Ok", "Error"};
    return code < std::size(kNames) ? kNames[code] : "Unknown";
}

std::string to_json(const Attributes& attributes) {
    std::string out = "{";
    for (const auto& [key, value] : attributes) {
        if (out.size() > 1) out += ',';
        out += quoted(key);
        out += ':';
        out += value.json();
    }
    return out += '}';
}

}  // namespace spanring::agent
