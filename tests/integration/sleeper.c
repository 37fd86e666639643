/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is quiet until it is told, by lines of its standard input; it says how many spans it has made after
 * each.
 *
 *     NUMBER        so many, one after the other
 *     open NUMBER   so many that are open at once, of 15 attributes
 *
 * With "deaf" it has no descriptor left after its first line, so that it cannot ring for the agent.
 *
 *     sleeper [deaf]
 */
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "producer/must.h"

enum { ATTRIBUTES = 15 };

static spr_tracer *tracer;

static unsigned long in_turn(unsigned long count) {
    unsigned long committed = 0;
    for (; count != 0; --count) {
        spr_span span;
        if (spr_span_start(tracer, "wakes up", SPR_NUL, &span) == 1 && spr_span_end(&span) == 0) ++committed;
    }
    return committed;
}

static unsigned long at_once(unsigned long count) {
    unsigned long committed = 0;
    spr_span *const spans = calloc(count, sizeof *spans);
    for (unsigned long i = 0; spans != NULL && i < count; ++i) {
        MUST(spr_span_start(tracer, "waits", SPR_NUL, &spans[i]), 1);
        for (int attribute = 0; attribute < ATTRIBUTES; ++attribute) {
            char key[16], value[64];
            snprintf(key, sizeof key, "attribute.%02d", attribute);
            snprintf(value, sizeof value, "%050lu", i);
            MUST(spr_span_set_string(&spans[i], key, SPR_NUL, value, SPR_NUL), 0);
        }
    }
    for (unsigned long i = 0; spans != NULL && i < count; ++i) committed += spr_span_end(&spans[i]) == 0;
    free(spans);
    return committed;
}

static unsigned long obey(const char *line) {
    return strncmp(line, "open ", 5) == 0 ? at_once(strtoul(line + 5, NULL, 10)) : in_turn(strtoul(line, NULL, 10));
}

int main(int argc, char **argv) {
    const int deaf = argc == 2 && strcmp(argv[1], "deaf") == 0;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.service_name = "sleeper";
    spr_provider *provider;
    MUST(spr_provider_open(&options, &provider), 0);
    MUST(spr_tracer_get(provider, "sleeper", SPR_NUL, NULL, 0, NULL, 0, &tracer), 0);
    char line[32];
    while (fgets(line, sizeof line, stdin) != NULL) {
        printf("made %lu\n", obey(line));
        fflush(stdout);
        const struct rlimit none = {3, 3};
        if (deaf && setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
    }
    return 0;
}
