/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STACK_ATTRIBUTES 48
#define STACK_VALUES 16
#define STACK_OTHERS 8

/* Room for what is unpacked: of the caller's stack where it is little. */
typedef struct room {
    spr_attribute *attributes; /* the next one that is free */
    spr_value *values;
    void *memory; /* NULL: the stack */
    spr_attribute stack_attributes[STACK_ATTRIBUTES];
    spr_value stack_values[STACK_VALUES];
} room;

static int room_open(room *room, spr_go_total total) {
    room->memory = NULL;
    room->attributes = room->stack_attributes;
    room->values = room->stack_values;
    if (total.attributes > STACK_ATTRIBUTES || total.values > STACK_VALUES) {
        const size_t size = total.attributes * sizeof(spr_attribute) + total.values * sizeof(spr_value);
        room->memory = malloc(size);
        if (room->memory == NULL) {
            return -ENOMEM;
        }
        room->attributes = room->memory;
        room->values = (spr_value *)(room->attributes + total.attributes);
    }
    return 0;
}

static void room_close(room *room) { free(room->memory); }

static uint32_t take_u32(const uint8_t **at) {
    uint32_t value;
    memcpy(&value, *at, sizeof(value));
    *at += sizeof(value);
    return value;
}

static uint64_t take_u64(const uint8_t **at) {
    uint64_t value;
    memcpy(&value, *at, sizeof(value));
    *at += sizeof(value);
    return value;
}

static const char *take_bytes(const uint8_t **at, size_t size) {
    const char *bytes = (const char *)*at;
    *at += size;
    return bytes;
}

static void take_text(const uint8_t **at, const char **ret_data, size_t *ret_size) {
    *ret_size = take_u32(at);
    *ret_data = take_bytes(at, *ret_size);
}

static const spr_attribute *take_attributes(room *room, const uint8_t **at, uint32_t count);
static const spr_value *take_values(room *room, const uint8_t **at, uint32_t count);

static void take_payload(room *room, const uint8_t **at, uint32_t type, spr_any *ret_any) {
    switch (type) {
        case SPR_TYPE_STRING: take_text(at, &ret_any->string.data, &ret_any->string.size); break;
        case SPR_TYPE_BYTES:
            ret_any->bytes.size = take_u32(at);
            ret_any->bytes.data = take_bytes(at, ret_any->bytes.size);
            break;
        case SPR_TYPE_ARRAY:
            ret_any->array.count = take_u32(at);
            ret_any->array.values = take_values(room, at, (uint32_t)ret_any->array.count);
            break;
        case SPR_TYPE_KEY_VALUES:
            ret_any->key_values.count = take_u32(at);
            ret_any->key_values.pairs = take_attributes(room, at, (uint32_t)ret_any->key_values.count);
            break;
        case SPR_TYPE_BOOL:
        case SPR_TYPE_INT64:
        case SPR_TYPE_UINT64:
        case SPR_TYPE_DOUBLE:
            /* boolean, int64 and float64 are the same 8 bytes of the union. */
            ret_any->boolean = take_u64(at);
            break;
        default: break;
    }
}

/* These two unpack count elements into the room and move *at behind them. What is inside of them comes behind them. */
static const spr_attribute *take_attributes(room *room, const uint8_t **at, uint32_t count) {
    spr_attribute *first = room->attributes;
    room->attributes += count;
    for (uint32_t i = 0; i < count; ++i) {
        first[i].type = *(*at)++;
        first[i].reserved = 0;
        take_text(at, &first[i].key, &first[i].key_size);
        if (first[i].type == SPR_TYPE_STRING) { /* most of them, and here without a call */
            take_text(at, &first[i].value.string.data, &first[i].value.string.size);
        } else {
            take_payload(room, at, first[i].type, &first[i].value);
        }
    }
    return first;
}

static const spr_value *take_values(room *room, const uint8_t **at, uint32_t count) {
    spr_value *first = room->values;
    room->values += count;
    for (uint32_t i = 0; i < count; ++i) {
        first[i].type = *(*at)++;
        first[i].reserved = 0;
        take_payload(room, at, first[i].type, &first[i].value);
    }
    return first;
}

static void take_event(room *room, const uint8_t **at, spr_event *event) {
    memset(event, 0, sizeof(*event));
    event->time_ns = take_u64(at);
    take_text(at, &event->name, &event->name_size);
    event->dropped_attributes = take_u32(at);
    event->attribute_count = take_u32(at);
    event->attributes = take_attributes(room, at, (uint32_t)event->attribute_count);
}

static void take_context(const uint8_t **at, spr_context *context) {
    memcpy(context, *at, sizeof(*context));
    *at += sizeof(*context);
}

