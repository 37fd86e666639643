// SPDX-License-Identifier: Apache-2.0
#include "otlp/json.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <concepts>
#include <string_view>

#include "base/character.hpp"
#include "otlp/span_decoder.hpp"
#include "otlp/span_validator.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

using Bytes = std::span<const uint8_t>;
using wire::each_field;
using wire::Field;
using namespace wire::tags;

// ---- JSON

void append_number(std::string& out, std::integral auto value) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_escape(std::string& out, char byte) {
    static constexpr char kHex[] = "0123456789abcdef";
    switch (byte) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    out += "\\u00";
    out += kHex[static_cast<uint8_t>(byte) >> 4];
    out += kHex[byte & 15];
}

void append_text(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const auto special = std::find_if(text.begin(), text.end(), [](char byte) {
            return byte < ' ' || byte > '~' || byte == '"' || byte == '\\';
        });
        const auto plain = static_cast<size_t>(special - text.begin());
        out.append(text, 0, plain);
        text.remove_prefix(plain);
        if (text.empty()) break;
        const Character character = first_character(text);
        if (!character.valid)
            out += "\xef\xbf\xbd";
        else if (character.bytes > 1 || character.point == 0x7f)
            out.append(text, 0, character.bytes);
        else
            append_escape(out, text.front());
        text.remove_prefix(character.bytes);
    }
    out += '"';
}

