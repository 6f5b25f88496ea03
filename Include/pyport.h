/* Basic integer types, limits and compiler attributes that every other header uses. */
#ifndef ATOLL_PYPORT_H
#define ATOLL_PYPORT_H

#include "patchlevel.h"
#include "pyconfig.h"
#include "pymacro.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#if !defined(__GNUC__) || !defined(__x86_64__) || !defined(__linux__)
#error "Atoll's headers describe x86-64 Linux with a GCC compatible compiler"
#endif

/* Signed counterpart of size_t, and the type of hashes. */
typedef ssize_t Py_ssize_t;
typedef Py_ssize_t Py_ssize_clean_t;
typedef Py_ssize_t Py_hash_t;
typedef size_t Py_uhash_t;
typedef intptr_t Py_intptr_t;
typedef uintptr_t Py_uintptr_t;

#define SIZEOF_PY_HASH_T SIZEOF_SIZE_T
#define SIZEOF_PY_UHASH_T SIZEOF_SIZE_T

#define HAVE_LONG_LONG 1
#define PY_LONG_LONG long long
#define PY_INT32_T int32_t
#define PY_UINT32_T uint32_t
#define PY_INT64_T int64_t
#define PY_UINT64_T uint64_t

#define PY_LLONG_MIN LLONG_MIN
#define PY_LLONG_MAX LLONG_MAX
#define PY_ULLONG_MAX ULLONG_MAX
#define PY_SIZE_MAX SIZE_MAX
#define PY_SSIZE_T_MAX ((Py_ssize_t)(((size_t)-1) >> 1))
#define PY_SSIZE_T_MIN (-PY_SSIZE_T_MAX - 1)
#define PY_DWORD_MAX 4294967295U
#ifndef LONG_BIT
#define LONG_BIT 64
#endif
#define PYLONG_BITS_IN_DIGIT 30

/* Threads are always there. */
#ifndef WITH_THREAD
#define WITH_THREAD
#endif

#define PY_LITTLE_ENDIAN 1
#define PY_BIG_ENDIAN 0

#define PY_FORMAT_SIZE_T "z"

/* What a symbol of the interface looks like from outside. */
#define Py_EXPORTED_SYMBOL __attribute__((visibility("default")))
#define Py_IMPORTED_SYMBOL __attribute__((visibility("default")))
#define Py_LOCAL_SYMBOL __attribute__((visibility("hidden")))

#define PyAPI_FUNC(type) Py_EXPORTED_SYMBOL type
#define PyAPI_DATA(type) extern Py_EXPORTED_SYMBOL type
#ifdef __cplusplus
#define PyMODINIT_FUNC extern "C" Py_EXPORTED_SYMBOL PyObject *
#else
#define PyMODINIT_FUNC Py_EXPORTED_SYMBOL PyObject *
#endif

#define Py_DEPRECATED(since) __attribute__((__deprecated__))
#define _Py_NO_RETURN __attribute__((__noreturn__))
#define Py_ALWAYS_INLINE __attribute__((always_inline))
#define Py_NO_INLINE __attribute__((noinline))
#define Py_GCC_ATTRIBUTE(x) __attribute__(x)
#define Py_ALIGNED(x) __attribute__((aligned(x)))
#define Py_LL(x) x##LL
#define Py_ULL(x) x##ULL
#define Py_LOCAL(type) static type
#define Py_LOCAL_INLINE(type) static inline type
#define Py_VA_COPY va_copy
#define _Py_HOT_FUNCTION __attribute__((hot))
#define _Py_NO_SANITIZE_UNDEFINED __attribute__((no_sanitize_undefined))
#define _Py_COMP_DIAG_PUSH _Pragma("GCC diagnostic push")
#define _Py_COMP_DIAG_IGNORE_DEPR_DECLS _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"")
#define _Py_COMP_DIAG_POP _Pragma("GCC diagnostic pop")

/* Casts: one spelling for C and C++; _Py_STATIC_CAST is for arithmetic conversions. */
#define _Py_CAST(type, expr) ((type)(expr))
#ifdef __cplusplus
#define _Py_STATIC_CAST(type, expr) static_cast<type>(expr)
#define _Py_NULL nullptr
#else
#define _Py_STATIC_CAST(type, expr) ((type)(expr))
#define _Py_NULL NULL
#endif
#define Py_SAFE_DOWNCAST(value, wide, narrow) _Py_STATIC_CAST(narrow, (value))

/* Arithmetic shift to the right is what the supported compilers do. */
#define Py_ARITHMETIC_RIGHT_SHIFT(type, value, bits) ((value) >> (bits))
#define Py_FORCE_EXPANSION(x) x

/* Bracketed floating point traps once; generated code still says it. */
#ifndef Py_LIMITED_API
#define PyFPE_START_PROTECT(message, leave)
#define PyFPE_END_PROTECT(value)
#endif

#define Py_MEMCPY memcpy
#define Py_IS_NAN(x) isnan(x)
#define Py_IS_INFINITY(x) isinf(x)
#define Py_IS_FINITE(x) isfinite(x)
#define Py_HUGE_VAL HUGE_VAL
#define Py_NAN ((double)NAN)
#define Py_MATH_PI 3.14159265358979323846
#define Py_MATH_PIl 3.1415926535897932384626433832795029L
#define Py_MATH_E 2.7182818284590452354
#define Py_MATH_El 2.7182818284590452353602874713526625L
#define Py_MATH_TAU 6.2831853071795864769252867665590057683943L

#endif /* ATOLL_PYPORT_H */
