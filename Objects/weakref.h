// Weak references inside the core.
#pragma once

#include "Objects/object.h"

namespace atl {

// Where an object's list of weak references begins, in this interpreter. NULL when its type allows none. With make the
// list of an immortal shared object is made when it is not there yet.
PyObject** weakref_list(ThreadState& ts, PyObject* o, bool make);
Ref<> weakref_new(ThreadState& ts, PyObject* o, PyObject* callback /* or NULL */);
// In a deallocator: all references to o are cleared and their callbacks called.
void weakrefs_clear(ThreadState& ts, PyObject* o);
Py_ssize_t weakref_count(ThreadState& ts, PyObject* o);
// All references to o, as a list.
Ref<> weakrefs_as_list(ThreadState& ts, PyObject* o);
// At the end of an interpreter: its references to objects that live longer, types above all, are cleared like those to
// objects that die, callbacks included; again while callbacks add new ones, a bounded number of times.
void shared_weakrefs_end(ThreadState& ts);
// When the interpreter's objects are gone.
void shared_weakrefs_clear(Interpreter& interp);
// The object, or None when it is gone or on its way out. New reference.
Ref<> weakref_target(PyObject* ref);

}  // namespace atl
