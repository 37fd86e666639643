// SPDX-License-Identifier: Apache-2.0
//
// hot_path SHAPE REQUESTS SPANS: makes SPANS spans of a shape, for callgrind to count what span_once() takes. Two runs
// with different SPANS, subtracted, leave nothing but spans (instructions.py). There is no agent: the ring holds them
// all, and a span that was refused or lacks something ends the program with 1. Where nothing is recorded nothing is
// counted.
#include "shape.hpp"

extern "C" __attribute__((noinline)) void span_once(bench::Shape shape, spr_tracer* tracer,
                                                    const bench::Request& request) {
    shape(tracer, request);
}

int main(int count, char** words) {
    if (count < 4) bench::fail("needs a shape, the file of requests and a number of spans");
    const bench::Shape shape = bench::find_shape(words[1]);
    const bench::Requests requests(words[2]);
    const uint64_t spans = std::strtoul(words[3], nullptr, 10);
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.service_name = "bench";
    spr_provider* provider;
    spr_tracer* tracer;
    if (spr_provider_open(&options, &provider) != 0 ||
        spr_tracer_get(provider, "bench", SPR_NUL, "1", SPR_NUL, nullptr, 0, &tracer) != 0)
        bench::fail("the library does not open");
    spr_span root;
    spr_token token;
    const bool recorded = spr_span_start(tracer, "root", SPR_NUL, &root) == 1;
    spr_context_attach(&root.context, &token);
    for (uint64_t i = 0; i < spans; ++i) span_once(shape, tracer, requests[i]);
    spr_statistics statistics = SPR_STATISTICS_INIT;
    spr_provider_statistics(provider, &statistics);
    if (statistics.ended < (recorded ? spans : 0) || statistics.started != statistics.ended + recorded ||
        statistics.not_started_slot + statistics.dropped_full + statistics.refused_data != 0)
        bench::fail("the ring did not take all of the spans");
}
