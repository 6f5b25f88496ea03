// Tracebacks for the moment when nothing can be trusted: from signal handlers, from other threads, on the way to abort().
// No memory is taken, no lock, no object is touched that has to be counted; output goes out by write(2). What is read may
// be changing under another thread's hands: addresses are checked where that is cheap, the rest is best effort.
#pragma once

#include "Python/runtime/interpreter.h"

namespace atl {

void dump_text(int fd, const char* text);
// At least `width` digits, without a prefix.
void dump_hex(int fd, uint64_t value, int width);
void dump_decimal(int fd, uint64_t value);

// The thread state of the calling thread, whether it holds the interpreter's lock or has given it up; NULL if it has none.
ThreadState* thread_state_here();
// "Stack (most recent call first):" and the frames.
void dump_stack(int fd, ThreadState* ts);
// All threads of the interpreter; `current` (may be NULL) is named so.
void dump_threads(int fd, Interpreter* interp, ThreadState* current);
// "Extension modules: …" with what is loaded beyond the standard library; nothing when there is none.
void dump_extension_modules(int fd, Interpreter* interp);

}  // namespace atl
