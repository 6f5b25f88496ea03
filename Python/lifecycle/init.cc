// C API: a host starts the runtime, asks about it, runs the program that it configured, and ends the runtime.
//
// The functions of one start and end are called by one thread (the main thread); the runtime may be started again after its end.
#include <signal.h>

#include <clocale>
#include <cstring>
#include <new>

#include "Modules/config.h"
#include "Python.h"
#include "Python/lifecycle/command_line.h"
#include "Python/lifecycle/init_config.h"
#include "Python/lifecycle/lifecycle.h"
#include "Python/lifecycle/main.h"
#include "Python/lifecycle/texts.h"
#include "Python/runtime/runtime.h"
#include "atoll_config.h"

using namespace atl;

namespace {

void give_config_back() {
  HostState& host = runtime().host;
  if (host.config == nullptr) return;
  config_clear(host.config);
  std::free(std::exchange(host.config, nullptr));
  runtime().config = nullptr;
}

PyStatus start(const PyConfig& config) {
  Runtime& rt = runtime();
  if (rt.initialized.load()) return PyStatus_Ok();
  give_config_back();
  void* memory = std::malloc(sizeof(Config));
  if (memory == nullptr) return PyStatus_NoMemory();
  rt.host.config = new (memory) Config;
  PyStatus status = config_from_c(rt.host.config, config);
  if (PyStatus_Exception(status)) {
    give_config_back();
    return status;
  }
  // What went wrong has been written to stderr.
  if (!runtime_start(*rt.host.config)) return PyStatus_Error("the runtime can't be started");
  return PyStatus_Ok();
}

}  // namespace

// ---- starting ----------------------------------------------------------------------------------------------------

PyStatus Py_PreInitialize(const PyPreConfig* config) {
  if (config->configure_locale != 0) std::setlocale(LC_CTYPE, "");
  return PyStatus_Ok();
}
PyStatus Py_PreInitializeFromBytesArgs(const PyPreConfig* config, Py_ssize_t, char**) { return Py_PreInitialize(config); }
PyStatus Py_PreInitializeFromArgs(const PyPreConfig* config, Py_ssize_t, wchar_t**) { return Py_PreInitialize(config); }

PyStatus Py_InitializeFromConfig(const PyConfig* config) {
  if (config == nullptr) return PyStatus_Error("initialization config is NULL");
  return start(*config);
}
PyStatus _Py_InitializeMain() { return PyStatus_Ok(); }

void Py_InitializeEx(int install_signal_handlers) {
  if (runtime().initialized.load()) return;
  std::setlocale(LC_CTYPE, "");
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.parse_argv = 0;
  config.install_signal_handlers = install_signal_handlers;
  // The old flags, which a program may have set.
  config.parser_debug = Py_DebugFlag;
  config.verbose = Py_VerboseFlag;
  config.quiet = Py_QuietFlag;
  config.interactive = Py_InteractiveFlag;
  config.inspect = Py_InspectFlag;
  config.optimization_level = Py_OptimizeFlag;
  config.bytes_warning = Py_BytesWarningFlag;
  if (Py_NoSiteFlag) config.site_import = 0;
  if (Py_IgnoreEnvironmentFlag) config.use_environment = 0;
  if (Py_DontWriteBytecodeFlag) config.write_bytecode = 0;
  if (Py_NoUserSiteDirectory) config.user_site_directory = 0;
  if (Py_UnbufferedStdioFlag) config.buffered_stdio = 0;
  if (Py_IsolatedFlag) config.isolated = 1;
  PyStatus status = PyStatus_Ok();
  if (runtime().host.path != nullptr) {  // Py_SetPath
    config.module_search_paths_set = 1;
    std::wstring all(runtime().host.path);
    for (size_t at = 0; at <= all.size() && !PyStatus_Exception(status);) {
      size_t end = all.find(L':', at);
      if (end == std::wstring::npos) end = all.size();
      status = PyWideStringList_Append(&config.module_search_paths, all.substr(at, end - at).c_str());
      at = end + 1;
    }
  }
  if (!PyStatus_Exception(status)) status = start(config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) Py_ExitStatusException(status);
}
void Py_Initialize() { Py_InitializeEx(1); }
int _Py_IsCoreInitialized() { return runtime().core_initialized; }

// ---- built-in modules of the host --------------------------------------------------------------------------------

int PyImport_ExtendInittab(struct _inittab* modules) {
  Runtime& rt = runtime();
  if (rt.initialized.load()) Py_FatalError("PyImport_ExtendInittab() may not be called after Py_Initialize()");
  HostState& host = rt.host;
  size_t more = 0, core = 0;
  while (modules[more].name != nullptr) ++more;
  BuiltinModule* old = std::exchange(host.modules, nullptr);
  const BuiltinModule* all = builtin_modules();
  while (all[core].name != nullptr) ++core;
  auto* table = static_cast<BuiltinModule*>(std::malloc((host.module_count + more + core + 1) * sizeof(BuiltinModule)));
  if (table == nullptr) {
    host.modules = old;
    return -1;
  }
  size_t n = 0;
  for (; n < host.module_count; ++n) table[n] = old[n];
  for (size_t i = 0; i < more; ++i) table[n++] = {modules[i].name, modules[i].initfunc};
  host.module_count = n;
  for (size_t i = 0; i <= core; ++i) table[n++] = all[i];
  host.modules = table;
  std::free(old);
  return 0;
}
int PyImport_AppendInittab(const char* name, PyObject* (*init)(void)) {
  if (runtime().initialized.load()) Py_FatalError("PyImport_AppendInittab() may not be called after Py_Initialize()");
  struct _inittab table[2] = {{name, init}, {nullptr, nullptr}};
  return PyImport_ExtendInittab(table);
}

