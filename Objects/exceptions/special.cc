// Exceptions with fields of their own.
#include <cerrno>
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "structmember.h"

namespace atl {

namespace {

constexpr PyMemberDef kMembersEnd{nullptr, 0, 0, 0, nullptr};

template <class T>
void put(T*& field, PyObject* value) {
  set_field(field, Ref<T>::dup_of(value));
}

// Keyword-only fields of an exception: takes those named out of kwargs; anything else raises.
bool take_keywords(ThreadState& ts, PyObject* self, PyObject* kwargs, const char* const* names, PyObject** out, int n) {
  for (int i = 0; i < n; ++i) out[i] = nullptr;
  if (kwargs == nullptr) return true;
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(kwargs, &pos, &key, &value)) {
    int i = 0;
    while (i < n && !str_equals_ascii(key, names[i])) ++i;
    if (i == n) {
      (void)raise(ts, PyExc_TypeError, "'%U' is an invalid keyword argument for %s()", key, type_short_name(self->ob_type));
      return false;
    }
    out[i] = value;
  }
  return true;
}

// ---- StopIteration -----------------------------------------------------------------------------------------------

int stop_iteration_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (exception_init(self, args, kwargs) < 0) return -1;
  put(reinterpret_cast<PyStopIterationObject*>(self)->value, tuple_size(args) > 0 ? tuple_peek(args, 0) : Py_None);
  return 0;
}
constexpr PyMemberDef kStopMembers[] = {{"value", T_OBJECT, offsetof(PyStopIterationObject, value), 0, "generator return value"}, kMembersEnd};
const Py_ssize_t kStopFields[] = {offsetof(PyStopIterationObject, value), 0};

// ---- SystemExit --------------------------------------------------------------------------------------------------

int system_exit_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (exception_init(self, args, kwargs) < 0) return -1;
  auto* e = reinterpret_cast<PySystemExitObject*>(self);
  Py_ssize_t n = tuple_size(args);
  if (n == 0) return 0;
  put(e->code, n == 1 ? tuple_peek(args, 0) : args);
  return 0;
}
constexpr PyMemberDef kExitMembers[] = {{"code", T_OBJECT, offsetof(PySystemExitObject, code), 0, "exception code"}, kMembersEnd};
const Py_ssize_t kExitFields[] = {offsetof(PySystemExitObject, code), 0};

// ---- ImportError -------------------------------------------------------------------------------------------------

PyImportErrorObject* as_import(PyObject* o) { return reinterpret_cast<PyImportErrorObject*>(o); }

int import_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (exception_init(self, args, nullptr) < 0) return -1;
  static constexpr const char* kNames[] = {"name", "path"};
  PyObject* given[2];
  if (!take_keywords(ts, self, kwargs, kNames, given, 2)) return -1;
  auto* e = as_import(self);
  put(e->name, given[0]);
  put(e->path, given[1]);
  put(e->msg, tuple_size(args) == 1 ? tuple_peek(args, 0) : nullptr);
  return 0;
}
Ref<> import_str(ThreadState& ts, PyObject* self) {
  if (as_import(self)->msg != nullptr && is_exact_str(as_import(self)->msg)) return dup(as_import(self)->msg);
  return exception_str(ts, self);
}
Ref<> import_reduce(ThreadState& ts, PyImportErrorObject* e) {
  Ref<> state;
  if (e->name != nullptr || e->path != nullptr) {
    state = e->dict != nullptr ? dict_copy(ts, e->dict) : dict_new(ts);
    if (!state) return {};
    if (e->name != nullptr && failed(dict_set(ts, state.get(), ID(name), e->name))) return {};
    if (e->path != nullptr && failed(dict_set(ts, state.get(), ID(path), e->path))) return {};
  } else if (e->dict != nullptr) {
    state = dup(e->dict);
  }
  PyObject* type = obj(e->ob_base.ob_type);
  return state ? tuple_of(ts, type, e->args, state.get()) : tuple_of(ts, type, e->args);
}
constexpr PyMemberDef kImportMembers[] = {{"msg", T_OBJECT, offsetof(PyImportErrorObject, msg), 0, "exception message"},
                                          {"name", T_OBJECT, offsetof(PyImportErrorObject, name), 0, "module name"},
                                          {"path", T_OBJECT, offsetof(PyImportErrorObject, path), 0, "module path"},
                                          kMembersEnd};
