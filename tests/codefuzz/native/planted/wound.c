/* An extension with one fault of each kind. wound(name, data): what is planted under that name; the fault shows behind
   a magic that coverage finds from nothing. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

static int magic(const unsigned char *data, Py_ssize_t size) {
    if (size < 3) return 0;
    if (data[0] != 'W') return 0;
    if (data[1] != '!') return 0;
    return 1;
}

static char *volatile seen;  /* what lies there is not for the compiler to leave out */

static int heap(const unsigned char *data, Py_ssize_t size) {
    char *row = malloc(8);
    memset(row, 0, 8);
    for (int at = 0; at < data[2] % 32; at++) row[at] = (char)data[size - 1];  /* a row has 8 */
    int first = row[0];
    free(row);
    return first;
}

static int stack(const unsigned char *data, Py_ssize_t size) {
    volatile char line[8];
    for (int at = 0; at < data[2] % 32; at++) line[at] = (char)data[size - 1];  /* a line has 8 */
    return line[0];
}

static int table[4] = {1, 2, 3, 4};
static int global(const unsigned char *data, Py_ssize_t size) { return table[data[2] % 8]; }  /* a table has 4 */

static int after_free(const unsigned char *data, Py_ssize_t size) {
    volatile char *page = malloc(16);
    page[0] = (char)data[2];
    free((void *)page);
    return data[2] > 64 ? page[0] : 0;
}

static int twice(const unsigned char *data, Py_ssize_t size) {
    seen = malloc(16);
    seen[0] = (char)data[2];
    free(seen);
    if (data[2] > 64) free(seen);
    return 0;
}

static int nothing(const unsigned char *data, Py_ssize_t size) {
    volatile int *place = data[2] > 64 ? NULL : table;
    return *place;
}

static int leak(const unsigned char *data, Py_ssize_t size) {
    seen = malloc(1 << 20);
    memset(seen, data[2], 1 << 20);
    if (data[2] <= 64) free(seen);
    return 0;
}

static int sum(const unsigned char *data, Py_ssize_t size) {
    int large = 0x7fffff00;
    return large + data[2] * 2;  /* signed */
}

static int shift(const unsigned char *data, Py_ssize_t size) { return 1 << data[2]; }

static const struct { const char *name; int (*run)(const unsigned char *, Py_ssize_t); } FAULTS[] = {
    {"heap", heap}, {"stack", stack}, {"global", global}, {"after_free", after_free}, {"twice", twice},
    {"nothing", nothing}, {"leak", leak}, {"sum", sum}, {"shift", shift}, {NULL, NULL},
};

static PyObject *wound(PyObject *self, PyObject *arguments) {
    const char *name, *data;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "sy#", &name, &data, &size)) return NULL;
    if (!magic((const unsigned char *)data, size)) Py_RETURN_NONE;
    for (int at = 0; FAULTS[at].name; at++)
        if (!strcmp(FAULTS[at].name, name)) return PyLong_FromLong(FAULTS[at].run((const unsigned char *)data, size));
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {{"wound", wound, METH_VARARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "wound", "", -1, METHODS};
PyMODINIT_FUNC PyInit_wound(void) { return PyModule_Create(&MODULE); }
