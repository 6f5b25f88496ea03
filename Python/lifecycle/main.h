// What the python command does once it knows its configuration. The one header through which Modules/main.cc sees the
// lifecycle.
#pragma once

#include "Python/runtime/config.h"

namespace atl {

void print_version(bool long_form);
// Brings everything up, runs the program, brings everything down. The exit status.
int run_main(const Config& config);

}  // namespace atl