static void take_link(room *room, const uint8_t **at, spr_link *link) {
    memset(link, 0, sizeof(*link));
    take_context(at, &link->context);
    take_text(at, &link->trace_state, &link->trace_state_size);
    link->dropped_attributes = take_u32(at);
    link->attribute_count = take_u32(at);
    link->attributes = take_attributes(room, at, (uint32_t)link->attribute_count);
}

void spr_go_span_start(spr_tracer *tracer, const char *name, size_t name_size, int kind, spr_context parent,
                       uint64_t start_time_ns, const char *trace_state, size_t trace_state_size,
                       const uint8_t *attributes, uint32_t attribute_count, const uint8_t *links, uint32_t link_count,
                       spr_go_total total, uint32_t sampling, int has_ids, spr_span *io_span) {
    spr_start_options options = SPR_START_OPTIONS_INIT;
    const spr_context ids = io_span->context;
    spr_link stack_links[STACK_OTHERS];
    spr_link *list = stack_links;
    room room;

    options.kind = (uint8_t)kind;
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &parent;
    options.start_time_ns = start_time_ns;
    options.trace_state = trace_state;
    options.trace_state_size = trace_state_size;
    options.context = has_ids ? &ids : NULL;
    options.sampling = sampling;
    if (link_count > STACK_OTHERS) {
        list = malloc(link_count * sizeof(*list));
    }
    /* Out of memory: the span starts all the same, without what does not fit. */
    if (list != NULL && room_open(&room, total) == 0) {
        options.attributes = take_attributes(&room, &attributes, attribute_count);
        options.attribute_count = attribute_count;
        for (uint32_t i = 0; i < link_count; ++i) {
            take_link(&room, &links, &list[i]);
        }
        options.links = list;
        options.link_count = link_count;
        spr_span_start_with(tracer, name, name_size, &options, io_span);
        room_close(&room);
    } else {
        spr_span_start_with(tracer, name, name_size, &options, io_span);
    }
    if (list != stack_links) {
        free(list);
    }
}

void spr_go_span_start_child(spr_tracer *tracer, const char *name, size_t name_size, spr_context parent,
                             const char *trace_state, size_t trace_state_size, spr_span *ret_span) {
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &parent;
    options.trace_state = trace_state;
    options.trace_state_size = trace_state_size;
    spr_span_start_with(tracer, name, name_size, &options, ret_span);
}

void spr_go_span_end_plain(const spr_span *span, int status) {
    if (status == SPR_STATUS_UNSET) {
        spr_span_end(span);
    } else {
        spr_end_options options = SPR_END_OPTIONS_INIT;
        options.status = (uint8_t)status;
        spr_span_end_with(span, &options);
    }
}

void spr_go_span_end_attributes(const spr_span *span, int status, const uint8_t *attributes, uint32_t attribute_count,
                                spr_go_total total) {
    spr_end_options options = SPR_END_OPTIONS_INIT;
    room room;

    options.status = (uint8_t)status;
    /* Out of memory: the span ends all the same, without what does not fit. */
    if (room_open(&room, total) == 0) {
        options.attributes = take_attributes(&room, &attributes, attribute_count);
        options.attribute_count = attribute_count;
        spr_span_end_with(span, &options);
        room_close(&room);
    } else {
        spr_span_end_with(span, &options);
    }
}

static void finish(const spr_span *span, int end, const spr_end_options *options) {
    if (end) {
        spr_span_end_with(span, options);
        return;
    }
    if (options->name != NULL) {
        spr_span_set_name(span, options->name, options->name_size);
    }
    spr_span_set_status(span, options->status, options->status_message, options->status_message_size);
    spr_span_set_attributes(span, options->attributes, options->attribute_count);
    for (size_t i = 0; i < options->event_count; ++i) {
        spr_span_add_event(span, &options->events[i]);
    }
}

void spr_go_span_finish(const spr_span *span, int end, uint64_t end_time_ns, int status, const char *status_message,
                        size_t status_message_size, const char *name, size_t name_size, int has_name,
                        const uint8_t *attributes, uint32_t attribute_count, const uint8_t *events,
                        uint32_t event_count, spr_go_total total) {
    spr_end_options options = SPR_END_OPTIONS_INIT;
    spr_event stack_events[STACK_OTHERS];
    spr_event *list = stack_events;
    room room;

    options.end_time_ns = end_time_ns;
    options.status = (uint8_t)status;
    options.status_message = status_message;
    options.status_message_size = status_message_size;
    if (has_name) {
        options.name = name_size != 0 ? name : "";
        options.name_size = name_size;
    }
    if (event_count > STACK_OTHERS) {
        list = malloc(event_count * sizeof(*list));
    }
    /* Out of memory: the span ends all the same, without what does not fit. */
    if (list != NULL && room_open(&room, total) == 0) {
        options.attributes = take_attributes(&room, &attributes, attribute_count);
        options.attribute_count = attribute_count;
        for (uint32_t i = 0; i < event_count; ++i) {
            take_event(&room, &events, &list[i]);
        }
        options.events = list;
        options.event_count = event_count;
        finish(span, end, &options);
        room_close(&room);
    } else {
        finish(span, end, &options);
    }
    if (list != stack_events) {
        free(list);
    }
}