constexpr MethodSpec kImportMethods[] = {ATOLL_METHOD(import_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};
const Py_ssize_t kImportFields[] = {offsetof(PyImportErrorObject, msg), offsetof(PyImportErrorObject, name), offsetof(PyImportErrorObject, path), 0};

// ---- NameError, AttributeError -----------------------------------------------------------------------------------

int name_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (exception_init(self, args, nullptr) < 0) return -1;
  static constexpr const char* kNames[] = {"name"};
  PyObject* given[1];
  if (!take_keywords(ts, self, kwargs, kNames, given, 1)) return -1;
  put(reinterpret_cast<PyNameErrorObject*>(self)->name, given[0]);
  return 0;
}
constexpr PyMemberDef kNameMembers[] = {{"name", T_OBJECT, offsetof(PyNameErrorObject, name), 0, "name"}, kMembersEnd};
const Py_ssize_t kNameFields[] = {offsetof(PyNameErrorObject, name), 0};

int attribute_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (exception_init(self, args, nullptr) < 0) return -1;
  static constexpr const char* kNames[] = {"name", "obj"};
  PyObject* given[2];
  if (!take_keywords(ts, self, kwargs, kNames, given, 2)) return -1;
  auto* e = reinterpret_cast<PyAttributeErrorObject*>(self);
  put(e->name, given[0]);
  put(e->obj, given[1]);
  return 0;
}
constexpr PyMemberDef kAttributeMembers[] = {{"name", T_OBJECT, offsetof(PyAttributeErrorObject, name), 0, "attribute name"},
                                             {"obj", T_OBJECT, offsetof(PyAttributeErrorObject, obj), 0, "object"},
                                             kMembersEnd};
const Py_ssize_t kAttributeFields[] = {offsetof(PyAttributeErrorObject, name), offsetof(PyAttributeErrorObject, obj), 0};

// ---- KeyError ----------------------------------------------------------------------------------------------------

// The key's repr: "KeyError: ''" would say nothing.
Ref<> key_str(ThreadState& ts, PyObject* self) {
  PyObject* args = as_exception(self)->args;
  if (tuple_size(args) == 1) return object_repr(ts, tuple_peek(args, 0));
  return exception_str(ts, self);
}

// ---- SyntaxError -------------------------------------------------------------------------------------------------

PySyntaxErrorObject* as_syntax(PyObject* o) { return reinterpret_cast<PySyntaxErrorObject*>(o); }

int syntax_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (exception_init(self, args, kwargs) < 0) return -1;
  auto* e = as_syntax(self);
  Py_ssize_t n = tuple_size(args);
  if (n >= 1) put(e->msg, tuple_peek(args, 0));
  if (n != 2) return 0;
  Ref<> info = tuple_from_iterable(ts, tuple_peek(args, 1));
  if (!info) return -1;
  Py_ssize_t m = tuple_size(info.get());
  if (m < 4) {
    (void)raise(ts, PyExc_TypeError, "function missing required argument '%s' (pos %zd)",
                m == 0 ? "filename" : m == 1 ? "lineno" : m == 2 ? "offset" : "text", m + 1);
    return -1;
  }
  if (m > 6) {
    (void)raise(ts, PyExc_TypeError, "function takes at most 6 arguments (%zd given)", m);
    return -1;
  }
  PyObject** v = tuple_items(info.get());
  put(e->filename, v[0]);
  put(e->lineno, v[1]);
  put(e->offset, v[2]);
  put(e->text, v[3]);
  put(e->end_lineno, m > 4 ? v[4] : nullptr);
  put(e->end_offset, m > 5 ? v[5] : nullptr);
  if (m == 5) {
    (void)raise(ts, PyExc_TypeError, "end_offset must be provided when end_lineno is provided");
    return -1;
  }
  return 0;
}

