// posix: reading directories. listdir, scandir and its entries.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "Modules/posix/posix.h"
#include "Include/structmember.h"
#include "Objects/type/type.h"

namespace atl::posix {

namespace {

bool is_dot(const char* name) { return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)); }

DIR* open_directory(const Path& path) {
  if (!path.is_fd()) return unlocked([&] { return opendir(path.c != nullptr ? path.c : "."); });
  // closedir() closes the descriptor; the caller's stays open.
  int fd = fcntl(path.fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  DIR* d = unlocked([&] { return fdopendir(fd); });
  if (d == nullptr) {
    int e = errno;
    close(fd);
    errno = e;
  }
  return d;
}

Ref<> m_listdir(ThreadState& ts, PyObject*, const PathOrFdOrNone& path) {
  if (PySys_Audit("os.listdir", "O", path.given != nullptr ? path.given : Py_None) < 0) return {};
  DIR* d = open_directory(path);
  if (d == nullptr) return path_error(ts, path);
  Ref<> list = Ref<>::steal(PyList_New(0));
  bool ok = static_cast<bool>(list);
  while (ok) {
    errno = 0;
    dirent* e = unlocked([&] { return readdir(d); });
    if (e == nullptr) {
      if (errno != 0) {
        (void)path_error(ts, path);
        ok = false;
      }
      break;
    }
    if (is_dot(e->d_name)) continue;
    Ref<> name = name_as_given(ts, e->d_name, std::strlen(e->d_name), path.is_bytes);
    ok = name && PyList_Append(list.get(), name.get()) == 0;
  }
  if (path.is_fd()) rewinddir(d);
  closedir(d);
  return ok ? std::move(list) : Ref<>();
}

// ---- DirEntry ----------------------------------------------------------------------------------------------------

struct Entry {
  PyObject_HEAD
  PyObject* name;
  PyObject* path;
  PyObject* status;   // of the file; cached
  PyObject* lstatus;  // of the link; cached
  ino_t inode;
  int dir_fd;  // where `name` is looked up; -1: `path` is used
  unsigned char type;
};
Entry* entry(PyObject* o) { return reinterpret_cast<Entry*>(o); }

PyObject* module_of(PyObject* o) { return PyType_GetModule(Py_TYPE(o)); }

void entry_dealloc(PyObject* o) {
  PyTypeObject* t = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  Entry* e = entry(o);
  Py_CLEAR(e->name);
  Py_CLEAR(e->path);
  Py_CLEAR(e->status);
  Py_CLEAR(e->lstatus);
  PyObject_GC_Del(o);
  Py_DECREF(t);
}
int entry_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(entry(o)->name);
  Py_VISIT(entry(o)->path);
  Py_VISIT(entry(o)->status);
  Py_VISIT(entry(o)->lstatus);
  return 0;
}
Ref<> fetch(ThreadState& ts, PyObject* o, bool follow) {
  Entry* e = entry(o);
  Ref<> bytes;
  PyObject* text = e->dir_fd >= 0 ? e->name : e->path;
  bytes = PyBytes_Check(text) ? Ref<>::dup_of(text) : Ref<>::steal(PyUnicode_EncodeFSDefault(text));
  if (!bytes) return {};
  const char* c = PyBytes_AsString(bytes.get());
  struct stat st;
  int r = unlocked([&] { return fstatat(e->dir_fd >= 0 ? e->dir_fd : AT_FDCWD, c, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW); });
  if (r < 0) return raise_os_error(ts, errno, e->path);
  return make_stat(ts, module_of(o), st);
}
bool known_link(const Entry* e) { return e->type == DT_LNK; }

