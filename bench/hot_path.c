/* SPDX-License-Identifier: Apache-2.0
 *
 * hot_path SPANS: starts, sets two strings and an integer, and ends SPANS spans, for callgrind to count. Two runs with
 * different SPANS, subtracted, leave nothing but spans (instructions.py). There is no agent: the ring holds them all.
 */
#include <spanring/spanring.h>
#include <stdlib.h>

__attribute__((noinline)) static void span_once(spr_tracer* tracer) {
    spr_span span;
    spr_span_start(tracer, "GET /api/orders", 15, &span);
    spr_span_set_string(&span, "http.request.method", 19, "GET", 3);
    spr_span_set_string(&span, "url.path", 8, "/api/orders/1234567", 19);
    spr_span_set_int64(&span, "http.response.status_code", 25, 200);
    spr_span_end(&span);
}

int main(int count, char** words) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider* provider;
    spr_tracer* tracer;
    spr_span root;
    spr_token token;
    spr_statistics statistics = SPR_STATISTICS_INIT;
    long spans = count > 1 ? atol(words[1]) : 1000;
    options.service_name = "bench";
    if (spr_provider_open(&options, &provider) != 0 ||
        spr_tracer_get(provider, "bench", SPR_NUL, "1", SPR_NUL, NULL, 0, &tracer) != 0)
        return 1;
    spr_span_start(tracer, "root", 4, &root); /* refused where tracing is off, which is counted too */
    spr_context_attach(&root.context, &token);
    for (; spans > 0; --spans) span_once(tracer);
    spr_provider_statistics(provider, &statistics);
    return statistics.dropped_full != 0;
}
