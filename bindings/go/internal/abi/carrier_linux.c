/* SPDX-License-Identifier: Apache-2.0 */
#include "carrier.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

typedef struct packed_headers {
    const uint8_t *from; /* what came */
    size_t from_size;
    uint8_t *to; /* what goes */
    size_t to_size;
    size_t capacity;
} packed_headers;

static uint32_t take_u32(const uint8_t **at) {
    uint32_t value;
    memcpy(&value, *at, sizeof(value));
    *at += sizeof(value);
    return value;
}

static int get(void *user, const char *key, size_t key_size, size_t index, const char **ret_value,
               size_t *ret_value_size) {
    const packed_headers *headers = user;
    const uint8_t *at = headers->from;
    while (at != headers->from + headers->from_size) {
        const uint32_t name_size = take_u32(&at);
        const uint8_t *name = at;
        at += name_size;
        const uint32_t value_size = take_u32(&at);
        const uint8_t *value = at;
        at += value_size;
        if (name_size == key_size && memcmp(name, key, key_size) == 0 && index-- == 0) {
            *ret_value = (const char *)value;
            *ret_value_size = value_size;
            return 1;
        }
    }
    return 0;
}

static void put(packed_headers *headers, const void *bytes, size_t size) {
    if (size != 0) {
        memcpy(headers->to + headers->to_size, bytes, size);
    }
    headers->to_size += size;
}

static int put_header(packed_headers *headers, const char *key, size_t key_size, const char *value, size_t value_size,
                      uint32_t shown_size) {
    const uint32_t name_size = (uint32_t)key_size;
    if (value_size >= INT_MAX || headers->capacity - headers->to_size < key_size + value_size + 8) {
        return -ENOSPC;
    }
    put(headers, &name_size, sizeof(name_size));
    put(headers, key, key_size);
    put(headers, &shown_size, sizeof(shown_size));
    put(headers, value, value_size);
    return 0;
}

static int set(void *user, const char *key, size_t key_size, const char *value, size_t value_size) {
    return put_header(user, key, key_size, value, value_size, (uint32_t)value_size);
}

static int remove_key(void *user, const char *key, size_t key_size) {
    return put_header(user, key, key_size, NULL, 0, SPR_GO_REMOVED);
}

static spr_text text_of(char *data, size_t size, size_t capacity) {
    const spr_text text = {data, size, capacity};
    return text;
}

int spr_go_extract(const uint8_t *packed, size_t packed_size, spr_context *ret_context, uint32_t *ret_flags,
                   char *trace_state, size_t *io_trace_state_size, char *baggage, size_t *io_baggage_size) {
    packed_headers headers = {packed, packed_size, NULL, 0, 0};
    spr_carrier carrier = SPR_CARRIER_INIT;
    spr_propagated propagated = SPR_PROPAGATED_INIT;
    carrier.user = &headers;
    carrier.get = get;
    propagated.trace_state = text_of(trace_state, 0, *io_trace_state_size);
    propagated.baggage = text_of(baggage, 0, *io_baggage_size);
    const int result = spr_extract(&carrier, &propagated);
    *ret_context = propagated.context;
    *ret_flags = propagated.flags;
    *io_trace_state_size = propagated.trace_state.size;
    *io_baggage_size = propagated.baggage.size;
    return result;
}

int spr_go_inject(const spr_context *context, uint32_t flags, char *trace_state, size_t trace_state_size, char *baggage,
                  size_t baggage_size, uint8_t *packed, size_t capacity) {
    packed_headers headers = {NULL, 0, packed, 0, capacity};
    spr_carrier carrier = SPR_CARRIER_INIT;
    spr_propagated propagated = SPR_PROPAGATED_INIT;
    carrier.user = &headers;
    carrier.set = set;
    carrier.remove = remove_key;
    propagated.context = *context;
    propagated.flags = flags;
    propagated.trace_state = text_of(trace_state, trace_state_size, 0);
    propagated.baggage = text_of(baggage, baggage_size, 0);
    const int error = spr_inject_with(&propagated, &carrier);
    return error < 0 ? error : (int)headers.to_size;
}

static int keep_trace_state(void *user, const char *key, size_t key_size, const char *value, size_t value_size) {
    static const char kKey[] = "tracestate";
    spr_text *state = user;
    if (key_size == sizeof(kKey) - 1 && memcmp(key, kKey, key_size) == 0 && value_size <= state->capacity) {
        memcpy(state->data, value, value_size);
        state->size = value_size;
    }
    return 0;
}

size_t spr_go_trace_state(const spr_context *context, char *before, size_t before_size, char *state, size_t capacity) {
    spr_text kept = text_of(state, 0, capacity);
    spr_carrier carrier = SPR_CARRIER_INIT;
    spr_propagated propagated = SPR_PROPAGATED_INIT;
    carrier.user = &kept;
    carrier.set = keep_trace_state;
    propagated.context = *context;
    propagated.trace_state = text_of(before, before_size, 0);
    spr_inject_with(&propagated, &carrier);
    return kept.size;
}

int spr_go_baggage_set(char *baggage, size_t *io_size, size_t capacity, const char *key, size_t key_size,
                       const char *value, size_t value_size) {
    spr_text text = text_of(baggage, *io_size, capacity);
    const int result = spr_baggage_set(&text, key, key_size, value, value_size, NULL, 0);
    *io_size = text.size;
    return result;
}

int spr_go_baggage_remove(char *baggage, size_t *io_size, const char *key, size_t key_size) {
    spr_text text = text_of(baggage, *io_size, *io_size);
    const int result = spr_baggage_remove(&text, key, key_size);
    *io_size = text.size;
    return result;
}

int spr_go_baggage_get(const char *baggage, size_t size, const char *key, size_t key_size, char *value,
                       size_t *io_value_size) {
    spr_text text = text_of(value, 0, *io_value_size);
    const int result = spr_baggage_get(baggage, size, key, key_size, &text);
    *io_value_size = text.size;
    return result;
}
