// C API: the configuration of a host (PEP 587): PyStatus, PyWideStringList, PyPreConfig, PyConfig.
//
// A PyConfig is the host's own struct. PyConfig_Read fills in what it leaves open; Py_InitializeFromConfig (init.cc) copies it into the
// runtime's Config and never looks at it again.
#include <cstring>

#include "Python.h"
#include "Python/lifecycle/command_line.h"
#include "Python/lifecycle/init_config.h"
#include "Python/lifecycle/texts.h"
#include "Python/runtime/runtime.h"

using namespace atl;

// ---- PyStatus ----------------------------------------------------------------------------------------------------

PyStatus PyStatus_Ok() { return {PyStatus::_PyStatus_TYPE_OK, nullptr, nullptr, 0}; }
PyStatus PyStatus_Error(const char* message) { return {PyStatus::_PyStatus_TYPE_ERROR, nullptr, message, 0}; }
PyStatus PyStatus_NoMemory() { return PyStatus_Error("memory allocation failed"); }
PyStatus PyStatus_Exit(int code) { return {PyStatus::_PyStatus_TYPE_EXIT, nullptr, nullptr, code}; }
int PyStatus_Exception(PyStatus status) { return status._type != PyStatus::_PyStatus_TYPE_OK; }
int PyStatus_IsError(PyStatus status) { return status._type == PyStatus::_PyStatus_TYPE_ERROR; }
int PyStatus_IsExit(PyStatus status) { return status._type == PyStatus::_PyStatus_TYPE_EXIT; }
void Py_ExitStatusException(PyStatus status) {
  if (PyStatus_IsExit(status)) std::exit(status.exitcode);
  if (PyStatus_IsError(status)) _Py_FatalErrorFunc(status.func, status.err_msg);
  Py_FatalError("Py_ExitStatusException() must not be called on success");
}

// ---- PyWideStringList --------------------------------------------------------------------------------------------

namespace {

void clear_text(wchar_t** text) { PyMem_RawFree(std::exchange(*text, nullptr)); }
void clear_list(PyWideStringList* list) {
  for (Py_ssize_t i = 0; i < list->length; ++i) PyMem_RawFree(list->items[i]);
  PyMem_RawFree(list->items);
  *list = {0, nullptr};
}
bool copy_list(PyWideStringList* to, wchar_t* const* items, Py_ssize_t n) {
  PyWideStringList fresh{0, nullptr};
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!PyStatus_Exception(PyWideStringList_Append(&fresh, items[i]))) continue;
    clear_list(&fresh);
    return false;
  }
  clear_list(to);
  *to = fresh;
  return true;
}

}  // namespace

PyStatus PyWideStringList_Insert(PyWideStringList* list, Py_ssize_t index, const wchar_t* item) {
  if (index < 0) return PyStatus_Error("PyWideStringList_Insert index must be >= 0");
  if (index > list->length) index = list->length;
  wchar_t* copy = wide_copy(item);
  auto** grown = static_cast<wchar_t**>(PyMem_RawRealloc(list->items, static_cast<size_t>(list->length + 1) * sizeof(wchar_t*)));
  if (grown != nullptr) list->items = grown;
  if (copy == nullptr || grown == nullptr) {
    PyMem_RawFree(copy);
    return PyStatus_NoMemory();
  }
  std::memmove(grown + index + 1, grown + index, static_cast<size_t>(list->length - index) * sizeof(wchar_t*));
  grown[index] = copy;
  ++list->length;
  return PyStatus_Ok();
}
PyStatus PyWideStringList_Append(PyWideStringList* list, const wchar_t* item) { return PyWideStringList_Insert(list, list->length, item); }

// ---- PyPreConfig -------------------------------------------------------------------------------------------------
//
// Text is UTF-8 in Atoll whatever the locale says, and the allocator is its own: of a pre-configuration only what the
// configuration repeats has an effect.

namespace {
enum Kind { kCompatible = 1, kPython = 2, kIsolated = 3 };
}