Ref<> syntax_str(ThreadState& ts, PyObject* self) {
  auto* e = as_syntax(self);
  Ref<> filename;
  if (e->filename != nullptr && is_str(e->filename)) {
    // The part after the last slash.
    Py_ssize_t n = str_length(e->filename);
    Ref<> slash = str_from_ascii(ts, "/");
    if (!slash) return {};
    Py_ssize_t at = str_find(e->filename, slash.get(), 0, n, -1);
    filename = str_substring(ts, e->filename, at + 1, n);
    if (!filename) return {};
  }
  bool has_line = e->lineno != nullptr && is_exact_int(e->lineno);
  PyObject* msg = e->msg != nullptr ? e->msg : Py_None;
  if (!filename && !has_line) return object_str(ts, msg);
  int overflow = 0;
  int64_t line = has_line ? int_as_i64_overflow(e->lineno, &overflow) : 0;
  if (filename && has_line) return str_format(ts, "%S (%U, line %lld)", msg, filename.get(), static_cast<long long>(line));
  if (filename) return str_format(ts, "%S (%U)", msg, filename.get());
  return str_format(ts, "%S (line %lld)", msg, static_cast<long long>(line));
}
constexpr PyMemberDef kSyntaxMembers[] = {
    {"msg", T_OBJECT, offsetof(PySyntaxErrorObject, msg), 0, "exception msg"},
    {"filename", T_OBJECT, offsetof(PySyntaxErrorObject, filename), 0, "exception filename"},
    {"lineno", T_OBJECT, offsetof(PySyntaxErrorObject, lineno), 0, "exception lineno"},
    {"offset", T_OBJECT, offsetof(PySyntaxErrorObject, offset), 0, "exception offset"},
    {"text", T_OBJECT, offsetof(PySyntaxErrorObject, text), 0, "exception text"},
    {"end_lineno", T_OBJECT, offsetof(PySyntaxErrorObject, end_lineno), 0, "exception end lineno"},
    {"end_offset", T_OBJECT, offsetof(PySyntaxErrorObject, end_offset), 0, "exception end offset"},
    {"print_file_and_line", T_OBJECT, offsetof(PySyntaxErrorObject, print_file_and_line), 0, "exception print_file_and_line"},
    kMembersEnd};
const Py_ssize_t kSyntaxFields[] = {offsetof(PySyntaxErrorObject, msg),
                                    offsetof(PySyntaxErrorObject, filename),
                                    offsetof(PySyntaxErrorObject, lineno),
                                    offsetof(PySyntaxErrorObject, offset),
                                    offsetof(PySyntaxErrorObject, text),
                                    offsetof(PySyntaxErrorObject, end_lineno),
                                    offsetof(PySyntaxErrorObject, end_offset),
                                    offsetof(PySyntaxErrorObject, print_file_and_line),
                                    0};

// ---- OSError -----------------------------------------------------------------------------------------------------

PyOSErrorObject* as_os(PyObject* o) { return reinterpret_cast<PyOSErrorObject*>(o); }

// OSError(errno, strerror[, filename[, winerror[, filename2]]]): the instance's class follows from errno, so the
// arguments are looked at when the object is made, unless a subclass has its own __init__ and not its own __new__.
bool parses_in_init(PyTypeObject* type) {
  return type->tp_init != reinterpret_cast<PyTypeObject*>(PyExc_OSError)->tp_init &&
         type->tp_new == reinterpret_cast<PyTypeObject*>(PyExc_OSError)->tp_new;
}

struct OsArgs {
  PyObject* error = nullptr;
  PyObject* text = nullptr;
  PyObject* filename = nullptr;
  PyObject* filename2 = nullptr;
};

void parse_os_args(PyObject* args, OsArgs* out) {
  Py_ssize_t n = tuple_size(args);
  if (n < 2 || n > 5) return;
  PyObject** v = tuple_items(args);
  out->error = v[0];
  out->text = v[1];
  if (n > 2) out->filename = v[2];
  if (n > 4) out->filename2 = v[4];
}

