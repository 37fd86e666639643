/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python's mappings and values as the library takes them, for the length of one call.
 *
 * Keys and values are held by references while they are in use: what a value's __str__ does, or another thread, may
 * take them out of their dict.
 */
#ifndef SPANRING_PYTHON_ATTRIBUTES_H
#define SPANRING_PYTHON_ATTRIBUTES_H

#include "native.h"

#define HELD_INSIDE 48
#define ATTRIBUTES_INSIDE 16

typedef struct block block;

typedef struct attributes {
    native_state *state;
    block *blocks; /* memory for what does not fit inside */
    PyObject **held;
    size_t held_count;
    size_t held_room;
    size_t values;     /* so many were converted: no list of a million is */
    uint32_t left_out; /* of the last mapping, beyond what there is room for */
    char is_too_long;  /* the value in work: a list or mapping in it has no room */
    size_t inside_used;
    PyObject *held_inside[HELD_INSIDE];
    spr_attribute inside[ATTRIBUTES_INSIDE];
} attributes;

void attributes_open(attributes *self, native_state *state);
void attributes_close(attributes *self);
/*
 * Of a mapping, or nothing for None and NULL. 0, or -1 and an exception. May be called several times. What has no room
 * is for the caller to count: pairs in left_out; a value that is too long has an empty key, which the library refuses.
 */
int attributes_of(attributes *self, PyObject *mapping, const spr_attribute **ret_attributes, size_t *ret_count);
/* A key that is no str is as an empty one: the library refuses and counts it. */
int attributes_of_one(attributes *self, PyObject *key, PyObject *value, spr_attribute *ret_attribute);
/* Those of a span: by attributes without a key, each of which the library refuses. */
void attributes_count_left_out(const attributes *self, const spr_span *span);
/* Memory until the close. */
void *attributes_memory(attributes *self, size_t size);
/* Takes over a reference until the close. */
int attributes_hold(attributes *self, PyObject *object);

#endif
