/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application of 0.1: compiled against that release's frozen header, run against the library of today and against
 * one whose structs have grown. Calls every function of that release, with every struct as it was; check.py compares
 * the names. Its structs lie on the stack between canaries, so that a library that takes its own size for the caller's
 * is caught. Needs $SPANRING_DIR.
 */
#include <errno.h>
#include <spanring/spanring.h>
#include <stdio.h>
#include <string.h>

#define MUST(call, wanted)                                                                            \
    do {                                                                                              \
        const long result_ = (long)(call);                                                            \
        if (result_ != (long)(wanted)) {                                                              \
            fprintf(stderr, "every_call: line %d: %s: %ld (%s), not %ld\n", __LINE__, #call, result_, \
                    spr_strerror((int)result_), (long)(wanted));                                      \
            return 1;                                                                                 \
        }                                                                                             \
    } while (0)
#define TRY(part) \
    if (part) return 1

/* A struct that the library writes, with bytes behind it that are not the library's. */
#define GUARDED(type, name, ...)            \
    struct {                                \
        type value;                         \
        unsigned char canary[64];           \
    } name;                                 \
    do {                                    \
        const type initial_ = __VA_ARGS__;  \
        memset(&name, CANARY, sizeof name); \
        name.value = initial_;              \
    } while (0)
#define CANARY 0xc5

static int intact(const unsigned char *canary) {
    for (int i = 0; i < 64; ++i)
        if (canary[i] != CANARY) return 0;
    return 1;
}

static const spr_context kRemote = {
    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, {1, 2, 3, 4, 5, 6, 7, 8}, SPR_TRACE_FLAG_SAMPLED, 1, {0}};

static spr_attribute string_attribute(const char *key, const char *value) {
    spr_attribute attribute;
    memset(&attribute, 0, sizeof attribute);
    attribute.key = key;
    attribute.key_size = SPR_NUL;
    attribute.type = SPR_TYPE_STRING;
    attribute.value.string.data = value;
    attribute.value.string.size = SPR_NUL;
    return attribute;
}

/* ---- Provider and tracer -------------------------------------------------------------------------------------- */

static int open_provider(spr_provider **ret_provider, spr_tracer **ret_tracer) {
    const spr_attribute of_resource = string_attribute("resource.key", "value");
    const spr_attribute of_scope = string_attribute("scope.key", "value");
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_tracer_options with = SPR_TRACER_OPTIONS_INIT;
    spr_tracer *again = NULL;
    options.service_name = "application of 0.1";
    options.resource_attributes = &of_resource;
    options.resource_attribute_count = 1;
    options.attribute_count_limit = 100;
    options.resource_schema_url = "https://schema.test/1";
    MUST(spr_provider_open(&options, ret_provider), 0);
    MUST(spr_provider_state(*ret_provider), 0);
    MUST(spr_tracer_get(*ret_provider, "scope", SPR_NUL, "1", SPR_NUL, NULL, 0, &again), 0);
    with.name = "scope with attributes";
    with.attributes = &of_scope;
    with.attribute_count = 1;
    MUST(spr_tracer_get_with(*ret_provider, &with, ret_tracer), 0);
    MUST(spr_tracer_enabled(*ret_tracer), 1);
    MUST(again != *ret_tracer, 1);
    return 0;
}

/* ---- Spans ---------------------------------------------------------------------------------------------------- */

