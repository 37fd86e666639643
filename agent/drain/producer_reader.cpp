// SPDX-License-Identifier: Apache-2.0
#include "drain/producer_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "otlp/span_validator.hpp"
#include "otlp/utf8.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

std::string_view text(const wire::Field& field) {
    return {reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size()};
}

// service.name among the attributes of a validated resource; empty where it is missing or no string.
std::string service_name(std::span<const uint8_t> resource) {
    std::string service;
    wire::Cursor attributes(resource);
    for (wire::Field attribute; wire::next(attributes, attribute);) {
        if (attribute.number != 1 || attribute.type != wire::Type::kBytes) continue;
        std::string_view key;
        std::span<const uint8_t> value;
        wire::Cursor parts(attribute.bytes);
        for (wire::Field part; wire::next(parts, part);) {
            if (part.number == 1) key = text(part);
            if (part.number == 2) value = part.bytes;
        }
        if (key != "service.name") continue;
        wire::Cursor choices(value);
        for (wire::Field choice; wire::next(choices, choice);) {
            if (choice.number == 1) service = text(choice);
        }
    }
    return service;
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

std::shared_ptr<const Producer> read_producer(const ring::Header& header, ring::SegmentView segment, uint32_t uid) {
    const std::shared_ptr<Producer> producer = read_producer(header, uid);
    std::string body(reinterpret_cast<const char*>(segment.resource()), header.resource_size);
    const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(body.data()), body.size());
    if (validate_resource(bytes).defect != SpanDefect::kNone) return nullptr;
    producer->service = service_name(bytes);
    uint8_t prefix[1 + 10] = {0x0a};
    const uint8_t* end = wire::put_varint(prefix + 1, body.size());
    producer->resource.assign(reinterpret_cast<const char*>(prefix), static_cast<size_t>(end - prefix));
    producer->resource += body;
    if (header.schema_size != 0) {
        std::string schema_url(reinterpret_cast<const char*>(segment.resource()) + header.resource_size, header.schema_size);
        repair_utf8({reinterpret_cast<uint8_t*>(schema_url.data()), schema_url.size()});
        prefix[0] = 0x1a;
        end = wire::put_varint(prefix + 1, schema_url.size());
        producer->resource.append(reinterpret_cast<const char*>(prefix), static_cast<size_t>(end - prefix));
        producer->resource += schema_url;
    }
    return producer;
}

}  // namespace spanring::agent
