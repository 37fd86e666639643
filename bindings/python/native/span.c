/* SPDX-License-Identifier: Apache-2.0 */
/* SpanBase: what spanring.Span is made of, beside what is Python there. */
#include <string.h>

#include "attributes.h"

#define SELF ((span_object *)self)

/* What is said of a span by one list of attributes; some may have been left out of it. */
typedef void (*said)(const spr_span *span, const spr_attribute *list, size_t count, const attributes *pool, void *more);

/* Converts, then says it in one call. What is refused is counted by the library. */
static PyObject *say(PyObject *self, PyObject *mapping, said function, void *more) {
    attributes pool;
    const spr_attribute *list;
    size_t count;
    attributes_open(&pool, SELF->state);
    const int result = attributes_of(&pool, mapping, &list, &count);
    if (result == 0) {
        SPR_LOCKED(self);
        function(&SELF->span, list, count, &pool, more);
        SPR_UNLOCKED();
    }
    attributes_close(&pool);
    if (result < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *end(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *keywords) {
    static const unsigned char names[] = {NAME_end_time};
    PyObject *taken[1];
    if (native_take(SELF->state, names, 1, 0, arguments, given, keywords, taken) < 0) return NULL;
    spr_end_options options = SPR_END_OPTIONS_INIT;
    options.end_time_ns = native_time(taken[0]);
    SPR_LOCKED(self);
    spr_span_end_with(&SELF->span, options.end_time_ns == 0 ? NULL : &options);
    SPR_UNLOCKED();
    Py_RETURN_NONE;
}

static PyObject *is_recording(PyObject *self, PyObject *none) {
    (void)none;
    int result;
    SPR_LOCKED(self);
    result = spr_span_is_recording(&SELF->span);
    SPR_UNLOCKED();
    return PyBool_FromLong(result);
}

static PyObject *context_of(PyObject *self) {
    PyObject *context;
    SPR_LOCKED(self);
    context = SELF->context;
    Py_XINCREF(context);
    SPR_UNLOCKED();
    return context;
}

/* To make one runs Python code, in which another thread may be here as well: what is stored first is everybody's. */
static PyObject *get_span_context(PyObject *self, PyObject *none) {
    (void)none;
    PyObject *context = context_of(self);
    if (context != NULL) return context;
    PyObject *made = native_to_span_context(SELF->state, &SELF->span.context, SELF->header);
    if (made == NULL) return NULL;
    SPR_LOCKED(self);
    if (SELF->context == NULL) {
        SELF->context = made;
        Py_INCREF(made);
    }
    SPR_UNLOCKED();
    Py_DECREF(made);
    return context_of(self);
}

static PyObject *set_attribute(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *keywords) {
    static const unsigned char names[] = {NAME_key, NAME_value};
    PyObject *taken[2];
    if (native_take(SELF->state, names, 2, 2, arguments, given, keywords, taken) < 0) return NULL;
    attributes pool;
    spr_attribute attribute;
    attributes_open(&pool, SELF->state);
    const int result = attributes_of_one(&pool, taken[0], taken[1], &attribute);
    if (result == 0) {
        SPR_LOCKED(self);
        spr_span_set_attributes(&SELF->span, &attribute, 1);
        SPR_UNLOCKED();
    }
    attributes_close(&pool);
    if (result < 0) return NULL;
    Py_RETURN_NONE;
}

static void said_attributes(const spr_span *span, const spr_attribute *list, size_t count, const attributes *pool,
                            void *more) {
    (void)more;
    spr_span_set_attributes(span, list, count);
    attributes_count_left_out(pool, span);
}

static PyObject *set_attributes(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *keywords) {
    static const unsigned char names[] = {NAME_attributes};
    PyObject *taken[1];
    if (native_take(SELF->state, names, 1, 1, arguments, given, keywords, taken) < 0) return NULL;
    return say(self, taken[0], said_attributes, NULL);
}

static void said_event(const spr_span *span, const spr_attribute *list, size_t count, const attributes *pool,
                       void *more) {
    spr_event *event = more;
    event->attributes = list;
    event->attribute_count = count;
    event->dropped_attributes = pool->left_out;
    spr_span_add_event(span, event);
}

static PyObject *add_event(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *keywords) {
    static const unsigned char names[] = {NAME_name, NAME_attributes, NAME_timestamp};
    PyObject *taken[3];
    PyObject *owner;
    spr_event event;
    if (native_take(SELF->state, names, 3, 1, arguments, given, keywords, taken) < 0) return NULL;
    memset(&event, 0, sizeof(event));
    event.time_ns = native_time(taken[2]);
    if (native_text(taken[0], &owner, &event.name, &event.name_size) < 0) return NULL;
    PyObject *result = say(self, taken[1], said_event, &event);
    Py_DECREF(owner);
    return result;
}

static void said_link(const spr_span *span, const spr_attribute *list, size_t count, const attributes *pool,
                      void *more) {
    static const uint8_t zero[16];
    spr_link *link = more;
    link->attributes = list;
    link->attribute_count = count;
    link->dropped_attributes = pool->left_out;
    /* As the SDK, passes over one of no span that says nothing. */
    const int is_valid = memcmp(link->context.trace_id, zero, 16) != 0 && memcmp(link->context.span_id, zero, 8) != 0;
    if (is_valid || count > 0 || link->trace_state_size > 0) spr_span_add_link(span, link);
}

static PyObject *add_link(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *keywords) {
    static const unsigned char names[] = {NAME_context, NAME_attributes};
    PyObject *taken[2];
    PyObject *header;
    PyObject *owner = NULL;
    PyObject *result = NULL;
    spr_link link;
    if (native_take(SELF->state, names, 2, 1, arguments, given, keywords, taken) < 0) return NULL;
    memset(&link, 0, sizeof(link));
    if (native_from_span_context(SELF->state, taken[0], &link.context, &header) == 0 &&
        (header == NULL || native_text(header, &owner, &link.trace_state, &link.trace_state_size) == 0)) {
        result = say(self, taken[1], said_link, &link);
    }
    Py_XDECREF(owner);
    Py_XDECREF(header);
    return result;
}

static PyObject *update_name(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *keywords) {
    static const unsigned char names[] = {NAME_name};
    PyObject *taken[1];
    PyObject *owner;
    const char *name;
    size_t size;
    if (native_take(SELF->state, names, 1, 1, arguments, given, keywords, taken) < 0) return NULL;
    if (native_text(taken[0], &owner, &name, &size) < 0) return NULL;
    PyObject *before = NULL;
    SPR_LOCKED(self);
    if (spr_span_set_name(&SELF->span, name, size) == 0 && spr_span_is_recording(&SELF->span)) {
        before = SELF->name;
        Py_INCREF(taken[0]);
        SELF->name = taken[0];
    }
    SPR_UNLOCKED();
    Py_XDECREF(before);
    Py_DECREF(owner);
    Py_RETURN_NONE;
}

/* Returns SPR_STATUS_UNSET for what is no status: it changes nothing. */
static int code_of(native_state *state, PyObject *code) {
    for (int i = SPR_STATUS_OK; i <= SPR_STATUS_ERROR; i++) {
        if (code == state->status_codes[i]) return i;
    }
    return SPR_STATUS_UNSET;
}

static PyObject *set_status(PyObject *self, PyObject *const *arguments, Py_ssize_t given, PyObject *keywords) {
    static const unsigned char names[] = {NAME_status, NAME_description};
    PyObject *taken[2];
    if (native_take(SELF->state, names, 2, 1, arguments, given, keywords, taken) < 0) return NULL;
    PyObject *code = taken[0];
    PyObject *description = taken[1];
    const int is_status = PyObject_IsInstance(code, SELF->state->status);
    if (is_status < 0) return NULL;
    if (is_status) { /* it has its own description */
        code = PyObject_GetAttrString(taken[0], "status_code");
        description = code == NULL ? NULL : PyObject_GetAttrString(taken[0], "description");
        if (description == NULL) {
            Py_XDECREF(code);
            return NULL;
        }
    } else {
        Py_INCREF(code);
        Py_XINCREF(description);
    }
    PyObject *owner = NULL;
    const char *text = NULL;
    size_t size = 0;
    int result = 0;
    if (description != NULL && description != Py_None) result = native_text(description, &owner, &text, &size);
    if (result == 0) {
        SPR_LOCKED(self);
        spr_span_set_status(&SELF->span, code_of(SELF->state, code), text, size);
        SPR_UNLOCKED();
    }
    Py_XDECREF(owner);
    Py_XDECREF(description);
    Py_DECREF(code);
    if (result < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *enter(PyObject *self, PyObject *none) {
    (void)none;
    Py_INCREF(self);
    return self;
}

/* `with tracer.start_span(...)`. */
static PyObject *leave(PyObject *self, PyObject *const *arguments, Py_ssize_t given) {
    PyObject *done = NULL;
    if (given > 1 && arguments[1] != Py_None) {
        done = PyObject_CallMethod(self, "_failed", "OOOO", arguments[1], SELF->record_exception ? Py_True : Py_False,
                                   SELF->set_status_on_exception ? Py_True : Py_False, Py_True);
        if (done == NULL) return NULL;
        Py_DECREF(done);
    }
    done = PyObject_CallMethod(self, "end", NULL);
    return done;
}

static PyObject *get_name(PyObject *self, void *none) {
    (void)none;
    PyObject *name;
    SPR_LOCKED(self);
    name = SELF->name == NULL ? Py_None : SELF->name; /* the collector was here */
    Py_INCREF(name);
    SPR_UNLOCKED();
    return name;
}

static PyObject *get_kind(PyObject *self, void *none) {
    (void)none;
    Py_INCREF(SELF->kind);
    return SELF->kind;
}

static int traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(SELF->name);
    Py_VISIT(SELF->kind);
    Py_VISIT(SELF->context);
    return 0;
}

/* The kind and the context never change, so no cycle has them alone. */
static int clear(PyObject *self) {
    Py_CLEAR(SELF->name);
    return 0;
}

/* One that nobody ended ends here: it would hold its slot for as long as the process lives. */
static void dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (SELF->span.handle != 0) spr_span_end(&SELF->span);
    Py_XDECREF(SELF->name);
    Py_XDECREF(SELF->kind);
    Py_XDECREF(SELF->header);
    Py_XDECREF(SELF->context);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"end", WITH_KEYWORDS(end), "Ends it, now or at end_time; what is called afterwards does nothing."},
    {"is_recording", is_recording, METH_NOARGS, "Whether it is open, and recorded."},
    {"get_span_context", get_span_context, METH_NOARGS, "Its SpanContext."},
    {"set_attribute", WITH_KEYWORDS(set_attribute), "Sets one attribute."},
    {"set_attributes", WITH_KEYWORDS(set_attributes), "Sets those of a mapping."},
    {"add_event", WITH_KEYWORDS(add_event), "Adds an event, of now or of timestamp."},
    {"add_link", WITH_KEYWORDS(add_link), "Adds a link to the span of another context."},
    {"update_name", WITH_KEYWORDS(update_name), "Gives it another name."},
    {"set_status", WITH_KEYWORDS(set_status), "Sets its status: OK is final, UNSET changes nothing."},
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))leave, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef members[] = {
    {"name", get_name, NULL, "Its name.", NULL},
    {"kind", get_kind, NULL, "Its SpanKind.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_traverse, traverse}, {Py_tp_clear, clear},
    {Py_tp_methods, methods}, {Py_tp_getset, members},    {0, NULL},
};

static PyType_Spec spec = {
    "spanring._native.SpanBase", sizeof(span_object), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

PyTypeObject *native_make_span(PyObject *module) {
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}