void PyPreConfig_InitPythonConfig(PyPreConfig* c) {
  *c = PyPreConfig{};
  c->_config_init = kPython;
  c->parse_argv = 1;
  c->use_environment = 1;
  c->configure_locale = 1;
  c->coerce_c_locale = c->coerce_c_locale_warn = c->utf8_mode = c->dev_mode = c->isolated = -1;
}
void PyPreConfig_InitIsolatedConfig(PyPreConfig* c) {
  *c = PyPreConfig{};
  c->_config_init = kIsolated;
  c->isolated = 1;
}

// ---- PyConfig ----------------------------------------------------------------------------------------------------

namespace {

wchar_t** const* texts_of(PyConfig* c, wchar_t** (&out)[24]) {
  wchar_t** all[24] = {&c->dump_refs_file, &c->filesystem_encoding, &c->filesystem_errors, &c->pycache_prefix, &c->stdio_encoding,
                       &c->stdio_errors, &c->check_hash_pycs_mode, &c->program_name, &c->pythonpath_env, &c->home, &c->platlibdir,
                       &c->stdlib_dir, &c->executable, &c->base_executable, &c->prefix, &c->base_prefix, &c->exec_prefix,
                       &c->base_exec_prefix, &c->run_command, &c->run_module, &c->run_filename, nullptr, nullptr, nullptr};
  std::memcpy(out, all, sizeof all);
  return out;
}

void init_common(PyConfig* c, Kind kind) {
  *c = PyConfig{};
  c->_config_init = kind;
  c->code_debug_ranges = 1;
  c->site_import = 1;
  c->write_bytecode = 1;
  c->user_site_directory = 1;
  c->configure_c_stdio = kind == kPython;
  c->buffered_stdio = 1;
  c->use_frozen_modules = 1;
  c->pathconfig_warnings = kind == kPython;
  c->_install_importlib = 1;
  c->_init_main = 1;
}

}  // namespace

void PyConfig_InitPythonConfig(PyConfig* c) {
  init_common(c, kPython);
  c->use_environment = 1;
  c->install_signal_handlers = 1;
  c->parse_argv = 1;
  c->use_hash_seed = -1;
}
void PyConfig_InitIsolatedConfig(PyConfig* c) {
  init_common(c, kIsolated);
  c->isolated = 1;
  c->safe_path = 1;
  c->user_site_directory = 0;
}
void _PyConfig_InitCompatConfig(PyConfig* c) {
  init_common(c, kCompatible);
  c->use_environment = 1;
  c->install_signal_handlers = 1;
  c->use_hash_seed = -1;
}

void PyConfig_Clear(PyConfig* c) {
  wchar_t** texts[24];
  for (wchar_t** const* t = texts_of(c, texts); *t != nullptr; ++t) clear_text(*t);
  for (PyWideStringList* list : {&c->orig_argv, &c->argv, &c->xoptions, &c->warnoptions, &c->module_search_paths}) clear_list(list);
  c->module_search_paths_set = 0;
}

PyStatus PyConfig_SetString(PyConfig*, wchar_t** field, const wchar_t* text) {
  wchar_t* copy = wide_copy(text);
  if (text != nullptr && copy == nullptr) return PyStatus_NoMemory();
  clear_text(field);
  *field = copy;
  return PyStatus_Ok();
}
PyStatus PyConfig_SetBytesString(PyConfig*, wchar_t** field, const char* text) {
  wchar_t* copy = wide_copy_of_bytes(text);
  if (text != nullptr && copy == nullptr) return PyStatus_NoMemory();
  clear_text(field);
  *field = copy;
  return PyStatus_Ok();
}
PyStatus PyConfig_SetWideStringList(PyConfig*, PyWideStringList* list, Py_ssize_t n, wchar_t** items) {
  return copy_list(list, items, n) ? PyStatus_Ok() : PyStatus_NoMemory();
}
PyStatus PyConfig_SetArgv(PyConfig* c, Py_ssize_t n, wchar_t* const* items) {
  return copy_list(&c->argv, items, n) ? PyStatus_Ok() : PyStatus_NoMemory();
}
PyStatus PyConfig_SetBytesArgv(PyConfig* c, Py_ssize_t n, char* const* items) {
  PyWideStringList fresh{0, nullptr};
  for (Py_ssize_t i = 0; i < n; ++i) {
    wchar_t* wide = wide_copy_of_bytes(items[i]);
    PyStatus status = wide != nullptr ? PyWideStringList_Append(&fresh, wide) : PyStatus_NoMemory();
    PyMem_RawFree(wide);
    if (!PyStatus_Exception(status)) continue;
    clear_list(&fresh);
    return status;
  }
  clear_list(&c->argv);
  c->argv = fresh;
  return PyStatus_Ok();
}