static int set_attributes(const spr_span *span) {
    spr_attribute attributes[4];
    spr_attribute pair;
    spr_value values[2];
    memset(values, 0, sizeof values);
    values[0].type = SPR_TYPE_INT64;
    values[0].value.int64 = -1;
    values[1].type = SPR_TYPE_EMPTY;
    pair = string_attribute("inner", "value");
    for (int i = 0; i < 4; ++i) attributes[i] = string_attribute(&"a\0b\0c\0d"[2 * i], "");
    attributes[1].type = SPR_TYPE_BYTES;
    attributes[1].value.bytes.data = "\0\1";
    attributes[1].value.bytes.size = 2;
    attributes[2].type = SPR_TYPE_ARRAY;
    attributes[2].value.array.values = values;
    attributes[2].value.array.count = 2;
    attributes[3].type = SPR_TYPE_KEY_VALUES;
    attributes[3].value.key_values.pairs = &pair;
    attributes[3].value.key_values.count = 1;
    MUST(spr_span_set_attributes(span, attributes, 4), 0);
    MUST(spr_span_set_string(span, "string", SPR_NUL, "value", SPR_NUL), 0);
    MUST(spr_span_set_bool(span, "bool", SPR_NUL, 1), 0);
    MUST(spr_span_set_int64(span, "int64", SPR_NUL, -3), 0);
    MUST(spr_span_set_double(span, "double", SPR_NUL, 0.5), 0);
    return 0;
}

static int record_spans(spr_tracer *tracer) {
    const spr_attribute attribute = string_attribute("key", "value");
    spr_start_options start = SPR_START_OPTIONS_INIT;
    spr_end_options end = SPR_END_OPTIONS_INIT;
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    spr_exception exception = SPR_EXCEPTION_INIT;
    spr_event event;
    spr_link link;
    memset(&event, 0, sizeof event);
    memset(&link, 0, sizeof link);
    event.name = "event";
    event.name_size = SPR_NUL;
    event.attributes = &attribute;
    event.attribute_count = 1;
    event.dropped_attributes = 1;
    link.context = kRemote;
    link.attributes = &attribute;
    link.attribute_count = 1;
    link.trace_state = "vendor=1";
    link.trace_state_size = SPR_NUL;

    GUARDED(spr_span, span, {0, {{0}, {0}, 0, 0, {0}}});
    start.kind = SPR_KIND_CONSUMER;
    start.parent_mode = SPR_PARENT_EXPLICIT;
    start.parent = &kRemote;
    start.attributes = &attribute;
    start.attribute_count = 1;
    start.links = &link;
    start.link_count = 1;
    start.trace_state = "vendor=2";
    start.trace_state_size = SPR_NUL;
    MUST(spr_span_start_with(tracer, "with options", SPR_NUL, &start, &span.value), 1);
    MUST(intact(span.canary), 1);
    MUST(memcmp(span.value.context.trace_id, kRemote.trace_id, 16), 0);
    MUST(spr_span_is_recording(&span.value), 1);
    TRY(set_attributes(&span.value));
    MUST(spr_span_add_event(&span.value, &event), 0);
    MUST(spr_span_add_link(&span.value, &link), 0);
    exception.type = "Error";
    exception.message = "message";
    exception.attributes = &attribute;
    exception.attribute_count = 1;
    MUST(spr_span_record_exception(&span.value, &exception), 0);
    MUST(spr_span_set_name(&span.value, "renamed", SPR_NUL), 0);
    MUST(spr_span_set_kind(&span.value, SPR_KIND_SERVER), 0);
    MUST(spr_span_set_status(&span.value, SPR_STATUS_ERROR, "why", SPR_NUL), 0);
    end.status = SPR_STATUS_OK;
    end.attributes = &attribute;
    end.attribute_count = 1;
    end.events = &event;
    end.event_count = 1;
    MUST(spr_span_end_with(&span.value, &end), 0);

    MUST(spr_span_start(tracer, "plain", SPR_NUL, &span.value), 1);
    MUST(spr_span_end(&span.value), 0);
    MUST(spr_span_end(&span.value), -ESTALE);

    GUARDED(spr_context, context, {{0}, {0}, 0, 0, {0}});
    whole.kind = SPR_KIND_PRODUCER;
    whole.parent = &kRemote;
    whole.name = "whole";
    whole.name_size = SPR_NUL;
    whole.start_time_ns = 1;
    whole.end_time_ns = 2;
    whole.attributes = &attribute;
    whole.attribute_count = 1;
    whole.events = &event;
    whole.event_count = 1;
    whole.links = &link;
    whole.link_count = 1;
    whole.dropped_links = 3;
    MUST(spr_span_record(tracer, &whole, &context.value), 1);
    MUST(intact(context.canary), 1);
    MUST(memcmp(context.value.trace_id, kRemote.trace_id, 16), 0);
    return 0;
}

