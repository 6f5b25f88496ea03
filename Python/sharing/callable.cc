#include "Python/sharing/callable.h"

#include "Objects/code/code.h"
#include "Objects/dict/dict.h"
#include "Objects/function.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/sharing/channel_object.h"
#include "Python/sharing/values.h"
#include "marshal.h"

namespace atl {

namespace {

// What a slot of a closure, a default or a global is: a tuple (kind, …).
enum Kind : int { kPlain, kByName, kModule, kFunction, kSeenFunction, kNothing, kBound };

// (kFunction, code, name, qualname, module, defaults, kwdefaults, closure, globals)
enum FunctionField { kCode = 1, kName, kQualname, kHome, kDefaults, kKwDefaults, kClosure, kGlobals, kFieldCount };

bool is_main_name(PyObject* name) { return name != nullptr && is_str(name) && str_equals_ascii(name, "__main__"); }

// What `module.qualname` is now; empty, without an exception, when there is no such thing.
Ref<> find_by_name(ThreadState& ts, PyObject* module, PyObject* qualname) {
  Ref<> dot = str_from_ascii(ts, ".");
  Ref<> parts = dot ? Ref<>::steal(PyUnicode_Split(qualname, dot.get(), -1)) : Ref<>();
  Ref<> at = dup(module);
  for (Py_ssize_t i = 0; parts && at && i < list_size(parts.get()); ++i) {
    Ref<> next;
    if (failed(object_lookup_attr(ts, at.get(), list_items(parts.get())[i], &next))) error_clear(ts);
    at = std::move(next);
  }
  if (!parts) error_clear(ts);
  return parts ? std::move(at) : Ref<>();
}

class CallableWriter {
 public:
  CallableWriter(ThreadState& ts, const char* name) : ts_(ts), name_(name) {}

  Ref<> write(PyObject* callable, bool as_script) {
    seen_ = list_new(ts_, 0);
    if (!seen_) return {};
    Ref<> value = as_script ? write_function(callable, true) : write_callable(callable);
    if (!value && !error_set(ts_)) {
      return raise(ts_, ts_.interpreter().sharing.not_shareable, "%.200s: object of type '%.200s' can't be sent to another interpreter", name_,
                   callable->ob_type->tp_name);
    }
    return value;
  }

 private:
  Ref<> kind(int k) { return int_from_i64(ts_, k); }

  // Empty without an exception: it can't be sent.
  Ref<> write_callable(PyObject* o) {
    if (!PyCallable_Check(o)) return {};
    Ref<> module, qualname;
    if (failed(object_lookup_attr(ts_, o, ID(__module__), &module)) || failed(object_lookup_attr(ts_, o, ID(__qualname__), &qualname))) return {};
    if (module && qualname && is_str(module.get()) && is_str(qualname.get()) && !is_main_name(module.get())) {
      PyObject* home = dict_peek(ts_, ts_.interpreter().modules, module.get());
      if (home == nullptr) error_clear(ts_);
      Ref<> found = home != nullptr ? find_by_name(ts_, home, qualname.get()) : Ref<>();
      if (found.get() == o) {
        Ref<> exact_module = str_substring(ts_, module.get(), 0, str_length(module.get()));
        Ref<> exact_name = str_substring(ts_, qualname.get(), 0, str_length(qualname.get()));
        Ref<> k = kind(kByName);
        return k && exact_module && exact_name ? tuple_of(ts_, k.get(), exact_module.get(), exact_name.get()) : Ref<>();
      }
    }
    if (is_function(o)) return write_function(o, false);
    // A method of something that can be sent itself.
    Ref<> self, name, again;
    if (failed(object_lookup_attr(ts_, o, ID(__self__), &self)) || failed(object_lookup_attr(ts_, o, ID(__name__), &name))) return {};
    if (!self || is_module(self.get()) || !name || !is_exact_str(name.get()) || value_is_shareable(ts_, self.get()) != Tri::kTrue) return {};
    if (failed(object_lookup_attr(ts_, self.get(), name.get(), &again)) || !again || object_equal(ts_, again.get(), o) != Tri::kTrue) return {};
    Ref<> k = kind(kBound);
    return k ? tuple_of(ts_, k.get(), self.get(), name.get()) : Ref<>();
  }

