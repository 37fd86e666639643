/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts as many traces as a line of its standard input says, and prints how many of them were recorded. Ends with its
 * input.
 *
 *     roots SERVICE
 */
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider *provider;
    spr_tracer *tracer;
    char line[32];
    options.service_name = count > 1 ? words[1] : "roots";
    if (spr_provider_open(&options, &provider) != 0 ||
        spr_tracer_get(provider, "roots", SPR_NUL, NULL, 0, NULL, 0, &tracer) != 0)
        return 1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        long recorded = 0;
        for (long i = atol(line); i > 0; --i) {
            spr_span span;
            const int result = spr_span_start(tracer, "root", 4, &span);
            if (result < 0) return 2;
            recorded += result;
            if (spr_span_end(&span) != 0) return 3;
        }
        printf("%ld\n", recorded);
        fflush(stdout);
    }
    return 0;
}
