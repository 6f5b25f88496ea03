/* Numbers to and from C strings. */
#ifndef ATOLL_PYSTRTOD_H
#define ATOLL_PYSTRTOD_H

#include "pytypedefs.h"

#ifdef __cplusplus
extern "C" {
#endif

PyAPI_FUNC(char *) PyOS_double_to_string(double val, char format_code, int precision, int flags, int *ptype);
PyAPI_FUNC(double) PyOS_string_to_double(const char *s, char **endptr, PyObject *overflow_exception);

#ifndef Py_LIMITED_API
PyAPI_FUNC(double) _Py_parse_inf_or_nan(const char *, char **);
PyAPI_FUNC(PyObject *) _Py_string_to_number_with_underscores(const char *, Py_ssize_t, const char *, PyObject *,
    void *, PyObject *(*)(const char *, Py_ssize_t, void *));
#endif

/* Flags of PyOS_double_to_string, and the kinds of numbers it reports. */
#define Py_DTSF_SIGN 0x01
#define Py_DTSF_ADD_DOT_0 0x02
#define Py_DTSF_ALT 0x04
#define Py_DTSF_NO_NEG_0 0x08
#define Py_DTST_FINITE 0
#define Py_DTST_INFINITE 1
#define Py_DTST_NAN 2

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PYSTRTOD_H */
