/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library where it does not run (lib/elsewhere): as where tracing is off, whatever is called. Compiled for other
 * systems as well, where nobody runs it.
 */
#include <spanring/spanring.h>
#include <spanring/test_kit.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXPECT(condition)                                                           \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                               \
        }                                                                           \
    } while (0)

static const spr_context kCaller = {{1, 2, 3}, {4, 5, 6}, SPR_TRACE_FLAG_SAMPLED, 1, {0}};

static int is_caller(const spr_context *context) { return memcmp(context, &kCaller, sizeof kCaller) == 0; }

static int spans(spr_tracer *tracer) {
    const spr_attribute attribute = {SPR_S("key"), SPR_TYPE_INT64, 0, {{NULL, 0}}};
    const spr_event event = {SPR_S("event"), 0, &attribute, 1, 0, 0};
    const spr_link link = {{{1}, {1}, 0, 0, {0}}, NULL, 0, NULL, 0, 0, 0};
    spr_exception exception = SPR_EXCEPTION_INIT;
    spr_end_options end = SPR_END_OPTIONS_INIT;
    spr_start_options start = SPR_START_OPTIONS_INIT;
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    spr_context context;
    spr_span span;
    char text[8];
    spr_text state = {text, 3, sizeof text};
    EXPECT(spr_tracer_enabled(tracer) == 0);
    EXPECT(spr_span_start(tracer, SPR_S("root"), &span) == -ECANCELED && span.handle == 0);
    EXPECT(span.context.trace_id[0] == 0);

    start.parent_mode = SPR_PARENT_EXPLICIT;
    start.parent = &kCaller;
    EXPECT(spr_span_start_with(tracer, SPR_S("child"), &start, &span) == -ECANCELED);
    EXPECT(is_caller(&span.context));
    EXPECT(spr_span_is_recording(&span) == 0);
    EXPECT(spr_span_set_string(&span, SPR_S("k"), SPR_S("v")) == 0 && spr_span_set_bool(&span, SPR_S("k"), 1) == 0);
    EXPECT(spr_span_set_int64(&span, SPR_S("k"), 1) == 0 && spr_span_set_double(&span, SPR_S("k"), 1) == 0);
    EXPECT(spr_span_set_attributes(&span, &attribute, 1) == 0 && spr_span_add_event(&span, &event) == 0);
    EXPECT(spr_span_add_link(&span, &link) == 0 && spr_span_record_exception(&span, &exception) == 0);
    EXPECT(spr_span_set_status(&span, SPR_STATUS_OK, NULL, 0) == 0 && spr_span_set_name(&span, SPR_S("n")) == 0);
    EXPECT(spr_span_set_kind(&span, SPR_KIND_SERVER) == 0);
    EXPECT(spr_span_trace_state(&span, &state) == 0 && state.size == 0);
    EXPECT(spr_span_end_with(&span, &end) == 0 && spr_span_end(&span) == 0);
    EXPECT(spr_span_end(NULL) == -EINVAL);
    whole.parent = &kCaller;
    EXPECT(spr_span_record(tracer, &whole, &context) == -ECANCELED && is_caller(&context));
    return 0;
}

static int contexts(spr_tracer *tracer) {
    spr_propagated propagated = SPR_PROPAGATED_INIT, seen = SPR_PROPAGATED_INIT;
    char state[] = "vendor=1";
    spr_span_token inner;
    spr_token outer;
    spr_context context;
    spr_span span;
    char digits[SPR_TRACE_ID_HEX_SIZE];
    EXPECT(spr_context_current(&context) == 0 && spr_context_current_with(&seen) == 0);
    propagated.context = kCaller;
    propagated.trace_state.data = state;
    propagated.trace_state.size = sizeof state - 1;
    EXPECT(spr_context_attach_with(&propagated, &outer) == 0);
    EXPECT(spr_context_current(&context) == 1 && is_caller(&context));
    EXPECT(spr_span_start(tracer, SPR_S("child"), &span) == -ECANCELED && is_caller(&span.context));
    EXPECT(spr_span_attach(&span, &inner) == 0);
    EXPECT(spr_span_current(&span) == 0 && is_caller(&span.context));
    EXPECT(spr_context_current_with(&seen) == 1 && is_caller(&seen.context));
    EXPECT(seen.trace_state.data == state && seen.trace_state.capacity == 0);
    EXPECT(spr_context_detach(&outer) == 1); /* and what is inside of it */
    EXPECT(spr_context_detach(&inner.token) == -EINVAL);
    EXPECT(spr_context_current(&context) == 0);
    EXPECT(spr_trace_id_hex(&kCaller, digits) == 0 && strcmp(digits, "01020300000000000000000000000000") == 0);
    EXPECT(spr_span_id_hex(&kCaller, digits) == 0 && strcmp(digits, "0405060000000000") == 0);
    return 0;
}

