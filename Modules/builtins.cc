// The builtins module: what fills it, and the functions that work on one object or on numbers.
#include "Modules/builtins_parts.h"

#include "Modules/interpreter_parts.h"
#include "Modules/sys.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/function.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

Ref<> m_abs(ThreadState& ts, PyObject*, PyObject* x) { return number_absolute(ts, x); }
Ref<> m_ascii(ThreadState& ts, PyObject*, PyObject* o) { return object_ascii(ts, o); }
Ref<> m_repr(ThreadState& ts, PyObject*, PyObject* o) { return object_repr(ts, o); }
Tri m_callable(ThreadState&, PyObject*, PyObject* o) { return tri(o->ob_type->tp_call != nullptr); }

Ref<> in_base(ThreadState& ts, PyObject* o, int base) {
  Ref<> number = number_index(ts, o);
  return number ? int_to_text(ts, number.get(), base, true) : Ref<>();
}
Ref<> m_bin(ThreadState& ts, PyObject*, PyObject* o) { return in_base(ts, o, 2); }
Ref<> m_oct(ThreadState& ts, PyObject*, PyObject* o) { return in_base(ts, o, 8); }
Ref<> m_hex(ThreadState& ts, PyObject*, PyObject* o) { return in_base(ts, o, 16); }

Ref<> m_chr(ThreadState& ts, PyObject*, int code) {
  if (code < 0 || code > 0x10FFFF) return raise(ts, PyExc_ValueError, "chr() arg not in range(0x110000)");
  return str_from_char(ts, static_cast<uint32_t>(code));
}
Ref<> m_ord(ThreadState& ts, PyObject*, PyObject* c) {
  Py_ssize_t n;
  if (is_str(c)) {
    n = str_length(c);
    if (n == 1) return int_from_i64(ts, str_at(c, 0));
  } else if (is_bytes(c)) {
    n = bytes_size(c);
    if (n == 1) return int_from_i64(ts, static_cast<uint8_t>(bytes_data(c)[0]));
  } else if (PyByteArray_Check(c)) {
    n = PyByteArray_GET_SIZE(c);
    if (n == 1) return int_from_i64(ts, static_cast<uint8_t>(PyByteArray_AS_STRING(c)[0]));
  } else {
    return raise(ts, PyExc_TypeError, "ord() expected string of length 1, but %.200s found", c->ob_type->tp_name);
  }
  return raise(ts, PyExc_TypeError, "ord() expected a character, but string of length %zd found", n);
}

Status m_delattr(ThreadState& ts, PyObject*, PyObject* o, PyObject* name) { return object_setattr(ts, o, name, nullptr); }
Status m_setattr(ThreadState& ts, PyObject*, PyObject* o, PyObject* name, PyObject* value) {
  return object_setattr(ts, o, name, value);
}
PyObject* m_getattr(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (!check_count(ts, "getattr", n, 2, 3)) return nullptr;
  if (n == 2) return object_getattr(ts, args[0], args[1]).release();
  Ref<> value;
  if (failed(object_lookup_attr(ts, args[0], args[1], &value))) return nullptr;
  return value ? value.release() : new_ref(args[2]);
}
Tri m_hasattr(ThreadState& ts, PyObject*, PyObject* o, PyObject* name) {
  Ref<> value;
  if (failed(object_lookup_attr(ts, o, name, &value))) return Tri::kError;
  return tri(static_cast<bool>(value));
}

PyObject* m_dir(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (!check_count(ts, "dir", n, 0, 1)) return nullptr;
  if (n == 1) return object_dir(ts, args[0]).release();
  Ref<> names = current_locals(ts);
  if (!names) return nullptr;
  Ref<> keys = Ref<>::steal(PyMapping_Keys(names.get()));
  if (!keys) return nullptr;
  if (!is_list(keys.get())) {
    return raise(ts, PyExc_TypeError, "dir(): expected keys() of locals to be a list, not '%.200s'", keys.get()->ob_type->tp_name);
  }
  if (failed(list_sort(ts, keys.get(), nullptr, false))) return nullptr;
  return keys.release();
}
PyObject* m_vars(PyObject*, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  if (!check_count(ts, "vars", n, 0, 1)) return nullptr;
  if (n == 0) return current_locals(ts).release();
  Ref<> d;
  if (failed(object_lookup_attr(ts, args[0], ID(__dict__), &d))) return nullptr;
  if (!d) return raise(ts, PyExc_TypeError, "vars() argument must have __dict__ attribute");
  return d.release();
}

