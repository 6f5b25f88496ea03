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
#include "Objects/type/type.h"
#include "structmember.h"

namespace atl::io {

struct State {
  PyObject* unsupported;  // UnsupportedOperation
  PyTypeObject *io_base, *raw_base, *buffered_base, *text_base;
  PyTypeObject *file_io, *bytes_io, *bytes_io_buffer, *string_io;
  PyTypeObject *buffered_reader, *buffered_writer, *buffered_random, *buffered_rwpair;
  PyTypeObject *text_io_wrapper, *newline_decoder;
};
State* state_of(PyObject* module);
// The state for an object of one of the module's types (or a subclass).
State* state_for(PyObject* o);

inline constexpr Py_ssize_t kDefaultBufferSize = 8192;

// Each file adds its types. -1 with an exception.
int add_base_types(PyObject* m, State* s);
int add_file_io(PyObject* m, State* s);
int add_bytes_io(PyObject* m, State* s);
int add_buffered(PyObject* m, State* s);
int add_string_io(PyObject* m, State* s);
int add_text_io(PyObject* m, State* s);

PyTypeObject* make_type(PyObject* m, const char* name, size_t size, unsigned flags, PyType_Slot* slots, PyTypeObject* base);
template <class F>
void* slot_of(F f) {
  return reinterpret_cast<void*>(f);
}
inline void* slot_of(const MethodSpec* m) { return const_cast<MethodSpec*>(m); }
inline void* slot_of(const PyGetSetDef* g) { return const_cast<PyGetSetDef*>(g); }
inline void* slot_of(const PyMemberDef* g) { return const_cast<PyMemberDef*>(g); }

inline constexpr unsigned kFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;

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
int visit_type(PyObject* o, visitproc visit, void* arg);

// text.cc: where a line ends. Position behind the line end in [start, end), or -1; *consumed when -1: what can be skipped.
Py_ssize_t find_line_end(bool translated, bool universal, PyObject* newline, PyObject* text, Py_ssize_t start, Py_ssize_t* consumed);
Ref<> decode_newlines(ThreadState& ts, PyObject* decoder, PyObject* text, bool final_);

}  // namespace atl::io
