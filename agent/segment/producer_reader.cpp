// SPDX-License-Identifier: Apache-2.0
#include "segment/producer_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "otlp/span_validator.hpp"
#include "otlp/utf8.hpp"
#include "otlp/wire_append.hpp"

namespace spanring::agent {

namespace {

// Visits the attributes of a validated resource: their keys, and the bytes of their values.
template <class Visit>
void each_attribute(std::span<const uint8_t> resource, Visit&& visit) {
    wire::Cursor attributes(resource);
    for (wire::Field attribute; wire::next(attributes, attribute);) {
        if (attribute.number != 1 || attribute.type != wire::Type::kBytes) continue;
        std::string_view key;
        std::span<const uint8_t> value;
        wire::Cursor parts(attribute.bytes);
        for (wire::Field part; wire::next(parts, part);) {
            if (part.number == 1) key = part.text();
            if (part.number == 2) value = part.bytes;
        }
        visit(key, value);
    }
}

// service.name; empty where it is missing or not a string.
std::string service_name(std::span<const uint8_t> resource) {
    std::string service;
    each_attribute(resource, [&](std::string_view key, std::span<const uint8_t> value) {
        if (key != "service.name") return;
        wire::Cursor choices(value);
        for (wire::Field choice; wire::next(choices, choice);) {
            if (choice.number == 1) service = choice.text();
        }
    });
    return service;
}

// What the process says itself wins: no key appears twice.
void add_host(std::string& resource, const HostFacts& host) {
    std::string added;
    for (const auto& [fact, said] : host) {
        bool there = false;
        each_attribute({reinterpret_cast<const uint8_t*>(resource.data()), resource.size()},
                       // (clang 14 captures no binding of a pair)
                       [&there, name = std::string_view(fact)](std::string_view key, std::span<const uint8_t>) {
                           there |= key == name;
                       });
        if (there) continue;
        std::string value, attribute;  // KeyValue {key 1, value 2: AnyValue {string_value 1}}
        wire::append_bytes(value, 1, said);
        wire::append_bytes(attribute, 1, fact);
        wire::append_bytes(attribute, 2, value);
        wire::append_bytes(added, 1, attribute);
    }
    resource += added;
}

}  // namespace

std::shared_ptr<Producer> read_producer(const ring::Header& header, uint32_t uid) {
    auto producer = std::make_shared<Producer>();
    std::copy(std::begin(header.instance_id), std::end(header.instance_id), producer->instance.begin());
    producer->uid = uid;
    producer->pid = header.pid;
    producer->program.assign(reinterpret_cast<const char*>(header.program),
                             strnlen(reinterpret_cast<const char*>(header.program), sizeof header.program));
    repair_utf8({reinterpret_cast<uint8_t*>(producer->program.data()), producer->program.size()});
    return producer;
}

std::shared_ptr<Producer> read_producer(const ring::Header& header, ring::SegmentView segment, uint32_t uid,
                                        const HostFacts& host) {
    std::shared_ptr<Producer> producer = read_producer(header, uid);
    std::string body(reinterpret_cast<const char*>(segment.resource()), header.resource_size);
    const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(body.data()), body.size());
    if (validate_resource(bytes).defect != SpanDefect::kNone) return nullptr;
    producer->service = service_name(bytes);
    add_host(body, host);
    wire::append_bytes(producer->resource, 1, body);
    if (header.schema_size != 0) {
        std::string schema_url(reinterpret_cast<const char*>(segment.resource()) + header.resource_size,
                               header.schema_size);
        repair_utf8({reinterpret_cast<uint8_t*>(schema_url.data()), schema_url.size()});
        wire::append_bytes(producer->resource, 3, schema_url);
    }
    return producer;
}

}  // namespace spanring::agent
