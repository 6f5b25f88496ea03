// The sys module: constants and configuration.
#include <cfloat>
#include <cstring>
#include <string_view>

#include <unistd.h>

#include "Modules/config.h"
#include "Modules/sys.h"
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/namespace.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/import/import.h"
#include "Python/runtime/config.h"
#include "Objects/structseq.h"
#include "Python/runtime/runtime.h"
#include "immortal.h"
#include "atoll_config.h"
#include "pylifecycle.h"

namespace atl {

namespace {

constexpr PyStructSequence_Field kVersionInfoFields[] = {
    {"major", "Major release number"},
    {"minor", "Minor release number"},
    {"micro", "Patch release number"},
    {"releaselevel", "'alpha', 'beta', 'candidate', or 'final'"},
    {"serial", "Serial release number"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kFlagsFields[] = {
    {"debug", "-d"},
    {"inspect", "-i"},
    {"interactive", "-i"},
    {"optimize", "-O or -OO"},
    {"dont_write_bytecode", "-B"},
    {"no_user_site", "-s"},
    {"no_site", "-S"},
    {"ignore_environment", "-E"},
    {"verbose", "-v"},
    {"bytes_warning", "-b"},
    {"quiet", "-q"},
    {"hash_randomization", "-R"},
    {"isolated", "-I"},
    {"dev_mode", "-X dev"},
    {"utf8_mode", "-X utf8"},
    {"warn_default_encoding", "-X warn_default_encoding"},
    {"safe_path", "-P"},
    {"int_max_str_digits", "-X int_max_str_digits"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kFloatInfoFields[] = {
    {"max", "largest finite value"},
    {"max_exp", "largest n with radix**(n-1) finite"},
    {"max_10_exp", "largest n with 10**n finite"},
    {"min", "smallest normalized value"},
    {"min_exp", "smallest n with radix**(n-1) normalized"},
    {"min_10_exp", "smallest n with 10**n normalized"},
    {"dig", "decimal digits that survive"},
    {"mant_dig", "digits of the mantissa"},
    {"epsilon", "difference between 1 and the next value"},
    {"radix", "radix of the exponent"},
    {"rounds", "rounding mode"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kIntInfoFields[] = {
    {"bits_per_digit", "size of a digit in bits"},
    {"sizeof_digit", "size of a digit in bytes"},
    {"default_max_str_digits", "default of the digit limit"},
    {"str_digits_check_threshold", "smallest digit limit"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kHashInfoFields[] = {
    {"width", "width of a hash in bits"},
    {"modulus", "prime modulus of numeric hashes"},
    {"inf", "hash of infinity"},
    {"nan", "unused"},
    {"imag", "multiplier for the imaginary part"},
    {"algorithm", "hash of str and bytes"},
    {"hash_bits", "internal size of that hash"},
    {"seed_bits", "size of its seed"},
    {"cutoff", "small string cutoff"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kThreadInfoFields[] = {
    {"name", "implementation"},
    {"lock", "kind of lock"},
    {"version", "library"},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kAsyncgenHooksFields[] = {
    {"firstiter", nullptr},
    {"finalizer", nullptr},
    {nullptr, nullptr}};
constexpr PyStructSequence_Field kUnraisableArgsFields[] = {
    {"exc_type", "Exception type"},
    {"exc_value", "Exception value"},
    {"exc_traceback", "Exception traceback"},
    {"err_msg", "Error message"},
    {"object", "Object causing the exception"},
    {nullptr, nullptr}};

}  // namespace

// What is shown without a module has none in its name.
constinit const StructSpec sys_version_info_struct{"sys.version_info", "sys.version_info\n\nVersion information as a named tuple.", kVersionInfoFields, 5, Py_TPFLAGS_DISALLOW_INSTANTIATION};
constinit const StructSpec sys_flags_struct{"sys.flags", "sys.flags\n\nFlags provided through command line arguments or environment vars.", kFlagsFields, 18, Py_TPFLAGS_DISALLOW_INSTANTIATION};
constinit const StructSpec sys_float_info_struct{"sys.float_info", "sys.float_info\n\nLimits of float.", kFloatInfoFields, 11};
constinit const StructSpec sys_int_info_struct{"sys.int_info", "sys.int_info\n\nHow int is stored.", kIntInfoFields, 4};
constinit const StructSpec sys_hash_info_struct{"sys.hash_info", "sys.hash_info\n\nParameters of hashing.", kHashInfoFields, 9};
constinit const StructSpec sys_thread_info_struct{"sys.thread_info", "sys.thread_info\n\nThe thread implementation.", kThreadInfoFields, 3};
constinit const StructSpec sys_asyncgen_hooks_struct{"asyncgen_hooks", "The hooks of asynchronous generators.", kAsyncgenHooksFields, 2};
constinit const StructSpec sys_unraisable_args_struct{"UnraisableHookArgs", "UnraisableHookArgs\n\nWhat sys.unraisablehook() is told.", kUnraisableArgsFields, 5};

namespace {

// The one instance. Values are taken over.
Ref<> struct_of(PyTypeObject* type, PyObject** values, int n) {
  Ref<> s = Ref<>::steal(PyStructSequence_New(type));
  bool ok = static_cast<bool>(s);
  for (int i = 0; i < n; ++i) {
    if (values[i] == nullptr) ok = false;
    if (s) {
      PyStructSequence_SetItem(s.get(), i, values[i]);
    } else {
      xdecref(values[i]);
    }
  }
  return ok ? std::move(s) : Ref<>();
}

PyObject* num(ThreadState& ts, int64_t v) { return int_from_i64(ts, v).release(); }
PyObject* text(ThreadState& ts, const char* s) { return str_from_utf8(ts, s).release(); }

Ref<> make_version_info(ThreadState& ts) {
  PyObject* values[] = {num(ts, PY_MAJOR_VERSION), num(ts, PY_MINOR_VERSION), num(ts, PY_MICRO_VERSION), text(ts, "final"), num(ts, PY_RELEASE_SERIAL)};
  return struct_of(&atoll_version_info_type, values, 5);
}

Ref<> make_flags(ThreadState& ts) {
  const Config& c = *runtime().config;
  PyObject* values[] = {num(ts, c.debug),
                        num(ts, c.inspect),
                        num(ts, c.interactive),
                        num(ts, c.optimize),
                        num(ts, c.dont_write_bytecode),
                        num(ts, c.no_user_site),
                        num(ts, c.no_site),
                        num(ts, !c.use_environment),
                        num(ts, c.verbose),
                        num(ts, c.bytes_warning),
                        num(ts, c.quiet),
                        num(ts, c.hash_randomization),
                        num(ts, c.isolated),
                        new_ref(c.dev_mode ? Py_True : Py_False),
                        num(ts, c.utf8_mode),
                        num(ts, c.warn_default_encoding),
                        new_ref(c.safe_path ? Py_True : Py_False),
                        num(ts, c.int_max_str_digits)};
  return struct_of(&atoll_flags_type, values, 18);
}

Ref<> make_float_info(ThreadState& ts) {
  PyObject* f[] = {obj(new_float(ts, DBL_MAX).release()),
                   num(ts, DBL_MAX_EXP),
                   num(ts, DBL_MAX_10_EXP),
                   obj(new_float(ts, DBL_MIN).release()),
                   num(ts, DBL_MIN_EXP),
                   num(ts, DBL_MIN_10_EXP),
                   num(ts, DBL_DIG),
                   num(ts, DBL_MANT_DIG),
                   obj(new_float(ts, DBL_EPSILON).release()),
                   num(ts, FLT_RADIX),
                   num(ts, 1)};
  return struct_of(&atoll_float_info_type, f, 11);
}

Ref<> make_int_info(ThreadState& ts) {
  PyObject* i[] = {num(ts, kDigitBits), num(ts, 4), num(ts, 4300), num(ts, 640)};
  return struct_of(&atoll_int_info_type, i, 4);
}

Ref<> make_hash_info(ThreadState& ts) {
  PyObject* h[] = {num(ts, 64), num(ts, (int64_t{1} << 61) - 1), num(ts, 314159), num(ts, 0), num(ts, 1000003), text(ts, "siphash13"), num(ts, 64), num(ts, 128), num(ts, 0)};
  return struct_of(&atoll_hash_info_type, h, 9);
}

Ref<> make_thread_info(ThreadState& ts) {
  char version[64];
  size_t n = confstr(_CS_GNU_LIBPTHREAD_VERSION, version, sizeof version);
  PyObject* t[] = {text(ts, "pthread"), text(ts, "semaphore"), n > 0 && n < sizeof version ? text(ts, version) : new_ref(Py_None)};
  return struct_of(&atoll_thread_info_type, t, 3);
}

// platform.py parses what stands before the brackets; the name inside is ours.
Ref<> make_version(ThreadState& ts) { return str_from_ascii(ts, Py_GetVersion()); }

Ref<> make_implementation(ThreadState& ts) {
  Ref<> simple = Ref<>::steal(PyDict_New());
  if (!simple) return {};
  PyObject* d = simple.get();
  Ref<> name = str_from_ascii(ts, "cpython");
  Ref<> tag = str_from_ascii(ts, "atoll-311");
  Ref<> hex = int_from_i64(ts, PY_VERSION_HEX);
  Ref<> arch = str_from_ascii(ts, "x86_64-linux-gnu");
  Ref<> atoll_version = str_from_ascii(ts, ATOLL_VERSION);
  Ref<> version_info = Ref<>::dup_of(sys_peek(ts, "version_info"));
  if (!name || !tag || !hex || !arch || !atoll_version || !version_info) return {};
  if (failed(dict_set(ts, d, ID(name), name.get())) || failed(dict_set(ts, d, "cache_tag", tag.get())) ||
      failed(dict_set(ts, d, ID(version), version_info.get())) || failed(dict_set(ts, d, "hexversion", hex.get())) ||
      failed(dict_set(ts, d, "_multiarch", arch.get())) || failed(dict_set(ts, d, "atoll", atoll_version.get()))) {
    return {};
  }
  return Ref<>::steal(_PyNamespace_New(d));
}

Ref<> string_list(ThreadState& ts, const StringList& list) {
  Ref<> l = list_new(ts, 0);
  for (size_t i = 0; l && i < list.size; ++i) {
    Ref<> s = Ref<>::steal(PyUnicode_DecodeFSDefault(list.items[i]));
    if (!s || failed(list_append(ts, l.get(), std::move(s)))) return {};
  }
  return l;
}

Ref<> xoptions(ThreadState& ts, const StringList& list) {
  Ref<> d = dict_new(ts);
  for (size_t i = 0; d && i < list.size; ++i) {
    std::string_view x(list.items[i]);
    size_t eq = x.find('=');
    Ref<> key = str_from_utf8(ts, x.substr(0, eq));
    Ref<> value = eq == std::string_view::npos ? new_bool(true) : str_from_utf8(ts, x.substr(eq + 1));
    if (!key || !value || failed(dict_set(ts, d.get(), key.get(), value.get()))) return {};
  }
  return d;
}

Ref<> path_text(ThreadState& ts, const char* p) {
  return p != nullptr ? Ref<>::steal(PyUnicode_DecodeFSDefault(p)) : str_from_ascii(ts, "");
}

Ref<> make_builtin_names(ThreadState& ts) {
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (const BuiltinModule* m = builtin_modules(); m->name != nullptr; ++m) {
    Ref<> s = str_interned(ts, m->name);
    if (!s || failed(list_append(ts, list.get(), std::move(s)))) return {};
  }
  for (const char* extra : {"builtins", "sys"}) {
    Ref<> s = str_interned(ts, extra);
    if (!s || failed(list_append(ts, list.get(), std::move(s)))) return {};
  }
  if (failed(list_sort(ts, list.get(), nullptr, false))) return {};
  return list_as_tuple(ts, list.get());
}

// What 3.11 documents as sys.stdlib_module_names.
constexpr const char* kStdlibNames =
    "__future__ _abc _aix_support _ast _asyncio _bisect _blake2 _bootsubprocess _bz2 _codecs _codecs_cn _codecs_hk "
    "_codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _collections _collections_abc _compat_pickle _compression "
    "_contextvars _crypt _csv _ctypes _curses _curses_panel _datetime _dbm _decimal _elementtree _frozen_importlib "
    "_frozen_importlib_external _functools _gdbm _hashlib _heapq _imp _io _json _locale _lsprof _lzma _markupbase "
    "_md5 _msi _multibytecodec _multiprocessing _opcode _operator _osx_support _overlapped _pickle _posixshmem "
    "_posixsubprocess _py_abc _pydecimal _pyio _queue _random _scproxy _sha1 _sha256 _sha3 _sha512 _signal "
    "_sitebuiltins _socket _sqlite3 _sre _ssl _stat _statistics _string _strptime _struct _symtable _thread "
    "_threading_local _tkinter _tokenize _tracemalloc _typing _uuid _warnings _weakref _weakrefset _winapi _zoneinfo "
    "abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect "
    "builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall "
    "concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm "
    "decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput "
    "fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq "
    "hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache "
    "locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc "
    "nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools "
    "pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc "
    "pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select "
    "selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile "
    "sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable sys sysconfig "
    "syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time timeit tkinter token tokenize "
    "tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uu uuid venv "
    "warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

Ref<> make_stdlib_names(ThreadState& ts) {
  Ref<> all = str_from_ascii(ts, kStdlibNames);
  Ref<> split = all ? call_method(ts, all.get(), str_interned(ts, "split").get()) : Ref<>();
  return split ? frozenset_new(ts, split.get()) : Ref<>();
}

const Config& config() { return *runtime().config; }
Ref<> make_prefix(ThreadState& ts) { return path_text(ts, config().prefix != nullptr ? config().prefix : "/usr"); }
Ref<> make_executable(ThreadState& ts) { return path_text(ts, config().executable); }

struct Constant {
  const char* name;
  Ref<> (*make)(ThreadState&);
};
#define TEXT(name, value) \
  { name, [](ThreadState& ts) { return str_from_ascii(ts, value); } }
#define NUMBER(name, value) \
  { name, [](ThreadState& ts) { return int_from_i64(ts, value); } }
constexpr Constant kConstants[] = {
    {"version_info", make_version_info},
    {"version", make_version},
    NUMBER("hexversion", PY_VERSION_HEX),
    NUMBER("api_version", PYTHON_API_VERSION),
    {"implementation", make_implementation},
    {"flags", make_flags},
    {"float_info", make_float_info},
    {"int_info", make_int_info},
    {"hash_info", make_hash_info},
    {"thread_info", make_thread_info},
    {"modules", [](ThreadState& ts) { return dup(ts.interpreter().modules); }},
    NUMBER("maxsize", PY_SSIZE_T_MAX),
    NUMBER("maxunicode", 0x10ffff),
    TEXT("byteorder", "little"),
    TEXT("platform", "linux"),
    TEXT("copyright", "Copyright (c) 2026 The Atoll developers. MIT licence."),
    TEXT("float_repr_style", "short"),
    TEXT("abiflags", ""),
    TEXT("_framework", ""),
    TEXT("platlibdir", config().platlibdir != nullptr ? config().platlibdir : "lib"),
    {"prefix", make_prefix},
    {"base_prefix", make_prefix},
    {"exec_prefix", make_prefix},
    {"base_exec_prefix", make_prefix},
    {"executable", make_executable},
    {"_base_executable", make_executable},
    {"_home", [](ThreadState&) { return new_none(); }},
    {"_stdlib_dir", [](ThreadState& ts) { return path_text(ts, ATOLL_STDLIB_DIR); }},
    {"argv", [](ThreadState& ts) { return string_list(ts, config().argv); }},
    {"orig_argv", [](ThreadState& ts) { return string_list(ts, config().orig_argv); }},
    {"warnoptions", [](ThreadState& ts) { return string_list(ts, config().warn_options); }},
    {"_xoptions", [](ThreadState& ts) { return xoptions(ts, config().x_options); }},
    {"path", import_make_path},
    {"dont_write_bytecode", [](ThreadState&) { return new_bool(config().dont_write_bytecode != 0); }},
    {"pycache_prefix", [](ThreadState& ts) { return config().pycache_prefix != nullptr ? path_text(ts, config().pycache_prefix) : new_none(); }},
    {"builtin_module_names", make_builtin_names},
    {"stdlib_module_names", make_stdlib_names},
    {"_git", [](ThreadState&) { return Ref<>::steal(Py_BuildValue("(sss)", "Atoll", "", "")); }},
};
#undef TEXT
#undef NUMBER

}  // namespace

Status sys_fill_data(ThreadState& ts) {
  for (const Constant& c : kConstants) {
    if (str_immortal(c.name) == nullptr || failed(sys_put(ts, c.name, c.make(ts)))) return Status::kError;
  }
  return Status::kOk;
}

Ref<> sys_make_constant(ThreadState& ts, PyObject* name) {
  for (const Constant& c : kConstants) {
    if (str_equals_ascii(name, c.name)) return c.make(ts);
  }
  return {};
}

}  // namespace atl
