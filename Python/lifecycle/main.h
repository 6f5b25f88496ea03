// What the python command does once it knows its configuration. The one header through which Modules/main.cc sees the
// lifecycle.
#pragma once

#include "Python/runtime/config.h"

namespace atl {

void print_version(bool long_form);
// Brings everything up, runs the program, brings everything down. The exit status.
int run_main(const Config& config);
// The program that a configuration names, in the runtime that is up; then its end.
int run_configured(const Config& config);
// The python command with these arguments. The exit status.
int program_main(int argc, char** argv);

}  // namespace atl
