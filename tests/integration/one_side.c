/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One side of requests: for each line of its standard input a span, whose parent the line names by a traceparent, or
 * none where it is empty. Prints the span's own traceparent once it has ended. Ends with its input.
 *
 *     one_side SERVICE KIND [DATABASE]
 */
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **words) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider *provider;
    spr_tracer *tracer;
    char line[128];
    if (count < 3) return 1;
    options.service_name = words[1];
    if (spr_provider_open(&options, &provider) != 0 ||
        spr_tracer_get(provider, "one_side", SPR_NUL, NULL, 0, NULL, 0, &tracer) != 0)
        return 1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        spr_start_options start = SPR_START_OPTIONS_INIT;
        spr_context parent;
        spr_span span;
        char own[SPR_TRACEPARENT_SIZE];
        start.kind = (uint8_t)atoi(words[2]);
        start.parent_mode = SPR_PARENT_ROOT;
        if (spr_traceparent_extract(line, strcspn(line, "\n"), &parent) == 0) {
            start.parent_mode = SPR_PARENT_EXPLICIT;
            start.parent = &parent;
        }
        if (spr_span_start_with(tracer, "request", 7, &start, &span) != 1) return 2;
        if (count > 3 && spr_span_set_string(&span, "db.namespace", 12, words[3], strlen(words[3])) != 0) return 3;
        if (spr_traceparent_inject(&span.context, own) < 0 || spr_span_end(&span) != 0) return 4;
        printf("%s\n", own);
        fflush(stdout);
    }
    return 0;
}
