/* Atoll's version, and which objects are immortal. */
#ifndef ATOLL_IMMORTAL_H
#define ATOLL_IMMORTAL_H

#include "pyport.h"

#define ATOLL_VERSION "0.1.0"
#define ATOLL_VERSION_MAJOR 0
#define ATOLL_VERSION_MINOR 1

/* An object is immortal when the upper half of its 64-bit reference count is not zero. A new immortal
   object starts in the middle of that range, so that code compiled elsewhere, which counts without
   looking, can never bring it down. */
#define ATOLL_IMMORTAL_REFCNT ((Py_ssize_t)1 << 62)
#define ATOLL_IMMORTAL_SHIFT 32

#endif /* ATOLL_IMMORTAL_H */