// ---- between PyConfig and Config ---------------------------------------------------------------------------------

namespace {

bool append_all(StringList* to, const PyWideStringList& from) {
  for (Py_ssize_t i = 0; i < from.length; ++i) {
    if (!string_list_append(to, narrow(from.items[i]).c_str())) return false;
  }
  return true;
}
bool take_list(PyWideStringList* to, const StringList& from) {
  PyWideStringList fresh{0, nullptr};
  for (size_t i = 0; i < from.size; ++i) {
    if (PyStatus_Exception(PyWideStringList_Append(&fresh, widen(from.items[i]).c_str()))) {
      clear_list(&fresh);
      return false;
    }
  }
  clear_list(to);
  *to = fresh;
  return true;
}
void set_flag(int* to, int from) {
  if (from >= 0) *to = from;
}

}  // namespace

PyStatus atl::config_from_c(Config* to, const PyConfig& c) {
  // The options of a command line first; what the struct says itself wins.
  bool ok = true;
  if (c.parse_argv == 1 && c.argv.length > 0) {
    StringList words;
    ok = append_all(&words, c.argv);
    int exit_status = ok ? config_read_command_line(to, static_cast<int>(words.size), words.items) : -1;
    string_list_clear(&words);
    if (exit_status >= 0) return PyStatus_Exit(exit_status);
  } else {
    ok = append_all(&to->argv, c.argv) && append_all(&to->orig_argv, c.orig_argv.length > 0 ? c.orig_argv : c.argv);
    if (c.argv.length == 0) ok = ok && string_list_append(&to->argv, "");
  }
  ok = ok && append_all(&to->x_options, c.xoptions) && append_all(&to->warn_options, c.warnoptions);
  if (!ok) return PyStatus_NoMemory();
  if (c.isolated > 0) to->isolated = 1;
  if (c.use_environment == 0) to->use_environment = 0;
  if (c.user_site_directory == 0) to->no_user_site = 1;
  if (c.site_import == 0) to->no_site = 1;
  if (c.write_bytecode == 0) to->dont_write_bytecode = 1;
  if (c.buffered_stdio == 0) to->unbuffered = 1;
  if (c.code_debug_ranges == 0) to->code_debug_ranges = 0;
  if (c.optimization_level > to->optimize) to->optimize = c.optimization_level;
  if (c.verbose > to->verbose) to->verbose = c.verbose;
  if (c.bytes_warning > to->bytes_warning) to->bytes_warning = c.bytes_warning;
  const std::pair<int*, int> on[] = {{&to->quiet, c.quiet}, {&to->inspect, c.inspect}, {&to->interactive, c.interactive}, {&to->debug, c.parser_debug},
                                     {&to->dev_mode, c.dev_mode}, {&to->safe_path, c.safe_path}, {&to->faulthandler, c.faulthandler},
                                     {&to->tracemalloc, c.tracemalloc}, {&to->import_time, c.import_time},
                                     {&to->warn_default_encoding, c.warn_default_encoding}, {&to->skip_first_line, c.skip_source_first_line}};
  for (auto [field, value] : on) {
    if (value > 0) *field = value;
  }
  set_flag(&to->install_signal_handlers, c.install_signal_handlers);
  if (c.use_hash_seed > 0) {
    to->use_hash_seed = true;
    to->hash_seed = c.hash_seed;
    if (c.hash_seed == 0) to->hash_randomization = 0;
  } else if (c.use_hash_seed == 0) {
    to->ignore_hash_seed = true;
  }
  const std::pair<char**, const wchar_t*> texts[] = {{&to->pycache_prefix, c.pycache_prefix}, {&to->stdio_encoding, c.stdio_encoding},
                                                     {&to->stdio_errors, c.stdio_errors}, {&to->check_hash_pycs_mode, c.check_hash_pycs_mode},
                                                     {&to->program_name, c.program_name}, {&to->python_path, c.pythonpath_env},
                                                     {&to->platlibdir, c.platlibdir}, {&to->executable, c.executable}, {&to->prefix, c.prefix}};
  for (auto [field, text] : texts) {
    if (text == nullptr) continue;
    std::free(*field);
    *field = narrow_copy(text);
    if (*field == nullptr) return PyStatus_NoMemory();
  }
  const std::pair<Config::Run, const wchar_t*> runs[] = {
      {Config::Run::kCommand, c.run_command}, {Config::Run::kModule, c.run_module}, {Config::Run::kFile, c.run_filename}};
  for (auto [run, text] : runs) {
    if (text == nullptr) continue;
    to->run = run;
    std::free(to->command);
    to->command = narrow_copy(text);
  }
  if (c.module_search_paths_set) {
    to->search_paths_set = true;
    if (!append_all(&to->search_paths, c.module_search_paths)) return PyStatus_NoMemory();
  }
  if (to->program_name == nullptr) {
    const wchar_t* said = runtime().host.program_name;
    to->program_name = said != nullptr ? narrow_copy(said) : strdup(to->orig_argv.size != 0 && to->orig_argv.items[0][0] != 0 ? to->orig_argv.items[0] : "python3");
  }
  if (to->executable == nullptr && to->program_name != nullptr) to->executable = config_find_executable(to->program_name);
  if (to->program_name == nullptr || to->executable == nullptr) return PyStatus_NoMemory();
  if (!config_read_environment(to)) return PyStatus_Error("the environment can't be used");
  return PyStatus_Ok();
}