Ref<> e_stat(ThreadState& ts, PyObject* o, bool follow) {
  Entry* e = entry(o);
  // What is no link has one status.
  bool own = !follow || (e->type != DT_UNKNOWN && !known_link(e));
  PyObject** slot = own ? &e->lstatus : &e->status;
  if (*slot == nullptr) {
    Ref<> r = fetch(ts, o, !own);
    if (!r) return {};
    Py_XSETREF(*slot, r.release());
  }
  return Ref<>::dup_of(*slot);
}
Tri mode_is(ThreadState& ts, PyObject* o, bool follow, mode_t kind, unsigned char type) {
  Entry* e = entry(o);
  bool need = e->type == DT_UNKNOWN || (follow && known_link(e));
  if (!need) return e->type == type ? Tri::kTrue : Tri::kFalse;
  Ref<> st = e_stat(ts, o, follow);
  if (!st) {
    if (error_clear_if(ts, PyExc_FileNotFoundError)) return Tri::kFalse;  // a link to nowhere is neither
    return Tri::kError;
  }
  Ref<> mode = Ref<>::steal(PyObject_GetAttrString(st.get(), "st_mode"));
  int64_t bits;
  if (!mode || failed(int_as_i64(ts, mode.get(), &bits))) return Tri::kError;
  return (static_cast<mode_t>(bits) & S_IFMT) == kind ? Tri::kTrue : Tri::kFalse;
}
Tri e_is_dir(ThreadState& ts, PyObject* o, bool follow) { return mode_is(ts, o, follow, S_IFDIR, DT_DIR); }
Tri e_is_file(ThreadState& ts, PyObject* o, bool follow) { return mode_is(ts, o, follow, S_IFREG, DT_REG); }
Tri e_is_symlink(ThreadState& ts, PyObject* o) { return mode_is(ts, o, false, S_IFLNK, DT_LNK); }
Ref<> e_inode(ThreadState&, PyObject* o) { return Ref<>::steal(PyLong_FromUnsignedLongLong(entry(o)->inode)); }
Ref<> e_fspath(ThreadState&, PyObject* o) { return Ref<>::dup_of(entry(o)->path); }
PyObject* e_repr(PyObject* o) { return PyUnicode_FromFormat("<DirEntry %R>", entry(o)->name); }
PyObject* e_class_getitem(PyObject* type, PyObject* item) { return Py_GenericAlias(type, item); }

