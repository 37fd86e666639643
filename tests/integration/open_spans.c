/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that has open what it is told to. Of each line of its standard input the first word is what to do:
 *
 *     start NAME [TRACEPARENT]   starts a span, below that one or the newest open one, and prints its traceparent
 *     end                        ends the newest one
 *     flap SECONDS               starts, changes and ends spans, as fast as it can
 *     many COUNT                 starts so many, then ends them in another order; prints how many ended, and how many
 *                                were dropped
 *
 * Between two lines its thread is in waits_for_a_line().
 *
 *     open_spans SERVICE
 */
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "producer/must.h"

#define MOST 64

char *waits_for_a_line(char *line, int size);

__attribute__((noinline)) char *waits_for_a_line(char *line, int size) {
    char *got = fgets(line, size, stdin);
    __asm__ volatile("" ::: "memory"); /* no tail call: the function stays on the stack */
    return got;
}

static void start(spr_tracer *tracer, char *words, spr_span *spans, int count) {
    const char *name = strtok(words, " \n");
    const char *header = strtok(NULL, " \n");
    spr_start_options options = SPR_START_OPTIONS_INIT;
    spr_context parent;
    char out[SPR_TRACEPARENT_SIZE];
    options.kind = SPR_KIND_SERVER;
    if (header != NULL) {
        MUST(spr_traceparent_extract(header, strlen(header), &parent), 0);
    } else if (count > 0) {
        parent = spans[count - 1].context;
    }
    if (header != NULL || count > 0) {
        options.parent_mode = SPR_PARENT_EXPLICIT;
        options.parent = &parent;
    }
    MUST(spr_span_start_with(tracer, name, strlen(name), &options, &spans[count]), 1);
    MUST(spr_span_set_int64(&spans[count], SPR_S("cart.items"), 3), 0);
    MUST(spr_traceparent_inject(&spans[count].context, out), 0);
    printf("%s\n", out);
}

static void flap(spr_tracer *tracer, double seconds) {
    static const char value[2000] = "v";
    const time_t until = time(NULL) + (time_t)seconds;
    unsigned long number = 0;
    puts("flapping");
    fflush(stdout);
    while (time(NULL) < until) {
        for (int i = 0; i < 1000; ++i, ++number) {
            spr_span span;
            char name[32];
            const int size = snprintf(name, sizeof name, "number %lu", number);
            if (spr_span_start(tracer, name, (size_t)size, &span) != 1) continue;
            spr_span_set_int64(&span, SPR_S("number"), (int64_t)number);
            if (number % 8 == 0) spr_span_set_string(&span, SPR_S("large"), value, sizeof value);
            spr_span_set_int64(&span, SPR_S("number"), (int64_t)number); /* once more: the first one is superseded */
            spr_span_end(&span);
        }
    }
}

static void many(spr_tracer *tracer, unsigned long count) {
    static const char value[500] = "v";
    enum { STRIDE = 7919 }; /* prime to the count */
    unsigned long ended = 0, full = 0;
    spr_span *spans = malloc(count * sizeof *spans);
    if (spans == NULL) exit(1);
    for (unsigned long i = 0; i < count; ++i) {
        MUST(spr_span_start(tracer, SPR_S("one of many"), &spans[i]), 1);
        MUST(spr_span_set_string(&spans[i], SPR_S("text"), value, sizeof value), 0);
    }
    for (unsigned long i = 0, at = 0; i < count; ++i, at = (at + STRIDE) % count) {
        if (spr_span_end(&spans[at]) == 0)
            ++ended;
        else
            ++full;
    }
    free(spans);
    printf("many %lu %lu\n", ended, full);
}

int main(int words, char **arguments) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider *provider;
    spr_tracer *tracer;
    spr_span spans[MOST];
    int count = 0;
    char line[1024];
    options.service_name = words > 1 ? arguments[1] : "open";
    MUST(spr_provider_open(&options, &provider), 0);
    MUST(spr_tracer_get(provider, SPR_S("open"), NULL, 0, NULL, 0, &tracer), 0);
    puts("ready");
    fflush(stdout);
    while (waits_for_a_line(line, sizeof line) != NULL) {
        if (strncmp(line, "start ", 6) == 0 && count < MOST) {
            start(tracer, line + 6, spans, count++);
        } else if (strncmp(line, "flap ", 5) == 0) {
            flap(tracer, atof(line + 5));
            puts("flapped");
        } else if (strncmp(line, "many ", 5) == 0) {
            many(tracer, strtoul(line + 5, NULL, 10));
        } else if (strcmp(line, "end\n") == 0 && count > 0) {
            MUST(spr_span_end(&spans[--count]), 0);
            puts("ended");
        } else {
            return 1;
        }
        fflush(stdout);
    }
    return 0;
}
