/* SPDX-License-Identifier: Apache-2.0 */
/* A plain C program against the public header: one span, committed, and the books balance. Needs $SPANRING_DIR. */
#include <spanring/spanring.h>
#include <stdio.h>
#include <string.h>

#define MUST(call, wanted)                                                                                             \
    do {                                                                                                               \
        const int result_ = (call);                                                                                    \
        if (result_ != (wanted)) {                                                                                     \
            fprintf(stderr, "caller: line %d: %s: %d (%s), not %d\n", __LINE__, #call, result_, spr_strerror(result_), \
                    (wanted));                                                                                         \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

int main(void) {
    spr_provider *provider;
    spr_tracer *tracer;
    spr_span span;
    spr_statistics statistics = SPR_STATISTICS_INIT;
    MUST(spr_provider_open(NULL, &provider), 0);
    MUST(spr_tracer_get(provider, "caller", SPR_NUL, NULL, 0, NULL, 0, &tracer), 0);
    MUST(spr_span_start(tracer, "span", SPR_NUL, &span), 1);
    MUST(spr_span_set_string(&span, "key", SPR_NUL, "value", SPR_NUL), 0);
    MUST(spr_span_set_double(&span, "number", SPR_NUL, 0.5), 0);
    MUST(spr_span_end(&span), 0);
    MUST(spr_provider_statistics(provider, &statistics), 0);
    MUST((int)statistics.started, 1);
    MUST((int)statistics.ended, 1);
    MUST(strcmp(spr_version(), "0.2.0"), 0);
    return 0;
}
