// The command line: options, what to run, its arguments. What it says goes into the configuration.
#include "Python/lifecycle/command_line.h"

#include <unistd.h>

#include <climits>
#include <cstring>

#include "Python/lifecycle/main.h"

namespace atl {
namespace {

constexpr const char* kUsage = "usage: %s [option] ... [-c cmd | -m mod | file | -] [arg] ...\n";

constexpr const char* kHelp =
    "Options and arguments (and corresponding environment variables):\n"
    "-b     : issue warnings about str(bytes_instance), str(bytearray_instance)\n"
    "         and comparing bytes/bytearray with str (-bb: errors)\n"
    "-B     : don't write .pyc files on import; also PYTHONDONTWRITEBYTECODE=x\n"
    "-c cmd : program passed in as string (ends the option list)\n"
    "-d     : debug output of the parser (accepted, without effect)\n"
    "-E     : ignore PYTHON* environment variables\n"
    "-h     : print this help and exit (also -? or --help)\n"
    "-i     : inspect interactively after running the script; also PYTHONINSPECT=x\n"
    "-I     : isolate from the user's environment (implies -E, -P and -s)\n"
    "-m mod : run a library module as a script (ends the option list)\n"
    "-O     : remove assert statements and code that depends on __debug__; also PYTHONOPTIMIZE=x\n"
    "-OO    : the same and discard docstrings\n"
    "-P     : don't prepend a potentially unsafe path to sys.path; also PYTHONSAFEPATH\n"
    "-q     : no version and copyright messages on interactive start\n"
    "-s     : don't add the user's site directory to sys.path; also PYTHONNOUSERSITE\n"
    "-S     : don't imply 'import site' on initialization\n"
    "-u     : unbuffered stdout and stderr; also PYTHONUNBUFFERED=x\n"
    "-v     : trace import statements; also PYTHONVERBOSE=x\n"
    "-V     : print the version and exit (also --version; twice: with more information)\n"
    "-W arg : warning control; arg is action:message:category:module:lineno; also PYTHONWARNINGS=arg\n"
    "-x     : skip the first line of the source\n"
    "-X opt : set an implementation-specific option (see --help-xoptions)\n"
    "--check-hash-based-pycs always|default|never:\n"
    "         control how the interpreter validates hash-based .pyc files\n"
    "--help-env: help on the environment variables; --help-xoptions: on -X;\n"
    "         --help-all: everything\n"
    "file   : program read from script file\n"
    "-      : program read from stdin (default; interactive mode if a tty)\n"
    "arg ...: arguments passed to program in sys.argv[1:]\n";

constexpr const char* kHelpEnv =
    "Environment variables:\n"
    "PYTHONSTARTUP : file that runs when the interpreter starts interactively\n"
    "PYTHONPATH    : directories, separated by ':', in front of the default sys.path\n"
    "PYTHONHOME    : where the standard library is looked for (accepted; Atoll\n"
    "                knows its library's place since it was built)\n"
    "PYTHONPLATLIBDIR: name of the platform's library directory\n"
    "PYTHONUTF8    : UTF-8 mode\n"
    "PYTHONIOENCODING: encoding[:errors] of stdin, stdout and stderr\n"
    "PYTHONFAULTHANDLER: show tracebacks of crashes (-X faulthandler)\n"
    "PYTHONHASHSEED: 'random', or the number that seeds the hashes of str and bytes\n"
    "PYTHONINTMAXSTRDIGITS: limit of digits in conversions of int\n"
    "PYTHONBREAKPOINT: what breakpoint() calls; 0: nothing\n"
    "PYTHONDEVMODE : development mode (-X dev)\n"
    "PYTHONPYCACHEPREFIX: root of a tree of its own for .pyc files\n"
    "PYTHONWARNDEFAULTENCODING: warn where the locale's encoding is the default\n"
    "PYTHONDEBUG, PYTHONDONTWRITEBYTECODE, PYTHONINSPECT, PYTHONNOUSERSITE,\n"
    "PYTHONOPTIMIZE, PYTHONSAFEPATH, PYTHONUNBUFFERED, PYTHONVERBOSE,\n"
    "PYTHONWARNINGS: as the options -d -B -i -s -O -P -u -v -W\n";

constexpr const char* kHelpXoptions =
    "The following implementation-specific options are available:\n"
    "-X dev            : development mode: more checks, warnings shown by default\n"
    "-X faulthandler   : show tracebacks of crashes\n"
    "-X frozen_modules=on|off: take the modules that start-up needs straight from\n"
    "                    the library, not by a search on sys.path (default: on)\n"
    "-X importtime     : show how long each import takes\n"
    "-X int_max_str_digits=N: limit of digits in conversions of int; 0: none\n"
    "-X isolation=check: objects that all interpreters share lie on read-only pages;\n"
    "                    a write to one ends the process with a traceback\n"
    "-X no_debug_ranges: no columns in code objects and tracebacks\n"
    "-X pycache_prefix=PATH: write .pyc files to a tree of its own\n"
    "-X utf8[=0|1]     : UTF-8 mode\n"
    "-X warn_default_encoding: warn where the locale's encoding is the default\n";

// Options of one letter, with those that take an argument.
class CommandLine {
 public:
  CommandLine(Config* config, int argc, char** argv) : c_(config), argc_(argc), argv_(argv) {}

