/* What the programs share. */
#ifndef HOST_H
#define HOST_H

#include <Python.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHECK(cond) \
    do { \
        if (!(cond)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            if (_PyThreadState_UncheckedGet() && PyErr_Occurred()) \
                PyErr_Print(); \
            exit(1); \
        } \
    } while (0)

static inline void start(void)
{
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    PyStatus status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    CHECK(!PyStatus_Exception(status));
}

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void nap(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

/* Waits, detached, until the counter has come so far; 0 when it has not after ten seconds. */
static inline int reached(atomic_long *counter, long wanted)
{
    PyThreadState *saved = _PyThreadState_UncheckedGet() ? PyEval_SaveThread() : NULL;
    for (double end = now() + 10; atomic_load(counter) < wanted && now() < end;)
        nap(0.0005);
    if (saved)
        PyEval_RestoreThread(saved);
    return atomic_load(counter) >= wanted;
}

static inline void join(pthread_t thread)
{
    PyThreadState *saved = _PyThreadState_UncheckedGet() ? PyEval_SaveThread() : NULL;
    pthread_join(thread, NULL);
    if (saved)
        PyEval_RestoreThread(saved);
}

static inline int64_t own_interpreter(PyThreadState **state)
{
    PyInterpreterConfig config = _PyInterpreterConfig_INIT;
    PyStatus status = Py_NewInterpreterFromConfig(state, &config);
    CHECK(!PyStatus_Exception(status) && *state == PyThreadState_Get());
    return PyInterpreterState_GetID((*state)->interp);
}

#endif
