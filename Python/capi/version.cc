// C API: which Python this is, and how it was built.
#include <cstring>

#include "Python.h"
#include "patchlevel.h"

extern "C" {
PyAPI_DATA(const unsigned long) Py_Version;
const unsigned long Py_Version = PY_VERSION_HEX;
}

// Texts for as long as the process lives.
const char* Py_GetVersion() { return PY_VERSION " (main, " __DATE__ ", " __TIME__ ") [Atoll " ATOLL_VERSION ", GCC " __VERSION__ "]"; }
const char* Py_GetPlatform() { return "linux"; }
const char* Py_GetCompiler() { return "[Atoll " ATOLL_VERSION ", GCC " __VERSION__ "]"; }
const char* Py_GetBuildInfo() { return "main, " __DATE__ ", " __TIME__; }
