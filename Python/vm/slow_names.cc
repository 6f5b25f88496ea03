// Slow paths: names, scopes, imports, functions.
#include "Objects/module.h"
#include "Python/vm/internal.h"
#include "Python/vm/upcalls.h"

namespace atl {

Raised raise_unbound_local(ThreadState& ts, Slot* base, int reg) {
  CodeObject* code = frame_code(base);
  PyObject* name = code->image->local_names[reg + static_cast<int>(code->nlocals)];
  return raise(ts, PyExc_UnboundLocalError, "cannot access local variable '%U' where it is not associated with a value", name);
}

namespace {

// NameError carries the name, for suggestions.
Raised name_the_error(ThreadState& ts, PyObject* name) {
  Ref<> exc = error_take(ts);
  if (exc && is_exact(exc.get(), reinterpret_cast<PyTypeObject*>(PyExc_NameError))) {
    set_field(reinterpret_cast<PyNameErrorObject*>(exc.get())->name, dup(name));
  }
  error_restore(ts, std::move(exc));
  return {};
}

Raised raise_name_error(ThreadState& ts, PyObject* name) {
  (void)raise(ts, PyExc_NameError, "name '%U' is not defined", name);
  return name_the_error(ts, name);
}

// A mapping's value: dicts directly, others by __getitem__ with KeyError meaning "absent". kOk with *out empty then.
Status namespace_lookup(ThreadState& ts, PyObject* ns, PyObject* name, Ref<>* out) {
  if (is_exact_dict(ns)) return dict_lookup(ts, ns, name, out);
  *out = object_getitem(ts, ns, name);
  if (*out) return Status::kOk;
  return error_clear_if(ts, PyExc_KeyError) ? Status::kOk : Status::kError;
}

}  // namespace

Raised raise_unbound_free(ThreadState& ts, Slot* base, int index) {
  CodeObject* code = frame_code(base);
  const CodeImage* image = code->image;
  PyObject* name = image->local_names[image->local_name_count - image->free_count + static_cast<uint32_t>(index)];
  (void)raise(ts, PyExc_NameError, "cannot access free variable '%U' where it is not associated with a value in enclosing scope",
              name);
  return name_the_error(ts, name);
}

PyObject* slow_get_global(ThreadState& ts, Slot* base, PyObject* name) {
  PyFunctionObject* f = frame_function(base);
  Ref<> v;
  // A dict subclass may have its own __getitem__ or __missing__.
  if (failed(namespace_lookup(ts, f->func_globals, name, &v))) return nullptr;
  if (!v && failed(namespace_lookup(ts, f->func_builtins, name, &v))) return nullptr;
  if (!v) return raise_name_error(ts, name);
  return v.release();
}

PyObject* slow_get_name(ThreadState& ts, Slot* base, PyObject* name) {
  PyObject* ns = base[-1].o;
  if (ns == nullptr) return raise(ts, PyExc_SystemError, "no locals when loading %R", name);
  Ref<> v;
  if (failed(namespace_lookup(ts, ns, name, &v))) return nullptr;
  if (v) return v.release();
  return slow_get_global(ts, base, name);
}

Status slow_set_name(ThreadState& ts, Slot* base, PyObject* name, PyObject* value) {
  PyObject* ns = base[-1].o;
  if (ns == nullptr) return raise(ts, PyExc_SystemError, "no locals found when storing %R", name);
  return is_exact_dict(ns) ? dict_set(ts, ns, name, value) : object_setitem(ts, ns, name, value);
}

Status slow_del_name(ThreadState& ts, Slot* base, PyObject* name) {
  PyObject* ns = base[-1].o;
  if (ns == nullptr) return raise(ts, PyExc_SystemError, "no locals when deleting %R", name);
  if (!failed(object_delitem(ts, ns, name))) return Status::kOk;
  if (!error_clear_if(ts, PyExc_KeyError)) return Status::kError;
  return raise_name_error(ts, name);
}

Status slow_del_global(ThreadState& ts, Slot* base, PyObject* name) {
  if (!failed(dict_del(ts, frame_function(base)->func_globals, name))) return Status::kOk;
  if (!error_clear_if(ts, PyExc_KeyError)) return Status::kError;
  return raise_name_error(ts, name);
}

PyObject* slow_get_class_free(ThreadState& ts, Slot* base, int index) {
  const CodeImage* image = frame_code(base)->image;
  PyObject* name = image->local_names[image->local_name_count - image->free_count + static_cast<uint32_t>(index)];
  Ref<> v;
  if (failed(namespace_lookup(ts, base[-1].o, name, &v))) return nullptr;
  if (v) return v.release();
  PyObject* inner = cell_slot(tuple_peek(frame_function(base)->func_closure, index));
  if (inner == nullptr) return raise_unbound_free(ts, base, index);
  return new_ref(inner);
}

Status slow_setup_annotations(ThreadState& ts, Slot* base) {
  Ref<> there;
  PyObject* ns = base[-1].o;
  if (ns == nullptr) return raise(ts, PyExc_SystemError, "no locals found when setting up annotations");
  if (failed(namespace_lookup(ts, ns, ID(__annotations__), &there))) return Status::kError;
  if (there) return Status::kOk;
  Ref<> d = dict_new(ts);
  return d ? slow_set_name(ts, base, ID(__annotations__), d.get()) : Status::kError;
}

PyObject* slow_load_build_class(ThreadState& ts, Slot* base) {
  Ref<> v;
  if (failed(namespace_lookup(ts, frame_function(base)->func_builtins, ID(__build_class__), &v))) return nullptr;
  if (!v) return raise(ts, PyExc_NameError, "__build_class__ not found");
  return v.release();
}

PyObject* slow_make_function(ThreadState& ts, Slot* base, Slot* window, int flags) {
  int at = 0;
  Ref<> code = Ref<>::steal(window[at++].o);
  Ref<> defaults = (flags & 1) ? Ref<>::steal(window[at++].o) : Ref<>();
  Ref<> kwdefaults = (flags & 2) ? Ref<>::steal(window[at++].o) : Ref<>();
  Ref<> annotations = (flags & 4) ? Ref<>::steal(window[at++].o) : Ref<>();
  Ref<> closure = (flags & 8) ? Ref<>::steal(window[at++].o) : Ref<>();
  Ref<PyFunctionObject> f = function_new(ts, code.get(), frame_function(base)->func_globals);
  if (!f) return nullptr;
  f->func_defaults = defaults.release();
  f->func_kwdefaults = kwdefaults.release();
  f->func_annotations = annotations.release();
  f->func_closure = closure.release();
  return obj(f.release());
}

// ---- import ------------------------------------------------------------------------------------------------------

PyObject* slow_import_name(ThreadState& ts, Slot* base, PyObject* name, PyObject* level, PyObject* fromlist) {
  PyFunctionObject* f = frame_function(base);
  Interpreter& interp = ts.interpreter();
  Ref<> import;
  const OnDemandState& d = interp.on_demand;
  if (ATOLL_UNLIKELY(d.import == OnDemandState::Import::kComing) && d.import_thread == ts.thread_id) {
    import = dup(interp.import_func);  // what importlib imports is not the program's business
  } else if (failed(namespace_lookup(ts, f->func_builtins, ID(__import__), &import))) {
    return nullptr;
  }
  if (!import) return raise(ts, PyExc_ImportError, "__import__ not found");
  PyObject* locals = frame_code(base)->has_namespace ? base[-1].o : Py_None;
  if (import.get() == interp.import_func) {
    Py_ssize_t n;
    if (failed(index_as_ssize(ts, level, &n))) return nullptr;
    return upcall_import_module_level(ts, name, f->func_globals, locals, fromlist, static_cast<int>(n)).release();
  }
  return call(ts, import.get(), name, f->func_globals, locals, fromlist, level).release();
}

PyObject* slow_import_from(ThreadState& ts, PyObject* module, PyObject* name) {
  Ref<> v;
  if (failed(object_lookup_attr(ts, module, name, &v))) return nullptr;
  if (v) return v.release();
  // A submodule that is being imported in a cycle is in sys.modules already.
  Ref<> package;
  if (failed(object_lookup_attr(ts, module, ID(__name__), &package))) return nullptr;
  Ref<> shown = package ? package.dup() : Ref<>();
  if (package && is_str(package.get())) {
    Ref<> full = str_format(ts, "%U.%U", package.get(), name);
    if (!full) return nullptr;
    Ref<> found;
    if (failed(dict_lookup(ts, ts.interpreter().modules, full.get(), &found))) return nullptr;
    if (found) return found.release();
  }
  Ref<> shown_name = shown && is_str(shown.get()) ? shown.dup() : str_from_ascii(ts, "<unknown module name>");
  if (!shown_name) return nullptr;
  Ref<> path;
  if (failed(object_lookup_attr(ts, module, ID(__file__), &path))) return nullptr;
  Ref<> message;
  if (!path || !is_str(path.get())) {
    path.reset();
    message = str_format(ts, "cannot import name %R from %R (unknown location)", name, shown_name.get());
  } else {
    Ref<> spec;
    if (failed(object_lookup_attr(ts, module, ID(__spec__), &spec))) return nullptr;
    bool initializing = false;
    if (spec) {
      Ref<> flag;
      Ref<> flag_name = str_interned(ts, "_initializing");
      if (!flag_name || failed(object_lookup_attr(ts, spec.get(), flag_name.get(), &flag))) return nullptr;
      if (flag) {
        Tri t = object_is_true(ts, flag.get());
        if (failed(t)) return nullptr;
        initializing = t == Tri::kTrue;
      }
    }
    message = str_format(ts,
                         initializing ? "cannot import name %R from partially initialized module %R "
                                        "(most likely due to a circular import) (%S)"
                                      : "cannot import name %R from %R (%S)",
                         name, shown_name.get(), path.get());
  }
  if (!message) return nullptr;
  upcall_set_import_error(ts, message.get(), shown ? shown.get() : nullptr, path.get(), name);
  return nullptr;
}

Status slow_import_star(ThreadState& ts, Slot* base, PyObject* module) {
  PyObject* ns = base[-1].o;
  if (ns == nullptr) return raise(ts, PyExc_SystemError, "no locals found during 'import *'");
  Ref<> all;
  bool skip_private = false;
  if (failed(object_lookup_attr(ts, module, ID(__all__), &all))) return Status::kError;
  if (!all) {
    Ref<> dict;
    if (failed(object_lookup_attr(ts, module, ID(__dict__), &dict))) return Status::kError;
    if (!dict) return raise(ts, PyExc_ImportError, "from-import-* object has no __dict__ and no __all__");
    Ref<> keys = call_method(ts, dict.get(), ID(keys));
    if (!keys) return Status::kError;
    all = list_from_iterable(ts, keys.get());
    if (!all) return Status::kError;
    skip_private = true;
  }
  for (Py_ssize_t i = 0;; ++i) {
    Ref<> index = int_from_ssize(ts, i);
    if (!index) return Status::kError;
    Ref<> name = object_getitem(ts, all.get(), index.get());
    if (!name) return error_clear_if(ts, PyExc_IndexError) ? Status::kOk : Status::kError;
    if (!is_str(name.get())) {
      Ref<> module_name;
      if (failed(object_lookup_attr(ts, module, ID(__name__), &module_name))) return Status::kError;
      if (!module_name || !is_str(module_name.get())) {
        return raise(ts, PyExc_TypeError, "module __name__ must be a string, not %T", module_name ? module_name.get() : Py_None);
      }
      return raise(ts, PyExc_TypeError, "%s in %U.%s must be str, not %T", skip_private ? "Key" : "Item", module_name.get(),
                   skip_private ? "__dict__" : "__all__", name.get());
    }
    if (skip_private && str_length(name.get()) != 0 && str_at(name.get(), 0) == '_') continue;
    Ref<> value = object_getattr(ts, module, name.get());
    if (!value || failed(slow_set_name(ts, base, name.get(), value.get()))) return Status::kError;
  }
}

}  // namespace atl
