/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spanring._native: the part of spanring's OpenTelemetry provider that each span goes through. spanring's Python files
 * make classes of it that are those of OpenTelemetry's API, and are the only ones that use it.
 */
#include "native.h"

static const char *const texts[NAME_COUNT] = {
    "name",
    "context",
    "kind",
    "attributes",
    "links",
    "start_time",
    "record_exception",
    "set_status_on_exception",
    "end_on_exit",
    "key",
    "value",
    "timestamp",
    "status",
    "description",
    "end_time",
};

/* The place of a keyword among the names, or -1. A caller's keywords are mostly the same objects as ours: interned. */
static int place_of(native_state *state, const unsigned char *names, int count, PyObject *keyword) {
    for (int i = 0; i < count; i++) {
        if (state->names[names[i]] == keyword) return i;
    }
    for (int i = 0; i < count; i++) {
        if (PyUnicode_Compare(state->names[names[i]], keyword) == 0) return i;
    }
    return -1;
}

int native_take(native_state *state, const unsigned char *names, int count, int required, PyObject *const *arguments,
                Py_ssize_t given, PyObject *keywords, PyObject **out) {
    const Py_ssize_t named = keywords == NULL ? 0 : PyTuple_Size(keywords);
    if (given > count) {
        PyErr_Format(PyExc_TypeError, "takes at most %d arguments, %zd were given", count, given + named);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        out[i] = i < given ? arguments[i] : NULL;
    }
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *keyword = PyTuple_GetItem(keywords, i);
        const int place = place_of(state, names, count, keyword);
        if (place < 0 || out[place] != NULL) {
            PyErr_Format(PyExc_TypeError, place < 0 ? "has no argument '%U'" : "got '%U' twice", keyword);
            return -1;
        }
        out[place] = arguments[given + i];
    }
    for (int i = 0; i < required; i++) {
        if (out[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "needs the argument '%U'", state->names[names[i]]);
            return -1;
        }
    }
    return 0;
}

static int take_attributes(const char *module_name, const char *const *names, PyObject **const *places) {
    PyObject *module = PyImport_ImportModule(module_name);
    if (module == NULL) return -1;
    int result = 0;
    for (int i = 0; result == 0 && names[i] != NULL; i++) {
        *places[i] = PyObject_GetAttrString(module, names[i]);
        if (*places[i] == NULL) result = -1;
    }
    Py_DECREF(module);
    return result;
}

static int take_api(native_state *state) {
    static const char *const of_trace[] = {"Span", "SpanContext", "TraceState", "TraceFlags", "Status", NULL};
    static const char *const of_context[] = {"get_current", "set_value", "attach", "detach", NULL};
    static const char *const of_collections[] = {"Sequence", "Mapping", NULL};
    PyObject **const trace[] = {&state->api_span, &state->span_context, &state->trace_state, &state->trace_flags,
                                &state->status};
    PyObject **const context[] = {&state->get_current, &state->set_value, &state->attach, &state->detach};
    PyObject **const collections[] = {&state->sequence, &state->mapping};
    if (take_attributes("opentelemetry.trace", of_trace, trace) < 0) return -1;
    if (take_attributes("opentelemetry.context", of_context, context) < 0) return -1;
    return take_attributes("collections.abc", of_collections, collections);
}

static int take_enumerations(native_state *state) {
    static const char *const kinds[] = {"INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"};
    static const char *const codes[] = {"UNSET", "OK", "ERROR"};
    PyObject *kind = NULL;
    PyObject *code = NULL;
    static const char *const names[] = {"SpanKind", "StatusCode", NULL};
    PyObject **const places[] = {&kind, &code};
    int result = take_attributes("opentelemetry.trace", names, places);
    for (int i = 0; result == 0 && i < KINDS; i++) {
        state->kinds[i] = PyObject_GetAttrString(kind, kinds[i]);
        if (state->kinds[i] == NULL) result = -1;
    }
    for (int i = 0; result == 0 && i < 3; i++) {
        state->status_codes[i] = PyObject_GetAttrString(code, codes[i]);
        if (state->status_codes[i] == NULL) result = -1;
    }
    for (int i = 0; result == 0 && i < FLAGS_KNOWN; i++) {
        state->flags[i] = PyObject_CallFunction(state->trace_flags, "i", i);
        if (state->flags[i] == NULL) result = -1;
    }
    Py_XDECREF(kind);
    Py_XDECREF(code);
    return result;
}

/* Under which key a context has its span: the API does not say, and shows it in a context that has nothing else. */
static int take_span_key(native_state *state) {
    PyObject *trace = PyImport_ImportModule("opentelemetry.trace");
    PyObject *module = trace == NULL ? NULL : PyImport_ImportModule("opentelemetry.context");
    PyObject *empty = module == NULL ? NULL : PyObject_CallMethod(module, "Context", NULL);
    PyObject *context = empty == NULL ? NULL : PyObject_CallMethod(trace, "set_span_in_context", "OO", Py_None, empty);
    PyObject *keys = context == NULL ? NULL : PyMapping_Keys(context);
    if (keys != NULL) state->span_key = PySequence_GetItem(keys, 0);
    Py_XDECREF(keys);
    Py_XDECREF(context);
    Py_XDECREF(empty);
    Py_XDECREF(module);
    Py_XDECREF(trace);
    return state->span_key == NULL ? -1 : 0;
}

/* _made(span, current): which classes tracers make spans, and blocks around them, of. */
static PyObject *set_made(PyObject *module, PyObject *arguments) {
    native_state *state = PyModule_GetState(module);
    PyTypeObject *span, *current;
    if (!PyArg_ParseTuple(arguments, "OO", &span, &current)) return NULL;
    Py_INCREF((PyObject *)span);
    Py_INCREF((PyObject *)current);
    state->span_made = span;
    state->current_made = current;
    Py_RETURN_NONE;
}

static int execute(PyObject *module) {
    native_state *state = PyModule_GetState(module);
    for (int i = 0; i < NAME_COUNT; i++) {
        state->names[i] = PyUnicode_InternFromString(texts[i]);
        if (state->names[i] == NULL) return -1;
    }
    if (take_api(state) < 0 || take_enumerations(state) < 0 || take_span_key(state) < 0) return -1;
    state->trace_state_none = PyObject_CallFunctionObjArgs(state->trace_state, NULL);
    state->span = native_make_span(module);
    PyTypeObject *const types[] = {state->span, native_make_tracer(module), native_make_current(module),
                                   native_make_provider(module)};
    for (int i = 0; i < 4; i++) {
        if (types[i] == NULL || PyModule_AddType(module, types[i]) < 0) return -1;
    }
    return state->trace_state_none == NULL ? -1 : PyModule_AddStringConstant(module, "version", spr_version());
}

static PyMethodDef methods[] = {
    {"_made", set_made, METH_VARARGS, "Which classes tracers make spans, and blocks around them, of."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_native",
    "What each span of spanring goes through.",
    sizeof(native_state),
    methods,
    slots,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
