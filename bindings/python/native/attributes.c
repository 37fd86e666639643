/* SPDX-License-Identifier: Apache-2.0 */
#include "attributes.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 4096
#define VALUES_MOST 65536 /* a span has 64 KiB for all of its data, and no room for more */

struct block {
    block *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

void attributes_open(attributes *self, native_state *state) {
    self->state = state;
    self->blocks = NULL;
    self->held = self->held_inside;
    self->held_count = 0;
    self->held_room = HELD_INSIDE;
    self->values = 0;
    self->left_out = 0;
    self->is_too_long = 0;
    self->inside_used = 0;
}

void attributes_close(attributes *self) {
    for (size_t i = 0; i < self->held_count; i++) {
        Py_DECREF(self->held[i]);
    }
    if (self->held != self->held_inside) free(self->held);
    while (self->blocks != NULL) {
        block *next = self->blocks->next;
        free(self->blocks);
        self->blocks = next;
    }
}

void *attributes_memory(attributes *self, size_t size) {
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    block *last = self->blocks;
    if (last == NULL || last->size - last->used < size) {
        const size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        last = malloc(sizeof(block) + room);
        if (last == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        last->next = self->blocks;
        last->used = 0;
        last->size = room;
        self->blocks = last;
    }
    void *memory = (char *)last->bytes + last->used;
    last->used += size;
    return memory;
}

int attributes_hold(attributes *self, PyObject *object) {
    if (self->held_count == self->held_room) {
        const size_t room = 2 * self->held_room;
        PyObject **more = malloc(room * sizeof(*more));
        if (more == NULL) {
            Py_DECREF(object);
            PyErr_NoMemory();
            return -1;
        }
        memcpy(more, self->held, self->held_count * sizeof(*more));
        if (self->held != self->held_inside) free(self->held);
        self->held = more;
        self->held_room = room;
    }
    self->held[self->held_count++] = object;
    return 0;
}

static int text_of(attributes *self, PyObject *object, const char **ret_data, size_t *ret_size) {
    PyObject *owner;
    if (native_text(object, &owner, ret_data, ret_size) < 0) return -1;
    return attributes_hold(self, owner);
}

/* As decimal digits: OTLP has no such integer. Python refuses to write some that are very long. */
static int digits_of(attributes *self, PyObject *number, uint32_t *ret_type, spr_any *ret_any) {
    *ret_type = SPR_TYPE_STRING;
    if (text_of(self, number, &ret_any->string.data, &ret_any->string.size) == 0) return 0;
    if (!PyErr_ExceptionMatches(PyExc_ValueError)) return -1;
    PyErr_Clear();
    *ret_type = SPR_TYPE_EMPTY;
    return 0;
}

static int value_of(attributes *self, PyObject *value, int depth, uint32_t *ret_type, spr_any *ret_any);
static int pairs_of(attributes *self, PyObject *mapping, int depth, const spr_attribute **ret_pairs, size_t *ret_count);

/* A list of a million costs no memory of its own, nor do lists that contain each other. */
static int has_room(attributes *self, size_t count) {
    if (count > VALUES_MOST - self->values) return 0;
    self->values += count;
    return 1;
}

/* Of pairs that each say something by themselves: how many have room. */
static size_t room_for(attributes *self, size_t count) {
    const size_t room = VALUES_MOST - self->values;
    const size_t taken = count < room ? count : room;
    self->values += taken;
    self->left_out = (uint32_t)(count - taken);
    return taken;
}

/* A value that lost a part of it would look like another. */
static void refuse_too_long(attributes *self, spr_attribute *attribute) {
    if (!self->is_too_long) return;
    self->is_too_long = 0;
    attribute->key = "";
    attribute->key_size = 0;
    attribute->type = SPR_TYPE_EMPTY;
}

static int array_of(attributes *self, PyObject *sequence, int depth, uint32_t *ret_type, spr_any *ret_any) {
    /* A tuple is held as it is; of anything else a copy is made, so that nobody changes it meanwhile. */
    PyObject *items = PySequence_Tuple(sequence);
    if (items == NULL || attributes_hold(self, items) < 0) return -1;
    const Py_ssize_t count = PyTuple_Size(items);
    *ret_type = SPR_TYPE_EMPTY;
    if (!has_room(self, (size_t)count)) {
        self->is_too_long = 1;
        return 0;
    }
    *ret_type = SPR_TYPE_ARRAY;
    spr_value *values = attributes_memory(self, (size_t)count * sizeof(*values));
    if (values == NULL) return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        values[i].reserved = 0;
        if (value_of(self, PyTuple_GetItem(items, i), depth, &values[i].type, &values[i].value) < 0) return -1;
    }
    ret_any->array.values = values;
    ret_any->array.count = (size_t)count;
    return 0;
}

static int list_of(attributes *self, PyObject *value, int depth, uint32_t *ret_type, spr_any *ret_any) {
    const int is_sequence =
        PyList_Check(value) || PyTuple_Check(value) ? 1 : PyObject_IsInstance(value, self->state->sequence);
    if (is_sequence < 0) return -1;
    if (is_sequence) return array_of(self, value, depth + 1, ret_type, ret_any);
    const int is_mapping = PyDict_Check(value) ? 1 : PyObject_IsInstance(value, self->state->mapping);
    if (is_mapping < 0) return -1;
    if (is_mapping) {
        *ret_type = SPR_TYPE_KEY_VALUES;
        return pairs_of(self, value, depth + 1, &ret_any->key_values.pairs, &ret_any->key_values.count);
    }
    *ret_type = SPR_TYPE_STRING; /* as the SDK does */
    return text_of(self, value, &ret_any->string.data, &ret_any->string.size);
}

/* `value` is held by somebody until the close. */
static int value_of(attributes *self, PyObject *value, int depth, uint32_t *ret_type, spr_any *ret_any) {
    if (PyUnicode_Check(value)) {
        *ret_type = SPR_TYPE_STRING;
        return text_of(self, value, &ret_any->string.data, &ret_any->string.size);
    }
    if (PyBool_Check(value)) {
        *ret_type = SPR_TYPE_BOOL;
        ret_any->boolean = value == Py_True;
        return 0;
    }
    if (PyLong_Check(value)) {
        int overflow;
        *ret_type = SPR_TYPE_INT64;
        ret_any->int64 = PyLong_AsLongLongAndOverflow(value, &overflow);
        return overflow == 0 ? 0 : digits_of(self, value, ret_type, ret_any);
    }
    if (PyFloat_Check(value)) {
        *ret_type = SPR_TYPE_DOUBLE;
        ret_any->float64 = PyFloat_AsDouble(value);
        return 0;
    }
    if (value == Py_None || depth >= SPR_VALUE_DEPTH) {
        *ret_type = SPR_TYPE_EMPTY;
        return 0;
    }
    if (PyBytes_Check(value)) {
        *ret_type = SPR_TYPE_BYTES;
        ret_any->bytes.data = PyBytes_AsString(value);
        ret_any->bytes.size = (size_t)PyBytes_Size(value);
        return 0;
    }
    return list_of(self, value, depth, ret_type, ret_any);
}

/* All keys and values of a dict are held before the first of them is looked at: that may run Python code. */
static int hold_items(attributes *self, PyObject *dict) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    int result = 0;
    SPR_LOCKED(dict);
    while (result == 0 && PyDict_Next(dict, &position, &key, &value)) {
        Py_INCREF(key);
        Py_INCREF(value);
        if (attributes_hold(self, key) < 0) {
            Py_DECREF(value);
            result = -1;
        } else {
            result = attributes_hold(self, value);
        }
    }
    SPR_UNLOCKED();
    return result;
}

