// SPDX-License-Identifier: Apache-2.0
#include "receive/request_reader.hpp"

#include <utility>

#include "otlp/span_decoder.hpp"
#include "otlp/span_validator.hpp"
#include "otlp/utf8.hpp"
#include "otlp/wire_append.hpp"

namespace spanring::agent {
namespace {

using wire::Field;
using wire::tags::bytes;

constexpr uint32_t kEveryField = UINT32_MAX;

std::span<uint8_t> writable(std::span<const uint8_t> part) { return {const_cast<uint8_t*>(part.data()), part.size()}; }

void append(std::string& to, std::span<const uint8_t> more) {
    to.append(reinterpret_cast<const char*>(more.data()), more.size());
}

// Of a message, the fields up to number `last`: what a later version adds is not passed on, for it cannot be checked.
std::string fields_up_to(uint32_t last, std::span<const uint8_t> message) {
    std::string kept;
    wire::Cursor cursor(message);
    const uint8_t* begin = cursor.at;
    for (Field field; wire::next(cursor, field); begin = cursor.at) {
        if (field.number <= last) append(kept, {begin, cursor.at});
    }
    return kept;
}

std::span<uint8_t> bytes_in(std::string& text) { return {reinterpret_cast<uint8_t*>(text.data()), text.size()}; }

std::string sound_text(std::string_view text) {
    std::string sound(text);
    repair_utf8(bytes_in(sound));
    return sound;
}

// What two requests must share to share the object.
std::string key_of(std::span<const uint8_t> message, std::string_view schema_url, uint32_t owner) {
    std::string key = std::to_string(owner) + ":" + std::to_string(message.size()) + ":";
    append(key, message);
    key += schema_url;
    return key;
}

}  // namespace

template <class Value>
void RequestReader::remember(Known<Value>& known, std::string key, const std::shared_ptr<Value>& value) const {
    if (most_known_ == 0 || key.size() > kLargestKnown) return;
    if (known.size() >= most_known_) known.clear();
    known.emplace(std::move(key), value);
}

std::string RequestReader::no_request() const { return std::string("not an ") + names_of(signal_).request; }

RequestReader::Element RequestReader::look(std::span<uint8_t> element) {
    if (signal_ == Signal::kTraces) {
        const SpanCheck check = gate_.check(element);
        return {1, check.defect != SpanDefect::kNone ? describe(check.defect) : nullptr};
    }
    const std::optional<uint32_t> items = items_in(signal_, element);
    return {items.value_or(1), items ? nullptr : "its bytes are not a message"};
}

std::string RequestReader::read(std::span<uint8_t> request, uint32_t owner, ReceivedSpans& ret_spans) {
    owner_ = owner;
    wire::Cursor cursor(request);
    for (Field field; wire::next(cursor, field);) {
        if (field.number != 1) continue;
        if (field.type != wire::Type::kBytes) return no_request();
        std::string fault = read_resource_spans(writable(field.bytes), ret_spans);
        if (!fault.empty()) return fault;
    }
    return cursor.done() ? std::string() : no_request();
}

std::string RequestReader::read_resource_spans(std::span<uint8_t> message, ReceivedSpans& spans) {
    std::span<const uint8_t> resource;
    std::string_view schema_url;
    uint32_t resources = 0;
    bool sound = true;
    wire::Cursor cursor(message);
    for (Field field; wire::next(cursor, field);) {
        if (field.number > 3) continue;
        if (field.type != wire::Type::kBytes) return no_request();
        if (field.number == 1) {
            resource = field.bytes;
            ++resources;
        } else if (field.number == 3) {
            schema_url = field.text();
        }
    }
    if (!cursor.done()) return no_request();
    const std::shared_ptr<const Producer> producer = resources < 2 ? producer_of(resource, schema_url) : nullptr;
    ReceivedPart part;
    cursor = wire::Cursor(message);
    for (Field field; sound && wire::next(cursor, field);) {
        if (field.tag() == bytes(2)) sound = read_scope_spans(writable(field.bytes), producer, spans, part);
    }
    if (!sound) return no_request();
    if (part.spans == 0) return {};
    part.account = producer != nullptr ? producer->account() : identity_of_("", "").account();
    spans.spans += part.spans;
    spans.invalid += part.invalid;
    spans.parts.push_back(part);
    if (spans.parts.size() > kMostParts) return "more than " + std::to_string(kMostParts) + " resources in one request";
    return {};
}

// A null producer, or an instrumentation scope that is not sound: none of the spans can go on. What is said of all of
// them may come after them.
bool RequestReader::read_scope_spans(std::span<uint8_t> message, const std::shared_ptr<const Producer>& producer,
                                     ReceivedSpans& spans, ReceivedPart& part) {
    std::span<const uint8_t> inside;
    std::string_view schema_url;
    uint32_t scopes = 0, elements = 0, items = 0, invalid = 0;
    const size_t first = spans.runs.size();
    const char* defect = nullptr;
    wire::Cursor cursor(message);
    const uint8_t* begin = cursor.at;
    bool follows = false;  // the span before it is the end of the last run
    for (Field field; wire::next(cursor, field); begin = cursor.at) {
        if (field.tag() != bytes(2)) {
            follows = false;
            if (field.number > 3) continue;
            if (field.type != wire::Type::kBytes) return false;
            if (field.number == 1) {
                inside = field.bytes;
                ++scopes;
            } else {
                schema_url = field.text();
            }
            continue;
        }
        ++elements;
        if (producer == nullptr) continue;
        const Element element = look(writable(field.bytes));
        items += element.items;
        if (element.defect != nullptr) {
            defect = element.defect;
            invalid += element.items;
            follows = false;
            continue;
        }
        if (element.items == 0) {  // a metric without data points says nothing
            follows = false;
            continue;
        }
        if (follows) {
            Run& run = spans.runs.back();
            run.bytes = {run.bytes.data(), cursor.at};
            run.spans += element.items;
        } else {
            spans.runs.push_back({producer, nullptr, {begin, cursor.at}, element.items});
        }
        follows = true;
    }
    if (!cursor.done()) return false;
    const std::shared_ptr<const Scope> scope =
        producer != nullptr && scopes < 2 ? scope_of(inside, schema_url) : nullptr;
    if (scope == nullptr) {
        spans.runs.erase(spans.runs.begin() + static_cast<std::ptrdiff_t>(first), spans.runs.end());
        items = invalid = elements;
        defect = "its resource or its instrumentation scope is malformed";
    }
    for (size_t i = first; i < spans.runs.size(); ++i) spans.runs[i].scope = scope;
    if (defect != nullptr) spans.defect = defect;
    part.spans += items;
    part.invalid += invalid;
    part.runs += static_cast<uint32_t>(spans.runs.size() - first);
    return true;
}

std::shared_ptr<const Producer> RequestReader::producer_of(std::span<const uint8_t> resource,
                                                           std::string_view schema_url) {
    std::string key = key_of(resource, schema_url, owner_);
    if (const auto known = producers_.find(key); known != producers_.end()) return known->second;
    std::string body = fields_up_to(2, resource);
    if (validate_resource(bytes_in(body)).defect != SpanDefect::kNone) return nullptr;
    DecodedResource decoded;
    decode_resource(bytes_in(body), decoded);
    const Value* const instance = find(decoded.attributes, "service.instance.id");
    const auto producer = std::make_shared<Producer>();
    producer->identity() = identity_of_(decoded.service_name, instance != nullptr ? instance->text : "");
    producer->uid = owner_;
    // Its own name, also where it has no account of its own.
    producer->service = decoded.service_name.substr(0, kLongestService);
    if (signal_ != Signal::kTraces) body = fields_up_to(kEveryField, resource);
    wire::append_bytes(producer->resource, 1, body);
    if (!schema_url.empty()) {
        std::string url = sound_text(schema_url);
        wire::append_bytes(producer->resource, 3, url);
    }
    remember(producers_, std::move(key), producer);
    return producer;
}

std::shared_ptr<const Scope> RequestReader::scope_of(std::span<const uint8_t> scope, std::string_view schema_url) {
    std::string key = key_of(scope, schema_url, 0);
    if (const auto known = scopes_.find(key); known != scopes_.end()) return known->second;
    std::string body = fields_up_to(4, scope);
    if (validate_scope(bytes_in(body)).defect != SpanDefect::kNone) return nullptr;
    const auto made = std::make_shared<Scope>();
    if (signal_ != Signal::kTraces) body = fields_up_to(kEveryField, scope);
    if (!body.empty()) wire::append_bytes(made->scope, 1, body);
    if (!schema_url.empty()) {
        std::string url = sound_text(schema_url);
        wire::append_bytes(made->schema_url, 3, url);
    }
    remember(scopes_, std::move(key), made);
    return made;
}

}  // namespace spanring::agent
