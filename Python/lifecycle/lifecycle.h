// Bringing up and tearing down the runtime and each interpreter.
//
// One ordered table (lifecycle.cc) lists the steps of an interpreter's life as (name, init, clear); a half-built
// interpreter unwinds through the same table from where it failed.
#pragma once

#include "Python/runtime/config.h"
#include "Python/runtime/interpreter.h"

namespace atl {

struct InitResult {
  bool ok;
  const char* step;  // where it failed
};

// Brings the process's runtime and the main interpreter up; the calling thread is attached afterwards.
// On failure an exception may be set in the attached thread state; the message has been written to stderr.
bool runtime_start(const Config& config);
// Ends the main interpreter and the runtime. The exit status: 0, or 120 when flushing the streams failed.
int runtime_finish();

// A new interpreter with a thread state for the calling thread, which must be attached to some interpreter (`from`) or
// to none. On success the thread is attached to the new one. NULL: the reason is an exception in `from`, where there is one.
ThreadState* interpreter_new(const InterpreterOptions& options, bool run_site);
// Ends the interpreter of the current thread state. The thread is attached to nothing afterwards.
void interpreter_end(ThreadState* ts);

// Reads and runs statements from standard input until its end. The exit status.
int run_interactive(ThreadState& ts, const Config& config);
// Flushes sys.stdout and sys.stderr: 0 or -1.
int flush_std_files(ThreadState& ts);
// Exit status for the SystemExit (or other exception) that is set; prints it where that is due.
int handle_exit_exception(ThreadState& ts);

}  // namespace atl