// The shortest that reads as the same number, and as one with a fraction.
void append_double(std::string& out, double value) {
    if (std::isnan(value)) return void(out += "\"NaN\"");
    if (std::isinf(value)) return void(out += value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    char digits[32];
    const std::string_view text(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

// `{"name":...,"name":...}`: a name and its colon, with a comma where one is needed.
class Object {
public:
    explicit Object(std::string& out) : out_(out) { out_ += '{'; }
    ~Object() { out_ += '}'; }
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    std::string& name(std::string_view name) {
        if (!first_) out_ += ',';
        first_ = false;
        out_ += '"';
        out_ += name;
        return out_ += "\":";
    }

private:
    std::string& out_;
    bool first_ = true;
};

// ---- Messages

// The fields of a message by their numbers, of each the last one: where a field is repeated, that there is one.
class Fields {
public:
    explicit Fields(Bytes message) : message_(message) {
        each_field(message, [&](const Field& field) {
            if (field.number <= kMost) last_[field.number] = field;
        });
    }

    // Null: there is none of that number and type.
    const Field* find(uint32_t tag) const {
        const Field& field = last_[wire::field_of(tag)];
        return field.number != 0 && field.tag() == tag ? &field : nullptr;
    }

    void id(Object& object, uint32_t number, std::string_view name) const {
        const Field* const field = find(bytes(number));
        if (field == nullptr || field->bytes.empty()) return;
        std::string& out = object.name(name) += '"';
        for (const uint8_t byte : field->bytes)
            for (const int digit : {byte >> 4, byte & 15}) out += "0123456789abcdef"[digit];
        out += '"';
    }
    void text(Object& object, uint32_t number, std::string_view name) const {
        const Field* const field = find(bytes(number));
        if (field != nullptr && !field->bytes.empty()) append_text(object.name(name), field->text());
    }
    void number(Object& object, uint32_t tag, std::string_view name) const {
        const Field* const field = find(tag);
        if (field == nullptr) return;
        if (const auto value = static_cast<uint32_t>(field->value); value != 0) append_number(object.name(name), value);
    }
    // An enum, of which readers take what fits into int32 alone.
    void choice(Object& object, uint32_t number, std::string_view name) const {
        const Field* const field = find(varint(number));
        if (field == nullptr) return;
        if (const auto value = static_cast<int32_t>(field->value); value != 0) append_number(object.name(name), value);
    }
    void time(Object& object, uint32_t number, std::string_view name) const {
        const Field* const field = find(fixed64(number));
        if (field == nullptr || field->value == 0) return;
        std::string& out = object.name(name) += '"';
        append_number(out, field->value);
        out += '"';
    }
    template <class Append>
    void message(Object& object, uint32_t number, std::string_view name, Append append) const {
        if (const Field* const field = find(bytes(number))) append(object.name(name), field->bytes);
    }
    template <class Append>
    void list(Object& object, uint32_t number, std::string_view name, Append append) const {
        if (find(bytes(number)) != nullptr) append_list(object.name(name), number, append);
    }
    // `[...]`, of which there may be none.
    template <class Append>
    void append_list(std::string& out, uint32_t number, Append append) const {
        char before = '[';
        each_field(message_, [&](const Field& field) {
            if (field.tag() != bytes(number)) return;
            out += before;
            before = ',';
            append(out, field.bytes);
        });
        out += before == '[' ? "[]" : "]";
    }

private:
    static constexpr uint32_t kMost = 16;

    const Bytes message_;
    std::array<Field, kMost + 1> last_{};
};

void append_key_value(std::string& out, Bytes body, uint32_t depth);

// `depth`: nothing is deeper than the validator lets through, so recursion is bounded for any bytes.
void append_any_value(std::string& out, Bytes body, uint32_t depth) {
    Object value(out);
    if (depth > kMaxDepth) return;
    Field chosen;  // of a oneof the last one; its default value is there where the field is
    each_field(body, [&](const Field& field) {
        const uint32_t tag = field.tag();
        if (tag == bytes(1) || tag == varint(2) || tag == varint(3) || tag == fixed64(4) || tag == bytes(5) ||
            tag == bytes(6) || tag == bytes(7))
            chosen = field;
    });
    const auto append_members = [&](auto append) {
        Object list(out);
        Fields(chosen.bytes).append_list(list.name("values"), 1, [&](std::string& to, Bytes member) {
            append(to, member, depth + 1);
        });
    };
    switch (chosen.number) {
        case 1: append_text(value.name("stringValue"), chosen.text()); break;
        case 2: value.name("boolValue") += chosen.value != 0 ? "true" : "false"; break;
        case 3:
            append_number(value.name("intValue") += '"', static_cast<int64_t>(chosen.value));
            out += '"';
            break;
        case 4: append_double(value.name("doubleValue"), std::bit_cast<double>(chosen.value)); break;
        case 5:
            value.name("arrayValue");
            append_members(append_any_value);
            break;
        case 6:
            value.name("kvlistValue");
            append_members(append_key_value);
            break;
        case 7: (value.name("bytesValue") += '"') += to_base64(chosen.bytes) + '"'; break;
        default: break;
    }
}

void append_key_value(std::string& out, Bytes body, uint32_t depth) {
    Field key, value;
    each_field(body, [&](const Field& field) {
        if (field.tag() == bytes(1)) key = field;
        if (field.tag() == bytes(2)) value = field;
    });
    Object pair(out);
    append_text(pair.name("key"), key.text());
    if (value.number != 0) append_any_value(pair.name("value"), value.bytes, depth);
}

void append_attribute(std::string& out, Bytes body) { append_key_value(out, body, 1); }

void append_event(std::string& out, Bytes body) {
    const Fields fields(body);
    Object event(out);
    fields.time(event, 1, "timeUnixNano");
    fields.text(event, 2, "name");
    fields.list(event, 3, "attributes", append_attribute);
    fields.number(event, varint(4), "droppedAttributesCount");
}

void append_link(std::string& out, Bytes body) {
    const Fields fields(body);
    Object link(out);
    fields.id(link, 1, "traceId");
    fields.id(link, 2, "spanId");
    fields.text(link, 3, "traceState");
    fields.list(link, 4, "attributes", append_attribute);
    fields.number(link, varint(5), "droppedAttributesCount");
    fields.number(link, fixed32(6), "flags");
}

void append_status(std::string& out, Bytes body) {
    const Fields fields(body);
    Object status(out);
    fields.text(status, 2, "message");
    fields.choice(status, 3, "code");
}

void append_span(std::string& out, Bytes body) {
    const Fields fields(body);
    Object span(out);
    fields.id(span, 1, "traceId");
    fields.id(span, 2, "spanId");
    fields.text(span, 3, "traceState");
    fields.id(span, 4, "parentSpanId");
    fields.text(span, 5, "name");
    fields.choice(span, 6, "kind");
    fields.time(span, 7, "startTimeUnixNano");
    fields.time(span, 8, "endTimeUnixNano");
    fields.list(span, 9, "attributes", append_attribute);
    fields.number(span, varint(10), "droppedAttributesCount");
    fields.list(span, 11, "events", append_event);
    fields.number(span, varint(12), "droppedEventsCount");
    fields.list(span, 13, "links", append_link);
    fields.number(span, varint(14), "droppedLinksCount");
    fields.message(span, 15, "status", append_status);
    fields.number(span, fixed32(16), "flags");
}

void append_resource(std::string& out, Bytes body) {
    const Fields fields(body);
    Object resource(out);
    fields.list(resource, 1, "attributes", append_attribute);
    fields.number(resource, varint(2), "droppedAttributesCount");
}

void append_scope(std::string& out, Bytes body) {
    const Fields fields(body);
    Object scope(out);
    fields.text(scope, 1, "name");
    fields.text(scope, 2, "version");
    fields.list(scope, 3, "attributes", append_attribute);
    fields.number(scope, varint(4), "droppedAttributesCount");
}

void append_scope_spans(std::string& out, Bytes body) {
    const Fields fields(body);
    Object group(out);
    fields.message(group, 1, "scope", append_scope);
    fields.list(group, 2, "spans", append_span);
    fields.text(group, 3, "schemaUrl");
}

void append_resource_spans(std::string& out, Bytes body) {
    const Fields fields(body);
    Object group(out);
    fields.message(group, 1, "resource", append_resource);
    fields.list(group, 2, "scopeSpans", append_scope_spans);
    fields.text(group, 3, "schemaUrl");
}

template <class Append>
std::string text_of(Bytes body, Append append) {
    std::string out;
    out.reserve(3 * body.size());
    append(out, body);
    return out;
}

}  // namespace

std::string otlp_json_of_span(Bytes span) { return text_of(span, append_span); }
std::string otlp_json_of_resource(Bytes resource) { return text_of(resource, append_resource); }
std::string otlp_json_of_scope(Bytes scope) { return text_of(scope, append_scope); }

std::string otlp_json_of_request(Bytes request) {
    return text_of(request, [](std::string& out, Bytes body) {
        Object whole(out);
        Fields(body).list(whole, 1, "resourceSpans", append_resource_spans);
    });
}

}  // namespace spanring::agent
