/* Thread states by hand: made, swapped, cleared, deleted; interpreters that share the main lock, and some left for the end. */
#include "host.h"

int main(void)
{
    start();
    PyThreadState *main_state = PyThreadState_Get();
    CHECK(PyRun_SimpleString("x = 'main'") == 0);

    PyThreadState *legacy = Py_NewInterpreter();
    CHECK(legacy && legacy == PyThreadState_Get() && legacy->interp != main_state->interp);
    CHECK(PyRun_SimpleString("x = 'legacy'") == 0);
    PyThreadState *own;
    int64_t id = own_interpreter(&own);
    CHECK(id != PyInterpreterState_GetID(legacy->interp));
    CHECK(PyRun_SimpleString("x = 'own'") == 0);

    PyThreadState *all[] = {main_state, legacy, own};
    const char *names[] = {"main", "legacy", "own"};
    for (int i = 0; i < 300; ++i) {
        char text[64];
        PyThreadState *previous = PyThreadState_Swap(all[i % 3]);
        CHECK(previous == (i == 0 ? own : all[(i + 2) % 3]));
        snprintf(text, sizeof text, "assert x == '%s'", names[i % 3]);
        CHECK(PyRun_SimpleString(text) == 0);
    }
    PyThreadState_Swap(own);
    PyThreadState *second = PyThreadState_New(own->interp);
    CHECK(second && PyThreadState_GetInterpreter(second) == own->interp && PyThreadState_GetID(second) != PyThreadState_GetID(own));
    CHECK(PyThreadState_Swap(second) == own);
    PyObject *dict = PyThreadState_GetDict();
    CHECK(dict && PyDict_SetItemString(dict, "k", Py_None) == 0 && PyThreadState_GetFrame(second) == NULL);
    CHECK(PyRun_SimpleString("assert x == 'own'; import _thread; assert _thread._count() == 0") == 0);
    PyThreadState_Clear(second);
    PyThreadState_DeleteCurrent();
    CHECK(_PyThreadState_UncheckedGet() == NULL);

    PyEval_AcquireThread(legacy);
    Py_EndInterpreter(legacy);
    CHECK(_PyThreadState_UncheckedGet() == NULL);
    PyEval_AcquireThread(main_state);
    CHECK(PyThreadState_SetAsyncExc(12345, PyExc_ValueError) == 0);
    PyEval_ReleaseThread(main_state);
    PyEval_RestoreThread(main_state);

    int n = 0;
    for (PyInterpreterState *i = PyInterpreterState_Head(); i; i = PyInterpreterState_Next(i))
        ++n;
    CHECK(n == 2);
    /* `own` is still there: it ends with the runtime. */
    CHECK(Py_FinalizeEx() == 0);
    puts("ok");
    return 0;
}
