// The _io module: open() and what ties the types together.
#include "Modules/_io/io.h"
#include "Modules/interpreter_parts.h"
#include "Modules/sys.h"
#include "Objects/module.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"

namespace atl::io {

State* state_of(PyObject* module) { return static_cast<State*>(PyModule_GetState(module)); }

namespace {

// UnsupportedOperation, a class of each interpreter's, made when somebody asks for it.
PyObject* unsupported_class(ThreadState& ts, PyObject* module) {
  State* s = state_of(module);
  if (s == nullptr || s->unsupported != nullptr) return s != nullptr ? s->unsupported : PyExc_OSError;
  Ref<> bases = tuple_of(ts, PyExc_OSError, PyExc_ValueError);
  Ref<> ns = dict_new(ts);
  Ref<> name = str_interned(ts, "UnsupportedOperation");
  Ref<> where = str_interned(ts, "io");
  if (!bases || !ns || !name || !where || failed(dict_set(ts, ns.get(), ID(__module__), where.get()))) return nullptr;
  Ref<> made = call(ts, obj(&PyType_Type), name.get(), bases.get(), ns.get());
  if (!made || failed(dict_make_with(ts, module_dict(module), name.get(), made.get()))) return nullptr;
  return s->unsupported = made.release();
}

}  // namespace

Raised raise_unsupported(ThreadState& ts, PyObject*, const char* text) {
  // The interpreter's module, whatever stands in sys.modules.
  Ref<> name = str_interned(ts, "_io");
  PyObject* modules = ts.interpreter().on_demand.early_modules;
  PyObject* module = name && modules != nullptr ? dict_peek_made(modules, name.get()) : nullptr;
  PyObject* error = module != nullptr && is_module(module) ? unsupported_class(ts, module) : PyExc_OSError;
  return error != nullptr ? raise(ts, error, "%s", text) : already_raised();
}
Raised raise_closed(ThreadState& ts) { return raise(ts, PyExc_ValueError, "I/O operation on closed file."); }

Tri is_closed(ThreadState& ts, PyObject* o) {
  Ref<> c = object_getattr(ts, o, ID(closed));
  return c ? object_is_true(ts, c.get()) : Tri::kError;
}
Status check_closed(ThreadState& ts, PyObject* o) {
  Tri t = is_closed(ts, o);
  if (failed(t)) return Status::kError;
  return t == Tri::kTrue ? Status(raise_closed(ts)) : Status::kOk;
}
Tri ask(ThreadState& ts, PyObject* o, const char* name) {
  Ref<> r = call_name(ts, o, name);
  return r ? object_is_true(ts, r.get()) : Tri::kError;
}
bool interrupted(ThreadState& ts) {
  Ref<> exc = error_take(ts);
  if (!exc) return false;
  bool eintr = is_instance_nocall(exc.get(), reinterpret_cast<PyTypeObject*>(PyExc_InterruptedError));
  if (eintr) return PyErr_CheckSignals() == 0;
  error_restore(ts, std::move(exc));
  return false;
}
Status as_offset(ThreadState& ts, PyObject* o, int64_t* out) {
  Ref<> i = number_index(ts, o);
  return i ? int_as_i64(ts, i.get(), out) : Status::kError;
}
Status as_size(ThreadState& ts, PyObject* o, Py_ssize_t* out) {
  *out = -1;
  if (o == nullptr || o == Py_None) return Status::kOk;
  if (!PyIndex_Check(o)) return raise(ts, PyExc_TypeError, "argument should be integer or None, not '%.200s'", o->ob_type->tp_name);
  return index_as_ssize(ts, o, out, PyExc_OverflowError);
}
bool finalize_before_dealloc(PyObject* o) { return PyObject_CallFinalizerFromDealloc(o) == 0; }
void free_instance(PyObject* o) {
  o->ob_type->tp_free(o);  // the type's count is the business of those derived from ours
}

namespace {

struct Mode {
  bool creating = false, reading = false, writing = false, appending = false, updating = false, text = false, binary = false;
};

bool parse_mode(ThreadState& ts, const char* mode, Mode* out) {
  bool bad = false;
  for (const char* p = mode; *p; ++p) {
    bool* field = *p == 'x' ? &out->creating : *p == 'r' ? &out->reading : *p == 'w' ? &out->writing : *p == 'a' ? &out->appending
                : *p == '+' ? &out->updating : *p == 't' ? &out->text : *p == 'b' ? &out->binary : nullptr;
    if (field == nullptr || *field) {
      bad = true;
      break;
    }
    *field = true;
  }
  if (bad) {
    (void)raise(ts, PyExc_ValueError, "invalid mode: '%s'", mode);
    return false;
  }
  if (out->text && out->binary) {
    (void)raise(ts, PyExc_ValueError, "can't have text and binary mode at once");
    return false;
  }
  if (out->creating + out->reading + out->writing + out->appending != 1) {
    (void)raise(ts, PyExc_ValueError, out->creating + out->reading + out->writing + out->appending > 1
                                          ? "must have exactly one of create/read/write/append mode"
                                          : "Must have exactly one of create/read/write/append mode and at most one plus");
    return false;
  }
  return true;
}

const char* text_or_null(ThreadState& ts, PyObject* o, const char* name, bool* ok) {
  *ok = true;
  if (o == nullptr || o == Py_None) return nullptr;
  if (!is_str(o)) {
    (void)raise(ts, PyExc_TypeError, "open() argument '%s' must be str or None, not %T", name, o);
    *ok = false;
    return nullptr;
  }
  const char* s = str_utf8(ts, o);
  *ok = s != nullptr;
  return s;
}

Ref<> m_open(ThreadState& ts, PyObject*, PyObject* file, PyUnicodeObject* mode_arg, int buffering, PyObject* encoding, PyObject* errors,
             PyObject* newline, bool closefd, PyObject* opener) {
  const char* mode = mode_arg != nullptr ? str_utf8(ts, obj(mode_arg)) : "r";
  if (mode == nullptr) return {};
  bool ok;
  const char* encoding_name = text_or_null(ts, encoding, "encoding", &ok);
  if (!ok) return {};
  const char* errors_name = text_or_null(ts, errors, "errors", &ok);
  if (!ok) return {};
  const char* newline_text = text_or_null(ts, newline, "newline", &ok);
  if (!ok) return {};
  Ref<> path = dup(file);
  if (!is_int(file)) {
    path = Ref<>::steal(PyOS_FSPath(file));
    if (!path) return {};
  }
  Mode f;
  if (!parse_mode(ts, mode, &f)) return {};
  if (f.binary) {
    if (encoding_name != nullptr) return raise(ts, PyExc_ValueError, "binary mode doesn't take an encoding argument");
    if (errors_name != nullptr) return raise(ts, PyExc_ValueError, "binary mode doesn't take an errors argument");
    if (newline_text != nullptr) return raise(ts, PyExc_ValueError, "binary mode doesn't take a newline argument");
  }
  if (f.binary && buffering == 1 &&
      failed(warn(ts, PyExc_RuntimeWarning, 1, "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used"))) {
    return {};
  }
  char raw_mode[4] = {};
  char* p = raw_mode;
  *p++ = f.creating ? 'x' : f.reading ? 'r' : f.writing ? 'w' : 'a';
  if (f.updating) *p++ = '+';
  Ref<> raw_mode_text = str_from_ascii(ts, raw_mode);
  if (!raw_mode_text) return {};
  Ref<> raw = call(ts, obj(&atoll_io_file_type), path.get(), raw_mode_text.get(), closefd ? Py_True : Py_False, opener != nullptr ? opener : Py_None);
  if (!raw) return {};
  Ref<> result = raw.dup();
  // Whatever fails from here on closes what has been opened.
  auto fail = [&]() -> Ref<> {
    Ref<> exc = error_take(ts);
    if (!call_method(ts, result.get(), ID(close))) error_clear(ts);
    error_restore(ts, std::move(exc));
    return {};
  };
  Tri tty = Tri::kFalse;
  if (buffering < 0) {
    tty = ask(ts, raw.get(), "isatty");
    if (failed(tty)) return fail();
  }
  bool line_buffering = false;
  if (!f.binary && (buffering == 1 || tty == Tri::kTrue)) {
    buffering = -1;
    line_buffering = true;
  }
  if (f.binary && buffering == 1) buffering = -1;
  Py_ssize_t size = buffering;
  if (buffering < 0) {
    Ref<> block = object_getattr(ts, raw.get(), "_blksize");
    if (!block || failed(index_as_ssize(ts, block.get(), &size))) return fail();
    if (size <= 1) size = kDefaultBufferSize;
  }
  if (size == 0) {
    if (!f.binary) {
      (void)raise(ts, PyExc_ValueError, "can't have unbuffered text I/O");
      return fail();
    }
    return raw;
  }
  PyTypeObject* type = f.updating                                      ? &atoll_io_buffered_random_type
                       : f.creating || f.writing || f.appending ? &atoll_io_buffered_writer_type
                                                                : &atoll_io_buffered_reader_type;
  Ref<> size_object = int_from_ssize(ts, size);
  Ref<> buffered = size_object ? call(ts, obj(type), raw.get(), size_object.get()) : Ref<>();
  if (!buffered) return fail();
  result = buffered.dup();
  if (f.binary) return buffered;
  Ref<> wrapper = call(ts, obj(&atoll_io_text_wrapper_type), buffered.get(), encoding != nullptr ? encoding : Py_None, errors != nullptr ? errors : Py_None,
                       newline != nullptr ? newline : Py_None, line_buffering ? Py_True : Py_False);
  if (!wrapper) return fail();
  result = wrapper.dup();
  if (failed(object_setattr(ts, wrapper.get(), ID(mode), mode_arg != nullptr ? obj(mode_arg) : str_from_ascii(ts, "r").get()))) return fail();
  return wrapper;
}

Ref<> m_open_code(ThreadState& ts, PyObject* m, PyUnicodeObject* path) {
  Ref<> mode = str_from_ascii(ts, "rb");
  return mode ? m_open(ts, m, obj(path), reinterpret_cast<PyUnicodeObject*>(mode.get()), -1, nullptr, nullptr, nullptr, true, nullptr) : Ref<>();
}

Ref<> m_text_encoding(ThreadState& ts, PyObject*, PyObject* encoding, int stacklevel) {
  if (encoding != Py_None) return dup(encoding);
  const Config* c = runtime().config;
  if (c != nullptr && c->warn_default_encoding && failed(warn(ts, PyExc_EncodingWarning, stacklevel, "'encoding' argument not specified"))) return {};
  return str_interned(ts, c != nullptr && c->utf8_mode ? "utf-8" : "locale");
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_open, "open", "($module, /, file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)",
                 "Open a file and return a stream.\n\nfile is a path or a descriptor; mode combines r, w, x or a with b or t and +."),
    ATOLL_METHOD(m_open_code, "open_code", "($module, /, path)", "Open a file with code, for reading bytes."),
    ATOLL_METHOD(m_text_encoding, "text_encoding", "($module, encoding, stacklevel=2, /)", "The encoding argument, or the default's name."),
    ATOLL_METHOD_END};

constexpr PyTypeObject* kTypes[] = {&atoll_io_base_type,           &atoll_io_raw_base_type,      &atoll_io_buffered_base_type,
                                    &atoll_io_text_base_type,      &atoll_io_file_type,          &atoll_io_bytes_type,
                                    &atoll_io_buffered_reader_type, &atoll_io_buffered_writer_type, &atoll_io_buffered_random_type,
                                    &atoll_io_buffered_pair_type,  &atoll_io_newline_decoder_type, &atoll_io_string_type,
                                    &atoll_io_text_wrapper_type};

int exec_io(PyObject* m) {
  ThreadState& ts = current_thread();
  if (PyModule_AddIntConstant(m, "DEFAULT_BUFFER_SIZE", kDefaultBufferSize) < 0) return -1;
  Ref<> name = str_interned(ts, "UnsupportedOperation");
  if (!name || failed(dict_set_unmade(ts, module_dict(m), name.get())) || failed(on_demand_add(ts, m))) return -1;
  if (PyModule_AddObjectRef(m, "BlockingIOError", PyExc_BlockingIOError) < 0) return -1;
  for (PyTypeObject* type : kTypes) {
    if (PyModule_AddType(m, type) < 0) return -1;
  }
  return 0;
}

int io_traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(state_of(m)->unsupported);
  return 0;
}
int io_clear(PyObject* m) {
  clear_field(state_of(m)->unsupported);
  return 0;
}

ATOLL_SEALED PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec_io)}, {0, nullptr}};
ATOLL_SEALED PyModuleDef g_def = {PyModuleDef_HEAD_INIT,
                                  "_io",
                                  "Streams: the core of the io module.",
                                  sizeof(State),
                                  reinterpret_cast<PyMethodDef*>(const_cast<MethodSpec*>(kMethods)),
                                  g_slots,
                                  io_traverse,
                                  io_clear,
                                  nullptr};
PyModuleDef* io_def() { return &g_def; }

}  // namespace
}  // namespace atl::io

namespace atl {
Ref<> io_make(ThreadState& ts, PyObject* module, PyObject* name) {
  if (PyModule_GetDef(module) != &io::g_def || !str_equals_ascii(name, "UnsupportedOperation")) return {};
  return Ref<>::dup_of(io::unsupported_class(ts, module));
}
}  // namespace atl

PyMODINIT_FUNC PyInit__io(void) { return PyModuleDef_Init(atl::io::io_def()); }
