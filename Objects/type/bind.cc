// Arguments to parameters at run time, with 3.11's messages.
#include "Objects/type/bind.h"

#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/object.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

bool name_is(const ParamText& p, PyObject* name) {
  return is_str(name) && str_equals_ascii(name, std::string_view(p.name, p.name_size));
}

bool all_positional_only(const SignatureView& sig) { return sig.positional_only == sig.count; }

// "f expected 2 arguments, got 1": functions that take no names.
bool check_count(ThreadState& ts, const SignatureView& sig, Py_ssize_t n) {
  Py_ssize_t least = sig.required_positional, most = sig.count;
  if (n < least) {
    (void)raise(ts, PyExc_TypeError, "%s expected %s%zd argument%s, got %zd", sig.function, least == most ? "" : "at least ", least,
                least == 1 ? "" : "s", n);
    return false;
  }
  if (n > most) {
    (void)raise(ts, PyExc_TypeError, "%s expected %s%zd argument%s, got %zd", sig.function, least == most ? "" : "at most ", most,
                most == 1 ? "" : "s", n);
    return false;
  }
  return true;
}

// A keyword that is no parameter, or one given twice.
bool raise_bad_keyword(ThreadState& ts, const SignatureView& sig, PyObject* name, Py_ssize_t positional_given) {
  if (!is_str(name)) {
    (void)raise(ts, PyExc_TypeError, "keywords must be strings");
    return false;
  }
  for (unsigned i = sig.positional_only; i < sig.count; ++i) {
    if (name_is(sig.params[i], name) && static_cast<Py_ssize_t>(i) < positional_given) {
      (void)raise(ts, PyExc_TypeError, "argument for %.200s() given by name ('%U') and position (%d)", sig.function, name,
                  static_cast<int>(i + 1));
      return false;
    }
  }
  (void)raise(ts, PyExc_TypeError, "'%S' is an invalid keyword argument for %.200s()", name, sig.function);
  return false;
}

// The general case. next(i, &name, &value) gives keyword argument i.
template <class Next>
bool bind(ThreadState& ts, const SignatureView& sig, PyObject* const* args, Py_ssize_t n, Py_ssize_t nkw, Next next, PyObject** out) {
  const char* f = sig.function;
  Py_ssize_t count = sig.count;
  if (n + nkw > count) {
    (void)raise(ts, PyExc_TypeError, "%.200s() takes %s %zd %sargument%s (%zd given)", f, sig.positional == 0 && count == 0 ? "no" : "at most",
                count, n == 0 ? "keyword " : "", count == 1 ? "" : "s", n + nkw);
    return false;
  }
  if (n > sig.positional) {
    if (sig.positional == 0) {
      (void)raise(ts, PyExc_TypeError, "%.200s() takes no positional arguments", f);
    } else {
      (void)raise(ts, PyExc_TypeError, "%.200s() takes %s %zd positional argument%s (%zd given)", f,
                  sig.required_positional < sig.positional ? "at most" : "exactly", static_cast<Py_ssize_t>(sig.positional),
                  sig.positional == 1 ? "" : "s", n);
    }
    return false;
  }
  Py_ssize_t required_only = sig.required_positional < sig.positional_only ? sig.required_positional : sig.positional_only;
  if (n < required_only) {
    (void)raise(ts, PyExc_TypeError, "%.200s() takes %s %zd positional argument%s (%zd given)", f,
                required_only < sig.positional ? "at least" : "exactly", required_only, required_only == 1 ? "" : "s", n);
    return false;
  }
  Py_ssize_t i = 0;
  for (; i < n; ++i) out[i] = args[i];
  for (; i < count; ++i) out[i] = nullptr;
  PyObject* bad = nullptr;  // a missing argument is reported before a wrong name
  for (Py_ssize_t k = 0; k < nkw; ++k) {
    PyObject *name, *value;
    next(k, &name, &value);
    bool found = false;
    for (unsigned p = sig.positional_only; p < sig.count && !found; ++p) {
      if (!name_is(sig.params[p], name)) continue;
      if (out[p] != nullptr) break;
      out[p] = value;
      found = true;
    }
    if (!found && bad == nullptr) bad = name;
  }
  for (unsigned p = 0; p < sig.count; ++p) {
    if (out[p] == nullptr && sig.params[p].default_text == nullptr) {
      Ref<> name = str_from_ascii(ts, std::string_view(sig.params[p].name, sig.params[p].name_size));
      if (name) (void)raise(ts, PyExc_TypeError, "%.200s() missing required argument '%U' (pos %d)", f, name.get(), static_cast<int>(p + 1));
      return false;
    }
  }
  return bad == nullptr || raise_bad_keyword(ts, sig, bad, n);
}

}  // namespace

