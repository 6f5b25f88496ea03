// Running what the command line asks for.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "Modules/interpreter_parts.h"
#include "Modules/sys.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/capi/compile.h"
#include "Python/import/import.h"
#include "Python/lifecycle/lifecycle.h"
#include "Python/lifecycle/main.h"
#include "Python/lifecycle/steps.h"
#include "Python/runtime/runtime.h"
#include "Python/vm/frame.h"
#include "immortal.h"
#include "compile.h"
#include "pylifecycle.h"

namespace atl {

void print_version(bool long_form) {
  if (long_form) {
    std::printf("Python %s\n", Py_GetVersion());
  } else {
    std::printf("Python %s\n", PY_VERSION);
  }
}

int upcall_exit_status(ThreadState& ts) { return handle_exit_exception(ts); }

int handle_exit_exception(ThreadState& ts) {
  if (!error_matches(ts, PyExc_SystemExit)) {
    bool interrupted = error_matches(ts, PyExc_KeyboardInterrupt);
    print_exception(ts);
    if (interrupted) ts.interpreter().ended_by_interrupt = true;
    return interrupted ? 128 + SIGINT : 1;
  }
  Ref<> exc = error_take(ts);
  Ref<> code = Ref<>::dup_of(reinterpret_cast<PySystemExitObject*>(exc.get())->code);
  if (!code || code.get() == Py_None) return 0;
  if (is_int(code.get())) {
    int overflow;
    int64_t v = int_as_i64_overflow(code.get(), &overflow);
    return overflow != 0 ? 255 : static_cast<int>(v & 0xff);
  }
  // Anything else is a message.
  Ref<> text = object_str(ts, code.get());
  const char* utf8 = text ? str_utf8(ts, text.get()) : nullptr;
  if (utf8 != nullptr) sys_write_stderr(ts, utf8);
  sys_write_stderr(ts, "\n");
  error_clear(ts);
  return 1;
}

int flush_std_files(ThreadState& ts) {
  int status = 0;
  for (const char* name : {"stdout", "stderr"}) {
    // What nobody has asked for holds nothing.
    Ref<> key = ts.interpreter().sysdict != nullptr ? str_interned(ts, name) : Ref<>();
    PyObject* f = key ? dict_peek_made(ts.interpreter().sysdict, key.get()) : nullptr;
    if (f == nullptr || f == Py_None) continue;
    Ref<> hold = dup(f);
    Ref<> closed;
    if (failed(object_lookup_attr(ts, f, ID(closed), &closed))) error_clear(ts);
    if (closed && object_is_true(ts, closed.get()) == Tri::kTrue) continue;
    if (!call_method(ts, f, ID(flush))) {
      if (std::strcmp(name, "stdout") == 0) {
        write_unraisable(ts, f);
        status = -1;
      } else {
        error_clear(ts);
      }
    }
  }
  return status;
}

Status run_site(ThreadState& ts) {
  Ref<> m = import_module(ts, "site");
  if (m) return Status::kOk;
  int status = handle_exit_exception(ts);
  std::fprintf(stderr, "Fatal Python error: init_import_site: Failed to import the site module (exit status %d)\n", status);
  return Status::kError;
}

namespace {

PyObject* main_dict(ThreadState& ts) {
  PyObject* m = dict_peek(ts, ts.interpreter().modules, ID(__main__));
  return m != nullptr && is_module(m) ? module_dict(m) : nullptr;
}

Status prepend_path(ThreadState& ts, const char* text) {
  PyObject* path = sys_peek(ts, "path");
  Ref<> s = Ref<>::steal(PyUnicode_DecodeFSDefault(text));
  if (path == nullptr || !is_list(path) || !s) return s ? Status::kOk : Status::kError;
  return list_insert(ts, path, 0, s.get());
}

Status set_main(ThreadState& ts, const char* name, Ref<> value) {
  PyObject* d = main_dict(ts);
  return d != nullptr && value ? dict_set(ts, d, name, value.get()) : Status::kError;
}

// Runs code in __main__. The result is the statement's value, None.
Ref<> run_code(ThreadState& ts, Ref<> code) {
  PyObject* d = main_dict(ts);
  if (!code || d == nullptr) return {};
  return vm_eval_code(ts, code.get(), d, d, nullptr);
}

int finish(ThreadState& ts, const Ref<>& result) {
  if (result) return 0;
  return handle_exit_exception(ts);
}

int run_command(ThreadState& ts, const Config& c) {
  if (!c.safe_path && failed(prepend_path(ts, ""))) return handle_exit_exception(ts);
  Ref<> name = str_from_ascii(ts, "<string>");
  std::string text(c.command);
  text.push_back('\n');
  Ref<> decoded = Ref<>::steal(PyUnicode_DecodeFSDefault(c.command));
  if (!decoded || str_utf8(ts, decoded.get()) == nullptr) {
    std::fprintf(stderr, "Unable to decode the command from the command line:\n");
    return handle_exit_exception(ts);
  }
  return finish(ts, name ? run_code(ts, compile_text(ts, text, name.get(), CompileMode::kExec, PyCF_IGNORE_COOKIE, -1)) : Ref<>());
}

int run_as_module(ThreadState& ts, const char* name, bool set_argv0) {
  Ref<> runpy = import_module(ts, "runpy");
  Ref<> run = runpy ? object_getattr(ts, runpy.get(), "_run_module_as_main") : Ref<>();
  Ref<> module = run ? Ref<>::steal(PyUnicode_DecodeFSDefault(name)) : Ref<>();
  if (!module) return handle_exit_exception(ts);
  Ref<> flag = new_bool(set_argv0);
  return finish(ts, call(ts, run.get(), module.get(), flag.get()));
}

// The whole of a descriptor. False with errno.
bool read_all(int fd, std::string* out) {
  char buffer[65536];
  for (;;) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n == 0) return true;
    if (n < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    out->append(buffer, static_cast<size_t>(n));
  }
}

// A directory or an archive with a __main__ is found by an import hook: its path goes first on sys.path.
bool is_importable_path(ThreadState& ts, const char* file) {
  Ref<> pkgutil = import_module(ts, "pkgutil");
  Ref<> get = pkgutil ? object_getattr(ts, pkgutil.get(), "get_importer") : Ref<>();
  Ref<> path = get ? Ref<>::steal(PyUnicode_DecodeFSDefault(file)) : Ref<>();
  Ref<> importer = path ? call(ts, get.get(), path.get()) : Ref<>();
  if (!importer) error_clear(ts);
  return importer && importer.get() != Py_None;
}

bool looks_like_archive(int fd) {
  char head[4];
  return pread(fd, head, 4, 0) == 4 && std::memcmp(head, "PK\3\4", 4) == 0;
}

// The path of a script as messages and __file__ have it; sys.argv keeps what was given.
std::string absolute_path(const char* file) {
  if (file[0] == '/') return file;
  char* here = getcwd(nullptr, 0);
  if (here == nullptr) return file;
  std::string path(here);
  std::free(here);
  if (path.back() != '/') path += '/';
  return path + file;
}

// The code object in the contents of a .pyc file, behind its 16 bytes of head.
Ref<> read_code(ThreadState& ts, std::string_view contents) {
  Ref<> data = bytes_from(ts, contents.substr(16));
  Ref<> marshal = import_module(ts, "marshal");
  Ref<> loads = marshal ? object_getattr(ts, marshal.get(), "loads") : Ref<>();
  Ref<> code = loads && data ? call(ts, loads.get(), data.get()) : Ref<>();
  if (code && !PyCode_Check(code.get())) return raise(ts, PyExc_RuntimeError, "Bad code object in .pyc file");
  return code;
}

int run_file(ThreadState& ts, const Config& c) {
  std::string path = absolute_path(c.command);
  const char* file = path.c_str();
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) {
    std::fprintf(stderr, "%s: can't open file '%s': [Errno %d] %s\n", c.executable, file, errno, strerror(errno));
    if (fd >= 0) close(fd);
    return 2;
  }
  if (S_ISDIR(st.st_mode) || looks_like_archive(fd)) {
    close(fd);
    if (!is_importable_path(ts, file)) {
      std::fprintf(stderr, "%s: can't find '__main__' module in '%s'\n", c.executable, file);
      return 1;
    }
    if (failed(prepend_path(ts, file))) return handle_exit_exception(ts);
    return run_as_module(ts, "__main__", false);
  }
  std::string source;
  bool ok = read_all(fd, &source);
  int error = errno;
  close(fd);
  if (!ok) {
    std::fprintf(stderr, "%s: can't read file '%s': [Errno %d] %s\n", c.executable, file, error, strerror(error));
    return 2;
  }
  if (!c.safe_path) {
    char* real = realpath(file, nullptr);
    std::string dir(real != nullptr ? real : file);
    std::free(real);
    size_t slash = dir.rfind('/');
    dir.resize(slash == std::string::npos ? 0 : slash == 0 ? 1 : slash);
    if (failed(prepend_path(ts, dir.c_str()))) return handle_exit_exception(ts);
  }
  Ref<> name = Ref<>::steal(PyUnicode_DecodeFSDefault(file));
  if (!name || failed(set_main(ts, "__file__", name.dup())) || failed(set_main(ts, "__cached__", new_none()))) return handle_exit_exception(ts);
  Ref<> external = import_module(ts, "_frozen_importlib_external");
  Ref<> magic = external ? object_getattr(ts, external.get(), "MAGIC_NUMBER") : Ref<>();
  if (!magic) return handle_exit_exception(ts);
  const bool has_magic = is_bytes(magic.get()) && source.size() >= 16 && source.compare(0, static_cast<size_t>(bytes_size(magic.get())),
                                                                                       bytes_view(magic.get())) == 0;
  const bool is_code = has_magic || path.ends_with(".pyc");
  Ref<> loader_type = object_getattr(ts, external.get(), is_code ? "SourcelessFileLoader" : "SourceFileLoader");
  Ref<> loader = loader_type ? call(ts, loader_type.get(), ID(__main__), name.get()) : Ref<>();
  if (!loader || failed(set_main(ts, "__loader__", std::move(loader)))) return handle_exit_exception(ts);
  if (is_code) return finish(ts, has_magic ? run_code(ts, read_code(ts, source)) : raise(ts, PyExc_RuntimeError, "Bad magic number in .pyc file"));
  if (c.skip_first_line) {
    size_t end = source.find('\n');
    source.erase(0, end == std::string::npos ? source.size() : end);
  }
  return finish(ts, run_code(ts, compile_script(ts, source, name.get())));
}

