// _warnings: filters and the C side of warnings.warn(). Showing a warning is the warnings module's business.
#include <cstdarg>
#include <cstring>

#include "Modules/interpreter_parts.h"
#include "Modules/module_def.h"
#include "Modules/sys.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/frame.h"
#include "Objects/generator.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/upcalls.h"
#include "Python/import/import.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/frame.h"
#include "frameobject.h"
#include "Python/compiler/compile.h"

namespace atl {

namespace {

PyTypeObject* as_class(PyObject* o) { return reinterpret_cast<PyTypeObject*>(o); }

Ref<> filter(ThreadState& ts, const char* action, PyObject* category, const char* module = nullptr) {
  Ref<> a = str_interned(ts, action);
  Ref<> m = module != nullptr ? str_interned(ts, module) : new_none();
  Ref<> zero = int_from_i64(ts, 0);
  if (!a || !m || !zero) return {};
  return tuple_of(ts, a.get(), Py_None, category, m.get(), zero.get());
}

Status add_filter(ThreadState& ts, PyObject* list, Ref<> f) { return f ? list_append(ts, list, std::move(f)) : Status::kError; }

// The warnings module's value when it has been imported (programs may replace it), which is remembered as ours; else ours.
Ref<> current(ThreadState& ts, const char* name, PyObject*& own) {
  PyObject* module = PyDict_GetItemString(ts.interpreter().modules, "warnings");
  if (module != nullptr && module != Py_None) {
    Ref<> hold = dup(module);
    Ref<> key = str_interned(ts, name);
    Ref<> v;
    if (!key || failed(object_lookup_attr(ts, module, key.get(), &v))) return {};
    if (v) {
      set_field(own, v.dup());
      return v;
    }
  }
  return dup(own);
}

// registry[key] says whether the text was shown already; the registry is emptied when filters changed. kTrue: seen.
Tri already_warned(ThreadState& ts, PyObject* registry, PyObject* key, bool set) {
  Interpreter& interp = ts.interpreter();
  Ref<> version = int_from_i64(ts, interp.warn_filters_version);
  Ref<> version_key = str_interned(ts, "version");
  if (!version || !version_key) return Tri::kError;
  PyObject* known = dict_peek(ts, registry, version_key.get());
  if (known == nullptr && error_set(ts)) return Tri::kError;
  bool same = false;
  if (known != nullptr && is_int(known)) {
    int overflow;
    same = int_as_i64_overflow(known, &overflow) == interp.warn_filters_version && overflow == 0;
  }
  if (!same) {
    dict_clear(ts, registry);
    if (failed(dict_set(ts, registry, version_key.get(), version.get()))) return Tri::kError;
  } else {
    Ref<> seen;
    if (failed(dict_lookup(ts, registry, key, &seen))) return Tri::kError;
    if (seen) {
      Tri t = object_is_true(ts, seen.get());
      if (t != Tri::kFalse) return t;
    }
  }
  if (set && failed(dict_set(ts, registry, key, Py_True))) return Tri::kError;
  return Tri::kFalse;
}

// Does a filter's pattern (None, a str, or a compiled regular expression) match a text from its beginning?
Tri pattern_matches(ThreadState& ts, PyObject* pattern, PyObject* text) {
  if (pattern == Py_None) return Tri::kTrue;
  if (is_exact_str(pattern)) return tri(str_equal(pattern, text));
  Ref<> match = str_interned(ts, "match");
  Ref<> r = match ? call_method(ts, pattern, match.get(), text) : Ref<>();
  return r ? object_is_true(ts, r.get()) : Tri::kError;
}

// *item_out: the filter that said so; None for the default.
Ref<> find_action(ThreadState& ts, PyObject* category, PyObject* text, int lineno, PyObject* module, Ref<>* item_out) {
  Interpreter& interp = ts.interpreter();
  Ref<> filters = current(ts, "filters", interp.warn_filters);
  if (!filters) return {};
  if (!is_list(filters.get())) return raise(ts, PyExc_ValueError, "_warnings.filters must be a list");
  for (Py_ssize_t i = 0; i < list_size(filters.get()); ++i) {
    Ref<> item = dup(list_items(filters.get())[i]);
    if (!is_tuple(item.get()) || tuple_size(item.get()) != 5) {
      return raise(ts, PyExc_ValueError, "_warnings.filters item %zd isn't a 5-tuple", i);
    }
    PyObject** f = tuple_items(item.get());
    if (!is_str(f[0])) return raise(ts, PyExc_TypeError, "action must be a string, not '%.200s'", f[0]->ob_type->tp_name);
    Tri sub = object_issubclass(ts, category, f[2]);
    if (failed(sub)) return {};
    if (sub == Tri::kFalse) continue;
    if (!is_int(f[4])) return raise(ts, PyExc_TypeError, "an integer is required");
    Py_ssize_t line;
    if (failed(index_as_ssize(ts, f[4], &line, PyExc_OverflowError))) return {};
    if (line != 0 && line != lineno) continue;
    Tri t = pattern_matches(ts, f[1], text);
    if (t == Tri::kTrue) t = pattern_matches(ts, f[3], module);
    if (failed(t)) return {};
    if (t == Tri::kTrue) {
      Ref<> action = dup(f[0]);
      *item_out = std::move(item);
      return action;
    }
  }
  *item_out = new_none();
  Ref<> action = current(ts, "defaultaction", interp.warn_default_action);
  if (action && !is_str(action.get())) {
    return raise(ts, PyExc_TypeError, "_warnings.defaultaction must be a string, not '%.200s'", action.get()->ob_type->tp_name);
  }
  return action;
}

// "file:line: Category: text" and the source line, as the warnings module shows it; used while that can't be imported.
void show_plain(ThreadState& ts, PyObject* filename, int lineno, PyObject* text, PyObject* category) {
  Ref<> name = object_getattr(ts, category, ID(__name__));
  Ref<> line = name ? str_format(ts, "%S:%d: %S: %S\n", filename, lineno, name.get(), text) : Ref<>();
  const char* utf8 = line ? str_utf8(ts, line.get()) : nullptr;
  if (utf8 != nullptr) sys_write_stderr(ts, utf8);
  error_clear(ts);
  // The source line, without what stands around its text.
  Ref<> source = compiler::file_line(ts, filename, lineno);
  const char* raw = source && is_str(source.get()) ? str_utf8(ts, source.get()) : nullptr;
  if (raw != nullptr) {
    std::string_view stripped(raw);
    while (!stripped.empty() && (stripped.front() == ' ' || stripped.front() == '\t' || stripped.front() == '\f')) stripped.remove_prefix(1);
    while (!stripped.empty() && (stripped.back() == '\n' || stripped.back() == '\r' || stripped.back() == ' ')) stripped.remove_suffix(1);
    Ref<> text_of_line = str_from_utf8(ts, stripped);
    Ref<> shown = text_of_line ? str_format(ts, "  %U\n", text_of_line.get()) : Ref<>();
    const char* shown_utf8 = shown ? str_utf8(ts, shown.get()) : nullptr;
    if (!stripped.empty() && shown_utf8 != nullptr) sys_write_stderr(ts, shown_utf8);
  }
  error_clear(ts);
}

Status show(ThreadState& ts, PyObject* category, PyObject* text, PyObject* message, PyObject* filename, int lineno, PyObject* source) {
  // Showing needs the warnings module; while it is being imported itself, or at the end, plain text has to do.
  PyObject* module = PyDict_GetItemString(ts.interpreter().modules, "warnings");
  Ref<> warnings = Ref<>::dup_of(module);
  if (!warnings && !ts.interpreter().finalizing && source != nullptr) {
    warnings = import_module(ts, "warnings");
    if (!warnings) error_clear(ts);
  }
  Ref<> function;
  if (warnings && warnings.get() != Py_None) {
    Ref<> name = str_interned(ts, "_showwarnmsg");
    if (!name || failed(object_lookup_attr(ts, warnings.get(), name.get(), &function))) return Status::kError;
  }
  if (!function) {
    show_plain(ts, filename, lineno, text, category);
    return Status::kOk;
  }
  if (!PyCallable_Check(function.get())) {
    return raise(ts, PyExc_TypeError, "warnings._showwarnmsg() must be set to a callable");
  }
  Ref<> type_name = str_interned(ts, "WarningMessage");
  Ref<> type;
  if (!type_name || failed(object_lookup_attr(ts, warnings.get(), type_name.get(), &type))) return Status::kError;
  if (!type) return raise(ts, PyExc_RuntimeError, "unable to get warnings.WarningMessage");
  Ref<> line = int_from_i64(ts, lineno);
  if (!line) return Status::kError;
  Ref<> record = call(ts, type.get(), message, category, filename, line.get(), Py_None, Py_None, source ? source : Py_None);
  return record && call(ts, function.get(), record.get()) ? Status::kOk : Status::kError;
}

Status warn_explicit(ThreadState& ts, PyObject* category, PyObject* message, PyObject* filename, int lineno, PyObject* module,
                     PyObject* registry, PyObject* source) {
  // While the interpreter ends a module's name may be None: such warnings are dropped.
  if (module == Py_None) return Status::kOk;
  Ref<> module_name = Ref<>::dup_of(module);
  if (module == nullptr) {
    // The file's name without ".py".
    Py_ssize_t n = str_length(filename);
    Ref<> suffix = str_from_ascii(ts, ".py");
    if (!suffix) return Status::kError;
    if (n == 0) {
      module_name = str_from_ascii(ts, "<unknown>");
    } else if (n > 3 && str_find(filename, suffix.get(), n - 3, n, 1) >= 0) {
      module_name = str_substring(ts, filename, 0, n - 3);
    } else {
      module_name = dup(filename);
    }
    if (!module_name) return Status::kError;
  }
  if (registry != nullptr && registry != Py_None && !is_dict(registry)) {
    return raise(ts, PyExc_TypeError, "'registry' must be a dict or None");
  }
  bool has_registry = registry != nullptr && registry != Py_None;
  Ref<> text;
  Ref<> instance;
  if (is_instance_nocall(message, as_class(PyExc_Warning))) {
    text = object_str(ts, message);
    instance = dup(message);
    category = obj(message->ob_type);
  } else {
    text = dup(message);
    instance = call(ts, category, message);
  }
  if (!text || !instance) return Status::kError;
  Ref<> line = int_from_i64(ts, lineno);
  Ref<> key = line ? tuple_of(ts, text.get(), category, line.get()) : Ref<>();
  if (!key) return Status::kError;
  if (has_registry) {
    Tri seen = already_warned(ts, registry, key.get(), false);
    if (seen != Tri::kFalse) return failed(seen) ? Status::kError : Status::kOk;
  }
  Ref<> item;
  Ref<> action = find_action(ts, category, text.get(), lineno, module_name.get(), &item);
  if (!action) return Status::kError;
  auto is = [&](const char* name) { return str_equals_ascii(action.get(), name); };
  if (is("error")) return raise_object(ts, category, instance.get());
  if (is("ignore")) return Status::kOk;
  if (!is("always")) {
    // "once" and "module" also remember the text without its line: once per registry.
    if (has_registry && failed(dict_set(ts, registry, key.get(), Py_True))) return Status::kError;
    Tri seen = Tri::kFalse;
    if (is("once") || is("module")) {
      Ref<> where = has_registry ? dup(registry) : Ref<>();
      if (!where && is("once")) {
        where = current(ts, "onceregistry", ts.interpreter().warn_once_registry);
        if (!where) return Status::kError;
        if (!is_dict(where.get())) {
          return raise(ts, PyExc_TypeError, "_warnings.onceregistry must be a dict, not '%.200s'", where.get()->ob_type->tp_name);
        }
      }
      Ref<> short_key = tuple_of(ts, text.get(), category);
      if (!short_key) return Status::kError;
      if (where) seen = already_warned(ts, where.get(), short_key.get(), true);
    } else if (!is("default")) {
      return raise(ts, PyExc_RuntimeError, "Unrecognized action (%R) in warnings.filters:\n %R", action.get(), item.get());
    }
    if (seen != Tri::kFalse) return failed(seen) ? Status::kError : Status::kOk;
  }
  return show(ts, category, text.get(), instance.get(), filename, lineno, source);
}

// importlib's own frames do not count as the caller's.
bool is_internal_frame(CodeObject* code) {
  const char* name = PyUnicode_AsUTF8(code->head.co_filename);
  if (name == nullptr) {
    PyErr_Clear();
    return false;
  }
  return std::strstr(name, "importlib") != nullptr && std::strstr(name, "_bootstrap") != nullptr;
}

struct Place {
  Ref<> filename, module, registry;
  int lineno = 1;
};

Status find_place(ThreadState& ts, Py_ssize_t level, Place* out) {
  FrameCursor c = frame_top(ts);
  auto below = [&](FrameCursor f) { return frame_below(f); };
  if (level <= 0 || (c.base != nullptr && is_internal_frame(frame_code(c.base)))) {
    while (--level > 0 && c.base != nullptr) c = below(c);
  } else {
    while (--level > 0 && c.base != nullptr) {
      do {
        c = below(c);
      } while (c.base != nullptr && is_internal_frame(frame_code(c.base)));
    }
  }
  PyObject* globals;
  if (c.base == nullptr) {
    globals = ts.interpreter().sysdict;
    out->filename = str_from_ascii(ts, "sys");
    out->lineno = 1;
  } else {
    CodeObject* code = frame_code(c.base);
    globals = frame_function(c.base)->func_globals;
    out->filename = dup(code->head.co_filename);
    int line = code_line(code, code_pc(code, c.pc));
    out->lineno = line > 0 ? line : code->head.co_firstlineno;
  }
  if (!out->filename) return Status::kError;
  Ref<> key = str_interned(ts, "__warningregistry__");
  if (!key || failed(dict_lookup(ts, globals, key.get(), &out->registry))) return Status::kError;
  if (!out->registry) {
    out->registry = dict_new(ts);
    if (!out->registry || failed(dict_set(ts, globals, key.get(), out->registry.get()))) return Status::kError;
  }
  if (failed(dict_lookup(ts, globals, ID(__name__), &out->module))) return Status::kError;
  if (!out->module || !is_str(out->module.get())) out->module = str_from_ascii(ts, "<string>");
  return out->module ? Status::kOk : Status::kError;
}

Status do_warn(ThreadState& ts, PyObject* message, PyObject* category, Py_ssize_t level, PyObject* source) {
  Place place;
  if (failed(find_place(ts, level, &place))) return Status::kError;
  return warn_explicit(ts, category, message, place.filename.get(), place.lineno, place.module.get(), place.registry.get(), source);
}

PyObject* category_of(ThreadState& ts, PyObject* message, PyObject* category) {
  if (is_instance_nocall(message, as_class(PyExc_Warning))) {
    category = obj(message->ob_type);
  } else if (category == nullptr || category == Py_None) {
    category = PyExc_UserWarning;
  }
  Tri sub = PyType_Check(category) ? object_issubclass(ts, category, PyExc_Warning) : Tri::kFalse;
  if (sub == Tri::kTrue) return category;
  if (!failed(sub)) (void)raise(ts, PyExc_TypeError, "category must be a Warning subclass, not '%s'", category->ob_type->tp_name);
  return nullptr;
}

Ref<> m_warn(ThreadState& ts, PyObject*, PyObject* message, PyObject* category, Py_ssize_t stacklevel, PyObject* source) {
  category = category_of(ts, message, category);
  if (category == nullptr) return {};
  return failed(do_warn(ts, message, category, stacklevel, source == Py_None ? nullptr : source)) ? Ref<>() : new_none();
}

// Lets the loader of module_globals find the source, as linecache would, so that errors in it show here.
Status ask_loader(ThreadState& ts, PyObject* module_globals, int lineno) {
  Ref<> loader_key = str_interned(ts, "__loader__");
  Ref<> loader, name, get_source;
  if (!loader_key || failed(dict_lookup(ts, module_globals, loader_key.get(), &loader))) return Status::kError;
  if (failed(dict_lookup(ts, module_globals, ID(__name__), &name))) return Status::kError;
  if (!loader || !name) return Status::kOk;
  Ref<> method = str_interned(ts, "get_source");
  if (!method || failed(object_lookup_attr(ts, loader.get(), method.get(), &get_source))) return Status::kError;
  if (!get_source) return Status::kOk;
  Ref<> source = call(ts, get_source.get(), name.get());
  if (!source) return Status::kError;
  if (source.get() == Py_None) return Status::kOk;
  Ref<> lines = Ref<>::steal(PyUnicode_Splitlines(source.get(), 0));
  if (!lines) return Status::kError;
  Ref<> line = Ref<>::steal(PySequence_GetItem(lines.get(), lineno - 1));
  return line ? Status::kOk : Status::kError;
}

Ref<> m_warn_explicit(ThreadState& ts, PyObject*, PyObject* message, PyObject* category, PyObject* filename, int lineno,
                      PyObject* module, PyObject* registry, PyObject* module_globals, PyObject* source) {
  if (!is_str(filename)) return raise(ts, PyExc_TypeError, "warn_explicit() argument 3 must be str, not %.200s", filename->ob_type->tp_name);
  if (module_globals != nullptr && module_globals != Py_None) {
    if (!is_dict(module_globals)) {
      return raise(ts, PyExc_TypeError, "module_globals must be a dict, not '%.200s'", module_globals->ob_type->tp_name);
    }
    if (failed(ask_loader(ts, module_globals, lineno))) return {};
  }
  Status s = warn_explicit(ts, category, message, filename, lineno, module, registry, source == Py_None ? nullptr : source);
  return failed(s) ? Ref<>() : new_none();
}

Ref<> m_filters_mutated(ThreadState& ts, PyObject*) {
  ++ts.interpreter().warn_filters_version;
  return new_none();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_warn, "warn", "($module, /, message, category=None, stacklevel=1, source=None)", "Issue a warning, or maybe ignore it or raise an exception."),
    ATOLL_METHOD(m_warn_explicit, "warn_explicit", "($module, /, message, category, filename, lineno, module=None, registry=None, module_globals=None, source=None)", "Issue a warning, or maybe ignore it or raise an exception."),
    ATOLL_METHOD(m_filters_mutated, "_filters_mutated", "($module, /)", "Tell that the filters have changed."),
    ATOLL_METHOD_END};

int exec_warnings(PyObject* m) {
  Interpreter& interp = current_thread().interpreter();
  return PyModule_AddObjectRef(m, "filters", interp.warn_filters) < 0 ||
                 PyModule_AddObjectRef(m, "_onceregistry", interp.warn_once_registry) < 0 ||
                 PyModule_AddObjectRef(m, "_defaultaction", interp.warn_default_action) < 0
             ? -1
             : 0;
}

}  // namespace