Ref<> m_divmod(ThreadState& ts, PyObject*, PyObject* x, PyObject* y) { return number_divmod(ts, x, y); }
Ref<> m_pow(ThreadState& ts, PyObject*, PyObject* base, PyObject* exp, PyObject* mod) {
  return number_power(ts, base, exp, mod != nullptr ? mod : Py_None);
}
Ref<> m_round(ThreadState& ts, PyObject*, PyObject* number, PyObject* digits) {
  Ref<> method;
  if (failed(object_lookup_special(ts, number, ID(__round__), &method))) return {};
  if (!method) return raise(ts, PyExc_TypeError, "type %.100s doesn't define __round__ method", number->ob_type->tp_name);
  return digits == nullptr || digits == Py_None ? call(ts, method.get()) : call(ts, method.get(), digits);
}

Ref<> m_format(ThreadState& ts, PyObject*, PyObject* value, PyUnicodeObject* spec) {
  return object_format(ts, value, spec != nullptr ? obj(spec) : nullptr);
}
Ref<> m_hash(ThreadState& ts, PyObject*, PyObject* o) {
  Py_hash_t hash;
  return failed(object_hash(ts, o, &hash)) ? Ref<>() : int_from_ssize(ts, hash);
}
Ref<> m_id(ThreadState& ts, PyObject*, PyObject* o) {
  Ref<> id = int_from_u64(ts, reinterpret_cast<uintptr_t>(o));
  if (!id) return {};
  if (ATOLL_UNLIKELY(ts.interpreter().audit_hooks != nullptr)) {
    Ref<> args = tuple_of(ts, id.get());
    if (!args || failed(audit(ts, "builtins.id", args.get()))) return {};
  }
  return id;
}
Tri m_isinstance(ThreadState& ts, PyObject*, PyObject* o, PyObject* info) { return object_isinstance(ts, o, info); }
Tri m_issubclass(ThreadState& ts, PyObject*, PyObject* type, PyObject* info) { return object_issubclass(ts, type, info); }
Ref<> m_len(ThreadState& ts, PyObject*, PyObject* o) {
  Py_ssize_t n;
  return failed(object_len(ts, o, &n)) ? Ref<>() : int_from_ssize(ts, n);
}

}  // namespace

constinit const MethodSpec kBuiltinObjectFunctions[] = {
    ATOLL_METHOD(m_abs, "abs", "($module, x, /)", "The absolute value of the argument."),
    ATOLL_METHOD(m_ascii, "ascii", "($module, obj, /)", "A representation of the object in ASCII only, with escapes for the rest."),
    ATOLL_METHOD(m_bin, "bin", "($module, number, /)", "The binary representation of an integer.\n\n   >>> bin(2796202)\n   '0b1010101010101010101010'"),
    ATOLL_METHOD(m_callable, "callable", "($module, obj, /)", "Can the object be called?\n\nClasses can, and instances of classes with a __call__ method."),
    ATOLL_METHOD(m_chr, "chr", "($module, i, /)", "The string of one character whose code point is i; 0 <= i <= 0x10ffff."),
    ATOLL_METHOD(m_delattr, "delattr", "($module, obj, name, /)", "Delete the named attribute: delattr(x, 'y') is del x.y."),
    ATOLL_METHOD_RAW(m_dir, "dir", METH_FASTCALL,
                     "dir([object]) -> list of strings\n\nThe names in the current scope; with an argument, names of its attributes,\nsorted."),
    ATOLL_METHOD(m_divmod, "divmod", "($module, x, y, /)", "The tuple (x//y, x%y)."),
    ATOLL_METHOD(m_format, "format", "($module, value, format_spec='', /)", "value.__format__(format_spec)\n\nMany built-in types format as str() does when the specification is empty."),
    ATOLL_METHOD_RAW(m_getattr, "getattr", METH_FASTCALL,
                     "getattr(object, name[, default]) -> value\n\nThe named attribute: getattr(x, 'y') is x.y. The default is given where there\nis no such attribute; without one, that raises AttributeError."),
    ATOLL_METHOD(m_hasattr, "hasattr", "($module, obj, name, /)", "Does the object have an attribute of that name?\n\nCalls getattr and catches AttributeError."),
    ATOLL_METHOD(m_hash, "hash", "($module, obj, /)", "The hash value of the object.\n\nObjects that compare equal have the same hash value."),
    ATOLL_METHOD(m_hex, "hex", "($module, number, /)", "The hexadecimal representation of an integer.\n\n   >>> hex(12648430)\n   '0xc0ffee'"),
    ATOLL_METHOD(m_id, "id", "($module, obj, /)", "The identity of an object.\n\nNo two objects that exist at the same time have the same."),
    ATOLL_METHOD(m_isinstance, "isinstance", "($module, obj, class_or_tuple, /)", "Is the object an instance of a class or of a subclass of it?\n\nA tuple or union of classes asks for any of them."),
    ATOLL_METHOD(m_issubclass, "issubclass", "($module, cls, class_or_tuple, /)", "Is 'cls' derived from a class, or the class itself?\n\nA tuple or union of classes asks for any of them."),
    ATOLL_METHOD(m_len, "len", "($module, obj, /)", "The number of items in a container."),
    ATOLL_METHOD(m_oct, "oct", "($module, number, /)", "The octal representation of an integer.\n\n   >>> oct(342391)\n   '0o1234567'"),
    ATOLL_METHOD(m_ord, "ord", "($module, c, /)", "The Unicode code point of a string of one character."),
    ATOLL_METHOD(m_pow, "pow", "($module, /, base, exp, mod=None)", "base**exp, or base**exp % mod with three arguments.\n\nSome types, as int, have a faster way for the second."),
    ATOLL_METHOD(m_repr, "repr", "($module, obj, /)", "The canonical representation of the object as a string."),
    ATOLL_METHOD(m_round, "round", "($module, /, number, ndigits=None)", "Round a number to a precision in decimal digits.\n\nAn integer where ndigits is left out or None, else a number of the same\ntype. ndigits may be negative."),
    ATOLL_METHOD(m_setattr, "setattr", "($module, obj, name, value, /)", "Set the named attribute: setattr(x, 'y', v) is x.y = v."),
    ATOLL_METHOD_RAW(m_vars, "vars", METH_FASTCALL,
                     "vars([object]) -> dictionary\n\nlocals(); with an argument, object.__dict__."),
    ATOLL_METHOD_END};