int run_stdin(ThreadState& ts, const Config& c) {
  if (!c.safe_path && failed(prepend_path(ts, ""))) return handle_exit_exception(ts);
  Ref<> name = str_from_ascii(ts, "<stdin>");
  if (!name) return handle_exit_exception(ts);
  if (isatty(0) || c.interactive) return run_interactive(ts, c);
  std::string source;
  if (!read_all(0, &source)) {
    std::fprintf(stderr, "%s: can't read stdin: %s\n", c.executable, strerror(errno));
    return 1;
  }
  return finish(ts, run_code(ts, compile_script(ts, source, name.get())));
}

}  // namespace

int run_main(const Config& config) { return runtime_start(config) ? run_configured(config) : 1; }

int run_configured(const Config& config) {
  ThreadState& ts = current_thread();
  int status = 0;
  switch (config.run) {
    case Config::Run::kCommand:
      status = run_command(ts, config);
      break;
    case Config::Run::kModule:
      if (!config.safe_path) {
        char cwd[4096];
        if (getcwd(cwd, sizeof cwd) != nullptr && failed(prepend_path(ts, cwd))) error_clear(ts);
      }
      status = run_as_module(ts, config.command, true);
      break;
    case Config::Run::kFile:
      status = run_file(ts, config);
      break;
    default:
      status = run_stdin(ts, config);
  }
  if (config.inspect && config.run != Config::Run::kStdin) status = run_interactive(ts, config);
  const bool interrupted = ts.interpreter().ended_by_interrupt && status == 128 + SIGINT;
  if (runtime_finish() < 0) status = 120;
  if (interrupted) {
    // Whoever waits for this process shall see that the signal ended it.
    std::signal(SIGINT, SIG_DFL);
    kill(getpid(), SIGINT);
  }
  return status;
}

}  // namespace atl

using namespace atl;

void Py_Exit(int status) {
  if (runtime_finish() < 0) status = 120;
  exit(status);
}
