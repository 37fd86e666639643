/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans of many operations: operation-0, operation-1 and so on, in turns. Waits for room where the ring is full.
 *
 *     operations SERVICE NAMES         so many spans for each line of its standard input that says how many; prints
 *                                      how many were recorded
 *     operations SERVICE NAMES RATE    so many a second, after it has printed "ready"
 *
 * Ends with its input.
 */
#include <poll.h>
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static spr_tracer *tracer;
static long names, next;

/* How many were recorded; negative: an error. */
static long make(long spans) {
    long recorded = 0;
    for (; spans > 0; --spans) {
        char name[40];
        spr_span span;
        int result;
        snprintf(name, sizeof name, "operation-%ld", next);
        next = (next + 1) % names;
        result = spr_span_start(tracer, name, strlen(name), &span);
        if (result < 0) return result;
        recorded += result;
        result = spr_span_end(&span);
        if (result != 0) return result;
    }
    return recorded;
}

int main(int count, char **words) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider *provider;
    if (count < 3 || (names = atol(words[2])) <= 0) return 2;
    options.service_name = words[1];
    options.full_policy = SPR_FULL_WAIT;
    options.full_wait_ns = 60000000000u;
    if (spr_provider_open(&options, &provider) != 0 ||
        spr_tracer_get(provider, "operations", SPR_NUL, NULL, 0, NULL, 0, &tracer) != 0)
        return 1;
    if (count > 3) {
        const long each = (atol(words[3]) + 99) / 100; /* of a hundred times a second */
        struct pollfd input = {0, POLLIN, 0};
        puts("ready");
        fflush(stdout);
        while (poll(&input, 1, 10) == 0) {
            if (make(each) < 0) return 3;
        }
    } else {
        char line[32];
        while (fgets(line, sizeof line, stdin) != NULL) {
            const long recorded = make(atol(line));
            if (recorded < 0) return 3;
            printf("%ld\n", recorded);
            fflush(stdout);
        }
    }
    return 0;
}
