/* Two interpreters with locks of their own run at the same time, each in its own thread. */
#include "host.h"

static atomic_long inside, met;

static PyObject *meet(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    /* Both hold their locks here: with one lock they would wait for each other in vain. */
    atomic_fetch_add(&inside, 1);
    for (double end = now() + 20; atomic_load(&inside) < 2 && now() < end;)
        ;
    if (atomic_load(&inside) >= 2)
        atomic_fetch_add(&met, 1);
    Py_RETURN_NONE;
}
static PyMethodDef meet_def = {"meet", meet, METH_NOARGS, NULL};

static void *work(void *p)
{
    PyThreadState *ts = p;
    PyEval_RestoreThread(ts);
    PyObject *main_dict = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *function = PyCFunction_New(&meet_def, NULL);
    CHECK(function && PyDict_SetItemString(main_dict, "meet", function) == 0);
    Py_DECREF(function);
    CHECK(PyRun_SimpleString("meet()\n"
                             "class C(int): pass\n"
                             "total = 0\n"
                             "for i in range(300000):\n"
                             "    d = {'a': None, 'b': True}\n"
                             "    if isinstance(i, int) and d['b'] is True: total += C(1)\n"
                             "assert total == 300000\n"
                             "assert [c.__name__ for c in int.__subclasses__()].count('C') == 1\n") == 0);
    Py_EndInterpreter(ts);
    return NULL;
}

int main(void)
{
    start();
    PyThreadState *main_state = PyThreadState_Get();
    PyThreadState *states[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; ++i) {
        own_interpreter(&states[i]);
        PyThreadState_Swap(main_state);
    }
    for (int i = 0; i < 2; ++i)
        CHECK(pthread_create(&threads[i], NULL, work, states[i]) == 0);
    join(threads[0]);
    join(threads[1]);
    CHECK(atomic_load(&met) == 2);
    CHECK(PyRun_SimpleString("assert 'C' not in [c.__name__ for c in int.__subclasses__()]") == 0);
    CHECK(Py_FinalizeEx() == 0);
    puts("ok");
    return 0;
}