  Ref<> write_function(PyObject* o, bool for_main) {
    PyFunctionObject* f = as_function(o);
    for (Py_ssize_t i = 0; i < list_size(seen_.get()); ++i) {
      if (list_items(seen_.get())[i] != o) continue;
      Ref<> k = kind(kSeenFunction), number = int_from_ssize(ts_, i);
      return k && number ? tuple_of(ts_, k.get(), number.get()) : Ref<>();
    }
    RecursionGuard depth(ts_, " while sending a function");
    if (!depth.ok()) return {};
    if (failed(list_append(ts_, seen_.get(), dup(o)))) return {};
    Ref<> module = for_main ? dup(ID(__main__)) : f->func_module != nullptr && is_str(f->func_module) ? str_substring(ts_, f->func_module, 0, str_length(f->func_module)) : new_none();
    Ref<> k = kind(kFunction);
    Ref<> code = Ref<>::steal(PyMarshal_WriteObjectToString(f->func_code, Py_MARSHAL_VERSION));
    Ref<> defaults = f->func_defaults != nullptr ? write_slots(tuple_items(f->func_defaults), tuple_size(f->func_defaults), false) : new_none();
    Ref<> kwdefaults = defaults ? (f->func_kwdefaults != nullptr ? write_dict(f->func_kwdefaults) : new_none()) : Ref<>();
    Ref<> closure = kwdefaults ? (f->func_closure != nullptr ? write_slots(tuple_items(f->func_closure), tuple_size(f->func_closure), true) : new_none()) : Ref<>();
    Ref<> globals = closure ? (is_main_name(module.get()) ? write_globals(o) : new_none()) : Ref<>();
    if (!k || !code || !module || !globals) return {};
    return tuple_of(ts_, k.get(), code.get(), f->func_name, f->func_qualname, module.get(), defaults.get(), kwdefaults.get(), closure.get(), globals.get());
  }

  // A slot's value; empty without an exception: it can't be sent.
  Ref<> write_slot(PyObject* v) {
    if (v == nullptr) {
      Ref<> k = kind(kNothing);
      return k ? tuple_of(ts_, k.get()) : Ref<>();
    }
    if (is_module(v)) {
      Ref<> name;
      Ref<> k = kind(kModule);
      if (!k || failed(object_lookup_attr(ts_, v, ID(__name__), &name)) || !name || !is_exact_str(name.get())) return {};
      return tuple_of(ts_, k.get(), name.get());
    }
    if (PyCallable_Check(v)) {
      Ref<> callable = write_callable(v);
      if (callable || error_set(ts_)) return callable;
    }
    Tri shareable = value_is_shareable(ts_, v);
    if (shareable != Tri::kTrue) return {};
    Ref<> k = kind(kPlain);
    return k ? tuple_of(ts_, k.get(), v) : Ref<>();
  }

  Ref<> write_slots(PyObject* const* items, Py_ssize_t n, bool cells) {
    Ref<> list = list_new_room(ts_, n);
    for (Py_ssize_t i = 0; list && i < n; ++i) {
      PyObject* v = cells ? cell_slot(items[i]) : items[i];
      Ref<> slot = write_slot(v);
      if (!slot && !error_set(ts_)) {
        return raise(ts_, ts_.interpreter().sharing.not_shareable, "%.200s%s[%zd]: object of type '%.200s' can't be sent to another interpreter", name_,
                     cells ? ".__closure__" : ".__defaults__", i, v->ob_type->tp_name);
      }
      if (!slot || failed(list_append(ts_, list.get(), std::move(slot)))) return {};
    }
    return list ? list_as_tuple(ts_, list.get()) : Ref<>();
  }

  Ref<> write_dict(PyObject* d) {
    Ref<> out = dict_new(ts_);
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    Ref<> copy = dict_copy(ts_, d);
    while (out && copy && dict_next(copy.get(), &pos, &key, &value)) {
      Ref<> slot = write_slot(value);
      if (!slot && !error_set(ts_)) {
        return raise(ts_, ts_.interpreter().sharing.not_shareable, "%.200s.__kwdefaults__[%R]: object of type '%.200s' can't be sent to another interpreter", name_, key,
                     value->ob_type->tp_name);
      }
      if (!slot || failed(dict_set(ts_, out.get(), key, slot.get()))) return {};
    }
    return copy ? std::move(out) : Ref<>();
  }