/* ---- Context and propagation ---------------------------------------------------------------------------------- */

static int attach(void) {
    char state[] = "vendor=1", baggage[] = "user=1";
    GUARDED(spr_propagated, all, SPR_PROPAGATED_INIT);
    GUARDED(spr_token, outer, {{{0}, {0}, 0, 0, {0}}, NULL, 0, {0}});
    GUARDED(spr_token, inner, {{{0}, {0}, 0, 0, {0}}, NULL, 0, {0}});
    GUARDED(spr_context, current, {{0}, {0}, 0, 0, {0}});
    spr_propagated attached = SPR_PROPAGATED_INIT;
    attached.context = kRemote;
    attached.trace_state.data = state;
    attached.trace_state.size = strlen(state);
    attached.baggage.data = baggage;
    attached.baggage.size = strlen(baggage);
    MUST(spr_context_attach_with(&attached, &outer.value), 0);
    MUST(spr_context_attach(&kRemote, &inner.value), 0);
    MUST(spr_context_current(&current.value), 1);
    MUST(memcmp(&current.value, &kRemote, sizeof kRemote), 0);
    MUST(spr_context_current_with(&all.value), 1);
    MUST(all.value.struct_size, sizeof(spr_propagated));
    MUST(all.value.baggage.size, strlen(baggage));
    MUST(all.value.trace_state.size, strlen(state));
    MUST(spr_context_detach(&inner.value), 0);
    MUST(spr_context_detach(&outer.value), 0);
    MUST(intact(all.canary) && intact(outer.canary) && intact(inner.canary) && intact(current.canary), 1);
    return 0;
}

static int carry(void) {
    char *variables[8] = {NULL};
    char memory[512], state[SPR_TRACESTATE_SIZE];
    GUARDED(spr_environment, environment, SPR_ENVIRONMENT_INIT);
    GUARDED(spr_carrier, carrier, SPR_CARRIER_INIT);
    GUARDED(spr_propagated, came, SPR_PROPAGATED_INIT);
    spr_propagated sent = SPR_PROPAGATED_INIT;
    environment.value.variables = variables;
    environment.value.capacity = 8;
    environment.value.memory.data = memory;
    environment.value.memory.capacity = sizeof memory;
    environment.value.memory.size = 0;
    MUST(spr_environment_carrier(&environment.value, &carrier.value), 0);
    MUST(intact(carrier.canary), 1);
    MUST(carrier.value.struct_size, sizeof(spr_carrier));
    MUST(spr_propagators_set("tracecontext,baggage", SPR_NUL), 0);
    MUST(strcmp(spr_propagation_field(0), "traceparent"), 0);
    MUST(spr_inject(&kRemote, &carrier.value), 0);
    sent.context = kRemote;
    sent.trace_state.data = (char *)"vendor=1";
    sent.trace_state.size = 8;
    MUST(spr_inject_with(&sent, &carrier.value), 0);
    came.value.trace_state.data = state;
    came.value.trace_state.capacity = sizeof state;
    MUST(spr_extract(&carrier.value, &came.value), 1);
    MUST(memcmp(came.value.context.span_id, kRemote.span_id, 8), 0);
    MUST(came.value.trace_state.size, 8);
    MUST(intact(environment.canary) && intact(carrier.canary) && intact(came.canary), 1);
    return 0;
}

