/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans with text that is not UTF-8 (a file name in Latin-1, a message of a database) in each place that takes one.
 * Prints how many data were refused. Waits for its input to end, so that a test may kill it with its last span open.
 */
#include <spanring/spanring.h>
#include <stdio.h>

#define BAD "m\xfcller"

static int refusals;

static void expect(int result, int wanted) {
    if (result != wanted) ++refusals;
}

static spr_span start(spr_tracer *tracer, const char *name) {
    spr_span span;
    expect(spr_span_start(tracer, name, SPR_NUL, &span), 1);
    return span;
}

int main(void) {
    static char longer[400] = {0};
    const spr_event event = {BAD, SPR_NUL, 0, NULL, 0, 0, 0};
    spr_provider *provider;
    spr_tracer *tracer;
    spr_span span;
    spr_end_options end = SPR_END_OPTIONS_INIT;
    spr_exception exception = SPR_EXCEPTION_INIT;
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    for (size_t i = 0; i + 1 < sizeof longer; ++i) longer[i] = '\xfc';

    if (spr_provider_open(NULL, &provider) != 0 ||
        spr_tracer_get(provider, "scope " BAD, SPR_NUL, BAD, SPR_NUL, NULL, 0, &tracer) != 0)
        return 1;
    span = start(tracer, "open /home/" BAD);
    expect(spr_span_end(&span), 0);

    span = start(tracer, longer);
    expect(spr_span_end(&span), 0);

    span = start(tracer, "renamed");
    expect(spr_span_set_name(&span, "set " BAD, SPR_NUL), 0);
    expect(spr_span_set_status(&span, SPR_STATUS_ERROR, "no such file: " BAD, SPR_NUL), 0);
    expect(spr_span_set_string(&span, "value", SPR_NUL, BAD, SPR_NUL), 0);
    expect(spr_span_add_event(&span, &event), 0);
    exception.type = "T" BAD;
    exception.message = BAD;
    expect(spr_span_record_exception(&span, &exception), 0);
    expect(spr_span_end(&span), 0);

    span = start(tracer, "at its end");
    end.name = "end " BAD;
    end.name_size = SPR_NUL;
    end.status = SPR_STATUS_ERROR;
    end.status_message = BAD;
    end.status_message_size = SPR_NUL;
    end.events = &event;
    end.event_count = 1;
    expect(spr_span_end_with(&span, &end), 0);

    whole.name = "whole " BAD;
    whole.name_size = SPR_NUL;
    whole.start_time_ns = 1;
    whole.end_time_ns = 2;
    whole.status = SPR_STATUS_ERROR;
    whole.status_message = BAD;
    whole.status_message_size = SPR_NUL;
    whole.events = &event;
    whole.event_count = 1;
    expect(spr_span_record(tracer, &whole, NULL), 1);

    start(tracer, "unfinished " BAD);
    printf("%d\n", refusals);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