  // The globals that a code object and those nested in it mention, as far as they can be sent.
  Ref<> write_globals(PyObject* function) {
    Ref<> out = dict_new(ts_);
    PyObject* globals = as_function(function)->func_globals;
    if (!out || failed(collect_globals(as_code(as_function(function)->func_code)->image, globals, out.get()))) return {};
    return out;
  }
  Status collect_globals(const CodeImage* image, PyObject* globals, PyObject* out) {
    for (uint32_t at = 0; at < image->word_count;) {
      uint64_t word = image->words[at];
      auto op = static_cast<Opcode>(word & 0xffff);
      if (static_cast<int>(op) >= static_cast<int>(Opcode::kGenericCount)) break;
      if (op == Opcode::kGetGlobal) {
        uint32_t index = static_cast<uint32_t>(word >> 32) & 0xffff;
        if (index < image->name_count && failed(collect_global(image->names[index], globals, out))) return Status::kError;
      }
      at += 1u + kOpInfo[static_cast<int>(op)].cache;
    }
    for (uint32_t i = 0; image->children != nullptr && i < image->const_count; ++i) {
      if (image->children[i] != nullptr && failed(collect_globals(image->children[i], globals, out))) return Status::kError;
    }
    return Status::kOk;
  }
  Status collect_global(PyObject* name, PyObject* globals, PyObject* out) {
    PyObject* value = dict_peek(ts_, globals, name);
    if (value == nullptr || dict_peek(ts_, out, name) != nullptr) return error_set(ts_) ? Status::kError : Status::kOk;
    Ref<> hold = dup(value);
    Ref<> slot = write_slot(value);
    if (slot) return dict_set(ts_, out, name, slot.get());
    // A helper that holds something of its own back is missed when it is used, not before.
    if (error_set(ts_)) return error_clear_if(ts_, ts_.interpreter().sharing.not_shareable) ? Status::kOk : Status::kError;
    return Status::kOk;
  }

  ThreadState& ts_;
  const char* name_;
  Ref<> seen_;
};

class CallableReader {
 public:
  explicit CallableReader(ThreadState& ts) : ts_(ts) {}
  Ref<> read(PyObject* value) {
    made_ = list_new(ts_, 0);
    return made_ ? read_slot(value) : Ref<>();
  }

 private:
  Ref<> read_slot(PyObject* v) {
    int64_t kind;
    if (!is_tuple(v) || tuple_size(v) < 1 || failed(int_as_i64(ts_, tuple_peek(v, 0), &kind))) return bad();
    switch (kind) {
      case kPlain: return tuple_size(v) == 2 ? dup(tuple_peek(v, 1)) : bad();
      case kModule: return tuple_size(v) == 2 ? import(tuple_peek(v, 1)) : bad();
      case kByName: {
        if (tuple_size(v) != 3) return bad();
        Ref<> module = import(tuple_peek(v, 1));
        if (!module) return {};
        Ref<> found = find_by_name(ts_, module.get(), tuple_peek(v, 2));
        if (!found) return raise(ts_, PyExc_AttributeError, "module %R has no attribute %R", tuple_peek(v, 1), tuple_peek(v, 2));
        return found;
      }
      case kSeenFunction: {
        int64_t n;
        if (tuple_size(v) != 2 || failed(int_as_i64(ts_, tuple_peek(v, 1), &n)) || n < 0 || n >= list_size(made_.get())) return bad();
        return dup(list_items(made_.get())[n]);
      }
      case kBound: return tuple_size(v) == 3 ? object_getattr(ts_, tuple_peek(v, 1), tuple_peek(v, 2)) : bad();
      case kFunction: return tuple_size(v) == kFieldCount ? read_function(v) : bad();
      default: return bad();
    }
  }
  Ref<> bad() { return error_set(ts_) ? already_raised() : raise(ts_, PyExc_ValueError, "bad data of a callable"); }
  Ref<> import(PyObject* name) { return Ref<>::steal(PyImport_Import(name)); }