static int headers(void) {
    static const char header[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    char text[SPR_TRACEPARENT_SIZE] = "";
    spr_carrier carrier = SPR_CARRIER_INIT;
    spr_propagated propagated = SPR_PROPAGATED_INIT;
    spr_text list = {text, 0, sizeof text};
    spr_context context = {{0}, {0}, 0, 0, {0}};
    spr_environment environment = SPR_ENVIRONMENT_INIT;
    spr_member member;
    size_t cursor = 0;
    EXPECT(spr_traceparent_extract(header, SPR_NUL, &context) == -ENOTSUP && context.trace_id[0] == 0);
    EXPECT(spr_traceparent_inject(&kCaller, text) == -ENOTSUP && text[0] == 0);
    EXPECT(spr_extract(&carrier, &propagated) == 0 && spr_inject(&kCaller, &carrier) == 0);
    EXPECT(spr_inject_with(&propagated, &carrier) == 0 && spr_propagation_field(0) == NULL);
    EXPECT(spr_propagators_set(SPR_S("b3")) == 0 && spr_environment_carrier(&environment, &carrier) == -ENOTSUP);
    EXPECT(spr_baggage_set(&list, SPR_S("k"), SPR_S("v"), NULL, 0) == -ENOTSUP && list.size == 0);
    EXPECT(spr_baggage_get(NULL, 0, SPR_S("k"), &list) == 0);
    EXPECT(spr_tracestate_next(SPR_S("vendor=1"), &cursor, &member) == 0 && cursor == 0);
    return 0;
}

static int test_kit(void) {
    spr_test_span span;
    const spr_test_spans seen = {&span, 1, 0};
    const spr_attribute attribute = {SPR_S("key"), SPR_TYPE_INT64, 0, {{NULL, 0}}};
    const spr_test_spans *none = NULL;
    EXPECT(spr_test_begin() == -ENOTSUP && spr_test_read(SPR_TEST_OF_PROCESS, &none) == -ENOTSUP && none == NULL);
    EXPECT(spr_test_clear() == -ENOTSUP);
    memset(&span, 0, sizeof span);
    span.name = "one";
    span.name_size = 3;
    EXPECT(spr_test_find(&seen, "one", SPR_NUL) == &span && spr_test_find(&seen, SPR_S("two")) == NULL);
    EXPECT(spr_test_attribute(&attribute, 1, SPR_S("key")) == &attribute);
    EXPECT(spr_test_attribute(&attribute, 1, SPR_S("ke")) == NULL);
    spr_test_free(none);
    spr_test_end();
    return 0;
}

int main(void) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_tracer_options scope = SPR_TRACER_OPTIONS_INIT;
    spr_statistics statistics = SPR_STATISTICS_INIT;
    spr_provider *provider;
    spr_tracer *tracer, *same;
    EXPECT(spr_provider_open(&options, &provider) == 0 && spr_provider_open(&options, NULL) == -EINVAL);
    EXPECT(spr_provider_state(provider) == -ENOTSUP);
    EXPECT(strstr(spr_strerror(-ENOTSUP), "does not run") != NULL);
    EXPECT(spr_tracer_get(provider, SPR_S("shop"), NULL, 0, NULL, 0, &tracer) == 0);
    EXPECT(spr_tracer_get_with(provider, &scope, &same) == 0 && same == tracer);
    if (spans(tracer) || contexts(tracer) || headers() || test_kit()) return 1;
    statistics.started = 1;
    EXPECT(spr_provider_statistics(provider, &statistics) == 0 && statistics.started == 0);
    EXPECT(statistics.struct_size == sizeof statistics && spr_version()[0] == '0');
    EXPECT(spr_provider_flush(provider, 0) == 0 && spr_provider_shutdown(provider, 0) == 0);
    return 0;
}