  // -1: go on; otherwise the exit status.
  int parse() {
    int i = 1;
    for (; i < argc_; ++i) {
      const char* a = argv_[i];
      if (a[0] != '-' || a[1] == 0) break;
      if (std::strcmp(a, "--") == 0) {
        ++i;
        break;
      }
      if (a[1] == '-') {
        int status = long_option(a, &i);
        if (status >= 0) return status;
        continue;
      }
      bool ends = false;
      for (const char* p = a + 1; *p != 0; ++p) {
        if (std::strchr("cmWX", *p) != nullptr) {
          const char* value = p[1] != 0 ? p + 1 : (i + 1 < argc_ ? argv_[++i] : nullptr);
          if (value == nullptr) {
            std::fprintf(stderr, "Argument expected for the -%c option\n", *p);
            return bad_usage();
          }
          if (*p == 'W') string_list_append(&c_->warn_options, value);
          if (*p == 'X') string_list_append(&c_->x_options, value);
          if (*p == 'c' || *p == 'm') {
            c_->run = *p == 'c' ? Config::Run::kCommand : Config::Run::kModule;
            c_->command = strdup(value);
            string_list_append(&c_->argv, *p == 'c' ? "-c" : "-m");
            ends = true;
          }
          break;
        }
        if (!letter(*p)) {
          std::fprintf(stderr, "Unknown option: -%c\n", *p);
          return bad_usage();
        }
      }
      if (ends) {
        ++i;
        break;
      }
    }
    if (c_->show_help) {
      std::printf(kUsage, argv_[0]);
      std::fputs(kHelp, stdout);
    }
    if (c_->show_help_env) std::fputs(kHelpEnv, stdout);
    if (c_->show_help_xoptions) std::fputs(kHelpXoptions, stdout);
    if (c_->show_help || c_->show_help_env || c_->show_help_xoptions) return 0;
    if (c_->show_version) {
      print_version(versions_ > 1);
      return 0;
    }
    if (c_->run == Config::Run::kNothing) {
      if (i < argc_ && std::strcmp(argv_[i], "-") != 0) {
        c_->run = Config::Run::kFile;
        c_->command = strdup(argv_[i]);
      } else {
        c_->run = Config::Run::kStdin;
      }
      string_list_append(&c_->argv, i < argc_ ? argv_[i] : "");
      ++i;
    }
    for (; i < argc_; ++i) string_list_append(&c_->argv, argv_[i]);
    for (int k = 0; k < argc_; ++k) string_list_append(&c_->orig_argv, argv_[k]);
    return -1;
  }

