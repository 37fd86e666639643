/* SPDX-License-Identifier: Apache-2.0 */
/* A span's context in the words of both. */
#include <string.h>

#include "native.h"

static void put(uint8_t *bytes, uint64_t number) {
    for (int i = 7; i >= 0; i--, number >>= 8) {
        bytes[i] = (uint8_t)number;
    }
}

static uint64_t get(const uint8_t *bytes) {
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

/* Of an attribute that is a number: its low 64 bits, and those above if asked. 0, or -1 and an exception. */
static int number_of(PyObject *object, const char *attribute, uint64_t *ret_low, uint64_t *ret_high) {
    PyObject *number = PyObject_GetAttrString(object, attribute);
    if (number == NULL) return -1;
    *ret_low = PyLong_AsUnsignedLongLongMask(number);
    if (ret_high != NULL && PyErr_Occurred() == NULL) {
        PyObject *bits = PyLong_FromLong(64);
        PyObject *high = bits == NULL ? NULL : PyNumber_Rshift(number, bits);
        *ret_high = high == NULL ? 0 : PyLong_AsUnsignedLongLongMask(high);
        Py_XDECREF(high);
        Py_XDECREF(bits);
    }
    Py_DECREF(number);
    return PyErr_Occurred() == NULL ? 0 : -1;
}

/* Callers say None for "no", too. */
static int is_remote(PyObject *span_context) {
    PyObject *said = PyObject_GetAttrString(span_context, "is_remote");
    const int result = said == NULL ? -1 : PyObject_IsTrue(said);
    Py_XDECREF(said);
    return result;
}

/* NULL where it is empty. */
static PyObject *header_of(PyObject *span_context) {
    PyObject *state = PyObject_GetAttrString(span_context, "trace_state");
    PyObject *header = NULL;
    if (state != NULL && state != Py_None && PyObject_IsTrue(state) == 1) {
        header = PyObject_CallMethod(state, "to_header", NULL);
    }
    Py_XDECREF(state);
    if (header != NULL && !PyUnicode_Check(header)) Py_CLEAR(header);
    return header;
}

int native_from_span_context(native_state *state, PyObject *span_context, spr_context *ret_context,
                             PyObject **ret_header) {
    uint64_t high = 0, low = 0, span_id = 0, flags = 0;
    memset(ret_context, 0, sizeof(*ret_context));
    *ret_header = NULL;
    const int is_one = PyObject_IsInstance(span_context, state->span_context);
    if (is_one <= 0) return is_one;
    if (number_of(span_context, "trace_id", &low, &high) < 0 ||
        number_of(span_context, "span_id", &span_id, NULL) < 0 ||
        number_of(span_context, "trace_flags", &flags, NULL) < 0) {
        return -1;
    }
    const int remote = is_remote(span_context);
    if (remote < 0) return -1;
    put(ret_context->trace_id, high);
    put(ret_context->trace_id + 8, low);
    put(ret_context->span_id, span_id);
    ret_context->trace_flags = (uint8_t)flags;
    ret_context->is_remote = (uint8_t)remote;
    *ret_header = header_of(span_context);
    return PyErr_Occurred() == NULL ? 0 : -1;
}

static PyObject *trace_id_of(const spr_context *context) {
    PyObject *high = PyLong_FromUnsignedLongLong(get(context->trace_id));
    PyObject *low = PyLong_FromUnsignedLongLong(get(context->trace_id + 8));
    PyObject *bits = PyLong_FromLong(64);
    PyObject *shifted = high != NULL && bits != NULL ? PyNumber_Lshift(high, bits) : NULL;
    PyObject *whole = shifted != NULL && low != NULL ? PyNumber_Or(shifted, low) : NULL;
    Py_XDECREF(high);
    Py_XDECREF(low);
    Py_XDECREF(bits);
    Py_XDECREF(shifted);
    return whole;
}

static PyObject *flags_of(native_state *state, uint8_t flags) {
    if (flags < FLAGS_KNOWN) {
        Py_INCREF(state->flags[flags]);
        return state->flags[flags];
    }
    return PyObject_CallFunction(state->trace_flags, "i", (int)flags);
}

static PyObject *state_of(native_state *state, PyObject *header) {
    if (header == NULL) {
        Py_INCREF(state->trace_state_none);
        return state->trace_state_none;
    }
    return PyObject_CallMethod(state->trace_state, "from_header", "([O])", header);
}

PyObject *native_to_span_context(native_state *state, const spr_context *context, PyObject *header) {
    PyObject *trace_id = trace_id_of(context);
    PyObject *span_id = PyLong_FromUnsignedLongLong(get(context->span_id));
    PyObject *flags = flags_of(state, context->trace_flags);
    PyObject *trace_state = state_of(state, header);
    PyObject *result = NULL;
    if (trace_id != NULL && span_id != NULL && flags != NULL && trace_state != NULL) {
        result = PyObject_CallFunctionObjArgs(state->span_context, trace_id, span_id,
                                              context->is_remote ? Py_True : Py_False, flags, trace_state, NULL);
    }
    Py_XDECREF(trace_id);
    Py_XDECREF(span_id);
    Py_XDECREF(flags);
    Py_XDECREF(trace_state);
    return result;
}