  Ref<> read_function(PyObject* v) {
    PyObject* bytes = tuple_peek(v, kCode);
    char* data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(bytes, &data, &size) < 0) return {};
    Ref<> code = Ref<>::steal(PyMarshal_ReadObjectFromString(data, size));
    if (!code) return {};
    if (!PyCode_Check(code.get())) return bad();
    Ref<> globals = globals_of(tuple_peek(v, kHome));
    if (!globals) return {};
    Ref<> function = Ref<>::steal(obj(function_new(ts_, code.get(), globals.get(), tuple_peek(v, kQualname)).release()));
    if (!function || failed(list_append(ts_, made_.get(), dup(function.get())))) return {};
    PyFunctionObject* f = as_function(function.get());
    Ref<> old_name = Ref<>::steal(std::exchange(f->func_name, new_ref(tuple_peek(v, kName))));
    Ref<> old_module;
    if (PyObject* home = tuple_peek(v, kHome); home != Py_None) old_module = Ref<>::steal(std::exchange(f->func_module, new_ref(home)));
    if (PyObject* slots = tuple_peek(v, kDefaults); slots != Py_None) {
      f->func_defaults = read_slots(slots).release();
      if (f->func_defaults == nullptr) return {};
    }
    if (PyObject* slots = tuple_peek(v, kKwDefaults); slots != Py_None) {
      Ref<> d = dict_new(ts_);
      if (!d || failed(read_dict(slots, d.get(), false))) return {};
      f->func_kwdefaults = d.release();
    }
    if (PyObject* slots = tuple_peek(v, kClosure); slots != Py_None) {
      Ref<> cells = tuple_new(ts_, tuple_size(slots));
      for (Py_ssize_t i = 0; cells && i < tuple_size(slots); ++i) {
        tuple_items(cells.get())[i] = cell_new(ts_, nullptr).release();
        if (tuple_items(cells.get())[i] == nullptr) return {};
      }
      if (!cells) return {};
      f->func_closure = cells.dup().release();
      for (Py_ssize_t i = 0; i < tuple_size(slots); ++i) {
        PyObject* slot = tuple_peek(slots, i);
        int64_t kind;
        if (!is_tuple(slot) || tuple_size(slot) < 1 || failed(int_as_i64(ts_, tuple_peek(slot, 0), &kind))) return bad();
        if (kind == kNothing) continue;
        Ref<> value = read_slot(slot);
        if (!value) return {};
        cell_slot(tuple_peek(cells.get(), i)) = value.release();
      }
    }
    if (PyObject* slots = tuple_peek(v, kGlobals); slots != Py_None && failed(read_dict(slots, globals.get(), true))) return {};
    return function;
  }

  // The namespace of a module; a bare one where the function belongs to none.
  Ref<> globals_of(PyObject* module) {
    if (module == Py_None) {
      Ref<> d = dict_new(ts_);
      if (!d || failed(dict_set(ts_, d.get(), ID(__builtins__), ts_.interpreter().builtins_module))) return {};
      return d;
    }
    Ref<> m = is_main_name(module) ? Ref<>::dup_of(PyImport_AddModule("__main__")) : import(module);
    return m && is_module(m.get()) ? dup(module_dict(m.get())) : m ? bad() : Ref<>();
  }

  Ref<> read_slots(PyObject* slots) {
    if (!is_tuple(slots)) return bad();
    Ref<> list = list_new_room(ts_, tuple_size(slots));
    for (Py_ssize_t i = 0; list && i < tuple_size(slots); ++i) {
      Ref<> value = read_slot(tuple_peek(slots, i));
      if (!value || failed(list_append(ts_, list.get(), std::move(value)))) return {};
    }
    return list ? list_as_tuple(ts_, list.get()) : Ref<>();
  }
  Status read_dict(PyObject* slots, PyObject* into, bool keep_there) {
    if (!is_dict(slots)) return raise(ts_, PyExc_ValueError, "bad data of a callable");
    Py_ssize_t pos = 0;
    PyObject *key, *slot;
    while (dict_next(slots, &pos, &key, &slot)) {
      if (keep_there && dict_peek(ts_, into, key) != nullptr) continue;
      if (error_set(ts_)) return Status::kError;
      Ref<> value = read_slot(slot);
      if (!value || failed(dict_set(ts_, into, key, value.get()))) return Status::kError;
    }
    return Status::kOk;
  }

  ThreadState& ts_;
  Ref<> made_;
};

}  // namespace

Ref<> callable_to_value(ThreadState& ts, PyObject* callable, const char* name) {
  if (failed(sharing_classes(ts))) return {};
  return CallableWriter(ts, name).write(callable, false);
}

Ref<> callable_from_value(ThreadState& ts, PyObject* value) { return CallableReader(ts).read(value); }

Ref<> script_code_to_value(ThreadState& ts, PyObject* o) {
  PyObject* code = is_function(o) ? as_function(o)->func_code : o;
  if (!PyCode_Check(code)) return raise(ts, PyExc_TypeError, "expected a function or a code object, got %T", o);
  CodeImage* image = as_code(code)->image;
  if (image->free_count != 0) return raise(ts, PyExc_ValueError, "closures not supported");
  if (image->argcount != 0 || image->kwonlyargcount != 0 || (image->flags & (CO_VARARGS | CO_VARKEYWORDS))) {
    return raise(ts, PyExc_ValueError, "arguments not supported");
  }
  if (failed(sharing_classes(ts))) return {};
  if (is_function(o)) return CallableWriter(ts, "function").write(o, true);
  return Ref<>::steal(PyMarshal_WriteObjectToString(code, Py_MARSHAL_VERSION));
}

}  // namespace atl