Status fill_os(ThreadState& ts, PyObject* self, PyObject* args, const OsArgs& a) {
  auto* e = as_os(self);
  Ref<> kept = dup(args);
  if (a.filename != nullptr && a.filename != Py_None) {
    // BlockingIOError's third argument is a number of characters.
    if (self->ob_type == reinterpret_cast<PyTypeObject*>(PyExc_BlockingIOError) && PyNumber_Check(a.filename)) {
      Py_ssize_t written;
      if (failed(index_as_ssize(ts, a.filename, &written, PyExc_ValueError))) return Status::kError;
      e->written = written;
    } else {
      put(e->filename, a.filename);
      if (a.filename2 != nullptr && a.filename2 != Py_None) put(e->filename2, a.filename2);
      if (tuple_size(args) >= 2 && tuple_size(args) <= 5) {
        // The file names are attributes, not part of args.
        kept = tuple_slice(ts, args, 0, 2);
        if (!kept) return Status::kError;
      }
    }
  }
  put(e->myerrno, a.error);
  put(e->strerror, a.text);
  set_field(e->args, std::move(kept));
  return Status::kOk;
}

PyObject* os_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  OsArgs a;
  if (!parses_in_init(type)) {
    if (kwargs != nullptr && dict_size(kwargs) != 0) {
      return raise(ts, PyExc_TypeError, "%s() takes no keyword arguments", type->tp_name);
    }
    parse_os_args(args, &a);
    if (type == reinterpret_cast<PyTypeObject*>(PyExc_OSError) && a.error != nullptr && is_int(a.error)) {
      int overflow;
      int64_t error = int_as_i64_overflow(a.error, &overflow);
      PyObject* better = overflow == 0 ? os_error_class(static_cast<int>(error)) : nullptr;
      if (better != nullptr) type = reinterpret_cast<PyTypeObject*>(better);
    }
  }
  Ref<> self = Ref<>::steal(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  as_os(self.get())->written = -1;
  if (parses_in_init(type)) {
    as_exception(self.get())->args = tuple_new(ts, 0).release();
  } else if (failed(fill_os(ts, self.get(), args, a))) {
    return nullptr;
  }
  return self.release();
}

int os_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (!parses_in_init(self->ob_type)) return 0;
  if (!exception_no_keywords(ts, self, kwargs)) return -1;
  OsArgs a;
  parse_os_args(args, &a);
  return static_cast<int>(fill_os(ts, self, args, a));
}

Ref<> os_str(ThreadState& ts, PyObject* self) {
  auto* e = as_os(self);
  PyObject* error = e->myerrno != nullptr ? e->myerrno : Py_None;
  PyObject* text = e->strerror != nullptr ? e->strerror : Py_None;
  if (e->filename != nullptr) {
    if (e->filename2 != nullptr) return str_format(ts, "[Errno %S] %S: %R -> %R", error, text, e->filename, e->filename2);
    return str_format(ts, "[Errno %S] %S: %R", error, text, e->filename);
  }
  if (e->myerrno != nullptr && e->strerror != nullptr) return str_format(ts, "[Errno %S] %S", error, text);
  return exception_str(ts, self);
}

Ref<> os_reduce(ThreadState& ts, PyOSErrorObject* e) {
  Ref<> args = dup(e->args);
  if (tuple_size(e->args) == 2 && e->filename != nullptr) {
    PyObject** v = tuple_items(e->args);
    args = e->filename2 != nullptr ? tuple_of(ts, v[0], v[1], e->filename, Py_None, e->filename2)
                                   : tuple_of(ts, v[0], v[1], e->filename);
    if (!args) return {};
  }
  PyObject* type = obj(e->ob_base.ob_type);
  return e->dict != nullptr ? tuple_of(ts, type, args.get(), e->dict) : tuple_of(ts, type, args.get());
}

Ref<> os_get_written(ThreadState& ts, PyOSErrorObject* e) {
  if (e->written == -1) return raise(ts, PyExc_AttributeError, "characters_written");
  return int_from_ssize(ts, e->written);
}
Status os_set_written(ThreadState& ts, PyOSErrorObject* e, PyObject* v) {
  if (v == nullptr) {
    if (e->written == -1) return raise(ts, PyExc_AttributeError, "characters_written");
    e->written = -1;
    return Status::kOk;
  }
  Py_ssize_t n;
  if (failed(index_as_ssize(ts, v, &n, PyExc_ValueError))) return Status::kError;
  e->written = n;
  return Status::kOk;
}