int spr_go_span_add_link(const spr_span *span, const uint8_t *link, spr_go_total total) {
    room room;
    spr_link unpacked;
    int result = room_open(&room, total);
    if (result == 0) {
        take_link(&room, &link, &unpacked);
        result = spr_span_add_link(span, &unpacked);
        room_close(&room);
    }
    return result;
}

int spr_go_span_record(spr_tracer *tracer, const uint8_t *at, spr_go_total total, spr_context *ret_context) {
    spr_whole_span span = SPR_WHOLE_SPAN_INIT;
    spr_context context, parent;
    spr_event *events = NULL;
    spr_link *links = NULL;
    room room;
    int result = room_open(&room, total);
    if (result != 0) {
        return result;
    }
    span.kind = *at++;
    span.status = *at++;
    span.context = *at++ != 0 ? &context : NULL;
    take_context(&at, &context);
    take_context(&at, &parent);
    span.parent = &parent;
    span.start_time_ns = take_u64(&at);
    span.end_time_ns = take_u64(&at);
    take_text(&at, &span.name, &span.name_size);
    take_text(&at, &span.status_message, &span.status_message_size);
    take_text(&at, &span.trace_state, &span.trace_state_size);
    span.dropped_attributes = take_u32(&at);
    span.dropped_events = take_u32(&at);
    span.dropped_links = take_u32(&at);
    span.attribute_count = take_u32(&at);
    span.attributes = take_attributes(&room, &at, (uint32_t)span.attribute_count);

    span.event_count = take_u32(&at);
    events = malloc((span.event_count + 1) * sizeof(*events));
    for (size_t i = 0; events != NULL && i < span.event_count; ++i) {
        take_event(&room, &at, &events[i]);
    }
    if (events != NULL) {
        span.link_count = take_u32(&at);
        links = malloc((span.link_count + 1) * sizeof(*links));
    }
    for (size_t i = 0; links != NULL && i < span.link_count; ++i) {
        take_link(&room, &at, &links[i]);
    }
    span.events = events;
    span.links = links;
    result = links != NULL ? spr_span_record(tracer, &span, ret_context) : -ENOMEM;
    free(links);
    free(events);
    room_close(&room);
    return result;
}

int spr_go_provider_open(const char *service_name, size_t service_name_size, const char *schema_url,
                         size_t schema_url_size, const uint8_t *attributes, uint32_t attribute_count,
                         spr_go_total total, uint64_t memory_limit, uint32_t full_policy, uint64_t full_wait_ns,
                         spr_go_limits limits, spr_provider **ret_provider) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    room room;
    int result = room_open(&room, total);
    if (result == 0) {
        if (service_name_size != 0) {
            options.service_name = service_name;
            options.service_name_size = service_name_size;
        }
        if (schema_url_size != 0) {
            options.resource_schema_url = schema_url;
            options.resource_schema_url_size = schema_url_size;
        }
        options.resource_attributes = take_attributes(&room, &attributes, attribute_count);
        options.resource_attribute_count = attribute_count;
        options.memory_limit = memory_limit;
        options.full_policy = full_policy;
        options.full_wait_ns = full_wait_ns;
        options.attribute_count_limit = limits.attribute_count;
        options.attribute_value_length_limit = limits.attribute_value_length;
        options.event_count_limit = limits.event_count;
        options.link_count_limit = limits.link_count;
        options.event_attribute_count_limit = limits.event_attribute_count;
        options.link_attribute_count_limit = limits.link_attribute_count;
        result = spr_provider_open(&options, ret_provider);
        room_close(&room);
    }
    return result;
}

int spr_go_tracer_get(spr_provider *provider, const char *name, size_t name_size, const char *version,
                      size_t version_size, const char *schema_url, size_t schema_url_size, const uint8_t *attributes,
                      uint32_t attribute_count, spr_go_total total, spr_tracer **ret_tracer) {
    spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
    room room;
    int result = room_open(&room, total);
    if (result == 0) {
        options.name = name;
        options.name_size = name_size;
        options.version = version;
        options.version_size = version_size;
        options.schema_url = schema_url;
        options.schema_url_size = schema_url_size;
        options.attributes = take_attributes(&room, &attributes, attribute_count);
        options.attribute_count = attribute_count;
        result = spr_tracer_get_with(provider, &options, ret_tracer);
        room_close(&room);
    }
    return result;
}
