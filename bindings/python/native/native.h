/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the extension share: its state, and the objects it makes.
 *
 * Threads: an object is used under the interpreter's lock, or, where there is none, under its own (SPR_LOCKED). Between
 * the conversion of arguments and the call of the library no Python code runs, so the library's "one thread at a time
 * uses a span" holds in both.
 */
#ifndef SPANRING_PYTHON_NATIVE_H
#define SPANRING_PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <spanring/spanring.h>

#ifdef Py_GIL_DISABLED
#define SPR_LOCKED(object) Py_BEGIN_CRITICAL_SECTION(object)
#define SPR_UNLOCKED() Py_END_CRITICAL_SECTION()
#else
#define SPR_LOCKED(object) do {
#define SPR_UNLOCKED() \
    }                  \
    while (0)
#endif

/* Names of arguments, in the order of their texts in module.c. */
enum native_name {
    NAME_name,
    NAME_context,
    NAME_kind,
    NAME_attributes,
    NAME_links,
    NAME_start_time,
    NAME_record_exception,
    NAME_set_status_on_exception,
    NAME_end_on_exit,
    NAME_key,
    NAME_value,
    NAME_timestamp,
    NAME_status,
    NAME_description,
    NAME_end_time,
    NAME_COUNT
};

#define FLAGS_KNOWN 4
#define KINDS 5

/*
 * Made once for each interpreter and never taken down: objects point to it, and their order at the end is nobody's
 * choice. After the module is made it is only read.
 */
typedef struct native_state {
    PyTypeObject *span;      /* SpanBase */
    PyTypeObject *span_made; /* what tracers make: a subclass in Python, which is an OpenTelemetry Span */
    PyTypeObject *current_made;

    PyObject *names[NAME_COUNT];
    /* of OpenTelemetry's API */
    PyObject *span_key;
    PyObject *api_span;
    PyObject *get_current;
    PyObject *set_value;
    PyObject *attach;
    PyObject *detach;
    PyObject *span_context;
    PyObject *trace_state;
    PyObject *trace_state_none;
    PyObject *trace_flags;
    PyObject *flags[FLAGS_KNOWN];
    PyObject *kinds[KINDS];
    PyObject *status;
    PyObject *status_codes[3];
    /* of Python's */
    PyObject *sequence;
    PyObject *mapping;
} native_state;

typedef struct provider_object {
    PyObject_HEAD native_state *state;
    spr_provider *provider;
} provider_object;

typedef struct tracer_object {
    PyObject_HEAD native_state *state;
    spr_tracer *tracer;
} tracer_object;

typedef struct span_object {
    PyObject_HEAD native_state *state;
    spr_span span;
    PyObject *name;
    PyObject *kind;
    PyObject *header;  /* its trace state as a header has it; NULL: none */
    PyObject *context; /* OpenTelemetry's SpanContext, made when somebody asks; NULL before */
    char record_exception;
    char set_status_on_exception;
} span_object;

/* module.c: `out` takes a borrowed argument for each name, NULL where it was not given. 0, or -1 and an exception. */
int native_take(native_state *state, const unsigned char *names, int count, int required, PyObject *const *arguments,
                Py_ssize_t given, PyObject *keywords, PyObject **out);

/* start.c: what start_span() takes, in this order. */
#define START_ARGUMENTS 8
extern const unsigned char native_start_names[START_ARGUMENTS + 1];
PyObject *native_start(tracer_object *tracer, PyObject *const *arguments);

/* text.c: a str as UTF-8, or the text of another object. *ret_owner is to be released; data is good until then. */
int native_text(PyObject *object, PyObject **ret_owner, const char **ret_data, size_t *ret_size);
/* A number of nanoseconds; 0 where there is none, or no such number. */
uint64_t native_time(PyObject *object);

/* span_context.c. A context and, in *ret_header, a new reference to its trace state's header, or NULL. */
int native_from_span_context(native_state *state, PyObject *span_context, spr_context *ret_context,
                             PyObject **ret_header);
PyObject *native_to_span_context(native_state *state, const spr_context *context, PyObject *header);

PyTypeObject *native_make_provider(PyObject *module);
PyTypeObject *native_make_tracer(PyObject *module);
PyTypeObject *native_make_span(PyObject *module);
PyTypeObject *native_make_current(PyObject *module);

#endif
