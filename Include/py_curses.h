/* What _curses offers to other modules in its capsule. */
#ifndef ATOLL_PY_CURSES_H
#define ATOLL_PY_CURSES_H

#include "Python.h"

#include <ncurses.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PyCurses_API_pointers 4
#define PyCurses_CAPSULE_NAME "_curses._C_API"

typedef struct {
    PyObject_HEAD
    WINDOW *win;
    char *encoding;
} PyCursesWindowObject;

#define PyCursesWindow_Check(op) Py_IS_TYPE((op), &PyCursesWindow_Type)

#ifndef CURSES_MODULE
/* The table of pointers: the window type, then checks that setupterm(), initscr() and start_color() have run. */
static void **PyCurses_API __attribute__((unused));

#define PyCursesWindow_Type (*(PyTypeObject *)PyCurses_API[0])
#define PyCursesSetupTermCalled                            \
    {                                                      \
        if (!((int (*)(void))PyCurses_API[1])())           \
            return NULL;                                   \
    }
#define PyCursesInitialised                                \
    {                                                      \
        if (!((int (*)(void))PyCurses_API[2])())           \
            return NULL;                                   \
    }
#define PyCursesInitialisedColor                           \
    {                                                      \
        if (!((int (*)(void))PyCurses_API[3])())           \
            return NULL;                                   \
    }
#define import_curses() (PyCurses_API = (void **)PyCapsule_Import(PyCurses_CAPSULE_NAME, 1))
#endif

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_PY_CURSES_H */
