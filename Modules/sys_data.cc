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
#include "Python/runtime/runtime.h"
#include "atoll.h"
#include "atoll_config.h"
#include "pylifecycle.h"

namespace atl {

namespace {

// A struct sequence type, one instance of it in sys under `name`.
struct Fields {
  const char* type_name;
  const char* doc;
  PyStructSequence_Field* fields;
  int count;
};

Ref<> make_type(const Fields& f) {
  PyStructSequence_Desc desc{f.type_name, f.doc, f.fields, f.count};
  return Ref<>::steal(obj(PyStructSequence_NewType(&desc)));
}

// Values are taken over.
Status put_struct(ThreadState& ts, const char* name, PyObject* type, PyObject** values, int n) {
  Ref<> s = Ref<>::steal(PyStructSequence_New(reinterpret_cast<PyTypeObject*>(type)));
  bool ok = static_cast<bool>(s);
  for (int i = 0; i < n; ++i) {
    if (values[i] == nullptr) ok = false;
    if (s) {
      PyStructSequence_SetItem(s.get(), i, values[i]);
    } else {
      xdecref(values[i]);
    }
  }
  return ok ? sys_put(ts, name, std::move(s)) : Status::kError;
}

// No more instances than the one: sys.flags() and the like raise TypeError.
Status forbid_instances(PyObject* type) {
  auto* t = reinterpret_cast<PyTypeObject*>(type);
  t->tp_init = nullptr;
  t->tp_new = nullptr;
  return PyDict_DelItemString(t->tp_dict, "__new__") == 0 ? Status::kOk : (PyErr_Clear(), Status::kOk);
}

PyObject* num(ThreadState& ts, int64_t v) { return int_from_i64(ts, v).release(); }
PyObject* text(ThreadState& ts, const char* s) { return str_from_utf8(ts, s).release(); }

Status put_version_info(ThreadState& ts) {
  PyStructSequence_Field fields[] = {{"major", "Major release number"},
                                     {"minor", "Minor release number"},
                                     {"micro", "Patch release number"},
                                     {"releaselevel", "'alpha', 'beta', 'candidate', or 'final'"},
                                     {"serial", "Serial release number"},
                                     {nullptr, nullptr}};
  Ref<> type = make_type({"sys.version_info", "sys.version_info\n\nVersion information as a named tuple.", fields, 5});
  if (!type) return Status::kError;
  PyObject* values[] = {num(ts, PY_MAJOR_VERSION), num(ts, PY_MINOR_VERSION), num(ts, PY_MICRO_VERSION), text(ts, "final"), num(ts, PY_RELEASE_SERIAL)};
  if (failed(put_struct(ts, "version_info", type.get(), values, 5))) return Status::kError;
  return forbid_instances(type.get());
}

Status put_flags(ThreadState& ts, const Config& c) {
  static constexpr PyStructSequence_Field fields[] = {{"debug", "-d"},
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
  Ref<> type = make_type({"sys.flags", "sys.flags\n\nFlags provided through command line arguments or environment vars.", const_cast<PyStructSequence_Field*>(fields), 18});
  if (!type) return Status::kError;
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
  if (failed(put_struct(ts, "flags", type.get(), values, 18))) return Status::kError;
  return forbid_instances(type.get());
}

Status put_numbers(ThreadState& ts) {
  PyStructSequence_Field float_fields[] = {{"max", "largest finite value"},
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
  Ref<> type = make_type({"sys.float_info", "sys.float_info\n\nLimits of float.", float_fields, 11});
  if (!type) return Status::kError;
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
  if (failed(put_struct(ts, "float_info", type.get(), f, 11))) return Status::kError;

  PyStructSequence_Field int_fields[] = {{"bits_per_digit", "size of a digit in bits"},
                                         {"sizeof_digit", "size of a digit in bytes"},
                                         {"default_max_str_digits", "default of the digit limit"},
                                         {"str_digits_check_threshold", "smallest digit limit"},
                                         {nullptr, nullptr}};
  type = make_type({"sys.int_info", "sys.int_info\n\nHow int is stored.", int_fields, 4});
  if (!type) return Status::kError;
  PyObject* i[] = {num(ts, kDigitBits), num(ts, 4), num(ts, 4300), num(ts, 640)};
  if (failed(put_struct(ts, "int_info", type.get(), i, 4))) return Status::kError;

  PyStructSequence_Field hash_fields[] = {{"width", "width of a hash in bits"},
                                          {"modulus", "prime modulus of numeric hashes"},
                                          {"inf", "hash of infinity"},
                                          {"nan", "unused"},
                                          {"imag", "multiplier for the imaginary part"},
                                          {"algorithm", "hash of str and bytes"},
                                          {"hash_bits", "internal size of that hash"},
                                          {"seed_bits", "size of its seed"},
                                          {"cutoff", "small string cutoff"},
                                          {nullptr, nullptr}};
  type = make_type({"sys.hash_info", "sys.hash_info\n\nParameters of hashing.", hash_fields, 9});
  if (!type) return Status::kError;
  PyObject* h[] = {num(ts, 64), num(ts, (int64_t{1} << 61) - 1), num(ts, 314159), num(ts, 0), num(ts, 1000003), text(ts, "siphash13"), num(ts, 64), num(ts, 128), num(ts, 0)};
  if (failed(put_struct(ts, "hash_info", type.get(), h, 9))) return Status::kError;

  PyStructSequence_Field thread_fields[] = {{"name", "implementation"}, {"lock", "kind of lock"}, {"version", "library"}, {nullptr, nullptr}};
  type = make_type({"sys.thread_info", "sys.thread_info\n\nThe thread implementation.", thread_fields, 3});
  if (!type) return Status::kError;
  char version[64];
  size_t n = confstr(_CS_GNU_LIBPTHREAD_VERSION, version, sizeof version);
  PyObject* t[] = {text(ts, "pthread"), text(ts, "semaphore"), n > 0 && n < sizeof version ? text(ts, version) : new_ref(Py_None)};
  if (failed(put_struct(ts, "thread_info", type.get(), t, 3))) return Status::kError;

  PyStructSequence_Field hook_fields[] = {{"firstiter", nullptr}, {"finalizer", nullptr}, {nullptr, nullptr}};
  type = make_type({"sys.asyncgen_hooks", "The hooks of asynchronous generators.", hook_fields, 2});
  if (!type) return Status::kError;
  ts.interpreter().asyncgen_hooks_type = type.release();

  PyStructSequence_Field unraisable_fields[] = {{"exc_type", "Exception type"},
                                                {"exc_value", "Exception value"},
                                                {"exc_traceback", "Exception traceback"},
                                                {"err_msg", "Error message"},
                                                {"object", "Object causing the exception"},
                                                {nullptr, nullptr}};
  type = make_type({"builtins.UnraisableHookArgs", "UnraisableHookArgs\n\nWhat sys.unraisablehook() is told.", unraisable_fields, 5});
  if (!type) return Status::kError;
  reinterpret_cast<PyTypeObject*>(type.get())->tp_name = "UnraisableHookArgs";  // shown without a module
  ts.interpreter().unraisable_args_type = type.release();
  return Status::kOk;
}

Status put_version(ThreadState& ts) {
  // platform.py parses what stands before the brackets; the name inside is ours.
  Ref<> version = str_from_ascii(ts, Py_GetVersion());
  if (failed(sys_put(ts, "version", std::move(version)))) return Status::kError;
  if (failed(sys_put(ts, "hexversion", int_from_i64(ts, PY_VERSION_HEX)))) return Status::kError;
  if (failed(sys_put(ts, "api_version", int_from_i64(ts, PYTHON_API_VERSION)))) return Status::kError;
  Ref<> simple = Ref<>::steal(PyDict_New());
  if (!simple) return Status::kError;
  PyObject* d = simple.get();
  Ref<> name = str_from_ascii(ts, "cpython");
  Ref<> tag = str_from_ascii(ts, "atoll-311");
  Ref<> hex = int_from_i64(ts, PY_VERSION_HEX);
  Ref<> arch = str_from_ascii(ts, "x86_64-linux-gnu");
  Ref<> atoll_version = str_from_ascii(ts, ATOLL_VERSION);
  if (!name || !tag || !hex || !arch || !atoll_version) return Status::kError;
  if (failed(dict_set(ts, d, ID(name), name.get())) || failed(dict_set(ts, d, "cache_tag", tag.get())) ||
      failed(dict_set(ts, d, ID(version), sys_peek(ts, "version_info"))) || failed(dict_set(ts, d, "hexversion", hex.get())) ||
      failed(dict_set(ts, d, "_multiarch", arch.get())) || failed(dict_set(ts, d, "atoll", atoll_version.get()))) {
    return Status::kError;
  }
  return sys_put(ts, "implementation", Ref<>::steal(_PyNamespace_New(d)));
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

Status put_builtin_names(ThreadState& ts) {
  Ref<> list = list_new(ts, 0);
  if (!list) return Status::kError;
  for (const BuiltinModule* m = builtin_modules(); m->name != nullptr; ++m) {
    Ref<> s = str_interned(ts, m->name);
    if (!s || failed(list_append(ts, list.get(), std::move(s)))) return Status::kError;
  }
  for (const char* extra : {"builtins", "sys"}) {
    Ref<> s = str_interned(ts, extra);
    if (!s || failed(list_append(ts, list.get(), std::move(s)))) return Status::kError;
  }
  if (failed(list_sort(ts, list.get(), nullptr, false))) return Status::kError;
  return sys_put(ts, "builtin_module_names", list_as_tuple(ts, list.get()));
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

Status put_stdlib_names(ThreadState& ts) {
  Ref<> all = str_from_ascii(ts, kStdlibNames);
  Ref<> split = all ? call_method(ts, all.get(), str_interned(ts, "split").get()) : Ref<>();
  return split ? sys_put(ts, "stdlib_module_names", frozenset_new(ts, split.get())) : Status::kError;
}

}  // namespace

Status sys_fill_data(ThreadState& ts) {
  const Config& c = *runtime().config;
  const char* prefix = c.prefix != nullptr ? c.prefix : "/usr";
  bool ok = !failed(put_version_info(ts)) && !failed(put_version(ts)) && !failed(put_flags(ts, c)) && !failed(put_numbers(ts)) &&
            !failed(sys_put(ts, "modules", dup(ts.interpreter().modules))) &&
            !failed(sys_put(ts, "maxsize", int_from_ssize(ts, PY_SSIZE_T_MAX))) &&
            !failed(sys_put(ts, "maxunicode", int_from_i64(ts, 0x10ffff))) &&
            !failed(sys_put(ts, "byteorder", str_from_ascii(ts, "little"))) &&
            !failed(sys_put(ts, "platform", str_from_ascii(ts, "linux"))) &&
            !failed(sys_put(ts, "copyright", str_from_ascii(ts, "Copyright (c) 2026 The Atoll developers. MIT licence."))) &&
            !failed(sys_put(ts, "float_repr_style", str_from_ascii(ts, "short"))) &&
            !failed(sys_put(ts, "abiflags", str_from_ascii(ts, ""))) && !failed(sys_put(ts, "_framework", str_from_ascii(ts, ""))) &&
            !failed(sys_put(ts, "platlibdir", str_from_ascii(ts, c.platlibdir != nullptr ? c.platlibdir : "lib"))) &&
            !failed(sys_put(ts, "prefix", path_text(ts, prefix))) && !failed(sys_put(ts, "base_prefix", path_text(ts, prefix))) &&
            !failed(sys_put(ts, "exec_prefix", path_text(ts, prefix))) &&
            !failed(sys_put(ts, "base_exec_prefix", path_text(ts, prefix))) &&
            !failed(sys_put(ts, "executable", path_text(ts, c.executable))) &&
            !failed(sys_put(ts, "_base_executable", path_text(ts, c.executable))) &&
            !failed(sys_put(ts, "_home", new_none())) && !failed(sys_put(ts, "_stdlib_dir", path_text(ts, ATOLL_STDLIB_DIR))) &&
            !failed(sys_put(ts, "argv", string_list(ts, c.argv))) && !failed(sys_put(ts, "orig_argv", string_list(ts, c.orig_argv))) &&
            !failed(sys_put(ts, "warnoptions", string_list(ts, c.warn_options))) &&
            !failed(sys_put(ts, "_xoptions", xoptions(ts, c.x_options))) && !failed(sys_put(ts, "path", import_make_path(ts))) &&
            !failed(sys_put(ts, "meta_path", list_new(ts, 0))) && !failed(sys_put(ts, "path_hooks", list_new(ts, 0))) &&
            !failed(sys_put(ts, "path_importer_cache", dict_new(ts))) &&
            !failed(sys_put(ts, "dont_write_bytecode", new_bool(c.dont_write_bytecode != 0))) &&
            !failed(sys_put(ts, "pycache_prefix", c.pycache_prefix != nullptr ? path_text(ts, c.pycache_prefix) : new_none())) &&
            !failed(put_builtin_names(ts)) && !failed(put_stdlib_names(ts));
  if (!ok) return Status::kError;
  Ref<> git = Ref<>::steal(Py_BuildValue("(sss)", "Atoll", "", ""));
  return sys_put(ts, "_git", std::move(git));
}

}  // namespace atl
