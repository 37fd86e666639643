/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does with spans what its standard input says, a line at a time, and answers each with a line. Ends with its input.
 *
 *     scripted SERVICE
 *
 *     start N NAME [TRACEPARENT]   opens span N (0 to 63): its traceparent. Without a parent it begins a trace
 *     child N NAME M               likewise, below span M, which may have ended
 *     error N                      sets its status
 *     set N KEY VALUE              sets a string
 *     number N KEY VALUE           sets an integer
 *     truth N KEY VALUE            sets a boolean: 0 or 1
 *     end N [MILLISECONDS]         ends it, at so much later than now
 *     flush SECONDS                waits until what ended is delivered
 */
#define _POSIX_C_SOURCE 200809L
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "producer/must.h"

#define SPANS 64

static void start(spr_tracer *tracer, spr_span *span, const char *name, const spr_context *parent) {
    spr_start_options options = SPR_START_OPTIONS_INIT;
    char own[SPR_TRACEPARENT_SIZE];
    options.parent_mode = parent == NULL ? SPR_PARENT_ROOT : SPR_PARENT_EXPLICIT;
    options.parent = parent;
    MUST(spr_span_start_with(tracer, name, strlen(name), &options, span), 1);
    if (spr_traceparent_inject(&span->context, own) < 0) exit(3);
    puts(own);
}

static void end(const spr_span *span, const char *milliseconds) {
    spr_end_options options = SPR_END_OPTIONS_INIT;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (*milliseconds != '\0')
        options.end_time_ns =
            (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + strtoull(milliseconds, NULL, 10) * 1000000u;
    MUST(spr_span_end_with(span, &options), 0);
}

int main(int count, char **words) {
    static spr_span spans[SPANS];
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider *provider;
    spr_tracer *tracer;
    char line[512];
    if (count != 2) return 2;
    options.service_name = words[1];
    MUST(spr_provider_open(&options, &provider), 0);
    MUST(spr_tracer_get(provider, "scripted", SPR_NUL, NULL, 0, NULL, 0, &tracer), 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char verb[16] = "", first[128] = "", second[128] = "";
        unsigned number = 0;
        if (sscanf(line, "%15s %u %127s %127s", verb, &number, first, second) < 2) return 2;
        if (strcmp(verb, "flush") == 0) {
            MUST(spr_provider_flush(provider, number * 1000000000ull), 0);
            puts("flushed");
        } else {
            if (number >= SPANS) return 2;
            spr_span *const span = &spans[number];
            spr_context parent;
            if (strcmp(verb, "start") == 0 && *second != '\0') {
                MUST(spr_traceparent_extract(second, strlen(second), &parent), 0);
                start(tracer, span, first, &parent);
            } else if (strcmp(verb, "start") == 0) {
                start(tracer, span, first, NULL);
            } else if (strcmp(verb, "child") == 0) {
                const unsigned long of = strtoul(second, NULL, 10);
                if (of >= SPANS) return 2;
                parent = spans[of].context;
                start(tracer, span, first, &parent);
            } else {
                if (strcmp(verb, "error") == 0)
                    MUST(spr_span_set_status(span, SPR_STATUS_ERROR, NULL, 0), 0);
                else if (strcmp(verb, "set") == 0)
                    MUST(spr_span_set_string(span, first, strlen(first), second, strlen(second)), 0);
                else if (strcmp(verb, "number") == 0)
                    MUST(spr_span_set_int64(span, first, strlen(first), atol(second)), 0);
                else if (strcmp(verb, "truth") == 0)
                    MUST(spr_span_set_bool(span, first, strlen(first), atoi(second)), 0);
                else if (strcmp(verb, "end") == 0)
                    end(span, first);
                else
                    return 2;
                puts("done");
            }
        }
        fflush(stdout);
    }
    return 0;
}
