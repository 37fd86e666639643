/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flight recorder: ends numbered spans into a small ring that overwrites its oldest, leaves some open, and waits to
 * be killed. The numbers are in the names, so that what is left of the ring can be told from what it lost.
 *
 *     recorder COUNT OPEN
 *
 * Says "ready STARTED ENDED OVERWRITTEN" by spr_provider_statistics() and waits until its standard input ends.
 */
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "producer/must.h"

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const unsigned long count = strtoul(argv[1], NULL, 10), open = strtoul(argv[2], NULL, 10);
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.full_policy = SPR_FULL_OVERWRITE_OLDEST;
    options.memory_limit = 1024 * 1024;
    options.service_name = "recorder";
    spr_provider *provider;
    spr_tracer *tracer;
    MUST(spr_provider_open(&options, &provider), 0);
    MUST(spr_tracer_get(provider, "flight", SPR_NUL, "1", SPR_NUL, NULL, 0, &tracer), 0);
    for (unsigned long i = 0; i < count + open; ++i) {
        char name[32];
        spr_span span;
        snprintf(name, sizeof name, "span %lu", i);
        MUST(spr_span_start(tracer, name, SPR_NUL, &span), 1);
        MUST(spr_span_set_int64(&span, "number", SPR_NUL, (int64_t)i), 0);
        if (i < count) MUST(spr_span_end(&span), 0);
    }
    spr_statistics statistics = SPR_STATISTICS_INIT;
    MUST(spr_provider_statistics(provider, &statistics), 0);
    printf("ready %llu %llu %llu\n", (unsigned long long)statistics.started, (unsigned long long)statistics.ended,
           (unsigned long long)statistics.dropped_overwritten);
    fflush(stdout);
    char byte;
    return read(STDIN_FILENO, &byte, 1) < 0;
}
