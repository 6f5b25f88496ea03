// The standard streams: opened when something first asks for them, in the main interpreter at once.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "Modules/sys.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Python/import/import.h"
#include "Python/lifecycle/steps.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"

namespace atl {

void codecs_clear(ThreadState& ts) {
  CodecState& c = ts.interpreter().codecs;
  clear_field(c.search_path);
  clear_field(c.search_cache);
  clear_field(c.error_registry);
}

namespace {

bool is_valid_fd(int fd) { return fcntl(fd, F_GETFD) >= 0; }

// sys.stdin and friends as Python sees them; None for a descriptor that is not open.
Ref<> open_stream(ThreadState& ts, PyObject* io, int fd, bool writing, const char* name, const char* errors) {
  if (!is_valid_fd(fd)) return new_none();
  const Config& c = *runtime().config;
  // stdin is always buffered; the others may be asked not to be.
  int buffering = c.unbuffered && writing ? 0 : -1;
  Ref<> raw_or_buffered = Ref<>::steal(PyObject_CallMethod(io, "open", "isiOOOO", fd, writing ? "wb" : "rb", buffering, Py_None, Py_None, Py_None, Py_False));
  if (!raw_or_buffered) return {};
  Ref<> raw = buffering == 0 ? raw_or_buffered.dup() : object_getattr(ts, raw_or_buffered.get(), ID(raw));
  Ref<> text_name = str_from_utf8(ts, name);
  if (!raw || !text_name || failed(object_setattr(ts, raw.get(), ID(name), text_name.get()))) return {};
  Ref<> tty = call_method(ts, raw.get(), ID(isatty));
  if (!tty) return {};
  bool is_tty = tty.get() == Py_True;
  bool line_buffering = is_tty || (writing && fd == 2);
  const char* encoding = c.stdio_encoding != nullptr ? c.stdio_encoding : "utf-8";
  const char* handler = c.stdio_errors != nullptr && fd != 2 ? c.stdio_errors : errors;
  Ref<> type = object_getattr(ts, io, "TextIOWrapper");
  if (!type) return {};
  Ref<> stream = Ref<>::steal(PyObject_CallFunction(type.get(), "OsssOO", raw_or_buffered.get(), encoding, handler, "\n",
                                                    line_buffering ? Py_True : Py_False, c.unbuffered ? Py_True : Py_False));
  if (!stream) return {};
  Ref<> mode = str_from_ascii(ts, writing ? "w" : "r");
  if (!mode || failed(object_setattr(ts, stream.get(), ID(mode), mode.get()))) return {};
  return stream;
}

// With the C locale coerced to UTF-8, undecodable bytes pass through.
const char* default_errors() {
  const char* locale = std::getenv("LC_ALL");
  if (locale == nullptr || *locale == 0) locale = std::getenv("LC_CTYPE");
  if (locale == nullptr || *locale == 0) locale = std::getenv("LANG");
  bool c_locale = locale == nullptr || *locale == 0 || std::string_view(locale) == "C" || std::string_view(locale) == "POSIX";
  return c_locale || runtime().config->utf8_mode ? "surrogateescape" : "strict";
}

struct StandardStream {
  const char* name;
  const char* original;
  const char* shown;
};
constexpr StandardStream kStreams[] = {{"stdin", "__stdin__", "<stdin>"}, {"stdout", "__stdout__", "<stdout>"}, {"stderr", "__stderr__", "<stderr>"}};

Ref<> open_standard(ThreadState& ts, int fd) {
  Ref<> io = import_early(ts, "_io");
  return io ? open_stream(ts, io.get(), fd, fd != 0, kStreams[fd].shown, fd == 2 ? "backslashreplace" : default_errors()) : Ref<>();
}

}  // namespace

Ref<> stream_make(ThreadState& ts, PyObject* name) {
  for (int fd = 0; fd < 3; ++fd) {
    const bool plain = str_equals_ascii(name, kStreams[fd].name);
    if (!plain && !str_equals_ascii(name, kStreams[fd].original)) continue;
    Ref<> stream = open_standard(ts, fd);
    // The same object under the other name, unless that has been replaced already.
    Ref<> other = str_interned(ts, plain ? kStreams[fd].original : kStreams[fd].name);
    if (!stream || !other || failed(dict_make_with(ts, ts.interpreter().sysdict, other.get(), stream.get()))) return {};
    return stream;
  }
  return {};
}

Status streams_init(ThreadState& ts) {
  if (!ts.interpreter().is_main) return Status::kOk;
  struct stat st;
  if (fstat(0, &st) == 0 && S_ISDIR(st.st_mode)) {
    std::fprintf(stderr, "Fatal Python error: init_sys_streams: <stdin> is a directory, cannot continue\n");
    return raise(ts, PyExc_IsADirectoryError, "<stdin>");
  }
  Ref<> io = import_early(ts, "_io");
  Ref<> open = io ? object_getattr(ts, io.get(), ID(open)) : Ref<>();
  if (!open || failed(dict_set(ts, ts.interpreter().builtins, ID(open), open.get()))) return Status::kError;
  for (int fd : {2, 0, 1}) {
    Ref<> stream = open_standard(ts, fd);
    if (!stream || failed(sys_put(ts, kStreams[fd].original, stream.dup())) || failed(sys_put(ts, kStreams[fd].name, std::move(stream)))) {
      return Status::kError;
    }
  }
  return Status::kOk;
}

}  // namespace atl
