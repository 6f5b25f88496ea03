// mmap: files and anonymous memory as mutable bytes.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "structmember.h"

namespace atl {

namespace {

using posix::call_error;
using posix::unlocked;

enum Access { kDefault, kRead, kWrite, kCopy };

struct Map {
  PyObject ob_base;
  char* data;  // NULL: closed
  Py_ssize_t size;
  Py_ssize_t position;
  off_t offset;
  Py_ssize_t exports;  // buffers that somebody holds
  int fd;              // our own duplicate; -1: anonymous memory
  int access;
  PyObject* weakrefs;
};
Map* as_map(PyObject* o) { return reinterpret_cast<Map*>(o); }

bool check_open(ThreadState& ts, const Map* m) {
  if (m->data != nullptr) return true;
  (void)raise(ts, PyExc_ValueError, "mmap closed or invalid");
  return false;
}
bool check_writable(ThreadState& ts, const Map* m) {
  if (m->access != kRead) return true;
  (void)raise(ts, PyExc_TypeError, "mmap can't modify a readonly memory map.");
  return false;
}
bool check_resizable(ThreadState& ts, const Map* m) {
  if (m->exports > 0) {
    (void)raise(ts, PyExc_BufferError, "mmap can't resize with extant buffers exported.");
    return false;
  }
  if (m->access == kDefault || m->access == kWrite) return true;
  (void)raise(ts, PyExc_TypeError, "mmap can't resize a readonly or copy-on-write memory map.");
  return false;
}

// ---- making ------------------------------------------------------------------------------------------------------

bool take_int(ThreadState& ts, PyObject* o, int* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return false;
  *out = _PyLong_AsInt(index.get());
  return !error_set(ts);
}
bool take_ssize(ThreadState& ts, PyObject* o, Py_ssize_t* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return false;
  *out = PyLong_AsSsize_t(index.get());
  return !error_set(ts);
}

enum { kFileno, kLength, kFlags, kProt, kAccessArg, kOffset, kArgCount };
constexpr const char* kArgNames[kArgCount] = {"fileno", "length", "flags", "prot", "access", "offset"};

bool take_arguments(ThreadState& ts, PyObject* args, PyObject* kwargs, PyObject** out) {
  Py_ssize_t n = tuple_size(args);
  Py_ssize_t total = n + (kwargs != nullptr ? dict_size(kwargs) : 0);
  if (total > kArgCount) {
    (void)raise(ts, PyExc_TypeError, "function takes at most %d arguments (%zd given)", int{kArgCount}, total);
    return false;
  }
  for (int i = 0; i < kArgCount; ++i) out[i] = i < n ? tuple_peek(args, i) : nullptr;
  PyObject *key, *value, *unknown = nullptr;
  Py_ssize_t at = 0;
  while (kwargs != nullptr && PyDict_Next(kwargs, &at, &key, &value)) {
    int i = 0;
    while (i < kArgCount && !str_equals_ascii(key, kArgNames[i])) ++i;
    if (i == kArgCount) {
      unknown = key;
    } else if (out[i] != nullptr) {
      (void)raise(ts, PyExc_TypeError, "argument for function given by name ('%s') and position (%d)", kArgNames[i], i + 1);
      return false;
    } else {
      out[i] = value;
    }
  }
  for (int i = 0; i < 2; ++i) {
    if (out[i] == nullptr) {
      (void)raise(ts, PyExc_TypeError, "function missing required argument '%s' (pos %d)", kArgNames[i], i + 1);
      return false;
    }
  }
  if (unknown != nullptr) (void)raise(ts, PyExc_TypeError, "'%U' is an invalid keyword argument for this function", unknown);
  return unknown == nullptr;
}

Ref<> map_make(ThreadState& ts, PyTypeObject* type, PyObject** given) {
  int fd, flags = MAP_SHARED, prot = PROT_READ | PROT_WRITE, access = kDefault;
  Py_ssize_t length, offset = 0;
  if (!take_int(ts, given[kFileno], &fd) || !take_ssize(ts, given[kLength], &length) ||
      (given[kFlags] != nullptr && !take_int(ts, given[kFlags], &flags)) || (given[kProt] != nullptr && !take_int(ts, given[kProt], &prot)) ||
      (given[kAccessArg] != nullptr && !take_int(ts, given[kAccessArg], &access)) ||
      (given[kOffset] != nullptr && !take_ssize(ts, given[kOffset], &offset))) {
    return {};
  }
  if (length < 0) return raise(ts, PyExc_OverflowError, "memory mapped length must be positive");
  if (offset < 0) return raise(ts, PyExc_OverflowError, "memory mapped offset must be positive");
  if (access != kDefault && (flags != MAP_SHARED || prot != (PROT_READ | PROT_WRITE))) {
    return raise(ts, PyExc_ValueError, "mmap can't specify both access and flags, prot.");
  }
  switch (access) {
    case kRead:
      prot = PROT_READ;
      break;
    case kWrite:
      break;
    case kCopy:
      flags = MAP_PRIVATE;
      break;
    case kDefault:
      if (!(prot & PROT_WRITE)) access = kRead;
      break;
    default:
      return raise(ts, PyExc_ValueError, "mmap invalid access parameter.");
  }
  if (PySys_Audit("mmap.__new__", "iniL", fd, length, access, static_cast<long long>(offset)) < 0) return {};
  if (fd != -1) {
    struct stat st;
    bool known = unlocked([&] { return fstat(fd, &st); }) == 0;
    if (known && S_ISREG(st.st_mode)) {
      if (length == 0) {
        if (st.st_size == 0) return raise(ts, PyExc_ValueError, "cannot mmap an empty file");
        if (offset >= st.st_size) return raise(ts, PyExc_ValueError, "mmap offset is greater than file size");
        length = st.st_size - offset;
      } else if (offset > st.st_size || st.st_size - offset < length) {
        return raise(ts, PyExc_ValueError, "mmap length is greater than file size");
      }
    }
  }
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Map* m = as_map(o.get());
  m->fd = -1;
  m->access = access;
  m->offset = offset;
  if (fd == -1) {
    flags |= MAP_ANONYMOUS;
  } else {
    m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (m->fd < 0) return call_error(ts);
  }
  void* data = unlocked([&] { return mmap(nullptr, static_cast<size_t>(length), prot, flags, fd, offset); });
  if (data == MAP_FAILED) return call_error(ts);
  m->data = static_cast<char*>(data);
  m->size = length;
  return o;
}
PyObject* map_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  PyObject* given[kArgCount];
  return take_arguments(ts, args, kwargs, given) ? map_make(ts, type, given).release() : nullptr;
}

void give_up(Map* m) {
  int fd = std::exchange(m->fd, -1);
  char* data = std::exchange(m->data, nullptr);
  auto size = static_cast<size_t>(m->size);
  unlocked([&] {
    if (fd >= 0) close(fd);
    if (data != nullptr) munmap(data, size);
    return 0;
  });
}
void map_dealloc(PyObject* o) {
  untrack(o);
  if (as_map(o)->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  give_up(as_map(o));
  heap_instance_free(o);
}
int map_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(obj(o->ob_type));
  return 0;
}

// ---- methods -----------------------------------------------------------------------------------------------------

Status m_close(ThreadState& ts, Map* m) {
  if (m->exports > 0) return raise(ts, PyExc_BufferError, "cannot close exported pointers exist");
  give_up(m);
  return Status::kOk;
}
Ref<> get_closed(ThreadState&, Map* m) { return new_bool(m->data == nullptr); }
Ref<> m_enter(ThreadState& ts, Map* m) { return check_open(ts, m) ? dup(obj(m)) : Ref<>(); }
PyObject* m_exit(PyObject* self, PyObject*) {
  ThreadState& ts = current_thread();
  Ref<> close = object_getattr(ts, self, "close");
  return close ? call(ts, close.get()).release() : nullptr;
}

Ref<> m_read(ThreadState& ts, Map* m, PyObject* count) {
  if (!check_open(ts, m)) return {};
  Py_ssize_t n = PY_SSIZE_T_MAX;
  if (count != nullptr && count != Py_None) {
    if (!PyIndex_Check(count)) return raise(ts, PyExc_TypeError, "argument should be integer or None, not '%T'", count);
    if (!take_ssize(ts, count, &n) || !check_open(ts, m)) return {};
    if (n < 0) n = PY_SSIZE_T_MAX;
  }
  Py_ssize_t left = m->position < m->size ? m->size - m->position : 0;
  if (n > left) n = left;
  Ref<> result = bytes_from(ts, {m->data + m->position, static_cast<size_t>(n)});
  if (result) m->position += n;
  return result;
}
Ref<> m_read_byte(ThreadState& ts, Map* m) {
  if (!check_open(ts, m)) return {};
  if (m->position >= m->size) return raise(ts, PyExc_ValueError, "read byte out of range");
  return int_from_i64(ts, static_cast<unsigned char>(m->data[m->position++]));
}
Ref<> m_readline(ThreadState& ts, Map* m) {
  if (!check_open(ts, m)) return {};
  Py_ssize_t left = m->position < m->size ? m->size - m->position : 0;
  if (left == 0) return bytes_from(ts, {});
  const char* start = m->data + m->position;
  auto* end = static_cast<const char*>(std::memchr(start, '\n', static_cast<size_t>(left)));
  size_t n = end != nullptr ? static_cast<size_t>(end - start) + 1 : static_cast<size_t>(left);
  Ref<> result = bytes_from(ts, {start, n});
  if (result) m->position += static_cast<Py_ssize_t>(n);
  return result;
}
template <bool kLast>
PyObject* m_find(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Map* m = as_map(self);
  const char* name = kLast ? "rfind" : "find";
  if (!check_open(ts, m)) return nullptr;
  if (n < 1 || n > 3) {
    return raise(ts, PyExc_TypeError, n < 1 ? "%s() takes at least 1 argument (%zd given)" : "%s() takes at most 3 arguments (%zd given)", name, n);
  }
  BufferArg wanted;
  if (PyObject_GetBuffer(args[0], &wanted.view, PyBUF_SIMPLE) < 0) return nullptr;
  Py_ssize_t start = m->position, end = m->size;
  if ((n > 1 && !take_ssize(ts, args[1], &start)) || (n > 2 && !take_ssize(ts, args[2], &end)) || !check_open(ts, m)) return nullptr;
  for (Py_ssize_t* p : {&start, &end}) {
    if (*p < 0) *p += m->size;
    if (*p < 0) *p = 0;
    if (*p > m->size) *p = m->size;
  }
  Py_ssize_t found = -1;
  if (start <= end && wanted.size() <= end - start) {
    const char* from = m->data + start;
    auto room = static_cast<size_t>(end - start), size = static_cast<size_t>(wanted.size());
    if (!kLast) {
      auto* at = size == 0 ? from : static_cast<const char*>(memmem(from, room, wanted.data(), size));
      if (at != nullptr) found = at - m->data;
    } else {
      for (Py_ssize_t at = end - wanted.size(); at >= start; --at) {
        if (std::memcmp(m->data + at, wanted.data(), size) == 0) {
          found = at;
          break;
        }
      }
    }
  }
  return int_from_i64(ts, found).release();
}
Ref<> m_write(ThreadState& ts, Map* m, const BufferArg& data) {
  if (!check_open(ts, m) || !check_writable(ts, m)) return {};
  if (m->position > m->size || m->size - m->position < data.size()) return raise(ts, PyExc_ValueError, "data out of range");
  std::memmove(m->data + m->position, data.data(), static_cast<size_t>(data.size()));
  m->position += data.size();
  return int_from_i64(ts, data.size());
}
Status m_write_byte(ThreadState& ts, Map* m, PyObject* value) {
  if (!check_open(ts, m)) return Status::kError;
  Ref<> index = number_index(ts, value);
  if (!index) return Status::kError;
  long v = PyLong_AsLong(index.get());
  if (error_set(ts)) return Status::kError;
  if (v < 0) return raise(ts, PyExc_OverflowError, "unsigned byte integer is less than minimum");
  if (v > UCHAR_MAX) return raise(ts, PyExc_OverflowError, "unsigned byte integer is greater than maximum");
  if (!check_open(ts, m) || !check_writable(ts, m)) return Status::kError;
  if (m->position >= m->size) return raise(ts, PyExc_ValueError, "write byte out of range");
  m->data[m->position++] = static_cast<char>(v);
  return Status::kOk;
}
Ref<> m_size(ThreadState& ts, Map* m) {
  if (!check_open(ts, m)) return {};
  struct stat st;
  if (unlocked([&] { return fstat(m->fd, &st); }) < 0) return call_error(ts);
  return int_from_i64(ts, st.st_size);
}
Ref<> m_tell(ThreadState& ts, Map* m) { return check_open(ts, m) ? int_from_i64(ts, m->position) : Ref<>(); }
Status m_seek(ThreadState& ts, Map* m, Py_ssize_t distance, int how) {
  if (!check_open(ts, m)) return Status::kError;
  Py_ssize_t from;
  switch (how) {
    case 0:
      from = 0;
      break;
    case 1:
      from = m->position;
      break;
    case 2:
      from = m->size;
      break;
    default:
      return raise(ts, PyExc_ValueError, "unknown seek type");
  }
  Py_ssize_t to;
  if (__builtin_add_overflow(from, distance, &to) || to < 0 || to > m->size) return raise(ts, PyExc_ValueError, "seek out of range");
  m->position = to;
  return Status::kOk;
}
Ref<> m_resize(ThreadState& ts, Map* m, Py_ssize_t size) {
  if (!check_open(ts, m) || !check_resizable(ts, m)) return {};
  if (size < 0 || PY_SSIZE_T_MAX - size < m->offset) return raise(ts, PyExc_ValueError, "new size out of range");
  if (m->fd >= 0 && unlocked([&] { return ftruncate(m->fd, m->offset + size); }) < 0) return call_error(ts);
  void* data = unlocked([&] { return mremap(m->data, static_cast<size_t>(m->size), static_cast<size_t>(size), MREMAP_MAYMOVE); });
  if (data == MAP_FAILED) return call_error(ts);
  m->data = static_cast<char*>(data);
  m->size = size;
  return new_none();
}
Ref<> m_flush(ThreadState& ts, Map* m, Py_ssize_t offset, PyObject* size_arg) {
  if (!check_open(ts, m)) return {};
  Py_ssize_t size = m->size;
  if (size_arg != nullptr && (!take_ssize(ts, size_arg, &size) || !check_open(ts, m))) return {};
  if (size < 0 || offset < 0 || m->size - offset < size) return raise(ts, PyExc_ValueError, "flush values out of range");
  if (m->access == kRead || m->access == kCopy) return new_none();
  return unlocked([&] { return msync(m->data + offset, static_cast<size_t>(size), MS_SYNC); }) < 0 ? Ref<>(call_error(ts)) : new_none();
}
Status m_move(ThreadState& ts, Map* m, Py_ssize_t to, Py_ssize_t from, Py_ssize_t count) {
  if (!check_open(ts, m) || !check_writable(ts, m)) return Status::kError;
  if (to < 0 || from < 0 || count < 0 || m->size - to < count || m->size - from < count) {
    return raise(ts, PyExc_ValueError, "source, destination, or count out of range");
  }
  std::memmove(m->data + to, m->data + from, static_cast<size_t>(count));
  return Status::kOk;
}
PyObject* m_madvise(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  ThreadState& ts = current_thread();
  Map* m = as_map(self);
  if (!check_open(ts, m)) return nullptr;
  if (n < 1 || n > 3) {
    return raise(ts, PyExc_TypeError, n < 1 ? "madvise() takes at least 1 argument (%zd given)" : "madvise() takes at most 3 arguments (%zd given)", n);
  }
  int option;
  Py_ssize_t start = 0, length = m->size;
  if (!take_int(ts, args[0], &option) || (n > 1 && !take_ssize(ts, args[1], &start)) || (n > 2 && !take_ssize(ts, args[2], &length)) ||
      !check_open(ts, m)) {
    return nullptr;
  }
  if (start < 0 || start >= m->size) return raise(ts, PyExc_ValueError, "madvise start out of bounds");
  if (length < 0) return raise(ts, PyExc_ValueError, "madvise length invalid");
  if (PY_SSIZE_T_MAX - start < length) return raise(ts, PyExc_OverflowError, "madvise length too large");
  if (start + length > m->size) length = m->size - start;
  if (madvise(m->data + start, static_cast<size_t>(length), option) < 0) return call_error(ts);
  return new_ref(Py_None);
}
Ref<> map_repr(ThreadState& ts, PyObject* o) {
  Map* m = as_map(o);
  const char* name = o->ob_type->tp_name;
  if (m->data == nullptr) return str_format(ts, "<%s closed=True>", name);
  static constexpr const char* kNames[] = {"ACCESS_DEFAULT", "ACCESS_READ", "ACCESS_WRITE", "ACCESS_COPY"};
  return str_format(ts, "<%s closed=False, access=%s, length=%zd, pos=%zd, offset=%lld>", name, kNames[m->access], m->size, m->position,
                    static_cast<long long>(m->offset));
}

// ---- as bytes ----------------------------------------------------------------------------------------------------

int map_get_buffer(PyObject* o, Py_buffer* view, int flags) {
  ThreadState& ts = current_thread();
  Map* m = as_map(o);
  if (!check_open(ts, m) || PyBuffer_FillInfo(view, o, m->data, m->size, m->access == kRead, flags) < 0) return -1;
  ++m->exports;
  return 0;
}
void map_release_buffer(PyObject* o, Py_buffer*) { --as_map(o)->exports; }

Py_ssize_t map_length(PyObject* o) { return check_open(current_thread(), as_map(o)) ? as_map(o)->size : -1; }
PyObject* map_item(PyObject* o, Py_ssize_t i) {
  ThreadState& ts = current_thread();
  Map* m = as_map(o);
  if (!check_open(ts, m)) return nullptr;
  if (i < 0 || i >= m->size) return raise(ts, PyExc_IndexError, "mmap index out of range");
  return bytes_from(ts, {m->data + i, 1}).release();
}
PyObject* map_subscript(PyObject* o, PyObject* key) {
  ThreadState& ts = current_thread();
  Map* m = as_map(o);
  if (!check_open(ts, m)) return nullptr;
  if (PyIndex_Check(key)) {
    Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (i == -1 && error_set(ts)) return nullptr;
    if (i < 0) i += m->size;
    if (i < 0 || i >= m->size) return raise(ts, PyExc_IndexError, "mmap index out of range");
    if (!check_open(ts, m)) return nullptr;
    return int_from_i64(ts, static_cast<unsigned char>(m->data[i])).release();
  }
  if (!PySlice_Check(key)) return raise(ts, PyExc_TypeError, "mmap indices must be integers");
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(key, &start, &stop, &step) < 0) return nullptr;
  Py_ssize_t n = PySlice_AdjustIndices(m->size, &start, &stop, step);
  if (!check_open(ts, m)) return nullptr;
  if (n <= 0) return bytes_from(ts, {}).release();
  if (step == 1) return bytes_from(ts, {m->data + start, static_cast<size_t>(n)}).release();
  Ref<> result = bytes_new(ts, n);
  for (Py_ssize_t k = 0; result && k < n; ++k) bytes_data(result.get())[k] = m->data[start + k * step];
  return result.release();
}
int map_assign(PyObject* o, PyObject* key, PyObject* value) {
  ThreadState& ts = current_thread();
  Map* m = as_map(o);
  if (!check_open(ts, m) || !check_writable(ts, m)) return -1;
  if (PyIndex_Check(key)) {
    Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (i == -1 && error_set(ts)) return -1;
    if (i < 0) i += m->size;
    if (i < 0 || i >= m->size) return raise(ts, PyExc_IndexError, "mmap index out of range");
    if (value == nullptr) return raise(ts, PyExc_TypeError, "mmap doesn't support item deletion");
    if (!PyIndex_Check(value)) return raise(ts, PyExc_TypeError, "mmap item value must be an int");
    Py_ssize_t v = PyNumber_AsSsize_t(value, PyExc_TypeError);
    if (v == -1 && error_set(ts)) return -1;
    if (v < 0 || v > 255) return raise(ts, PyExc_ValueError, "mmap item value must be in range(0, 256)");
    if (!check_open(ts, m)) return -1;
    m->data[i] = static_cast<char>(v);
    return 0;
  }
  if (!PySlice_Check(key)) return raise(ts, PyExc_TypeError, "mmap indices must be integer");
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(key, &start, &stop, &step) < 0) return -1;
  Py_ssize_t n = PySlice_AdjustIndices(m->size, &start, &stop, step);
  if (value == nullptr) return raise(ts, PyExc_TypeError, "mmap object doesn't support slice deletion");
  BufferArg bytes;
  if (PyObject_GetBuffer(value, &bytes.view, PyBUF_SIMPLE) < 0) return -1;
  if (bytes.size() != n) return raise(ts, PyExc_IndexError, "mmap slice assignment is wrong size");
  if (!check_open(ts, m)) return -1;
  if (step == 1) {
    std::memmove(m->data + start, bytes.data(), static_cast<size_t>(n));
  } else {
    for (Py_ssize_t k = 0; k < n; ++k) m->data[start + k * step] = static_cast<char>(bytes.data()[k]);
  }
  return 0;
}