Status warnings_init(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  interp.warn_filters = list_new(ts, 0).release();
  interp.warn_once_registry = dict_new(ts).release();
  interp.warn_default_action = str_interned(ts, "default").release();
  if (!interp.warn_filters || !interp.warn_once_registry || !interp.warn_default_action) return Status::kError;
  PyObject* l = interp.warn_filters;
  bool ok = !failed(add_filter(ts, l, filter(ts, "default", PyExc_DeprecationWarning, "__main__"))) &&
            !failed(add_filter(ts, l, filter(ts, "ignore", PyExc_DeprecationWarning))) &&
            !failed(add_filter(ts, l, filter(ts, "ignore", PyExc_PendingDeprecationWarning))) &&
            !failed(add_filter(ts, l, filter(ts, "ignore", PyExc_ImportWarning))) &&
            !failed(add_filter(ts, l, filter(ts, "ignore", PyExc_ResourceWarning)));
  return ok ? Status::kOk : Status::kError;
}

void warnings_clear(ThreadState& ts) {
  clear_field(ts.interpreter().warn_filters);
  clear_field(ts.interpreter().warn_once_registry);
  clear_field(ts.interpreter().warn_default_action);
}

Status warn(ThreadState& ts, PyObject* category, Py_ssize_t level, const char* format, ...) {
  va_list args;
  va_start(args, format);
  Ref<> message = str_format_va(ts, format, args);
  va_end(args);
  return message ? do_warn(ts, message.get(), category, level, nullptr) : Status::kError;
}

