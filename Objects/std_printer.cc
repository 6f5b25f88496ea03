// stderrprinter: the plain file object that stands in for sys.stderr until the standard streams are there.
#include <unistd.h>

#include <cerrno>

#include "Objects/errors.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"
#include "fileobject.h"

namespace atl {

namespace {

struct StdPrinter {
  PyObject ob_base;
  int fd;
};
StdPrinter* as_printer(PyObject* o) { return reinterpret_cast<StdPrinter*>(o); }

void printer_dealloc(ThreadState& ts, PyObject* o) { free_object(ts, o); }

Ref<> printer_repr(ThreadState& ts, PyObject* o) { return str_format(ts, "<stdprinter(fd=%d) object at %p>", as_printer(o)->fd, static_cast<void*>(o)); }

Ref<> m_write(ThreadState& ts, StdPrinter* p, PyUnicodeObject* text) {
  if (p->fd < 0) return new_none();
  Ref<> bytes = Ref<>::steal(PyUnicode_AsEncodedString(obj(text), "utf-8", "backslashreplace"));
  if (!bytes) return {};
  ssize_t n = write(p->fd, PyBytes_AsString(bytes.get()), static_cast<size_t>(PyBytes_Size(bytes.get())));
  if (n >= 0) return int_from_i64(ts, n);
  if (errno == EAGAIN) return new_none();
  return raise_os_error(ts, errno);
}
Ref<> m_nothing(ThreadState&, StdPrinter*) { return new_none(); }
Ref<> m_fileno(ThreadState& ts, StdPrinter* p) { return int_from_i64(ts, p->fd); }
Ref<> m_isatty(ThreadState&, StdPrinter* p) { return new_bool(p->fd >= 0 && isatty(p->fd) != 0); }
Ref<> get_none(ThreadState&, StdPrinter*) { return new_none(); }
Ref<> get_closed(ThreadState&, StdPrinter*) { return new_bool(false); }
Ref<> get_mode(ThreadState& ts, StdPrinter*) { return str_from_ascii(ts, "w"); }

constexpr MethodSpec kMethods[] = {ATOLL_METHOD(m_nothing, "close", "($self, /)", "Nothing happens."),
                                   ATOLL_METHOD(m_nothing, "flush", "($self, /)", "Nothing happens."),
                                   ATOLL_METHOD(m_fileno, "fileno", "($self, /)", "The descriptor."),
                                   ATOLL_METHOD(m_isatty, "isatty", "($self, /)", "Is it a terminal?"),
                                   ATOLL_METHOD(m_write, "write", "($self, text, /)", "Write a text, unbuffered."),
                                   ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"closed", ATOLL_GETTER(get_closed), nullptr, "True if the file is closed", nullptr},
                                   {"encoding", ATOLL_GETTER(get_none), nullptr, "Encoding of the file", nullptr},
                                   {"mode", ATOLL_GETTER(get_mode), nullptr, "String giving the file mode", nullptr},
                                   ATOLL_GETSET_END};

}  // namespace

constinit const TypeSpec std_printer_spec{
    .name = "stderrprinter",
    .basicsize = sizeof(StdPrinter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(printer_dealloc),
    .repr = ATOLL_SLOT(printer_repr),
    .methods = kMethods,
    .getset = kGetSet,
};

}  // namespace atl

using namespace atl;

extern "C" {
ATOLL_SEALED PyTypeObject PyStdPrinter_Type = {};
}

PyObject* PyFile_NewStdPrinter(int fd) {
  ThreadState& ts = current_thread();
  if (fd != STDOUT_FILENO && fd != STDERR_FILENO) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  auto p = new_object<StdPrinter>(ts, &PyStdPrinter_Type);
  if (!p) return nullptr;
  p->fd = fd;
  return obj(p.release());
}