constexpr PyMemberDef kOsMembers[] = {
    {"errno", T_OBJECT, offsetof(PyOSErrorObject, myerrno), 0, "POSIX exception code"},
    {"strerror", T_OBJECT, offsetof(PyOSErrorObject, strerror), 0, "exception strerror"},
    {"filename", T_OBJECT, offsetof(PyOSErrorObject, filename), 0, "exception filename"},
    {"filename2", T_OBJECT, offsetof(PyOSErrorObject, filename2), 0, "second exception filename"},
    kMembersEnd};
constexpr MethodSpec kOsMethods[] = {ATOLL_METHOD(os_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};
constexpr PyGetSetDef kOsGetSet[] = {
    {"characters_written", ATOLL_GETTER(os_get_written), ATOLL_SETTER(os_set_written), nullptr, nullptr}, ATOLL_GETSET_END};
const Py_ssize_t kOsFields[] = {offsetof(PyOSErrorObject, myerrno), offsetof(PyOSErrorObject, strerror),
                                offsetof(PyOSErrorObject, filename), offsetof(PyOSErrorObject, filename2), 0};

// ---- UnicodeError ------------------------------------------------------------------------------------------------

PyUnicodeErrorObject* as_unicode(PyObject* o) { return reinterpret_cast<PyUnicodeErrorObject*>(o); }

// kinds: s str, b bytes-like, n index; "ssnns", … Message as for a C function named after the class.
bool unicode_args(ThreadState& ts, PyObject* self, PyObject* args, const char* kinds) {
  auto n = static_cast<Py_ssize_t>(std::strlen(kinds));
  if (tuple_size(args) != n) {
    (void)raise(ts, PyExc_TypeError, "function takes exactly %zd arguments (%zd given)", n, tuple_size(args));
    return false;
  }
  auto* e = as_unicode(self);
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* v = tuple_peek(args, i);
    if (kinds[i] == 'n') {
      Py_ssize_t value;
      if (failed(index_as_ssize(ts, v, &value))) return false;
      (kinds[i - 1] == 'n' ? e->end : e->start) = value;
    } else if (kinds[i] == 's' && !is_str(v)) {
      (void)raise(ts, PyExc_TypeError, "argument %zd must be str, not %T", i + 1, v);
      return false;
    }
  }
  return true;
}

int unicode_encode_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (exception_init(self, args, kwargs) < 0 || !unicode_args(ts, self, args, "ssnns")) return -1;
  put(as_unicode(self)->encoding, tuple_peek(args, 0));
  put(as_unicode(self)->object, tuple_peek(args, 1));
  put(as_unicode(self)->reason, tuple_peek(args, 4));
  return 0;
}
int unicode_decode_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (exception_init(self, args, kwargs) < 0 || !unicode_args(ts, self, args, "sbnns")) return -1;
  PyObject* object = tuple_peek(args, 1);
  Ref<> bytes = dup(object);
  if (!is_bytes(object)) {
    BufferArg buffer;
    if (PyObject_GetBuffer(object, &buffer.view, PyBUF_SIMPLE) != 0) return -1;
    bytes = bytes_from(ts, {reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(buffer.size())});
    if (!bytes) return -1;
  }
  put(as_unicode(self)->encoding, tuple_peek(args, 0));
  put(as_unicode(self)->object, bytes.get());
  put(as_unicode(self)->reason, tuple_peek(args, 4));
  return 0;
}
int unicode_translate_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (exception_init(self, args, kwargs) < 0 || !unicode_args(ts, self, args, "snns")) return -1;
  put(as_unicode(self)->object, tuple_peek(args, 0));
  put(as_unicode(self)->reason, tuple_peek(args, 3));
  return 0;
}

