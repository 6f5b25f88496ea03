/* The datetime module's C interface. */
#include "Python.h"
#include "datetime.h"

static PyObject *shift(PyObject *op)
{
    if (PyDateTime_Check(op)) {
        PyObject *zone = PyDateTime_DATE_GET_TZINFO(op);
        if (PyTZInfo_Check(zone) || PyDateTime_DATE_GET_FOLD(op))
            return PyTimeZone_FromOffset(zone);
        return PyDateTime_FromDateAndTimeAndFold(PyDateTime_GET_YEAR(op), PyDateTime_GET_MONTH(op), PyDateTime_GET_DAY(op),
                                                 PyDateTime_DATE_GET_HOUR(op), PyDateTime_DATE_GET_MINUTE(op),
                                                 PyDateTime_DATE_GET_SECOND(op), PyDateTime_DATE_GET_MICROSECOND(op), 0);
    }
    if (PyDate_CheckExact(op))
        return PyDate_FromDate(PyDateTime_GET_YEAR(op), PyDateTime_GET_MONTH(op), PyDateTime_GET_DAY(op));
    if (PyTime_Check(op))
        return PyTime_FromTimeAndFold(PyDateTime_TIME_GET_HOUR(op), PyDateTime_TIME_GET_MINUTE(op),
                                      PyDateTime_TIME_GET_SECOND(op), PyDateTime_TIME_GET_MICROSECOND(op),
                                      PyDateTime_TIME_GET_FOLD(op));
    if (PyDelta_Check(op))
        return PyDelta_FromDSU(PyDateTime_DELTA_GET_DAYS(op), PyDateTime_DELTA_GET_SECONDS(op),
                               PyDateTime_DELTA_GET_MICROSECONDS(op));
    if (PyTuple_Check(op))
        return PyTuple_GET_SIZE(op) > 1 ? PyDateTime_FromTimestamp(op) : PyDate_FromTimestamp(op);
    return Py_NewRef(PyDateTime_TimeZone_UTC);
}

int dates_start(PyObject *module);
int dates_start(PyObject *module)
{
    PyDateTime_IMPORT;
    if (!PyDateTimeAPI)
        return -1;
    static PyMethodDef shift_def = {"shift", NULL, METH_O, NULL};
    shift_def.ml_meth = (PyCFunction)(void (*)(void))shift;
    return PyModule_AddObject(module, "shift", PyCFunction_New(&shift_def, NULL));
}
