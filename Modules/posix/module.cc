// posix: the module. What os.py finds there is defined in this folder's other files.
#include "Modules/posix/posix.h"

namespace atl::posix {

namespace {

// What os.py builds its supports_… sets from.
constexpr const char* kHave[] = {
    "HAVE_EVENTFD",  "HAVE_FACCESSAT", "HAVE_FCHDIR",  "HAVE_FCHMOD",    "HAVE_FCHMODAT",  "HAVE_FCHOWN",       "HAVE_FCHOWNAT", "HAVE_FEXECVE",
    "HAVE_FDOPENDIR", "HAVE_FPATHCONF", "HAVE_FSTATAT", "HAVE_FSTATVFS",  "HAVE_FTRUNCATE", "HAVE_FUTIMENS",     "HAVE_FUTIMES",  "HAVE_FUTIMESAT",
    "HAVE_LINKAT",   "HAVE_LCHOWN",    "HAVE_LSTAT",   "HAVE_LUTIMES",   "HAVE_MEMFD_CREATE", "HAVE_MKDIRAT",   "HAVE_MKFIFOAT", "HAVE_MKNODAT",
    "HAVE_OPENAT",   "HAVE_READLINKAT", "HAVE_RENAMEAT", "HAVE_SYMLINKAT", "HAVE_UNLINKAT",  "HAVE_UTIMENSAT"};

constexpr struct {
  const char* name;
  PyTypeObject* type;
} kStructTypes[] = {{"stat_result", &atoll_stat_result_type},     {"statvfs_result", &atoll_statvfs_result_type},
                    {"terminal_size", &atoll_terminal_size_type}, {"uname_result", &atoll_uname_result_type},
                    {"times_result", &atoll_times_result_type},   {"waitid_result", &atoll_waitid_result_type},
                    {"sched_param", &atoll_sched_param_type}};

int exec_posix(PyObject* m) {
  ThreadState& ts = current_thread();
  for (const MethodSpec* table : {kFileMethods, kPathMethods, kDirMethods, kProcessMethods, kSpawnMethods}) {
    if (PyModule_AddFunctions(m, const_cast<PyMethodDef*>(table->c())) < 0) return -1;
  }
  if (!add_dir_types(m) || !add_constants(m)) return -1;
  for (const auto& [name, type] : kStructTypes) {
    if (PyModule_AddObjectRef(m, name, obj(type)) < 0) return -1;
  }
  Ref<> environment = make_environ(ts);
  Ref<> have = Ref<>::steal(PyList_New(0));
  if (!environment || !have || PyModule_AddObjectRef(m, "environ", environment.get()) < 0) return -1;
  for (const char* name : kHave) {
    Ref<> s = str_from_utf8(ts, name);
    if (!s || PyList_Append(have.get(), s.get()) < 0) return -1;
  }
  return PyModule_AddObjectRef(m, "_have_functions", have.get()) < 0 || PyModule_AddObjectRef(m, "error", PyExc_OSError) < 0 ? -1 : 0;
}

int posix_traverse(PyObject* m, visitproc visit, void* arg) {
  State* s = state_of(m);
  for (PyObject* o : {s->dir_entry, s->scandir_iterator}) Py_VISIT(o);
  return 0;
}
int posix_clear(PyObject* m) {
  State* s = state_of(m);
  for (PyObject** o : {&s->dir_entry, &s->scandir_iterator}) Py_CLEAR(*o);
  return 0;
}

constexpr MethodSpec kNone[] = {ATOLL_METHOD_END};

}  // namespace
}  // namespace atl::posix

ATOLL_BUILTIN_MODULE_GC(PyInit_posix, "posix", "The operating system's functions that the os module is made of.", sizeof(atl::posix::State),
                        atl::posix::kNone, atl::posix::exec_posix, atl::posix::posix_traverse, atl::posix::posix_clear, nullptr)