// ---- the module --------------------------------------------------------------------------------------------------

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD_PLAIN(m_close, "close", "($self, /)", ""),
    ATOLL_METHOD_RAW(m_find<false>, "find", METH_FASTCALL, nullptr),
    ATOLL_METHOD_RAW(m_find<true>, "rfind", METH_FASTCALL, nullptr),
    ATOLL_METHOD_PLAIN(m_flush, "flush", "($self, offset=0, size=None, /)", ""),
    ATOLL_METHOD_RAW(m_madvise, "madvise", METH_FASTCALL, nullptr),
    ATOLL_METHOD_PLAIN(m_move, "move", "($self, dest, src, count, /)", ""),
    ATOLL_METHOD_PLAIN(m_read, "read", "($self, n=None, /)", ""),
    ATOLL_METHOD_PLAIN(m_read_byte, "read_byte", "($self, /)", ""),
    ATOLL_METHOD_PLAIN(m_readline, "readline", "($self, /)", ""),
    ATOLL_METHOD_PLAIN(m_resize, "resize", "($self, newsize, /)", ""),
    ATOLL_METHOD_PLAIN(m_seek, "seek", "($self, pos, whence=0, /)", ""),
    ATOLL_METHOD_PLAIN(m_size, "size", "($self, /)", ""),
    ATOLL_METHOD_PLAIN(m_tell, "tell", "($self, /)", ""),
    ATOLL_METHOD_PLAIN(m_write, "write", "($self, bytes, /)", ""),
    ATOLL_METHOD_PLAIN(m_write_byte, "write_byte", "($self, byte, /)", ""),
    ATOLL_METHOD_PLAIN(m_enter, "__enter__", "($self, /)", ""),
    ATOLL_METHOD_RAW(m_exit, "__exit__", METH_VARARGS, nullptr),
    ATOLL_METHOD_END};