namespace {
constexpr const char* kDoc =
    "Built-in functions, types, exceptions and constants.\n\n"
    "None is the null object; Ellipsis is what `...' stands for.";
constexpr const MethodSpec* kFunctions[] = {kBuiltinClassFunctions, kBuiltinCodeFunctions, kBuiltinObjectFunctions, kBuiltinIterationFunctions,
                                            kBuiltinIoFunctions};
}  // namespace

Status builtins_fill(ThreadState& ts, PyObject* d) {
  PyObject* module = ts.interpreter().builtins_module;
  Ref<> doc = Ref<>::dup_of(str_immortal(kDoc));
  if (!doc || failed(dict_set(ts, d, ID(__doc__), doc.get())) || failed(dict_set(ts, d, ID(__package__), empty_str()))) {
    return Status::kError;
  }
  for (const MethodSpec* functions : kFunctions) {
    if (failed(module_add_functions(ts, module, functions->c()))) return Status::kError;
  }
  struct Named {
    const char* name;
    PyObject* value;
  };
  const Named values[] = {
      {"None", Py_None},
      {"Ellipsis", Py_Ellipsis},
      {"NotImplemented", Py_NotImplemented},
      {"False", Py_False},
      {"True", Py_True},
      {"bool", obj(&PyBool_Type)},
      {"memoryview", obj(&PyMemoryView_Type)},
      {"bytearray", obj(&PyByteArray_Type)},
      {"bytes", obj(&PyBytes_Type)},
      {"classmethod", obj(&PyClassMethod_Type)},
      {"complex", obj(&PyComplex_Type)},
      {"dict", obj(&PyDict_Type)},
      {"enumerate", obj(&PyEnum_Type)},
      {"filter", obj(&PyFilter_Type)},
      {"float", obj(&PyFloat_Type)},
      {"frozenset", obj(&PyFrozenSet_Type)},
      {"property", obj(&PyProperty_Type)},
      {"int", obj(&PyLong_Type)},
      {"list", obj(&PyList_Type)},
      {"map", obj(&PyMap_Type)},
      {"object", obj(&PyBaseObject_Type)},
      {"range", obj(&PyRange_Type)},
      {"reversed", obj(&PyReversed_Type)},
      {"set", obj(&PySet_Type)},
      {"slice", obj(&PySlice_Type)},
      {"staticmethod", obj(&PyStaticMethod_Type)},
      {"str", obj(&PyUnicode_Type)},
      {"super", obj(&PySuper_Type)},
      {"tuple", obj(&PyTuple_Type)},
      {"type", obj(&PyType_Type)},
      {"zip", obj(&PyZip_Type)},
      {"__debug__", runtime().config->optimize == 0 ? Py_True : Py_False},
  };
  for (const Named& v : values) {
    if (str_immortal(v.name) == nullptr || failed(dict_set(ts, d, v.name, v.value))) return Status::kError;
  }
  return exceptions_add_all(ts, d);
}

Ref<> builtins_make(ThreadState& ts, PyObject* name) {
  for (const MethodSpec* functions : kFunctions) {
    for (const PyMethodDef* m = functions->c(); m->ml_name != nullptr; ++m) {
      if (str_equals_ascii(name, m->ml_name)) {
        return builtin_function_new(ts, const_cast<PyMethodDef*>(m), ts.interpreter().builtins_module, ID(builtins));
      }
    }
  }
  return str_equals_ascii(name, "ExceptionGroup") ? Ref<>::dup_of(exception_group_class(ts)) : Ref<>();
}

}  // namespace atl
