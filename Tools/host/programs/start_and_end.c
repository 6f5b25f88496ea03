/* Configuration, a module of the host's own, running code, exit functions, and a second start after the end. */
#include "host.h"

static int exits;
static void at_exit(void)
{
    ++exits;
}

static PyObject *answer(PyObject *self, PyObject *args)
{
    (void)self;
    int n;
    if (!PyArg_ParseTuple(args, "i", &n))
        return NULL;
    return PyLong_FromLong(42 + n);
}
static PyMethodDef methods[] = {{"answer", answer, METH_VARARGS, "The answer, and more."}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "hostmodule", NULL, 0, methods, slots, NULL, NULL, NULL};
static PyObject *init_host(void)
{
    return PyModuleDef_Init(&definition);
}

static void once(int round)
{
    char *argv[] = {(char *)"the-host", (char *)"one", (char *)"two"};
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.use_environment = 0;
    config.optimization_level = round;
    config.use_hash_seed = 1;
    config.hash_seed = 7;
    CHECK(!PyStatus_Exception(PyConfig_SetBytesArgv(&config, 3, argv)));
    CHECK(!PyStatus_Exception(PyConfig_SetString(&config, &config.program_name, L"the-host")));
    CHECK(!PyStatus_Exception(PyWideStringList_Append(&config.xoptions, L"greeting=hello")));
    CHECK(!PyStatus_Exception(Py_InitializeFromConfig(&config)));
    PyConfig_Clear(&config);
    CHECK(Py_IsInitialized());
    CHECK(Py_AtExit(at_exit) == 0);
    CHECK(PyRun_SimpleString("import sys, hostmodule\n"
                             "assert hostmodule.answer(1) == 43\n"
                             "assert 'hostmodule' in sys.builtin_module_names\n"
                             "assert sys.argv == ['the-host', 'one', 'two'], sys.argv\n"
                             "assert sys._xoptions['greeting'] == 'hello'\n") == 0);
    PyObject *optimize = PyRun_String("sys.flags.optimize", Py_eval_input, PyModule_GetDict(PyImport_AddModule("__main__")),
                                      PyModule_GetDict(PyImport_AddModule("__main__")));
    CHECK(optimize && PyLong_AsLong(optimize) == round);
    Py_DECREF(optimize);
    CHECK(Py_FinalizeEx() == 0);
    CHECK(!Py_IsInitialized());
    CHECK(Py_FinalizeEx() == 0);
}

int main(void)
{
    CHECK(!Py_IsInitialized());
    CHECK(PyImport_AppendInittab("hostmodule", init_host) == 0);
    once(0);
    CHECK(exits == 1);
    once(1);
    CHECK(exits == 2);

    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    char *words[] = {(char *)"python", (char *)"-c", (char *)"import sys; sys.exit(len(sys.argv))", (char *)"x"};
    CHECK(!PyStatus_Exception(PyConfig_SetBytesArgv(&config, 4, words)));
    CHECK(!PyStatus_Exception(Py_InitializeFromConfig(&config)));
    PyConfig_Clear(&config);
    CHECK(Py_RunMain() == 2);

    Py_Initialize();
    Py_Initialize();
    CHECK(PyRun_SimpleString("import json; assert json.loads('[1]') == [1]") == 0);
    Py_Finalize();
    puts("ok");
    return 0;
}
