// SPDX-License-Identifier: Apache-2.0
//
// A segment of any content through attach, recovery, drain and validation. It is read, or refused, or given up: always
// to an end, without a fault, and what comes out are whole spans. An input is one of the golden segments and how it is
// read (a byte), then changes: where among its interesting bytes (two), how many (one), what they become.
#include <cstdio>
#include <cstdlib>

#include "fuzz/segment_reading.hpp"
#include "otlp/span_validator.hpp"

using namespace spanring;

namespace {

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static test::SegmentReader reader;
    static const std::vector<uint8_t> golden[] = {
        test::interesting_bytes(test::golden_image(test::Golden::kPlain)),
        test::interesting_bytes(test::golden_image(test::Golden::kOverwrite)),
        test::interesting_bytes(test::golden_image(test::Golden::kJournal)),
        test::interesting_bytes(test::golden_image(test::Golden::kWaiting)),
    };
    const uint8_t how = size == 0 ? 0 : *data;
    const bool alive = (how & 1) != 0, zero_copy = (how & 2) != 0;
    std::vector<uint8_t> row = golden[(how & 0x80) != 0 ? 3 : (how >> 2) % 3];
    size_t at = 1;
    while (at + 3 < size) {
        const size_t place = (data[at] | size_t{data[at + 1]} << 8) % row.size();
        const size_t count = std::min({size_t{data[at + 2]}, size - at - 3, row.size() - place});
        std::memcpy(row.data() + place, data + at + 3, count);
        at += 3 + count;
    }
    test::spread(row.data(), row.size(), reader.base());

    const test::Reading reading = reader.read(alive, zero_copy);
    if (!reading.refused.empty()) return 0;
    demand(alive || reading.finished || !reading.quarantined.empty(), "a dead process's segment is read to its end");
    for (const test::SeenSpan& span : reading.spans) {
        std::vector<uint8_t> bytes = span.bytes;
        const agent::SpanCheck check = agent::validate_span(bytes);
        demand(check.defect == agent::SpanDefect::kNone && check.repaired == 0, "what is exported is valid");
    }
    return 0;
}
