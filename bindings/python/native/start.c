/* SPDX-License-Identifier: Apache-2.0 */
/* A span's start: its parent out of OpenTelemetry's context, its attributes and links, one call of the library. */
#include <string.h>

#include "attributes.h"

const unsigned char native_start_names[START_ARGUMENTS + 1] = {NAME_name,
                                                               NAME_context,
                                                               NAME_kind,
                                                               NAME_attributes,
                                                               NAME_links,
                                                               NAME_start_time,
                                                               NAME_record_exception,
                                                               NAME_set_status_on_exception,
                                                               NAME_end_on_exit};

typedef struct parent {
    spr_context context; /* all zero: none */
    PyObject *header;    /* of its trace state; NULL: none */
} parent;

/* Of a span that is not ours: one from another process, or of another implementation. */
static int foreign_parent(native_state *state, PyObject *span, parent *ret_parent) {
    const int is_span = PyObject_IsInstance(span, state->api_span);
    if (is_span <= 0) return is_span;
    PyObject *span_context = PyObject_CallMethod(span, "get_span_context", NULL);
    if (span_context == NULL) return -1;
    const int result = native_from_span_context(state, span_context, &ret_parent->context, &ret_parent->header);
    Py_DECREF(span_context);
    return result;
}

static int parent_of(native_state *state, PyObject *context, parent *ret_parent) {
    memset(ret_parent, 0, sizeof(*ret_parent));
    if (context == NULL || context == Py_None) {
        context = PyObject_CallFunctionObjArgs(state->get_current, NULL);
        if (context == NULL) return -1;
    } else {
        Py_INCREF(context);
    }
    PyObject *span = NULL;
    if (PyDict_Check(context)) {
        span = PyDict_GetItemWithError(context, state->span_key); /* a context is never changed */
        Py_XINCREF(span);
    } else {
        span = PyObject_CallMethod(context, "get", "O", state->span_key);
    }
    Py_DECREF(context);
    if (span == NULL) return PyErr_Occurred() == NULL ? 0 : -1;
    int result = 0;
    if (PyObject_TypeCheck(span, state->span)) {
        const span_object *ours = (span_object *)span;
        ret_parent->context = ours->span.context;
        ret_parent->header = ours->header;
        Py_XINCREF(ret_parent->header);
    } else if (span != Py_None) {
        result = foreign_parent(state, span, ret_parent);
    }
    Py_DECREF(span);
    return result;
}

static uint8_t kind_of(native_state *state, PyObject *kind) {
    for (uint8_t i = 0; i < KINDS; i++) {
        if (kind == state->kinds[i]) return (uint8_t)(i + 1); /* OTLP has "unspecified" in front */
    }
    return 0;
}

/* As the SDK, passes over one of no span that says nothing. */
static int link_of(attributes *pool, PyObject *link, spr_link *links, size_t *count) {
    native_state *state = pool->state;
    PyObject *context = PyObject_GetAttrString(link, "context");
    PyObject *said = context == NULL ? NULL : PyObject_GetAttrString(link, "attributes");
    PyObject *header = NULL;
    spr_link *made = &links[*count];
    memset(made, 0, sizeof(*made));
    int result = -1;
    if (said != NULL && native_from_span_context(state, context, &made->context, &header) == 0 &&
        attributes_of(pool, said, &made->attributes, &made->attribute_count) == 0) {
        static const uint8_t zero[16];
        made->dropped_attributes = pool->left_out;
        const int is_valid =
            memcmp(made->context.trace_id, zero, 16) != 0 && memcmp(made->context.span_id, zero, 8) != 0;
        if (header != NULL) {
            PyObject *owner;
            result = native_text(header, &owner, &made->trace_state, &made->trace_state_size);
            if (result == 0) result = attributes_hold(pool, owner);
        } else {
            result = 0;
        }
        *count += result == 0 && (is_valid || made->attribute_count > 0 || header != NULL);
    }
    Py_XDECREF(header);
    if (said != NULL && attributes_hold(pool, said) < 0) result = -1;
    Py_XDECREF(context);
    return result;
}

