// Reading a command line as the python command does.
#pragma once

#include "Python/runtime/config.h"

namespace atl {

// Fills in what the options and arguments say. -1: go on; otherwise the exit status, everything has been printed.
int config_read_command_line(Config* config, int argc, char** argv);
// The absolute path of a program as it was called, looked up in PATH where the name has no slash; malloc'ed.
char* config_find_executable(const char* name);

}  // namespace atl