bool bind_arguments(ThreadState& ts, const SignatureView& sig, PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                    PyObject** out) {
  Py_ssize_t nkw = kwnames != nullptr ? tuple_size(kwnames) : 0;
  if (nkw == 0 && all_positional_only(sig)) {
    if (!check_count(ts, sig, n)) return false;
    Py_ssize_t i = 0;
    for (; i < n; ++i) out[i] = args[i];
    for (; i < sig.count; ++i) out[i] = nullptr;
    return true;
  }
  if (nkw == 0 && n <= sig.positional && n >= sig.required_positional && sig.required_keyword_only == 0) {
    Py_ssize_t i = 0;
    for (; i < n; ++i) out[i] = args[i];
    for (; i < sig.count; ++i) out[i] = nullptr;
    return true;
  }
  return bind(ts, sig, args, n, nkw,
              [&](Py_ssize_t k, PyObject** name, PyObject** value) {
                *name = tuple_peek(kwnames, k);
                *value = args[n + k];
              },
              out);
}

bool bind_tuple_and_dict(ThreadState& ts, const SignatureView& sig, PyObject* args, PyObject* kwargs, PyObject** out) {
  Py_ssize_t n = tuple_size(args);
  Py_ssize_t nkw = kwargs != nullptr ? dict_size(kwargs) : 0;
  if (all_positional_only(sig)) {
    if (nkw != 0) {
      (void)raise(ts, PyExc_TypeError, "%.200s() takes no keyword arguments", sig.function);
      return false;
    }
    return bind_arguments(ts, sig, tuple_items(args), n, nullptr, out);
  }
  Py_ssize_t pos = 0;
  return bind(ts, sig, tuple_items(args), n, nkw,
              [&](Py_ssize_t, PyObject** name, PyObject** value) { dict_next(kwargs, &pos, name, value); }, out);
}

// ---- converters --------------------------------------------------------------------------------------------------

Raised raise_bad_argument(ThreadState& ts, const ArgPlace& place, const char* expected, PyObject* given) {
  const SignatureView& sig = *place.sig;
  const ParamText& p = sig.params[place.index];
  if (p.kind == ParamKind::kPositionalOnly) {
    if (sig.count == 1) {
      return raise(ts, PyExc_TypeError, "%.200s() argument must be %.50s, not %.50s", sig.function, expected,
                   given == Py_None ? "None" : type_of(given)->tp_name);
    }
    return raise(ts, PyExc_TypeError, "%.200s() argument %d must be %.50s, not %.50s", sig.function, static_cast<int>(place.index + 1),
                 expected, given == Py_None ? "None" : type_of(given)->tp_name);
  }
  Ref<> name = str_from_ascii(ts, std::string_view(p.name, p.name_size));
  if (!name) return already_raised();
  return raise(ts, PyExc_TypeError, "%.200s() argument '%U' must be %.50s, not %.50s", sig.function, name.get(), expected,
               given == Py_None ? "None" : type_of(given)->tp_name);
}

bool convert_ssize(ThreadState& ts, PyObject* o, const ArgPlace&, Py_ssize_t* out) {
  if (ATOLL_LIKELY(is_exact_int(o) && int_is_compact(o))) {
    *out = int_compact_value(o);
    return true;
  }
  Ref<> index = number_index(ts, o);
  if (!index) return false;
  int overflow;
  *out = int_as_i64_overflow(index.get(), &overflow);
  if (overflow != 0) {
    (void)raise(ts, PyExc_OverflowError, "Python int too large to convert to C ssize_t");
    return false;
  }
  return true;
}

bool convert_int(ThreadState& ts, PyObject* o, const ArgPlace&, int* out) {
  Ref<> index = number_index(ts, o);
  if (!index) return false;
  int overflow;
  int64_t v = int_as_i64_overflow(index.get(), &overflow);
  if (overflow != 0 || v > INT32_MAX || v < INT32_MIN) {
    (void)raise(ts, PyExc_OverflowError, "Python int too large to convert to C int");
    return false;
  }
  *out = static_cast<int>(v);
  return true;
}

bool convert_bool(ThreadState& ts, PyObject* o, const ArgPlace&, bool* out) {
  Tri t = object_is_true(ts, o);
  *out = t == Tri::kTrue;
  return !failed(t);
}

bool convert_double(ThreadState& ts, PyObject* o, const ArgPlace&, double* out) {
  if (ATOLL_LIKELY(is_exact_float(o))) {
    *out = float_value(o);
    return true;
  }
  return !failed(float_as_double(ts, o, out));
}

bool convert_str(ThreadState& ts, PyObject* o, const ArgPlace& place, PyUnicodeObject** out) {
  if (!is_str(o)) {
    (void)raise_bad_argument(ts, place, "str", o);
    return false;
  }
  *out = reinterpret_cast<PyUnicodeObject*>(o);
  return true;
}

bool convert_buffer(ThreadState& ts, PyObject* o, const ArgPlace& place, BufferArg* out) {
  if (PyObject_GetBuffer(o, &out->view, PyBUF_SIMPLE) != 0) {
    out->view.obj = nullptr;
    return false;
  }
  if (!PyBuffer_IsContiguous(&out->view, 'C')) {
    (void)raise_bad_argument(ts, place, "contiguous buffer", o);
    return false;
  }
  return true;
}

}  // namespace atl