static int write_headers(void) {
    char header[SPR_TRACEPARENT_SIZE], b3[SPR_B3_SIZE];
    uint32_t flags = 7;
    GUARDED(spr_context, context, {{0}, {0}, 0, 0, {0}});
    GUARDED(spr_b3_headers, several, {{0}, {0}, {0}, {0}});
    MUST(spr_traceparent_inject(&kRemote, header), 0);
    MUST(spr_traceparent_extract(header, SPR_NUL, &context.value), 0);
    MUST(memcmp(context.value.trace_id, kRemote.trace_id, 16), 0);
    MUST(spr_b3_inject(&kRemote, 0, b3), 0);
    MUST(spr_b3_extract(b3, SPR_NUL, &context.value, &flags), 1);
    MUST(spr_b3multi_inject(&kRemote, SPR_PROPAGATED_DEBUG, &several.value), 0);
    MUST(*several.value.sampled, 0); /* not sent: the debug flag says it */
    MUST(spr_b3multi_extract(several.value.trace_id, SPR_NUL, several.value.span_id, SPR_NUL, NULL, 0,
                             several.value.flags, SPR_NUL, &context.value, &flags),
         1);
    MUST(flags, SPR_PROPAGATED_DEBUG);
    MUST(intact(context.canary) && intact(several.canary), 1);
    return 0;
}

static int edit_lists(void) {
    char memory[SPR_BAGGAGE_SIZE], decoded[64];
    const char *value = NULL;
    size_t cursor = 0, properties = 0, size = 0;
    spr_text list = {memory, 0, sizeof memory}, text = {decoded, 0, sizeof decoded};
    GUARDED(spr_member, member, {NULL, 0, NULL, 0, NULL, 0});
    MUST(spr_tracestate_extract("a=1,b=2", SPR_NUL, &list), 0);
    MUST(spr_tracestate_set(&list, "c", SPR_NUL, "3", SPR_NUL), 0);
    MUST(spr_tracestate_get(list.data, list.size, "c", SPR_NUL, &value, &size), 1);
    MUST(spr_tracestate_remove(&list, "a", SPR_NUL), 1);
    MUST(spr_tracestate_next(list.data, list.size, &cursor, &member.value), 1);
    MUST(*member.value.key, 'c');

    list.size = cursor = 0;
    MUST(spr_baggage_extract("a=1;p=q,b=2", SPR_NUL, &list), 0);
    MUST(spr_baggage_set(&list, "c", SPR_NUL, "\xc3\xa4", SPR_NUL, NULL, 0), 0);
    MUST(spr_baggage_get(list.data, list.size, "c", SPR_NUL, &text), 1);
    MUST(text.size, 2);
    MUST(spr_baggage_next(list.data, list.size, &cursor, &member.value), 1);
    MUST(spr_baggage_decode(member.value.value, member.value.value_size, &text), 0);
    MUST(spr_baggage_next_property(member.value.properties, member.value.properties_size, &properties, &member.value),
         1);
    MUST(*member.value.key, 'p');
    MUST(spr_baggage_remove(&list, "a", SPR_NUL), 1);
    MUST(intact(member.canary), 1);
    return 0;
}

int main(void) {
    spr_provider *provider = NULL;
    spr_tracer *tracer = NULL;
    TRY(open_provider(&provider, &tracer));
    TRY(record_spans(tracer));
    TRY(attach());
    TRY(carry());
    TRY(write_headers());
    TRY(edit_lists());

    GUARDED(spr_statistics, statistics, SPR_STATISTICS_INIT);
    MUST(spr_provider_statistics(provider, &statistics.value), 0);
    MUST(intact(statistics.canary), 1);
    MUST(statistics.value.started, 3);
    MUST(statistics.value.ended, 3);
    MUST(statistics.value.refused_data, 0);
    MUST(spr_provider_flush(provider, 0), -ETIMEDOUT); /* nobody drains here */
    MUST(spr_provider_shutdown(provider, 0), -ETIMEDOUT);
    MUST(spr_version()[0] != 0, 1);
    return 0;
}