ATOLL_SEALED PyMemberDef entry_members[] = {
    {"name", T_OBJECT_EX, offsetof(Entry, name), READONLY, "the entry's base filename, relative to scandir() \"path\" argument"},
    {"path", T_OBJECT_EX, offsetof(Entry, path), READONLY, "the entry's full path name; equivalent to os.path.join(scandir_path, entry.name)"},
    {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kEntryMethods[] = {
    ATOLL_METHOD(e_stat, "stat", "($self, /, *, follow_symlinks=True)", "The entry's status; cached."),
    ATOLL_METHOD(e_is_dir, "is_dir", "($self, /, *, follow_symlinks=True)", "Is it a directory?"),
    ATOLL_METHOD(e_is_file, "is_file", "($self, /, *, follow_symlinks=True)", "Is it a file?"),
    ATOLL_METHOD(e_is_symlink, "is_symlink", "($self, /)", "Is it a symbolic link?"),
    ATOLL_METHOD(e_inode, "inode", "($self, /)", "Its inode."),
    ATOLL_METHOD(e_fspath, "__fspath__", "($self, /)", "Its path."),
    {"__class_getitem__", PyCFunction{e_class_getitem}, METH_O | METH_CLASS, "See PEP 585"},
    ATOLL_METHOD_END};

// ---- scandir -----------------------------------------------------------------------------------------------------

struct Scan {
  PyObject_HEAD
  DIR* dir;
  PyObject* path;  // as given, or NULL for the current directory
  int fd;          // given as a descriptor; or -1
  bool is_bytes;
};
Scan* scan(PyObject* o) { return reinterpret_cast<Scan*>(o); }

void scan_close(PyObject* o) {
  DIR* d = std::exchange(scan(o)->dir, nullptr);
  if (d == nullptr) return;
  if (scan(o)->fd >= 0) rewinddir(d);
  closedir(d);
}
void scan_dealloc(PyObject* o) {
  PyTypeObject* t = Py_TYPE(o);
  if (PyObject_CallFinalizerFromDealloc(o) < 0) return;
  scan_close(o);
  Py_CLEAR(scan(o)->path);
  PyObject_Free(o);
  Py_DECREF(t);
}
// An iterator that was not exhausted nor closed: say so.
void scan_finalize(PyObject* o) {
  ThreadState& ts = current_thread();
  if (scan(o)->dir == nullptr) return;
  ErrorStash stash(ts);
  scan_close(o);
  if (PyErr_ResourceWarning(o, 1, "unclosed scandir iterator %R", o) < 0) {
    if (error_matches(ts, PyExc_Warning)) write_unraisable(ts, o);
    error_clear(ts);
  }
}
Ref<> joined(ThreadState& ts, Scan* s, PyObject* name) {
  if (s->fd >= 0) return Ref<>::dup_of(name);
  if (s->path == nullptr) {
    return s->is_bytes ? Ref<>::steal(PyBytes_FromFormat("./%s", PyBytes_AsString(name))) : Ref<>::steal(PyUnicode_FromFormat("./%U", name));
  }
  if (s->is_bytes) {
    const char* c = PyBytes_AsString(s->path);
    size_t n = std::strlen(c);
    return Ref<>::steal(PyBytes_FromFormat(n == 0 || c[n - 1] == '/' ? "%s%s" : "%s/%s", c, PyBytes_AsString(name)));
  }
  Py_ssize_t n = PyUnicode_GetLength(s->path);
  bool slash = n == 0 || PyUnicode_ReadChar(s->path, n - 1) == '/';
  (void)ts;
  return Ref<>::steal(PyUnicode_FromFormat(slash ? "%U%U" : "%U/%U", s->path, name));
}
PyObject* scan_next(PyObject* o) {
  ThreadState& ts = current_thread();
  Scan* s = scan(o);
  for (;;) {
    if (s->dir == nullptr) return nullptr;
    DIR* d = s->dir;
    errno = 0;
    dirent* e = unlocked([&] { return readdir(d); });
    if (e == nullptr) {
      int error = errno;
      scan_close(o);
      if (error != 0) (void)raise_os_error(ts, error, s->path);
      return nullptr;
    }
    if (is_dot(e->d_name)) continue;
    auto* type = reinterpret_cast<PyTypeObject*>(state_of(module_of(o))->dir_entry);
    ino_t inode = e->d_ino;
    unsigned char kind = e->d_type;
    Ref<> name = name_as_given(ts, e->d_name, std::strlen(e->d_name), s->is_bytes);
    Ref<> path = name ? joined(ts, s, name.get()) : Ref<>();
    Ref<> r = path ? Ref<>::steal(PyType_GenericAlloc(type, 0)) : Ref<>();
    if (!r) return nullptr;
    *entry(r.get()) = {entry(r.get())->ob_base, name.release(), path.release(), nullptr, nullptr, inode, s->fd, kind};
    return r.release();
  }
}
Ref<> s_close(ThreadState&, PyObject* o) {
  scan_close(o);
  return new_none();
}
Ref<> s_enter(ThreadState&, PyObject* o) { return Ref<>::dup_of(o); }
PyObject* s_exit(PyObject* o, PyObject*) {
  scan_close(o);
  return new_ref(Py_None);
}
constexpr MethodSpec kScanMethods[] = {ATOLL_METHOD(s_close, "close", "($self, /)", "Close the directory."),
                                       ATOLL_METHOD(s_enter, "__enter__", "($self, /)", "For with."),
                                       {"__exit__", PyCFunction{s_exit}, METH_VARARGS, "Close the directory."},
                                       ATOLL_METHOD_END};

Ref<> m_scandir(ThreadState& ts, PyObject* m, const PathOrFdOrNone& path) {
  if (PySys_Audit("os.scandir", "O", path.given != nullptr ? path.given : Py_None) < 0) return {};
  Ref<> r = Ref<>::steal(PyType_GenericAlloc(reinterpret_cast<PyTypeObject*>(state_of(m)->scandir_iterator), 0));
  if (!r) return {};
  Scan* s = scan(r.get());
  s->fd = path.is_fd() ? path.fd : -1;
  s->is_bytes = path.is_bytes;
  if (path.c != nullptr) s->path = name_as_given(ts, path.c, std::strlen(path.c), path.is_bytes).release();
  if (path.c != nullptr && s->path == nullptr) return {};
  DIR* d = open_directory(path);
  if (d == nullptr) return path_error(ts, path);
  s->dir = d;
  return r;
}

}  // namespace

bool add_dir_types(PyObject* m) {
  PyType_Slot entry_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(entry_dealloc)},
                               {Py_tp_traverse, reinterpret_cast<void*>(entry_traverse)},
                               {Py_tp_repr, reinterpret_cast<void*>(e_repr)},
                               {Py_tp_methods, const_cast<MethodSpec*>(kEntryMethods)},
                               {Py_tp_members, entry_members},
                               {0, nullptr}};
  PyType_Spec entry_spec{"posix.DirEntry", sizeof(Entry), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, entry_slots};
  PyType_Slot scan_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(scan_dealloc)},
                              {Py_tp_finalize, reinterpret_cast<void*>(scan_finalize)},
                              {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                              {Py_tp_iternext, reinterpret_cast<void*>(scan_next)},
                              {Py_tp_methods, const_cast<MethodSpec*>(kScanMethods)},
                              {0, nullptr}};
  PyType_Spec scan_spec{"posix.ScandirIterator", sizeof(Scan), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, scan_slots};
  State* s = state_of(m);
  s->dir_entry = PyType_FromModuleAndSpec(m, &entry_spec, nullptr);
  s->scandir_iterator = PyType_FromModuleAndSpec(m, &scan_spec, nullptr);
  return s->dir_entry != nullptr && s->scandir_iterator != nullptr && PyModule_AddObjectRef(m, "DirEntry", s->dir_entry) == 0;
}

constexpr MethodSpec kDirMethods[] = {
    ATOLL_METHOD(m_listdir, "listdir", "($module, /, path=None)", "The names in a directory."),
    ATOLL_METHOD(m_scandir, "scandir", "($module, /, path=None)", "An iterator over a directory's entries."),
    ATOLL_METHOD_END};

}  // namespace atl::posix
