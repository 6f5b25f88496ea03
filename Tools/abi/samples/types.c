/* Extension code as people write it: a static type with members, computed attributes, collector support and
   operators, a heap type from a spec, and a module in two phases. Only compiled, never run. */
#include "Python.h"
#include "structmember.h"

typedef struct {
    PyObject_HEAD
    PyObject *first;
    PyObject *dict;
    PyObject *weakrefs;
    int count;
    double weight;
    char name[16];
} Thing;

/* Filled when the module is executed. */
static PyTypeObject Thing_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    "sample.Thing",
    sizeof(Thing),
};

static int Thing_traverse(Thing *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->first);
    Py_VISIT(self->dict);
    return 0;
}

static int Thing_clear(Thing *self)
{
    Py_CLEAR(self->first);
    Py_CLEAR(self->dict);
    return 0;
}

static void Thing_dealloc(Thing *self)
{
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, Thing_dealloc)
    if (self->weakrefs)
        PyObject_ClearWeakRefs((PyObject *)self);
    Thing_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
    Py_TRASHCAN_END
}

static PyObject *Thing_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"first", "count", NULL};
    PyObject *first = Py_None;
    int count = 0;
    Thing *self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Oi:Thing", (char **)names, &first, &count))
        return NULL;
    self = (Thing *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->first = Py_NewRef(first);
    self->count = count;
    return (PyObject *)self;
}

static PyObject *Thing_repr(Thing *self)
{
    return PyUnicode_FromFormat("<Thing %d %R at %p>", self->count, self->first, self);
}

static PyObject *Thing_richcompare(PyObject *left, PyObject *right, int op)
{
    if (!PyObject_TypeCheck(left, &Thing_Type) || !PyObject_TypeCheck(right, &Thing_Type))
        Py_RETURN_NOTIMPLEMENTED;
    Py_RETURN_RICHCOMPARE(((Thing *)left)->count, ((Thing *)right)->count, op);
}

static PyObject *Thing_add(PyObject *left, PyObject *right)
{
    if (!PyObject_TypeCheck(left, &Thing_Type) || !PyLong_Check(right))
        Py_RETURN_NOTIMPLEMENTED;
    long more = PyLong_AsLong(right);
    if (more == -1 && PyErr_Occurred())
        return NULL;
    return PyObject_CallFunction((PyObject *)Py_TYPE(left), "Oi", ((Thing *)left)->first,
                                 (int)(((Thing *)left)->count + more));
}

static int Thing_bool(PyObject *self) { return ((Thing *)self)->count != 0; }
static Py_ssize_t Thing_length(PyObject *self) { return ((Thing *)self)->count; }

static PyObject *Thing_item(PyObject *self, Py_ssize_t index)
{
    if (index < 0 || index >= ((Thing *)self)->count) {
        PyErr_SetString(PyExc_IndexError, "no such item");
        return NULL;
    }
    return PyLong_FromSsize_t(index);
}

static PyObject *Thing_get_first(Thing *self, void *Py_UNUSED(closure)) { return Py_NewRef(self->first); }

static int Thing_set_first(Thing *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "can't delete first");
        return -1;
    }
    Py_INCREF(value);
    Py_XSETREF(self->first, value);
    return 0;
}

static PyObject *Thing_swap(PyObject *self, PyObject *other)
{
    PyObject *old = ((Thing *)self)->first;
    ((Thing *)self)->first = Py_NewRef(other);
    return old;
}

static PyObject *Thing_make(PyTypeObject *type, PyObject *Py_UNUSED(ignored))
{
    return PyObject_CallNoArgs((PyObject *)type);
}

static PyMethodDef Thing_methods[] = {
    {"swap", Thing_swap, METH_O, PyDoc_STR("swap(other)\n--\n\nPut other in, give the old one.")},
    {"make", (PyCFunction)(void (*)(void))Thing_make, METH_NOARGS | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef Thing_members[] = {
    {"count", T_INT, offsetof(Thing, count), READONLY, PyDoc_STR("how many")},
    {"weight", T_DOUBLE, offsetof(Thing, weight), 0, NULL},
    {"name", T_STRING_INPLACE, offsetof(Thing, name), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Thing, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef Thing_getset[] = {
    {"first", (getter)Thing_get_first, (setter)Thing_set_first, NULL, NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyNumberMethods Thing_as_number;
static PySequenceMethods Thing_as_sequence;

static PyType_Slot Other_slots[] = {
    {Py_tp_doc, (void *)"A heap type."},
    {Py_tp_methods, Thing_methods},
    {Py_tp_members, Thing_members},
    {Py_tp_getset, Thing_getset},
    {Py_tp_repr, (void *)Thing_repr},
    {Py_tp_dealloc, (void *)Thing_dealloc},
    {Py_tp_traverse, (void *)Thing_traverse},
    {Py_tp_clear, (void *)Thing_clear},
    {Py_nb_add, (void *)Thing_add},
    {0, NULL},
};

static PyType_Spec Other_spec = {
    "sample.Other", sizeof(Thing), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE, Other_slots,
};

static PyStructSequence_Field pair_fields[] = {{"left", "the left one"}, {"right", NULL}, {NULL, NULL}};
static PyStructSequence_Desc pair_desc = {"sample.Pair", NULL, pair_fields, 2};

static int exec_module(PyObject *module)
{
    Thing_as_number.nb_add = Thing_add;
    Thing_as_number.nb_bool = Thing_bool;
    Thing_as_sequence.sq_length = Thing_length;
    Thing_as_sequence.sq_item = Thing_item;
    Thing_Type.tp_dealloc = (destructor)Thing_dealloc;
    Thing_Type.tp_repr = (reprfunc)Thing_repr;
    Thing_Type.tp_richcompare = Thing_richcompare;
    Thing_Type.tp_hash = PyObject_HashNotImplemented;
    Thing_Type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
    Thing_Type.tp_traverse = (traverseproc)Thing_traverse;
    Thing_Type.tp_clear = (inquiry)Thing_clear;
    Thing_Type.tp_methods = Thing_methods;
    Thing_Type.tp_members = Thing_members;
    Thing_Type.tp_getset = Thing_getset;
    Thing_Type.tp_dictoffset = offsetof(Thing, dict);
    Thing_Type.tp_weaklistoffset = offsetof(Thing, weakrefs);
    Thing_Type.tp_as_number = &Thing_as_number;
    Thing_Type.tp_as_sequence = &Thing_as_sequence;
    Thing_Type.tp_new = Thing_new;
    if (PyModule_AddType(module, &Thing_Type) < 0)
        return -1;
    PyObject *other = PyType_FromModuleAndSpec(module, &Other_spec, NULL);
    if (other == NULL || PyModule_AddObjectRef(module, "Other", other) < 0) {
        Py_XDECREF(other);
        return -1;
    }
    Py_DECREF(other);
    pair_fields[1].name = PyStructSequence_UnnamedField;
    PyTypeObject *pair = PyStructSequence_NewType(&pair_desc);
    if (pair == NULL || PyModule_AddObject(module, "Pair", (PyObject *)pair) < 0) {
        Py_XDECREF(pair);
        return -1;
    }
    return PyModule_AddIntMacro(module, METH_FASTCALL);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, (void *)exec_module}, {0, NULL}};
static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "sample", PyDoc_STR("A sample."), 0, NULL, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_sample(void) { return PyModuleDef_Init(&module_def); }
