/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is quiet until it is told: for each line of its standard input, a number, it makes so many spans and
 * says so. With "deaf" it has no descriptor left after its first line, so that it cannot ring for the agent.
 *
 *     sleeper [deaf]
 */
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "producer/must.h"

int main(int argc, char **argv) {
    const int deaf = argc == 2 && strcmp(argv[1], "deaf") == 0;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.service_name = "sleeper";
    spr_provider *provider;
    spr_tracer *tracer;
    MUST(spr_provider_open(&options, &provider), 0);
    MUST(spr_tracer_get(provider, "sleeper", SPR_NUL, NULL, 0, NULL, 0, &tracer), 0);
    char line[32];
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned long committed = 0;
        for (unsigned long count = strtoul(line, NULL, 10); count != 0; --count) {
            spr_span span;
            if (spr_span_start(tracer, "wakes up", SPR_NUL, &span) == 1 && spr_span_end(&span) == 0) ++committed;
        }
        printf("made %lu\n", committed);
        fflush(stdout);
        const struct rlimit none = {3, 3};
        if (deaf && setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
    }
    return 0;
}
