// Guards and views: how code that is not part of an interpreter refers to one (after PEP 788).
//
// A view is a weak handle: the interpreter's number. A guard is a strong one: while there is one, the interpreter does not
// begin to end; whoever ends it waits, detached, until the last guard is closed, and from then on no view gives a new one.
// Neither belongs to a thread, and both may be used without a thread state.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

// NULL: there is none of that number, or its end has begun.
Interpreter* interpreter_guard(int64_t id);
// `interp` is kept from ending by the caller: attached, or holding a guard. False: its end has begun.
bool interpreter_guard_again(Interpreter* interp);
void interpreter_unguard(Interpreter* interp);
// By the attached thread that ends its interpreter: waits for the guards, and for visitors (pins, scope.h), and lets nobody get a
// new guard.
void interpreter_await_guards(ThreadState& ts);

}  // namespace atl