static int pairs_of(attributes *self, PyObject *mapping, int depth, const spr_attribute **ret_pairs,
                    size_t *ret_count) {
    PyObject *dict = mapping;
    if (!PyDict_CheckExact(mapping)) {
        dict = PyDict_New();
        if (dict == NULL || attributes_hold(self, dict) < 0 || PyDict_Update(dict, mapping) < 0) return -1;
    }
    const size_t first = self->held_count;
    if (hold_items(self, dict) < 0) return -1;
    size_t count = (self->held_count - first) / 2;
    if (depth == 0) {
        count = room_for(self, count);
    } else if (!has_room(self, count)) {
        self->is_too_long = 1;
        count = 0;
    }
    spr_attribute *pairs = self->inside + self->inside_used;
    if (count > ATTRIBUTES_INSIDE - self->inside_used) {
        pairs = attributes_memory(self, count * sizeof(*pairs));
        if (pairs == NULL) return -1;
    } else {
        self->inside_used += count;
    }
    for (size_t i = 0; i < count; i++) {
        /* Looked up again each time: to hold more may move the list. */
        PyObject *key = self->held[first + 2 * i];
        PyObject *value = self->held[first + 2 * i + 1];
        pairs[i].reserved = 0;
        if (text_of(self, key, &pairs[i].key, &pairs[i].key_size) < 0) return -1;
        if (value_of(self, value, depth, &pairs[i].type, &pairs[i].value) < 0) return -1;
        if (depth == 0) refuse_too_long(self, &pairs[i]);
    }
    *ret_pairs = pairs;
    *ret_count = count;
    return 0;
}

int attributes_of(attributes *self, PyObject *mapping, const spr_attribute **ret_attributes, size_t *ret_count) {
    *ret_attributes = NULL;
    *ret_count = 0;
    self->left_out = 0;
    if (mapping == NULL || mapping == Py_None) return 0;
    return pairs_of(self, mapping, 0, ret_attributes, ret_count);
}

int attributes_of_one(attributes *self, PyObject *key, PyObject *value, spr_attribute *ret_attribute) {
    ret_attribute->key = "";
    ret_attribute->key_size = 0;
    ret_attribute->reserved = 0;
    if (PyUnicode_Check(key) && text_of(self, key, &ret_attribute->key, &ret_attribute->key_size) < 0) return -1;
    if (value_of(self, value, 0, &ret_attribute->type, &ret_attribute->value) < 0) return -1;
    refuse_too_long(self, ret_attribute);
    return 0;
}

void attributes_count_left_out(const attributes *self, const spr_span *span) {
    spr_attribute refused;
    memset(&refused, 0, sizeof(refused));
    refused.key = "";
    for (uint32_t i = 0; i < self->left_out; i++) {
        spr_span_set_attributes(span, &refused, 1);
    }
}
