// Static types that no public header declares. Only the bring-up of static types includes this.
#pragma once

#include "Python.h"

extern "C" {
extern PyTypeObject _PyNamespace_Type;
extern PyTypeObject _PyUnion_Type;
extern PyTypeObject _Py_GenericAliasIterType;
extern PyTypeObject _PyAnextAwaitable_Type;
extern PyTypeObject _PyUnicodeASCIIIter_Type;
extern PyTypeObject _PyMemoryIter_Type;
extern PyTypeObject _PyUnicodeEncodingMap_Type;
extern PyTypeObject _PyFormatterIter_Type;
extern PyTypeObject _PyFieldNameIter_Type;
}
