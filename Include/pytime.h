/* Time stamps in nanoseconds. */
#ifndef ATOLL_PYTIME_H
#define ATOLL_PYTIME_H

#include "pytypedefs.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef Py_LIMITED_API
typedef int64_t _PyTime_t;
#define _SIZEOF_PYTIME_T 8
#define _PyTime_MIN INT64_MIN
#define _PyTime_MAX INT64_MAX

typedef enum {
    _PyTime_ROUND_FLOOR = 0,
    _PyTime_ROUND_CEILING = 1,
    _PyTime_ROUND_HALF_EVEN = 2,
    _PyTime_ROUND_UP = 3,
    _PyTime_ROUND_TIMEOUT = _PyTime_ROUND_UP
} _PyTime_round_t;

typedef struct {
    const char *implementation;
    int monotonic;
    int adjustable;
    double resolution;
} _Py_clock_info_t;
#endif

#ifndef Py_LIMITED_API
PyAPI_FUNC(_PyTime_t) _PyDeadline_Get(_PyTime_t);
PyAPI_FUNC(_PyTime_t) _PyDeadline_Init(_PyTime_t);
PyAPI_FUNC(time_t) _PyLong_AsTime_t(PyObject *);
PyAPI_FUNC(PyObject *) _PyLong_FromTime_t(time_t);
PyAPI_FUNC(_PyTime_t) _PyTime_Add(_PyTime_t, _PyTime_t);
PyAPI_FUNC(_PyTime_t) _PyTime_AsMicroseconds(_PyTime_t, _PyTime_round_t);
PyAPI_FUNC(_PyTime_t) _PyTime_AsMilliseconds(_PyTime_t, _PyTime_round_t);
PyAPI_FUNC(_PyTime_t) _PyTime_AsNanoseconds(_PyTime_t);
PyAPI_FUNC(PyObject *) _PyTime_AsNanosecondsObject(_PyTime_t);
PyAPI_FUNC(double) _PyTime_AsSecondsDouble(_PyTime_t);
PyAPI_FUNC(int) _PyTime_AsTimespec(_PyTime_t, struct timespec *);
PyAPI_FUNC(void) _PyTime_AsTimespec_clamp(_PyTime_t, struct timespec *);
PyAPI_FUNC(int) _PyTime_AsTimeval(_PyTime_t, struct timeval *, _PyTime_round_t);
PyAPI_FUNC(void) _PyTime_AsTimeval_clamp(_PyTime_t, struct timeval *, _PyTime_round_t);
PyAPI_FUNC(int) _PyTime_AsTimevalTime_t(_PyTime_t, time_t *, int *, _PyTime_round_t);
PyAPI_FUNC(int) _PyTime_FromMillisecondsObject(_PyTime_t *, PyObject *, _PyTime_round_t);
PyAPI_FUNC(_PyTime_t) _PyTime_FromNanoseconds(_PyTime_t);
PyAPI_FUNC(int) _PyTime_FromNanosecondsObject(_PyTime_t *, PyObject *);
PyAPI_FUNC(_PyTime_t) _PyTime_FromSeconds(int);
PyAPI_FUNC(int) _PyTime_FromSecondsObject(_PyTime_t *, PyObject *, _PyTime_round_t);
PyAPI_FUNC(int) _PyTime_FromTimespec(_PyTime_t *, struct timespec *);
PyAPI_FUNC(int) _PyTime_FromTimeval(_PyTime_t *, struct timeval *);
PyAPI_FUNC(_PyTime_t) _PyTime_GetMonotonicClock(void);
PyAPI_FUNC(int) _PyTime_GetMonotonicClockWithInfo(_PyTime_t *, _Py_clock_info_t *);
PyAPI_FUNC(_PyTime_t) _PyTime_GetPerfCounter(void);
PyAPI_FUNC(int) _PyTime_GetPerfCounterWithInfo(_PyTime_t *, _Py_clock_info_t *);
PyAPI_FUNC(_PyTime_t) _PyTime_GetSystemClock(void);
PyAPI_FUNC(int) _PyTime_GetSystemClockWithInfo(_PyTime_t *, _Py_clock_info_t *);
PyAPI_FUNC(int) _PyTime_gmtime(time_t, struct tm *);
PyAPI_FUNC(int) _PyTime_localtime(time_t, struct tm *);
PyAPI_FUNC(_PyTime_t) _PyTime_MulDiv(_PyTime_t, _PyTime_t, _PyTime_t);
PyAPI_FUNC(int) _PyTime_ObjectToTime_t(PyObject *, time_t *, _PyTime_round_t);
PyAPI_FUNC(int) _PyTime_ObjectToTimespec(PyObject *, time_t *, long *, _PyTime_round_t);
PyAPI_FUNC(int) _PyTime_ObjectToTimeval(PyObject *, time_t *, long *, _PyTime_round_t);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PYTIME_H */