// "'\xe9'", "'\u20ac'", "'\U0001f600'"
Ref<> escaped(ThreadState& ts, uint32_t c) {
  if (c <= 0xff) return str_format(ts, "\\x%02x", c);
  if (c <= 0xffff) return str_format(ts, "\\u%04x", c);
  return str_format(ts, "\\U%08x", c);
}

Ref<> unicode_encode_str(ThreadState& ts, PyObject* self) {
  auto* e = as_unicode(self);
  if (e->object == nullptr) return dup(empty_str());
  Ref<> reason = object_str(ts, e->reason);
  Ref<> encoding = object_str(ts, e->encoding);
  if (!reason || !encoding) return {};
  if (e->start >= 0 && e->start < str_length(e->object) && e->end == e->start + 1) {
    Ref<> shown = escaped(ts, str_at(e->object, e->start));
    if (!shown) return {};
    return str_format(ts, "'%U' codec can't encode character '%U' in position %zd: %U", encoding.get(), shown.get(), e->start, reason.get());
  }
  return str_format(ts, "'%U' codec can't encode characters in position %zd-%zd: %U", encoding.get(), e->start, e->end - 1, reason.get());
}
Ref<> unicode_decode_str(ThreadState& ts, PyObject* self) {
  auto* e = as_unicode(self);
  if (e->object == nullptr) return dup(empty_str());
  Ref<> reason = object_str(ts, e->reason);
  Ref<> encoding = object_str(ts, e->encoding);
  if (!reason || !encoding) return {};
  if (e->start >= 0 && e->start < bytes_size(e->object) && e->end == e->start + 1) {
    unsigned byte = static_cast<uint8_t>(bytes_data(e->object)[e->start]);
    return str_format(ts, "'%U' codec can't decode byte 0x%02x in position %zd: %U", encoding.get(), byte, e->start, reason.get());
  }
  return str_format(ts, "'%U' codec can't decode bytes in position %zd-%zd: %U", encoding.get(), e->start, e->end - 1, reason.get());
}
Ref<> unicode_translate_str(ThreadState& ts, PyObject* self) {
  auto* e = as_unicode(self);
  if (e->object == nullptr) return dup(empty_str());
  Ref<> reason = object_str(ts, e->reason);
  if (!reason) return {};
  if (e->start >= 0 && e->start < str_length(e->object) && e->end == e->start + 1) {
    Ref<> shown = escaped(ts, str_at(e->object, e->start));
    if (!shown) return {};
    return str_format(ts, "can't translate character '%U' in position %zd: %U", shown.get(), e->start, reason.get());
  }
  return str_format(ts, "can't translate characters in position %zd-%zd: %U", e->start, e->end - 1, reason.get());
}

constexpr PyMemberDef kUnicodeMembers[] = {
    {"encoding", T_OBJECT, offsetof(PyUnicodeErrorObject, encoding), 0, "exception encoding"},
    {"object", T_OBJECT, offsetof(PyUnicodeErrorObject, object), 0, "exception object"},
    {"start", T_PYSSIZET, offsetof(PyUnicodeErrorObject, start), 0, "exception start"},
    {"end", T_PYSSIZET, offsetof(PyUnicodeErrorObject, end), 0, "exception end"},
    {"reason", T_OBJECT, offsetof(PyUnicodeErrorObject, reason), 0, "exception reason"},
    kMembersEnd};
const Py_ssize_t kUnicodeFields[] = {offsetof(PyUnicodeErrorObject, encoding), offsetof(PyUnicodeErrorObject, object),
                                     offsetof(PyUnicodeErrorObject, reason), 0};

}  // namespace