 private:
  int bad_usage() {
    std::fprintf(stderr, kUsage, argv_[0]);
    std::fprintf(stderr, "Try `python -h' for more information.\n");
    return 2;
  }

  int long_option(const char* a, int* i) {
    const bool all = std::strcmp(a, "--help-all") == 0;
    if (all || std::strcmp(a, "--help") == 0 || std::strcmp(a, "--help-env") == 0 || std::strcmp(a, "--help-xoptions") == 0) {
      if (all || a[6] == 0) c_->show_help = true;
      if (all || std::strcmp(a, "--help-env") == 0) c_->show_help_env = true;
      if (all || std::strcmp(a, "--help-xoptions") == 0) c_->show_help_xoptions = true;
      return -1;
    }
    if (std::strcmp(a, "--version") == 0) {
      c_->show_version = true;
      ++versions_;
      return -1;
    }
    if (std::strcmp(a, "--check-hash-based-pycs") == 0 && *i + 1 < argc_) {
      const char* v = argv_[++*i];
      if (std::strcmp(v, "always") != 0 && std::strcmp(v, "never") != 0 && std::strcmp(v, "default") != 0) {
        std::fprintf(stderr, "--check-hash-based-pycs must be one of 'default', 'always', or 'never'\n");
        return bad_usage();
      }
      c_->check_hash_pycs_mode = strdup(v);
      return -1;
    }
    std::fprintf(stderr, "unknown option %s\n", a);
    return bad_usage();
  }

  bool letter(char option) {
    switch (option) {
      case 'b':
        ++c_->bytes_warning;
        return true;
      case 'B':
        c_->dont_write_bytecode = 1;
        return true;
      case 'd':
        ++c_->debug;
        return true;
      case 'E':
        c_->use_environment = 0;
        return true;
      case 'h':
      case '?':
        c_->show_help = true;
        return true;
      case 'i':
        ++c_->inspect;
        ++c_->interactive;
        return true;
      case 'I':
        c_->isolated = 1;
        c_->use_environment = 0;
        return true;
      case 'O':
        ++c_->optimize;
        return true;
      case 'P':
        c_->safe_path = 1;
        return true;
      case 'q':
        ++c_->quiet;
        return true;
      case 'R':
        c_->ignore_hash_seed = true;
        return true;
      case 's':
        c_->no_user_site = 1;
        return true;
      case 'S':
        c_->no_site = 1;
        return true;
      case 't':
        return true;
      case 'u':
        c_->unbuffered = 1;
        return true;
      case 'v':
        ++c_->verbose;
        return true;
      case 'V':
        c_->show_version = true;
        ++versions_;
        return true;
      case 'x':
        c_->skip_first_line = 1;
        return true;
      default:
        return false;
    }
  }

  Config* c_;
  int argc_;
  char** argv_;
  int versions_ = 0;
};

}  // namespace

int config_read_command_line(Config* config, int argc, char** argv) { return CommandLine(config, argc, argv).parse(); }

// The executable's absolute path: as it was called, looked up in PATH where the name has no slash.
char* config_find_executable(const char* name) {
  if (std::strchr(name, '/') != nullptr) {
    if (name[0] == '/') return strdup(name);
    char cwd[PATH_MAX];
    if (getcwd(cwd, sizeof cwd) == nullptr) return strdup(name);
    while (name[0] == '.' && name[1] == '/') name += 2;
    char path[2 * PATH_MAX];
    std::snprintf(path, sizeof path, "%s/%s", cwd, name);
    return strdup(path);
  }
  const char* path = std::getenv("PATH");
  while (path != nullptr && *path != 0) {
    const char* end = std::strchr(path, ':');
    size_t n = end != nullptr ? static_cast<size_t>(end - path) : std::strlen(path);
    char candidate[PATH_MAX];
    std::snprintf(candidate, sizeof candidate, "%.*s/%s", static_cast<int>(n), path, name);
    if (access(candidate, X_OK) == 0) return strdup(candidate);
    path = end != nullptr ? end + 1 : nullptr;
  }
  return strdup("");
}

}  // namespace atl
