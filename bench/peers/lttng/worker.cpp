// SPDX-License-Identifier: Apache-2.0
//
// LTTng-UST as a worker of the benchmark: a span is a begin and an end event. The keys of attributes are part of
// LTTng's metadata and cost nothing here.
//
//     burst BURSTS SPANS    ns of a span, the median over bursts with a pause of 1 ms between them
//     flat SPANS            as fast as it goes
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "span_events.h"

#include "bursts.hpp"
#include "core.hpp"
#include "random_ids.hpp"
#include "worker.hpp"

namespace {

bench::RandomIds ids;
uint64_t trace_id[2];

void spans(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t id = ids.next();
        lttng_ust_tracepoint(spanring_bench, begin, reinterpret_cast<const uint8_t*>(trace_id), id, 1,
                             "GET /api/orders");
        lttng_ust_tracepoint(spanring_bench, end, id, "GET", "/api/orders/1234567", 200);
    }
}

}  // namespace

int main() {
    bench::pin(0);
    if (!lttng_ust_tracepoint_enabled(spanring_bench, end)) bench::fail("no LTTng session listens");
    trace_id[0] = ids.next(), trace_id[1] = ids.next();
    bench::serve({{"burst",
                   [](const bench::Numbers& numbers) {
                       const auto rest = [](uint64_t end) { bench::sleep_until(end + 1'000'000); };
                       return bench::Answer().add("ns", bench::burst_median(numbers, spans, rest));
                   }},
                  {"flat", [](const bench::Numbers& numbers) {
                       const uint64_t begin = bench::now();
                       spans(numbers[0]);
                       return bench::Answer().add("seconds", static_cast<double>(bench::now() - begin) / 1e9);
                   }}});
}
