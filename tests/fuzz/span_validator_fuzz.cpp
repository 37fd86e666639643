// SPDX-License-Identifier: Apache-2.0
//
// What the validator accepts, protobuf's parser must accept, alone and merged with others; and it must not change what
// it accepted before. What a shape made of it matches the validator must accept, and leave alone. The decoder must take
// any bytes, and read every span that is sound.
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "demand.hpp"
#include "otlp.pb.h"
#include "otlp/plain_span.hpp"
#include "otlp/span_decoder.hpp"
#include "otlp/span_shapes.hpp"
#include "otlp/span_validator.hpp"

using namespace spanring::agent;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    // Exactly as large as the input, so that a read beyond its end is seen.
    const std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);
    std::copy(data, data + size, copy.get());
    const std::span<uint8_t> span(copy.get(), size);

    DecodedSpan decoded;
    decode_span(span, decoded);
    visit_spans(span, [](const DecodedResource&, const DecodedScope&, std::span<const uint8_t>) {});
    validate_resource(std::span<uint8_t>(copy.get(), size));
    validate_scope(std::span<uint8_t>(copy.get(), size));

    const bool plain = is_plain_span(span);
    const SpanCheck first = validate_span(span);
    demand(!plain || first.untouched(), "what is plain is sound");
    if (first.defect != SpanDefect::kNone) return 0;
    const std::string accepted(reinterpret_cast<const char*>(copy.get()), size);
    spanring::otlp::Span parsed;
    demand(parsed.ParseFromString(accepted), "protobuf parses an accepted span");
    demand(parsed.trace_id().size() == 16 && parsed.span_id().size() == 8, "its ids have their sizes");
    spanring::otlp::ScopeSpans merged;
    *merged.add_spans() = parsed;
    const std::string element = merged.SerializeAsString();
    spanring::otlp::ScopeSpans again;
    demand(again.ParseFromString(element + element) && again.spans_size() == 2, "it merges with others");
    DecodedSpan read;
    demand(decode_span(span, read) && read.name == parsed.name(), "the decoder reads it");
    demand(validate_span(span).untouched(), "it was repaired at once");

    // Its relatives: some bytes changed, where and how the span itself decides.
    SpanShapes shapes;
    shapes.learn(span);
    std::minstd_rand random(static_cast<uint32_t>(std::hash<std::string>()(accepted)));
    const std::unique_ptr<uint8_t[]> other(new uint8_t[size]);
    for (int round = 0; round < 100; ++round) {
        std::copy(accepted.begin(), accepted.end(), other.get());
        for (uint32_t changes = 1 + random() % 3; changes != 0; --changes) {
            other[random() % size] = static_cast<uint8_t>(random() >> 8);
        }
        const std::span<uint8_t> relative(other.get(), size);
        if (!shapes.match(relative)) continue;
        const SpanCheck check = validate_span(relative);
        demand(check.defect == SpanDefect::kNone && check.repaired == 0, "a shape matches only what is sound");
    }

    // Written again by protobuf it is the same span, for the validator, the decoder and protobuf.
    std::string rewritten = parsed.SerializeAsString();
    const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(rewritten.data()), rewritten.size());
    const SpanCheck check = validate_span(bytes);
    demand(check.defect == SpanDefect::kNone && check.repaired == 0, "it is accepted when protobuf has written it");
    DecodedSpan reread;
    demand(decode_span(bytes, reread) && reread.name == read.name && reread.start_unix_nano == read.start_unix_nano &&
               reread.end_unix_nano == read.end_unix_nano,
           "the decoder reads the same then");
    spanring::otlp::Span reparsed;
    demand(reparsed.ParseFromString(rewritten) && reparsed.SerializeAsString() == rewritten,
           "and protobuf writes the same");
    return 0;
}
