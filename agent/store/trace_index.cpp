// SPDX-License-Identifier: Apache-2.0
#include "store/trace_index.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "otlp/span_decoder.hpp"
#include "store/span_glance.hpp"

namespace spanring::agent {
namespace {

// Trace ids are random: any eight bytes of them are a hash.
struct TraceIdHash {
    size_t operator()(const TraceId& id) const {
        uint64_t low = 0;
        std::memcpy(&low, id.data() + 8, sizeof low);
        return static_cast<size_t>(low);
    }
};

void add(TraceEntry& entry, const SpanGlance& glance, const std::string& service) {
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
    entry.head_name = glance.text();
    entry.head_service = service;
}

}  // namespace

std::vector<TraceEntry> index_request(std::span<const uint8_t> request) {
    std::vector<TraceEntry> entries;
    std::unordered_map<TraceId, size_t, TraceIdHash> places;
    visit_spans(request, [&](const DecodedResource& resource, const DecodedScope&, std::span<const uint8_t> span) {
        SpanGlance glance;
        if (!glance_at(span, glance)) return;
        const auto [place, inserted] = places.try_emplace(glance.trace_id, entries.size());
        if (inserted) entries.emplace_back().trace_id = glance.trace_id;
        add(entries[place->second], glance, resource.service_name);
    });
    return entries;
}

}  // namespace spanring::agent
