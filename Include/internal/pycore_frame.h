/* The fields of a frame object that compiled code reaches by offset. Not for new code. */
#ifndef ATOLL_INTERNAL_PYCORE_FRAME_H
#define ATOLL_INTERNAL_PYCORE_FRAME_H

#include "pystate.h"

#ifdef __cplusplus
extern "C" {
#endif

struct _PyInterpreterFrame;

struct _frame {
    PyObject_HEAD
    PyFrameObject *f_back;
    struct _PyInterpreterFrame *f_frame;
    PyObject *f_trace;
    int f_lineno;
    char f_trace_lines;
    char f_trace_opcodes;
    char f_fast_as_locals;
    PyObject *_f_frame_data[1];
};

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_INTERNAL_PYCORE_FRAME_H */
