// Members: C fields of an instance read and written as Python values (PyMemberDef).
#include <climits>
#include <cstring>

#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/object.h"
#include "Objects/str/str.h"
#include "structmember.h"

using namespace atl;

namespace {

template <class T>
T read(const char* at) {
  T v;
  std::memcpy(&v, at, sizeof v);
  return v;
}

// A Python int as a C number: out-of-range values that still fit the wide type are cut with a warning, as 3.11 does.
template <class T>
int write_integer(ThreadState& ts, char* at, PyObject* value, const char* warning) {
  long v = PyLong_AsLong(value);
  if (v == -1 && error_set(ts)) return -1;
  auto narrow = static_cast<T>(v);
  std::memcpy(at, &narrow, sizeof narrow);
  if (static_cast<long>(narrow) != v && failed(warn(ts, PyExc_RuntimeWarning, 1, "%s", warning))) return -1;
  return 0;
}

template <class T>
int store(char* at, T v) {
  std::memcpy(at, &v, sizeof v);
  return 0;
}

int write_unsigned_long(ThreadState& ts, char* at, PyObject* value) {
  unsigned long v = PyLong_AsUnsignedLong(value);
  if (v == static_cast<unsigned long>(-1) && error_set(ts)) {
    error_clear(ts);
    v = static_cast<unsigned long>(PyLong_AsLong(value));
    if (v == static_cast<unsigned long>(-1) && error_set(ts)) return -1;
    store(at, v);
    return failed(warn(ts, PyExc_RuntimeWarning, 1, "Writing negative value into unsigned field")) ? -1 : 0;
  }
  return store(at, v);
}

int write_unsigned_int(ThreadState& ts, char* at, PyObject* value) {
  unsigned long v = PyLong_AsUnsignedLong(value);
  if (v == static_cast<unsigned long>(-1) && error_set(ts)) {
    error_clear(ts);
    v = static_cast<unsigned long>(PyLong_AsLong(value));
    if (v == static_cast<unsigned long>(-1) && error_set(ts)) return -1;
    store(at, static_cast<unsigned int>(v));
    return failed(warn(ts, PyExc_RuntimeWarning, 1, "Writing negative value into unsigned field")) ? -1 : 0;
  }
  store(at, static_cast<unsigned int>(v));
  if (v > UINT_MAX && failed(warn(ts, PyExc_RuntimeWarning, 1, "Truncation of value to unsigned int"))) return -1;
  return 0;
}

}  // namespace

PyObject* PyMember_GetOne(const char* o, PyMemberDef* m) {
  ThreadState& ts = current_thread();
  const char* at = o + m->offset;
  switch (m->type) {
    case T_BOOL:
      return new_bool(read<char>(at) != 0).release();
    case T_BYTE:
      return PyLong_FromLong(read<signed char>(at));
    case T_UBYTE:
      return PyLong_FromUnsignedLong(read<unsigned char>(at));
    case T_SHORT:
      return PyLong_FromLong(read<short>(at));
    case T_USHORT:
      return PyLong_FromUnsignedLong(read<unsigned short>(at));
    case T_INT:
      return PyLong_FromLong(read<int>(at));
    case T_UINT:
      return PyLong_FromUnsignedLong(read<unsigned int>(at));
    case T_LONG:
      return PyLong_FromLong(read<long>(at));
    case T_ULONG:
      return PyLong_FromUnsignedLong(read<unsigned long>(at));
    case T_PYSSIZET:
      return PyLong_FromSsize_t(read<Py_ssize_t>(at));
    case T_LONGLONG:
      return PyLong_FromLongLong(read<long long>(at));
    case T_ULONGLONG:
      return PyLong_FromUnsignedLongLong(read<unsigned long long>(at));
    case T_FLOAT:
      return PyFloat_FromDouble(static_cast<double>(read<float>(at)));
    case T_DOUBLE:
      return PyFloat_FromDouble(read<double>(at));
    case T_STRING: {
      auto* s = read<const char*>(at);
      return s == nullptr ? new_ref(Py_None) : PyUnicode_FromString(s);
    }
    case T_STRING_INPLACE:
      return PyUnicode_FromString(at);
    case T_CHAR:
      return PyUnicode_FromStringAndSize(at, 1);
    case T_OBJECT: {
      auto* v = read<PyObject*>(at);
      return new_ref(v != nullptr ? v : Py_None);
    }
    case T_OBJECT_EX: {
      auto* v = read<PyObject*>(at);
      if (v != nullptr) return new_ref(v);
      auto* self = reinterpret_cast<PyObject*>(const_cast<char*>(o));
      return raise(ts, PyExc_AttributeError, "'%.200T' object has no attribute '%s'", self, m->name);
    }
    case T_NONE:
      return new_ref(Py_None);
    default:
      return raise(ts, PyExc_SystemError, "bad memberdescr type for %s", m->name);
  }
}

