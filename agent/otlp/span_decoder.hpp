// SPDX-License-Identifier: Apache-2.0
//
// Reads OTLP to show it: the console, the store's index and the command line. Never on the way to a backend. Takes any
// bytes; what is no OTLP is an answer of false, unknown fields are skipped.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spanring::agent {

enum class ValueType : uint8_t { kNone, kString, kBool, kInt, kDouble, kArray, kKeyValues, kBytes };

// An AnyValue. text: a string as it is; "true", "42", "1.5"; an array or key values as JSON; bytes as base64.
struct Value {
    ValueType type = ValueType::kNone;
    std::string text;

    std::string json() const;  // as JSON: strings and bytes quoted and escaped, none is null
};

using Attributes = std::vector<std::pair<std::string, Value>>;

const Value* find(const Attributes& attributes, std::string_view key);  // null: not there

struct DecodedEvent {
    uint64_t time_unix_nano = 0;
    std::string name;
    Attributes attributes;
    uint32_t dropped_attributes = 0;
};

struct DecodedLink {
    std::array<uint8_t, 16> trace_id{};
    std::array<uint8_t, 8> span_id{};
    std::string trace_state;
    Attributes attributes;
    uint32_t dropped_attributes = 0;
    uint32_t flags = 0;
};

struct DecodedSpan {
    std::array<uint8_t, 16> trace_id{};
    std::array<uint8_t, 8> span_id{};
    std::array<uint8_t, 8> parent_span_id{};  // all zero: a root
    std::string trace_state;
    std::string name;
    uint32_t kind = 0;  // Span.SpanKind
    uint64_t start_unix_nano = 0;
    uint64_t end_unix_nano = 0;
    Attributes attributes;
    std::vector<DecodedEvent> events;
    std::vector<DecodedLink> links;
    uint32_t dropped_attributes = 0;
    uint32_t dropped_events = 0;
    uint32_t dropped_links = 0;
    uint32_t status_code = 0;  // Status.StatusCode
    std::string status_message;
    uint32_t flags = 0;

    bool root() const { return parent_span_id == std::array<uint8_t, 8>{}; }
};

struct DecodedResource {
    Attributes attributes;
    std::string service_name;  // of the attributes; empty: there is none
    std::string schema_url;
};

struct DecodedScope {
    std::string name;
    std::string version;
    Attributes attributes;
    std::string schema_url;
};

// `body` is the inside of the message, without the tag and length in front. False: no OTLP; then the result is partial.
bool decode_span(std::span<const uint8_t> body, DecodedSpan& ret_span);
bool decode_resource(std::span<const uint8_t> body, DecodedResource& ret_resource);
bool decode_scope(std::span<const uint8_t> body, DecodedScope& ret_scope);

// Called for each span of an ExportTraceServiceRequest, in the order of its bytes; `span` is the inside of the Span.
using SpanVisitor =
    std::function<void(const DecodedResource& resource, const DecodedScope& scope, std::span<const uint8_t> span)>;

// False: the bytes around the spans are no OTLP; what came before that was visited.
bool visit_spans(std::span<const uint8_t> request, const SpanVisitor& visit);

std::string to_hex(std::span<const uint8_t> bytes);  // lower case
std::string to_base64(std::span<const uint8_t> bytes);
const char* kind_name(uint32_t kind);               // "Internal", "Server", ... ; "Unspecified"
const char* status_name(uint32_t code);             // "Unset", "Ok", "Error"; "Unknown"
std::string to_json(const Attributes& attributes);  // an object

}  // namespace spanring::agent
