// SPDX-License-Identifier: Apache-2.0
//
// What the store knows of a batch without its bytes: of each span the trace, times, name, service and attributes, as
// columns of numbers into a dictionary of the texts in the batch. A search reads these and nothing else: a text that
// occurs in a thousand spans is looked at once. Made when the batch is stored, by one walk over its bytes, and never
// larger than a small multiple of them, whatever they are.
//
// Of a value the first kMostIndexedBytes are in it; of an array or a list, those of its JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/trace_id.hpp"

namespace spanring::agent {

inline constexpr size_t kMostIndexedBytes = 4096;

// As they lie in the file. `traces`: the ids, one after another; `spans`: all the rest.
struct IndexBytes {
    std::string traces;
    std::string spans;

    size_t size() const { return traces.size() + spans.size(); }
};

// `request` is an ExportTraceServiceRequest. What is not a span in it is left out.
IndexBytes index_request(std::span<const uint8_t> request);

struct IndexedSpan {
    uint64_t start = 0;
    uint64_t duration = 0;
    uint32_t trace = 0;       // which of the ids
    uint32_t name = 0;        // which text
    uint32_t origin = 0;      // which resource and scope
    uint32_t first_pair = 0;  // in BatchIndex::pairs_of_spans, to that of the next span
    uint8_t kind = 0;         // Span.SpanKind
    uint8_t status = 0;       // Status.StatusCode
    bool root = false;
    bool unfinished = false;

    uint64_t end() const { return start + duration; }
    bool error() const { return status == 2; }
};

// An index in memory. Views refer to the bytes that it was read from.
struct BatchIndex {
    struct Pair {
        uint32_t key, value;  // which texts
    };
    struct Resource {
        uint32_t service = 0;  // which text
        std::vector<uint32_t> pairs;
    };
    struct Origin {
        uint32_t resource = 0;
        uint32_t scope = kNoScope;  // which pair
    };
    static constexpr uint32_t kNoScope = UINT32_MAX;

    std::span<const uint8_t> traces;
    std::vector<std::string_view> texts;
    std::vector<Pair> pairs;
    std::vector<Resource> resources;
    std::vector<Origin> origins;
    std::vector<IndexedSpan> spans;        // in the order of the bytes
    std::vector<uint32_t> pairs_of_spans;  // which pairs; empty where they were not read

    size_t trace_count() const { return traces.size() / sizeof(TraceId); }
    TraceId trace(size_t which) const;
    std::span<const uint32_t> pairs_of(size_t span) const;
    std::string_view name_of(const IndexedSpan& span) const { return texts[span.name]; }
    uint32_t service_text(const IndexedSpan& span) const { return resources[origins[span.origin].resource].service; }
    std::string_view service_of(const IndexedSpan& span) const { return texts[service_text(span)]; }
};

// Pairs of spans are the longest column: whoever asks for none of them reads half as many numbers.
enum class IndexPart : uint8_t { kAll, kWithoutPairsOfSpans };

// False: the bytes are no index. Then the content of `ret_index` is unspecified. Memory of an earlier one is used
// again.
bool read_index(std::span<const uint8_t> traces, std::span<const uint8_t> spans, IndexPart part, BatchIndex& ret_index);

}  // namespace spanring::agent
