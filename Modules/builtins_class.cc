// __build_class__: what a class statement calls.
#include "Modules/builtins_parts.h"
#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Python/vm/frame.h"

namespace atl {

namespace {

// Bases that are no classes may name others by __mro_entries__. The same tuple again when none does.
Ref<> resolve_bases(ThreadState& ts, PyObject* bases) {
  Ref<> replaced;  // a list, from the first replacement on
  Py_ssize_t n = tuple_size(bases);
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* base = tuple_peek(bases, i);
    Ref<> method;
    if (!PyType_Check(base) && failed(object_lookup_attr(ts, base, ID(__mro_entries__), &method))) return {};
    if (!method) {
      if (replaced && failed(list_append(ts, replaced.get(), dup(base)))) return {};
      continue;
    }
    Ref<> entries = call(ts, method.get(), bases);
    if (!entries) return {};
    if (!is_tuple(entries.get())) return raise(ts, PyExc_TypeError, "__mro_entries__ must return a tuple");
    if (!replaced) {
      replaced = list_from(ts, tuple_items(bases), i);
      if (!replaced) return {};
    }
    if (failed(list_extend(ts, replaced.get(), entries.get()))) return {};
  }
  return replaced ? list_as_tuple(ts, replaced.get()) : dup(bases);
}

// The class that is made must be the one its body's __class__ cell has got.
Status check_class_cell(ThreadState& ts, PyObject* cell, PyObject* name, PyObject* cls) {
  if (!PyType_Check(cls) || !is_exact(cell, &PyCell_Type)) return Status::kOk;
  PyObject* in_cell = cell_slot(cell);
  if (in_cell == cls) return Status::kOk;
  if (in_cell == nullptr) {
    return raise(ts, PyExc_RuntimeError,
                 "__class__ not set defining %.200R as %.200R. Was __classcell__ propagated to type.__new__?", name, cls);
  }
  return raise(ts, PyExc_TypeError, "__class__ set to %.200R defining %.200R as %.200R", in_cell, name, cls);
}

PyObject* m_build_class(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (n < 2) return raise(ts, PyExc_TypeError, "__build_class__: not enough arguments");
  PyObject* func = args[0];
  PyObject* name = args[1];
  if (!is_function(func)) return raise(ts, PyExc_TypeError, "__build_class__: func must be a function");
  if (!is_str(name)) return raise(ts, PyExc_TypeError, "__build_class__: name is not a string");
  Ref<> original_bases = tuple_from(ts, args + 2, n - 2);
  Ref<> bases = original_bases ? resolve_bases(ts, original_bases.get()) : Ref<>();
  if (!bases) return nullptr;

  Ref<> meta, keywords;
  if (kwnames != nullptr && tuple_size(kwnames) != 0) {
    for (Py_ssize_t i = 0; i < tuple_size(kwnames); ++i) {
      if (str_equals_ascii(tuple_peek(kwnames, i), "metaclass")) {
        meta = dup(args[n + i]);
        continue;
      }
      if (!keywords) keywords = dict_new(ts);
      if (!keywords || failed(dict_set(ts, keywords.get(), tuple_peek(kwnames, i), args[n + i]))) return nullptr;
    }
  }
  if (!meta) {
    meta = tuple_size(bases.get()) == 0 ? dup(obj(&PyType_Type)) : dup(obj(tuple_peek(bases.get(), 0)->ob_type));
  }
  bool meta_is_class = PyType_Check(meta.get());
  if (meta_is_class) {
    PyTypeObject* winner = type_calculate_metaclass(ts, reinterpret_cast<PyTypeObject*>(meta.get()), bases.get());
    if (winner == nullptr) return nullptr;
    meta = dup(obj(winner));
  }

  Ref<> prepare, ns;
  Ref<> class_args = tuple_of(ts, name, bases.get());
  if (!class_args) return nullptr;
  if (meta.get() == obj(&PyType_Type)) {
    ns = dict_new(ts);
  } else {
    if (failed(object_lookup_attr(ts, meta.get(), ID(__prepare__), &prepare))) return nullptr;
    ns = prepare ? object_call(ts, prepare.get(), class_args.get(), keywords.get()) : dict_new(ts);
  }
  if (!ns) return nullptr;
  if (!PyMapping_Check(ns.get())) {
    return raise(ts, PyExc_TypeError, "%.200s.__prepare__() must return a mapping, not %.200s",
                 meta_is_class ? reinterpret_cast<PyTypeObject*>(meta.get())->tp_name : "<metaclass>",
                 ns.get()->ob_type->tp_name);
  }
  Ref<> cell = vm_call_with_namespace(ts, as_function(func), ns.get());
  if (!cell) return nullptr;
  if (bases.get() != original_bases.get()) {
    Ref<> key = str_interned(ts, "__orig_bases__");
    if (!key || failed(object_setitem(ts, ns.get(), key.get(), original_bases.get()))) return nullptr;
  }
  class_args = tuple_of(ts, name, bases.get(), ns.get());
  if (!class_args) return nullptr;
  Ref<> cls = object_call(ts, meta.get(), class_args.get(), keywords.get());
  if (!cls || failed(check_class_cell(ts, cell.get(), name, cls.get()))) return nullptr;
  return cls.release();
}

}  // namespace

constinit const MethodSpec kBuiltinClassFunctions[] = {
    ATOLL_METHOD_RAW(m_build_class, "__build_class__", METH_FASTCALL | METH_KEYWORDS,
                     "__build_class__(func, name, /, *bases, [metaclass], **kwds) -> class\n\nWhat the class statement calls."),
    ATOLL_METHOD_END};

}  // namespace atl