constexpr PyGetSetDef kGetSet[] = {{"closed", ATOLL_GETTER(get_closed), nullptr, nullptr, nullptr}, ATOLL_GETSET_END};
constexpr PyMemberDef kMembers[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(Map, weakrefs), READONLY, nullptr}, {}};

constexpr IntConstant kConstants[] = {
    {"PROT_EXEC", PROT_EXEC},           {"PROT_READ", PROT_READ},         {"PROT_WRITE", PROT_WRITE},         {"MAP_SHARED", MAP_SHARED},
    {"MAP_PRIVATE", MAP_PRIVATE},       {"MAP_DENYWRITE", MAP_DENYWRITE}, {"MAP_EXECUTABLE", MAP_EXECUTABLE}, {"MAP_ANONYMOUS", MAP_ANONYMOUS},
    {"MAP_ANON", MAP_ANON},             {"MAP_POPULATE", MAP_POPULATE},   {"MAP_STACK", MAP_STACK},           {"ACCESS_DEFAULT", kDefault},
    {"ACCESS_READ", kRead},             {"ACCESS_WRITE", kWrite},         {"ACCESS_COPY", kCopy},             {"MADV_NORMAL", MADV_NORMAL},
    {"MADV_RANDOM", MADV_RANDOM},       {"MADV_SEQUENTIAL", MADV_SEQUENTIAL}, {"MADV_WILLNEED", MADV_WILLNEED}, {"MADV_DONTNEED", MADV_DONTNEED},
    {"MADV_REMOVE", MADV_REMOVE},       {"MADV_DONTFORK", MADV_DONTFORK}, {"MADV_DOFORK", MADV_DOFORK},       {"MADV_HWPOISON", MADV_HWPOISON},
    {"MADV_MERGEABLE", MADV_MERGEABLE}, {"MADV_UNMERGEABLE", MADV_UNMERGEABLE}, {"MADV_HUGEPAGE", MADV_HUGEPAGE}, {"MADV_NOHUGEPAGE", MADV_NOHUGEPAGE},
    {"MADV_DONTDUMP", MADV_DONTDUMP},   {"MADV_DODUMP", MADV_DODUMP},     {"MADV_FREE", MADV_FREE}};