const ExceptionKind kKindStopIteration{.basicsize = sizeof(PyStopIterationObject), .init = stop_iteration_init, .members = kStopMembers, .fields = kStopFields};
const ExceptionKind kKindSystemExit{.basicsize = sizeof(PySystemExitObject), .init = system_exit_init, .members = kExitMembers, .fields = kExitFields};
const ExceptionKind kKindImport{.basicsize = sizeof(PyImportErrorObject), .init = import_init, .str = ATOLL_SLOT(import_str), .methods = kImportMethods, .members = kImportMembers, .fields = kImportFields};
const ExceptionKind kKindOS{.basicsize = sizeof(PyOSErrorObject), .init = os_init, .new_ = os_new, .str = ATOLL_SLOT(os_str), .methods = kOsMethods, .members = kOsMembers, .getset = kOsGetSet, .fields = kOsFields};
const ExceptionKind kKindName{.basicsize = sizeof(PyNameErrorObject), .init = name_init, .members = kNameMembers, .fields = kNameFields};
const ExceptionKind kKindAttribute{.basicsize = sizeof(PyAttributeErrorObject), .init = attribute_init, .members = kAttributeMembers, .fields = kAttributeFields};
const ExceptionKind kKindSyntax{.basicsize = sizeof(PySyntaxErrorObject), .init = syntax_init, .str = ATOLL_SLOT(syntax_str), .members = kSyntaxMembers, .fields = kSyntaxFields};
const ExceptionKind kKindKey{.str = ATOLL_SLOT(key_str)};
const ExceptionKind kKindUnicodeEncode{.basicsize = sizeof(PyUnicodeErrorObject), .init = unicode_encode_init, .str = ATOLL_SLOT(unicode_encode_str), .members = kUnicodeMembers, .fields = kUnicodeFields};
const ExceptionKind kKindUnicodeDecode{.basicsize = sizeof(PyUnicodeErrorObject), .init = unicode_decode_init, .str = ATOLL_SLOT(unicode_decode_str), .members = kUnicodeMembers, .fields = kUnicodeFields};
const ExceptionKind kKindUnicodeTranslate{.basicsize = sizeof(PyUnicodeErrorObject), .init = unicode_translate_init, .str = ATOLL_SLOT(unicode_translate_str), .members = kUnicodeMembers, .fields = kUnicodeFields};

PyObject* os_error_class(int error) {
  switch (error) {
    case EAGAIN:
    case EALREADY:
    case EINPROGRESS:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
      return PyExc_BlockingIOError;
    case EPIPE:
    case ESHUTDOWN:
      return PyExc_BrokenPipeError;
    case ECHILD:
      return PyExc_ChildProcessError;
    case ECONNABORTED:
      return PyExc_ConnectionAbortedError;
    case ECONNREFUSED:
      return PyExc_ConnectionRefusedError;
    case ECONNRESET:
      return PyExc_ConnectionResetError;
    case EEXIST:
      return PyExc_FileExistsError;
    case ENOENT:
      return PyExc_FileNotFoundError;
    case EISDIR:
      return PyExc_IsADirectoryError;
    case ENOTDIR:
      return PyExc_NotADirectoryError;
    case EINTR:
      return PyExc_InterruptedError;
    case EACCES:
    case EPERM:
      return PyExc_PermissionError;
    case ESRCH:
      return PyExc_ProcessLookupError;
    case ETIMEDOUT:
      return PyExc_TimeoutError;
    default:
      return nullptr;
  }
}

}  // namespace atl

// ---- C API: UnicodeError's fields ---------------------------------------------------------------------------------

using namespace atl;

namespace {

PyObject* text_field(PyObject* field, const char* name, bool bytes) {
  ThreadState& ts = current_thread();
  if (field == nullptr) return raise(ts, PyExc_TypeError, "%s attribute not set", name);
  if (bytes ? !is_bytes(field) : !is_str(field)) {
    return raise(ts, PyExc_TypeError, bytes ? "%.200s attribute must be bytes" : "%.200s attribute must be unicode", name);
  }
  return new_ref(field);
}

// start: within [0, length-1]; end: within [1, length].
int clipped(PyObject* exc, bool bytes, bool end, Py_ssize_t* out) {
  Ref<> object = Ref<>::steal(text_field(as_unicode(exc)->object, "object", bytes));
  if (!object) return -1;
  Py_ssize_t size = bytes ? bytes_size(object.get()) : str_length(object.get());
  Py_ssize_t v = end ? as_unicode(exc)->end : as_unicode(exc)->start;
  if (end) {
    if (v < 1) v = 1;
    if (v > size) v = size;
  } else {
    if (v < 0) v = 0;
    if (v >= size) v = size - 1;
  }
  *out = v;
  return 0;
}

int set_reason(PyObject* exc, const char* reason) {
  Ref<> r = str_from_utf8(current_thread(), reason);
  if (!r) return -1;
  set_field(as_unicode(exc)->reason, std::move(r));
  return 0;
}

}  // namespace

