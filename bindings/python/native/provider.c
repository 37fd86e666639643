/* SPDX-License-Identifier: Apache-2.0 */
/* Provider: spr_provider, for spanring.TracerProvider. */
#include <errno.h>

#include "attributes.h"

#define SELF ((provider_object *)self)

static PyObject *failed(int error) {
    PyObject *arguments = Py_BuildValue("is", -error, spr_strerror(error));
    if (arguments != NULL) PyErr_SetObject(PyExc_OSError, arguments);
    Py_XDECREF(arguments);
    return NULL;
}

/* open(service_name, resource_attributes, memory_limit). */
static PyObject *make(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)keywords;
    PyObject *service;
    PyObject *resource;
    unsigned long long limit;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    native_state *state = PyType_GetModuleState(type);
    if (state == NULL || !PyArg_ParseTuple(arguments, "OOK", &service, &resource, &limit)) return NULL;
    attributes pool;
    attributes_open(&pool, state);
    options.memory_limit = limit;
    PyObject *owner = NULL;
    int result = attributes_of(&pool, resource, &options.resource_attributes, &options.resource_attribute_count);
    if (result == 0 && service != Py_None) {
        result = native_text(service, &owner, &options.service_name, &options.service_name_size);
    }
    provider_object *self = result == 0 ? (provider_object *)PyType_GenericAlloc(type, 0) : NULL;
    if (self != NULL) {
        self->state = state;
        result = spr_provider_open(&options, &self->provider);
        if (result < 0) {
            Py_CLEAR(self);
            failed(result);
        }
    }
    Py_XDECREF(owner);
    attributes_close(&pool);
    return (PyObject *)self;
}

/* tracer(class, name, version, schema_url, attributes): an object of a class over TracerBase. */
static PyObject *tracer(PyObject *self, PyObject *arguments) {
    PyTypeObject *type;
    PyObject *name, *version, *schema_url, *mapping;
    PyObject *owners[3] = {NULL, NULL, NULL};
    spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
    if (!PyArg_ParseTuple(arguments, "OOOOO", &type, &name, &version, &schema_url, &mapping)) return NULL;
    attributes pool;
    attributes_open(&pool, SELF->state);
    tracer_object *made = NULL;
    if (native_text(name, &owners[0], &options.name, &options.name_size) == 0 &&
        native_text(version, &owners[1], &options.version, &options.version_size) == 0 &&
        native_text(schema_url, &owners[2], &options.schema_url, &options.schema_url_size) == 0 &&
        attributes_of(&pool, mapping, &options.attributes, &options.attribute_count) == 0) {
        spr_tracer *found;
        const int result = spr_tracer_get_with(SELF->provider, &options, &found);
        if (result < 0) {
            failed(result);
        } else if ((made = (tracer_object *)PyType_GenericAlloc(type, 0)) != NULL) {
            made->state = SELF->state;
            made->tracer = found;
        }
    }
    attributes_close(&pool);
    for (int i = 0; i < 3; i++) {
        Py_XDECREF(owners[i]);
    }
    return (PyObject *)made;
}

static PyObject *flushed(PyObject *self, PyObject *timeout, int (*function)(spr_provider *, uint64_t)) {
    const uint64_t nanoseconds = native_time(timeout);
    int result;
    Py_BEGIN_ALLOW_THREADS result = function(SELF->provider, nanoseconds);
    Py_END_ALLOW_THREADS return PyBool_FromLong(result == 0);
}

static PyObject *flush(PyObject *self, PyObject *timeout) { return flushed(self, timeout, spr_provider_flush); }

static PyObject *shut_down(PyObject *self, PyObject *timeout) { return flushed(self, timeout, spr_provider_shutdown); }

static PyObject *state(PyObject *self, PyObject *none) {
    (void)none;
    const int result = spr_provider_state(SELF->provider);
    return Py_BuildValue("is", result, result < 0 ? spr_strerror(result) : "");
}

static PyObject *statistics(PyObject *self, PyObject *none) {
    (void)none;
    spr_statistics counted = SPR_STATISTICS_INIT;
    const int result = spr_provider_statistics(SELF->provider, &counted);
    if (result < 0) return failed(result);
    return Py_BuildValue("{sKsKsKsKsKsKsKsK}", "started", counted.started, "ended", counted.ended, "unsampled",
                         counted.unsampled, "not_started", counted.not_started_slot + counted.not_started_nested,
                         "dropped", counted.dropped_full + counted.dropped_nested + counted.dropped_overwritten,
                         "refused_data", counted.refused_data, "cut_texts", counted.cut_texts, "acknowledged",
                         counted.acknowledged);
}

static void dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self); /* the library's lives as long as the process */
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"tracer", tracer, METH_VARARGS, "A tracer of a class, for a scope."},
    {"flush", flush, METH_O, "Whether all that ended is with the agent, after so many nanoseconds at most."},
    {"shutdown", shut_down, METH_O, "Flushes, and is shut down in every case."},
    {"state", state, METH_NOARGS, "What spr_provider_state() says, and in words."},
    {"statistics", statistics, METH_NOARGS, "What was counted."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {{Py_tp_new, make}, {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};

static PyType_Spec spec = {"spanring._native.Provider", sizeof(provider_object), 0, Py_TPFLAGS_DEFAULT, slots};

PyTypeObject *native_make_provider(PyObject *module) {
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}
