// See frozen.h.
#include "Python/import/frozen.h"

#include <cstdio>

#include "Objects/str/str.h"
#include "Python/import/library.h"
#include "Python/import/upcalls.h"
#include "atoll_config.h"

namespace atl {

namespace {

constexpr const char* kHelloOnly = "initialized = True\n\n\ndef main():\n    print('Hello world!')\n\n\nif __name__ == '__main__':\n    main()\n";

#define LIBRARY(name, file) \
  { name, name, file, nullptr, false, false }

constexpr FrozenModule kModules[] = {
    {"_frozen_importlib", "importlib._bootstrap", "importlib/_bootstrap.py", nullptr, false, true},
    {"_frozen_importlib_external", "importlib._bootstrap_external", "importlib/_bootstrap_external.py", nullptr, false, true},
    {"zipimport", "zipimport", "zipimport.py", nullptr, false, true},
    LIBRARY("abc", "abc.py"),
    LIBRARY("codecs", "codecs.py"),
    LIBRARY("io", "io.py"),
    LIBRARY("_collections_abc", "_collections_abc.py"),
    LIBRARY("_sitebuiltins", "_sitebuiltins.py"),
    LIBRARY("genericpath", "genericpath.py"),
    LIBRARY("ntpath", "ntpath.py"),
    LIBRARY("posixpath", "posixpath.py"),
    {"os.path", "posixpath", "posixpath.py", nullptr, false, false},
    LIBRARY("os", "os.py"),
    LIBRARY("site", "site.py"),
    LIBRARY("stat", "stat.py"),
    LIBRARY("importlib.util", "importlib/util.py"),
    LIBRARY("importlib.machinery", "importlib/machinery.py"),
    LIBRARY("runpy", "runpy.py"),
    LIBRARY("__hello__", "__hello__.py"),
    {"__hello_alias__", "__hello__", "__hello__.py", nullptr, false, false},
    {"__phello_alias__", "__hello__", "__hello__.py", nullptr, true, false},
    {"__phello_alias__.spam", "__hello__", "__hello__.py", nullptr, false, false},
    {"__phello__", "__phello__", "__phello__/__init__.py", nullptr, true, false},
    {"__phello__.__init__", "<__phello__", "__phello__/__init__.py", nullptr, false, false},
    // The library's packages leave these two out; they are empty.
    {"__phello__.ham", "__phello__.ham", nullptr, "", true, false},
    {"__phello__.ham.__init__", "<__phello__.ham", nullptr, "", false, false},
    {"__phello__.ham.eggs", "__phello__.ham.eggs", nullptr, "", false, false},
    LIBRARY("__phello__.spam", "__phello__/spam.py"),
    {"__hello_only__", nullptr, nullptr, kHelloOnly, false, false},
    {nullptr, nullptr, nullptr, nullptr, false, false}};

}  // namespace

const FrozenModule* frozen_modules() { return kModules; }

const FrozenModule* find_frozen_module(PyObject* name) {
  if (!is_str(name)) return nullptr;
  for (const FrozenModule* m = kModules; m->name != nullptr; ++m) {
    if (str_equals_ascii(name, m->name)) return m;
  }
  return nullptr;
}

Ref<> frozen_code(ThreadState& ts, const FrozenModule& m) {
  const char* shown = m.origin == nullptr ? m.name : m.origin + (m.origin[0] == '<');
  if (m.file != nullptr) {
    char path[4096];
    std::snprintf(path, sizeof path, "%s/%s", ATOLL_STDLIB_DIR, m.file);
    Ref<> filename = str_format(ts, "<frozen %s>", shown);
    return filename ? library_code(ts, path, filename.get()) : Ref<>();
  }
  return compile_library_text(ts, m.text, shown);
}

}  // namespace atl
