/* SPDX-License-Identifier: Apache-2.0 */
/* CurrentBase: what start_as_current_span() gives. The span starts as the block is entered. */
#include "native.h"

PyObject *native_make_current_span(tracer_object *tracer, PyObject *const *arguments, PyObject *end_on_exit);

typedef struct current_object {
    PyObject_HEAD tracer_object *tracer;
    PyObject *arguments[START_ARGUMENTS];
    PyObject *span;  /* while it is current */
    PyObject *token; /* of OpenTelemetry's context */
    char end_on_exit;
    char is_entered; /* or about to be: by one thread at a time */
} current_object;

#define SELF ((current_object *)self)

static PyObject *made(PyTypeObject *type, tracer_object *tracer, PyObject *const *arguments, char end_on_exit) {
    current_object *self = (current_object *)PyType_GenericAlloc(type, 0); /* zeros */
    if (self == NULL) return NULL;
    self->tracer = tracer;
    Py_INCREF((PyObject *)tracer);
    for (int i = 0; i < START_ARGUMENTS; i++) {
        self->arguments[i] = arguments[i];
        Py_XINCREF(arguments[i]);
    }
    self->end_on_exit = end_on_exit;
    return (PyObject *)self;
}

PyObject *native_make_current_span(tracer_object *tracer, PyObject *const *arguments, PyObject *end_on_exit) {
    const int ends = end_on_exit == NULL ? 1 : PyObject_IsTrue(end_on_exit);
    if (ends < 0) return NULL;
    return made(tracer->state->current_made, tracer, arguments, (char)ends);
}

/* For a decorator: each call of the function has a span of its own. */
static PyObject *again(PyObject *self, PyObject *none) {
    (void)none;
    return made(Py_TYPE(self), SELF->tracer, SELF->arguments, SELF->end_on_exit);
}

/* The token of the context in which `span` is current from now on. */
static PyObject *attach(const native_state *state, PyObject *span) {
    PyObject *context = PyObject_CallFunctionObjArgs(state->set_value, state->span_key, span, NULL);
    PyObject *token = context == NULL ? NULL : PyObject_CallFunctionObjArgs(state->attach, context, NULL);
    Py_XDECREF(context);
    return token;
}

/* Claimed before it starts the span: that runs Python code, in which another thread may come here as well. */
static PyObject *enter(PyObject *self, PyObject *none) {
    (void)none;
    int was_entered;
    SPR_LOCKED(self);
    was_entered = SELF->is_entered;
    SELF->is_entered = 1;
    SPR_UNLOCKED();
    if (was_entered) {
        PyErr_SetString(PyExc_RuntimeError, "this span is current already: each block needs a start of its own");
        return NULL;
    }
    PyObject *span = native_start(SELF->tracer, SELF->arguments);
    PyObject *token = span == NULL ? NULL : attach(SELF->tracer->state, span);
    if (token == NULL) Py_CLEAR(span);
    Py_XINCREF(span); /* before another thread may leave the block */
    SPR_LOCKED(self);
    SELF->span = span;
    SELF->token = token;
    SELF->is_entered = span != NULL;
    SPR_UNLOCKED();
    return span;
}

/* As OpenTelemetry's use_span(): what derives from Exception is a failure; GeneratorExit and its like are none. */
static int tell(const span_object *span, PyObject *exception) {
    if (exception == Py_None || !PyObject_TypeCheck(exception, (PyTypeObject *)PyExc_Exception)) return 0;
    PyObject *told =
        PyObject_CallMethod((PyObject *)span, "_failed", "OOOO", exception, span->record_exception ? Py_True : Py_False,
                            span->set_status_on_exception ? Py_True : Py_False, Py_False);
    Py_XDECREF(told);
    return told == NULL ? -1 : 0;
}

static PyObject *leave(PyObject *self, PyObject *const *arguments, Py_ssize_t given) {
    if (given < 2) Py_RETURN_NONE;
    PyObject *span, *token;
    SPR_LOCKED(self);
    span = SELF->span;
    token = SELF->token;
    SELF->span = NULL;
    SELF->token = NULL;
    if (span != NULL) SELF->is_entered = 0;
    SPR_UNLOCKED();
    if (span == NULL) Py_RETURN_NONE;
    PyObject *detached = PyObject_CallFunctionObjArgs(SELF->tracer->state->detach, token, NULL);
    Py_DECREF(token);
    int result = detached == NULL ? -1 : tell((span_object *)span, arguments[1]);
    Py_XDECREF(detached);
    if (SELF->end_on_exit) {
        SPR_LOCKED(span);
        spr_span_end(&((span_object *)span)->span);
        SPR_UNLOCKED();
    }
    Py_DECREF(span);
    if (result < 0) return NULL;
    Py_RETURN_NONE;
}

static int traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT((PyObject *)SELF->tracer);
    for (int i = 0; i < START_ARGUMENTS; i++) {
        Py_VISIT(SELF->arguments[i]);
    }
    Py_VISIT(SELF->span);
    Py_VISIT(SELF->token);
    return 0;
}

/* The tracer and the arguments never change, so no cycle has them alone. */
static int clear(PyObject *self) {
    Py_CLEAR(SELF->span);
    Py_CLEAR(SELF->token);
    return 0;
}

static void dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    for (int i = 0; i < START_ARGUMENTS; i++) {
        Py_XDECREF(SELF->arguments[i]);
    }
    Py_XDECREF(SELF->span);
    Py_XDECREF(SELF->token);
    Py_XDECREF((PyObject *)SELF->tracer);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))leave, METH_FASTCALL, NULL},
    {"_again", again, METH_NOARGS, "One that starts the same."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_traverse, traverse}, {Py_tp_clear, clear}, {Py_tp_methods, methods}, {0, NULL},
};

static PyType_Spec spec = {
    "spanring._native.CurrentBase", sizeof(current_object), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

PyTypeObject *native_make_current(PyObject *module) {
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}
