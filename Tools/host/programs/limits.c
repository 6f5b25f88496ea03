/* Figures of an interpreter, its limits, and interrupting it, from another thread. */
#include "host.h"

static atomic_long started;
static char raised[2][64];
static int64_t id;
static const char *texts[2];

static void *run(void *p)
{
    int which = (int)(intptr_t)p;
    PyInterpreterScope scope;
    CHECK(PyInterpreterScope_Enter(&scope, id) == 0);
    atomic_fetch_add(&started, 1);
    PyObject *d = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *result = PyRun_String(texts[which], Py_file_input, d, d);
    raised[which][0] = 0;
    if (!result) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        snprintf(raised[which], sizeof raised[which], "%s", ((PyTypeObject *)type)->tp_name);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    Py_XDECREF(result);
    PyInterpreterScope_Leave(&scope);
    return NULL;
}

static PyInterpreterFigures figures(void)
{
    PyInterpreterFigures f = {.size = sizeof f};
    CHECK(PyInterpreter_GetFigures(id, &f) == 0);
    return f;
}

int main(void)
{
    start();
    PyThreadState *main_state = PyThreadState_Get(), *own;
    id = own_interpreter(&own);
    PyThreadState_Swap(main_state);
    PyInterpreterFigures before = figures();
    CHECK(before.memory_blocks > 0 && before.memory_bytes >= 16 * before.memory_blocks);
    CHECK(before.memory_limit == 0 && !before.running && before.threads == 1);

    pthread_t thread;
    const char *busy[] = {"while True: pass", "import time\ntime.sleep(30)", "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()"};
    for (int i = 0; i < 3; ++i) {
        texts[0] = busy[i];
        atomic_store(&started, 0);
        CHECK(pthread_create(&thread, NULL, run, (void *)0) == 0);
        CHECK(reached(&started, 1));
        nap(0.05);
        double begin = now();
        CHECK(PyInterpreter_Interrupt(id) == 1);
        join(thread);
        CHECK(strcmp(raised[0], "KeyboardInterrupt") == 0);
        CHECK(now() - begin < 5);
    }
    CHECK(PyInterpreter_Interrupt(id) == 0);
    CHECK(PyInterpreter_Interrupt(1 << 30) == -1 && PyErr_Occurred());
    PyErr_Clear();

    CHECK(PyInterpreter_SetMemoryLimit(id, figures().memory_reserved + (4 << 20)) == 0);
    texts[0] = "kept = []\nwhile True: kept.append(bytes(10000))";
    CHECK(pthread_create(&thread, NULL, run, (void *)0) == 0);
    join(thread);
    CHECK(strcmp(raised[0], "MemoryError") == 0);
    PyObject *big = PyBytes_FromStringAndSize(NULL, 64 << 20);
    CHECK(big);
    Py_DECREF(big);
    CHECK(PyInterpreter_SetMemoryLimit(id, 0) == 0);

    CHECK(PyInterpreter_SetProcessorTimeLimit(id, 30 * 1000 * 1000) == 0);
    texts[0] = "while True: pass";
    CHECK(pthread_create(&thread, NULL, run, (void *)0) == 0);
    join(thread);
    CHECK(strcmp(raised[0], "TimeoutError") == 0);
    CHECK(figures().cpu_ns >= 30 * 1000 * 1000);
    CHECK(PyInterpreter_SetProcessorTimeLimit(id, 0) == 0);

    PyInterpreterFigures after = figures();
    CHECK(after.lock_held_ns > before.lock_held_ns + 30 * 1000 * 1000 && after.lock_taken > before.lock_taken);
    PyThreadState_Swap(own);
    Py_EndInterpreter(own);
    PyEval_RestoreThread(main_state);
    PyInterpreterFigures gone = {.size = sizeof gone};
    CHECK(PyInterpreter_GetFigures(id, &gone) == -1 && PyErr_Occurred());
    PyErr_Clear();
    CHECK(Py_FinalizeEx() == 0);
    puts("ok");
    return 0;
}
