// _stat: file modes.
#include <sys/stat.h>

#include "Modules/module_def.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"

namespace atl {

namespace {

// A mode_t argument.
struct Mode {
  unsigned bits;
};

}  // namespace

template <>
struct ArgTraits<Mode> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, Mode* out) {
    unsigned long v = PyLong_AsUnsignedLong(o);
    if (v == static_cast<unsigned long>(-1) && error_set(ts)) return false;
    if (v > UINT32_MAX) {
      (void)raise(ts, PyExc_OverflowError, "mode out of range");
      return false;
    }
    out->bits = static_cast<unsigned>(v);
    return true;
  }
};

namespace {

template <unsigned kKind>
Tri is_kind(ThreadState&, PyObject*, Mode mode) {
  return tri((mode.bits & S_IFMT) == kKind);
}
// Kinds that this system does not have.
Tri never(ThreadState&, PyObject*, Mode) { return Tri::kFalse; }
Ref<> m_ifmt(ThreadState& ts, PyObject*, Mode mode) { return int_from_u64(ts, mode.bits & S_IFMT); }
Ref<> m_imode(ThreadState& ts, PyObject*, Mode mode) { return int_from_u64(ts, mode.bits & 07777); }

Ref<> m_filemode(ThreadState& ts, PyObject*, Mode mode) {
  unsigned m = mode.bits;
  char text[11] = "?---------";
  switch (m & S_IFMT) {
    case S_IFREG: text[0] = '-'; break;
    case S_IFDIR: text[0] = 'd'; break;
    case S_IFLNK: text[0] = 'l'; break;
    case S_IFBLK: text[0] = 'b'; break;
    case S_IFCHR: text[0] = 'c'; break;
    case S_IFIFO: text[0] = 'p'; break;
    case S_IFSOCK: text[0] = 's'; break;
  }
  for (int i = 0; i < 9; ++i) {
    if (m & (0400u >> i)) text[1 + i] = "rwx"[i % 3];
  }
  // The set-id bits and the sticky bit show in the place of x.
  auto special = [&](unsigned bit, int place, char set, char alone) {
    if (m & bit) text[place] = text[place] == 'x' ? set : alone;
  };
  special(S_ISUID, 3, 's', 'S');
  special(S_ISGID, 6, 's', 'S');
  special(S_ISVTX, 9, 't', 'T');
  return str_from_ascii(ts, text);
}

#define ATOLL_KIND(fn, name, what) \
  ATOLL_METHOD_PLAIN(fn, name, "($module, mode, /)", name "(mode) -> bool\n\nReturn True if mode is from " what ".")

constexpr MethodSpec kFunctions[] = {
    ATOLL_KIND(is_kind<S_IFDIR>, "S_ISDIR", "a directory"),
    ATOLL_KIND(is_kind<S_IFCHR>, "S_ISCHR", "a character special device file"),
    ATOLL_KIND(is_kind<S_IFBLK>, "S_ISBLK", "a block special device file"),
    ATOLL_KIND(is_kind<S_IFREG>, "S_ISREG", "a regular file"),
    ATOLL_KIND(is_kind<S_IFIFO>, "S_ISFIFO", "a FIFO (named pipe)"),
    ATOLL_KIND(is_kind<S_IFLNK>, "S_ISLNK", "a symbolic link"),
    ATOLL_KIND(is_kind<S_IFSOCK>, "S_ISSOCK", "a socket"),
    ATOLL_KIND(never, "S_ISDOOR", "a door"),
    ATOLL_KIND(never, "S_ISPORT", "an event port"),
    ATOLL_KIND(never, "S_ISWHT", "a whiteout"),
    ATOLL_METHOD_PLAIN(m_imode, "S_IMODE", "($module, mode, /)", "Return the portion of the file's mode that can be set by os.chmod()."),
    ATOLL_METHOD_PLAIN(m_ifmt, "S_IFMT", "($module, mode, /)", "Return the portion of the file's mode that describes the file type."),
    ATOLL_METHOD_PLAIN(m_filemode, "filemode", "($module, mode, /)", "Convert a file's mode to a string of the form '-rwxrwxrwx'"),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  struct Row {
    const char* name;
    unsigned value;
  };
  static constexpr Row kConstants[] = {
      {"S_IFDIR", S_IFDIR}, {"S_IFCHR", S_IFCHR}, {"S_IFBLK", S_IFBLK}, {"S_IFREG", S_IFREG}, {"S_IFIFO", S_IFIFO},
      {"S_IFLNK", S_IFLNK}, {"S_IFSOCK", S_IFSOCK}, {"S_IFDOOR", 0}, {"S_IFPORT", 0}, {"S_IFWHT", 0},
      {"S_ISUID", S_ISUID}, {"S_ISGID", S_ISGID}, {"S_ISVTX", S_ISVTX}, {"S_ENFMT", S_ISGID},
      {"S_IREAD", S_IRUSR}, {"S_IWRITE", S_IWUSR}, {"S_IEXEC", S_IXUSR},
      {"S_IRWXU", S_IRWXU}, {"S_IRUSR", S_IRUSR}, {"S_IWUSR", S_IWUSR}, {"S_IXUSR", S_IXUSR},
      {"S_IRWXG", S_IRWXG}, {"S_IRGRP", S_IRGRP}, {"S_IWGRP", S_IWGRP}, {"S_IXGRP", S_IXGRP},
      {"S_IRWXO", S_IRWXO}, {"S_IROTH", S_IROTH}, {"S_IWOTH", S_IWOTH}, {"S_IXOTH", S_IXOTH},
      {"UF_NODUMP", 0x1}, {"UF_IMMUTABLE", 0x2}, {"UF_APPEND", 0x4}, {"UF_OPAQUE", 0x8}, {"UF_NOUNLINK", 0x10},
      {"UF_COMPRESSED", 0x20}, {"UF_HIDDEN", 0x8000}, {"SF_ARCHIVED", 0x10000}, {"SF_IMMUTABLE", 0x20000},
      {"SF_APPEND", 0x40000}, {"SF_NOUNLINK", 0x100000}, {"SF_SNAPSHOT", 0x200000},
      {"ST_MODE", 0}, {"ST_INO", 1}, {"ST_DEV", 2}, {"ST_NLINK", 3}, {"ST_UID", 4}, {"ST_GID", 5}, {"ST_SIZE", 6},
      {"ST_ATIME", 7}, {"ST_MTIME", 8}, {"ST_CTIME", 9},
  };
  for (const Row& row : kConstants) {
    if (failed(module_add(ts, module, row.name, int_from_u64(ts, row.value)))) return -1;
  }
  return 0;
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__stat, "_stat",
                     "File modes.\n\n"
                     "S_IFMT: the bits of the file type, S_IF*: the types, S_IS*: tests for them;\n"
                     "S_ISUID, S_ISGID, S_ISVTX, S_I[RWX][USR|GRP|OTH]: the other bits;\n"
                     "UF_*, SF_*: file flags; ST_*: places in the tuple that os.stat() gives.",
                     0, atl::kFunctions, atl::exec)
