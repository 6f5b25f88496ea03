/* The inline counting operations, run without an interpreter: the deallocator is the one below. */
#include "Python.h"

static int freed;

#ifdef __cplusplus
extern "C"
#endif
void _Py_Dealloc(PyObject *op)
{
    freed += op->ob_refcnt == 0;
}

static int failures;
#define CHECK(condition) ((condition) ? (void)0 : (void)(failures++, printf("line %d: %s\n", __LINE__, #condition)))

static PyObject make(Py_ssize_t count)
{
    PyObject op;
    op.ob_refcnt = count;
    op.ob_type = NULL;
    return op;
}

int main(void)
{
    static const Py_ssize_t immortal[] = {ATOLL_IMMORTAL_REFCNT, ATOLL_IMMORTAL_REFCNT + 12345, ATOLL_IMMORTAL_REFCNT - 12345,
                                          (Py_ssize_t)1 << ATOLL_IMMORTAL_SHIFT, PY_SSIZE_T_MAX, -1};
    static const Py_ssize_t mortal[] = {1, 2, 100, 0xfffffffe};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(immortal); i++) {
        PyObject op = make(immortal[i]);
        CHECK(_Py_IsImmortal(&op));
        Py_INCREF(&op);
        Py_XINCREF(&op);
        CHECK(op.ob_refcnt == immortal[i]);
        Py_DECREF(&op);
        Py_XDECREF(&op);
        CHECK(Py_NewRef(&op) == &op && Py_XNewRef(&op) == &op);
        Py_SET_REFCNT(&op, 1);
        CHECK(Py_REFCNT(&op) == immortal[i]);
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(mortal); i++) {
        PyObject op = make(mortal[i]);
        CHECK(!_Py_IsImmortal(&op));
        Py_INCREF(&op);
        CHECK(op.ob_refcnt == mortal[i] + 1);
        if (mortal[i] == 0xfffffffe) {
            CHECK(!_Py_IsImmortal(&op));        /* the last count that is still mortal */
            continue;
        }
        Py_DECREF(&op);
        CHECK(op.ob_refcnt == mortal[i] && !freed);
        Py_SET_REFCNT(&op, 1);
        Py_DECREF(&op);
        CHECK(freed == 1 && op.ob_refcnt == 0);
        freed = 0;
    }
    PyObject first = make(1), second = make(5);
    PyObject *variable = &first;
    Py_SETREF(variable, &second);
    CHECK(freed == 1 && variable == &second);
    Py_CLEAR(variable);
    CHECK(variable == NULL && second.ob_refcnt == 4);
    Py_CLEAR(variable);
    Py_XSETREF(variable, &second);
    Py_XDECREF((PyObject *)NULL);
    Py_XINCREF((PyObject *)NULL);
    CHECK(Py_XNewRef(NULL) == NULL && variable == &second && freed == 1);
    return failures != 0;
}
