// SPDX-License-Identifier: Apache-2.0
#include "otlp/request.hpp"

#include <cstring>
#include <unordered_map>

#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

constexpr uint8_t kResourceSpans = wire::tag(1, wire::Type::kBytes);  // of ExportTraceServiceRequest
constexpr uint8_t kScopeSpans = wire::tag(2, wire::Type::kBytes);     // of ResourceSpans

size_t element_size(size_t inside) { return 1 + wire::varint_size(inside) + inside; }

struct ScopeGroup {
    const Scope* scope = nullptr;
    std::vector<const Run*> runs;
    size_t inside = 0;  // bytes of the ScopeSpans message
};

struct ProducerGroup {
    const Producer* producer = nullptr;
    std::vector<ScopeGroup> scopes;
    std::unordered_map<const Scope*, size_t> places;
    size_t inside = 0;  // bytes of the ResourceSpans message
};

// The group of `key`, made at its first appearance. Mostly it is the last one.
template <class Group, class Key>
Group& group_of(std::vector<Group>& groups, std::unordered_map<const Key*, size_t>& places, const Key* Group::*member,
                const Key* key) {
    if (!groups.empty() && groups.back().*member == key) return groups.back();
    const auto [place, fresh] = places.try_emplace(key, groups.size());
    if (fresh) {
        groups.emplace_back();
        groups.back().*member = key;
    }
    return groups[place->second];
}

std::vector<ProducerGroup> group(std::span<const Run> runs) {
    std::vector<ProducerGroup> producers;
    std::unordered_map<const Producer*, size_t> places;
    for (const Run& run : runs) {
        if (run.bytes.empty()) continue;
        ProducerGroup& producer = group_of(producers, places, &ProducerGroup::producer, run.producer.get());
        ScopeGroup& scope = group_of(producer.scopes, producer.places, &ScopeGroup::scope, run.scope.get());
        scope.runs.push_back(&run);
        scope.inside += run.bytes.size();
    }
    for (ProducerGroup& producer : producers) {
        producer.inside = producer.producer->resource.size();
        for (ScopeGroup& scope : producer.scopes) {
            scope.inside += scope.scope->scope.size() + scope.scope->schema_url.size();
            producer.inside += element_size(scope.inside);
        }
    }
    return producers;
}

uint8_t* put(uint8_t* at, const std::string& bytes) {
    std::memcpy(at, bytes.data(), bytes.size());
    return at + bytes.size();
}

uint8_t* put_header(uint8_t* at, uint8_t tag, size_t inside) {
    *at++ = tag;
    return wire::put_varint(at, inside);
}

// Runs that follow each other in memory become one slice.
void add_slice(Request& request, std::span<const uint8_t> bytes) {
    if (!request.slices.empty() && request.slices.back().data() + request.slices.back().size() == bytes.data()) {
        request.slices.back() = {request.slices.back().data(), request.slices.back().size() + bytes.size()};
    } else {
        request.slices.push_back(bytes);
    }
    request.bytes += bytes.size();
}

}  // namespace

Request assemble(std::span<const Run> runs) {
    const std::vector<ProducerGroup> producers = group(runs);
    size_t header_bytes = 0;
    size_t slices = 0;
    for (const ProducerGroup& producer : producers) {
        header_bytes += element_size(producer.inside) - producer.inside + producer.producer->resource.size();
        for (const ScopeGroup& scope : producer.scopes) {
            header_bytes += element_size(scope.inside) - scope.inside;
            header_bytes += scope.scope->scope.size() + scope.scope->schema_url.size();
            slices += 1 + scope.runs.size();
        }
    }

    Request request;
    request.headers = std::make_unique_for_overwrite<uint8_t[]>(header_bytes);
    request.slices.reserve(slices);
    uint8_t* at = request.headers.get();
    for (const ProducerGroup& producer : producers) {
        const uint8_t* header = at;
        at = put_header(at, kResourceSpans, producer.inside);
        at = put(at, producer.producer->resource);
        for (const ScopeGroup& scope : producer.scopes) {
            at = put_header(at, kScopeSpans, scope.inside);
            at = put(at, scope.scope->scope);
            at = put(at, scope.scope->schema_url);
            add_slice(request, {header, at});
            for (const Run* run : scope.runs) add_slice(request, run->bytes);
            header = at;
        }
    }
    return request;
}

std::vector<std::vector<Run>> split(std::span<const Run> runs, size_t max_bytes, Signal signal) {
    constexpr size_t kHeader = 6;  // tag and length of an element
    std::vector<std::vector<Run>> parts;
    size_t bytes = 0;
    const auto add = [&](const Run& of, std::span<const uint8_t> span, uint32_t items) {
        // Never less than what grouping makes of it: headers that two runs share are counted for both unless they are
        // neighbours.
        const Run* last = parts.empty() ? nullptr : &parts.back().back();
        const bool same_producer = last != nullptr && of.producer == last->producer;
        const bool same_scope = same_producer && of.scope == last->scope;
        const size_t scope = kHeader + of.scope->scope.size() + of.scope->schema_url.size();
        const size_t resource = kHeader + of.producer->resource.size();
        const size_t more = span.size() + (same_scope ? 0 : scope) + (same_producer ? 0 : resource);
        if (last == nullptr || bytes + more > max_bytes) {
            parts.push_back({{of.producer, of.scope, span, items}});
            bytes = span.size() + scope + resource;
            return;
        }
        bytes += more;
        if (same_scope && last->bytes.data() + last->bytes.size() == span.data()) {
            Run& run = parts.back().back();
            run.bytes = {run.bytes.data(), run.bytes.size() + span.size()};
            run.spans += items;
        } else {
            parts.back().push_back({of.producer, of.scope, span, items});
        }
    };
    for (const Run& run : runs) {
        wire::Cursor cursor(run.bytes);
        const uint8_t* begin = cursor.at;
        for (wire::Field span; wire::next(cursor, span); begin = cursor.at)
            add(run, {begin, cursor.at}, signal == Signal::kMetrics ? items_in(signal, span.bytes).value_or(0) : 1);
    }
    return parts;
}

std::string flatten(const Request& request) {
    std::string bytes;
    bytes.reserve(request.bytes);
    for (const auto slice : request.slices) bytes.append(reinterpret_cast<const char*>(slice.data()), slice.size());
    return bytes;
}

}  // namespace spanring::agent
