// SPDX-License-Identifier: Apache-2.0
//
// floor_worker BYTES: what a span of BYTES bytes cannot cost less than, in two ways.
//
//     burst BURSTS SPANS [BYTES]    two clock reads and one copy into the ring, for each span
//     burst2 BURSTS SPANS [BYTES]   the same with two copies (open span, ring) and random ids: what a crash-safe span
//                                   needs
//     calls BURSTS SPANS    two calls into a shared library that do nothing: the shape of start and end
//     calls5 BURSTS SPANS   five of them: start, three attributes, end
//
// Answers ns, the median over the bursts. Each burst starts with an empty ring.
#include "bursts.hpp"
#include "floor_ring.hpp"
#include "random_ids.hpp"

extern "C" {
int nothing_start(void* tracer, const char* name, size_t name_size, void* span);
int nothing_set(const void* span, const char* key, size_t key_size, const char* value, size_t value_size);
int nothing_end(const void* span);
}

namespace {

using bench::Answer;
using bench::Numbers;

constexpr size_t kLargest = 4096;

void one_copy(bench::FloorRing& ring, size_t size) {
    static uint8_t record[kLargest];
    const uint64_t begin = bench::ticks();
    std::memcpy(record, &begin, sizeof begin);
    const uint64_t end = bench::ticks();
    std::memcpy(record + 8, &end, sizeof end);
    if (!ring.write(record, size)) bench::fail("the floor's ring is full: smaller bursts");
}

void two_copies(bench::FloorRing& ring, size_t size, bench::RandomIds& ids) {
    static uint8_t source[kLargest], open[kLargest];
    const uint64_t head[] = {bench::ticks(), ids.next(), ids.next(), ids.next()};
    std::memcpy(source, head, sizeof head);
    std::memcpy(open, source, size);
    asm volatile("" ::: "memory");  // the open span is memory that a recovery would read
    const uint64_t end = bench::ticks();
    std::memcpy(open + sizeof head, &end, sizeof end);
    if (!ring.write(open, size)) bench::fail("the floor's ring is full: smaller bursts");
}

void two_calls() {
    uint64_t span[5];
    nothing_start(nullptr, "GET /api/checkout", 17, span);
    nothing_end(span);
}

void five_calls() {
    uint64_t span[5];
    nothing_start(nullptr, "GET /api/checkout", 17, span);
    nothing_set(span, "http.request.method", 19, "GET", 3);
    nothing_set(span, "url.path", 8, "/api/checkout/items", 19);
    nothing_set(span, "http.response.status_code", 25, "200", 3);
    nothing_end(span);
}

}  // namespace

int main(int count, char** words) {
    const size_t usual = count > 1 ? std::strtoul(words[1], nullptr, 10) : 0;
    const auto size_of = [&](const Numbers& numbers) {
        const size_t size = numbers[2] != 0 ? numbers[2] : usual;
        if (size < 64 || size > kLargest) bench::fail("needs a number of bytes, 64 to 4096");
        return size;
    };
    bench::FloorRing ring(1);
    bench::pin(0);
    bench::RandomIds ids;
    const auto bursts = [&](const Numbers& numbers, auto&& one) {
        const auto spans = [&](uint64_t count) {
            for (uint64_t i = 0; i < count; ++i) one();
        };
        const auto rest = [&](uint64_t) {
            while (!ring.drained()) bench::sleep_until(bench::now() + 1'000'000);
        };
        return Answer().add("ns", bench::burst_median(numbers, spans, rest));
    };
    bench::serve({
        {"burst",
         [&](const Numbers& numbers) {
             return bursts(numbers, [&, size = size_of(numbers)] { one_copy(ring, size); });
         }},
        {"burst2",
         [&](const Numbers& numbers) {
             return bursts(numbers, [&, size = size_of(numbers)] { two_copies(ring, size, ids); });
         }},
        {"calls", [&](const Numbers& numbers) { return bursts(numbers, two_calls); }},
        {"calls5", [&](const Numbers& numbers) { return bursts(numbers, five_calls); }},
    });
}
