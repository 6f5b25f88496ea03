/* A program that embeds Python: configuration, extra built-in modules, running code, a second interpreter. */
#include "Python.h"
#include "marshal.h"

static PyObject *init_extra(void)
{
    static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "extra", NULL, -1, NULL, NULL, NULL, NULL, NULL};
    return PyModule_Create(&def);
}

static int trace(PyObject *Py_UNUSED(op), PyFrameObject *frame, int what, PyObject *Py_UNUSED(arg))
{
    return what == PyTrace_LINE ? PyFrame_GetLineNumber(frame) < 0 : 0;
}

int embedding_main(int argc, char **argv);
int embedding_main(int argc, char **argv)
{
    PyStatus status;
    PyPreConfig preconfig;
    PyConfig config;
    PyPreConfig_InitPythonConfig(&preconfig);
    preconfig.utf8_mode = 1;
    status = Py_PreInitialize(&preconfig);
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
    if (PyImport_AppendInittab("extra", init_extra) < 0)
        return 1;
    PyConfig_InitIsolatedConfig(&config);
    config.isolated = 1;
    status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetString(&config, &config.program_name, L"embedding");
    if (!PyStatus_Exception(status))
        status = PyWideStringList_Append(&config.module_search_paths, L"/nowhere");
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        return status.exitcode;

    PyEval_SetTrace(trace, NULL);
    if (PyRun_SimpleString("import sys; print(sys.version)") < 0)
        return 1;
    PyObject *globals = PyDict_New();
    PyObject *result = PyRun_String("1 + 1", Py_eval_input, globals, globals);
    PyObject *code = Py_CompileString("x = 2", "<text>", Py_file_input);
    if (result == NULL || code == NULL || !PyCode_Check(code) || PyCode_GetNumFree((PyCodeObject *)code))
        PyErr_Print();
    Py_XDECREF(PyMarshal_WriteObjectToString(code, Py_MARSHAL_VERSION));
    Py_XDECREF(PyEval_EvalCode(code, globals, globals));
    Py_XDECREF(code);
    Py_XDECREF(result);
    Py_XDECREF(globals);

    PyThreadState *main_state = PyThreadState_Get();
    PyThreadState *other = Py_NewInterpreter();
    if (other)
        Py_EndInterpreter(other);
    PyThreadState_Swap(main_state);
    return Py_FinalizeEx();
}
