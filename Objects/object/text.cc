// What objects look like: repr, str, ascii, bytes, format, and the protection of repr against cycles.
#include <cinttypes>

#include "Objects/bytes.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/object/internal.h"
#include "Objects/str/str.h"
#include "Objects/type/type.h"

namespace atl {

Ref<> object_repr(ThreadState& ts, PyObject* o) {
  if (o == nullptr) return str_from_ascii(ts, "<NULL>");
  reprfunc f = o->ob_type->tp_repr;
  if (f == nullptr) return str_format(ts, "<%T object at %p>", o, static_cast<void*>(o));
  RecursionGuard guard(ts, " while getting the repr of an object");
  if (!guard.ok()) return {};
  Ref<> text = Ref<>::steal(f(o));
  if (text && !is_str(text.get())) {
    return raise(ts, PyExc_TypeError, "__repr__ returned non-string (type %.200T)", text.get());
  }
  return text;
}

Ref<> object_str(ThreadState& ts, PyObject* o) {
  if (o == nullptr) return str_from_ascii(ts, "<NULL>");
  if (is_exact_str(o)) return dup(o);
  reprfunc f = o->ob_type->tp_str;
  if (f == nullptr) return object_repr(ts, o);
  RecursionGuard guard(ts, " while getting the str of an object");
  if (!guard.ok()) return {};
  Ref<> text = Ref<>::steal(f(o));
  if (text && !is_str(text.get())) {
    return raise(ts, PyExc_TypeError, "__str__ returned non-string (type %.200T)", text.get());
  }
  return text;
}

Ref<> object_ascii(ThreadState& ts, PyObject* o) {
  Ref<> text = object_repr(ts, o);
  if (!text || str_is_ascii(text.get())) return text;
  PyObject* s = text.get();
  Py_ssize_t n = str_length(s);
  unsigned kind = str_kind(s);
  const void* data = str_data(s);
  StrWriter w(ts);
  char escape[16];
  for (Py_ssize_t i = 0; i < n; ++i) {
    uint32_t c = str_read(kind, data, i);
    Status done;
    if (c < 0x80) {
      done = w.put(c);
    } else {
      int length = std::snprintf(escape, sizeof escape, c < 0x100 ? "\\x%02" PRIx32 : c < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32, c);
      done = w.write_ascii(std::string_view(escape, static_cast<size_t>(length)));
    }
    if (failed(done)) return {};
  }
  return w.finish();
}

Ref<> object_bytes(ThreadState& ts, PyObject* o) {
  if (o == nullptr) return bytes_from(ts, "<NULL>");
  if (is_exact_bytes(o)) return dup(o);
  Ref<> method;
  if (failed(object_lookup_special(ts, o, ID(__bytes__), &method))) return {};
  if (!method) return Ref<>::steal(PyBytes_FromObject(o));
  Ref<> result = call(ts, method.get());
  if (result && !is_bytes(result.get())) {
    return raise(ts, PyExc_TypeError, "__bytes__ returned non-bytes (type %.200T)", result.get());
  }
  return result;
}

Ref<> object_format(ThreadState& ts, PyObject* o, PyObject* spec) {
  if (spec != nullptr && !is_str(spec)) {
    return raise(ts, PyExc_SystemError, "Format specifier must be a string, not %.200T", spec);
  }
  if (spec == nullptr || str_length(spec) == 0) {
    if (is_exact_str(o)) return dup(o);
    if (is_exact_int(o)) return object_str(ts, o);
  }
  Ref<> empty;
  if (spec == nullptr) {
    empty = dup(empty_str());
    spec = empty.get();
  }
  Ref<> method;
  if (failed(object_lookup_special(ts, o, ID(__format__), &method))) return {};
  if (!method) return raise(ts, PyExc_TypeError, "Type %.100T doesn't define __format__", o);
  Ref<> result = call(ts, method.get(), spec);
  if (result && !is_str(result.get())) {
    return raise(ts, PyExc_TypeError, "__format__ must return a str, not %.200T", result.get());
  }
  return result;
}

// ---- cycles ------------------------------------------------------------------------------------------------------

int repr_enter(ThreadState& ts, PyObject* o) {
  if (ts.repr_stack == nullptr) {
    ts.repr_stack = list_new(ts, 0).release();
    if (ts.repr_stack == nullptr) return -1;
  }
  PyObject* list = ts.repr_stack;
  for (Py_ssize_t i = list_size(list); i-- > 0;) {
    if (list_items(list)[i] == o) return 1;
  }
  return failed(list_append(ts, list, dup(o))) ? -1 : 0;
}

void repr_leave(ThreadState& ts, PyObject* o) {
  PyObject* list = ts.repr_stack;
  if (list == nullptr) return;
  ErrorStash stash(ts);
  for (Py_ssize_t i = list_size(list); i-- > 0;) {
    if (list_items(list)[i] == o) {
      if (failed(list_set_slice(ts, list, i, i + 1, nullptr))) error_clear(ts);
      return;
    }
  }
}

}  // namespace atl

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* PyObject_Repr(PyObject* o) { return object_repr(current_thread(), o).release(); }
PyObject* PyObject_Str(PyObject* o) { return object_str(current_thread(), o).release(); }
PyObject* PyObject_ASCII(PyObject* o) { return object_ascii(current_thread(), o).release(); }
PyObject* PyObject_Bytes(PyObject* o) { return object_bytes(current_thread(), o).release(); }
PyObject* PyObject_Format(PyObject* o, PyObject* spec) { return object_format(current_thread(), o, spec).release(); }

