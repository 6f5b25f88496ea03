// The process's configuration: command line, environment, embedder's wishes. Filled before the runtime comes up and
// then sealed; sys.flags and friends are made from it.
#pragma once

#include "Python/runtime/base.h"

namespace atl {

struct StringList {
  char** items = nullptr;  // malloc'ed strings
  size_t size = 0;
};
bool string_list_append(StringList* list, const char* text);
void string_list_clear(StringList* list);

struct Config {
  // what to run
  enum class Run { kNothing, kCommand, kModule, kFile, kStdin } run = Run::kNothing;
  char* command = nullptr;   // -c text, -m name, or the file's path
  StringList argv;           // sys.argv
  StringList orig_argv;      // sys.orig_argv
  StringList warn_options;   // -W and PYTHONWARNINGS
  StringList x_options;      // -X
  char* executable = nullptr;
  char* program_name = nullptr;
  char* prefix = nullptr;
  char* python_path = nullptr;   // PYTHONPATH
  char* pycache_prefix = nullptr;
  char* platlibdir = nullptr;
  char* stdio_encoding = nullptr;
  char* stdio_errors = nullptr;
  char* check_hash_pycs_mode = nullptr;
  bool search_paths_set = false;
  StringList search_paths;       // sys.path as a host has said it, when it has

  int isolated = 0;
  int use_environment = 1;
  int no_user_site = 0;
  int no_site = 0;
  int optimize = 0;
  int verbose = 0;
  int quiet = 0;
  int inspect = 0;
  int interactive = 0;
  int bytes_warning = 0;
  int dont_write_bytecode = 0;
  int unbuffered = 0;
  int debug = 0;
  int hash_randomization = 1;
  unsigned long hash_seed = 0;
  bool use_hash_seed = false;
  bool ignore_hash_seed = false;
  int dev_mode = 0;
  int utf8_mode = 0;
  int safe_path = 0;
  int warn_default_encoding = 0;
  int import_time = 0;
  int faulthandler = 0;
  int tracemalloc = 0;
  bool isolation_check = false;  // -X isolation=check
  int code_debug_ranges = 1;
  int install_signal_handlers = 1;
  int skip_first_line = 0;
  int int_max_str_digits = -1;
  bool show_version = false;
  bool show_help = false;
  bool show_help_env = false;
  bool show_help_xoptions = false;
};

// Reads the environment (unless isolated) into what the command line left open. False with a message on stderr.
bool config_read_environment(Config* config);
void config_clear(Config* config);
const char* config_xoption(const Config& config, const char* name);  // value, "" when given without one, or NULL

}  // namespace atl
