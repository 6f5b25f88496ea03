/* The datetime module's C interface. */
#include "Python.h"
#include "datetime.h"

/* Makes an equal object out of the fields of one. */
static PyObject *rebuild(PyObject *Py_UNUSED(self), PyObject *op)
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

static PyMethodDef methods[] = {{"rebuild", rebuild, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "dates", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_dates(void)
{
    PyDateTime_IMPORT;
    return PyDateTimeAPI ? PyModule_Create(&module_def) : NULL;
}
