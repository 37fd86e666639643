/* SPDX-License-Identifier: Apache-2.0 */
/* TracerBase: what spanring.Tracer is made of. */
#include "native.h"

/* current.c */
PyObject *native_make_current_span(tracer_object *tracer, PyObject *const *arguments, PyObject *end_on_exit);

static PyObject *start_span(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *keywords) {
    tracer_object *tracer = (tracer_object *)self;
    PyObject *taken[START_ARGUMENTS];
    if (native_take(tracer->state, native_start_names, START_ARGUMENTS, 1, arguments, given, keywords, taken) < 0) {
        return NULL;
    }
    return native_start(tracer, taken);
}

static PyObject *start_as_current_span(PyObject *self, PyObject *const *arguments, Py_ssize_t given,
                                       PyObject *keywords) {
    tracer_object *tracer = (tracer_object *)self;
    PyObject *taken[START_ARGUMENTS + 1];
    if (native_take(tracer->state, native_start_names, START_ARGUMENTS + 1, 1, arguments, given, keywords, taken) < 0) {
        return NULL;
    }
    return native_make_current_span(tracer, taken, taken[START_ARGUMENTS]);
}

static void dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"start_span", WITH_KEYWORDS(start_span), "Starts a span; whose child it is says the context."},
    {"start_as_current_span", WITH_KEYWORDS(start_as_current_span),
     "A context manager, and a decorator, in which a span is current."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {{Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};

static PyType_Spec spec = {"spanring._native.TracerBase", sizeof(tracer_object), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

PyTypeObject *native_make_tracer(PyObject *module) {
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}
