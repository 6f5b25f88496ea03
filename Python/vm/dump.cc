// See dump.h.
#include "Python/vm/dump.h"

#include <pthread.h>
#include <unistd.h>

#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/module.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/frame.h"

namespace atl {

namespace {

constexpr int kMaxFrames = 100;
constexpr int kMaxThreads = 100;
constexpr Py_ssize_t kMaxText = 500;

void dump_bytes(int fd, const char* data, size_t n) {
  while (n > 0) {
    ssize_t done = write(fd, data, n);
    if (done <= 0) return;
    data += done;
    n -= static_cast<size_t>(done);
  }
}

// A str as ASCII, the rest as escapes.
void dump_str(int fd, PyObject* o) {
  Py_ssize_t n = str_length(o);
  const bool cut = n > kMaxText;
  if (cut) n = kMaxText;
  const int kind = str_kind(o);
  const void* data = str_data(o);
  for (Py_ssize_t i = 0; i < n; ++i) {
    uint32_t c = str_read(kind, data, i);
    if (c >= ' ' && c <= 126) {
      char one = static_cast<char>(c);
      dump_bytes(fd, &one, 1);
    } else {
      dump_text(fd, c <= 0xff ? "\\x" : c <= 0xffff ? "\\u" : "\\U");
      dump_hex(fd, c, c <= 0xff ? 2 : c <= 0xffff ? 4 : 8);
    }
  }
  if (cut) dump_text(fd, "...");
}

void dump_frame(int fd, FrameCursor c) {
  CodeObject* code = frame_code(c.base);
  PyObject* file = code->head.co_filename;
  PyObject* name = code->head.co_name;
  dump_text(fd, "  File ");
  if (file != nullptr && is_str(file)) {
    dump_text(fd, "\"");
    dump_str(fd, file);
    dump_text(fd, "\"");
  } else {
    dump_text(fd, "???");
  }
  dump_text(fd, ", line ");
  int line = -1;
  if (code->words != nullptr && c.pc >= code->words && c.pc < code->words + code->image->word_count) {
    line = code_line(code, code_pc(code, c.pc));
  }
  if (line >= 0) {
    dump_decimal(fd, static_cast<uint64_t>(line));
  } else {
    dump_text(fd, "???");
  }
  dump_text(fd, " in ");
  if (name != nullptr && is_str(name)) {
    dump_str(fd, name);
  } else {
    dump_text(fd, "???");
  }
  dump_text(fd, "\n");
}

void dump_frames(int fd, ThreadState* ts) {
  FrameCursor c = frame_top(*ts);
  if (c.base == nullptr) {
    dump_text(fd, "  <no Python frame>\n");
    return;
  }
  for (int depth = 0; c.base != nullptr; ++depth, c = frame_below(c)) {
    if (depth == kMaxFrames) {
      dump_text(fd, "  ...\n");
      return;
    }
    if (c.base[kCode].o == nullptr) {
      dump_text(fd, "  <invalid frame>\n");
      return;
    }
    dump_frame(fd, c);
  }
}

bool in_frozenset(PyObject* set, PyObject* name) {
  Py_ssize_t pos = 0;
  PyObject* item;
  while (set_next(set, &pos, &item)) {
    if (is_str(item) && str_equal(item, name)) return true;
  }
  return false;
}

}  // namespace

void dump_text(int fd, const char* text) { dump_bytes(fd, text, std::strlen(text)); }

void dump_hex(int fd, uint64_t value, int width) {
  char digits[16];
  int n = 0;
  while (value != 0 || n < width) {
    digits[15 - n++] = "0123456789abcdef"[value & 15];
    value >>= 4;
  }
  dump_bytes(fd, digits + 16 - n, static_cast<size_t>(n));
}

void dump_decimal(int fd, uint64_t value) {
  char digits[20];
  int n = 0;
  do {
    digits[19 - n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  dump_bytes(fd, digits + 20 - n, static_cast<size_t>(n));
}

ThreadState* thread_state_here() {
  if (ThreadState* ts = current_thread_or_null()) return ts;
  // It has given up its lock: found by the thread's number.
  const auto me = static_cast<unsigned long>(pthread_self());
  Runtime& rt = runtime();
  for (size_t i = 0; i < rt.interpreter_count; ++i) {
    Interpreter* interp = rt.interpreters[i];
    if (interp == nullptr) continue;
    for (PyThreadState* t = interp->threads; t != nullptr; t = t->next) {
      if (t->thread_id == me) return static_cast<ThreadState*>(t);
    }
  }
  return nullptr;
}

void dump_stack(int fd, ThreadState* ts) {
  dump_text(fd, "Stack (most recent call first):\n");
  dump_frames(fd, ts);
}

void dump_threads(int fd, Interpreter* interp, ThreadState* current) {
  if (interp == nullptr && current != nullptr) interp = &current->interpreter();
  if (interp == nullptr) interp = runtime().main;
  if (interp == nullptr) return;
  int n = 0;
  for (PyThreadState* t = interp->threads; t != nullptr; t = t->next, ++n) {
    if (n != 0) dump_text(fd, "\n");
    if (n == kMaxThreads) {
      dump_text(fd, "...\n");
      return;
    }
    dump_text(fd, t == current ? "Current thread 0x" : "Thread 0x");
    dump_hex(fd, t->thread_id, 16);
    dump_text(fd, " (most recent call first):\n");
    if (t == current && interp->gc.collecting) dump_text(fd, "  Garbage-collecting\n");
    dump_frames(fd, static_cast<ThreadState*>(t));
  }
}

void dump_extension_modules(int fd, Interpreter* interp) {
  if (interp == nullptr) interp = runtime().main;
  if (interp == nullptr || interp->modules == nullptr || !is_dict(interp->modules)) return;
  PyObject* known = nullptr;
  PyObject *key, *value;
  Py_ssize_t pos = 0;
  if (interp->sysdict != nullptr) {
    while (dict_next_made(interp->sysdict, &pos, &key, &value)) {
      if (is_str(key) && str_equals_ascii(key, "stdlib_module_names")) known = value;
    }
  }
  if (known != nullptr && !PyAnySet_Check(known)) known = nullptr;
  uint64_t count = 0;
  pos = 0;
  while (dict_next_made(interp->modules, &pos, &key, &value)) {
    if (!is_str(key) || !is_module(value)) continue;
    const bool built_in = value == interp->sys_module || value == interp->builtins_module;  // made without a definition
    if (!built_in && reinterpret_cast<PyModuleObject*>(value)->md_def == nullptr) continue;
    if (known != nullptr && in_frozenset(known, key)) continue;
    dump_text(fd, count == 0 ? "\nExtension modules: " : ", ");
    dump_str(fd, key);
    ++count;
  }
  if (count == 0) return;
  dump_text(fd, " (total: ");
  dump_decimal(fd, count);
  dump_text(fd, ")\n");
}

}  // namespace atl