void warn_unawaited(ThreadState& ts, PyObject* coroutine) {
  Ref<> function;
  Ref<> module = import_module(ts, "warnings");
  if (module) {
    Ref<> name = str_interned(ts, "_warn_unawaited_coroutine");
    if (!name || failed(object_lookup_attr(ts, module.get(), name.get(), &function))) error_clear(ts);
  } else {
    error_clear(ts);
  }
  if (function) {
    // A RuntimeWarning that has become an error has warned, too.
    bool warned = call(ts, function.get(), coroutine) || error_matches(ts, PyExc_RuntimeWarning);
    if (error_set(ts)) write_unraisable(ts, coroutine);
    if (warned) return;
  }
  if (failed(warn(ts, PyExc_RuntimeWarning, 1, "coroutine '%S' was never awaited", as_gen(coroutine)->gi_qualname))) {
    write_unraisable(ts, coroutine);
  }
}

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__warnings, "_warnings", "The core of the warnings module.", 0, atl::kMethods, atl::exec_warnings)

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

int PyErr_WarnEx(PyObject* category, const char* text, Py_ssize_t level) {
  ThreadState& ts = current_thread();
  Ref<> message = str_from_utf8(ts, text);
  if (!message) return -1;
  return static_cast<int>(do_warn(ts, message.get(), category != nullptr ? category : PyExc_RuntimeWarning, level, nullptr));
}
int PyErr_WarnFormat(PyObject* category, Py_ssize_t level, const char* format, ...) {
  ThreadState& ts = current_thread();
  va_list args;
  va_start(args, format);
  Ref<> message = str_format_va(ts, format, args);
  va_end(args);
  return message ? static_cast<int>(do_warn(ts, message.get(), category != nullptr ? category : PyExc_RuntimeWarning, level, nullptr)) : -1;
}
int PyErr_ResourceWarning(PyObject* source, Py_ssize_t level, const char* format, ...) {
  ThreadState& ts = current_thread();
  va_list args;
  va_start(args, format);
  Ref<> message = str_format_va(ts, format, args);
  va_end(args);
  return message ? static_cast<int>(do_warn(ts, message.get(), PyExc_ResourceWarning, level, source)) : -1;
}
int PyErr_WarnExplicitObject(PyObject* category, PyObject* message, PyObject* filename, int lineno, PyObject* module, PyObject* registry) {
  return static_cast<int>(warn_explicit(current_thread(), category != nullptr ? category : PyExc_RuntimeWarning, message, filename, lineno, module, registry, nullptr));
}
int PyErr_WarnExplicit(PyObject* category, const char* text, const char* filename, int lineno, const char* module, PyObject* registry) {
  ThreadState& ts = current_thread();
  Ref<> message = str_from_utf8(ts, text);
  Ref<> file = Ref<>::steal(PyUnicode_DecodeFSDefault(filename));
  Ref<> name = module != nullptr ? str_from_utf8(ts, module) : Ref<>();
  if (!message || !file || (module != nullptr && !name)) return -1;
  return PyErr_WarnExplicitObject(category, message.get(), file.get(), lineno, name.get(), registry);
}
int PyErr_WarnExplicitFormat(PyObject* category, const char* filename, int lineno, const char* module, PyObject* registry, const char* format, ...) {
  ThreadState& ts = current_thread();
  va_list args;
  va_start(args, format);
  Ref<> message = str_format_va(ts, format, args);
  va_end(args);
  Ref<> file = message ? Ref<>::steal(PyUnicode_DecodeFSDefault(filename)) : Ref<>();
  if (!file) return -1;
  Ref<> name;
  if (module != nullptr && !(name = str_from_utf8(ts, module))) return -1;
  return PyErr_WarnExplicitObject(category, message.get(), file.get(), lineno, name.get(), registry);
}