int PyMember_SetOne(char* o, PyMemberDef* m, PyObject* value) {
  ThreadState& ts = current_thread();
  char* at = o + m->offset;
  if (m->flags & READONLY) return raise(ts, PyExc_AttributeError, "readonly attribute");
  if (value == nullptr) {
    if (m->type == T_OBJECT_EX) {
      if (read<PyObject*>(at) == nullptr) return raise(ts, PyExc_AttributeError, "%s", m->name);
    } else if (m->type != T_OBJECT) {
      return raise(ts, PyExc_TypeError, "can't delete numeric/char attribute");
    }
  }
  switch (m->type) {
    case T_BOOL:
      if (!PyBool_Check(value)) return raise(ts, PyExc_TypeError, "attribute value type must be bool");
      *at = value == Py_True;
      return 0;
    case T_BYTE:
      return write_integer<signed char>(ts, at, value, "Truncation of value to char");
    case T_UBYTE:
      return write_integer<unsigned char>(ts, at, value, "Truncation of value to unsigned char");
    case T_SHORT:
      return write_integer<short>(ts, at, value, "Truncation of value to short");
    case T_USHORT:
      return write_integer<unsigned short>(ts, at, value, "Truncation of value to unsigned short");
    case T_INT:
      return write_integer<int>(ts, at, value, "Truncation of value to int");
    case T_UINT:
      return write_unsigned_int(ts, at, value);
    case T_LONG: {
      long v = PyLong_AsLong(value);
      return v == -1 && error_set(ts) ? -1 : store(at, v);
    }
    case T_ULONG:
      return write_unsigned_long(ts, at, value);
    case T_PYSSIZET: {
      Py_ssize_t v = PyLong_AsSsize_t(value);
      return v == -1 && error_set(ts) ? -1 : store(at, v);
    }
    case T_LONGLONG: {
      long long v = PyLong_AsLongLong(value);
      return v == -1 && error_set(ts) ? -1 : store(at, v);
    }
    case T_ULONGLONG: {
      // Negative numbers wrap, as in C.
      unsigned long long v;
      if (PyLong_Check(value)) {
        v = PyLong_AsUnsignedLongLong(value);
        if (v == static_cast<unsigned long long>(-1) && error_set(ts)) {
          error_clear(ts);
          v = static_cast<unsigned long long>(PyLong_AsLong(value));
        }
      } else {
        v = static_cast<unsigned long long>(PyLong_AsLong(value));
      }
      return v == static_cast<unsigned long long>(-1) && error_set(ts) ? -1 : store(at, v);
    }
    case T_FLOAT: {
      double v = PyFloat_AsDouble(value);
      return v == -1 && error_set(ts) ? -1 : store(at, static_cast<float>(v));
    }
    case T_DOUBLE: {
      double v = PyFloat_AsDouble(value);
      return v == -1 && error_set(ts) ? -1 : store(at, v);
    }
    case T_OBJECT:
    case T_OBJECT_EX: {
      auto** field = reinterpret_cast<PyObject**>(at);
      set_field(*field, Ref<>::dup_of(value));
      return 0;
    }
    case T_CHAR: {
      Py_ssize_t n;
      const char* s = PyUnicode_AsUTF8AndSize(value, &n);
      if (s == nullptr || n != 1) return raise(ts, PyExc_TypeError, "bad argument type for built-in operation");
      *at = s[0];
      return 0;
    }
    case T_STRING:
    case T_STRING_INPLACE:
      return raise(ts, PyExc_TypeError, "readonly attribute");
    default:
      return raise(ts, PyExc_SystemError, "bad memberdescr type for %s", m->name);
  }
}
