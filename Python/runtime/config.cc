#include "Python/runtime/config.h"

#include <cerrno>
#include <cstring>

namespace atl {

bool string_list_append(StringList* list, const char* text) {
  auto** grown = static_cast<char**>(std::realloc(list->items, (list->size + 1) * sizeof(char*)));
  if (grown == nullptr) return false;
  list->items = grown;
  list->items[list->size] = strdup(text);
  if (list->items[list->size] == nullptr) return false;
  ++list->size;
  return true;
}

void string_list_clear(StringList* list) {
  for (size_t i = 0; i < list->size; ++i) std::free(list->items[i]);
  std::free(list->items);
  *list = StringList{};
}

namespace {

const char* env(const char* name) {
  const char* v = std::getenv(name);
  return v != nullptr && *v != 0 ? v : nullptr;
}

// A flag variable: any text counts as 1, a number as itself; the command line wins when it says more.
void env_flag(const char* name, int* flag) {
  const char* v = env(name);
  if (v == nullptr) return;
  char* end;
  long n = std::strtol(v, &end, 10);
  int value = *end == 0 && n >= 0 && n < 1000000 ? static_cast<int>(n) : 1;
  if (value > *flag) *flag = value;
}

void env_text(const char* name, char** field) {
  const char* v = env(name);
  if (v != nullptr && *field == nullptr) *field = strdup(v);
}

bool read_hash_seed(Config* c) {
  // -R overrides PYTHONHASHSEED.
  const char* v = c->ignore_hash_seed ? nullptr : env("PYTHONHASHSEED");
  if (v == nullptr || std::strcmp(v, "random") == 0) return true;
  char* end;
  errno = 0;
  unsigned long n = std::strtoul(v, &end, 10);
  if (*end != 0 || n > 4294967295ul || errno == ERANGE || *v == '-') {
    std::fprintf(stderr, "Fatal Python error: config_init_hash_seed: PYTHONHASHSEED must be \"random\" or an integer in range [0; 4294967295]\n");
    return false;
  }
  c->use_hash_seed = true;
  c->hash_seed = n;
  if (n == 0) c->hash_randomization = 0;
  return true;
}

bool read_digits(const char* text, const char* what, Config* c) {
  char* end;
  errno = 0;
  long n = std::strtol(text, &end, 10);
  if (*end != 0 || *text == 0 || errno == ERANGE || n < 0 || (n != 0 && n < 640) || n > INT32_MAX) {
    std::fprintf(stderr, "Fatal Python error: config_init_int_max_str_digits: %s: invalid limit; must be >= 640 or 0 for unlimited.\n", what);
    return false;
  }
  c->int_max_str_digits = static_cast<int>(n);
  return true;
}

}  // namespace

const char* config_xoption(const Config& c, const char* name) {
  size_t n = std::strlen(name);
  for (size_t i = 0; i < c.x_options.size; ++i) {
    const char* x = c.x_options.items[i];
    if (std::strncmp(x, name, n) != 0) continue;
    if (x[n] == 0) return "";
    if (x[n] == '=') return x + n + 1;
  }
  return nullptr;
}

bool config_read_environment(Config* c) {
  if (const char* v = config_xoption(*c, "int_max_str_digits")) {
    if (!read_digits(v, "-X int_max_str_digits", c)) return false;
  }
  if (config_xoption(*c, "dev") != nullptr) c->dev_mode = 1;
  if (const char* v = config_xoption(*c, "utf8")) {
    if (*v == 0 || std::strcmp(v, "1") == 0) {
      c->utf8_mode = 1;
    } else if (std::strcmp(v, "0") != 0) {
      std::fprintf(stderr, "Fatal Python error: preconfig_init_utf8_mode: invalid -X utf8 option value\n");
      return false;
    }
  }
  if (config_xoption(*c, "faulthandler") != nullptr) c->faulthandler = 1;
  if (const char* v = config_xoption(*c, "isolation")) {
    if (std::strcmp(v, "check") != 0) {
      std::fprintf(stderr, "Fatal Python error: config_init: invalid value of option -X isolation (expected \"check\")\n");
      return false;
    }
    c->isolation_check = true;
  }
  if (config_xoption(*c, "importtime") != nullptr) c->import_time = 1;
  if (config_xoption(*c, "no_debug_ranges") != nullptr) c->code_debug_ranges = 0;
  if (config_xoption(*c, "warn_default_encoding") != nullptr) c->warn_default_encoding = 1;
  const char* pycache_prefix = config_xoption(*c, "pycache_prefix");
  if (pycache_prefix != nullptr && *pycache_prefix != 0) c->pycache_prefix = strdup(pycache_prefix);
  if (const char* v = config_xoption(*c, "frozen_modules")) {
    if (*v != 0 && std::strcmp(v, "on") != 0 && std::strcmp(v, "off") != 0) {
      std::fprintf(stderr, "Fatal Python error: config_init_import: bad value for option -X frozen_modules (expected \"on\" or \"off\")\n");
      return false;
    }
  }
  if (c->use_environment) {
    env_flag("PYTHONDEBUG", &c->debug);
    env_flag("PYTHONVERBOSE", &c->verbose);
    env_flag("PYTHONOPTIMIZE", &c->optimize);
    env_flag("PYTHONINSPECT", &c->inspect);
    env_flag("PYTHONDONTWRITEBYTECODE", &c->dont_write_bytecode);
    env_flag("PYTHONUNBUFFERED", &c->unbuffered);
    env_flag("PYTHONNOUSERSITE", &c->no_user_site);
    env_flag("PYTHONSAFEPATH", &c->safe_path);
    env_flag("PYTHONDEVMODE", &c->dev_mode);
    env_flag("PYTHONUTF8", &c->utf8_mode);
    env_flag("PYTHONFAULTHANDLER", &c->faulthandler);
    env_flag("PYTHONPROFILEIMPORTTIME", &c->import_time);
    env_flag("PYTHONWARNDEFAULTENCODING", &c->warn_default_encoding);
    if (env("PYTHONNODEBUGRANGES") != nullptr) c->code_debug_ranges = 0;
    env_text("PYTHONPATH", &c->python_path);
    // -X pycache_prefix without a value switches off what the environment says.
    if (pycache_prefix == nullptr) env_text("PYTHONPYCACHEPREFIX", &c->pycache_prefix);
    env_text("PYTHONPLATLIBDIR", &c->platlibdir);
    if (c->int_max_str_digits < 0) {
      if (const char* v = env("PYTHONINTMAXSTRDIGITS")) {
        if (!read_digits(v, "PYTHONINTMAXSTRDIGITS", c)) return false;
      }
    }
    if (const char* v = env("PYTHONIOENCODING")) {
      const char* colon = std::strchr(v, ':');
      size_t n = colon != nullptr ? static_cast<size_t>(colon - v) : std::strlen(v);
      if (n != 0) c->stdio_encoding = strndup(v, n);
      if (colon != nullptr && colon[1] != 0) c->stdio_errors = strdup(colon + 1);
    }
    if (const char* v = env("PYTHONWARNINGS")) {
      // Before those of the command line, which win.
      StringList all;
      char* copy = strdup(v);
      for (char *save = nullptr, *p = strtok_r(copy, ",", &save); p != nullptr; p = strtok_r(nullptr, ",", &save)) {
        string_list_append(&all, p);
      }
      std::free(copy);
      for (size_t i = 0; i < c->warn_options.size; ++i) string_list_append(&all, c->warn_options.items[i]);
      string_list_clear(&c->warn_options);
      c->warn_options = all;
    }
    if (!read_hash_seed(c)) return false;
  }
  if (c->dev_mode) {
    c->faulthandler = 1;
    StringList all;
    string_list_append(&all, "default");
    for (size_t i = 0; i < c->warn_options.size; ++i) string_list_append(&all, c->warn_options.items[i]);
    string_list_clear(&c->warn_options);
    c->warn_options = all;
  }
  if (c->bytes_warning) string_list_append(&c->warn_options, c->bytes_warning > 1 ? "error::BytesWarning" : "default::BytesWarning");
  if (c->isolated) {
    c->no_user_site = 1;
    c->safe_path = 1;
  }
  return true;
}

void config_clear(Config* c) {
  for (char* p : {c->command, c->executable, c->program_name, c->prefix, c->python_path, c->pycache_prefix, c->platlibdir,
                  c->stdio_encoding, c->stdio_errors, c->check_hash_pycs_mode}) {
    std::free(p);
  }
  string_list_clear(&c->argv);
  string_list_clear(&c->orig_argv);
  string_list_clear(&c->warn_options);
  string_list_clear(&c->x_options);
  string_list_clear(&c->search_paths);
  *c = Config{};
}

}  // namespace atl