// ---- running and ending ------------------------------------------------------------------------------------------

int atl::program_main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  // Sealed after this: the runtime only reads it.
  HostState& host = runtime().host;
  void* memory = std::malloc(sizeof(Config));
  if (memory == nullptr) return 1;
  host.config = new (memory) Config;
  Config& config = *host.config;
  config.program_name = strdup(argc > 0 ? argv[0] : "python");
  config.executable = config_find_executable(config.program_name);
  int status = config_read_command_line(&config, argc, argv);
  if (status < 0) status = config_read_environment(&config) ? run_main(config) : 1;
  give_config_back();
  return status;
}

int Py_BytesMain(int argc, char** argv) { return program_main(argc, argv); }
int Py_Main(int argc, wchar_t** argv) {
  StringList words;
  for (int i = 0; i < argc; ++i) {
    if (!string_list_append(&words, narrow(argv[i]).c_str())) return 1;
  }
  int status = program_main(argc, words.items);
  string_list_clear(&words);
  return status;
}
int Py_RunMain() {
  if (runtime().host.config == nullptr) Py_FatalError("Python is not initialized");
  int status = run_configured(*runtime().host.config);
  give_config_back();
  return status;
}

int Py_FinalizeEx() {
  if (!runtime().initialized.load()) return 0;
  ThreadState* ts = current_thread_or_null();
  if (ts == nullptr || !ts->interpreter().is_main) Py_FatalError("the calling thread is not attached to the main interpreter");
  int status = runtime_finish();
  give_config_back();
  HostState& host = runtime().host;
  while (host.exit_count > 0) host.exit_functions[--host.exit_count]();
  std::fflush(stdout);
  std::fflush(stderr);
  return status < 0 ? -1 : 0;
}
void Py_Finalize() { (void)Py_FinalizeEx(); }

int Py_AtExit(void (*function)(void)) {
  HostState& host = runtime().host;
  if (host.exit_count >= static_cast<int>(std::size(host.exit_functions))) return -1;
  host.exit_functions[host.exit_count++] = function;
  return 0;
}

// ---- names and paths, the older way ------------------------------------------------------------------------------

namespace {

void keep(wchar_t** field, const wchar_t* text) {
  PyMem_RawFree(*field);
  *field = wide_copy(text);
}
// An answer that the caller need not give back.
wchar_t* answer(int place, const char* text) {
  wchar_t*& field = runtime().host.texts[place];
  PyMem_RawFree(field);
  field = wide_copy_of_bytes(text);
  return field;
}

}  // namespace

void Py_SetProgramName(const wchar_t* name) {
  if (name != nullptr && *name != 0) keep(&runtime().host.program_name, name);
}
void Py_SetPythonHome(const wchar_t* home) {
  if (home != nullptr && *home != 0) keep(&runtime().host.home, home);
}
void Py_SetPath(const wchar_t* path) { keep(&runtime().host.path, path); }
wchar_t* Py_GetProgramName() {
  const Config* c = runtime().config;
  if (c != nullptr && c->program_name != nullptr) return answer(0, c->program_name);
  return runtime().host.program_name;
}
wchar_t* Py_GetProgramFullPath() {
  const Config* c = runtime().config;
  return c != nullptr && c->executable != nullptr ? answer(1, c->executable) : nullptr;
}
wchar_t* Py_GetPrefix() {
  const Config* c = runtime().config;
  return c != nullptr ? answer(2, c->prefix != nullptr ? c->prefix : "/usr") : nullptr;
}
wchar_t* Py_GetExecPrefix() { return Py_GetPrefix(); }
wchar_t* Py_GetPythonHome() { return runtime().host.home; }
wchar_t* Py_GetPath() {
  if (runtime().host.path != nullptr) return runtime().host.path;
  return runtime().config != nullptr ? answer(3, ATOLL_STDLIB_DIR ":" ATOLL_STDLIB_DIR "/lib-dynload") : nullptr;
}
const char* Py_GetCopyright() { return "Copyright (c) 2026 The Atoll developers. MIT licence."; }

PyOS_sighandler_t PyOS_getsig(int number) {
  struct sigaction action;
  return sigaction(number, nullptr, &action) == 0 ? action.sa_handler : SIG_ERR;
}
PyOS_sighandler_t PyOS_setsig(int number, PyOS_sighandler_t handler) {
  struct sigaction action {}, old;
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_ONSTACK;
  return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}
