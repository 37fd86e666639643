// SPDX-License-Identifier: Apache-2.0
#include "store/trace_index.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "otlp/span_decoder.hpp"
#include "otlp/wire.hpp"
#include "ring/unfinished_span.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kStatusError = 2;

struct Glance {
    TraceId trace_id{};
    std::span<const uint8_t> name;
    uint64_t start = 0;
    uint64_t end = 0;
    bool root = true;
    bool error = false;
    bool unfinished = false;
};

// The key of a KeyValue, where it stands first (it always does).
bool has_key(std::span<const uint8_t> key_value, std::string_view key) {
    wire::Cursor cursor(key_value);
    wire::Field field;
    return wire::next(cursor, field) && field.number == 1 && field.bytes.size() == key.size() &&
           std::memcmp(field.bytes.data(), key.data(), key.size()) == 0;
}

bool status_is_error(std::span<const uint8_t> status) {
    wire::Cursor cursor(status);
    wire::Field field;
    uint64_t code = 0;
    while (wire::next(cursor, field)) {
        if (field.number == 3 && field.type == wire::Type::kVarint) code = field.value;
    }
    return code == kStatusError;
}

// Field numbers of trace.v1.Span.
bool glance_at(std::span<const uint8_t> span, Glance& glance) {
    wire::Cursor cursor(span);
    wire::Field field;
    bool identified = false;
    while (wire::next(cursor, field)) {
        switch (field.number) {
            case 1:
                if (field.bytes.size() != glance.trace_id.size()) return false;
                std::copy(field.bytes.begin(), field.bytes.end(), glance.trace_id.begin());
                identified = true;
                break;
            case 4: glance.root = field.bytes.empty(); break;
            case 5: glance.name = field.bytes; break;
            case 7: glance.start = field.value; break;
            case 8: glance.end = field.value; break;
            case 9: glance.unfinished |= has_key(field.bytes, ring::kUnfinishedKey); break;
            case 15: glance.error = status_is_error(field.bytes); break;
            default: break;
        }
    }
    glance.end = std::max(glance.end, glance.start);
    return identified && cursor.done();
}

// Trace ids are random: any eight bytes of them are a hash.
struct TraceIdHash {
    size_t operator()(const TraceId& id) const {
        uint64_t low = 0;
        std::memcpy(&low, id.data() + 8, sizeof low);
        return static_cast<size_t>(low);
    }
};

void add(TraceEntry& entry, const Glance& glance, const std::string& service) {
    const bool first = entry.spans == 0;
    entry.first_start = first ? glance.start : std::min(entry.first_start, glance.start);
    entry.last_end = std::max(entry.last_end, glance.end);
    entry.spans += 1;
    entry.errors += glance.error && !glance.unfinished ? 1 : 0;
    entry.unfinished += glance.unfinished ? 1 : 0;
    if (!entry.services.contains(service)) entry.services.insert(service);
    const bool better = glance.root != entry.head_is_root ? glance.root : glance.start < entry.head_start;
    if (!first && !better) return;
    entry.head_is_root = glance.root;
    entry.head_start = glance.start;
    entry.head_name.assign(reinterpret_cast<const char*>(glance.name.data()), glance.name.size());
    entry.head_service = service;
}

}  // namespace

std::vector<TraceEntry> index_request(std::span<const uint8_t> request) {
    std::vector<TraceEntry> entries;
    std::unordered_map<TraceId, size_t, TraceIdHash> places;
    visit_spans(request, [&](const DecodedResource& resource, const DecodedScope&, std::span<const uint8_t> span) {
        Glance glance;
        if (!glance_at(span, glance)) return;
        const auto [place, inserted] = places.try_emplace(glance.trace_id, entries.size());
        if (inserted) entries.emplace_back().trace_id = glance.trace_id;
        add(entries[place->second], glance, resource.service_name);
    });
    return entries;
}

}  // namespace spanring::agent