int Py_ReprEnter(PyObject* o) { return repr_enter(current_thread(), o); }
void Py_ReprLeave(PyObject* o) { repr_leave(current_thread(), o); }

int PyObject_Print(PyObject* o, FILE* fp, int flags) {
  ThreadState& ts = current_thread();
  if (o == nullptr) {
    std::fprintf(fp, "<nil>");
  } else if (o->ob_refcnt <= 0) {
    std::fprintf(fp, "<refcnt %zd at %p>", o->ob_refcnt, static_cast<void*>(o));
  } else {
    Ref<> text = (flags & Py_PRINT_RAW) ? object_str(ts, o) : object_repr(ts, o);
    if (!text) return -1;
    Ref<> encoded = Ref<>::steal(PyUnicode_AsEncodedString(text.get(), "utf-8", "backslashreplace"));
    if (!encoded) return -1;
    std::string_view bytes = bytes_view(encoded.get());
    std::fwrite(bytes.data(), 1, bytes.size(), fp);
  }
  if (std::ferror(fp)) {
    (void)raise_os_error(ts, errno);
    std::clearerr(fp);
    return -1;
  }
  return 0;
}

void _PyObject_Dump(PyObject* o) {
  if (_PyObject_IsFreed(o)) {
    std::fprintf(stderr, "<object at %p is freed>\n", static_cast<void*>(o));
    std::fflush(stderr);
    return;
  }
  std::fprintf(stderr, "object address  : %p\n", static_cast<void*>(o));
  std::fprintf(stderr, "object refcount : %zd\n", o->ob_refcnt);
  std::fprintf(stderr, "object type     : %p\n", static_cast<void*>(o->ob_type));
  std::fprintf(stderr, "object type name: %s\n", o->ob_type ? o->ob_type->tp_name : "NULL");
  std::fprintf(stderr, "object repr     : ");
  std::fflush(stderr);
  if (ThreadState* ts = current_thread_or_null()) {
    ErrorStash stash(*ts);
    if (PyObject_Print(o, stderr, 0) != 0) error_clear(*ts);
  }
  std::fprintf(stderr, "\n");
  std::fflush(stderr);
}

int _PyObject_IsFreed(PyObject* o) {
  // NULL, and the fill patterns of debugging allocators.
  auto looks_bad = [](const void* p) {
    auto v = reinterpret_cast<uintptr_t>(p);
    return v == 0 || v == 0xCDCDCDCDCDCDCDCDu || v == 0xDDDDDDDDDDDDDDDDu || v == 0xFDFDFDFDFDFDFDFDu;
  };
  return looks_bad(o) || looks_bad(o->ob_type);
}

void _PyObject_AssertFailed(PyObject* o, const char* expr, const char* msg, const char* file, int line,
                            const char* function) {
  std::fprintf(stderr, "%s:%d: ", file, line);
  if (function != nullptr) std::fprintf(stderr, "%s: ", function);
  if (expr != nullptr) {
    std::fprintf(stderr, "Assertion \"%s\" failed", expr);
  } else {
    std::fprintf(stderr, "Assertion failed");
  }
  if (msg != nullptr) std::fprintf(stderr, ": %s", msg);
  std::fprintf(stderr, "\n");
  std::fflush(stderr);
  _PyObject_Dump(o);
  Py_FatalError("_PyObject_AssertFailed");
}

int _PyObject_CheckConsistency(PyObject* o, int check_content) {
  ATOLL_ENSURE(o != nullptr && o->ob_type != nullptr && o->ob_refcnt >= 1);
  if (is_str(o)) return _PyUnicode_CheckConsistency(o, check_content);
  return 1;
}

void _Py_BreakPoint(void) {}