int exec(PyObject* module) {
  static const PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(map_new)},
      {Py_tp_repr, reinterpret_cast<void*>(ATOLL_SLOT(map_repr))},
      {Py_tp_dealloc, reinterpret_cast<void*>(map_dealloc)},
      {Py_tp_doc, const_cast<char*>("mmap(fileno, length[, flags[, prot[, access[, offset]]]])\n\n"
                                    "Maps length bytes of a file, from the offset on; with a length of 0, as many as the file has. With -1 instead of a file\n"
                                    "the memory is anonymous. What is written to a MAP_SHARED mapping, the default, goes to the file and is seen by all who map\n"
                                    "it; MAP_PRIVATE keeps it in this process. Instead of flags and prot, access says which of these is wanted:\n"
                                    "ACCESS_READ, ACCESS_WRITE or ACCESS_COPY.")},
      {Py_tp_getattro, reinterpret_cast<void*>(PyObject_GenericGetAttr)},
      {Py_tp_traverse, reinterpret_cast<void*>(map_traverse)},
      {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
      {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
      {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
      {Py_sq_length, reinterpret_cast<void*>(map_length)},
      {Py_sq_item, reinterpret_cast<void*>(map_item)},
      {Py_mp_length, reinterpret_cast<void*>(map_length)},
      {Py_mp_subscript, reinterpret_cast<void*>(map_subscript)},
      {Py_mp_ass_subscript, reinterpret_cast<void*>(map_assign)},
      {Py_bf_getbuffer, reinterpret_cast<void*>(map_get_buffer)},
      {Py_bf_releasebuffer, reinterpret_cast<void*>(map_release_buffer)},
      {0, nullptr}};
  PyType_Spec spec{"mmap.mmap", sizeof(Map), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                   const_cast<PyType_Slot*>(slots)};
  PyTypeObject* type = heap_type(module, spec);
  if (type == nullptr) return -1;
  int r = PyModule_AddType(module, type);
  Py_DECREF(type);
  if (r < 0 || PyModule_AddObjectRef(module, "error", PyExc_OSError) < 0 || add_int_constants(module, kConstants) < 0) return -1;
  long page = sysconf(_SC_PAGESIZE);
  return PyModule_AddIntConstant(module, "PAGESIZE", page) < 0 ? -1 : PyModule_AddIntConstant(module, "ALLOCATIONGRANULARITY", page);
}

constexpr MethodSpec kNone[] = {ATOLL_METHOD_END};

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_mmap, "mmap", nullptr, 0, atl::kNone, atl::exec)
