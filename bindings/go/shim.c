/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STACK_ATTRIBUTES 48
#define STACK_OTHERS 8

/* Room for unpacked attributes: of the caller's stack where they are few. */
typedef struct room {
    spr_attribute stack[STACK_ATTRIBUTES];
    spr_attribute *attributes;
    uint32_t used;
} room;

static int room_open(room *room, uint32_t total) {
    room->used = 0;
    room->attributes = room->stack;
    if (total > STACK_ATTRIBUTES) {
        room->attributes = malloc(total * sizeof(spr_attribute));
    }
    return room->attributes != NULL ? 0 : -ENOMEM;
}

static void room_close(room *room) {
    if (room->attributes != room->stack) {
        free(room->attributes);
    }
}

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

/* Unpacks count attributes into the room and moves *at behind them. */
static const spr_attribute *take_attributes(room *room, const uint8_t **at, uint32_t count) {
    spr_attribute *first = room->attributes + room->used;
    for (uint32_t i = 0; i < count; ++i) {
        spr_attribute *attribute = first + i;
        attribute->type = *(*at)++;
        attribute->reserved = 0;
        attribute->key_size = take_u32(at);
        attribute->key = take_bytes(at, attribute->key_size);
        if (attribute->type == SPR_TYPE_STRING) {
            attribute->value.string.size = take_u32(at);
            attribute->value.string.data = take_bytes(at, attribute->value.string.size);
        } else {
            /* boolean, int64 and float64 are the same 8 bytes of the union. */
            attribute->value.boolean = take_u64(at);
        }
    }
    room->used += count;
    return first;
}

static void take_link(room *room, const uint8_t **at, spr_link *link) {
    memset(link, 0, sizeof(*link));
    memcpy(&link->context, *at, sizeof(link->context));
    *at += sizeof(link->context);
    link->attribute_count = take_u32(at);
    link->attributes = take_attributes(room, at, (uint32_t)link->attribute_count);
}

int spr_go_span_start(spr_tracer *tracer, const char *name, size_t name_size, int kind, const spr_context *parent,
                      uint64_t start_time_ns, const char *trace_state, size_t trace_state_size,
                      const uint8_t *attributes, uint32_t attribute_count, const uint8_t *links, uint32_t link_count,
                      uint32_t total, spr_span *ret_span) {
    spr_start_options options = SPR_START_OPTIONS_INIT;
    spr_link stack_links[STACK_OTHERS];
    spr_link *list = stack_links;
    room room;
    int result;

    options.kind = (uint8_t)kind;
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = parent;
    options.start_time_ns = start_time_ns;
    options.trace_state = trace_state;
    options.trace_state_size = trace_state_size;
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
        result = spr_span_start_with(tracer, name, name_size, &options, ret_span);
        room_close(&room);
    } else {
        result = spr_span_start_with(tracer, name, name_size, &options, ret_span);
    }
    if (list != stack_links) {
        free(list);
    }
    return result;
}

static int finish(const spr_span *span, int end, const spr_end_options *options) {
    if (end) {
        return spr_span_end_with(span, options);
    }
    const int refused = spr_span_set_attributes(span, options->attributes, options->attribute_count);
    for (size_t i = 0; i < options->event_count; ++i) {
        spr_span_add_event(span, &options->events[i]);
    }
    return refused;
}

int spr_go_span_finish(const spr_span *span, int end, uint64_t end_time_ns, int status, const char *status_message,
                       size_t status_message_size, const char *name, size_t name_size, int has_name,
                       const uint8_t *attributes, uint32_t attribute_count, const uint8_t *events, uint32_t event_count,
                       uint32_t total) {
    spr_end_options options = SPR_END_OPTIONS_INIT;
    spr_event stack_events[STACK_OTHERS];
    spr_event *list = stack_events;
    room room;
    int result;

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
            memset(&list[i], 0, sizeof(list[i]));
            list[i].time_ns = take_u64(&events);
            list[i].name_size = take_u32(&events);
            list[i].attribute_count = take_u32(&events);
            list[i].name = take_bytes(&events, list[i].name_size);
            list[i].attributes = take_attributes(&room, &events, (uint32_t)list[i].attribute_count);
        }
        options.events = list;
        options.event_count = event_count;
        result = finish(span, end, &options);
        room_close(&room);
    } else {
        result = finish(span, end, &options);
    }
    if (list != stack_events) {
        free(list);
    }
    return result;
}

int spr_go_span_add_link(const spr_span *span, const uint8_t *link, uint32_t total) {
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

int spr_go_provider_open(const char *service_name, size_t service_name_size, const uint8_t *attributes,
                         uint32_t attribute_count, uint64_t memory_limit, uint32_t full_policy, uint64_t full_wait_ns,
                         spr_provider **ret_provider) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    room room;
    int result = room_open(&room, attribute_count);
    if (result == 0) {
        if (service_name_size != 0) {
            options.service_name = service_name;
            options.service_name_size = service_name_size;
        }
        options.resource_attributes = take_attributes(&room, &attributes, attribute_count);
        options.resource_attribute_count = attribute_count;
        options.memory_limit = memory_limit;
        options.full_policy = full_policy;
        options.full_wait_ns = full_wait_ns;
        result = spr_provider_open(&options, ret_provider);
        room_close(&room);
    }
    return result;
}
