// SPDX-License-Identifier: Apache-2.0
#include "command/open/open_span.hpp"

#include <vector>

#include "otlp/span_validator.hpp"
#include "ring/unfinished_span.hpp"
#include "segment/chunk_record.hpp"

namespace spanring::agent {

uint64_t age_of(const OpenSpan& open, uint64_t now_unix_nano) {
    const uint64_t start = open.span.start_unix_nano;
    return now_unix_nano > start ? now_unix_nano - start : 0;  // an application may set any start
}

std::optional<DecodedSpan> decode_open_span(const ring::SlotCopy& slot) {
    std::vector<uint8_t> record;
    ChunkRecord place;
    if (!append_partial_span(slot, 0, record) || read_chunk_record(record, 0, place) != nullptr) return std::nullopt;
    const std::span<uint8_t> body(record.data() + place.body, place.end - place.body);
    DecodedSpan span;
    if (validate_span(body).defect != SpanDefect::kNone || !decode_span(body, span)) return std::nullopt;
    span.end_unix_nano = 0;
    std::erase_if(span.attributes, [](const auto& attribute) { return attribute.first == ring::kPartialKey; });
    return span;
}

}  // namespace spanring::agent