static int links_of(attributes *pool, PyObject *links, const spr_link **ret_links, size_t *ret_count) {
    *ret_links = NULL;
    *ret_count = 0;
    if (links == NULL || links == Py_None) return 0;
    PyObject *items = PySequence_Tuple(links);
    if (items == NULL || attributes_hold(pool, items) < 0) return -1;
    const Py_ssize_t count = PyTuple_Size(items);
    if (count == 0) return 0;
    spr_link *made = attributes_memory(pool, (size_t)count * sizeof(*made));
    if (made == NULL) return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *link = PyTuple_GetItem(items, i);
        if (link != Py_None && link_of(pool, link, made, ret_count) < 0) return -1;
    }
    *ret_links = made;
    return 0;
}

/* What the span keeps, or, where none is kept, what its parent has. */
static int keep_header(span_object *span, int is_recorded, const parent *parent) {
    char memory[SPR_TRACESTATE_SIZE];
    spr_text text = {memory, 0, sizeof(memory)};
    if (!is_recorded) {
        span->header = parent->header;
        Py_XINCREF(span->header);
    } else if (spr_span_trace_state(&span->span, &text) == 1) {
        span->header = PyUnicode_DecodeASCII(memory, (Py_ssize_t)text.size, "replace");
        if (span->header == NULL) return -1;
    }
    return 0;
}

static int is_true(PyObject *object) {
    return object == NULL || object == Py_True || (object != Py_False && PyObject_IsTrue(object) == 1);
}

/* `made` is a new one. */
static int start(tracer_object *tracer, attributes *pool, PyObject *const *arguments, const parent *parent,
                 span_object *made) {
    PyObject *owner;
    const char *name;
    size_t name_size;
    spr_start_options options = SPR_START_OPTIONS_INIT;
    if (native_text(arguments[0], &owner, &name, &name_size) < 0) return -1;
    if (attributes_hold(pool, owner) < 0) return -1;
    /* Its attributes come last: what is left out is of them. */
    if (links_of(pool, arguments[4], &options.links, &options.link_count) < 0) return -1;
    if (attributes_of(pool, arguments[3], &options.attributes, &options.attribute_count) < 0) return -1;
    options.kind = kind_of(tracer->state, arguments[2]);
    options.start_time_ns = native_time(arguments[5]);
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &parent->context;
    if (parent->header != NULL &&
        native_text(parent->header, &owner, &options.trace_state, &options.trace_state_size) == 0) {
        if (attributes_hold(pool, owner) < 0) return -1;
    }
    made->record_exception = (char)is_true(arguments[6]);
    made->set_status_on_exception = (char)is_true(arguments[7]);
    if (PyErr_Occurred() != NULL) return -1;
    const int result = spr_span_start_with(tracer->tracer, name, name_size, &options, &made->span);
    attributes_count_left_out(pool, &made->span);
    return keep_header(made, result == 1, parent);
}

PyObject *native_start(tracer_object *tracer, PyObject *const *arguments) {
    native_state *state = tracer->state;
    span_object *made = (span_object *)PyType_GenericAlloc(state->span_made, 0); /* zeros */
    if (made == NULL) return NULL;
    made->state = state;
    made->name = arguments[0];
    Py_INCREF(made->name);
    made->kind = arguments[2] == NULL ? state->kinds[0] : arguments[2];
    Py_INCREF(made->kind);

    attributes pool;
    parent parent;
    attributes_open(&pool, state);
    int result = parent_of(state, arguments[1], &parent);
    if (result == 0) result = start(tracer, &pool, arguments, &parent, made);
    Py_XDECREF(parent.header);
    attributes_close(&pool);
    if (result < 0) Py_CLEAR(made);
    return (PyObject *)made;
}