PyObject* PyUnicodeEncodeError_GetEncoding(PyObject* e) { return text_field(as_unicode(e)->encoding, "encoding", false); }
PyObject* PyUnicodeDecodeError_GetEncoding(PyObject* e) { return text_field(as_unicode(e)->encoding, "encoding", false); }
PyObject* PyUnicodeEncodeError_GetObject(PyObject* e) { return text_field(as_unicode(e)->object, "object", false); }
PyObject* PyUnicodeDecodeError_GetObject(PyObject* e) { return text_field(as_unicode(e)->object, "object", true); }
PyObject* PyUnicodeTranslateError_GetObject(PyObject* e) { return text_field(as_unicode(e)->object, "object", false); }
PyObject* PyUnicodeEncodeError_GetReason(PyObject* e) { return text_field(as_unicode(e)->reason, "reason", false); }
PyObject* PyUnicodeDecodeError_GetReason(PyObject* e) { return text_field(as_unicode(e)->reason, "reason", false); }
PyObject* PyUnicodeTranslateError_GetReason(PyObject* e) { return text_field(as_unicode(e)->reason, "reason", false); }
int PyUnicodeEncodeError_GetStart(PyObject* e, Py_ssize_t* v) { return clipped(e, false, false, v); }
int PyUnicodeDecodeError_GetStart(PyObject* e, Py_ssize_t* v) { return clipped(e, true, false, v); }
int PyUnicodeTranslateError_GetStart(PyObject* e, Py_ssize_t* v) { return clipped(e, false, false, v); }
int PyUnicodeEncodeError_GetEnd(PyObject* e, Py_ssize_t* v) { return clipped(e, false, true, v); }
int PyUnicodeDecodeError_GetEnd(PyObject* e, Py_ssize_t* v) { return clipped(e, true, true, v); }
int PyUnicodeTranslateError_GetEnd(PyObject* e, Py_ssize_t* v) { return clipped(e, false, true, v); }
int PyUnicodeEncodeError_SetStart(PyObject* e, Py_ssize_t v) { as_unicode(e)->start = v; return 0; }
int PyUnicodeDecodeError_SetStart(PyObject* e, Py_ssize_t v) { as_unicode(e)->start = v; return 0; }
int PyUnicodeTranslateError_SetStart(PyObject* e, Py_ssize_t v) { as_unicode(e)->start = v; return 0; }
int PyUnicodeEncodeError_SetEnd(PyObject* e, Py_ssize_t v) { as_unicode(e)->end = v; return 0; }
int PyUnicodeDecodeError_SetEnd(PyObject* e, Py_ssize_t v) { as_unicode(e)->end = v; return 0; }
int PyUnicodeTranslateError_SetEnd(PyObject* e, Py_ssize_t v) { as_unicode(e)->end = v; return 0; }
int PyUnicodeEncodeError_SetReason(PyObject* e, const char* r) { return set_reason(e, r); }
int PyUnicodeDecodeError_SetReason(PyObject* e, const char* r) { return set_reason(e, r); }
int PyUnicodeTranslateError_SetReason(PyObject* e, const char* r) { return set_reason(e, r); }

PyObject* PyUnicodeDecodeError_Create(const char* encoding, const char* object, Py_ssize_t length, Py_ssize_t start, Py_ssize_t end, const char* reason) {
  return PyObject_CallFunction(PyExc_UnicodeDecodeError, "sy#nns", encoding, object, length, start, end, reason);
}
PyObject* _PyUnicodeTranslateError_Create(PyObject* object, Py_ssize_t start, Py_ssize_t end, const char* reason) {
  return PyObject_CallFunction(PyExc_UnicodeTranslateError, "Onns", object, start, end, reason);
}
