// The table of built-in modules (Modules/config.def).
#pragma once

#include "Python/import/upcalls.h"
