// What str keeps per interpreter: the interned strings that are not process-wide, and the wchar_t views of sealed
// strings (which can't carry them). Hangs at interp.str_state, made on first use.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// Open addressing, linear probing, no tombstones. Entries are not counted: a string takes itself out when it dies.
struct InternTable {
  PyObject** slots;
  size_t mask;  // slots - 1; meaningless while slots is NULL
  size_t count;
};

struct WideView {
  PyObject* text;
  wchar_t* wide;
};

// The strings of _Py_Identifier variables of extensions.
struct StaticId {
  const void* id;
  PyObject* text;  // owned
};

struct StrState {
  InternTable interned;
  WideView* wide_views;
  size_t wide_count, wide_room;
  StaticId* ids;  // open addressing by address
  size_t id_count, id_slots;
};

StrState* str_state_or_null(Interpreter& interp);
// NULL when there is no memory (no exception is set).
StrState* str_state(Interpreter& interp);
// At the interpreter's end. Interned strings that are still alive are interned no longer.
// The strings of static identifiers go; the caller is attached.
void str_ids_clear(Interpreter& interp);
void str_state_clear(Interpreter& interp);

// A dying string's way out.
void intern_forget(ThreadState& ts, PyObject* s);
// The wchar_t view of a sealed string, kept until the interpreter ends; NULL with MemoryError.
wchar_t* sealed_wide_view(ThreadState& ts, PyObject* s);
// The interned string of an identifier variable; borrowed, as long as the interpreter. NULL with an exception.
PyObject* peek_static_id(ThreadState& ts, const void* id, const char* text);

}  // namespace atl
