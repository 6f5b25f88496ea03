/* Threads that Python has never seen come and go by views, guards and PyGILState, also while the interpreter and the runtime end. */
#include "host.h"

static atomic_long visits, refused, stop;

static void *visitor(void *p)
{
    PyInterpreterView *view = p;
    while (!atomic_load(&stop)) {
        PyThreadStateToken *token = PyThreadState_EnsureFromView(view);
        if (!token) {
            atomic_fetch_add(&refused, 1);
            break;
        }
        CHECK(PyInterpreterState_GetID(PyThreadState_Get()->interp) == PyInterpreterView_GetID(view));
        PyObject *text = PyUnicode_FromFormat("%d visits", 1);
        CHECK(text);
        Py_DECREF(text);
        PyThreadState_Release(token);
        atomic_fetch_add(&visits, 1);
    }
    PyInterpreterView_Close(view);
    return NULL;
}

static atomic_long guarded_done;
static void *late(void *p)
{
    PyInterpreterGuard *guard = p;
    nap(0.1);
    /* The end waits for the guard, so this works although Py_FinalizeEx() has been called. */
    PyThreadStateToken *token = PyThreadState_Ensure(guard);
    CHECK(token);
    CHECK(PyRun_SimpleString("assert sum(range(10)) == 45") == 0);
    PyThreadState_Release(token);
    atomic_fetch_add(&guarded_done, 1);
    PyInterpreterGuard_Close(guard);
    return NULL;
}

static void *gilstate(void *p)
{
    (void)p;
    for (int i = 0; i < 300; ++i) {
        PyGILState_STATE state = PyGILState_Ensure();
        CHECK(PyGILState_Check() && PyThreadState_Get()->interp == PyInterpreterState_Main());
        CHECK(PyGILState_GetThisThreadState() == PyThreadState_Get());
        PyObject *o = PyList_New(1);
        Py_DECREF(o);
        PyGILState_Release(state);
        CHECK(!PyGILState_Check());
    }
    return NULL;
}

int main(void)
{
    start();
    PyThreadState *main_state = PyThreadState_Get();
    pthread_t threads[8];
    for (int i = 0; i < 4; ++i)
        CHECK(pthread_create(&threads[i], NULL, gilstate, NULL) == 0);
    for (int i = 0; i < 4; ++i)
        join(threads[i]);

    for (int round = 0; round < 5; ++round) {
        PyThreadState *own;
        int64_t id = own_interpreter(&own);
        atomic_store(&visits, 0);
        atomic_store(&refused, 0);
        for (int i = 0; i < 3; ++i) {
            PyInterpreterView *view = i == 0 ? PyInterpreterView_FromCurrent() : PyInterpreterView_FromID(id);
            CHECK(view);
            CHECK(pthread_create(&threads[i], NULL, visitor, view) == 0);
        }
        CHECK(reached(&visits, 50));
        Py_EndInterpreter(own);
        PyEval_RestoreThread(main_state);
        for (int i = 0; i < 3; ++i)
            join(threads[i]);
        CHECK(atomic_load(&refused) == 3);
        CHECK(PyInterpreterView_FromID(id) == NULL && PyErr_Occurred());
        PyErr_Clear();
    }

    PyInterpreterGuard *guard = PyInterpreterGuard_FromCurrent();
    CHECK(guard && PyInterpreterGuard_GetInterpreter(guard) == main_state->interp);
    PyInterpreterGuard *copy = PyInterpreterGuard_Copy(guard);
    CHECK(copy);
    PyInterpreterGuard_Close(guard);
    CHECK(pthread_create(&threads[0], NULL, late, copy) == 0);
    PyInterpreterView *view = PyInterpreterView_FromMain();
    CHECK(view);
    PyInterpreterView *again = PyInterpreterView_Copy(view);
    atomic_store(&visits, 0);
    atomic_store(&refused, 0);
    CHECK(pthread_create(&threads[1], NULL, visitor, view) == 0);
    CHECK(reached(&visits, 20));
    CHECK(Py_FinalizeEx() == 0);
    CHECK(atomic_load(&guarded_done) == 1);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CHECK(atomic_load(&refused) == 1);
    CHECK(PyThreadState_EnsureFromView(again) == NULL);
    PyInterpreterView_Close(again);
    puts("ok");
    return 0;
}