PyStatus PyConfig_Read(PyConfig* c) {
  Config read;
  PyStatus status = config_from_c(&read, *c);
  if (!PyStatus_Exception(status)) {
    c->isolated = read.isolated;
    c->use_environment = read.use_environment;
    c->dev_mode = read.dev_mode;
    c->use_hash_seed = read.use_hash_seed;
    c->hash_seed = read.hash_seed;
    c->faulthandler = read.faulthandler;
    c->tracemalloc = read.tracemalloc;
    c->import_time = read.import_time;
    c->code_debug_ranges = read.code_debug_ranges;
    c->site_import = !read.no_site;
    c->bytes_warning = read.bytes_warning;
    c->warn_default_encoding = read.warn_default_encoding;
    c->inspect = read.inspect;
    c->interactive = read.interactive;
    c->optimization_level = read.optimize;
    c->parser_debug = read.debug;
    c->write_bytecode = !read.dont_write_bytecode;
    c->verbose = read.verbose;
    c->quiet = read.quiet;
    c->user_site_directory = !read.no_user_site;
    c->buffered_stdio = !read.unbuffered;
    c->safe_path = read.safe_path;
    c->skip_source_first_line = read.skip_first_line;
    bool ok = take_list(&c->argv, read.argv) && take_list(&c->orig_argv, read.orig_argv) && take_list(&c->xoptions, read.x_options) &&
              take_list(&c->warnoptions, read.warn_options);
    const std::pair<wchar_t**, const char*> texts[] = {
        {&c->pycache_prefix, read.pycache_prefix}, {&c->stdio_encoding, read.stdio_encoding != nullptr ? read.stdio_encoding : "utf-8"},
        {&c->stdio_errors, read.stdio_errors != nullptr ? read.stdio_errors : "strict"}, {&c->program_name, read.program_name},
        {&c->pythonpath_env, read.python_path}, {&c->platlibdir, read.platlibdir != nullptr ? read.platlibdir : "lib"},
        {&c->executable, read.executable}, {&c->base_executable, read.executable}, {&c->filesystem_encoding, "utf-8"},
        {&c->filesystem_errors, "surrogateescape"},
        {read.run == Config::Run::kCommand ? &c->run_command : read.run == Config::Run::kModule ? &c->run_module : &c->run_filename, read.command}};
    for (auto [field, text] : texts) {
      if (text != nullptr && *field == nullptr) ok = ok && !PyStatus_Exception(PyConfig_SetBytesString(c, field, text));
    }
    // Its options have been read: what is left are the program's arguments.
    if (c->parse_argv == 1) c->parse_argv = 2;
    if (!ok) status = PyStatus_NoMemory();
  }
  config_clear(&read);
  return status;
}
