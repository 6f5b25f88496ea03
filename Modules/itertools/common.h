// The files of itertools share this. The types are static and shared by all interpreters: they hold no state.
#pragma once

#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"

namespace atl {

#define ATOLL_ITERTOOLS_REDUCE(fn) ATOLL_METHOD_PLAIN(fn, "__reduce__", "($self, /)", "Helper for pickle.")
#define ATOLL_ITERTOOLS_SETSTATE(fn) ATOLL_METHOD_PLAIN(fn, "__setstate__", "($self, state, /)", "Helper for pickle.")

inline constexpr unsigned long kItertoolsFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE;

// "state is not a tuple", or that it has another size.
inline Status check_state(ThreadState& ts, PyObject* state, Py_ssize_t size) {
  if (!is_tuple(state)) return raise(ts, PyExc_TypeError, "state is not a tuple");
  if (tuple_size(state) == size) return Status::kOk;
  return raise(ts, PyExc_TypeError, "function takes exactly %zd argument%s (%zd given)", size, size == 1 ? "" : "s", tuple_size(state));
}

}  // namespace atl
