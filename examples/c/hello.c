/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two spans in C99: a checkout, and the payment inside it.
 *
 *     cc -std=c99 hello.c -lspanring -o hello
 */
#include <spanring/spanring.h>

#include <stdio.h>

static void pay(spr_tracer *tracer, int64_t cents) {
    spr_span span;
    /* Its parent is what is attached to this thread: the checkout. */
    spr_span_start(tracer, "pay", SPR_NUL, &span);
    spr_span_set_int64(&span, "payment.cents", SPR_NUL, cents);

    const spr_attribute bank = {
        .key = "bank", .key_size = SPR_NUL, .type = SPR_TYPE_STRING, .value.string = {"First Bank", SPR_NUL}};
    const spr_event authorised = {
        .name = "authorised", .name_size = SPR_NUL, .attributes = &bank, .attribute_count = 1};
    spr_span_add_event(&span, &authorised);

    spr_span_set_status(&span, SPR_STATUS_OK, NULL, 0);
    spr_span_end(&span);
}

int main(void) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider *provider = NULL;
    spr_tracer *tracer = NULL;
    options.service_name = "hello-c"; /* its size is SPR_NUL already */

    int error = spr_provider_open(&options, &provider);
    if (error == 0) {
        error = spr_tracer_get(provider, "hello", SPR_NUL, "1.0", SPR_NUL, NULL, 0, &tracer);
    }
    if (error < 0) {
        fprintf(stderr, "hello: %s\n", spr_strerror(error));
        return 1;
    }

    spr_span span;
    spr_span_start(tracer, "checkout", SPR_NUL, &span);
    spr_span_set_string(&span, "item", SPR_NUL, "book", SPR_NUL);

    spr_token token;
    spr_context_attach(&span.context, &token); /* spans that start on this thread are its children now */
    pay(tracer, 1999);
    spr_context_detach(&token);

    spr_span_end(&span);

    /* Both spans are outside this process: nothing has to be flushed or closed. */
    char traceparent[SPR_TRACEPARENT_SIZE];
    if (spr_traceparent_inject(&span.context, traceparent) == 0) {
        printf("%s\n", traceparent);
    } else {
        printf("tracing is off: %s\n", spr_strerror(spr_provider_state(provider)));
    }
    return 0;
}
