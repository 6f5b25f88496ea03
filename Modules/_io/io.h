// The _io module: what its files share.
#pragma once

#include "Modules/module_def.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/object.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/type.h"
#include "structmember.h"

namespace atl::io {

// Of the module; the types are shared.
struct State {
  PyObject* unsupported;  // UnsupportedOperation
};
State* state_of(PyObject* module);

inline constexpr Py_ssize_t kDefaultBufferSize = 8192;

inline constexpr unsigned long kFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;

Raised raise_unsupported(ThreadState& ts, PyObject* self, const char* text);
Raised raise_closed(ThreadState& ts);  // "I/O operation on closed file."
// Attribute `closed` as a truth.
Tri is_closed(ThreadState& ts, PyObject* o);
Status check_closed(ThreadState& ts, PyObject* o);
// A call of a method of any file object by name; None results and errors pass through.
template <class... A>
Ref<> call_name(ThreadState& ts, PyObject* o, const char* name, A*... args) {
  Ref<> n = str_interned(ts, name);
  return n ? call_method(ts, o, n.get(), args...) : Ref<>();
}
// A call of a method of a stream or codec in a field of ours, which the call may change: it is held meanwhile.
template <class... A>
Ref<> call_held(ThreadState& ts, PyObject* field, PyObject* name, A*... args) {
  if (field == nullptr) return raise(ts, PyExc_ValueError, "I/O operation on uninitialized object");
  Ref<> hold = dup(field);
  return call_method(ts, field, name, args...);
}
template <class... A>
Ref<> call_held(ThreadState& ts, PyObject* field, const char* name, A*... args) {
  Ref<> n = str_interned(ts, name);
  return n ? call_held(ts, field, n.get(), args...) : Ref<>();
}
// o.name() as a truth.
Tri ask(ThreadState& ts, PyObject* o, const char* name);
// EINTR with a signal handler that raised nothing: try again.
bool interrupted(ThreadState& ts);
// An offset from any index object.
Status as_offset(ThreadState& ts, PyObject* o, int64_t* out);
// An optional size: None means -1.
Status as_size(ThreadState& ts, PyObject* o, Py_ssize_t* out);
// Common deallocation: close() once through the finalizer, then fields.
bool finalize_before_dealloc(PyObject* o);
void free_instance(PyObject* o);

// buffered.cc: a BufferedWriter, not of a derived class, with nothing to write.
bool is_flushed_writer(PyObject* o);
// Does the instance's dict replace flush()?
inline bool has_own_flush(PyObject* dict) { return dict != nullptr && dict_peek_made(dict, ID(flush)) != nullptr; }
// text.cc: where a line ends. Position behind the line end in [start, end), or -1; *consumed when -1: what can be skipped.
Py_ssize_t find_line_end(bool translated, bool universal, PyObject* newline, PyObject* text, Py_ssize_t start, Py_ssize_t* consumed);
Ref<> decode_newlines(ThreadState& ts, PyObject* decoder, PyObject* text, bool final_);

}  // namespace atl::io
