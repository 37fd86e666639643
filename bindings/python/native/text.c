/* SPDX-License-Identifier: Apache-2.0 */
#include "native.h"

/* One that is no UTF-8 (a lone surrogate) has '?' in its place, as the library has it for bytes. */
int native_text(PyObject *object, PyObject **ret_owner, const char **ret_data, size_t *ret_size) {
    Py_ssize_t size;
    PyObject *text = object;
    if (PyUnicode_Check(object)) {
        Py_INCREF(text);
    } else if ((text = PyObject_Str(object)) == NULL) {
        return -1;
    }
    const char *data = PyUnicode_AsUTF8AndSize(text, &size);
    if (data == NULL) {
        PyErr_Clear();
        PyObject *encoded = PyUnicode_AsEncodedString(text, "utf-8", "replace");
        Py_DECREF(text);
        if (encoded == NULL) return -1;
        text = encoded;
        data = PyBytes_AsString(encoded);
        size = PyBytes_Size(encoded);
    }
    *ret_owner = text;
    *ret_data = data;
    *ret_size = (size_t)size;
    return 0;
}

uint64_t native_time(PyObject *object) {
    if (object == NULL || object == Py_None) return 0;
    PyObject *number = PyNumber_Long(object); /* some give a float */
    const unsigned long long time = number == NULL ? 0 : PyLong_AsUnsignedLongLong(number);
    Py_XDECREF(number);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return time;
}
